"""What stock knows and is told: the floor, the bins' contents, and the steps that move goods."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date
from typing import Any

import grpc
from google.protobuf.message import Message

from lumbung.stock.v1 import inventory_pb2 as pb
from lumbung.stock.v1 import inventory_pb2_grpc as rpc
from lumbung.stock.v1 import shortfalls_pb2, shortfalls_pb2_grpc
from lumbung_fulfillment.domain.bins import Bin, BinKind, LotUnits
from lumbung_fulfillment.domain.bookings import BookingKind, Condition, Step
from lumbung_fulfillment.domain.contents import Lying, LyingLot
from lumbung_fulfillment.domain.failures import WarehouseNotFound
from lumbung_fulfillment.domain.layout import Layout, Stop
from lumbung_fulfillment.domain.replenishment import Replenishment
from lumbung_kit.clients import RemoteFailure, failure_from

PAGE_SIZE = 2_000
PAGES_MAX = 500
SKUS_PER_CALL_MAX = 500

_KINDS = {
    pb.BIN_KIND_PICK: BinKind.PICK,
    pb.BIN_KIND_BULK: BinKind.BULK,
    pb.BIN_KIND_FORWARD: BinKind.FORWARD,
}
_CONDITIONS: dict[Condition | None, pb.ReturnCondition.ValueType] = {
    Condition.RESTOCK: pb.RETURN_CONDITION_RESTOCK,
    Condition.QUARANTINE: pb.RETURN_CONDITION_QUARANTINE,
    Condition.SCRAP: pb.RETURN_CONDITION_SCRAP,
}


@dataclass(frozen=True, slots=True)
class Floor:
    """A warehouse as one walks in it."""

    warehouse_code: str
    layout: Layout
    bins: dict[str, Bin]


@dataclass(frozen=True, slots=True)
class BinStock:
    """So many of a SKU in a bin that may be sold, by stock's ledger, and those of them that have a lot."""

    bin_code: str
    sku_code: str
    quantity: int
    lots: tuple[LotUnits, ...] = ()


