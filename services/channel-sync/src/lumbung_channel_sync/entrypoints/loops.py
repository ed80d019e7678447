"""Background loops: figures to channels, answers to channels, deliveries from channels, and the comparison of both
sides. Each looks by itself now and then, and at once when a bell rings."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import NoReturn

from lumbung_channel_sync.clients.stock import StockRefusal
from lumbung_channel_sync.connectors.contract import PlatformTrouble
from lumbung_channel_sync.stores import channels, inbox
from lumbung_channel_sync.stores.channel_directory import ChannelDirectory
from lumbung_channel_sync.usecases.open_orders import Job, claim_and_open
from lumbung_channel_sync.usecases.reconcile_figures import Reconciler
from lumbung_channel_sync.usecases.work_delivery import DeliveryWorker
from lumbung_kit import telemetry
from lumbung_kit.failures import Failure
from lumbung_kit.logs import get_logger
from lumbung_kit.loops import Wakeup
from lumbung_kit.postgres import Postgres

LOOK_S = 0.5
PAUSE_AFTER_TROUBLE_S = 0.5
PAUSE_WITHOUT_PROGRESS_S = 0.2
CHANNELS_AT_ONCE = 16

_log = get_logger(__name__)
_in_flight = telemetry.gauge("deliveries_in_flight", "Deliveries being worked through now")


@dataclass(slots=True)
class ChannelLoop:
    """Works for each channel that has something to do: one task per channel, so that a slow one holds up nobody.

    `find` names the channels, `work` does one channel's share and says how much that was.
    """

    name: str
    find: Callable[[], Awaitable[list[str]]]
    work: Callable[[str], Awaitable[int]]
    bell: Wakeup
    pause_s: float = 0.0
    _running: set[str] = field(default_factory=set)

    async def run(self) -> NoReturn:
        """For ever."""
        async with asyncio.TaskGroup() as group:
            while True:
                for code in await self.find():
                    if code not in self._running and len(self._running) < CHANNELS_AT_ONCE:
                        self._running.add(code)
                        group.create_task(self._serve(code), name=f"{self.name} {code}")
                await self.bell.wait(LOOK_S)

    async def _serve(self, code: str) -> None:
        try:
            pause_s = await self._once(code)
            if pause_s:
                await asyncio.sleep(pause_s)
        finally:
            self._running.discard(code)
            self.bell.ring()

    async def _once(self, code: str) -> float:
        """One share of work; how long to wait before the next."""
        try:
            done = await self.work(code)
        except PlatformTrouble:
            return 0.0  # noted where it happened: the channel is not found again before its time
        except (Failure, StockRefusal) as trouble:
            _log.warning("tried again", loop=self.name, channel=code, trouble=str(trouble))
            return PAUSE_AFTER_TROUBLE_S * random.uniform(0.5, 1.0)
        except Exception:  # noqa: BLE001 - logged, and tried again
            _log.exception("channel loop failed", loop=self.name, channel=code)
            return PAUSE_AFTER_TROUBLE_S
        return self.pause_s if done else PAUSE_WITHOUT_PROGRESS_S


@dataclass(slots=True)
class DeliveryLoop:
    """Works through deliveries, at most `at_once` at a time."""

    postgres: Postgres
    worker: DeliveryWorker
    instance: str
    at_once: int
    bell: Wakeup
    _jobs: dict[int, asyncio.Task[None]] = field(default_factory=dict)
    _lost_some: bool = True

    async def run(self) -> NoReturn:
        """For ever. Claims again when a quarter of the places is free, so that claims stay few and large."""
        async with asyncio.TaskGroup() as group:
            while True:
                await self._release_lost()
                if len(self._jobs) <= self.at_once * 3 // 4:
                    room = self.at_once - len(self._jobs)
                    jobs = await claim_and_open(self.postgres, self.instance, room)
                    for job in jobs:
                        self._start(group, job)
                    if len(jobs) == room:
                        continue
                await self.bell.wait(LOOK_S)

    async def _release_lost(self) -> None:
        """At the start, and after an outcome could not be stored: what nobody works on is free again."""
        if not self._lost_some:
            return
        async with self.postgres.connection() as conn:
            await inbox.release_claims(conn, self.instance, list(self._jobs))
        self._lost_some = False

    def _start(self, group: asyncio.TaskGroup, job: Job) -> None:
        self._jobs[job.work.inbox_id] = group.create_task(self._work(job), name="delivery")
        _in_flight.set(len(self._jobs))

    async def _work(self, job: Job) -> None:
        try:
            await self.worker.work(job)
        except Exception:  # noqa: BLE001 - logged, and tried again
            _log.exception("delivery's outcome could not be stored", inbox_id=job.work.inbox_id)
            self._lost_some = True
            await asyncio.sleep(PAUSE_AFTER_TROUBLE_S)
        finally:
            del self._jobs[job.work.inbox_id]
            _in_flight.set(len(self._jobs))
            self.bell.ring()


@dataclass(frozen=True, slots=True)
class ReconcileLoop:
    """Compares both sides of every channel, again and again."""

    postgres: Postgres
    directory: ChannelDirectory
    reconciler: Reconciler
    figures: Wakeup
    interval_s: float

    async def run(self) -> NoReturn:
        """For ever; channels one after the other, since nothing here is urgent."""
        while True:
            await asyncio.sleep(self.interval_s * random.uniform(0.9, 1.1))
            for channel in await self.directory.all():
                await self._reconcile(channel.channel_code)

    async def _reconcile(self, code: str) -> None:
        async with self.postgres.connection() as conn:
            channel = await channels.get(conn, code)
            callable_now = await channels.is_callable(conn, code)
        if channel is None or not callable_now:
            return
        try:
            drifted = await self.reconciler.reconcile(channel)
        except PlatformTrouble:
            return  # noted where it happened
        if drifted:
            self.figures.ring()
