"""What terminals scanned: counted picks, refused scans, short picks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from lumbung_fulfillment.domain.failures import ScanNotFound
from lumbung_fulfillment.stores.query import execute, fetch, fetch_one
from lumbung_kit import context, sql
from lumbung_kit.postgres import Conn

_SQL = sql.load(__package__, "scans.sql")
_INSERT_PICK_SCAN, _GET_PICK_SCAN, _UNDO_PICK_SCAN, _PICKED_OF_ORDER = (
    _SQL[name] for name in ("insert_pick_scan", "get_pick_scan", "undo_pick_scan", "picked_of_order")
)
_INSERT_WRONG_SCAN, _GET_WRONG_SCAN = _SQL["insert_wrong_scan"], _SQL["get_wrong_scan"]
_INSERT_STRAY_SCAN = _SQL["insert_stray_scan"]
_INSERT_SHORT_PICK, _COUNTS = _SQL["insert_short_pick"], _SQL["counts"]


@dataclass(frozen=True, slots=True)
class NewPickScan:
    """A pick that counted."""

    request_id: str
    task_id: UUID
    order_id: UUID
    wave_id: UUID
    warehouse_code: str
    session_id: UUID
    quantity: int
    booking_id: UUID
    scan_time: datetime | None


@dataclass(frozen=True, slots=True)
class StrayScan:
    """Units that a late scan says were taken, and that nobody wants any more."""

    request_id: str
    task_id: UUID
    order_id: UUID
    warehouse_code: str
    session_id: UUID
    quantity: int
    put_back_id: UUID
    scan_time: datetime | None


@dataclass(frozen=True, slots=True)
class PickScan:
    """A pick that counted, as it is kept."""

    request_id: str
    task_id: UUID
    order_id: UUID
    wave_id: UUID
    quantity: int
    booking_id: UUID
    undo_time: datetime | None


@dataclass(frozen=True, slots=True)
class PickedGoods:
    """What was picked of an order from one bin, and how much of it stock never saw leave that bin."""

    sku_code: str
    bin_code: str
    quantity: int
    unbooked_quantity: int


@dataclass(frozen=True, slots=True)
class WrongScan:
    """A refused scan."""

    method: str
    request_id: str
    content_hash: bytes
    warehouse_code: str
    order_id: UUID | None
    session_id: UUID | None
    reason: str
    message: str
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ShortPick:
    """A bin that had less than was asked."""

    task_id: UUID
    order_id: UUID
    warehouse_code: str
    bin_code: str
    sku_code: str
    missing_quantity: int
    resourced_quantity: int
    booking_id: UUID | None
    note: str


async def insert_pick_scan(conn: Conn, scan: NewPickScan) -> None:
    """Writes down a pick that counted."""
    row = {name: getattr(scan, name) for name in scan.__slots__}
    await execute(conn, _INSERT_PICK_SCAN, row | {"actor": context.actor()})


async def insert_stray_scan(conn: Conn, scan: StrayScan) -> None:
    """Writes down what came too late to be wanted."""
    row = {name: getattr(scan, name) for name in scan.__slots__}
    await execute(conn, _INSERT_STRAY_SCAN, row | {"actor": context.actor()})


async def get_pick_scan(conn: Conn, request_id: str) -> PickScan:
    """Raises ScanNotFound."""
    row = await fetch_one(conn, _GET_PICK_SCAN, {"request_id": request_id})
    if row is None:
        raise ScanNotFound(metadata={"scan_request_id": request_id})
    return PickScan(**row)


async def counts(conn: Conn, booking_id: UUID) -> bool:
    """Whether the pick that a booking is about has not been taken back."""
    return await fetch_one(conn, _COUNTS, {"booking_id": booking_id}) is not None


async def undo_pick_scan(conn: Conn, request_id: str, undone_by: str) -> None:
    """It no longer counts."""
    await execute(conn, _UNDO_PICK_SCAN, {"request_id": request_id, "undone_by": undone_by})


async def picked_of_order(conn: Conn, order_id: UUID) -> list[PickedGoods]:
    """What was picked of an order and not taken back, by SKU and bin."""
    return [PickedGoods(**row) for row in await fetch(conn, _PICKED_OF_ORDER, {"order_id": order_id})]


async def insert_wrong_scan(conn: Conn, scan: WrongScan) -> None:
    """Counts a refused scan, once however often it is sent."""
    row = {name: getattr(scan, name) for name in scan.__slots__}
    row |= {"metadata": Jsonb(dict(scan.metadata)), "actor": context.actor()}
    await execute(conn, _INSERT_WRONG_SCAN, row)


async def get_wrong_scan(
    conn: Conn, method: str, request_id: str
) -> tuple[bytes, str, str, dict[str, str]] | None:
    """What a scan was refused with before: content hash, reason, message and metadata."""
    row = await fetch_one(conn, _GET_WRONG_SCAN, {"method": method, "request_id": request_id})
    return (row["content_hash"], row["reason"], row["message"], row["metadata"]) if row else None


async def insert_short_pick(conn: Conn, short: ShortPick) -> None:
    """Writes down a bin that had less than was asked."""
    row = {name: getattr(short, name) for name in short.__slots__}
    await execute(conn, _INSERT_SHORT_PICK, row | {"actor": context.actor()})
