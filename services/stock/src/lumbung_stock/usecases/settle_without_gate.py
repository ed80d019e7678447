"""Reserve on a sale whose gate is away: its escrow in Postgres decides at once, under the sale's lock (P1, P2, P3).

The same decision as the group commit makes, and by the same code, but for carts that no gate has seen. Nothing is owed
to the gate: when it comes back it is made anew out of what is free then.
"""

from __future__ import annotations

from collections.abc import Sequence

from lumbung_kit.failures import Failure
from lumbung_kit.postgres import Conn, in_one_trip
from lumbung_stock.domain.allocate import Decision
from lumbung_stock.domain.answers import first_answer, unseen
from lumbung_stock.domain.carts import Cart, customers_of, skus_of
from lumbung_stock.domain.flash_sales import FlashSale
from lumbung_stock.domain.pools import moved
from lumbung_stock.domain.reservations import Reservation
from lumbung_stock.domain.resolve import EscrowChange
from lumbung_stock.domain.settle import CustomerLimits, limits_of
from lumbung_stock.domain.without_gate import (
    PoolIsShortError,
    ServedElsewhereError,
    Undecided,
    Wish,
    WithoutGate,
    escrows_of,
)
from lumbung_stock.stores import flash_sales, reservations
from lumbung_stock.usecases.reserve_from_levels import lock_allocator, make, refuse_used_ids, write


async def settle_without_gate(
    conn: Conn, code: str, wishes: Sequence[Wish], warehouses: Sequence[str]
) -> list[Reservation | Failure | Undecided]:
    """Decides carts on one sale in the caller's transaction, one answer each.

    Raises ConcurrentChange, with nothing to keep, when another transaction has just written one of the requests.
    """
    carts = [wish.cart for wish in wishes]
    sale, served, known, used = await _look(conn, code, carts)
    fresh = refuse_used_ids(unseen(carts, known), used)
    without_gate = await _lock_units(conn, sale, served, fresh, warehouses)
    last_word = {wish.cart.request_id: wish.last_word for wish in reversed(wishes)}
    decisions, undecided = _decided(without_gate, [Wish(each, last_word[each.request_id]) for each in fresh])
    made = await make(conn, decisions)
    changes = [*_taken(made.reservations), *moved(without_gate.moves)]
    await write(conn, made, flash_sales.change_items(conn, changes))
    answers = known | made.by_request
    return [undecided.get(cart.request_id) or first_answer(cart, answers) for cart in carts]


async def _look(
    conn: Conn, code: str, carts: Sequence[Cart]
) -> tuple[FlashSale, list[str], dict[str, Reservation], set[str]]:
    """The locked sale, those of its pools that Postgres serves, earlier answers, and ids used for something else."""
    request_ids = [cart.request_id for cart in carts]
    served, sales, known, used = await in_one_trip(
        conn,
        flash_sales.lock_without_gate(conn, code),
        flash_sales.find_sales(conn, [code]),
        reservations.find_by_request(conn, request_ids),
        reservations.ids_of_resolutions(conn, request_ids),
    )
    return sales[code], served, known, used


async def _lock_units(
    conn: Conn, sale: FlashSale, served: Sequence[str], carts: Sequence[Cart], warehouses: Sequence[str]
) -> WithoutGate:
    """Everything that these carts may draw on."""
    skus, gated = skus_of(carts), [each.flash_sale_code for each in sale.gated]
    items, bought = await in_one_trip(
        conn,
        flash_sales.lock_items(conn, [(pool, sku) for pool in served for sku in skus]),
        flash_sales.bought(conn, gated, customers_of(carts), skus),
    )
    mixed = [cart for cart in carts if not cart.demand().keys() <= sale.item_by_sku().keys()]
    ordinary = await lock_allocator(conn, mixed, warehouses)
    limits = CustomerLimits(limits_of(sale.items), bought)
    return WithoutGate(sale, escrows_of(served, items), ordinary, limits)


def _decided(
    without_gate: WithoutGate, wishes: Sequence[Wish]
) -> tuple[list[tuple[Cart, Decision]], dict[str, Undecided]]:
    decisions: list[tuple[Cart, Decision]] = []
    undecided: dict[str, Undecided] = {}
    for wish in wishes:
        try:
            decisions.append(without_gate.decide(wish))
        except (PoolIsShortError, ServedElsewhereError) as reason:
            undecided[wish.cart.request_id] = reason
    return decisions, undecided


def _taken(made: Sequence[Reservation]) -> list[EscrowChange]:
    """`remaining` falls only for rows that are inserted with it, in the pool that each was decided in."""
    return [
        EscrowChange(reservation.flash_sale_code or "", draw.sku_code, remaining=-draw.quantity)
        for reservation in made
        for draw in reservation.draws
        if draw.from_escrow
    ]
