"""Have another warehouse give what a sale lacks: checked and booked in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lumbung_kit import events
from lumbung_kit.postgres import Conn
from lumbung_stock.domain.ledger import Author
from lumbung_stock.domain.levels import LevelKey, merge
from lumbung_stock.domain.reservations import Reservation
from lumbung_stock.domain.shortfalls import (
    ActKind,
    Lack,
    NewAct,
    choose_giver,
    level_changes,
    moved_over,
    require_sale,
    units_asked,
    units_to_move,
)
from lumbung_stock.stores import levels, reservations, sellables, shortfalls, warehouses
from lumbung_stock.usecases.lock_lack import lock_lack
from lumbung_stock.usecases.lock_reservation import lock_reservation
from lumbung_stock.usecases.settle_shortfalls import settle_shortfalls
from lumbung_stock.wire.events import availability_changed, reservation_resourced
from lumbung_stock.wire.inventory_events import backorder_changed


@dataclass(frozen=True, slots=True)
class Resourced:
    """A sale with its new draws, who gives units now, and which."""

    reservation: Reservation
    to_warehouse_code: str
    moved: Mapping[str, int]


async def resource_shortfall(
    conn: Conn, author: Author, lack: Lack, *, to_warehouse_code: str, reason: str
) -> Resourced:
    """Raises ReservationNotFound, NotConfirmed, NotShort, MoreThanShort, WarehouseNotFound, GoodsOfFlashSale,
    AlreadyPicked, NoWarehouseHasIt.
    """
    if to_warehouse_code:
        await warehouses.find_warehouse(conn, to_warehouse_code)
    before = await lock_reservation(conn, lack.reservation_id)
    require_sale(before)
    givers = await _who_may_give(conn, before, lack, to_warehouse_code)
    skus = {draw.sku_code for draw in before.draws}
    everywhere = {(code, sku) for code in (lack.warehouse_code, *givers) for sku in skus}
    hit, locked = await lock_lack(conn, lack, everywhere)
    units = units_asked(lack, hit.missing)
    moved = units_to_move(before, lack, units)
    free = {key: level.available_to_promise for key, level in locked.items()}
    giver = choose_giver(moved, free, givers, lack.sku_code)
    after = moved_over(before, lack.warehouse_code, giver, moved)
    await _write(conn, after, lack, giver, moved)
    await shortfalls.note_act(conn, NewAct(ActKind.RESOURCED, lack, units, reason, giver), author)
    return Resourced(after, giver, moved)


async def _who_may_give(conn: Conn, sale: Reservation, lack: Lack, named: str) -> list[str]:
    """By priority; not who lacks the goods, whom it was moved away from, or whose parcel has left."""
    gone = {draw.warehouse_code for draw in sale.draws if draw.shipped}
    refused = {lack.warehouse_code, *gone, *await shortfalls.warehouses_left(conn, lack.reservation_id)}
    asked = [named] if named else await warehouses.warehouses_by_priority(conn)
    return [code for code in asked if code not in refused]


async def _write(conn: Conn, after: Reservation, lack: Lack, giver: str, moved: Mapping[str, int]) -> None:
    """Books the units over, and tells everybody. The levels are locked."""
    source = lack.warehouse_code
    keys: list[LevelKey] = [(source, sku) for sku in moved]
    hits = await shortfalls.find_hits(conn, keys, reservation_id=lack.reservation_id)
    lacking = {hit.sku_code: hit.missing - moved[hit.sku_code] for hit in hits}
    left = await shortfalls.leave_waiting(conn, lack.reservation_id, source, lacking)
    await reservations.move_draws(conn, after)
    await levels.change_levels(conn, merge(level_changes(source, giver, moved)))
    settled = await settle_shortfalls(conn, keys)
    changed = availability_changed(await sellables.affected(conn, list(moved)))
    told = [reservation_resourced(after, source, giver), *map(backorder_changed, left), *settled, changed]
    await events.append(conn, told)
