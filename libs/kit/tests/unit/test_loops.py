import asyncio

import pytest

from lumbung_kit.loops import Wakeup, every


async def test_every_runs_at_once_and_again_until_a_step_raises() -> None:
    steps = 0

    async def step() -> None:
        nonlocal steps
        steps += 1
        if steps == 3:
            raise StopAsyncIteration

    with pytest.raises(StopAsyncIteration):
        await every(0, step)
    assert steps == 3


async def test_a_ring_before_the_wait_is_not_lost_and_counts_once() -> None:
    wakeup = Wakeup()
    wakeup.ring()
    wakeup.ring()
    assert await wakeup.wait(60)
    assert not await wakeup.wait(0)


async def test_a_ring_ends_the_wait() -> None:
    wakeup = Wakeup()
    waiting = asyncio.create_task(wakeup.wait(60))
    await asyncio.sleep(0)
    wakeup.ring()
    assert await waiting
