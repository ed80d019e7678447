"""Reserve together: many carts, each with its own first answer, in one exchange with the gate and one wait.

What a batch or a stream brings is decided as a list: a task for each of them costs more than deciding it. Only what a
gate decides at once goes this way. Whatever has more to it is left to Reserve, cart by cart: a request that was seen
before, a gate that is not armed, a sale in pools, ordinary stock. Asking twice is safe, for the gate knows its carts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from lumbung_kit import context
from lumbung_kit.failures import Failure, RequestIdReused
from lumbung_stock.domain.carts import Cart
from lumbung_stock.domain.flash_sales import FlashSale
from lumbung_stock.domain.reservations import Reservation
from lumbung_stock.stores.journal_codec import Outcome
from lumbung_stock.usecases.reserve import Reserve
from lumbung_stock.usecases.reserve_on_sale import (
    ASK_AGAIN_S,
    MARGIN_S,
    ReserveOnSale,
    held_at_once,
)

DECIDED: Final = (Outcome.HELD, Outcome.OUT_OF_STOCK, Outcome.LIMIT_REACHED)
Answers = dict[int, Reservation | BaseException]
"""By the cart's place in the list."""
Places = Mapping[int, Cart]
Group = tuple[FlashSale, dict[int, Cart]]


@dataclass(frozen=True, slots=True)
class ReserveTogether:
    """`on_sale` is where `reserve` sends carts of a sale with one gate."""

    reserve: Reserve
    on_sale: ReserveOnSale

    async def __call__(self, carts: Sequence[Cart]) -> list[Reservation | BaseException]:
        """One answer for each cart, in order: a reservation, or what Reserve raises."""
        answers: Answers = {}
        by_sale, alone = await self._sorted(carts)
        await asyncio.gather(
            self._alone(alone, answers),
            *(self._of_sale(sale, places, answers) for sale, places in by_sale.values()),
        )
        return [answers[place] for place in range(len(carts))]

    async def _sorted(self, carts: Sequence[Cart]) -> tuple[dict[str, Group], dict[int, Cart]]:
        """Those who may ask a gate together, by sale, and the others."""
        by_sale: dict[str, Group] = {}
        alone: dict[int, Cart] = {}
        try:
            for place, cart in enumerate(carts):
                if ready := await self.reserve.ready_for_gate(cart):
                    checked, sale = ready
                    by_sale.setdefault(sale.flash_sale_code, (sale, {}))[1][place] = checked
                else:
                    alone[place] = cart
        except Failure:  # a store is away: each finds out for itself, at the same time
            return {}, dict(enumerate(carts))
        return by_sale, alone

    async def _of_sale(self, sale: FlashSale, places: Places, answers: Answers) -> None:
        """Tells apart who has an answer, who waits until Postgres has it, and who has to ask alone."""
        try:
            said = await self.on_sale.say_to_all(list(places.values()), sale)
        except Failure:  # nobody knows of whom: each asks again
            await self._alone(places, answers)
            return
        waiting: dict[int, Cart] = {}
        alone: dict[int, Cart] = {}
        for (place, cart), answer in zip(places.items(), said, strict=True):
            if decided := held_at_once(cart, sale, answer):
                answers[place] = decided
            elif answer.outcome in DECIDED and answer.hold_id == cart.reservation_id:
                waiting[place] = cart
            else:
                alone[place] = cart
        await asyncio.gather(self._wait(waiting, answers), self._alone(alone, answers))

    async def _wait(self, places: Places, answers: Answers) -> None:
        """Until Postgres has them all; those that it does not have in a second ask again, alone."""
        seconds = max(0.0, min(context.deadline_remaining_s() - MARGIN_S, ASK_AGAIN_S))
        try:
            durable = await self.on_sale.answers.wait_for_all(
                [cart.request_id for cart in places.values()], seconds
            )
        except Failure:
            durable = [None] * len(places)
        late: dict[int, Cart] = {}
        for (place, cart), answer in zip(places.items(), durable, strict=True):
            if answer is None:
                late[place] = cart
            elif answer.content_hash == cart.content_hash:
                answers[place] = answer
            else:
                answers[place] = RequestIdReused()
        await self._alone(late, answers)

    async def _alone(self, places: Places, answers: Answers) -> None:
        if places:
            results = await asyncio.gather(*map(self.reserve, places.values()), return_exceptions=True)
            answers.update(zip(places, results, strict=True))
