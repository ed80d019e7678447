"""One cart out of two warehouses, from the storefront's Reserve to two parcels."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import pytest

from lumbung.fulfillment.v1 import orders_pb2, waves_pb2
from lumbung.stock.v1 import geo_pb2, inventory_pb2, reservations_pb2
from lumbung_dev.demo.floor import Packer, Picker, scans_of
from lumbung_dev.local.patience import eventually, patiently
from lumbung_dev.local.services import Services
from lumbung_dev.local.system import LocalSystem
from lumbung_dev.shop import warehouse
from lumbung_dev.shop.outlets import WEBSITE

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

SKU = "KBL-CC-1M-HTM"
BIN = "A-01"
THERE, HERE = 2, 1
"""Units that the warehouse near the buyer has, and that the other one adds."""
SURABAYA = geo_pb2.GeoPoint(latitude_deg=-7.25, longitude_deg=112.75)
ARRIVE_S_MAX = 60.0


@dataclass(frozen=True)
class Shop:
    """The running system as staff and storefront see it, with a small warehouse in Surabaya."""

    staff: Services
    storefront: Services
    run: str

    @property
    def near(self) -> str:
        return f"SUB-{self.run}"

    async def open_warehouse(self) -> None:
        """One bin, with two units in it. It is the last by priority, and the only one whose place is known."""
        await patiently(
            self.staff.warehouses.CreateWarehouse,
            inventory_pb2.CreateWarehouseRequest(
                request_id=f"{self.run}:warehouse",
                warehouse=inventory_pb2.Warehouse(
                    warehouse_code=self.near,
                    name="Gudang Rungkut, Surabaya",
                    time_zone="Asia/Jakarta",
                    priority=1_000,
                    aisle_x_m=[0],
                    cross_aisle_y_m=[0, 10],
                    location=SURABAYA,
                ),
            ),
        )
        place = inventory_pb2.Bin(bin_code=BIN, kind=inventory_pb2.BIN_KIND_PICK, y_m=5, level=1)
        await patiently(
            self.staff.warehouses.PutBins,
            inventory_pb2.PutBinsRequest(
                request_id=f"{self.run}:bins", warehouse_code=self.near, bins=[place]
            ),
        )
        line = inventory_pb2.ReceiptLine(sku_code=SKU, bin_code=BIN, quantity=THERE)
        await patiently(
            self.staff.inventory.ReceiveStock,
            inventory_pb2.ReceiveStockRequest(
                request_id=f"{self.run}:receipt", warehouse_code=self.near, document="PO-SUB", lines=[line]
            ),
        )

    async def sell(self) -> reservations_pb2.Reservation:
        """Three units to somebody in Surabaya."""
        request = reservations_pb2.ReserveRequest(
            request_id=f"{self.run}:reserve",
            channel_code=WEBSITE,
            lines=[reservations_pb2.ReserveLine(sku_code=SKU, quantity=HERE + THERE)],
            sourcing=reservations_pb2.SOURCING_POLICY_NEAREST,
            allow_split=True,
            destination=SURABAYA,
        )
        held = (await patiently(self.storefront.reservations.Reserve, request)).reservation
        assert {draw.warehouse_code: draw.quantity for draw in held.draws} == {
            self.near: THERE,
            warehouse.CODE: HERE,
        }
        confirm = reservations_pb2.ConfirmRequest(
            request_id=f"{self.run}:confirm",
            reservation_id=held.reservation_id,
            order=reservations_pb2.OrderDetails(order_reference=f"SPLIT-{self.run}"),
        )
        return (await patiently(self.storefront.reservations.Confirm, confirm)).reservation

    async def order_of(self, sold: reservations_pb2.Reservation, code: str) -> orders_pb2.Order:
        """What one warehouse has to send."""
        request = orders_pb2.ListOrdersRequest(reservation_id=sold.reservation_id)

        async def arrived() -> orders_pb2.Order | None:
            orders = (await patiently(self.staff.orders.ListOrders, request)).orders
            assert len(orders) in (0, 2)
            return next((order for order in orders if order.warehouse_code == code), None)

        return await eventually(arrived, f"an order for {code}", within_s=ARRIVE_S_MAX)

    async def send(self, terminal: Services, order: orders_pb2.Order) -> None:
        """Plans, picks, packs and ships one order."""
        code = order.warehouse_code
        plan = waves_pb2.PlanWavesRequest(request_id=f"{self.run}:plan:{code}", warehouse_code=code)
        await patiently(self.staff.waves.PlanWaves, plan, call_s=30)
        planned = await self.order_of_id(order.order_id)
        picker = Picker(terminal, f"cart-{code}"[:32], "sri", scans_of(f"{self.run}:{code}:pick"), code)
        await picker.sign_in()
        wave = await picker.claim(planned.wave_id)
        assert wave is not None
        await picker.walk(wave)
        await picker.sign_out()
        packer = Packer(terminal, f"pack-{code}"[:32], scans_of(f"{self.run}:{code}:pack"))
        await packer.pack(order)
        await packer.ship(order)

    async def order_of_id(self, order_id: str) -> orders_pb2.Order:
        """The order as it stands."""
        request = orders_pb2.GetOrderRequest(order_id=order_id)
        return (await patiently(self.staff.orders.GetOrder, request)).order

    async def until_left(
        self, sold: reservations_pb2.Reservation, codes: set[str]
    ) -> reservations_pb2.Reservation:
        """The reservation, once just the shares of these warehouses have left."""
        request = reservations_pb2.GetReservationRequest(reservation_id=sold.reservation_id)

        async def left() -> reservations_pb2.Reservation | None:
            now = (await patiently(self.staff.reservations.GetReservation, request)).reservation
            return now if {draw.warehouse_code for draw in now.draws if draw.shipped} == codes else None

        return await eventually(left, f"the shares of {codes} have left", within_s=ARRIVE_S_MAX)

    async def require_agreement(self) -> None:
        """Ledger, places, levels and promises."""
        books = await patiently(self.staff.audit.VerifyLedger, inventory_pb2.VerifyLedgerRequest())
        assert list(books.differences) == []
        promises = await patiently(self.staff.audit.CheckPromises, inventory_pb2.CheckPromisesRequest())
        assert (promises.oversold_units, promises.conservation_gap_units) == (0, 0)


async def test_each_warehouse_sends_its_share_and_all_books_agree(system: LocalSystem) -> None:
    async with (
        system.client("staff:test") as staff,
        system.client("storefront:web") as storefront,
        system.client("terminal:split") as terminal,
    ):
        shop = Shop(staff, storefront, secrets.token_hex(3).upper())
        await shop.open_warehouse()
        sold = await shop.sell()

        await shop.send(terminal, await shop.order_of(sold, shop.near))
        between = await shop.until_left(sold, {shop.near})
        assert between.state == reservations_pb2.RESERVATION_STATE_CONFIRMED
        await shop.require_agreement()

        await shop.send(terminal, await shop.order_of(sold, warehouse.CODE))
        done = await shop.until_left(sold, {shop.near, warehouse.CODE})
        assert done.state == reservations_pb2.RESERVATION_STATE_SHIPPED
        for code in (shop.near, warehouse.CODE):
            order = await shop.order_of(sold, code)
            assert order.state == orders_pb2.ORDER_STATE_SHIPPED
        await shop.require_agreement()
