import asyncio
import math
import random
from collections.abc import Sequence

import pytest

from lumbung_kit import context
from lumbung_kit.batching import MicroBatcher
from lumbung_kit.failures import DeadlineExceeded, Overloaded, ShuttingDown


class Till:
    """Decides batches when it is let: `decide` records each batch and waits for `open`."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.begun = asyncio.Event()
        self.open = asyncio.Event()

    async def decide(self, items: list[int]) -> Sequence[int | BaseException]:
        self.batches.append(items)
        self.begun.set()
        await self.open.wait()
        return [ValueError(f"{item} is odd") if item % 2 else item * 10 for item in items]


def batcher(till: Till, *, max_batch: int = 10, max_waiting: int = 10) -> MicroBatcher[int, int]:
    return MicroBatcher(till.decide, max_batch=max_batch, max_waiting=max_waiting, name="test")


async def in_flight(batches: MicroBatcher[int, int], till: Till, item: int) -> asyncio.Task[int]:
    task = asyncio.create_task(batches.submit(item))
    await till.begun.wait()
    return task


async def queued(batches: MicroBatcher[int, int], *items: int) -> list[asyncio.Task[int]]:
    tasks = [asyncio.create_task(batches.submit(item)) for item in items]
    await asyncio.sleep(0)
    return tasks


async def test_what_arrives_during_a_batch_forms_the_next_ones_in_order() -> None:
    till = Till()
    batches = batcher(till, max_batch=3)
    first = await in_flight(batches, till, 0)
    rest = await queued(batches, 2, 4, 6, 8)
    till.open.set()
    assert await asyncio.gather(first, *rest) == [0, 20, 40, 60, 80]
    assert till.batches == [[0], [2, 4, 6], [8]]


async def test_a_caller_that_comes_again_at_once_is_served_again() -> None:
    till = Till()
    till.open.set()
    batches = batcher(till)
    async with asyncio.timeout(60):
        assert [await batches.submit(item) for item in (0, 2, 4)] == [0, 20, 40]
    assert till.batches == [[0], [2], [4]]


async def test_an_exception_in_the_answers_is_raised_to_its_caller_alone() -> None:
    till = Till()
    till.open.set()
    batches = batcher(till)
    answers = await asyncio.gather(*(batches.submit(item) for item in (2, 3)), return_exceptions=True)
    assert answers[0] == 20
    assert isinstance(answers[1], ValueError)


async def test_what_decide_raises_fails_that_batch_only() -> None:
    calls = 0

    async def decide(items: list[int]) -> list[int]:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise OSError("gone")
        return items

    batches: MicroBatcher[int, int] = MicroBatcher(decide, max_batch=2, max_waiting=9, name="test")
    answers = await asyncio.gather(*map(batches.submit, (1, 2, 3)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [OSError, OSError, int]


async def test_a_wrong_number_of_answers_is_an_error_and_not_a_hang() -> None:
    async def decide(_items: list[int]) -> list[int]:
        return []

    batches: MicroBatcher[int, int] = MicroBatcher(decide, max_batch=2, max_waiting=9, name="test")
    with pytest.raises(RuntimeError, match="0 answers"):
        await batches.submit(1)


async def test_a_caller_that_gives_up_while_waiting_is_not_decided() -> None:
    till = Till()
    batches = batcher(till)
    first = await in_flight(batches, till, 0)
    stays, leaves = await queued(batches, 2, 4)
    leaves.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaves
    till.open.set()
    assert (await first, await stays) == (0, 20)
    assert till.batches == [[0], [2]]


async def test_a_caller_that_gives_up_during_its_batch_disturbs_nobody() -> None:
    till = Till()
    batches = batcher(till)
    leaves = await in_flight(batches, till, 0)
    (stays,) = await queued(batches, 2)
    leaves.cancel()
    till.open.set()
    assert await stays == 20
    assert till.batches == [[0], [2]]


async def test_an_item_whose_time_is_over_is_not_decided() -> None:
    till = Till()
    batches = batcher(till)
    first = await in_flight(batches, till, 0)
    with context.within(0):
        (late,) = await queued(batches, 2)
    till.open.set()
    await first
    with pytest.raises(DeadlineExceeded):
        await late
    assert till.batches == [[0]]


async def test_too_many_waiting_is_overload_and_giving_up_makes_room() -> None:
    till = Till()
    batches = batcher(till, max_waiting=1)
    first = await in_flight(batches, till, 0)
    (waiting,) = await queued(batches, 2)
    with pytest.raises(Overloaded) as refused:
        await batches.submit(4)
    assert refused.value.retry_after_s
    waiting.cancel()
    await asyncio.wait((waiting,))
    (next_one,) = await queued(batches, 6)
    till.open.set()
    assert (await first, await next_one) == (0, 60)


async def test_close_waits_for_what_was_taken_in_and_takes_no_more() -> None:
    till = Till()
    batches = batcher(till, max_batch=1)
    first = await in_flight(batches, till, 0)
    (waiting,) = await queued(batches, 2)
    closing = asyncio.create_task(batches.close())
    await asyncio.sleep(0)
    with pytest.raises(ShuttingDown):
        await batches.submit(4)
    assert not closing.done()
    till.open.set()
    await closing
    assert (first.result(), waiting.result()) == (0, 20)


async def test_two_batches_at_once_when_asked() -> None:
    till = Till()
    batches: MicroBatcher[int, int] = MicroBatcher(
        till.decide, max_batch=1, max_waiting=9, name="test", max_in_flight=2
    )
    tasks = await queued(batches, 0, 2, 4)
    await till.begun.wait()
    assert till.batches == [[0], [2]]
    till.open.set()
    assert await asyncio.gather(*tasks) == [0, 20, 40]


async def test_a_batch_has_neither_the_actor_nor_the_deadline_of_any_item() -> None:
    seen: list[tuple[str, float]] = []

    async def decide(items: list[int]) -> list[int]:
        seen.append((context.actor(), context.deadline_remaining_s()))
        return items

    batches: MicroBatcher[int, int] = MicroBatcher(decide, max_batch=2, max_waiting=9, name="test")
    with context.acting_as("staff:ani"), context.within(5):
        await batches.submit(1)
    assert seen == [("anonymous", math.inf)]


async def test_many_callers_that_come_again_and_give_up_each_get_their_own_answer(seed: int) -> None:
    draw = random.Random(seed)
    decided: list[int] = []

    async def decide(items: list[int]) -> list[int]:
        decided.extend(items)
        for _ in range(draw.randrange(4)):
            await asyncio.sleep(0)
        return [-item for item in items]

    batches: MicroBatcher[int, int] = MicroBatcher(
        decide, max_batch=5, max_waiting=1000, name="test", max_in_flight=draw.choice([1, 2, 3])
    )

    async def caller(first: int) -> None:
        for item in range(first, first + 10):
            submitting = asyncio.create_task(batches.submit(item))
            if draw.random() < 0.3:
                await asyncio.sleep(0)
                submitting.cancel()
            await asyncio.wait((submitting,))
            assert submitting.cancelled() or submitting.result() == -item

    async with asyncio.timeout(60), asyncio.TaskGroup() as callers:
        for number in range(1, 101):
            callers.create_task(caller(number * 100))
    await batches.close()
    assert len(decided) == len(set(decided))
