"""The four services as a client sees them."""

from __future__ import annotations

from types import TracebackType

from lumbung.catalog.v1 import imports_pb2_grpc, products_pb2_grpc, skus_pb2_grpc
from lumbung.channel_sync.v1 import (
    channel_orders_pb2_grpc,
    channels_pb2_grpc,
    listings_pb2_grpc,
    sync_status_pb2_grpc,
)
from lumbung.fulfillment.v1 import (
    bookings_pb2_grpc,
    couriers_pb2_grpc,
    measures_pb2_grpc,
    orders_pb2_grpc,
    packing_pb2_grpc,
    returns_pb2_grpc,
    shipments_pb2_grpc,
    slotting_pb2_grpc,
    terminal_pb2_grpc,
    waves_pb2_grpc,
)
from lumbung.stock.v1 import (
    availability_pb2_grpc,
    events_pb2_grpc,
    flash_sales_pb2_grpc,
    inventory_pb2_grpc,
    receiving_pb2_grpc,
    reservations_pb2_grpc,
    shortfalls_pb2_grpc,
)
from lumbung_dev.local.addresses import Addresses
from lumbung_kit.clients import open_channel


class Services:
    """Every RPC service of Lumbung, called as one actor, between `async with` and its end."""

    def __init__(self, addresses: Addresses, *, actor: str) -> None:
        self.actor = actor
        catalog, stock, fulfillment, channel_sync = self._channels = [
            open_channel(address, actor=actor)
            for address in (
                addresses.catalog,
                addresses.stock,
                addresses.fulfillment,
                addresses.channel_sync,
            )
        ]
        self.products = products_pb2_grpc.ProductServiceStub(catalog)
        self.skus = skus_pb2_grpc.SkuServiceStub(catalog)
        self.imports = imports_pb2_grpc.ImportServiceStub(catalog)

        self.warehouses = inventory_pb2_grpc.WarehouseServiceStub(stock)
        self.inventory = inventory_pb2_grpc.InventoryServiceStub(stock)
        self.receiving = receiving_pb2_grpc.ReceivingServiceStub(stock)
        self.audit = inventory_pb2_grpc.AuditServiceStub(stock)
        self.availability = availability_pb2_grpc.AvailabilityServiceStub(stock)
        self.reservations = reservations_pb2_grpc.ReservationServiceStub(stock)
        self.flash_sales = flash_sales_pb2_grpc.FlashSaleServiceStub(stock)
        self.shortfalls = shortfalls_pb2_grpc.ShortfallServiceStub(stock)
        self.stock_events = events_pb2_grpc.EventServiceStub(stock)

        self.couriers = couriers_pb2_grpc.CourierServiceStub(fulfillment)
        self.orders = orders_pb2_grpc.OrderServiceStub(fulfillment)
        self.waves = waves_pb2_grpc.WaveServiceStub(fulfillment)
        self.terminal = terminal_pb2_grpc.TerminalServiceStub(fulfillment)
        self.packing = packing_pb2_grpc.PackServiceStub(fulfillment)
        self.shipments = shipments_pb2_grpc.ShipmentServiceStub(fulfillment)
        self.returns = returns_pb2_grpc.ReturnServiceStub(fulfillment)
        self.bookings = bookings_pb2_grpc.BookingServiceStub(fulfillment)
        self.slotting = slotting_pb2_grpc.SlottingServiceStub(fulfillment)
        self.measures = measures_pb2_grpc.MeasureServiceStub(fulfillment)

        self.channels = channels_pb2_grpc.ChannelServiceStub(channel_sync)
        self.listings = listings_pb2_grpc.ListingServiceStub(channel_sync)
        self.channel_orders = channel_orders_pb2_grpc.ChannelOrderServiceStub(channel_sync)
        self.sync_status = sync_status_pb2_grpc.SyncStatusServiceStub(channel_sync)

    async def __aenter__(self) -> Services:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for channel in self._channels:
            await channel.close()
