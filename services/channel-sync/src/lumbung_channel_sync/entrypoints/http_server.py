"""An HTTP server inside this process: started before the service says that it serves, stopped when nothing is left."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette

from lumbung_kit.logs import get_logger
from lumbung_kit.serving import CannotStart

CONNECTIONS_MAX = 4096
STOP_S = 5

_log = get_logger(__name__)


class _Server(uvicorn.Server):
    """Signals are the service's business."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class HttpServer:
    """Serves one ASGI application."""

    def __init__(self, name: str, app: Starlette, listen: str) -> None:
        self._name = name
        self._listen = listen
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            limit_concurrency=CONNECTIONS_MAX,
            timeout_graceful_shutdown=STOP_S,
            ws="none",
        )
        self._server = _Server(config)
        self._task: asyncio.Task[None] | None = None
        self.address = ""

    async def start(self) -> None:
        """Returns when requests are answered. Raises CannotStart when the address is taken."""
        bound = self._bind()
        host = self._listen.rpartition(":")[0]
        self.address = f"{host}:{bound.getsockname()[1]}"
        self._task = asyncio.create_task(self._server.serve(sockets=[bound]), name=self._name)
        while not self._server.started:
            if self._task.done():
                await self._task
                raise CannotStart(f"{self._name} cannot be served at {self._listen}")
            await asyncio.sleep(0.005)
        _log.info("serving http", name=self._name, address=self.address)

    async def stop(self) -> None:
        """Lets requests in flight finish."""
        if self._task is not None:
            self._server.should_exit = True
            await self._task

    def _bind(self) -> socket.socket:
        host, _, port = self._listen.rpartition(":")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            return socket.create_server((host.strip("[]"), int(port)), family=family, backlog=2048)
        except OSError as error:
            raise CannotStart(f"Nothing can be served at {self._listen}: {error.strerror}.") from error
