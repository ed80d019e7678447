"""Shortfalls as a person works them off: raised once, resolved once. The figure itself lives in the level."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from lumbung_kit.postgres import Conn
from lumbung_kit.sql import load
from lumbung_stock.domain.ledger import Author
from lumbung_stock.domain.levels import LevelKey
from lumbung_stock.domain.reservations import ReservationState
from lumbung_stock.domain.shortfalls import (
    Act,
    ActFilter,
    ActKind,
    Arrival,
    Backorder,
    HitFilter,
    Lack,
    ListedHit,
    NewAct,
    PromiseHit,
    Shortfall,
    ShortfallChange,
    lines_hit,
)
from lumbung_stock.stores.reservations import lines_of

RESERVATIONS_MAX = 100
"""How many reservations that a shortfall hits are named."""

BY_ITSELF = "service:stock"
"""Who serves what waited."""

_SQL = load(__package__, "shortfalls.sql")
_SETTLE, _LIST = _SQL["settle"], _SQL["list"]


async def settle(conn: Conn, keys: Collection[LevelKey]) -> list[ShortfallChange]:
    """Makes the list agree with these levels, which the caller has locked; returns what that changed."""
    cursor = await conn.execute(_SETTLE, _arrays(keys))
    return [ShortfallChange(*row) async for row in cursor]


async def list_open(
    conn: Conn, warehouse_code: str, *, after: tuple[datetime, str, str], limit: int
) -> list[Shortfall]:
    """Those that last, oldest first; those behind `after`, which is (time, warehouse, SKU)."""
    cursor = await conn.execute(
        _LIST,
        {
            "warehouse_code": warehouse_code,
            "after_time": after[0],
            "after_warehouse": after[1],
            "after_sku": after[2],
            "limit": limit,
            "reservations_max": RESERVATIONS_MAX,
        },
    )
    return [
        Shortfall(warehouse, sku, missing, raised, tuple(reservations))
        async for warehouse, sku, missing, raised, reservations in cursor
    ]


async def find_hits(
    conn: Conn, keys: Collection[LevelKey], *, limit: int | None = None, reservation_id: UUID | None = None
) -> list[PromiseHit]:
    """Whom the shortfalls of these levels hit, of each level the youngest promises, at most `limit`."""
    parameters = {**_arrays(keys), "limit": limit, "reservation_id": reservation_id}
    cursor = await conn.execute(_SQL["hits"], parameters)
    return [PromiseHit(*row) async for row in cursor]


async def list_hits(
    conn: Conn, some: HitFilter, *, after: tuple[datetime, str, str, datetime, UUID], limit: int
) -> list[ListedHit]:
    """Hits behind `after`: (raise time, warehouse, SKU) of the shortfall, (time, reservation) of the promise."""
    parameters = {
        "warehouse_code": some.warehouse_code,
        "sku_code": some.sku_code,
        "reservation_id": some.reservation_id,
        "decision": int(some.decision),
        "after_raise_time": after[0],
        "after_warehouse": after[1],
        "after_sku": after[2],
        "after_time": after[3],
        "after_reservation": after[4],
        "limit": limit,
    }
    cursor = await conn.execute(_SQL["list_hits"], parameters)
    return [_listed(row) async for row in cursor]


def _listed(row: tuple[Any, ...]) -> ListedHit:
    hit, (backordered, state, channel, order, lines, raised, promised) = PromiseHit(*row[:5]), row[5:]
    hit_lines = lines_hit(lines_of(lines), hit.sku_code, hit.missing)
    return ListedHit(hit, backordered, ReservationState(state), channel, order, hit_lines, raised, promised)


async def arrivals(conn: Conn, keys: Collection[LevelKey]) -> dict[LevelKey, list[Arrival]]:
    """What open expected receipts are still to bring to each level, earliest first."""
    found: dict[LevelKey, list[Arrival]] = {}
    async for warehouse, sku, time, units in await conn.execute(_SQL["arrivals"], _arrays(keys)):
        found.setdefault((warehouse, sku), []).append(Arrival(time, units))
    return found


async def waiting(conn: Conn, reservation_id: UUID, warehouse_code: str) -> dict[str, int]:
    """Units of a sale that wait for stock of a warehouse, by SKU; locked."""
    parameters = {"reservation_id": reservation_id, "warehouse_code": warehouse_code}
    cursor = await conn.execute(_SQL["waiting"], parameters)
    return {sku: units async for sku, units in cursor}


async def add_waiting(conn: Conn, lack: Lack, units: int) -> Backorder:
    """Lets more units of a sale wait."""
    cursor = await conn.execute(_SQL["add_waiting"], {**_lack_row(lack), "units": units})
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101 - the statement always returns its row
    return Backorder(lack.reservation_id, lack.warehouse_code, lack.sku_code, row[0])


async def forget_waiting(conn: Conn, reservation_id: UUID) -> list[Backorder]:
    """Nothing of the reservation waits any more; returns what did."""
    cursor = await conn.execute(_SQL["forget_waiting"], {"reservation_id": reservation_id})
    return [Backorder(*row) async for row in cursor]


async def leave_waiting(
    conn: Conn, reservation_id: UUID, warehouse_code: str, lacking: Mapping[str, int]
) -> list[Backorder]:
    """Of each SKU, no more waits than is still lacking; returns what changed."""
    parameters = {
        "reservation_id": reservation_id,
        "warehouse_code": warehouse_code,
        "sku_codes": list(lacking),
        "lacking": list(lacking.values()),
    }
    cursor = await conn.execute(_SQL["leave_waiting"], parameters)
    return [Backorder(*row) async for row in cursor]


async def serve_waiting(
    conn: Conn, keys: Collection[LevelKey], reservation_id: UUID | None = None
) -> list[Backorder]:
    """Notes which units of these levels (of one reservation, when it is named) wait no longer; returns what changed.

    The last lock of the transaction.
    """
    parameters = {**_arrays(keys), "reservation_id": reservation_id, "actor": BY_ITSELF}
    cursor = await conn.execute(_SQL["lock_waiting"], parameters)
    if await cursor.fetchone() is None:
        return []
    cursor = await conn.execute(_SQL["serve_waiting"], parameters)
    return [Backorder(*row) async for row in cursor]


async def note_act(conn: Conn, act: NewAct, author: Author) -> None:
    """Writes down what somebody did."""
    row = {
        **_lack_row(act.lack),
        "kind": int(act.kind),
        "quantity": act.quantity,
        "to_warehouse_code": act.to_warehouse_code,
        "reason": act.reason,
        "actor": author.actor,
        "request_id": author.request_id,
    }
    await conn.execute(_SQL["note_act"], row)


async def warehouses_left(conn: Conn, reservation_id: UUID) -> set[str]:
    """Warehouses that a sale was moved away from."""
    cursor = await conn.execute(_SQL["left"], {"reservation_id": reservation_id})
    return {row[0] async for row in cursor}


async def list_acts(conn: Conn, some: ActFilter, *, after: int, limit: int) -> list[Act]:
    """What was done, oldest first, behind an act."""
    parameters = {
        "warehouse_code": some.warehouse_code,
        "sku_code": some.sku_code,
        "reservation_id": some.reservation_id,
        "kind": some.kind,
        "after": after,
        "limit": limit,
    }
    cursor = await conn.execute(_SQL["list_acts"], parameters)
    return [Act(row[0], ActKind(row[1]), *row[2:]) async for row in cursor]


def _arrays(keys: Collection[LevelKey]) -> dict[str, Any]:
    ordered = sorted(set(keys))
    return {"warehouse_codes": [key[0] for key in ordered], "sku_codes": [key[1] for key in ordered]}


def _lack_row(lack: Lack) -> dict[str, Any]:
    return {
        "warehouse_code": lack.warehouse_code,
        "sku_code": lack.sku_code,
        "reservation_id": lack.reservation_id,
    }
