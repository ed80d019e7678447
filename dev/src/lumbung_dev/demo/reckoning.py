"""Act 8: what the buyers wrote down is held against what every service says. Nothing is taken on trust."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from lumbung.channel_sync.v1 import channel_orders_pb2
from lumbung.fulfillment.v1 import bookings_pb2
from lumbung.stock.v1 import availability_pb2, flash_sales_pb2, inventory_pb2, reservations_pb2
from lumbung_dev.demo.act3_waves import list_orders
from lumbung_dev.demo.diary import Ending, Purchase
from lumbung_dev.demo.play import Play
from lumbung_dev.demo.reservations import read_reservations
from lumbung_dev.local.patience import Waited, eventually, patiently

_SETTLE_S_MAX = 30.0
_SHOWN_MAX = 5
_CONFIRMED = (reservations_pb2.RESERVATION_STATE_CONFIRMED, reservations_pb2.RESERVATION_STATE_SHIPPED)
_STATES = {
    Ending.SOLD: _CONFIRMED,
    Ending.CANCELLED: (reservations_pb2.RESERVATION_STATE_CANCELLED,),
    Ending.GIVEN_BACK: (reservations_pb2.RESERVATION_STATE_RELEASED,),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One promise, and whether it was kept."""

    promise: str
    kept: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Reckoning:
    """Every promise."""

    findings: tuple[Finding, ...]
    oversold: int
    ledger_entries: int
    ledger_figures: int
    ledger_differences: int

    @property
    def broken(self) -> list[Finding]:
        return [finding for finding in self.findings if not finding.kept]


async def reckon(play: Play) -> Reckoning:
    """Reads everything once more, after all is at rest."""
    told = [page for page in play.diary.purchases if page.ending in _STATES]
    reservations = await read_reservations(play, told)
    request = flash_sales_pb2.ReportFlashSaleRequest(flash_sale_code=play.sale_code)
    report = await patiently(play.staff.flash_sales.ReportFlashSale, request)
    ledger = await patiently(play.staff.audit.VerifyLedger, inventory_pb2.VerifyLedgerRequest())
    promises = await patiently(play.staff.audit.CheckPromises, inventory_pb2.CheckPromisesRequest())
    sold_on_sale = sum(
        page.buyer.wants_sale and page.ending in (Ending.SOLD, Ending.CANCELLED) for page in told
    )
    return Reckoning(
        findings=(
            _everybody_has_an_answer(play.diary.purchases),
            _quota_was_kept(play.cast.quota, sold_on_sale),
            _no_hold_was_given_twice(told),
            _stock_says_what_buyers_were_told(told, reservations),
            _escrow_is_whole(report, told, reservations),
            _promises_are_kept(promises),
            _ledger_is_true(ledger),
            await _marketplaces_agree(play, reservations),
            await _every_sale_is_one_order(play),
            await _every_step_is_booked(play),
            await _figures_are_at_rest(play),
            _nobody_died_unasked(play.system.runner.unasked_deaths),
        ),
        oversold=max(0, sold_on_sale - play.cast.quota) + promises.oversold_units,
        ledger_entries=ledger.entry_count,
        ledger_figures=ledger.figure_count,
        ledger_differences=len(ledger.differences),
    )


Reservations = Mapping[str, reservations_pb2.Reservation]


def _everybody_has_an_answer(purchases: Sequence[Purchase]) -> Finding:
    open_pages = [page for page in purchases if page.ending is Ending.UNANSWERED]
    return _finding(
        "every buyer has an answer",
        [f"{page.buyer.name}: {page.reason or 'no answer'}" for page in open_pages],
        f"{len(purchases)} tries",
    )


def _quota_was_kept(quota: int, sold_on_sale: int) -> Finding:
    return Finding(
        "no more than the quota was sold on sale",
        sold_on_sale <= quota,
        f"{sold_on_sale} of {quota} by the buyers' own count",
    )


def _no_hold_was_given_twice(told: Sequence[Purchase]) -> Finding:
    twice = [key for key, count in Counter(page.reservation_id for page in told).items() if count > 1]
    return _finding("every hold is one buyer's alone", twice, f"{len(told)} holds")


def _stock_says_what_buyers_were_told(told: Sequence[Purchase], reservations: Reservations) -> Finding:
    wrong = []
    for page in told:
        found = reservations[page.reservation_id]
        asked = [(line.sku_code, line.quantity) for line in found.lines]
        if found.state not in _STATES[page.ending] or asked != list(page.buyer.basket):
            state = reservations_pb2.ReservationState.Name(found.state)
            wrong.append(f"{page.buyer.name} was told {page.ending.value}, stock says {state} {asked}")
    return _finding("what was acknowledged is in stock", wrong, f"{len(told)} reservations read")


