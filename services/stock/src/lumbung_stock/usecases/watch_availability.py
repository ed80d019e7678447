"""Watch availability: a snapshot, then what changes, for thousands of watchers at once.

One follower of the event log per process finds out which SKUs changed and reads their figures once for all who watch
them. A watcher keeps the codes of SKUs that it has not been told of, never a queue of messages: whoever reads slowly
gets the newest figures only. Watchers with news wait in line and are told at a bounded pace, so that they take their
share of the process and no more.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import NoReturn

from lumbung.stock.v1 import availability_pb2 as pb
from lumbung_kit.batching import MicroBatcher
from lumbung_kit.events import EventLog
from lumbung_kit.failures import Overloaded, StoreUnavailable
from lumbung_kit.loops import Wakeup, loop_time
from lumbung_kit.metrics import counter, gauge
from lumbung_kit.postgres import Postgres
from lumbung_kit.processor import wanted_s
from lumbung_stock.domain.availability import Availability
from lumbung_stock.domain.inventory_failures import PositionAhead, SkuNotFound
from lumbung_stock.domain.pace import Pace
from lumbung_stock.domain.recent_changes import RecentChanges
from lumbung_stock.stores.availability import read_figures
from lumbung_stock.wire.events import AVAILABILITY_CHANGED, changed_skus
from lumbung_stock.wire.inventory import availability_message

LOOK_INTERVAL_S = 0.05
"""Changes that come within this time are read and told together."""
REST_S_MAX = 0.5
"""While watchers still wait in line for the news before, it is not read anew for so long: what is done for every
watcher at each look would take more of a busy process than telling them."""
HEARTBEAT_S = 15.0
REACH_S_MAX = 5.0
SPAN_MAX = 20_000
"""Positions that are looked through for what a watcher missed; who is further behind gets a snapshot."""
RECENT_SKUS_MAX = 100_000
READS_TOGETHER_MAX = 64
TURN_S = 0.01
SWEEP_S = 1.0
BUSY_SHARE = 0.7
"""Of one processor's time: a process that wants more, and it is bound to about one, has no time to spare."""
BUSY_LOOK_S = 0.2
LATE_TURN_S = 0.015
"""Turns that take this long: others on the machine, or in this process, wait for a processor."""
MESSAGES_MAX = 256
NAMED_MAX = 10

_WATCHERS = gauge("lumbung_stock_watchers", "Streams that watch availability")
_IN_LINE = gauge("lumbung_stock_watchers_in_line", "Watchers that have news and wait for their turn")
_TOLD = counter("lumbung_stock_watch_messages", "Messages sent to watchers, by what they held", ["content"])
_TOLD_CHANGES, _TOLD_NOTHING = _TOLD.labels("figures"), _TOLD.labels("heartbeat")
_FOLLOWED = gauge("lumbung_stock_watch_position", "Event position up to which watchers' figures are true")


@dataclass(slots=True, eq=False)
class _Watcher:
    """One stream. `untold` is bounded by what it watches."""

    sku_codes: tuple[str, ...]
    channel_code: str
    told_at: float = 0.0
    untold: set[str] = field(default_factory=set)
    bell: asyncio.Event = field(default_factory=asyncio.Event)


class Load:
    """Whether this process has time to spare: it wants little of a processor, and comes back to its turns in time."""

    def __init__(self, wanted_s: Callable[[], float] = wanted_s) -> None:
        self._wanted_s = wanted_s
        self._looked_at = self._wanted = 0.0
        self._wants_little = True
        self._turn_s = TURN_S

    def note_turn(self, seconds: float) -> None:
        """How long a turn of TURN_S really took; the last few count most."""
        self._turn_s += (seconds - self._turn_s) / 8

    def is_low(self, now: float) -> bool:
        """What the process wants is looked at every BUSY_LOOK_S."""
        if now - self._looked_at >= BUSY_LOOK_S:
            wanted = self._wanted_s()
            self._wants_little = wanted - self._wanted < BUSY_SHARE * (now - self._looked_at)
            self._looked_at, self._wanted = now, wanted
        return self._wants_little and self._turn_s < LATE_TURN_S


