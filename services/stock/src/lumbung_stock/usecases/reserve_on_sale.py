"""Reserve on a flash sale: through the gate in Valkey; answered when Postgres has the answer (P2, P3)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from lumbung_kit import context
from lumbung_kit.failures import RequestIdReused, StoreUnavailable
from lumbung_stock.domain.answers import decided
from lumbung_stock.domain.carts import Cart
from lumbung_stock.domain.flash_sales import FlashSale
from lumbung_stock.domain.reservation_failures import (
    GateNotReady,
    HoldPending,
    JournalFull,
)
from lumbung_stock.domain.reservations import Draw, Durability, Reservation
from lumbung_stock.domain.without_gate import PoolIsShortError, ServedElsewhereError
from lumbung_stock.stores.carts_in_flight import CartsInFlight
from lumbung_stock.stores.gate import GateAnswer
from lumbung_stock.stores.journal_codec import Outcome
from lumbung_stock.stores.sale_book import SaleBook
from lumbung_stock.usecases.durable_answers import DurableAnswers
from lumbung_stock.usecases.refuse_together import RefuseTogether
from lumbung_stock.usecases.sale_ports import SaleGate

GATE_WAIT_S = 0.1
GATE_WAIT_S_MAX = 0.5
GATE_TRIES_MAX = 24
"""A gate that is being set up is armed within milliseconds, one that is away is given up within seconds (0035): a
caller who has the time waits for either, at first impatiently."""
ASK_AGAIN_S = 1.0
"""When an answer is this late, Valkey may have lost what it had journaled."""
ANSWER_WAITS_MAX = 60
MARGIN_S = 0.05
"""Kept back from the deadline, to answer in time that there is no answer yet."""


@dataclass(frozen=True, slots=True)
class ReserveOnSale:
    """One cart through the gate. `gate_is_shut` is told when the gate has to be set up again."""

    gate: SaleGate
    sales: SaleBook
    answers: DurableAnswers
    gate_is_shut: Callable[[], None]
    refuse: RefuseTogether | None = None
    carts: CartsInFlight = field(default_factory=CartsInFlight)

    async def __call__(self, cart: Cart, sale: FlashSale, *, last_word: bool = True) -> Reservation:
        """The first answer to the cart's request: when Postgres has it, or at once when it is a soft hold and the gate
        knows that there was no answer before.

        Raises RequestIdReused, HoldParked, JournalFull, GateNotReady, HoldPending, FlashSaleNotOpen (it was closed
        meanwhile), StoreUnavailable; after the last three, the same request finds its answer. ServedElsewhereError when
        Postgres serves the sale: what the gate has granted is worth nothing until it is set up again. Without
        `last_word` a want of units is no answer: it raises PoolIsShortError.
        """
        for turn in range(ANSWER_WAITS_MAX):
            said = await self._asked(cart, sale, last_word=last_word)
            if answer := held_at_once(cart, sale, said):
                return answer
            seen_before = said.hold_id != cart.reservation_id
            if seen_before and (known := await self.answers.find(cart.request_id)):
                return _same_content(cart, known)
            if said.hold_id is not None and (seen_before or turn):
                await self.answers.require_not_parked(said.hold_id)
            left_s = context.deadline_remaining_s() - MARGIN_S
            reservation = await self.answers.wait(cart.request_id, max(0.0, min(left_s, ASK_AGAIN_S)))
            if reservation is not None:
                return _same_content(cart, reservation)
            if left_s <= ASK_AGAIN_S:
                break
            sale = await self.sales.find_fresh(sale.flash_sale_code)
            if sale.on_postgres:
                raise ServedElsewhereError
            last_word = True
        raise HoldPending(retry_after_s=1.0)

    async def _asked(self, cart: Cart, sale: FlashSale, *, last_word: bool) -> GateAnswer:
        """What the gate says once it has decided the request, now or before."""
        for turn in range(GATE_TRIES_MAX):
            answer = await self._say(cart, sale, last_word=last_word)
            match answer.outcome:
                case Outcome.REQUEST_REUSED:
                    await self._require_answered(cart)
                    return answer
                case Outcome.JOURNAL_FULL:
                    raise JournalFull(retry_after_s=1.0)
                case Outcome.NOT_ARMED:
                    self.gate_is_shut()
                    sale = await self._wait_for_gate(sale, turn)
                case Outcome.UNREACHABLE:
                    sale = await self._wait_for_gate(sale, turn)
                case Outcome.OUT_OF_STOCK if answer.hold_id is None:
                    raise PoolIsShortError
                case _:
                    return answer
        raise GateNotReady(retry_after_s=1.0)

    async def _say(self, cart: Cart, sale: FlashSale, *, last_word: bool) -> GateAnswer:
        """One question to the gate: with others that have little hope, or alone."""
        self.carts.put(cart)
        try:
            answer = await self._said(cart, sale, last_word=last_word)
        except StoreUnavailable:  # it may have taken effect: whoever asks again finds that
            answer = GateAnswer(Outcome.UNREACHABLE, None)
        self._note(cart, sale, answer)
        return answer

    async def say_to_all(self, carts: Sequence[Cart], sale: FlashSale) -> list[GateAnswer]:
        """What the gate says to each of these carts, in their order and in one exchange with it, its word the last.

        Raises as the gate; then the same question may be asked again.
        """
        for cart in carts:
            self.carts.put(cart)
        said: dict[UUID, GateAnswer] = {}
        if self.refuse and (losers := [cart for cart in carts if self.refuse.has_little_hope(sale, cart)]):
            answers = await self.refuse.all(losers, sale)
            said |= {cart.reservation_id: each for cart, each in zip(losers, answers, strict=True)}
            said = {hold: each for hold, each in said.items() if each.outcome is not Outcome.LEFT_ALONE}
        others = [cart for cart in carts if cart.reservation_id not in said]
        answers = await self.gate.reserve_all(sale, others)
        said |= {cart.reservation_id: each for cart, each in zip(others, answers, strict=True)}
        for cart in carts:
            self._note(cart, sale, said[cart.reservation_id])
        return [said[cart.reservation_id] for cart in carts]

    def _note(self, cart: Cart, sale: FlashSale, answer: GateAnswer) -> None:
        if answer.hold_id != cart.reservation_id:
            self.carts.drop(cart)
        if self.refuse and answer.outcome is Outcome.OUT_OF_STOCK:
            self.refuse.note(sale, answer.available)

    async def _said(self, cart: Cart, sale: FlashSale, *, last_word: bool) -> GateAnswer:
        if self.refuse and last_word and self.refuse.has_little_hope(sale, cart):
            answer = await self.refuse(cart, sale)
            if answer.outcome is not Outcome.LEFT_ALONE:
                return answer
        return await self.gate.reserve(sale, cart, last_word=last_word)

    async def _require_answered(self, cart: Cart) -> None:
        """A gate that was set up anew may have seen the id first with other content, which was refused; the first
        request still gets its first answer, which Postgres has.

        Raises RequestIdReused when it has none.
        """
        if await self.answers.find(cart.request_id) is None:
            raise RequestIdReused

    async def _wait_for_gate(self, sale: FlashSale, turn: int) -> FlashSale:
        """The sale as it is now, after giving whoever sets the gate up, or gives it up, a moment."""
        wait_s = min(GATE_WAIT_S_MAX, GATE_WAIT_S * 2**turn)
        if context.deadline_remaining_s() <= wait_s:
            raise GateNotReady(retry_after_s=1.0)
        fresh = await self.sales.find_fresh(sale.flash_sale_code)
        fresh.require_open()
        if fresh.on_postgres:
            raise ServedElsewhereError
        if fresh.epoch == sale.epoch:
            await asyncio.sleep(wait_s)
        return fresh


def held_at_once(cart: Cart, sale: FlashSale, said: GateAnswer) -> Reservation | None:
    """The soft hold that need not wait for Postgres, if the cart asks for one.

    Postgres will set its deadline when it has it, which is later than the one told here.
    """
    first = said.outcome is Outcome.HELD and said.complete and said.hold_id == cart.reservation_id
    if not first or cart.durability is not Durability.SOFT:
        return None
    items, now = sale.item_by_sku(), datetime.now(UTC)
    draws = tuple(
        Draw(items[sku].warehouse_code, sku, units, from_escrow=True)
        for sku, units in sorted(cart.demand().items())
    )
    return decided(cart, draws, (now, now + timedelta(seconds=cart.ttl_s)))


def _same_content(cart: Cart, answer: Reservation) -> Reservation:
    if answer.content_hash != cart.content_hash:
        raise RequestIdReused
    return answer