def _escrow_is_whole(
    report: flash_sales_pb2.ReportFlashSaleResponse, told: Sequence[Purchase], reservations: Reservations
) -> Finding:
    """Quota = free + held + sold + shipped + given back, and what it sold is what buyers know of."""
    item = report.items[0]
    parts = item.remaining + item.held + item.sold + item.shipped + item.returned
    with_buyers = sum(
        draw.quantity
        for page in told
        if page.ending is Ending.SOLD and page.buyer.wants_sale
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
    return _finding(
        "the sale's escrow is whole", wrong, f"{item.quota} = {with_buyers} with buyers + {back} given back"
    )


def _promises_are_kept(found: inventory_pb2.CheckPromisesResponse) -> Finding:
    numbers = {
        "oversold": found.oversold_units,
        "conservation gap": found.conservation_gap_units,
        "leaked holds": found.leaked_holds,
        "shortfall": found.shortfall_units,
    }
    wrong = [f"{name} {number}" for name, number in numbers.items() if number]
    return _finding("stock's own books are even", wrong, "oversold 0, gap 0, leaked 0, shortfall 0")


def _ledger_is_true(found: inventory_pb2.VerifyLedgerResponse) -> Finding:
    wrong = [
        f"{each.sku_code} {each.place_code}: {each.stored_quantity} stored, {each.ledger_quantity} by the ledger"
        for each in found.differences
    ]
    detail = f"{found.figure_count} figures recomputed from {found.entry_count} entries"
    return _finding("the ledger gives the same figures", wrong, detail)


async def _marketplaces_agree(play: Play, reservations: Reservations) -> Finding:
    """Each order that a marketplace calls accepted is the one confirmed reservation under its own number."""
    wrong = []
    accepted = 0
    for code in play.shops:
        for page in play.diary.ended(Ending.SOLD):
            if page.buyer.channel == code:
                accepted += 1
                found = reservations[page.reservation_id]
                if (found.channel_code, found.order.order_reference) != (code, page.order_reference):
                    wrong.append(f"{code} {page.order_reference} is {found.order.order_reference} in stock")
        request = channel_orders_pb2.ListDeadLettersRequest(channel_code=code)
        letters = (await patiently(play.staff.channel_orders.ListDeadLetters, request)).dead_letters
        wrong += [f"{code} {letter.order_ref} waits for a person: {letter.reason}" for letter in letters]
    return _finding("every accepted marketplace order has its reservation", wrong, f"{accepted} orders")


async def _every_sale_is_one_order(play: Play) -> Finding:
    sold = {
        page.reservation_id for page in play.diary.purchases if page.ending in (Ending.SOLD, Ending.CANCELLED)
    }
    wrong: list[str] = []

    async def none_is_wrong() -> bool:
        orders = Counter(order.reservation_id for order in await list_orders(play.staff))
        wrong[:] = [f"{key} has {orders[key]} orders" for key in sold if orders[key] != 1]
        strange = orders.keys() - sold - play.strangers
        wrong.extend(f"order for {key}, which nobody bought" for key in strange)
        return not wrong

    found = await _in_time(none_is_wrong, "every sale is exactly one order in the warehouse")
    return _finding(found.promise, wrong, f"{len(sold)} orders")


async def _every_step_is_booked(play: Play) -> Finding:
    """Pick, short pick, put-back, shipment and return have all reached stock's ledger."""

    async def none_waits() -> bool:
        request = bookings_pb2.ListBookingsRequest(page_size=_SHOWN_MAX)
        return not (await patiently(play.staff.bookings.ListBookings, request)).bookings

    return await _in_time(none_waits, "every step on the floor is in the ledger")


async def _figures_are_at_rest(play: Play) -> Finding:
    """Each listing shows what stock can promise to ordinary sales, now that the flash sale is over."""
    count = 0

    async def all_true() -> bool:
        nonlocal count
        count = 0
        for shop in play.shops.values():
            listings = shop.marketplace.listings()
            promised = await _promised(play, list(listings.values()))
            shown = await shop.shown()
            if any(shown.get(listing) != promised[sku_code] for listing, sku_code in listings.items()):
                return False
            count += len(listings)
        return True

    found = await _in_time(all_true, "every listing shows what stock can promise")
    return Finding(found.promise, found.kept, found.detail or f"{count} listings compared")


async def _promised(play: Play, sku_codes: Sequence[str]) -> dict[str, int]:
    request = availability_pb2.BatchGetAvailabilityRequest(sku_codes=sku_codes)
    answer = await patiently(play.staff.availability.BatchGetAvailability, request)
    return {each.sku_code: each.available_to_promise for each in answer.availabilities}


async def _in_time(look: Callable[[], Awaitable[bool]], promise: str) -> Finding:
    try:
        await eventually(look, promise, within_s=_SETTLE_S_MAX, every_s=0.2)
    except Waited as waited:
        return Finding(promise, kept=False, detail=str(waited))
    return Finding(promise, kept=True, detail="")


def _nobody_died_unasked(deaths: Sequence[str]) -> Finding:
    return _finding("no process ended unasked", deaths, "")


def _finding(promise: str, wrong: Sequence[str], detail: str) -> Finding:
    if not wrong:
        return Finding(promise, kept=True, detail=detail)
    more = f" and {len(wrong) - _SHOWN_MAX} more" if len(wrong) > _SHOWN_MAX else ""
    return Finding(promise, kept=False, detail="; ".join(wrong[:_SHOWN_MAX]) + more)
