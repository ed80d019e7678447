"""The ledger: only ever appended to, in one sequence per warehouse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.rows import TupleRow

from lumbung_kit.postgres import Conn
from lumbung_kit.sql import load
from lumbung_stock.domain import places
from lumbung_stock.domain.ledger import Booking, LedgerEntry, MovementKind, PlaceKey
from lumbung_stock.domain.lots import LotUnits
from lumbung_stock.domain.places import PlaceStock

_SQL = load(__package__, "ledger.sql")
_APPEND, _LIST, _LIST_NEWEST = _SQL["append"], _SQL["list"], _SQL["list_newest"]
_NOW, _SKUS_ON_PAGE, _AS_OF = _SQL["now"], _SQL["skus_on_page"], _SQL["as_of"]
_LOTS_AS_OF = _SQL["lots_as_of"]


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
            "lot_codes": [movement.lot.code for movement in movements],
            "actor": booking.author.actor,
            "request_id": booking.author.request_id,
            "effective_time": booking.effective_time,
        },
    )
    return sorted([_entry(row) async for row in cursor], key=lambda entry: entry.sequence)


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """Which entries of a warehouse; what is empty restricts nothing.

    `document` is a document's own number or, with `reservation_id`, a reservation. Times are when an entry was written:
    from the first on, before the second.
    """

    warehouse_code: str
    sku_code: str = ""
    document: str = ""
    reservation_id: UUID | None = None
    place_code: str = ""
    kinds: tuple[MovementKind, ...] = ()
    actor: str = ""
    request_id: str = ""
    from_time: datetime | None = None
    until_time: datetime | None = None
    reason_code: str = ""
    lot_code: str = ""


async def list_entries(
    conn: Conn, wanted: EntryFilter, *, beyond: int, limit: int, newest_first: bool = False
) -> list[LedgerEntry]:
    """Entries behind a sequence, in order; or those before it, backwards."""
    asked = {
        **{name: getattr(wanted, name) for name in EntryFilter.__slots__},
        "kinds": [int(kind) for kind in wanted.kinds],
        "beyond_sequence": beyond,
        "limit": limit,
    }
    return [_entry(row) async for row in await conn.execute(_LIST_NEWEST if newest_first else _LIST, asked)]


async def until_appended(conn: Conn, warehouse_code: str) -> datetime | None:
    """Now, when nobody is in the middle of appending: what is written after this transaction gets a later time."""
    row = await (await conn.execute(_NOW, {"warehouse_code": warehouse_code})).fetchone()
    return row[0] if row else None


@dataclass(frozen=True, slots=True)
class PastStock:
    """What is asked of the past: units at `instant`, by when movements were written or by when they happened."""

    warehouse_code: str
    instant: datetime
    by_effective_time: bool
    sku_codes: tuple[str, ...] = ()
    place_codes: tuple[str, ...] = ()


async def list_skus_of_past(conn: Conn, wanted: PastStock, after_sku: str, limit: int) -> list[str]:
    """SKUs that ever lay in these places, behind one of them."""
    asked = {
        "warehouse_code": wanted.warehouse_code,
        "sku_codes": list(wanted.sku_codes),
        "place_codes": list(wanted.place_codes),
        "after_sku": after_sku,
        "limit": limit,
    }
    return [row[0] async for row in await conn.execute(_SKUS_ON_PAGE, asked)]


async def stock_as_of(conn: Conn, wanted: PastStock, sku_codes: Sequence[str]) -> list[PlaceStock]:
    """Units of these SKUs by place at that instant, by SKU, then place; places without any are left out."""
    asked = {
        "warehouse_code": wanted.warehouse_code,
        "sku_codes": list(sku_codes),
        "place_codes": list(wanted.place_codes),
        "instant": wanted.instant,
        "by_effective_time": wanted.by_effective_time,
        "outside": sorted(places.OUTSIDE),
    }
    return [PlaceStock(*row) async for row in await conn.execute(_AS_OF, asked)]


async def lots_as_of(
    conn: Conn, wanted: PastStock, sku_codes: Sequence[str]
) -> dict[PlaceKey, list[LotUnits]]:
    """Of the same stock what had a lot, by place and SKU."""
    asked = {
        "warehouse_code": wanted.warehouse_code,
        "sku_codes": list(sku_codes),
        "place_codes": list(wanted.place_codes),
        "instant": wanted.instant,
        "by_effective_time": wanted.by_effective_time,
        "outside": sorted(places.OUTSIDE),
    }
    found: dict[PlaceKey, list[LotUnits]] = {}
    async for place, sku, *units in await conn.execute(_LOTS_AS_OF, asked):
        found.setdefault((place, sku), []).append(LotUnits(*units))
    return found


def _entry(row: TupleRow) -> LedgerEntry:
    warehouse, sequence, sku, quantity, from_place, to_place, kind, *rest = row
    return LedgerEntry(warehouse, sequence, sku, quantity, from_place, to_place, MovementKind(kind), *rest)
