"""One replica of stock: the use cases of the sale's protocol as the service wires them, with their loops."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, NoReturn, TypeVar, cast
from uuid import UUID

from lumbung_dev.simulation.memory_gate import MemoryGate
from lumbung_dev.simulation.memory_ledger import MemoryLedger
from lumbung_dev.simulation.wire import Body, Weather, Wire
from lumbung_kit.batching import MicroBatcher
from lumbung_kit.failures import Failure, StoreUnavailable
from lumbung_kit.loops import Wakeup
from lumbung_stock.domain.carts import Cart
from lumbung_stock.domain.reservation_failures import ReservationNotFound
from lumbung_stock.domain.reservations import Reservation, Resolution
from lumbung_stock.domain.without_gate import Wish
from lumbung_stock.stores.gate import Gate
from lumbung_stock.stores.sale_book import SaleBook
from lumbung_stock.usecases.close_ended_sales import CloseEndedSales
from lumbung_stock.usecases.close_flash_sale import CloseFlashSale
from lumbung_stock.usecases.commit_journal import CommitJournal
from lumbung_stock.usecases.credit_gate import CreditGate
from lumbung_stock.usecases.durable_answers import DurableAnswers
from lumbung_stock.usecases.expire_holds import ExpireHolds
from lumbung_stock.usecases.get_reservation import GetReservation
from lumbung_stock.usecases.move_units import MoveUnits
from lumbung_stock.usecases.refuse_together import RefuseTogether
from lumbung_stock.usecases.reserve_from_pools import ReserveFromPools
from lumbung_stock.usecases.reserve_on_sale import ReserveOnSale
from lumbung_stock.usecases.reserve_where_served import ReserveWhereServed
from lumbung_stock.usecases.reserve_without_gate import DecideWithoutGate
from lumbung_stock.usecases.resolve_soft_too import ResolveSoftToo, SoftHolds
from lumbung_stock.usecases.sale_ports import FencedError, SaleGate, SaleLedger
from lumbung_stock.usecases.set_up_gate import SetUpGate
from lumbung_stock.usecases.watch_gates import WatchGates

T = TypeVar("T")

COMMIT_BATCH = 8
RETRY_S = 0.2
GATE_AWAY_S_MAX = 1.0
GATE_STEADY_S = 1.0
"""Shorter than the service's: in a short story, sales shall go to Postgres and back."""
JOURNAL_WAIT_S = 0.5
CREDIT_S = 0.5
EXPIRE_S = 1.0
"""Rounds with nothing to do are most of what a story costs; the service looks more often."""


