"""Clients who buy, change their minds and repeat themselves, and write down every call and every answer."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc

from lumbung.stock.v1 import reservations_pb2 as pb
from lumbung_dev.chaos.history import UNKNOWN, Attempt, History, Verb
from lumbung_dev.chaos.world import PATIENCE_S, REPLICAS, SKU, World
from lumbung_dev.local.patience import UNDECIDED, eventually
from lumbung_kit.clients import failure_from

CALL_S_MAX = 4.0
PAUSE_S_MAX = 0.5
SOFT_SHARE = 0.15
TOO_MANY = 900_000
"""More than there is: some buyers must be refused, and stay refused."""


@dataclass(slots=True)
class Buyers:
    """`count` buyers of the world's sale, who begin with `shopping`."""

    world: World
    history: History
    seed: int
    count: int = 8
    ttl_s: int = 900
    rest_s: float = 0.01
    surprises: list[str] = field(default_factory=list)
    """Answers that no client should get, whatever the fault."""
    _numbers: int = 0
    _answers: int = 0
    _soft: dict[str, pb.ReserveRequest] = field(default_factory=dict)
    """What was asked softly, by its request_id: a Confirm brings it along."""
    _leaving: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def shopping(self) -> AsyncIterator[None]:
        """They buy meanwhile; at the end each finishes what it is at, and insists on its answer."""
        async with asyncio.TaskGroup() as crowd:
            for number in range(self.count):
                crowd.create_task(self._buy_on(random.Random(f"{self.seed}:{number}")))
            try:
                yield
            finally:
                self._leaving.set()

    async def more(self, answers: int) -> None:
        """Returns when so many more requests have been decided."""
        wanted = self._decided() + answers
        await self._until(lambda: self._decided() >= wanted, f"{answers} more answers")

    async def until_held_since(self, moment_s: float) -> float:
        """Seconds from that moment until somebody who asked after it was given units."""
        first: list[float] = []

        def look() -> bool:
            for attempt in reversed(self.history.attempts):
                if attempt.sent_s < moment_s:
                    return bool(first)
                if attempt.verb is Verb.RESERVE and attempt.told == "HELD":
                    first.append(attempt.answered_s)
            return bool(first)

        await self._until(look, "units are given again")
        return min(first) - moment_s

    async def reserve(
        self,
        units: int,
        *,
        replica: str = "both",
        request_id: str = "",
        cable: int = 0,
        sale: str = "",
        soft: bool = False,
    ) -> Attempt:
        """Asks until it is decided, or the patience is over; the last attempt. `sale`: the open one when empty."""
        request_id = request_id or self.new_id("r")
        lines = [pb.ReserveLine(sku_code=SKU, quantity=units)]
        if cable:
            lines.append(pb.ReserveLine(sku_code="CABLE", quantity=cable))
        request = pb.ReserveRequest(
            request_id=request_id, channel_code="web", flash_sale_code=sale or self.world.sale, lines=lines
        )
        request.ttl.FromSeconds(self.ttl_s)
        if soft:
            request.durability = pb.DURABILITY_SOFT
            self._soft[request_id] = request
        attempt = Attempt(Verb.RESERVE, request_id, 0.0, units)
        return await self._insist(self.world.reservations(replica).Reserve, request, attempt)

    async def confirm(self, held: Attempt, *, replica: str = "both") -> Attempt:
        """Sells a hold."""
        request_id = self.new_id("c")
        details = pb.OrderDetails(order_reference=request_id)
        request = pb.ConfirmRequest(
            request_id=request_id,
            reservation_id=held.reservation_id,
            order=details,
            soft_hold=self._soft.get(held.request_id),
        )
        attempt = Attempt(Verb.CONFIRM, request_id, 0.0, held.units, held.reservation_id)
        return await self._insist(self.world.reservations(replica).Confirm, request, attempt)

    async def release(self, held: Attempt, *, replica: str = "both") -> Attempt:
        """Gives a hold back."""
        request_id = self.new_id("x")
        request = pb.ReleaseRequest(request_id=request_id, reservation_id=held.reservation_id)
        attempt = Attempt(Verb.RELEASE, request_id, 0.0, held.units, held.reservation_id)
        return await self._insist(self.world.reservations(replica).Release, request, attempt)

    def new_id(self, kind: str) -> str:
        """An id that no other request of the run has."""
        self._numbers += 1
        return f"{kind}:{self.world.folder.name[-12:]}:{self.world.sale}:{self.seed}:{self._numbers}"[-64:]

    async def _buy_on(self, chance: random.Random) -> None:
        while not self._leaving.is_set():
            await self._buy(chance)
            await asyncio.sleep(chance.uniform(0, 2 * self.rest_s))

    async def _buy(self, chance: random.Random) -> None:
        units = TOO_MANY if chance.random() < 0.05 else chance.randint(1, 3)
        sale = self.world.sale
        soft = chance.random() < SOFT_SHARE
        held = await self.reserve(units, replica=chance.choice((*REPLICAS, "both")), sale=sale, soft=soft)
        if chance.random() < 0.2:
            again = chance.choice(REPLICAS)
            await self.reserve(units, request_id=held.request_id, replica=again, sale=sale, soft=soft)
        if held.told != "HELD":
            return
        what = chance.random()
        if what < 0.5:
            await self.confirm(held, replica=chance.choice(REPLICAS))
        elif what < 0.8:
            await self.release(held, replica=chance.choice(REPLICAS))
        elif what < 0.9:
            await asyncio.gather(self.confirm(held), self.release(held))

    async def _insist(self, call: Callable[..., Any], request: Any, attempt: Attempt) -> Attempt:
        until_s = time.time() + PATIENCE_S
        while True:
            attempt = self.history.sent(
                Attempt(attempt.verb, attempt.request_id, time.time(), attempt.units, attempt.reservation_id)
            )
            wait_s = await self._ask(call, request, attempt)
            if attempt.told != UNKNOWN or time.time() + wait_s > until_s:
                return attempt
            await asyncio.sleep(wait_s)

    async def _ask(self, call: Callable[..., Any], request: Any, attempt: Attempt) -> float:
        """One call; how long to wait before the next one, should this have decided nothing."""
        try:
            answer = (await call(request, timeout=CALL_S_MAX)).reservation
        except grpc.aio.AioRpcError as error:
            failure = failure_from(error)
            attempt.answered_s = time.time()
            if error.code() in (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN):
                self.surprises.append(f"{attempt.request_id}: {error.code().name} {error.details()}")
            elif error.code() not in UNDECIDED:
                attempt.told = failure.reason
                self._answers += 1
                self.history.answered(attempt)
            return min(failure.retry_after_s or 0.05, PAUSE_S_MAX)
        attempt.answered_s = time.time()
        attempt.reservation_id = answer.reservation_id
        attempt.deadline_s = answer.expire_time.ToMilliseconds() / 1000
        attempt.told = pb.ReservationState.Name(answer.state).removeprefix("RESERVATION_STATE_")
        attempt.soft = answer.durability == pb.DURABILITY_SOFT
        self._answers += 1
        self.history.answered(attempt)
        return 0.0

    def _decided(self) -> int:
        return self._answers

    async def _until(self, condition: Callable[[], bool], what: str) -> None:
        async def look() -> bool:
            return condition()

        await eventually(look, what, within_s=PATIENCE_S)
