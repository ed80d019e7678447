"""Background loops of stock: committers, expiry, credits, gates."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import NoReturn

from lumbung_kit.failures import Failure
from lumbung_kit.logs import get_logger
from lumbung_kit.loops import Wakeup, end, loop_time
from lumbung_stock.domain.flash_sales import FlashSaleState
from lumbung_stock.stores.leases import Leases
from lumbung_stock.stores.sale_book import SaleBook
from lumbung_stock.usecases.commit_journal import Batch, CommitJournal
from lumbung_stock.usecases.expire_holds import EXPIRE_BATCH
from lumbung_stock.usecases.sale_ports import FencedError, SaleGate

_LOG = get_logger(__name__)

COMMIT_BATCH = 512
JOURNAL_WAIT_S = 0.2
LOOK_FOR_SALES_S = 0.5
LOOK_AT_SALE_S = 0.5
RETRY_S = 0.2
LEASE_RETRY_S = 0.5
EXPIRE_INTERVAL_S = 0.5
CREDIT_INTERVAL_S = 0.1
GATE_INTERVAL_S = 1.0
MEASURE_INTERVAL_S = 2.0
CLOSE_INTERVAL_S = 1.0
ADMIT_INTERVAL_S = 0.5
FORGET_INTERVAL_S = 60.0
NOTICE_INTERVAL_S = 0.5
CROSSINGS_INTERVAL_S = 0.5
LOTS_INTERVAL_S = 5.0


@dataclass(slots=True)
class Committers:
    """One ordered committer per running sale: whichever replica has the sale's lease.

    Two at once would do no harm, since each batch locks the sale and is fenced by its epoch; the lease saves work.
    """

    leases: Leases
    gate: SaleGate
    sales: SaleBook
    commit: CommitJournal
    wakeup: Wakeup
    _tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    async def run(self) -> NoReturn:
        """Starts a committer for each sale that runs, and ends those of sales that no longer do."""
        try:
            while True:
                await self._match(set(await self.sales.running()))
                await self.wakeup.wait(LOOK_FOR_SALES_S)
        finally:
            await self._match(set())

    async def _match(self, running: set[str]) -> None:
        for code in self._tasks.keys() - running:
            await end([self._tasks.pop(code)])
        for code in running:
            if code in self._tasks and not self._has_ended(code):
                continue
            self._tasks[code] = asyncio.create_task(self._serve(code), name=f"committer {code}")

    def _has_ended(self, code: str) -> bool:
        """Whether a committer met something that it does not know how to go on from; it is started anew."""
        task = self._tasks[code]
        if task.done():
            _LOG.error("committer ended", flash_sale_code=code, trouble=repr(task.exception()))
        return task.done()

    async def _serve(self, code: str) -> None:
        """Commits one sale's journal until it is cancelled; trouble is logged and tried again."""
        lease = f"committer:{code}"
        while True:
            try:
                if await self.leases.take(lease):
                    try:
                        await self._commit_while_leased(code, lease)
                    finally:
                        await self.leases.give_up(lease)
                await asyncio.sleep(LEASE_RETRY_S)
            except (Failure, FencedError) as trouble:
                _LOG.warning("committer tries again", flash_sale_code=code, trouble=repr(trouble))
                await asyncio.sleep(RETRY_S)

    async def _commit_while_leased(self, code: str, lease: str) -> None:
        renewed = loop_time()
        while True:
            if loop_time() >= renewed + self.leases.renew_s:
                if not await self.leases.take(lease):
                    return
                renewed = loop_time()
            sale = await self.sales.find_fresh(code)
            if sale.state not in (FlashSaleState.OPEN, FlashSaleState.CLOSING):
                return
            if sale.commits_journal:
                await self._commit_for_a_while(code, sale.epoch)
            else:
                await asyncio.sleep(JOURNAL_WAIT_S)

    async def _commit_for_a_while(self, code: str, epoch: int) -> None:
        """Batch after batch while there are any. Each is fenced by the epoch, so the sale need not be read for it."""
        until = loop_time() + LOOK_AT_SALE_S
        batch = await self._read(code, wait_s=JOURNAL_WAIT_S)
        while batch.raw:
            if len(batch.raw) == COMMIT_BATCH and loop_time() < until:
                batch = await self._commit_and_read_on(code, epoch, batch)
                continue
            await self.commit.commit(code, epoch, batch)
            if loop_time() >= until:
                return
            batch = await self._read(code, wait_s=JOURNAL_WAIT_S)

    async def _commit_and_read_on(self, code: str, epoch: int, batch: Batch) -> Batch:
        """Commits a full batch, behind which there are more entries, and reads them meanwhile."""
        reading = asyncio.create_task(self._read(code, after=batch.raw[-1][0]))
        try:
            await self.commit.commit(code, epoch, batch)
            return await reading
        finally:
            await end([reading])

    async def _read(self, code: str, *, wait_s: float = 0.0, after: str = "") -> Batch:
        entries = await self.gate.read_journal(code, COMMIT_BATCH, wait_s, after=after)
        return self.commit.decoded(code, entries)


async def expire_for_ever(expire: Callable[[], Awaitable[int]]) -> NoReturn:
    """Expires holds as they fall due."""
    while True:
        if await expire() < EXPIRE_BATCH:
            await asyncio.sleep(EXPIRE_INTERVAL_S)


async def while_there_is_any(interval_s: float, step: Callable[[], Awaitable[int]]) -> NoReturn:
    """Runs `step`, which says how much it has done, again and again; when that is nothing, it rests."""
    while True:
        if not await step():
            await asyncio.sleep(interval_s)


async def watch_for_ever(watch: Callable[[], Awaitable[None]], wakeup: Wakeup) -> NoReturn:
    """Looks after the gates: every second, or when somebody found one shut."""
    while True:
        await watch()
        await wakeup.wait(GATE_INTERVAL_S)


async def poll_for_ever(poll: Callable[[], Awaitable[None]]) -> NoReturn:
    """Looks for answers that another replica has written."""
    while True:
        await poll()
