"""Book movements: levels, places, ledger and events in one transaction, locked in the one order."""

from __future__ import annotations

from lumbung_kit import events
from lumbung_kit.events import NewEvent
from lumbung_kit.postgres import Conn
from lumbung_stock.domain.ledger import Booking, LedgerEntry, level_changes, place_changes, require_stock
from lumbung_stock.stores import ledger, levels, places, sellables
from lumbung_stock.usecases.settle_shortfalls import settle_shortfalls
from lumbung_stock.wire.events import availability_changed
from lumbung_stock.wire.inventory_events import stock_moved


async def book_movements(conn: Conn, booking: Booking) -> list[LedgerEntry]:
    """Moves goods, and what is on hand with them. What exists was checked by the caller.

    Reality wins: when what is on hand falls below what is promised, a shortfall is raised.
    Raises NotEnoughInBin.
    """
    changes = level_changes(booking.warehouse_code, booking.movements)
    keys = sorted({(change.warehouse_code, change.sku_code) for change in changes})
    if keys:
        await levels.ensure_levels(conn, keys)
        await levels.lock_levels(conn, keys)
    entries = await move_goods(conn, booking)
    if keys:
        await levels.accept_reality(conn, changes)
        told = await settle_shortfalls(conn, keys)
        await events.append(conn, [*told, await _availability_of(conn, booking)])
    return entries


async def move_goods(conn: Conn, booking: Booking) -> list[LedgerEntry]:
    """Moves goods between places and writes that down; the caller has booked what is on hand, if it changes.

    Raises NotEnoughInBin.
    """
    differences = place_changes(booking.movements)
    require_stock(await places.lock_places(conn, booking.warehouse_code, differences), booking.movements)
    await places.change_places(conn, booking.warehouse_code, differences)
    entries = await ledger.append_entries(conn, booking)
    await events.append(conn, [stock_moved(entries)])
    return entries


async def _availability_of(conn: Conn, booking: Booking) -> NewEvent:
    moved = {movement.sku_code for movement in booking.movements if movement.on_hand_difference()}
    return availability_changed(await sellables.affected(conn, moved))
