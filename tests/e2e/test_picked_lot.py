"""A lot from its receipt to the tote: a label of another lot is refused, and the ledger says which was taken."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import grpc
import pytest

from lumbung.catalog.v1 import products_pb2, skus_pb2
from lumbung.fulfillment.v1 import orders_pb2, terminal_pb2, waves_pb2
from lumbung.stock.v1 import inventory_pb2, reservations_pb2
from lumbung_dev.demo.floor import Picker, scans_of
from lumbung_dev.local.patience import eventually, patiently
from lumbung_dev.local.services import Services
from lumbung_dev.local.system import LocalSystem
from lumbung_dev.shop.outlets import WEBSITE
from lumbung_kit.clients import failure_from

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

ARRIVE_S_MAX = 60.0
BIN = "A-01"
# Two digits of a year on a label mean one of the next fifty.
LOTS = {"L-GONE": "2020-01-31", "L-SOON": "2070-01-31", "L-LATE": "2071-01-31"}


@dataclass(frozen=True)
class Dairy:
    """A warehouse with one bin, and in it five units of each lot of one SKU, one of which has expired."""

    staff: Services
    run: str
    gtin: str

    @property
    def code(self) -> str:
        return f"DAIRY-{self.run}"

    @property
    def sku(self) -> str:
        return f"YOGHURT-{self.run}"

    async def open(self) -> None:
        house = inventory_pb2.Warehouse(
            warehouse_code=self.code, name="Gudang Pulogadung, Jakarta", time_zone="Asia/Jakarta",
            priority=3_000, aisle_x_m=[0], cross_aisle_y_m=[0, 10],
        )  # fmt: skip
        await patiently(
            self.staff.warehouses.CreateWarehouse,
            inventory_pb2.CreateWarehouseRequest(request_id=f"{self.run}:house", warehouse=house),
        )
        place = inventory_pb2.Bin(bin_code=BIN, kind=inventory_pb2.BIN_KIND_PICK, y_m=2, level=1)
        request = inventory_pb2.PutBinsRequest(
            request_id=f"{self.run}:bins", warehouse_code=self.code, bins=[place]
        )
        await patiently(self.staff.warehouses.PutBins, request)

    async def name_goods(self) -> None:
        product = products_pb2.CreateProductRequest(
            request_id=f"{self.run}:product", product_code=self.sku, name=f"Yoghurt {self.run}"
        )
        await patiently(self.staff.products.CreateProduct, product)
        barcode = skus_pb2.Barcode(code=self.gtin, kind=skus_pb2.BARCODE_KIND_GTIN, unit_code="pcs")
        sku = skus_pb2.CreateSkuRequest(
            request_id=f"{self.run}:sku", sku_code=self.sku, product_code=self.sku,
            name=f"Yoghurt 250 g {self.run}", kind=skus_pb2.SKU_KIND_PLAIN, base_unit="pcs", barcodes=[barcode],
            lot_tracking=skus_pb2.LOT_TRACKING_LOT_AND_EXPIRY,
        )  # fmt: skip
        await patiently(self.staff.skus.CreateSku, sku)

    async def receive(self) -> None:
        """Once stock has heard of the SKU."""
        lines = [
            inventory_pb2.ReceiptLine(
                sku_code=self.sku, bin_code=BIN, quantity=5, lot_code=lot, expires_on=day
            )
            for lot, day in LOTS.items()
        ]
        request = inventory_pb2.ReceiveStockRequest(
            request_id=f"{self.run}:receipt", warehouse_code=self.code, document="PO-1", lines=lines
        )

        async def received() -> bool:
            try:
                await patiently(self.staff.inventory.ReceiveStock, request)
            except grpc.aio.AioRpcError as error:
                if failure_from(error).reason == "SKU_NOT_FOUND":
                    return False
                raise
            return True

        await eventually(received, "stock knows the SKU", within_s=ARRIVE_S_MAX)

    async def sell(self, storefront: Services, units: int) -> None:
        """And wait until its order is in a wave."""
        reserve = reservations_pb2.ReserveRequest(
            request_id=f"{self.run}:reserve", channel_code=WEBSITE,
            lines=[reservations_pb2.ReserveLine(sku_code=self.sku, quantity=units)],
        )  # fmt: skip
        held = (await patiently(storefront.reservations.Reserve, reserve)).reservation
        confirm = reservations_pb2.ConfirmRequest(
            request_id=f"{self.run}:confirm", reservation_id=held.reservation_id,
            order=reservations_pb2.OrderDetails(order_reference=f"LOT-{self.run}"),
        )  # fmt: skip
        await patiently(storefront.reservations.Confirm, confirm)

        async def arrived() -> bool:
            request = orders_pb2.ListOrdersRequest(reservation_id=held.reservation_id)
            return bool((await patiently(self.staff.orders.ListOrders, request)).orders)

        await eventually(arrived, "the order has arrived", within_s=ARRIVE_S_MAX)
        plan = waves_pb2.PlanWavesRequest(request_id=f"{self.run}:plan", warehouse_code=self.code)
        await patiently(self.staff.waves.PlanWaves, plan, call_s=30)

    def label(self, lot: str) -> str:
        """As a scanner reads it off the maker's label: GTIN, last day, lot."""
        return f"]d2010{self.gtin}17{LOTS[lot][2:].replace('-', '')}10{lot}"


