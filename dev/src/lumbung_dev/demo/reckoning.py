"""Act 8: everything is read once more and held against what the buyers wrote down. Nothing is taken on trust."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from lumbung.channel_sync.v1 import channel_orders_pb2
from lumbung.fulfillment.v1 import bookings_pb2
from lumbung.stock.v1 import availability_pb2, flash_sales_pb2, inventory_pb2
from lumbung_dev.demo import promises
from lumbung_dev.demo.act3_waves import list_orders
from lumbung_dev.demo.diary import Ending
from lumbung_dev.demo.play import Play
from lumbung_dev.demo.promises import Finding, finding_of
from lumbung_dev.demo.reservations import read_reservations
from lumbung_dev.local.patience import Waited, eventually, patiently

_SETTLE_S_MAX = 30.0
_PAGE_SIZE = 50


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
    """After all is at rest."""
    told = [page for page in play.diary.purchases if page.ending in promises.STATES]
    sold = [page for page in told if page.ending is not Ending.GIVEN_BACK]
    on_sale = sum(page.buyer.wants_sale for page in sold)
    reservations = await read_reservations(play, told)
    report = await patiently(
        play.staff.flash_sales.ReportFlashSale,
        flash_sales_pb2.ReportFlashSaleRequest(flash_sale_code=play.sale_code),
    )
    ledger = await patiently(play.staff.audit.VerifyLedger, inventory_pb2.VerifyLedgerRequest())
    books = await patiently(play.staff.audit.CheckPromises, inventory_pb2.CheckPromisesRequest())
    return Reckoning(
        findings=(
            promises.everybody_has_an_answer(play.diary.purchases),
            promises.quota_was_kept(play.cast.quota, on_sale),
            promises.no_hold_was_given_twice(told),
            promises.stock_says_what_buyers_were_told(told, reservations),
            promises.escrow_is_whole(report, told, reservations),
            promises.books_are_even(books),
            promises.ledger_is_true(ledger),
            await _nothing_waits_for_a_person(play),
            await _every_sale_is_one_order(play, {page.reservation_id for page in sold}),
            await _every_step_is_booked(play),
            await _figures_are_at_rest(play),
            promises.nobody_died_unasked(play.system.runner.unasked_deaths),
        ),
        oversold=max(0, on_sale - play.cast.quota) + books.oversold_units,
        ledger_entries=ledger.entry_count,
        ledger_figures=ledger.figure_count,
        ledger_differences=len(ledger.differences),
    )


async def _nothing_waits_for_a_person(play: Play) -> Finding:
    """No delivery of a marketplace was given up."""
    wrong = []
    for code in play.shops:
        request = channel_orders_pb2.ListDeadLettersRequest(channel_code=code)
        letters = (await patiently(play.staff.channel_orders.ListDeadLetters, request)).dead_letters
        wrong += [f"{code} {letter.order_ref}: {letter.reason}" for letter in letters]
    return finding_of("every delivery of a marketplace was worked through", wrong, "no dead letters")


async def _every_sale_is_one_order(play: Play, sold: set[str]) -> Finding:
    """Orders come by events: they have a moment to arrive."""
    found = promises.every_sale_is_one_order(sold, Counter(), play.strangers)

    async def none_is_wrong() -> bool:
        nonlocal found
        orders = Counter(order.reservation_id for order in await list_orders(play.staff))
        found = promises.every_sale_is_one_order(sold, orders, play.strangers)
        return found.kept

    await _in_time(none_is_wrong, found.promise)
    return found


async def _every_step_is_booked(play: Play) -> Finding:
    """Pick, short pick, put-back, shipment and return have all reached stock's ledger."""

    async def none_waits() -> bool:
        request = bookings_pb2.ListBookingsRequest(page_size=_PAGE_SIZE)
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
