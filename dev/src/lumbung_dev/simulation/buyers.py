"""Buyers: they ask, ask again, ask twice at once, ask elsewhere; then they buy, give back, or forget."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

from lumbung_dev.simulation.history import History, Wanted
from lumbung_dev.simulation.process import Process
from lumbung_kit.failures import Failure, Kind
from lumbung_stock.domain.carts import Cart
from lumbung_stock.domain.reservation_failures import FlashSaleNotOpen, HoldLost
from lumbung_stock.domain.reservations import (
    Durability,
    Line,
    OrderDetails,
    Reservation,
    ReservationState,
    Resolution,
    Verb,
)
from lumbung_stock.domain.soft_holds import soft_id

TRIES_MAX = 25
PATIENCE_S = 15.0
CUSTOMERS = 4


class Buyers:
    """All of one schedule's buyers. `processes` are those that run at the moment."""

    def __init__(
        self, rng: random.Random, history: History, processes: Callable[[], list[Process]], code: str
    ) -> None:
        self._rng = rng
        self._history = history
        self._processes = processes
        self._code = code

    async def buy(self, number: int, skus: list[str]) -> None:
        """One buyer's whole visit."""
        cart = self._cart(number, skus)
        wanted = self._history.wanted.setdefault(cart.request_id, Wanted(cart))
        copies = 2 if self._rng.random() < 0.2 else 1
        answers = await asyncio.gather(*(self._ask(wanted) for _ in range(copies)))
        held = next((answer for answer in answers if answer and answer.refusal is None), None)
        if held is not None:
            await asyncio.sleep(self._rng.uniform(0, 3))
            await self._decide(wanted, held)
        if self._rng.random() < 0.3:
            await asyncio.sleep(self._rng.uniform(0, 10))
            await self._ask(wanted)

    async def _ask(self, wanted: Wanted) -> Reservation | None:
        """Until there is an answer; a hold's id is made anew for each call, as the service does."""
        for _ in range(TRIES_MAX):
            cart = replace(wanted.cart, reservation_id=self._hold_id(wanted.cart))
            try:
                async with asyncio.timeout(PATIENCE_S):
                    answer = await self._somebody().reserve(cart)
            except FlashSaleNotOpen:
                return None
            except (Failure, TimeoutError):
                await asyncio.sleep(self._rng.uniform(0, 1))
                continue
            wanted.answers.append(answer)
            self._history.note(f"{cart.request_id} hears {answer.state.name} {answer.reservation_id}")
            return answer
        return None

    async def _decide(self, wanted: Wanted, held: Reservation) -> None:
        fate = self._rng.random()
        if fate < 0.25:
            return
        if self._rng.random() < 0.2:
            await self._resolve(wanted, held, Verb.EXTEND)
        verbs = [Verb.CONFIRM] if fate < 0.6 else [Verb.RELEASE]
        if fate > 0.9:
            verbs = [Verb.CONFIRM, Verb.RELEASE]
        await asyncio.gather(*(self._resolve(wanted, held, verb) for verb in verbs))

    async def _resolve(self, wanted: Wanted, held: Reservation, verb: Verb) -> None:
        request_id = f"{wanted.cart.request_id}-{verb.name.lower()}"
        wish = Resolution(held.reservation_id, verb, request_id, ttl_s=5.0)
        if verb is Verb.CONFIRM:
            part = [(line.sku_code, 1) for line in held.lines] if self._rng.random() < 0.3 else []
            wish = replace(wish, order=OrderDetails(request_id), partial_lines=tuple(part))
        again = wanted.cart if self._rng.random() < 0.7 else None
        for _ in range(TRIES_MAX):
            try:
                async with asyncio.timeout(PATIENCE_S):
                    after = await self._somebody().resolve(wish, again)
            except TimeoutError:
                continue
            except Failure as failure:
                if failure.kind not in (Kind.UNAVAILABLE, Kind.ABORTED):
                    self._history.note(f"{request_id}: {failure.reason}")
                    wanted.told_lost |= isinstance(failure, HoldLost)
                    return
                await asyncio.sleep(self._rng.uniform(0, 1))
                continue
            self._history.note(f"{request_id} is {after.state.name}")
            wanted.confirmed |= after.state is ReservationState.CONFIRMED
            wanted.given_back |= after.state in (ReservationState.RELEASED, ReservationState.EXPIRED)
            return

    def _somebody(self) -> Process:
        return self._rng.choice(self._processes())

    def _cart(self, number: int, skus: list[str]) -> Cart:
        chosen = self._rng.sample(skus, self._rng.randint(1, len(skus)))
        lines = tuple(Line(sku, self._rng.randint(1, 2), ((sku, 1),)) for sku in chosen)
        return Cart(
            reservation_id=self._uuid(),
            request_id=f"buyer-{number}",
            content_hash=str(lines).encode(),
            lines=lines,
            channel_code="web",
            customer_reference=f"customer-{self._rng.randrange(CUSTOMERS)}",
            ttl_s=self._rng.choice([2.0, 10.0, 600.0]),
            durability=self._rng.choice((Durability.DURABLE, Durability.SOFT)),
            warehouse_code="",
            flash_sale_code=self._code,
            actor="storefront:web",
            traceparent="",
        )

    def _hold_id(self, cart: Cart) -> UUID:
        return soft_id(self._uuid()) if cart.durability is Durability.SOFT else self._uuid()

    def _uuid(self) -> UUID:
        return UUID(int=self._rng.getrandbits(128), version=4)