class WatchAvailability:
    """All watchers of this process. `follow`, `tell` and `keep_alive` must run beside them.

    What holds at any moment: the figures shown of a watched SKU contain every change up to `_position`, and what a
    watcher has not been told of them is in its `untold`.
    """

    def __init__(
        self, postgres: Postgres, log: EventLog, *, watchers_max: int, messages_per_s_max: int
    ) -> None:
        self._postgres = postgres
        self._log = log
        self._watchers_max = watchers_max
        self._load = Load()
        self._pace = Pace(per_s=messages_per_s_max, saved_max=watchers_max)
        self._watchers: set[_Watcher] = set()
        self._by_sku: dict[str, set[_Watcher]] = {}
        self._shown: dict[str, Availability] = {}
        self._messages: dict[tuple[str, frozenset[str]], pb.WatchAvailabilityResponse] = {}
        self._recent = RecentChanges(skus_max=RECENT_SKUS_MAX)
        self._position = 0
        self._line: dict[_Watcher, None] = {}
        self._somebody, self._following = asyncio.Event(), asyncio.Event()
        self._moved = asyncio.Event()
        self._in_line, self._all_told = Wakeup(), asyncio.Event()
        self._all_told.set()
        self._reads: MicroBatcher[Collection[str], None] = MicroBatcher(
            self._read_together, max_batch=READS_TOGETHER_MAX, max_waiting=watchers_max + 1, name="watch"
        )

    # A stream

    async def watch(
        self, sku_codes: Sequence[str], channel_code: str, after_position: int
    ) -> AsyncGenerator[pb.WatchAvailabilityResponse, None]:
        """What changed behind `after_position`, or everything when that is 0 or too long ago to know; then what
        changes. Something comes every HEARTBEAT_S at least, even if it is nothing.

        Raises SkuNotFound, PositionAhead, Overloaded, StoreUnavailable, all before the first message.
        """
        with self._joined(_Watcher(tuple(dict.fromkeys(sku_codes)), channel_code)) as watcher:
            await self._until_reached(after_position)
            await self._show(watcher.sku_codes)
            missed = self._recent.since(after_position, watcher.sku_codes) if after_position else None
            watcher.untold = set(watcher.sku_codes) if missed is None else missed
            yield self._news_for(watcher)
            while True:
                await watcher.bell.wait()
                watcher.bell.clear()
                yield self._news_for(watcher)

    async def close(self) -> None:
        """Reads for those who wait, and for nobody else."""
        await self._reads.close()

    @contextmanager
    def _joined(self, watcher: _Watcher) -> Iterator[_Watcher]:
        if len(self._watchers) >= self._watchers_max:
            raise Overloaded("Too many streams watch availability here already.", retry_after_s=1.0)
        self._watchers.add(watcher)
        for code in watcher.sku_codes:
            self._by_sku.setdefault(code, set()).add(watcher)
        self._somebody.set()
        _WATCHERS.set(len(self._watchers))
        try:
            yield watcher
        finally:
            self._leave(watcher)

    def _leave(self, watcher: _Watcher) -> None:
        self._watchers.discard(watcher)
        self._line.pop(watcher, None)
        for code in watcher.sku_codes:
            others = self._by_sku[code]
            others.discard(watcher)
            if not others:
                del self._by_sku[code]
                self._shown.pop(code, None)
        if not self._watchers:
            self._somebody.clear()
        _WATCHERS.set(len(self._watchers))

    async def _until_reached(self, position: int) -> None:
        """Returns when the log is followed, at least up to `position`: another replica may have been ahead of us."""
        try:
            async with asyncio.timeout(REACH_S_MAX):
                await self._following.wait()
                if position > self._position and position > (head := await self._log.head()):
                    raise PositionAhead(metadata={"head_position": str(head)})
                while self._position < position:
                    await self._moved.wait()
        except TimeoutError:
            raise StoreUnavailable(retry_after_s=1.0) from None

    async def _show(self, sku_codes: Sequence[str]) -> None:
        """Reads what nobody has watched so far."""
        if missing := [code for code in sku_codes if code not in self._shown]:
            await self._reads.submit(missing)
        if unknown := [code for code in sku_codes if code not in self._shown]:
            named = ", ".join(unknown[:NAMED_MAX])
            raise SkuNotFound(f"Stock has never heard of {named}.", metadata={"sku_code": unknown[0]})

    def _news_for(self, watcher: _Watcher) -> pb.WatchAvailabilityResponse:
        """The newest figures of all that the watcher has not been told of: one message, shared by all who lack the
        same."""
        key = (watcher.channel_code, frozenset(watcher.untold))
        watcher.untold.clear()
        watcher.told_at = loop_time()
        self._line.pop(watcher, None)
        (_TOLD_CHANGES if key[1] else _TOLD_NOTHING).inc()
        message = self._messages.get(key)
        if message is None:
            if len(self._messages) >= MESSAGES_MAX:
                self._messages.clear()
            message = self._messages[key] = self._message(*key)
        return message

    def _message(self, channel_code: str, sku_codes: Collection[str]) -> pb.WatchAvailabilityResponse:
        figures = [availability_message(self._shown[code], channel_code) for code in sorted(sku_codes)]
        return pb.WatchAvailabilityResponse(availabilities=figures, position=self._position)

    # The follower

    async def follow(self) -> NoReturn:
        """Follows the log while somebody watches. Raises StoreUnavailable and the like; then it is run again, and
        goes on where it was."""
        while True:
            await self._somebody.wait()
            await self._follow_up_to(await self._log.head())
            self._following.set()
            try:
                while self._watchers:
                    await self._follow_up_to(await self._log.head_beyond(self._position))
                    await self._rest()
            finally:
                self._following.clear()

    async def _rest(self) -> None:
        """Lets changes gather: for a moment, and on while there are watchers who have yet to hear of those before."""
        await asyncio.sleep(LOOK_INTERVAL_S)
        with suppress(TimeoutError):
            async with asyncio.timeout(REST_S_MAX):
                await self._all_told.wait()

    async def _follow_up_to(self, head: int) -> None:
        if head <= self._position:
            return
        changed: set[str] = set()
        after = max(self._position, head - SPAN_MAX)
        if after > self._position:
            self._recent.begin_at(after)
            changed.update(self._by_sku)
        for position, payload in await self._log.read_kind(AVAILABILITY_CHANGED, after, head):
            codes = changed_skus(payload)
            self._recent.note(position, codes)
            changed.update(codes)
        if watched := changed & self._by_sku.keys():
            await self._reads.submit(watched)
        self._move_to(head, changed)

    def _move_to(self, head: int, changed: Collection[str]) -> None:
        self._position = head
        self._messages.clear()
        for code in changed:
            for watcher in self._by_sku.get(code, ()):
                watcher.untold.add(code)
                self._line.setdefault(watcher)
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()
        _FOLLOWED.set(head)
        if self._line:
            self._all_told.clear()
            self._in_line.ring()

    async def _read_together(self, wanted: list[Collection[str]]) -> Sequence[None]:
        """One statement for all, and never two at a time: what is shown is always what was read last."""
        codes = {code for one in wanted for code in one}
        async with self._postgres.connection() as conn:
            figures = await read_figures(conn, codes, warehouse_code="")
        self._shown.update((code, read) for code, read in figures.items() if code in self._by_sku)
        self._messages.clear()
        return [None] * len(wanted)

    # The line

    async def tell(self) -> NoReturn:
        """Wakes watchers that have news, in the order in which they got it, at a bounded pace."""
        while True:
            await self._in_line.wait(SWEEP_S)
            while self._line:
                now, used = loop_time(), time.process_time()
                idle = self._load.is_low(now)
                self._ring_first(self._pace.take(now, len(self._line), used=used, idle=idle))
                _IN_LINE.set(len(self._line))
                await asyncio.sleep(TURN_S)
                self._load.note_turn(loop_time() - now)
            self._all_told.set()

    async def keep_alive(self) -> NoReturn:
        """Lines up whoever has heard nothing for HEARTBEAT_S: one look at all costs less than a timer each."""
        while True:
            await asyncio.sleep(min(SWEEP_S, HEARTBEAT_S))
            silent_since = loop_time() - HEARTBEAT_S
            for watcher in self._watchers:
                if 0 < watcher.told_at < silent_since:
                    self._line.setdefault(watcher)
            self._in_line.ring()

    def _ring_first(self, count: int) -> None:
        for watcher in list(islice(self._line, count)):
            del self._line[watcher]
            watcher.bell.set()
