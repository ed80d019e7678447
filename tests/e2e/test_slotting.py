"""Goods with lots: from receiving into bins that were suggested, and from bulk to their pick face in time."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import grpc
import pytest

from lumbung.catalog.v1 import products_pb2, skus_pb2
from lumbung.fulfillment.v1 import orders_pb2, slotting_pb2
from lumbung.stock.v1 import inventory_pb2, receiving_pb2, reservations_pb2
from lumbung_dev.demo.floor import Picker, scans_of
from lumbung_dev.local.patience import eventually, patiently
from lumbung_dev.local.services import Services
from lumbung_dev.local.system import LocalSystem
from lumbung_dev.shop.outlets import WEBSITE
from lumbung_kit.clients import failure_from

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

ARRIVE_S_MAX = 60.0
SOON, LATE = "L-SOON", "L-LATE"
EXPIRES_ON = {SOON: "2098-01-31", LATE: "2099-01-31"}


@dataclass(frozen=True)
class Depot:
    """A warehouse with a pick face and two bulk bins behind it, and one SKU with lots, as staff sees them."""

    staff: Services
    run: str

    @property
    def code(self) -> str:
        return f"SLOT-{self.run}"

    @property
    def sku(self) -> str:
        return f"MILK-{self.run}"

    async def open(self) -> None:
        house = inventory_pb2.Warehouse(
            warehouse_code=self.code,
            name="Gudang Cakung, Jakarta",
            time_zone="Asia/Jakarta",
            priority=2_000,
            aisle_x_m=[0, 5],
            cross_aisle_y_m=[0, 20],
        )
        bins = [
            inventory_pb2.Bin(bin_code="FACE", kind=inventory_pb2.BIN_KIND_PICK, y_m=2, level=1),
            inventory_pb2.Bin(bin_code="BULK-1", kind=inventory_pb2.BIN_KIND_BULK, y_m=5, level=1),
            inventory_pb2.Bin(
                bin_code="BULK-2", kind=inventory_pb2.BIN_KIND_BULK, aisle_index=1, y_m=9, level=1
            ),
        ]
        await patiently(
            self.staff.warehouses.CreateWarehouse,
            inventory_pb2.CreateWarehouseRequest(request_id=f"{self.run}:house", warehouse=house),
        )
        await patiently(
            self.staff.warehouses.PutBins,
            inventory_pb2.PutBinsRequest(request_id=f"{self.run}:bins", warehouse_code=self.code, bins=bins),
        )

    async def name_goods(self) -> None:
        await patiently(
            self.staff.products.CreateProduct,
            products_pb2.CreateProductRequest(
                request_id=f"{self.run}:product", product_code=self.sku, name=f"Susu UHT {self.run}"
            ),
        )
        barcode = skus_pb2.Barcode(code=self.sku, kind=skus_pb2.BARCODE_KIND_INTERNAL, unit_code="pcs")
        await patiently(
            self.staff.skus.CreateSku,
            skus_pb2.CreateSkuRequest(
                request_id=f"{self.run}:sku",
                sku_code=self.sku,
                product_code=self.sku,
                name=f"Susu UHT 1 L {self.run}",
                kind=skus_pb2.SKU_KIND_PLAIN,
                base_unit="pcs",
                barcodes=[barcode],
                lot_tracking=skus_pb2.LOT_TRACKING_LOT_AND_EXPIRY,
            ),
        )

    async def receive(self, **lots: int) -> None:
        """Into RECEIVING, once stock has heard of the SKU."""
        lines = [self._line("RECEIVING", lot, units) for lot, units in lots.items()]
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

    async def set_face(self) -> None:
        face = slotting_pb2.PickFace(
            warehouse_code=self.code, sku_code=self.sku, bin_code="FACE", min_quantity=5, max_quantity=8
        )
        await patiently(
            self.staff.slotting.SetPickFace,
            slotting_pb2.SetPickFaceRequest(request_id=f"{self.run}:face", pick_face=face),
        )

    async def put_away_as_suggested(self, **lots: int) -> list[tuple[str, int, str]]:
        lines = [
            slotting_pb2.PutawayLine(sku_code=self.sku, quantity=units, lot_code=lot)
            for lot, units in lots.items()
        ]
        moves = (
            await patiently(
                self.staff.slotting.SuggestPutaway,
                slotting_pb2.SuggestPutawayRequest(warehouse_code=self.code, lines=lines),
            )
        ).moves
        await patiently(
            self.staff.receiving.PutAway,
            receiving_pb2.PutAwayRequest(
                request_id=f"{self.run}:putaway",
                warehouse_code=self.code,
                lines=[self._line(move.to_bin_code, move.lot_code, move.quantity) for move in moves],
            ),
        )
        return [(move.lot_code, move.quantity, move.to_bin_code) for move in moves]

    def _line(self, bin_code: str, lot: str, units: int) -> inventory_pb2.ReceiptLine:
        until = EXPIRES_ON[lot] if bin_code == "RECEIVING" else ""
        return inventory_pb2.ReceiptLine(
            sku_code=self.sku, bin_code=bin_code, quantity=units, lot_code=lot, expires_on=until
        )

    async def replenishments(self) -> list[slotting_pb2.SuggestedMove]:
        request = slotting_pb2.ListReplenishmentsRequest(warehouse_code=self.code)
        return list((await patiently(self.staff.slotting.ListReplenishments, request)).moves)

    async def lying(self) -> dict[tuple[str, str], int]:
        """Units by bin and lot."""
        request = inventory_pb2.ListBinStockRequest(warehouse_code=self.code, sku_codes=[self.sku])
        rows = (await patiently(self.staff.inventory.ListBinStock, request)).bin_stock
        return {(row.bin_code, lot.lot_code): lot.quantity for row in rows for lot in row.lots}


async def _sell(storefront: Services, depot: Depot, units: int) -> None:
    line = reservations_pb2.ReserveLine(sku_code=depot.sku, quantity=units)
    reserve = reservations_pb2.ReserveRequest(
        request_id=f"{depot.run}:reserve", channel_code=WEBSITE, lines=[line]
    )
    held = (await patiently(storefront.reservations.Reserve, reserve)).reservation
    confirm = reservations_pb2.ConfirmRequest(
        request_id=f"{depot.run}:confirm",
        reservation_id=held.reservation_id,
        order=reservations_pb2.OrderDetails(order_reference=f"SLOT-{depot.run}"),
    )
    await patiently(storefront.reservations.Confirm, confirm)

    async def arrived() -> bool:
        request = orders_pb2.ListOrdersRequest(reservation_id=held.reservation_id)
        return bool((await patiently(depot.staff.orders.ListOrders, request)).orders)

    await eventually(arrived, "the order has arrived", within_s=ARRIVE_S_MAX)


async def _carry(terminal: Services, depot: Depot) -> slotting_pb2.Replenishment:
    """One person takes what is most urgent, scans both bins and the goods."""
    picker = Picker(terminal, f"fork-{depot.run}"[:32], "joko", scans_of(depot.run), depot.code)
    await picker.sign_in()
    claim = slotting_pb2.ClaimReplenishmentRequest(request_id=picker.scan_id(), session_id=picker.session_id)
    claimed = (await patiently(terminal.slotting.ClaimReplenishment, claim)).replenishment
    confirm = slotting_pb2.ConfirmReplenishmentRequest(
        request_id=picker.scan_id(),
        session_id=picker.session_id,
        replenishment_id=claimed.replenishment_id,
        from_bin_barcode=claimed.from_bin_code,
        item_barcode=depot.sku,
        quantity=claimed.quantity,
        to_bin_barcode=claimed.to_bin_code,
    )

    async def booked() -> slotting_pb2.Replenishment | None:
        answer = (await patiently(terminal.slotting.ConfirmReplenishment, confirm)).replenishment
        return answer if answer.state != slotting_pb2.REPLENISHMENT_STATE_BOOKING else None

    done = await eventually(booked, "stock has booked the move", within_s=ARRIVE_S_MAX)
    await picker.sign_out()
    return done


async def test_lots_are_put_away_apart_and_the_first_to_expire_refills_the_face(system: LocalSystem) -> None:
    async with (
        system.client("staff:test") as staff,
        system.client("storefront:web") as storefront,
        system.client("terminal:slot") as terminal,
    ):
        depot = Depot(staff, secrets.token_hex(3).upper())
        await depot.open()
        await depot.name_goods()
        lots = {SOON: 20, LATE: 30}
        await depot.receive(**lots)
        await depot.set_face()
        assert await depot.put_away_as_suggested(**lots) == [
            (SOON, 8, "FACE"),
            (SOON, 12, "BULK-1"),
            (LATE, 30, "BULK-2"),
        ]
        assert await depot.replenishments() == []

        await _sell(storefront, depot, 6)
        (move,) = await depot.replenishments()
        assert (move.lot_code, move.quantity, move.from_bin_code) == (SOON, 6, "BULK-1")
        done = await _carry(terminal, depot)
        assert (done.state, done.moved_quantity, done.refusal) == (
            slotting_pb2.REPLENISHMENT_STATE_DONE,
            6,
            "",
        )
        assert await depot.lying() == {("FACE", SOON): 14, ("BULK-1", SOON): 6, ("BULK-2", LATE): 30}
        assert await depot.replenishments() == []

        entries = await patiently(
            staff.inventory.ListLedgerEntries,
            inventory_pb2.ListLedgerEntriesRequest(
                warehouse_code=depot.code, kinds=[inventory_pb2.MOVEMENT_KIND_MOVE]
            ),
        )
        assert [(entry.actor, entry.quantity, entry.lot_code) for entry in entries.entries] == [
            ("terminal:slot", 6, SOON)
        ]
        books = await patiently(
            staff.audit.VerifyLedger, inventory_pb2.VerifyLedgerRequest(warehouse_code=depot.code)
        )
        assert list(books.differences) == []
