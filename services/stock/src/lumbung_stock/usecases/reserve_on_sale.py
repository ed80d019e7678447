"""Reserve on a flash sale: through the gate in Valkey, answered when Postgres has it (P2)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from lumbung_kit import context
from lumbung_kit.failures import RequestIdReused
from lumbung_stock.domain.carts import Cart
from lumbung_stock.domain.flash_sales import FlashSale, FlashSaleState
from lumbung_stock.domain.reservation_failures import (
    FlashSaleNotOpen,
    GateNotReady,
    HoldPending,
    JournalFull,
)
from lumbung_stock.domain.reservations import Reservation
from lumbung_stock.stores.journal_codec import Outcome
from lumbung_stock.stores.sale_book import SaleBook
from lumbung_stock.usecases.durable_answers import DurableAnswers
from lumbung_stock.usecases.sale_ports import SaleGate

GATE_WAIT_S = 0.1
GATE_TRIES_MAX = 20
ASK_AGAIN_S = 1.0
"""When an answer is this late, Valkey may have lost what it had journaled."""
ANSWER_WAITS_MAX = 60
_MARGIN_S = 0.05
"""Kept back from the deadline, to answer in time that there is no answer yet."""


class PoolIsShortError(Exception):
    """This pool of the sale has too few units; nothing was decided, and another may be asked."""


@dataclass(frozen=True, slots=True)
class ReserveOnSale:
    """One cart through the gate. `gate_is_shut` is told when the gate has to be set up again."""

    gate: SaleGate
    sales: SaleBook
    answers: DurableAnswers
    gate_is_shut: Callable[[], None]

    async def __call__(self, cart: Cart, sale: FlashSale, *, last_word: bool = True) -> Reservation:
        """The first answer to the cart's request, durable. A refusal is waited for too: Postgres may know of an
        earlier answer that the gate has forgotten.

        Raises RequestIdReused, JournalFull, GateNotReady, HoldPending, FlashSaleNotOpen (it was closed meanwhile),
        StoreUnavailable; after the last three, the same request finds its answer. Without `last_word` a want of
        units is no answer: it raises PoolIsShortError.
        """
        for _ in range(ANSWER_WAITS_MAX):
            seen_before = await self._journaled(cart, sale, last_word=last_word)
            if seen_before and (answer := await self.answers.find(cart.request_id)):
                return _same_content(cart, answer)
            left_s = context.deadline_remaining_s() - _MARGIN_S
            reservation = await self.answers.wait(cart.request_id, max(0.0, min(left_s, ASK_AGAIN_S)))
            if reservation is not None:
                return _same_content(cart, reservation)
            if left_s <= ASK_AGAIN_S:
                break
            sale = await self.sales.find_fresh(sale.flash_sale_code)
            last_word = True
        raise HoldPending(retry_after_s=1.0)

    async def _journaled(self, cart: Cart, sale: FlashSale, *, last_word: bool) -> bool:
        """Returns when the gate has decided the request; True when it did so before."""
        for _ in range(GATE_TRIES_MAX):
            answer = await self.gate.reserve(sale, cart, last_word=last_word)
            match answer.outcome:
                case Outcome.REQUEST_REUSED:
                    return await self._answered(cart)
                case Outcome.JOURNAL_FULL:
                    raise JournalFull(retry_after_s=1.0)
                case Outcome.NOT_ARMED:
                    sale = await self._wait_for_gate(sale)
                case Outcome.OUT_OF_STOCK if answer.hold_id is None:
                    raise PoolIsShortError
                case _:
                    return answer.hold_id != cart.reservation_id
        raise GateNotReady(retry_after_s=1.0)

    async def _answered(self, cart: Cart) -> bool:
        """Whether Postgres has an answer under this id. A gate that was set up anew may have seen the id first with
        other content, which was refused; the first request still gets its first answer.

        Raises RequestIdReused when it has none.
        """
        if await self.answers.find(cart.request_id) is None:
            raise RequestIdReused
        return True

    async def _wait_for_gate(self, sale: FlashSale) -> FlashSale:
        """The sale as it is now, after giving whoever sets the gate up a moment."""
        self.gate_is_shut()
        if context.deadline_remaining_s() <= GATE_WAIT_S:
            raise GateNotReady(retry_after_s=1.0)
        fresh = await self.sales.find_fresh(sale.flash_sale_code)
        if fresh.state is not FlashSaleState.OPEN:
            raise FlashSaleNotOpen
        if fresh.epoch == sale.epoch:
            await asyncio.sleep(GATE_WAIT_S)
        return fresh


def _same_content(cart: Cart, answer: Reservation) -> Reservation:
    if answer.content_hash != cart.content_hash:
        raise RequestIdReused
    return answer
