"""The ledger: only ever appended to, in one sequence per warehouse."""

from __future__ import annotations

from uuid import UUID

from psycopg.rows import TupleRow

from lumbung_kit.postgres import Conn
from lumbung_kit.sql import load
from lumbung_stock.domain.ledger import Booking, LedgerEntry, MovementKind

_SQL = load(__package__, "ledger.sql")
_APPEND, _LIST = _SQL["append"], _SQL["list"]


async def append_entries(conn: Conn, booking: Booking) -> list[LedgerEntry]:
    """Writes movements with the warehouse's next sequences, in order. The last lock of a transaction."""
    movements = booking.movements
    cursor = await conn.execute(
        _APPEND,
        {
            "warehouse_code": booking.warehouse_code,
            "sku_codes": [movement.sku_code for movement in movements],
            "quantities": [movement.quantity for movement in movements],
            "from_places": [movement.from_place for movement in movements],
            "to_places": [movement.to_place for movement in movements],
            "kinds": [int(movement.kind) for movement in movements],
            "reasons": [movement.reason for movement in movements],
            "documents": [movement.document for movement in movements],
            "reservation_ids": [movement.reservation_id for movement in movements],
            "actor": booking.author.actor,
            "request_id": booking.author.request_id,
            "effective_time": booking.effective_time,
        },
    )
    return sorted([_entry(row) async for row in cursor], key=lambda entry: entry.sequence)


async def list_entries(
    conn: Conn,
    warehouse_code: str,
    *,
    sku_code: str,
    document: str,
    reservation_id: UUID | None,
    after_sequence: int,
    limit: int,
) -> list[LedgerEntry]:
    """Entries behind a sequence, in order; empty filters restrict nothing."""
    cursor = await conn.execute(
        _LIST,
        {
            "warehouse_code": warehouse_code,
            "sku_code": sku_code,
            "document": document,
            "reservation_id": reservation_id,
            "after_sequence": after_sequence,
            "limit": limit,
        },
    )
    return [_entry(row) async for row in cursor]


def _entry(row: TupleRow) -> LedgerEntry:
    warehouse, sequence, sku, quantity, from_place, to_place, kind, *rest = row
    return LedgerEntry(warehouse, sequence, sku, quantity, from_place, to_place, MovementKind(kind), *rest)
