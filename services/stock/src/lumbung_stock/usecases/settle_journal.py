"""Group commit: what the gate granted becomes true in Postgres, or is refused there (P1, P2, P3).

One ordered committer per sale takes journal entries in batches. Postgres' escrow has the last word: what it does
not cover is refused, whatever the gate said, and the gate is given its units back.
"""

from __future__ import annotations

from collections.abc import Sequence

from lumbung_kit.postgres import Conn
from lumbung_stock.domain.allocate import Decision
from lumbung_stock.domain.answers import unseen
from lumbung_stock.domain.carts import Cart
from lumbung_stock.domain.flash_sales import FlashSaleState
from lumbung_stock.domain.reservations import Reservation, ReservationState
from lumbung_stock.domain.resolve import CreditDue, EscrowChange
from lumbung_stock.domain.settle import CustomerLimits, Escrow, settle
from lumbung_stock.stores import flash_sales, reservations
from lumbung_stock.usecases.lock_customers import lock_with_customers
from lumbung_stock.usecases.reserve_from_levels import lock_allocator, refuse_used_ids, write_decisions
from lumbung_stock.usecases.sale_ports import FencedError

SETTLING_STATES = (FlashSaleState.OPEN, FlashSaleState.CLOSING)


async def settle_journal(
    conn: Conn, flash_sale_code: str, epoch: int, carts: Sequence[Cart], warehouses: Sequence[str]
) -> dict[str, Reservation]:
    """Commits a batch of the journal in the caller's transaction; returns each request's first answer.

    Entries that were committed before have no further effect. Raises FencedError, and ConcurrentChange when the
    same request is being written elsewhere; the same batch may then be tried again.
    """
    locked = await lock_with_customers(conn, flash_sale_code, carts)
    if locked is None or locked.state not in SETTLING_STATES or locked.epoch != epoch:
        raise FencedError(f"{flash_sale_code} is no longer in epoch {epoch}")
    known = await reservations.find_by_request(conn, [cart.request_id for cart in carts])
    fresh = await refuse_used_ids(conn, unseen(carts, known))
    decisions = await _decide(conn, flash_sale_code, fresh, warehouses, locked.limits)
    made = await write_decisions(conn, decisions)
    await _leave_escrow(conn, flash_sale_code, made)
    answers = known | made
    if owed := [
        CreditDue(flash_sale_code, cart.reservation_id) for cart in carts if _gate_is_owed(cart, answers)
    ]:
        await flash_sales.insert_credits(conn, owed)
    return answers


async def _decide(
    conn: Conn,
    flash_sale_code: str,
    carts: Sequence[Cart],
    warehouses: Sequence[str],
    limits: CustomerLimits | None,
) -> list[tuple[Cart, Decision]]:
    skus = sorted({sku for cart in carts if cart.refusal is None for sku in cart.demand()})
    items = await flash_sales.lock_items(conn, [(flash_sale_code, sku) for sku in skus])
    escrow = Escrow(list(items.values()))
    mixed = [cart for cart in carts if not all(escrow.covers(sku) for sku in cart.demand())]
    allocator = await lock_allocator(conn, mixed, warehouses)
    return [(cart, settle(cart, escrow, allocator, limits)) for cart in carts]


async def _leave_escrow(conn: Conn, flash_sale_code: str, made: dict[str, Reservation]) -> None:
    """`remaining` falls only for rows that were really inserted."""
    taken = [
        EscrowChange(flash_sale_code, draw.sku_code, remaining=-draw.quantity)
        for reservation in made.values()
        for draw in reservation.draws
        if draw.from_escrow
    ]
    await flash_sales.change_items(conn, taken)


def _gate_is_owed(cart: Cart, answers: dict[str, Reservation]) -> bool:
    """Whether the gate set units aside for an entry under which nothing is held here."""
    if cart.refusal is not None:
        return False
    answer = answers[cart.request_id]
    return answer.reservation_id != cart.reservation_id or answer.state is ReservationState.REFUSED
