"""Streams without an end, and how they are ended."""

from __future__ import annotations

import asyncio

import pytest

from lumbung_kit.failures import ShuttingDown
from lumbung_kit.streams import Interruption


async def test_a_message_on_its_way_is_sent_before_the_stream_ends() -> None:
    """gRPC takes no status while it is sending."""
    sent = asyncio.Event()
    begun: asyncio.Future[Interruption] = asyncio.get_running_loop().create_future()

    async def follow() -> None:
        interruption = Interruption()
        begun.set_result(interruption)
        await interruption.send(sent.wait())  # type: ignore[arg-type]

    following = asyncio.create_task(follow())
    (await begun).end()
    await asyncio.sleep(0)
    assert not following.done()
    sent.set()
    with pytest.raises(ShuttingDown):
        await following


async def test_a_stream_that_waits_for_news_is_interrupted_at_once() -> None:
    begun: asyncio.Future[Interruption] = asyncio.get_running_loop().create_future()

    async def follow() -> bool:
        interruption = Interruption()
        begun.set_result(interruption)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError as error:
            return interruption.caused(error)
        return False

    following = asyncio.create_task(follow())
    interruption = await begun
    interruption.end()
    interruption.end()
    assert await following