def _gtin() -> str:
    """A GTIN-13 that no other test has, with its check digit."""
    digits = f"899{secrets.randbelow(10**9):09d}"
    weighed = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits))
    return f"{digits}{-weighed % 10}"


async def test_the_label_of_another_lot_is_refused_and_the_right_one_is_booked(system: LocalSystem) -> None:
    async with (
        system.client("staff:test") as staff,
        system.client("storefront:web") as storefront,
        system.client("terminal:dairy") as terminal,
    ):
        dairy = Dairy(staff, secrets.token_hex(3).upper(), _gtin())
        await dairy.open()
        await dairy.name_goods()
        await dairy.receive()
        await dairy.sell(storefront, 2)
        picker = Picker(terminal, f"cart-{dairy.run}"[:32], "dewi", scans_of(dairy.run), dairy.code)
        await picker.sign_in()
        wave = await picker.claim()
        assert wave is not None
        task = await picker.next_task(wave.wave_id)
        assert task is not None
        assert [(lot.lot_code, lot.quantity, lot.expires_on) for lot in task.lots] == [
            ("L-SOON", 2, "2070-01-31")
        ]

        def scan(lot: str) -> terminal_pb2.ConfirmPickRequest:
            return terminal_pb2.ConfirmPickRequest(
                request_id=picker.scan_id(), session_id=picker.session_id, task_id=task.task_id,
                bin_barcode=BIN, item_barcode=dairy.label(lot), quantity=2,
            )  # fmt: skip

        for lot, reason in (("L-LATE", "WRONG_LOT"), ("L-GONE", "LOT_EXPIRED")):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await patiently(terminal.terminal.ConfirmPick, scan(lot))
            refused = failure_from(caught.value)
            assert (refused.reason, refused.metadata["expected"]) == (reason, "L-SOON")
        picked = await patiently(terminal.terminal.ConfirmPick, scan("L-SOON"))
        assert (picked.counted_quantity, picked.wave_done) == (2, True)

        ledger = inventory_pb2.ListLedgerEntriesRequest(
            warehouse_code=dairy.code, kinds=[inventory_pb2.MOVEMENT_KIND_PICK]
        )

        async def booked() -> list[tuple[str, int]]:
            found = (await patiently(staff.inventory.ListLedgerEntries, ledger)).entries
            return [(entry.lot_code, entry.quantity) for entry in found]

        assert await eventually(booked, "stock has booked the pick", within_s=ARRIVE_S_MAX) == [("L-SOON", 2)]
        verify = inventory_pb2.VerifyLedgerRequest(warehouse_code=dairy.code)
        assert list((await patiently(staff.audit.VerifyLedger, verify)).differences) == []
        await picker.sign_out()
