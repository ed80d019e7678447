"""Starts, watches, restarts and stops the embedded servers of one data folder."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Literal, TypeVar

import structlog

from lumbung_kit.embedded.account import account_for
from lumbung_kit.embedded.binaries import postgres_bin, valkey_server
from lumbung_kit.embedded.home import Home
from lumbung_kit.embedded.postgres import PostgresServer
from lumbung_kit.embedded.process import EmbeddedServerError
from lumbung_kit.embedded.server import EmbeddedServer
from lumbung_kit.embedded.settings import EmbeddedSettings
from lumbung_kit.embedded.valkey import ValkeyServer

ServerName = Literal["postgres", "valkey"]
T = TypeVar("T")

_WATCH_INTERVAL_S = 0.1
_RESTARTS_MAX = 5
_RESTARTS_WINDOW_S = 60.0
_log = structlog.get_logger("lumbung.embedded")


class _Watched:
    """A server with the one thread that all its calls run in; the thread lives as long as the server may."""

    def __init__(self, server: EmbeddedServer) -> None:
        self.server = server
        self.wanted = False
        self.restarts: deque[float] = deque(maxlen=_RESTARTS_MAX)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=server.name)

    async def call(self, step: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, step)

    def end(self) -> None:
        self._thread.shutdown()

    def restart_allowed(self, now: float) -> bool:
        full = len(self.restarts) == _RESTARTS_MAX
        return not (full and now - self.restarts[0] < _RESTARTS_WINDOW_S)


class Supervisor:
    """The embedded servers of `data_dir`, running between `async with` and its end.

    A server that dies unasked is started again on the same port and data, at most 5 times a minute; after
    that `failed` is set. One that was stopped or killed through this object stays down until `start`. When
    this process ends, in whatever way, the servers end too.

    Servers that the settings name by URL are used as they are: they are neither started, watched nor stopped.
    Raises EmbeddedServerError, with a sentence that says what to do, when a server cannot be had.
    """

    def __init__(self, data_dir: Path, *, settings: EmbeddedSettings | None = None) -> None:
        self._data_dir = data_dir
        self._settings = settings or EmbeddedSettings()
        self._home: Home | None = None
        self._watched: dict[ServerName, _Watched] = {}
        self._watcher: asyncio.Task[None] | None = None
        self.failed = asyncio.Event()

    async def __aenter__(self) -> Supervisor:
        try:
            self._build()
            await asyncio.gather(*(self.start(name) for name in self._watched))
        except BaseException:
            await self._close()
            raise
        self._watcher = asyncio.create_task(self._watch(), name="embedded-servers")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.gather(self._watcher, return_exceptions=True)
        await self._close()

    @property
    def postgres_url(self) -> str:
        """The superuser's URL of the database `lumbung` (or what LUMBUNG_POSTGRES_URL says)."""
        named = self._settings.postgres_url
        return named.get_secret_value() if named else self._watched["postgres"].server.url

    @property
    def valkey_url(self) -> str:
        """The URL of Valkey's database 0 (or what LUMBUNG_VALKEY_URL says)."""
        named = self._settings.valkey_url
        return named.get_secret_value() if named else self._watched["valkey"].server.url

    @property
    def folder(self) -> Path | None:
        """Where the servers' files really are; None when none is ours."""
        return self._home.folder if self._home else None

    def pid(self, name: ServerName) -> int | None:
        """The server's process id while it runs."""
        return self._ours(name).server.pid

    async def start(self, name: ServerName) -> None:
        """Starts a server that is down and returns when it answers."""
        watched = self._ours(name)
        await watched.call(watched.server.start)
        watched.wanted = True

    async def stop(self, name: ServerName) -> None:
        """Stops a server in order."""
        watched = self._ours(name)
        watched.wanted = False
        await watched.call(watched.server.stop)

    async def kill(self, name: ServerName) -> None:
        """SIGKILLs a server, as a crash would; it stays down until `start`."""
        watched = self._ours(name)
        watched.wanted = False
        await watched.call(watched.server.kill)

    async def restart(self, name: ServerName) -> None:
        """Stops a server in order and starts it again."""
        await self.stop(name)
        await self.start(name)

    def _ours(self, name: ServerName) -> _Watched:
        if name not in self._watched:
            raise EmbeddedServerError(f"{name} is not run by us: the settings name a server by URL")
        return self._watched[name]

    def _build(self) -> None:
        settings = self._settings
        if settings.postgres_url and settings.valkey_url:
            return
        account = account_for(self._data_dir.absolute())
        self._home = home = Home(self._data_dir, account)
        if not settings.postgres_url:
            programs = postgres_bin(account, settings.postgres_bin)
            self._watched["postgres"] = _Watched(
                PostgresServer(home.folder, account, programs, standbys_max=settings.postgres_standbys_max)
            )
        if not settings.valkey_url:
            program = valkey_server(account, settings.valkey_bin)
            server = ValkeyServer(home.folder, account, program, settings.valkey_append_fsync)
            self._watched["valkey"] = _Watched(server)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_WATCH_INTERVAL_S)
            for watched in self._watched.values():
                if watched.wanted and not watched.server.running:
                    await self._revive(watched)

    async def _revive(self, watched: _Watched) -> None:
        now = time.monotonic()
        if not watched.restart_allowed(now):
            _log.error("embedded server keeps dying, giving up", server=watched.server.name)
            watched.wanted = False
            self.failed.set()
            return
        watched.restarts.append(now)
        _log.warning("embedded server died, starting it again", server=watched.server.name)
        try:
            await watched.call(watched.server.start)
        except (EmbeddedServerError, OSError):
            _log.exception("embedded server did not come back", server=watched.server.name)

    async def _close(self) -> None:
        try:
            await asyncio.gather(*(self.stop(name) for name in self._watched))
        finally:
            for watched in self._watched.values():
                watched.end()
            self._watched.clear()
            if self._home is not None:
                self._home.release()
                self._home = None
