"""The stock service's warehouse side: bins, goods, and the books that must agree after everything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import grpc
import pytest

from lumbung.stock.v1 import availability_pb2 as availability_pb
from lumbung.stock.v1 import availability_pb2_grpc, events_pb2_grpc, inventory_pb2_grpc
from lumbung.stock.v1 import events_pb2 as events_pb
from lumbung.stock.v1 import inventory_pb2 as pb
from lumbung.stock.v1 import reservations_pb2 as reservations_pb
from lumbung_kit.clients import RemoteFailure, failure_from

WAREHOUSE = "JKT1"
BINS = ("A-01", "A-02", "B-01")
_TABLES = (
    "ledger_entry",
    "place_stock",
    "level",
    "shortfall",
    "bin",
    "warehouse",
    "event_outbox",
    "event_log",
)


@dataclass
class House:
    """Clients of the warehouse side of a running shop, with bins A-01, A-02, B-01 in JKT1."""

    shop: Any

    @property
    def warehouses(self) -> Any:
        """Client of WarehouseService."""
        return inventory_pb2_grpc.WarehouseServiceStub(self.shop.channel)

    @property
    def inventory(self) -> Any:
        """Client of InventoryService."""
        return inventory_pb2_grpc.InventoryServiceStub(self.shop.channel)

    @property
    def availability(self) -> Any:
        """Client of AvailabilityService."""
        return availability_pb2_grpc.AvailabilityServiceStub(self.shop.channel)

    @property
    def audit(self) -> Any:
        """Client of AuditService."""
        return inventory_pb2_grpc.AuditServiceStub(self.shop.channel)

    def new_id(self) -> str:
        """A request_id that no other request of the test has."""
        return self.shop.new_id()

    async def know(self, sku_code: str, bundle: dict[str, int] | None = None, *, active: bool = True) -> None:
        """A SKU or a bundle of the catalog."""
        await self.shop.sql.execute(
            "INSERT INTO sku (sku_code, name, is_bundle, active) VALUES (%s, %s, %s, %s)",
            (sku_code, sku_code, bundle is not None, active),
        )
        for component, quantity in (bundle or {}).items():
            row = (sku_code, component, quantity)
            await self.shop.sql.execute("INSERT INTO sku_component VALUES (%s, %s, %s)", row)

    async def receive(self, sku_code: str, quantity: int, bin_code: str = "A-01") -> None:
        """Units into a bin."""
        line = pb.ReceiptLine(sku_code=sku_code, bin_code=bin_code, quantity=quantity)
        await self.inventory.ReceiveStock(
            pb.ReceiveStockRequest(
                request_id=self.new_id(), warehouse_code=WAREHOUSE, document="PO-1", lines=[line]
            )
        )

    async def stocked(self, sku_code: str, quantity: int, bin_code: str = "A-01") -> None:
        """A SKU with units in a bin."""
        await self.know(sku_code)
        await self.receive(sku_code, quantity, bin_code)

    async def sell(self, lines: dict[str, int], *, sale: str = "") -> reservations_pb.Reservation:
        """A confirmed reservation."""
        return await self.shop.confirm(await self.shop.hold(lines, sale=sale))

    async def cancel(self, reservation: reservations_pb.Reservation) -> None:
        """The sale, taken back."""
        await self.shop.reservations.CancelReservation(
            reservations_pb.CancelReservationRequest(
                request_id=self.new_id(), reservation_id=reservation.reservation_id, reason="changed mind"
            )
        )

    async def pick(
        self, reservation: reservations_pb.Reservation, sku_code: str, quantity: int, bin_code: str = "A-01"
    ) -> None:
        """Units into packing."""
        await self.inventory.RecordPick(
            pb.RecordPickRequest(
                request_id=self.new_id(),
                reservation_id=reservation.reservation_id,
                warehouse_code=WAREHOUSE,
                sku_code=sku_code,
                bin_code=bin_code,
                quantity=quantity,
            )
        )

    async def ship(self, reservation: reservations_pb.Reservation) -> pb.ShipReservationResponse:
        """The parcel leaves."""
        return await self.inventory.ShipReservation(
            pb.ShipReservationRequest(
                request_id=self.new_id(), reservation_id=reservation.reservation_id, document="JNE-1"
            )
        )

    async def shipped(self, sku_code: str, quantity: int) -> reservations_pb.Reservation:
        """A sale of units in A-01 that has left."""
        reservation = await self.sell({sku_code: quantity})
        await self.pick(reservation, sku_code, quantity)
        await self.ship(reservation)
        return reservation

    async def places(self, sku_code: str) -> dict[str, int]:
        """Where units of a SKU are."""
        found = await self.inventory.ListBinStock(
            pb.ListBinStockRequest(warehouse_code=WAREHOUSE, sku_codes=[sku_code])
        )
        return {each.bin_code: each.quantity for each in found.bin_stock}

    async def figures(self, sku_code: str, *, channel: str = "") -> availability_pb.Availability:
        """A SKU's figures over all warehouses."""
        request = availability_pb.GetAvailabilityRequest(sku_code=sku_code, channel_code=channel)
        return (await self.availability.GetAvailability(request)).availability

    async def events(self, kind: str) -> list[events_pb.Event]:
        """Events of one kind so far, published or not, in their order."""
        rows = await self.shop.sql.execute(
            "SELECT payload, 0, position FROM event_log WHERE kind = %(kind)s"
            " UNION ALL SELECT payload, 1, outbox_id FROM event_outbox WHERE kind = %(kind)s ORDER BY 2, 3",
            {"kind": kind},
        )
        return [events_pb.Event.FromString(payload) for payload, _, _ in await rows.fetchall()]

    def subscribe(self, after_position: int) -> Any:
        """The log's events after a position, as they come."""
        stub = events_pb2_grpc.EventServiceStub(self.shop.channel)
        return stub.Subscribe(events_pb.SubscribeRequest(after_position=after_position))

    async def content(self) -> dict[str, list[Any]]:
        """Everything that a movement could change, to be compared."""
        tables = {}
        for table in _TABLES[:-2]:
            rows = await self.shop.sql.execute(f"SELECT * FROM {table} ORDER BY 1, 2, 3")  # noqa: S608
            tables[table] = await rows.fetchall()
        count = "SELECT (SELECT count(*) FROM event_outbox) + (SELECT position FROM event_head)"
        tables["events"] = [await self.shop.scalar(count)]
        return tables

    async def refused(self, call: Any) -> RemoteFailure:
        """The failure of a call that must fail."""
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
        return failure_from(caught.value)

    async def refused_unchanged(self, call: Any) -> RemoteFailure:
        """The failure of a call that must fail and leave everything as it was."""
        before = await self.content()
        failure = await self.refused(call)
        assert await self.content() == before
        return failure

    async def require_agreement(self, *, shortfall: int = 0) -> None:
        """Ledger, places, levels and promises agree."""
        report = await self.audit.VerifyLedger(pb.VerifyLedgerRequest())
        assert list(report.differences) == []
        promises = await self.audit.CheckPromises(pb.CheckPromisesRequest())
        assert (promises.oversold_units, promises.conservation_gap_units, promises.leaked_holds) == (0, 0, 0)
        assert promises.shortfall_units == shortfall


@pytest.fixture
async def house(shop: Any) -> House:
    """A running shop whose warehouse has bins and an empty ledger."""
    await shop.sql.execute("INSERT INTO ledger_head VALUES (%s) ON CONFLICT DO NOTHING", (WAREHOUSE,))
    made = House(shop)
    await made.warehouses.PutBins(
        pb.PutBinsRequest(
            request_id=made.new_id(),
            warehouse_code=WAREHOUSE,
            bins=[
                pb.Bin(bin_code=code, kind=pb.BIN_KIND_PICK, zone="A", aisle_index=n % 2, y_m=n, level=1)
                for n, code in enumerate(BINS)
            ],
        )
    )
    return made
