"""The channel-sync service, wired: the only place where its objects are made."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass

import httpx

from lumbung.channel_sync.v1 import (
    channel_orders_pb2_grpc,
    channels_pb2_grpc,
    events_pb2_grpc,
    listings_pb2_grpc,
    sync_status_pb2_grpc,
)
from lumbung_channel_sync.clients.secrets import BadSecretsFile, Secrets
from lumbung_channel_sync.clients.stock import Stock
from lumbung_channel_sync.connectors.pool import ConnectorPool
from lumbung_channel_sync.entrypoints.bells import Bells
from lumbung_channel_sync.entrypoints.channel_order_service import ChannelOrderService
from lumbung_channel_sync.entrypoints.channel_service import ChannelService, Mutations
from lumbung_channel_sync.entrypoints.event_service import EventService
from lumbung_channel_sync.entrypoints.http_server import HttpServer
from lumbung_channel_sync.entrypoints.listing_service import ListingService
from lumbung_channel_sync.entrypoints.loops import ChannelLoop, DeliveryLoop, ReconcileLoop
from lumbung_channel_sync.entrypoints.sync_status_service import SyncStatusService
from lumbung_channel_sync.entrypoints.webhooks import Webhooks
from lumbung_channel_sync.settings import ChannelSyncSettings
from lumbung_channel_sync.stores import answers, sync
from lumbung_channel_sync.stores.channel_directory import ChannelDirectory
from lumbung_channel_sync.usecases.call_platform import PlatformCaller
from lumbung_channel_sync.usecases.cancel_order import OrderCanceller
from lumbung_channel_sync.usecases.follow_stock import follow_stock
from lumbung_channel_sync.usecases.push_figures import FigurePusher
from lumbung_channel_sync.usecases.receive_delivery import DeliveryReceiver
from lumbung_channel_sync.usecases.reconcile_figures import Reconciler
from lumbung_channel_sync.usecases.settle_orders import OrderSettler
from lumbung_channel_sync.usecases.take_order import OrderTaker
from lumbung_channel_sync.usecases.tell_channels import AnswerSender
from lumbung_channel_sync.usecases.work_delivery import DeliveryWorker
from lumbung_kit.clients import open_channel
from lumbung_kit.events import Consumer, EventLog
from lumbung_kit.migrations import migrations_of, require_current
from lumbung_kit.postgres import Postgres
from lumbung_kit.serving import App, CannotStart, Loop, Service

NAME = "channel-sync"
SCHEMA = "channel_sync"
CONNECTIONS_MAX = 12
HTTP_CONNECTIONS_MAX = 64


@dataclass(frozen=True, slots=True)
class Parts:
    """What everything else stands on."""

    postgres: Postgres
    secrets: Secrets
    stock: Stock
    caller: PlatformCaller
    reconciler: Reconciler
    directory: ChannelDirectory
    bells: Bells


@dataclass(frozen=True, slots=True)
class Assembled:
    """The app, and where its webhooks are taken."""

    app: App
    webhooks: HttpServer


async def build(settings: ChannelSyncSettings, stack: AsyncExitStack) -> App:
    """The app; what it opens is closed by `stack`."""
    return (await assemble(settings, stack)).app


async def assemble(settings: ChannelSyncSettings, stack: AsyncExitStack) -> Assembled:
    """As build, with the address of the webhooks for those who did not choose it."""
    parts = await _open(settings, stack)
    receiver = DeliveryReceiver(parts.postgres, parts.bells.deliveries.ring)
    stack.push_async_callback(receiver.close)
    webhooks = HttpServer(
        "webhooks",
        Webhooks(parts.directory, parts.secrets, receiver, settings.webhook_body_max_bytes).app(),
        settings.webhook_listen,
    )
    await webhooks.start()
    stack.push_async_callback(webhooks.stop)
    app = App(services=_services(parts), loops=_loops(settings, parts, stack), ready=parts.postgres.ping)
    return Assembled(app, webhooks)


async def _open(settings: ChannelSyncSettings, stack: AsyncExitStack) -> Parts:
    secrets = Secrets(settings.secrets_file)
    try:
        secrets.read_if_changed()
    except BadSecretsFile as problem:
        raise CannotStart(f"LUMBUNG_CHANNEL_SYNC_SECRETS_FILE: {problem}.") from problem
    postgres = Postgres(
        settings.postgres_url.get_secret_value(), name=NAME, schema=SCHEMA, max_size=CONNECTIONS_MAX
    )
    await postgres.open()
    stack.push_async_callback(postgres.close)
    await require_current(postgres, [migrations_of("lumbung_channel_sync")])
    channel = open_channel(settings.stock_target, actor="service:channel-sync")
    stack.push_async_callback(channel.close)
    client = httpx.AsyncClient(
        limits=httpx.Limits(max_connections=HTTP_CONNECTIONS_MAX),
        timeout=settings.platform_timeout_s,
        follow_redirects=False,
        trust_env=False,
    )
    stack.push_async_callback(client.aclose)
    caller = PlatformCaller(postgres, ConnectorPool(client, secrets.get, settings.platform_timeout_s))
    return Parts(
        postgres=postgres,
        secrets=secrets,
        stock=Stock(channel),
        caller=caller,
        reconciler=Reconciler(postgres, caller, settings.second_look_s),
        directory=ChannelDirectory(postgres),
        bells=Bells(EventLog(postgres)),
    )


def _services(parts: Parts) -> list[Service]:
    mutations = Mutations(parts.postgres, parts.bells, parts.directory)
    package = "lumbung.channel_sync.v1"
    return [
        Service(
            channels_pb2_grpc.add_ChannelServiceServicer_to_server,
            ChannelService(mutations, parts.secrets, parts.caller),
            f"{package}.ChannelService",
        ),
        Service(
            listings_pb2_grpc.add_ListingServiceServicer_to_server,
            ListingService(mutations, parts.stock),
            f"{package}.ListingService",
        ),
        Service(
            sync_status_pb2_grpc.add_SyncStatusServiceServicer_to_server,
            SyncStatusService(mutations, parts.reconciler),
            f"{package}.SyncStatusService",
        ),
        Service(
            channel_orders_pb2_grpc.add_ChannelOrderServiceServicer_to_server,
            ChannelOrderService(mutations),
            f"{package}.ChannelOrderService",
        ),
        Service(
            events_pb2_grpc.add_EventServiceServicer_to_server,
            EventService(parts.bells.log),
            f"{package}.EventService",
        ),
    ]


def _loops(settings: ChannelSyncSettings, parts: Parts, stack: AsyncExitStack) -> list[Loop]:
    postgres, bells = parts.postgres, parts.bells
    settler = OrderSettler(postgres, bells.settled)
    stack.push_async_callback(settler.close)
    worker = DeliveryWorker(
        postgres,
        OrderTaker(postgres, parts.stock, settler),
        OrderCanceller(postgres, parts.stock),
        bells.settled,
    )
    pusher = FigurePusher(postgres, parts.stock, parts.caller)
    sender = AnswerSender(postgres, parts.caller)
    consumer = Consumer(
        name="stock",
        postgres=postgres,
        subscribe=parts.stock.subscribe,
        apply=follow_stock,
        after_commit=bells.settled,
    )

    async def due_channels() -> list[str]:
        async with postgres.connection() as conn:
            return await sync.due_channels(conn)

    async def channels_to_tell() -> list[str]:
        async with postgres.connection() as conn:
            return await answers.waiting_channels(conn)

    async def tell(channel_code: str) -> int:
        sent = await sender.send_waiting(channel_code)
        bells.figures.ring()
        return sent

    figures = ChannelLoop(
        "push figures", due_channels, pusher.push_due, bells.figures, settings.push_interval_s
    )
    telling = ChannelLoop("tell channels", channels_to_tell, tell, bells.answers)
    deliveries = DeliveryLoop(
        postgres, worker, settings.instance, settings.orders_in_flight_max, bells.deliveries
    )
    comparing = ReconcileLoop(
        postgres, parts.directory, parts.reconciler, bells.figures, settings.reconcile_interval_s
    )
    return [
        Loop("publish events", bells.log.run_publisher),
        Loop("follow stock", consumer.run),
        Loop("work deliveries", deliveries.run),
        Loop("push figures", figures.run),
        Loop("tell channels", telling.run),
        Loop("reconcile figures", comparing.run),
    ]
