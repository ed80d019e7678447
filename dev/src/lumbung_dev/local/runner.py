"""Keeps several programs running: starts them together, watches them, ends them in reverse order."""

from __future__ import annotations

import asyncio
import enum
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from lumbung_dev.local.program import Program, Running
from lumbung_dev.local.trouble import Trouble

_WATCH_INTERVAL_S = 0.1
_RESTARTS_MAX = 5
_RESTARTS_WINDOW_S = 60.0


class OnDeath(enum.Enum):
    """What happens when a program ends that nobody asked to end."""

    RESTART = enum.auto()
    LEAVE = enum.auto()


class _Place:
    """A program's place in the runner; it stays while the processes in it come and go."""

    def __init__(self, program: Program, log: Path) -> None:
        self.program = program
        self.log = log
        self.running: Running | None = None
        self.deaths: deque[float] = deque(maxlen=_RESTARTS_MAX)
        self.turn = asyncio.Lock()

    @property
    def alive(self) -> bool:
        return self.running is not None and self.running.exit_code() is None

    def dies_too_often(self) -> bool:
        self.deaths.append(time.monotonic())
        return len(self.deaths) == _RESTARTS_MAX and self.deaths[-1] - self.deaths[0] < _RESTARTS_WINDOW_S


class Runner:
    """Programs by name, running between `async with` and its end.

    A program that dies unasked is started again, or left, as `on_death` says; `unasked_deaths` tells of it
    either way. One that was killed or stopped through this object stays down until `start`.
    """

    def __init__(self, logs: Path, on_death: OnDeath) -> None:
        self._logs = logs
        self._on_death = on_death
        self._places: dict[str, _Place] = {}
        self._watcher: asyncio.Task[None] | None = None
        self.unasked_deaths: list[str] = []
        self.gave_up = asyncio.Event()

    async def __aenter__(self) -> Runner:
        self._logs.mkdir(parents=True, exist_ok=True)
        self._watcher = asyncio.create_task(self._watch(), name="watch-programs")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.gather(self._watcher, return_exceptions=True)
        for name in reversed(self._places):
            await self.stop(name)

    @property
    def names(self) -> list[str]:
        return list(self._places)

    @property
    def pids(self) -> dict[str, int]:
        """Process ids of what runs now."""
        return {
            name: place.running.pid for name, place in self._places.items() if place.running and place.alive
        }

    def log_of(self, name: str) -> Path:
        return self._place(name).log

    async def run(self, programs: Sequence[Program]) -> None:
        """Starts programs together and returns when all serve; raises Trouble when one does not."""
        for program in programs:
            self._places[program.name] = _Place(program, self._logs / f"{program.name}.log")
        try:
            async with asyncio.TaskGroup() as starting:
                for program in programs:
                    starting.create_task(self.start(program.name))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None

    async def start(self, name: str) -> None:
        """Starts a program that is down and returns when it serves; one that runs is left alone."""
        place = self._place(name)
        async with place.turn:
            if not place.alive:
                await self._start(place)

    async def stop(self, name: str) -> None:
        """SIGTERM, and time to finish; it stays down."""
        place = self._place(name)
        async with place.turn:
            running, place.running = place.running, None
            if running is not None:
                await running.stop()

    async def kill(self, name: str) -> None:
        """SIGKILL, as a crash would; it stays down until `start`."""
        place = self._place(name)
        async with place.turn:
            running, place.running = place.running, None
            if running is not None:
                await running.kill()

    async def _start(self, place: _Place) -> None:
        running = Running(place.program, place.log)
        try:
            await running.until_ready()
        except BaseException:
            running.kill_now()
            raise
        place.running = running

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_WATCH_INTERVAL_S)
            for place in self._places.values():
                if place.running is not None and not place.alive and not place.turn.locked():
                    await self._mourn(place)

    async def _mourn(self, place: _Place) -> None:
        assert place.running is not None  # noqa: S101 - the caller looked, and nothing ran in between
        name, code = place.program.name, place.running.exit_code()
        self.unasked_deaths.append(f"{name} ended with exit code {code}")
        place.running = None
        if self._on_death is OnDeath.LEAVE or place.dies_too_often():
            self.gave_up.set()
            return
        try:
            await self.start(name)
        except Trouble as trouble:
            self.unasked_deaths.append(str(trouble))
            self.gave_up.set()

    def _place(self, name: str) -> _Place:
        if name not in self._places:
            raise Trouble(f"There is no {name} here; there are {', '.join(self._places)}.")
        return self._places[name]
