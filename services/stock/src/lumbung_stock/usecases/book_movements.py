"""Book movements: levels, places, ledger and events in one transaction, locked in the one order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lumbung_kit import events
from lumbung_kit.postgres import Conn
from lumbung_stock.domain.ledger import (
    Booking,
    LedgerEntry,
    MovementKind,
    level_changes,
    place_changes,
    require_stock,
)
from lumbung_stock.domain.levels import LevelChange, LevelKey
from lumbung_stock.domain.transfers import require_unpromised
from lumbung_stock.stores import ledger, levels, places, sellables
from lumbung_stock.usecases.name_lots import name_lots
from lumbung_stock.usecases.settle_shortfalls import settle_shortfalls
from lumbung_stock.wire.events import availability_changed
from lumbung_stock.wire.inventory_events import stock_moved


async def book_movements(
    conn: Conn, booking: Booking, *, unpromised_alone: bool = False
) -> list[LedgerEntry]:
    """Moves goods, and what is on hand with them. What exists was checked by the caller.

    Reality wins: when what is on hand falls below what is promised, a shortfall is raised. `unpromised_alone` is for
    goods that leave because somebody wants them to: only as many as nobody was promised.
    Raises NotEnoughInBin, what `name_lots` raises, and NotEnoughAvailable where only unpromised goods may leave.
    """
    changes = level_changes(booking.warehouse_code, booking.movements)
    keys = sorted({(change.warehouse_code, change.sku_code) for change in changes} | _of_put_backs(booking))
    if keys:
        await levels.ensure_levels(conn, keys)
    locked = await levels.lock_levels(conn, keys) if keys else {}
    moved = await move_goods(conn, booking)
    if unpromised_alone:
        before = {sku_code: level for (_, sku_code), level in locked.items()}
        require_unpromised(before, [*changes, *moved.expired])
    if changes or moved.expired:
        await accept_and_tell(conn, [*changes, *moved.expired])
    return moved.entries


@dataclass(frozen=True, slots=True)
class Moved:
    """What was written, and what it does to the expired units of levels."""

    entries: list[LedgerEntry]
    expired: tuple[LevelChange, ...]


async def move_goods(conn: Conn, booking: Booking) -> Moved:
    """Moves goods between places and writes that down; the caller books what is on hand, if it changes.

    Raises NotEnoughInBin, and what `name_lots` raises.
    """
    differences = place_changes(booking.movements)
    locked = await places.lock_places(conn, booking.warehouse_code, differences)
    require_stock({key: place.quantity for key, place in locked.items()}, booking.movements)
    await places.change_places(conn, booking.warehouse_code, differences)
    named = await name_lots(conn, booking, locked)
    entries = await ledger.append_entries(conn, named.booking)
    await events.append(conn, [stock_moved(entries)])
    return Moved(entries, named.expired)


async def accept_and_tell(conn: Conn, changes: Sequence[LevelChange]) -> None:
    """Reality changes levels, which are locked: promises that it hits become a shortfall, and all of it is told."""
    keys = sorted({(change.warehouse_code, change.sku_code) for change in changes})
    await levels.accept_reality(conn, changes)
    told = await settle_shortfalls(conn, keys)
    figures = availability_changed(await sellables.affected(conn, {sku_code for _, sku_code in keys}))
    await events.append(conn, [*told, figures])


def _of_put_backs(booking: Booking) -> set[LevelKey]:
    """What comes back from packing may have expired there, which its level then counts."""
    return {
        (booking.warehouse_code, movement.sku_code)
        for movement in booking.movements
        if movement.kind is MovementKind.PUT_BACK
    }