class Process:
    """Runs until it is killed. Who calls it when it dies hears StoreUnavailable, and knows nothing."""

    def __init__(
        self, gate: MemoryGate, ledger: MemoryLedger, weather: Weather, look: Callable[[], None]
    ) -> None:
        self.body = Body()
        self._gate = cast(SaleGate, Wire("valkey", gate, self.body, weather, look))
        self._ledger = cast(SaleLedger, Wire("postgres", ledger, self.body, weather, look))
        self._sales = SaleBook(self._ledger)
        self._gate_is_shut = Wakeup()
        self._answers = DurableAnswers(self._ledger, max_waiting=1_000)
        self._commit = CommitJournal(self._ledger, self._gate, self._answers)
        self._set_up = SetUpGate(self._ledger, self._gate, self._sales, self._commit)
        self._close = CloseFlashSale(self._ledger, self._gate, self._sales, self._set_up)
        self._watch = WatchGates(
            self._ledger,
            self._gate,
            self._sales,
            self._set_up,
            self._close,
            gate_away_s_max=GATE_AWAY_S_MAX,
            gate_steady_s=GATE_STEADY_S,
        )
        self._on_sale = self._wired()
        self._close_ended = CloseEndedSales(self._ledger, self._close)
        self._resolve = self._resolving()
        self._code = ledger.sale.flash_sale_code
        self._died: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._tasks = [
            asyncio.create_task(self._again(work))
            for work in (
                self._commit_once,
                self._watch_once,
                self._credit_once,
                self._expire_once,
                self._close_ended_once,
                self._poll,
            )
        ]

    def _wired(self) -> ReserveWhereServed:
        without_gate: MicroBatcher[Wish, Reservation] = MicroBatcher(
            DecideWithoutGate(self._ledger), max_batch=COMMIT_BATCH, max_waiting=1_000, name="without gate"
        )
        refuse = RefuseTogether(self._gate, max_waiting=1_000)
        on_sale = ReserveOnSale(self._gate, self._sales, self._answers, self._gate_is_shut.ring, refuse)
        move = MoveUnits(self._ledger, self._set_up)
        from_pools = ReserveFromPools(on_sale, self._gate, move, without_gate.submit)
        return ReserveWhereServed(on_sale, from_pools, without_gate.submit, self._sales)

    def _resolving(self) -> ResolveSoftToo:
        together: MicroBatcher[Resolution, Reservation] = MicroBatcher(
            self._ledger.resolve,
            max_batch=COMMIT_BATCH,
            max_waiting=1_000,
            name="simulated resolve",
        )
        get = cast(GetReservation, self._get)
        return ResolveSoftToo(together, SoftHolds(get, cast(Gate, self._gate), self._sales, self._reserve))

    async def _get(self, reservation_id: UUID) -> Reservation:
        found = await cast(Any, self._ledger).find_by_id([reservation_id])
        if reservation_id not in found:
            raise ReservationNotFound
        return cast(Reservation, found[reservation_id])

    async def open(self) -> None:
        """Arms the gate for the first time."""
        await self._set_up.until_armed(self._code)

    async def set_up_anew(self) -> None:
        """A recovery, needed or not. Raises Failure."""
        await self._unless_dead(self._recover())

    def kill(self) -> None:
        """Everything ends where it stands."""
        self.body.kill()
        for task in self._tasks:
            task.cancel()
        if not self._died.done():
            self._died.set_result(None)

    async def reserve(self, cart: Cart) -> Reservation:
        """A caller's Reserve. Raises Failure."""
        return await self._unless_dead(self._reserve(cart))

    async def resolve(self, wish: Resolution, again: Cart | None = None) -> Reservation:
        """A caller's Confirm, Release or Cancel; `again` is the cart that made a soft hold. Raises Failure."""
        return await self._unless_dead(self._resolve(wish, again))

    async def close_sale(self) -> None:
        """The operator's CloseFlashSale. Raises Failure."""
        await self._unless_dead(self._close(self._code))

    async def _recover(self) -> None:
        sale = await self._sales.find_fresh(self._code)
        await self._set_up(self._code, sale.epoch)

    async def _reserve(self, cart: Cart) -> Reservation:
        return await self._on_sale(cart, await self._sales.find(self._code))

    async def _unless_dead(self, work: Coroutine[Any, Any, T]) -> T:
        working = asyncio.create_task(work)
        try:
            await asyncio.wait((working, self._died), return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                raise StoreUnavailable
            return working.result()
        finally:
            working.cancel()

    async def _again(self, work: Callable[[], Awaitable[None]]) -> NoReturn:
        while True:
            with suppress(Failure, FencedError):
                await work()
                continue
            await asyncio.sleep(RETRY_S)

    async def _commit_once(self) -> None:
        """As entrypoints.loops.Committers, without the lease: two at once must do no harm."""
        sale = await self._sales.find_fresh(self._code)
        if not sale.commits_journal:
            await asyncio.sleep(RETRY_S)
        elif entries := await self._gate.read_journal(self._code, COMMIT_BATCH, JOURNAL_WAIT_S):
            await self._commit(self._code, sale.epoch, entries)

    async def _watch_once(self) -> None:
        await self._watch()
        await self._gate_is_shut.wait(1.0)

    async def _credit_once(self) -> None:
        if not await CreditGate(self._ledger, self._gate)():
            await asyncio.sleep(CREDIT_S)

    async def _expire_once(self) -> None:
        if not await ExpireHolds(self._ledger)():
            await asyncio.sleep(EXPIRE_S)

    async def _close_ended_once(self) -> None:
        await self._close_ended()
        await asyncio.sleep(1.0)

    async def _poll(self) -> None:
        await self._answers.poll()
