"""The one place where fulfillment's objects are made and put together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import grpc

from lumbung.fulfillment.v1 import (
    bookings_pb2_grpc,
    couriers_pb2_grpc,
    events_pb2_grpc,
    measures_pb2_grpc,
    orders_pb2_grpc,
    packing_pb2_grpc,
    returns_pb2_grpc,
    shipments_pb2_grpc,
    slotting_pb2_grpc,
    terminal_pb2_grpc,
    waves_pb2_grpc,
)
from lumbung_fulfillment.clients.catalog import Catalog
from lumbung_fulfillment.clients.sizes import Sizes
from lumbung_fulfillment.clients.stock import Stock
from lumbung_fulfillment.domain.planner.warm import warm_up
from lumbung_fulfillment.entrypoints.bookings import BookingServicer
from lumbung_fulfillment.entrypoints.couriers import CourierServicer
from lumbung_fulfillment.entrypoints.desk import Desk
from lumbung_fulfillment.entrypoints.events import EventServicer
from lumbung_fulfillment.entrypoints.measures import MeasureServicer
from lumbung_fulfillment.entrypoints.orders import OrderServicer
from lumbung_fulfillment.entrypoints.packing import PackServicer
from lumbung_fulfillment.entrypoints.returns import ReturnServicer
from lumbung_fulfillment.entrypoints.scanning import Scanner
from lumbung_fulfillment.entrypoints.shipments import ShipmentServicer
from lumbung_fulfillment.entrypoints.slotting import SlottingServicer
from lumbung_fulfillment.entrypoints.stock_events import ACTOR, follow_stock
from lumbung_fulfillment.entrypoints.terminal import TerminalServicer
from lumbung_fulfillment.entrypoints.waves import WaveServicer
from lumbung_fulfillment.settings import FulfillmentSettings
from lumbung_fulfillment.usecases.send_bookings import BookingSender
from lumbung_fulfillment.usecases.send_replenishments import ReplenishmentSender
from lumbung_fulfillment.usecases.suggest_putaway import SlottingSources
from lumbung_kit.clients import open_channel
from lumbung_kit.events import EventLog
from lumbung_kit.migrations import migrations_of, require_current
from lumbung_kit.postgres import Postgres
from lumbung_kit.serving import App, Loop, Service

NAME = "fulfillment"
SCHEMA = "fulfillment"
PACKAGE = "lumbung.fulfillment.v1"


async def build(settings: FulfillmentSettings, stack: AsyncExitStack) -> App:
    """The service, with its connections open until the stack is closed."""
    postgres = Postgres(settings.postgres_url.get_secret_value(), name=NAME, schema=SCHEMA)
    await postgres.open()
    stack.push_async_callback(postgres.close)
    await require_current(postgres, [migrations_of("lumbung_fulfillment")])
    await asyncio.to_thread(warm_up)  # who asks for a wave does not wait for a compiler
    stock_channel = await stack.enter_async_context(open_channel(settings.stock_target, actor=ACTOR))
    catalog_channel = await stack.enter_async_context(open_channel(settings.catalog_target, actor=ACTOR))
    log = EventLog(postgres)
    stock = Stock(stock_channel)
    sender = BookingSender(postgres, stock, log)
    desk = Desk(postgres, log, sender)
    catalog = Catalog(catalog_channel)
    scanner = Scanner(desk, catalog)
    sizes = Sizes(catalog.sizes)
    carrying = ReplenishmentSender(postgres, stock)
    slotting = SlottingServicer(
        desk,
        SlottingSources(postgres, stock, catalog),
        scanner,
        carrying,
        timedelta(seconds=settings.replenishment_lease_s),
    )
    terminal = TerminalServicer(
        desk,
        stock,
        sizes,
        scanner,
        timedelta(seconds=settings.wave_lease_s),
        resource_short_picks=settings.resource_short_picks,
    )
    measures = MeasureServicer(desk, by_picker=settings.picker_measures)
    return App(
        services=_services(
            desk, WaveServicer(desk, stock, sizes), stock, scanner, log, terminal, slotting, measures
        ),
        loops=[
            Loop("publish-events", log.run_publisher),
            Loop("follow-stock", follow_stock(postgres, stock_channel, log).run),
            Loop("send-bookings", sender.run),
            Loop("send-replenishments", carrying.run),
        ],
        ready=postgres.ping,
    )


def _services(
    desk: Desk,
    waves: WaveServicer,
    stock: Stock,
    scanner: Scanner,
    log: EventLog,
    terminal: TerminalServicer,
    slotting: SlottingServicer,
    measures: MeasureServicer,
) -> list[Service]:
    served: list[tuple[Callable[[Any, grpc.aio.Server], None], object, str]] = [
        (orders_pb2_grpc.add_OrderServiceServicer_to_server, OrderServicer(desk), "OrderService"),
        (couriers_pb2_grpc.add_CourierServiceServicer_to_server, CourierServicer(desk), "CourierService"),
        (waves_pb2_grpc.add_WaveServiceServicer_to_server, waves, "WaveService"),
        (terminal_pb2_grpc.add_TerminalServiceServicer_to_server, terminal, "TerminalService"),
        (packing_pb2_grpc.add_PackServiceServicer_to_server, PackServicer(desk, scanner), "PackService"),
        (shipments_pb2_grpc.add_ShipmentServiceServicer_to_server, ShipmentServicer(desk), "ShipmentService"),
        (returns_pb2_grpc.add_ReturnServiceServicer_to_server, ReturnServicer(desk, stock), "ReturnService"),
        (measures_pb2_grpc.add_MeasureServiceServicer_to_server, measures, "MeasureService"),
        (bookings_pb2_grpc.add_BookingServiceServicer_to_server, BookingServicer(desk), "BookingService"),
        (events_pb2_grpc.add_EventServiceServicer_to_server, EventServicer(log), "EventService"),
        (
            slotting_pb2_grpc.add_SlottingServiceServicer_to_server,
            slotting,
            "SlottingService",
        ),
    ]
    return [Service(add, servicer, f"{PACKAGE}.{name}") for add, servicer, name in served]
