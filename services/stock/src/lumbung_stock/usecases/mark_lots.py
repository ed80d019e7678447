"""Mark lots: what a warehouse's calendar says of a lot becomes what its level counts as expired, and is told."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from lumbung_kit import events
from lumbung_kit.metrics import counter
from lumbung_kit.postgres import Conn
from lumbung_stock.domain.levels import LevelChange, LevelKey
from lumbung_stock.domain.lots import LotKey, Marked
from lumbung_stock.stores import levels, lots, places
from lumbung_stock.usecases.book_movements import accept_and_tell
from lumbung_stock.wire.inventory_events import lot_expiry_changed

_EXPIRED = counter("lumbung_stock_lots_expired", "Times that a lot's last day was over in a warehouse")


async def lock_goods_of(conn: Conn, sku_code: str, warehouse_codes: Collection[str]) -> None:
    """Nobody moves units of a SKU in these warehouses until the transaction ends."""
    keys: list[LevelKey] = [(code, sku_code) for code in sorted(warehouse_codes)]
    await levels.ensure_levels(conn, keys)
    await levels.lock_levels(conn, keys)
    for code, _ in keys:
        await places.lock_places(conn, code, await lots.place_keys(conn, code, sku_code))


async def mark_lots(conn: Conn, lot: LotKey, warehouse_codes: Collection[str]) -> list[tuple[str, Marked]]:
    """Marks a lot in warehouses whose goods the caller has locked; returns those where that has changed anything.

    What may no longer be sold and was promised becomes a shortfall; what may be sold again is available.
    """
    changed = []
    for code in sorted(warehouse_codes):
        marked = await lots.mark_lot(conn, code, *lot)
        if marked is not None:
            changed.append((code, marked))
            _EXPIRED.inc(int(marked.expired))
    if differences := _differences(lot, changed):
        await accept_and_tell(conn, differences)
    await events.append(conn, [lot_expiry_changed(code, *lot, marked) for code, marked in changed])
    return changed


def _differences(lot: LotKey, changed: Sequence[tuple[str, Marked]]) -> list[LevelChange]:
    return [
        LevelChange(code, lot[0], expired=marked.units if marked.expired else -marked.units)
        for code, marked in changed
        if marked.units
    ]
