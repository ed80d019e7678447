"""What is kept back of a SKU, and when to reorder it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from lumbung_kit.postgres import Conn
from lumbung_kit.sql import load
from lumbung_stock.domain.ledger import Author
from lumbung_stock.domain.levels import Level
from lumbung_stock.domain.places import NOT_ON_HAND
from lumbung_stock.domain.replenishment import (
    COVER_DAYS,
    Crossing,
    Reorder,
    Replenishment,
    ReplenishmentChange,
)
from lumbung_stock.domain.suggestions import Demand, LeadTime, LeadTimeKey
from lumbung_stock.stores.sku_seals import first_uses

_SQL = load(__package__, "replenishment.sql")


async def set_figures(conn: Conn, figures: Replenishment) -> None:
    """Writes the figures into a level that the caller has made and locked."""
    await conn.execute(_SQL["set"], asdict(figures))


async def note_change(conn: Conn, before: Level, figures: Replenishment, author: Author, reason: str) -> None:
    """Writes down who changed the figures, and what they were before."""
    was = {
        "safety_stock_before": before.safety_stock,
        "reorder_point_before": before.reorder_point,
        "reorder_quantity_before": before.reorder_quantity,
    }
    row = {**asdict(figures), **was, **asdict(author), "reason": reason}
    await conn.execute(_SQL["note_change"], row)


async def take_crossings(conn: Conn, limit: int) -> list[Crossing]:
    """Takes the oldest crossings that no event has told of: the caller tells of them in this transaction."""
    cursor = await conn.execute(_SQL["take_crossings"], {"limit": limit})
    return [Crossing(Replenishment(*row[:5]), row[5]) async for row in cursor]


async def list_due(
    conn: Conn, warehouse_code: str, *, after: tuple[int, str, str], limit: int
) -> list[Reorder]:
    """What is at or below its reorder point behind `after`, which is (urgency, warehouse, SKU)."""
    parameters = {
        "warehouse_code": warehouse_code,
        "days": COVER_DAYS,
        "after_urgency": after[0],
        "after_warehouse": after[1],
        "after_sku": after[2],
        "limit": limit,
    }
    cursor = await conn.execute(_SQL["due"], parameters)
    return [Reorder(Replenishment(*row[:5]), *row[5:]) async for row in cursor]


async def list_changes(
    conn: Conn, warehouse_code: str, sku_code: str, *, after: int, limit: int
) -> list[ReplenishmentChange]:
    """Changes of a SKU's figures behind one of them, oldest first."""
    key = (warehouse_code, sku_code)
    parameters = {"warehouse_code": warehouse_code, "sku_code": sku_code, "after": after, "limit": limit}
    cursor = await conn.execute(_SQL["changes"], parameters)
    return [
        ReplenishmentChange(row[0], Replenishment(*key, *row[1:4]), Replenishment(*key, *row[4:7]), *row[7:])
        async for row in cursor
    ]


async def present_figures(
    conn: Conn, warehouse_code: str, sku_codes: Sequence[str]
) -> dict[str, Replenishment]:
    """Figures by SKU; those of a SKU that was never there are absent."""
    parameters = {"warehouse_code": warehouse_code, "sku_codes": list(sku_codes)}
    cursor = await conn.execute(_SQL["present"], parameters)
    return {row[1]: Replenishment(*row) async for row in cursor}


async def put_lead_times(conn: Conn, actor: str, said: Sequence[LeadTime]) -> None:
    """Writes lead times over those of the same SKU, warehouse and supplier."""
    columns = {
        "warehouse_codes": [each.warehouse_code for each in said],
        "sku_codes": [each.sku_code for each in said],
        "supplier_codes": [each.supplier_code for each in said],
        "mean_days": [each.mean_days for each in said],
        "deviation_days": [each.deviation_days for each in said],
        "pack_sizes": [each.pack_size for each in said],
        "priorities": [each.priority for each in said],
    }
    with first_uses():
        await conn.execute(_SQL["put_lead_times"], {**columns, "actor": actor})


async def remove_lead_times(conn: Conn, author: Author, keys: Sequence[LeadTimeKey]) -> set[LeadTimeKey]:
    """Takes lead times back, and writes down who did; returns those that were there."""
    parameters = {
        "warehouse_codes": [warehouse for warehouse, _, _ in keys],
        "sku_codes": [sku for _, sku, _ in keys],
        "supplier_codes": [supplier for _, _, supplier in keys],
        **asdict(author),
    }
    cursor = await conn.execute(_SQL["remove_lead_times"], parameters)
    return {(row[0], row[1], row[2]) async for row in cursor}


async def list_lead_times(
    conn: Conn, warehouse_code: str, sku_code: str, *, after: tuple[str, int, str], limit: int
) -> list[LeadTime]:
    """Lead times behind `after`, which is (SKU, priority, supplier)."""
    parameters = {
        "warehouse_code": warehouse_code,
        "sku_code": sku_code,
        "after_sku": after[0],
        "after_priority": after[1],
        "after_supplier": after[2],
        "limit": limit,
    }
    cursor = await conn.execute(_SQL["list_lead_times"], parameters)
    return [LeadTime(*row) async for row in cursor]


async def first_lead_times(
    conn: Conn, warehouse_code: str, sku_codes: Sequence[str], supplier_code: str
) -> dict[str, LeadTime]:
    """By SKU the lead time of a supplier, or (empty) of the one with the lowest priority; absent when unknown."""
    parameters = {
        "warehouse_code": warehouse_code,
        "sku_codes": list(sku_codes),
        "supplier_code": supplier_code,
    }
    cursor = await conn.execute(_SQL["first_lead_times"], parameters)
    return {row[1]: LeadTime(*row) async for row in cursor}


async def demand_of(
    conn: Conn, warehouse_code: str, sku_codes: Sequence[str], days: int
) -> dict[str, Demand]:
    """What was sold of each SKU on the last whole days."""
    parameters = {
        "warehouse_code": warehouse_code,
        "sku_codes": list(sku_codes),
        "days": days,
        "not_on_hand": sorted(NOT_ON_HAND),
    }
    cursor = await conn.execute(_SQL["demand"], parameters)
    return {sku: Demand(tuple(units), out, returned) async for sku, units, out, returned in cursor}
