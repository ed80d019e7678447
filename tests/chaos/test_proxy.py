"""The proxy cuts at the moment that it was told, and passes everything else on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from lumbung_dev.chaos.proxy import Moment, Proxy, Trap


@asynccontextmanager
async def echo(received: list[bytes]) -> AsyncIterator[Proxy]:
    """A server that says everything back, behind a proxy."""

    async def say_back(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1024):
            received.append(data)
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(say_back, "127.0.0.1", 0)
    proxy = Proxy("127.0.0.1", server.sockets[0].getsockname()[1])
    await proxy.start()
    async with server:
        yield proxy
        await proxy.stop()


async def say(proxy: Proxy, *words: bytes) -> list[bytes]:
    """What comes back on one connection, up to its end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    answers = []
    for word in words:
        writer.write(word)
        try:
            answer = await reader.read(1024)
        except ConnectionError:
            answer = b""
        if not answer:
            break
        answers.append(answer)
    writer.transport.abort()
    return answers


async def test_without_a_trap_everything_passes() -> None:
    received: list[bytes] = []
    async with echo(received) as proxy:
        assert await say(proxy, b"one", b"COMMIT", b"two") == [b"one", b"COMMIT", b"two"]


@pytest.mark.parametrize(
    ("moment", "arrived"), [(Moment.BEFORE, [b"one"]), (Moment.AFTER, [b"one", b"COMMIT"])]
)
async def test_a_trap_cuts_before_or_after_it_arrives(moment: Moment, arrived: list[bytes]) -> None:
    received: list[bytes] = []
    async with echo(received) as proxy:
        trap = proxy.set(Trap(b"COMMIT", moment))
        assert await say(proxy, b"one", b"COMMIT", b"two") == [b"one"]
        assert received == arrived
        assert trap.sprung.is_set()
        assert await say(proxy, b"COMMIT") == [b"COMMIT"], "it springs once"


async def test_a_trap_springs_as_often_as_it_is_told() -> None:
    sprung: list[int] = []
    async with echo([]) as proxy:
        trap = proxy.set(Trap(b"COMMIT", Moment.AFTER, times=2, spring=lambda: sprung.append(1)))
        assert await say(proxy, b"COMMIT") == []
        assert not trap.sprung.is_set()
        assert await say(proxy, b"COMMIT") == []
        assert (sprung, trap.sprung.is_set()) == ([1, 1], True)
        assert await say(proxy, b"COMMIT") == [b"COMMIT"]


async def test_a_server_that_is_away_ends_the_connection() -> None:
    async with echo([]) as proxy:
        away = Proxy("127.0.0.1", 1)
        await away.start()
        assert await say(away, b"one") == []
        await away.stop()
        assert await say(proxy, b"one") == [b"one"]
