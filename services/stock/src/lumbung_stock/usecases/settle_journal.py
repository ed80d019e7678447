"""Group commit: what the gate granted becomes true in Postgres, or is refused there (P1, P2, P3).

One ordered committer per sale takes journal entries in batches. Postgres' escrow has the last word: what it does
not cover is refused, whatever the gate said, and the gate is given its units back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Sequence
from typing import Any

from lumbung_kit.postgres import Conn, in_one_trip
from lumbung_stock.domain.answers import unseen
from lumbung_stock.domain.carts import Cart, customers_of, skus_of
from lumbung_stock.domain.flash_sales import FlashSaleItem, FlashSaleState, shown_code
from lumbung_stock.domain.reservations import Reservation, ReservationState
from lumbung_stock.domain.resolve import CreditDue, EscrowChange
from lumbung_stock.domain.settle import CustomerLimits, Escrow, limits_of, settle
from lumbung_stock.stores import flash_sales, reservations
from lumbung_stock.stores.flash_sales import ItemKey
from lumbung_stock.usecases.lock_customers import Locked, lock_with_customers
from lumbung_stock.usecases.reserve_from_levels import lock_allocator, make, refuse_used_ids, write
from lumbung_stock.usecases.sale_ports import FencedError

TAKES_UNITS = (ReservationState.HELD, ReservationState.CONFIRMED, ReservationState.SHIPPED)
SETTLING_STATES = (FlashSaleState.OPEN, FlashSaleState.CLOSING)


async def settle_journal(
    conn: Conn, flash_sale_code: str, epoch: int, carts: Sequence[Cart], warehouses: Sequence[str]
) -> dict[str, Reservation]:
    """Commits a batch of the journal in the caller's transaction; returns each request's first answer.

    Entries that were committed before have no further effect. Raises FencedError, and ConcurrentChange when the
    same request is being written elsewhere; the same batch may then be tried again.
    """
    locked, known, used, items = await _look(conn, flash_sale_code, carts)
    if locked is None or locked.state not in SETTLING_STATES or locked.epoch != epoch:
        raise FencedError(f"{flash_sale_code} is no longer in epoch {epoch}")
    fresh = refuse_used_ids(unseen(carts, known), used)
    escrow = Escrow(list(items.values()))
    mixed = [cart for cart in fresh if not all(escrow.covers(sku) for sku in cart.demand())]
    allocator = await lock_allocator(conn, mixed, warehouses)
    decisions = [(cart, settle(cart, escrow, allocator, locked.limits)) for cart in fresh]
    made = await make(conn, decisions)
    answers = known | made.by_request
    owed = [CreditDue(flash_sale_code, cart.reservation_id) for cart in carts if _gate_is_owed(cart, answers)]
    await write(
        conn,
        made,
        _leave_escrow(conn, flash_sale_code, made.reservations),
        flash_sales.insert_credits(conn, owed),
    )
    return answers


async def _look(
    conn: Conn, code: str, carts: Sequence[Cart]
) -> tuple[Locked | None, dict[str, Reservation], set[str], dict[ItemKey, FlashSaleItem]]:
    """The locked sale or pool, what its requests were answered before, ids used for something else, and the locked
    items: in one trip, but for pools, whose locks come in several, and for limits, which most sales do not have."""
    if shown_code(code) != code:
        locked = await lock_with_customers(conn, code, carts)
        known, used, items = await in_one_trip(conn, *_requests_and_items(conn, code, carts))
        return locked, known, used, items
    sale, known, used, items = await in_one_trip(
        conn, flash_sales.lock_sale(conn, code), *_requests_and_items(conn, code, carts)
    )
    limits = limits_of(items.values())
    customers = customers_of(carts) if limits else []
    bought = await flash_sales.bought(conn, [code], customers, list(limits))
    return (Locked(sale[0], sale[1], CustomerLimits(limits, bought)) if sale else None), known, used, items


def _requests_and_items(conn: Conn, code: str, carts: Sequence[Cart]) -> list[Awaitable[Any]]:
    request_ids = [cart.request_id for cart in carts]
    return [
        reservations.find_by_request(conn, request_ids),
        reservations.ids_of_resolutions(conn, request_ids),
        flash_sales.lock_items(conn, [(code, sku) for sku in skus_of(carts)]),
    ]


async def _leave_escrow(conn: Conn, flash_sale_code: str, made: Sequence[Reservation]) -> None:
    """`remaining` falls only for rows that are inserted with it, all of them or none."""
    taken: Counter[str] = Counter()
    for reservation in made:
        for draw in reservation.draws:
            if draw.from_escrow:
                taken[draw.sku_code] += draw.quantity
    changes = [EscrowChange(flash_sale_code, sku, remaining=-units) for sku, units in taken.items()]
    await flash_sales.change_items(conn, changes)


def _gate_is_owed(cart: Cart, answers: dict[str, Reservation]) -> bool:
    """Whether the gate set units aside for an entry under which nothing is taken here.

    Under the hold's own id, too: one that was given back before a recovery is unknown to the gate that this set up,
    and a caller who had no answer yet and asks once more is granted it once more.
    """
    if cart.refusal is not None:
        return False
    answer = answers[cart.request_id]
    return answer.reservation_id != cart.reservation_id or answer.state not in TAKES_UNITS
