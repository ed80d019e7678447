"""The one place where the catalog's objects are made and put together."""

from contextlib import AsyncExitStack
from functools import partial

from lumbung.catalog.v1 import (
    barcodes_pb2_grpc,
    bundles_pb2_grpc,
    events_pb2_grpc,
    imports_pb2_grpc,
    products_pb2_grpc,
    skus_pb2_grpc,
)
from lumbung_catalog.clients.listings import Listings
from lumbung_catalog.clients.stock import StockUse
from lumbung_catalog.entrypoints.barcodes import BarcodeServicer
from lumbung_catalog.entrypoints.bundles import BundleServicer
from lumbung_catalog.entrypoints.desk import Desk
from lumbung_catalog.entrypoints.events import EventServicer
from lumbung_catalog.entrypoints.imports import ImportServicer
from lumbung_catalog.entrypoints.products import ProductServicer
from lumbung_catalog.entrypoints.skus import SkuServicer
from lumbung_catalog.settings import CatalogSettings
from lumbung_catalog.usecases.seal_sku import SealSku
from lumbung_catalog.usecases.sign_names import sign_names
from lumbung_kit.clients import open_channel
from lumbung_kit.events import EventLog
from lumbung_kit.loops import every
from lumbung_kit.migrations import migrations_of, require_current
from lumbung_kit.postgres import Postgres
from lumbung_kit.serving import App, Loop, Service

NAME = "catalog"
SCHEMA = "catalog"
ACTOR = "service:catalog"
SIGN_INTERVAL_S = 60.0
"""The version before this one may write names without a signature as long as it runs beside it."""


async def build(settings: CatalogSettings, stack: AsyncExitStack) -> App:
    """The service, with its connections open until the stack is closed."""
    postgres = Postgres(settings.postgres_url.get_secret_value(), name=NAME, schema=SCHEMA)
    await postgres.open()
    stack.push_async_callback(postgres.close)
    await require_current(postgres, [migrations_of("lumbung_catalog")])
    log = EventLog(postgres)
    desk = Desk(postgres, log)
    return App(
        services=_services(desk, log, await _seal(settings, stack, postgres)),
        loops=[
            Loop("publish-events", log.run_publisher),
            Loop("sign-names", partial(every, SIGN_INTERVAL_S, partial(sign_names, postgres))),
        ],
        ready=postgres.ping,
    )


async def _seal(settings: CatalogSettings, stack: AsyncExitStack, postgres: Postgres) -> SealSku:
    """Who is asked whether a SKU is used."""
    channels = {
        target: await stack.enter_async_context(open_channel(target, actor=ACTOR))
        for target in (settings.stock_target, settings.channel_sync_target)
        if target
    }
    stock = channels.get(settings.stock_target)
    return SealSku(
        postgres,
        StockUse(stock) if stock is not None else None,
        Listings(channels.get(settings.channel_sync_target)),
    )


def _services(desk: Desk, log: EventLog, seal: SealSku) -> list[Service]:
    return [
        Service(
            products_pb2_grpc.add_ProductServiceServicer_to_server,
            ProductServicer(desk),
            "lumbung.catalog.v1.ProductService",
        ),
        Service(
            skus_pb2_grpc.add_SkuServiceServicer_to_server,
            SkuServicer(desk, seal),
            "lumbung.catalog.v1.SkuService",
        ),
        Service(
            barcodes_pb2_grpc.add_BarcodeServiceServicer_to_server,
            BarcodeServicer(desk),
            "lumbung.catalog.v1.BarcodeService",
        ),
        Service(
            bundles_pb2_grpc.add_BundleServiceServicer_to_server,
            BundleServicer(desk),
            "lumbung.catalog.v1.BundleService",
        ),
        Service(
            imports_pb2_grpc.add_ImportServiceServicer_to_server,
            ImportServicer(desk),
            "lumbung.catalog.v1.ImportService",
        ),
        Service(
            events_pb2_grpc.add_EventServiceServicer_to_server,
            EventServicer(log),
            "lumbung.catalog.v1.EventService",
        ),
    ]
