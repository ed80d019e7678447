"""A TCP proxy between a service and a store, which cuts at the worst moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto

from lumbung_kit.loops import end

_CHUNK = 65_536


class Moment(Enum):
    """When a trap springs."""

    BEFORE = auto()
    """What was asked never arrives."""
    AFTER = auto()
    """It took effect, and the answer never comes back."""


@dataclass(slots=True)
class Trap:
    """Cuts the connection on which `word` is sent, `times` times; `spring` is called just before each cut."""

    word: bytes
    moment: Moment
    times: int = 1
    spring: Callable[[], None] = lambda: None
    sprung: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once all the times are over."""


class Proxy:
    """Passes everything on to `target`, but for what the trap says."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()
        self._trap: Trap | None = None
        self.delay_s = 0.0
        """Every answer comes so much later."""

    @property
    def port(self) -> int:
        """Where it listens, on loopback."""
        if self._server is None:
            raise RuntimeError("the proxy does not listen")
        return int(self._server.sockets[0].getsockname()[1])

    async def start(self) -> None:
        """Listens."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)

    async def stop(self) -> None:
        """Ends every connection."""
        if self._server is not None:
            self._server.close()
        await end(self._serving)

    def turn_to(self, host: str, port: int) -> None:
        """From now on everything goes there; who is connected has to connect again."""
        self._target = (host, port)
        for task in self._serving:
            task.cancel()

    def set(self, trap: Trap) -> Trap:
        """Sets a trap in place of the last one."""
        self._trap = trap
        return trap

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            from_server, to_server = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        muted = asyncio.Event()
        pumps = [
            asyncio.create_task(self._ask(reader, to_server, muted)),
            asyncio.create_task(self._answer(from_server, writer, muted)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await end(pumps)
            for each in (to_server, writer):
                each.transport.abort()

    async def _ask(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, muted: asyncio.Event
    ) -> None:
        while data := await _read(reader):
            trap = self._trap
            if trap is not None and trap.times and trap.word in data and not muted.is_set():
                trap.times -= 1
                if trap.moment is Moment.BEFORE:
                    self._spring(trap)
                    return
                muted.set()
            writer.write(data)

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, muted: asyncio.Event
    ) -> None:
        while data := await _read(reader):
            if muted.is_set():
                if self._trap is not None:
                    self._spring(self._trap)
                return
            if self.delay_s:
                await asyncio.sleep(self.delay_s)
            writer.write(data)

    @staticmethod
    def _spring(trap: Trap) -> None:
        trap.spring()
        if not trap.times:
            trap.sprung.set()


async def _read(reader: asyncio.StreamReader) -> bytes:
    """What came; nothing when the connection has ended, in whatever way."""
    try:
        return await reader.read(_CHUNK)
    except OSError:
        return b""
