"""Whether the promises were kept: from what the buyers heard, and what the stores have when all has come to rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from lumbung_dev.simulation.history import History, Wanted
from lumbung_dev.simulation.memory_gate import MemoryGate
from lumbung_dev.simulation.memory_ledger import MemoryLedger
from lumbung_stock.domain.flash_sales import FlashSaleState
from lumbung_stock.domain.reservations import Durability, Reservation, ReservationState

PROMISED = (ReservationState.HELD, ReservationState.CONFIRMED)


def broken_promises(history: History, ledger: MemoryLedger, gate: MemoryGate) -> list[str]:
    """Every promise that was not kept, in words; none is what one wants."""
    return [
        *_conservation(ledger),
        *(
            broken
            for wanted in history.wanted.values()
            for broken in _word(wanted, ledger, forgotten=wanted.cart.request_id in gate.forgotten)
        ),
        *_limits(ledger),
        *_leaks(ledger, gate),
    ]


def disagreement(ledger: MemoryLedger, gate: MemoryGate) -> str:
    """What the gate gives that the escrow has not, or the other way round, when nothing is on its way; or nothing."""
    code, status = ledger.sale.flash_sale_code, gate.status(ledger.sale.flash_sale_code)
    ready = status.armed and ledger.sale.gate_armed and status.epoch == ledger.sale.epoch
    if not ready or ledger.credits or ledger.extensions or gate.backlog(code):
        return ""
    free, remaining = gate.free_units(code), {item.sku_code: item.remaining for item in ledger.sale.items}
    return f"P4: the gate gives {free}, the escrow has {remaining}" if free != remaining else ""


def _conservation(ledger: MemoryLedger) -> Iterator[str]:
    """P1 and P4."""
    taken: Counter[str] = Counter()
    for row in ledger.by_request.values():
        if row.state in PROMISED:
            taken.update({draw.sku_code: draw.quantity for draw in row.draws})
    for item in ledger.sale.items:
        if taken[item.sku_code] > item.quota:
            yield f"P1: {taken[item.sku_code]} of {item.quota} {item.sku_code} are promised"
        in_escrow = item.quota - item.remaining - item.shipped - item.returned
        if ledger.sale.state is not FlashSaleState.CLOSED and in_escrow != taken[item.sku_code]:
            yield f"P4: {taken[item.sku_code]} {item.sku_code} are promised, {in_escrow} left the escrow"


def _word(wanted: Wanted, ledger: MemoryLedger, *, forgotten: bool) -> Iterator[str]:
    """P2, P3 and P7, of one request.

    A soft hold, which the gate alone has granted, may be lost with it: `forgotten`, it is decided anew, and whoever
    had it is told.
    """
    forgotten = forgotten and wanted.cart.durability is Durability.SOFT
    request_id = wanted.cart.request_id
    row = ledger.by_request.get(request_id)
    if wanted.told_lost and not forgotten:
        yield f"P2: {request_id} was told that its hold is lost, and the gate lost nothing of it"
    if not forgotten:
        yield from _first_word(wanted, row)
    state = row.state if row else None
    if wanted.confirmed and state is not ReservationState.CONFIRMED:
        yield f"P2: {request_id} was confirmed, and is {state}"
    if wanted.given_back and state is ReservationState.CONFIRMED and not forgotten:
        yield f"P7: {request_id} was given back, and is sold"


def _first_word(wanted: Wanted, row: Reservation | None) -> Iterator[str]:
    """Every answer was the same, and is what the ledger has."""
    request_id = wanted.cart.request_id
    if wanted.answers and row is None:
        yield f"P2: {request_id} was answered, and the ledger does not know"
        return
    if len({_what_was_said(answer) for answer in wanted.answers}) > 1:
        yield f"P3: {request_id} was answered {[_what_was_said(answer) for answer in wanted.answers]}"
    for answer in wanted.answers:
        if row is not None and _what_was_said(answer) != _what_was_said(row):
            yield f"P2: {request_id} was answered {_what_was_said(answer)}, the ledger has {_what_was_said(row)}"


def _what_was_said(answer: Reservation) -> tuple[str, str]:
    return (answer.refusal.reason, "") if answer.refusal else ("HELD", str(answer.reservation_id))


def _limits(ledger: MemoryLedger) -> Iterator[str]:
    bought: Counter[tuple[str, str]] = Counter()
    for row in ledger.by_request.values():
        if row.state in PROMISED:
            for draw in row.draws:
                bought[row.customer_reference, draw.sku_code] += draw.quantity
    for item in ledger.sale.items:
        for (customer, sku_code), units in bought.items():
            if sku_code == item.sku_code and item.limit_per_customer and units > item.limit_per_customer:
                yield f"M9: {customer} has {units} {sku_code}, the limit is {item.limit_per_customer}"


def _leaks(ledger: MemoryLedger, gate: MemoryGate) -> Iterator[str]:
    """P4: nothing is on its way any more, and the gate gives exactly what the escrow has."""
    code = ledger.sale.flash_sale_code
    if ledger.parked:
        yield f"parked: {ledger.parked}"
    if overdue := ledger.due_holds(100):
        yield f"P4: {overdue} outlived their deadline"
    if ended := ledger.ended_sales():
        yield f"P4: {ended} have ended, and nobody closed them"
    if ledger.sale.state is FlashSaleState.CLOSED:
        return
    if ledger.sale.state is FlashSaleState.CLOSING or not ledger.sale.gate_armed:
        yield f"A: the sale is {ledger.sale.state.name}, its gate armed: {ledger.sale.gate_armed}"
    elif on_its_way := len(ledger.credits) + len(ledger.extensions) + gate.backlog(code):
        yield f"P4: {on_its_way} credits, additions and journal entries are still on their way"
    elif differs := disagreement(ledger, gate):
        yield differs
    elif never := [request_id for request_id in gate.decided() if request_id not in ledger.by_request]:
        yield f"P3: the decisions on {never} never reach Postgres"
