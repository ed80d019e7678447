"""Group commit: what arrives while a batch is being decided forms the next batch."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Generic, NamedTuple, TypeVar, cast

from lumbung_kit import context, metrics
from lumbung_kit.failures import DeadlineExceeded, Overloaded, ShuttingDown

T = TypeVar("T")
R = TypeVar("R")

_SIZE = metrics.histogram("batch_size", "Items decided together", ["batcher"], metrics.SIZES)
_SECONDS = metrics.histogram("batch_duration_seconds", "Time to decide one batch", ["batcher"])
_WAITING = metrics.gauge("batch_waiting_items", "Items that wait for the next batch", ["batcher"])
_REFUSED = metrics.counter("batch_refused_items", "Items refused because too many were waiting", ["batcher"])


class _Waiting(NamedTuple, Generic[T]):
    item: T
    deadline: float


class MicroBatcher(Generic[T, R]):
    """Hands items to `decide` in batches, in the order of arrival.

    An item that finds nothing in flight goes at once; there is no timer. `decide` gives one answer per item,
    in order: a value, or an exception that is raised to that item's caller alone. What `decide` raises goes
    to every caller of the batch. It runs in a context of its own (no actor, deadline or span): items carry
    what it needs.
    """

    def __init__(
        self,
        decide: Callable[[list[T]], Awaitable[Sequence[R | BaseException]]],
        *,
        max_batch: int,
        max_waiting: int,
        name: str,
        max_in_flight: int = 1,
        retry_after_s: float = 0.1,
    ) -> None:
        self._decide = decide
        self._max_batch = max_batch
        self._max_waiting = max_waiting
        self._max_in_flight = max_in_flight
        self._retry_after_s = retry_after_s
        self._waiting: OrderedDict[asyncio.Future[R], _Waiting[T]] = OrderedDict()
        self._workers: set[asyncio.Task[None]] = set()
        self._closed = False
        self._size = _SIZE.labels(name)
        self._seconds = _SECONDS.labels(name)
        self._refused = _REFUSED.labels(name)
        _WAITING.labels(name).set_function(lambda: len(self._waiting))

    async def submit(self, item: T) -> R:
        """Waits for this item's answer.

        Cancelled before its batch was taken, the item is dropped; afterwards it is decided, its answer lost.
        """
        if self._closed:
            raise ShuttingDown
        if len(self._waiting) >= self._max_waiting:
            self._refused.inc()
            raise Overloaded(retry_after_s=self._retry_after_s)
        answer: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting[answer] = _Waiting(item, time.monotonic() + context.deadline_remaining_s())
        if len(self._workers) < self._max_in_flight:
            self._start_worker()
        try:
            return await answer
        finally:
            self._waiting.pop(answer, None)

    async def close(self) -> None:
        """Takes no more items and returns when those already taken in have their answers."""
        self._closed = True
        while self._workers:
            await asyncio.wait(self._workers)

    def _start_worker(self) -> None:
        task = asyncio.get_running_loop().create_task(self._work(), context=Context())
        self._workers.add(task)
        task.add_done_callback(self._workers.discard)

    async def _work(self) -> None:
        try:
            while batch := self._take():
                self._size.observe(len(batch))
                started = time.perf_counter()
                await self._settle(batch)
                self._seconds.observe(time.perf_counter() - started)
        finally:
            # In the same step that found nothing to take: a done callback would come after a caller that has
            # just got its answer and submits again, and that one would find a worker that works no more.
            self._workers.discard(cast("asyncio.Task[None]", asyncio.current_task()))

    def _take(self) -> dict[asyncio.Future[R], T]:
        """The next batch: oldest first, without those whose time has run out."""
        batch: dict[asyncio.Future[R], T] = {}
        now = time.monotonic()
        while self._waiting and len(batch) < self._max_batch:
            answer, waiting = self._waiting.popitem(last=False)
            if answer.done():
                continue
            if waiting.deadline <= now:
                answer.set_exception(DeadlineExceeded())
            else:
                batch[answer] = waiting.item
        return batch

    async def _decide_all(self, items: list[T]) -> Sequence[R | BaseException]:
        results = await self._decide(items)
        if len(results) != len(items):
            raise RuntimeError(f"{len(results)} answers for a batch of {len(items)}")
        return results

    async def _settle(self, batch: dict[asyncio.Future[R], T]) -> None:
        try:
            results = await self._decide_all(list(batch.values()))
        except asyncio.CancelledError:
            for answer in batch:
                answer.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - handed to every caller of this batch
            results = [error] * len(batch)
        for answer, result in zip(batch, results, strict=True):
            if answer.done():
                continue
            if isinstance(result, BaseException):
                answer.set_exception(result)
            else:
                answer.set_result(result)
