import asyncio

import pytest

from lumbung_kit.loops import Wakeup, end, every


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


async def test_a_task_that_loses_a_cancellation_is_cancelled_again() -> None:
    """As asyncio.wait_for does before Python 3.12, inside of drivers."""
    lost = 0

    async def careless() -> None:
        nonlocal lost
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                if lost == 2:
                    raise
                lost += 1

    task = asyncio.create_task(careless())
    await asyncio.sleep(0)
    await end([task], again_s=0.001)
    assert (lost, task.cancelled()) == (2, True)


async def test_ending_a_task_that_fails_on_its_way_out_is_quiet() -> None:
    async def fails() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            raise ValueError("on the way out")

    task = asyncio.create_task(fails())
    await asyncio.sleep(0)
    await end([task])
    assert task.done()
