"""What must be true after the demo: what buyers wrote down, held against what the services say. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lumbung.stock.v1 import flash_sales_pb2, inventory_pb2, reservations_pb2
from lumbung_dev.demo.diary import Ending, Purchase

STATES = {
    Ending.SOLD: (
        reservations_pb2.RESERVATION_STATE_CONFIRMED,
        reservations_pb2.RESERVATION_STATE_SHIPPED,
    ),
    Ending.CANCELLED: (reservations_pb2.RESERVATION_STATE_CANCELLED,),
    Ending.GIVEN_BACK: (reservations_pb2.RESERVATION_STATE_RELEASED,),
}
"""How a try ended -> the states in which stock may have it."""
_SHOWN_MAX = 5

Reservations = Mapping[str, reservations_pb2.Reservation]


@dataclass(frozen=True, slots=True)
class Finding:
    """One promise, and whether it was kept."""

    promise: str
    kept: bool
    detail: str


def everybody_has_an_answer(purchases: Sequence[Purchase]) -> Finding:
    open_pages = [page for page in purchases if page.ending is Ending.UNANSWERED]
    return finding_of(
        "every buyer has an answer",
        [f"{page.buyer.name}: {page.reason or 'no answer'}" for page in open_pages],
        f"{len(purchases)} tries",
    )


def quota_was_kept(quota: int, sold_on_sale: int) -> Finding:
    return Finding(
        "no more than the quota was sold on sale",
        sold_on_sale <= quota,
        f"{sold_on_sale} of {quota} by the buyers' own count",
    )


def no_hold_was_given_twice(told: Sequence[Purchase]) -> Finding:
    twice = [key for key, count in Counter(page.reservation_id for page in told).items() if count > 1]
    return finding_of("every hold is one buyer's alone", twice, f"{len(told)} holds")


def stock_says_what_buyers_were_told(told: Sequence[Purchase], reservations: Reservations) -> Finding:
    wrong = [
        f"{page.buyer.name} was told {page.ending.value}, stock says {_words(reservations.get(page.reservation_id))}"
        for page in told
        if not _agrees(page, reservations.get(page.reservation_id))
    ]
    return finding_of("what was acknowledged is in stock", wrong, f"{len(told)} reservations read")


def _agrees(page: Purchase, found: reservations_pb2.Reservation | None) -> bool:
    """State, basket and channel; a marketplace's order also stands under its own number."""
    if found is None or found.state not in STATES[page.ending]:
        return False
    asked = tuple((line.sku_code, line.quantity) for line in found.lines)
    numbered = not page.order_reference or found.order.order_reference == page.order_reference
    return asked == page.buyer.basket and found.channel_code == page.buyer.channel and numbered


def _words(found: reservations_pb2.Reservation | None) -> str:
    if found is None:
        return "nothing"
    lines = ", ".join(f"{line.quantity} x {line.sku_code}" for line in found.lines)
    state = reservations_pb2.ReservationState.Name(found.state)
    return f"{state} {lines} for {found.channel_code} {found.order.order_reference}"


def escrow_is_whole(
    report: flash_sales_pb2.ReportFlashSaleResponse, told: Sequence[Purchase], reservations: Reservations
) -> Finding:
    """Quota = free + held + sold + shipped + given back, and what it sold is what buyers know of."""
    item = report.items[0]
    parts = item.remaining + item.held + item.sold + item.shipped + item.returned
    with_buyers = sum(
        draw.quantity
        for page in told
        if page.ending is Ending.SOLD and page.buyer.wants_sale and page.reservation_id in reservations
        for draw in reservations[page.reservation_id].draws
        if draw.sku_code == item.sku_code
    )
    wrong = []
    if parts != item.quota:
        wrong.append(f"quota {item.quota}, but its parts make {parts}")
    if item.sold + item.shipped != with_buyers:
        wrong.append(f"{item.sold + item.shipped} sold, but buyers know of {with_buyers}")
    if report.oversold_units:
        wrong.append(f"{report.oversold_units} oversold")
    back = item.returned + item.remaining
    return finding_of(
        "the sale's escrow is whole", wrong, f"{item.quota} = {with_buyers} with buyers + {back} given back"
    )


def books_are_even(found: inventory_pb2.CheckPromisesResponse) -> Finding:
    numbers = {
        "oversold": found.oversold_units,
        "conservation gap": found.conservation_gap_units,
        "leaked holds": found.leaked_holds,
        "shortfall": found.shortfall_units,
    }
    wrong = [f"{name} {number}" for name, number in numbers.items() if number]
    return finding_of("stock's own books are even", wrong, "oversold 0, gap 0, leaked 0, shortfall 0")


def ledger_is_true(found: inventory_pb2.VerifyLedgerResponse) -> Finding:
    wrong = [
        f"{each.sku_code} {each.place_code}: {each.stored_quantity} stored, {each.ledger_quantity} by the ledger"
        for each in found.differences
    ]
    detail = f"{found.figure_count} figures recomputed from {found.entry_count} entries"
    return finding_of("the ledger gives the same figures", wrong, detail)


def every_sale_is_one_order(sold: set[str], orders: Counter[str], strangers: frozenset[str]) -> Finding:
    """`orders` counts the warehouse's orders by reservation."""
    wrong = [f"{key} has {orders[key]} orders" for key in sold if orders[key] != 1]
    wrong += [f"order for {key}, which nobody bought" for key in orders.keys() - sold - strangers]
    return finding_of("every sale is exactly one order in the warehouse", wrong, f"{len(sold)} orders")


def nobody_died_unasked(deaths: Sequence[str]) -> Finding:
    return finding_of("no process ended unasked", deaths, "")


def finding_of(promise: str, wrong: Sequence[str], detail: str) -> Finding:
    if not wrong:
        return Finding(promise, kept=True, detail=detail)
    more = f" and {len(wrong) - _SHOWN_MAX} more" if len(wrong) > _SHOWN_MAX else ""
    return Finding(promise, kept=False, detail="; ".join(wrong[:_SHOWN_MAX]) + more)
