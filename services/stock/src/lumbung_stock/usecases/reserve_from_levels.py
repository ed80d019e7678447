"""Reserve in an ordinary sale: Postgres alone, many carts in one transaction.

Carts that arrive while a transaction is in flight are decided together in the next, in their order of arrival,
each all or nothing, so that callers who want the same SKU do not queue one by one on its row.
"""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from psycopg.errors import UniqueViolation

from lumbung_kit import events
from lumbung_kit.failures import ConcurrentChange, Failure, RequestIdReused
from lumbung_kit.postgres import Conn, constraint_of, in_one_trip
from lumbung_stock.domain.allocate import Allocator, Decision
from lumbung_stock.domain.answers import decided, first_answer, unseen
from lumbung_stock.domain.carts import Cart
from lumbung_stock.domain.levels import LevelChange
from lumbung_stock.domain.reservations import Draw, Refusal, Reservation
from lumbung_stock.stores import levels, reservations, sellables
from lumbung_stock.wire.events import availability_changed, reservation_held

ID_REUSED = Refusal(RequestIdReused.reason, RequestIdReused().message)


async def reserve_from_levels(
    conn: Conn, carts: Sequence[Cart], warehouses: Sequence[str]
) -> list[Reservation | Failure]:
    """Decides the carts in the caller's transaction, one answer each.

    Raises ConcurrentChange, with nothing to keep, when another transaction has just written one of the requests.
    """
    request_ids = [cart.request_id for cart in carts]
    known, used = await in_one_trip(
        conn,
        reservations.find_by_request(conn, request_ids),
        reservations.ids_of_resolutions(conn, request_ids),
    )
    fresh = refuse_used_ids(unseen(carts, known), used)
    allocator = await lock_allocator(conn, fresh, warehouses)
    known |= await write_decisions(conn, [(cart, allocator.decide(cart)) for cart in fresh])
    return [first_answer(cart, known) for cart in carts]


def refuse_used_ids(carts: Sequence[Cart], used: Collection[str]) -> list[Cart]:
    """The carts, those refused under whose request_id something else was asked before: ids are one space."""
    return [
        replace(cart, refusal=ID_REUSED) if cart.request_id in used and cart.refusal is None else cart
        for cart in carts
    ]


async def lock_allocator(conn: Conn, carts: Sequence[Cart], warehouses: Sequence[str]) -> Allocator:
    """An allocator over the locked levels that these carts could draw on."""
    keys = {
        (warehouse, sku)
        for cart in carts
        if cart.refusal is None
        for warehouse in cart.candidates(warehouses)
        for sku in cart.demand()
    }
    return Allocator(await levels.lock_levels(conn, keys) if keys else {}, warehouses)


async def write_decisions(conn: Conn, decisions: Sequence[tuple[Cart, Decision]]) -> dict[str, Reservation]:
    """Writes decided carts, what they take from levels, and the events; returns the reservations by request_id.

    Raises ConcurrentChange as `write` does.
    """
    made = await make(conn, decisions)
    await write(conn, made)
    return made.by_request


@dataclass(frozen=True, slots=True)
class Made:
    """Reservations that are decided and not yet written, and the SKUs and bundles whose figures they change."""

    by_request: dict[str, Reservation]
    changed: Sequence[str]

    @property
    def reservations(self) -> list[Reservation]:
        return list(self.by_request.values())


async def make(conn: Conn, decisions: Sequence[tuple[Cart, Decision]]) -> Made:
    """The reservations that decisions make, by Postgres' clock: what is locked must be locked by now."""
    if not decisions:
        return Made({}, [])
    skus = {draw.sku_code for _, decision in decisions for draw in drawn(decision)}
    now, changed = await in_one_trip(conn, reservations.clock(conn), sellables.affected(conn, skus))
    made = (
        decided(cart, decision, (now, now + timedelta(seconds=cart.ttl_s))) for cart, decision in decisions
    )
    return Made({reservation.request_id: reservation for reservation in made}, changed)


async def write(conn: Conn, made: Made, *others: Awaitable[None]) -> None:
    """Writes what was made, with the events and what else belongs to it, in one trip.

    Raises ConcurrentChange, with nothing to keep, when another transaction has just written one of the requests.
    """
    try:
        await in_one_trip(conn, *(_writes(conn, made) if made.by_request else ()), *others)
    except UniqueViolation as error:
        if constraint_of(error) == reservations.REQUEST_ONCE:
            raise ConcurrentChange from error
        raise


def _writes(conn: Conn, made: Made) -> list[Awaitable[None]]:
    """Each gathers what it writes when it is its turn, while Postgres has begun with those before."""
    new = made.reservations
    return [
        reservations.insert(conn, new),
        reservations.insert_draws(conn, new),
        _tell(conn, new, made.changed),
        _leave_levels(conn, new),
    ]


async def _tell(conn: Conn, new: Sequence[Reservation], changed: Sequence[str]) -> None:
    told = [reservation_held(reservation) for reservation in new if reservation.refusal is None]
    if changed:
        told.append(availability_changed(changed))
    await events.append(conn, told)


async def _leave_levels(conn: Conn, new: Sequence[Reservation]) -> None:
    ordinary = [_held(draw) for reservation in new for draw in reservation.draws if not draw.from_escrow]
    await levels.change_levels(conn, ordinary)


def drawn(decision: Decision) -> tuple[Draw, ...]:
    """What a decision takes: nothing when it is a refusal."""
    return () if isinstance(decision, Refusal) else decision


def _held(draw: Draw) -> LevelChange:
    return LevelChange(draw.warehouse_code, draw.sku_code, held=draw.quantity)