class Stock:
    """Asks and tells stock; every call has a deadline (the caller's, less a margin)."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._warehouses: rpc.WarehouseServiceAsyncStub = rpc.WarehouseServiceStub(channel)
        self._inventory: rpc.InventoryServiceAsyncStub = rpc.InventoryServiceStub(channel)
        self._shortfalls: shortfalls_pb2_grpc.ShortfallServiceAsyncStub = (
            shortfalls_pb2_grpc.ShortfallServiceStub(channel)
        )
        self._booked_by: dict[BookingKind, Callable[[Step, str], Awaitable[Message]]] = {
            BookingKind.PICK: self._pick,
            BookingKind.SHORT_PICK: self._short_pick,
            BookingKind.PUT_BACK: self._put_back,
            BookingKind.SHIP: self._ship,
            BookingKind.RETURN: self._return,
            BookingKind.MOVE: self._move,
            BookingKind.RESOURCE: self._resource,
        }

    async def floor(self, warehouse_code: str) -> Floor:
        """Layout and bins. Raises WarehouseNotFound, LayoutUnusable."""
        try:
            response = await self._warehouses.GetWarehouse(
                pb.GetWarehouseRequest(warehouse_code=warehouse_code)
            )
        except grpc.aio.AioRpcError as error:
            raise _translated(error, warehouse_code) from error
        house = response.warehouse
        layout = Layout(tuple(house.aisle_x_m), tuple(house.cross_aisle_y_m), house.depot_x_m)
        bins = {place.code: place async for place in self._bins(warehouse_code)}
        for place in bins.values():
            layout.check(place.stop)
        return Floor(warehouse_code, layout, bins)

    async def bin_stock(self, warehouse_code: str, sku_codes: Sequence[str]) -> list[BinStock]:
        """What the bins hold of some SKUs, by stock's ledger; packing and quarantine among them."""
        found: list[BinStock] = []
        wanted = sorted(set(sku_codes))
        for start in range(0, len(wanted), SKUS_PER_CALL_MAX):
            request = pb.ListBinStockRequest(
                warehouse_code=warehouse_code,
                sku_codes=wanted[start : start + SKUS_PER_CALL_MAX],
                page_size=PAGE_SIZE,
            )
            async for response in _pages(self._inventory.ListBinStock, request):
                found += map(_bin_stock, response.bin_stock)
        return found

    async def contents(self, warehouse_code: str) -> list[Lying]:
        """Everything that lies in the bins of a warehouse; RECEIVING, PACKING and QUARANTINE among them."""
        request = pb.ListBinStockRequest(warehouse_code=warehouse_code, page_size=PAGE_SIZE)
        found: list[Lying] = []
        async for response in _pages(self._inventory.ListBinStock, request):
            found += map(_lying, response.bin_stock)
        return found

    async def book(self, step: Step, stock_request_id: str) -> None:
        """Tells stock of a step; telling it twice moves goods once. Raises RemoteFailure as stock gave it."""
        try:
            await self._booked_by[step.kind](step, stock_request_id)
        except grpc.aio.AioRpcError as error:
            raise failure_from(error) from error

    async def move(self, carried: Replenishment) -> None:
        """Books what was carried; booking it twice moves it once. Raises RemoteFailure as stock gave it."""
        request = pb.MoveBetweenBinsRequest(
            request_id=carried.stock_request_id or "",
            warehouse_code=carried.warehouse_code,
            sku_code=carried.sku_code,
            quantity=carried.moved_quantity,
            from_bin_code=carried.from_bin_code,
            to_bin_code=carried.to_bin_code,
            lot_code=carried.lot_code,
            reason="replenishment of a pick face",
        )
        try:
            await self._inventory.MoveBetweenBins(request)
        except grpc.aio.AioRpcError as error:
            raise failure_from(error) from error

    async def _bins(self, warehouse_code: str) -> AsyncIterator[Bin]:
        request = pb.ListBinsRequest(warehouse_code=warehouse_code, page_size=PAGE_SIZE)
        async for response in _pages(self._warehouses.ListBins, request):
            for row in response.bins:
                kind = _KINDS.get(row.kind, BinKind.PICK)
                yield Bin(row.bin_code, Stop(row.aisle_index, row.y_m), kind, row.capacity_units)

    async def _pick(self, step: Step, request_id: str) -> Message:
        return await self._inventory.RecordPick(
            pb.RecordPickRequest(
                request_id=request_id,
                reservation_id=str(step.reservation_id),
                warehouse_code=step.warehouse_code,
                sku_code=step.sku_code,
                bin_code=step.bin_code,
                quantity=step.quantity,
                lot_code=step.lot_code,
            )
        )

    async def _short_pick(self, step: Step, request_id: str) -> Message:
        return await self._inventory.RecordShortPick(
            pb.RecordShortPickRequest(
                request_id=request_id,
                reservation_id=str(step.reservation_id),
                warehouse_code=step.warehouse_code,
                sku_code=step.sku_code,
                bin_code=step.bin_code,
                missing_quantity=step.quantity,
            )
        )

    async def _put_back(self, step: Step, request_id: str) -> Message:
        return await self._inventory.RecordPutBack(
            pb.RecordPutBackRequest(
                request_id=request_id,
                reservation_id=str(step.reservation_id),
                warehouse_code=step.warehouse_code,
                sku_code=step.sku_code,
                bin_code=step.to_bin_code,
                quantity=step.quantity,
                lot_code=step.lot_code,
            )
        )

    async def _ship(self, step: Step, request_id: str) -> Message:
        return await self._inventory.ShipReservation(
            pb.ShipReservationRequest(
                request_id=request_id,
                reservation_id=str(step.reservation_id),
                document=step.document,
                warehouse_code=step.warehouse_code,
            )
        )

    async def _return(self, step: Step, request_id: str) -> Message:
        return await self._inventory.RecordReturn(
            pb.RecordReturnRequest(
                request_id=request_id,
                reservation_id=str(step.reservation_id),
                warehouse_code=step.warehouse_code,
                sku_code=step.sku_code,
                quantity=step.quantity,
                condition=_CONDITIONS[step.condition],
                bin_code=step.to_bin_code,
                reason=step.reason,
            )
        )

    async def _resource(self, step: Step, request_id: str) -> Message:
        return await self._shortfalls.ResourceShortfall(
            shortfalls_pb2.ResourceShortfallRequest(
                request_id=request_id,
                reservation_id=str(step.reservation_id),
                warehouse_code=step.warehouse_code,
                sku_code=step.sku_code,
                reason=step.reason,
            )
        )

    async def _move(self, step: Step, request_id: str) -> Message:
        return await self._inventory.MoveBetweenBins(
            pb.MoveBetweenBinsRequest(
                request_id=request_id,
                warehouse_code=step.warehouse_code,
                sku_code=step.sku_code,
                quantity=step.quantity,
                from_bin_code=step.bin_code,
                to_bin_code=step.to_bin_code,
                reason=step.reason,
            )
        )


def _lying(row: pb.BinStock) -> Lying:
    lots = (
        LyingLot(
            lot.lot_code,
            date.fromisoformat(lot.expires_on) if lot.expires_on else date.max,
            lot.quantity,
            lot.expired,
        )
        for lot in row.lots
    )
    return Lying(row.bin_code, row.sku_code, row.quantity, tuple(lots))


def _bin_stock(row: pb.BinStock) -> BinStock:
    """What has expired lies there, and is nobody's to take."""
    good = [lot for lot in row.lots if not lot.expired]
    return BinStock(
        row.bin_code,
        row.sku_code,
        row.quantity - sum(lot.quantity for lot in row.lots if lot.expired),
        tuple(
            LotUnits(
                date.fromisoformat(lot.expires_on) if lot.expires_on else date.max,
                lot.quantity,
                lot.lot_code,
                lot.sale_end_time.ToDatetime(tzinfo=UTC) if lot.HasField("sale_end_time") else None,
            )
            for lot in good
        ),
    )


async def _pages(method: Callable[[Any], Awaitable[Any]], request: Any) -> AsyncIterator[Any]:
    """Every page of a list. Raises RuntimeError for one that does not end."""
    for _ in range(PAGES_MAX):
        response = await method(request)
        yield response
        if not response.next_page_token:
            return
        request.page_token = response.next_page_token
    raise RuntimeError(f"a list of more than {PAGES_MAX * PAGE_SIZE} entries")


def _translated(error: grpc.aio.AioRpcError, warehouse_code: str) -> Exception:
    remote: RemoteFailure = failure_from(error)
    if remote.reason == "WAREHOUSE_NOT_FOUND":
        return WarehouseNotFound(metadata={"warehouse_code": warehouse_code})
    return remote
