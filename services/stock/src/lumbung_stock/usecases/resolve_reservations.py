"""Resolve reservations: confirm, release, expire, extend, cancel, ship, many in one transaction (P2, P4, P7).

Postgres alone decides. Valkey is told of units given back afterwards, out of flash_credit.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from lumbung_kit import events
from lumbung_kit.events import NewEvent
from lumbung_kit.failures import Failure
from lumbung_kit.postgres import Conn
from lumbung_stock.domain.levels import merge
from lumbung_stock.domain.reservations import Reservation, Resolution, Verb
from lumbung_stock.domain.resolve import (
    Change,
    EscrowChange,
    Resolver,
    credits_due,
    escrow_changes,
    escrow_keys,
    level_change,
    skus_given_back,
)
from lumbung_stock.stores import flash_sales, levels, reservations, sellables
from lumbung_stock.usecases.settle_shortfalls import settle_shortfalls, short_of
from lumbung_stock.wire.events import availability_changed, reservation_resolved


async def resolve_reservations(conn: Conn, wishes: Sequence[Resolution]) -> list[Reservation | Failure]:
    """Decides the wishes in their order, in the caller's transaction; one that fails never fails another."""
    resolver = await _resolver(conn, wishes)
    answers = [resolver.decide(wish) for wish in wishes]
    if resolver.changed:
        await _write(conn, resolver.changed, resolver.now)
    if resolver.answered:
        await reservations.insert_resolutions(conn, resolver.answered, resolver.now)
    return answers


async def _resolver(conn: Conn, wishes: Sequence[Resolution]) -> Resolver:
    found = await reservations.lock_reservations(conn, {wish.reservation_id for wish in wishes})
    now = await reservations.clock(conn)
    orders = [
        (found[wish.reservation_id].channel_code, wish.order.order_reference)
        for wish in wishes
        if wish.order is not None and wish.reservation_id in found
    ]
    earlier = await reservations.find_resolutions(
        conn, [wish.request_id for wish in wishes if wish.request_id]
    )
    taken = await reservations.orders_taken(conn, orders) if orders else set()
    return Resolver(found, earlier, taken, now)


async def _write(conn: Conn, changed: Sequence[Change], now: datetime) -> None:
    await _write_reservations(conn, changed, now)
    settled = await _move_units(conn, changed)
    told = [
        *(reservation_resolved(change.after, change.wish) for change in changed if change.resolves),
        *settled,
    ]
    if skus := await sellables.affected(conn, skus_given_back(changed)):
        told.append(availability_changed(skus))
    await events.append(conn, told)


async def _write_reservations(conn: Conn, changed: Sequence[Change], now: datetime) -> None:
    """One row may have changed more than once: what it came to last is what it is."""
    resolved = {change.after.reservation_id: change.after for change in changed if change.resolves}
    if resolved:
        await reservations.set_states(conn, list(resolved.values()), now)
    extended = [change.after for change in changed if change.wish.verb is Verb.EXTEND]
    if extended:
        await reservations.move_deadlines(conn, extended)
    if reduced := [change.after for change in changed if change.after.held and not change.before.held]:
        await reservations.keep_parts(conn, reduced)
    if shipped := [
        (change.after.reservation_id, draw.warehouse_code)
        for change in changed
        for verb, draw in change.moved
        if verb is Verb.SHIP
    ]:
        await reservations.mark_shipped(conn, shipped)


async def _move_units(conn: Conn, changed: Sequence[Change]) -> list[NewEvent]:
    """Moves the units between levels and escrow; tells of shortfalls that this has ended."""
    items = await flash_sales.lock_items(conn, escrow_keys(changed))
    escrow: list[EscrowChange] = []
    for change in changed:
        escrow += escrow_changes(change, items)
    await flash_sales.change_items(conn, escrow)
    moves = merge([level_change(draw, verb) for change in changed for verb, draw in change.moved])
    before = await levels.lock_levels(conn, [(move.warehouse_code, move.sku_code) for move in moves])
    await levels.change_levels(conn, moves)
    if due := credits_due(changed):
        await flash_sales.insert_credits(conn, due)
    return await settle_shortfalls(conn, short_of(before))
