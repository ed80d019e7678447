"""One program of ours as a child process that never outlives us."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lumbung_dev.local.trouble import Trouble
from lumbung_kit.embedded import launch

_POLL_S = 0.02
_LOG_TAIL_LINES = 25


@dataclass(frozen=True, slots=True)
class Program:
    """What to run, and how to tell that it is ready."""

    name: str
    module: str
    environment: Mapping[str, str]
    is_ready: Callable[[], Awaitable[bool]]
    arguments: tuple[str, ...] = field(default=())
    start_s_max: float = 60.0
    stop_s_max: float = 15.0


class Running:
    """A started program with its log file; it is SIGKILLed by the kernel when this process is gone."""

    def __init__(self, program: Program, log: Path) -> None:
        self.program = program
        self._log = log
        self._log_start = log.stat().st_size if log.exists() else 0
        with log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own module, run by our own interpreter
                _command(program),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches the runner alone, which stops all in order
                env={**os.environ, **program.environment},
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def exit_code(self) -> int | None:
        """How it ended (negative: the signal's number), or None while it lives. Collects the process."""
        return self._process.poll()

    async def until_ready(self) -> None:
        """Returns when the program serves; raises Trouble, with the end of its log, when it does not."""
        try:
            async with asyncio.timeout(self.program.start_s_max):
                while not await self.program.is_ready():
                    if self.exit_code() is not None:
                        raise self._trouble(f"ended with exit code {self.exit_code()} instead of serving")
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            raise self._trouble(f"did not serve within {self.program.start_s_max:g} s") from None

    async def stop(self) -> None:
        """SIGTERM, and time to finish what was accepted; SIGKILL when that is over."""
        self._process.send_signal(signal.SIGTERM)
        try:
            await asyncio.to_thread(self._process.wait, self.program.stop_s_max)
        except subprocess.TimeoutExpired:
            await self.kill()

    async def kill(self) -> None:
        """SIGKILL, and collected."""
        self._process.kill()
        await asyncio.to_thread(self._process.wait)

    def kill_now(self) -> None:
        """SIGKILL without waiting on the event loop, for the way out of a failed start."""
        self._process.kill()
        self._process.wait()

    def _trouble(self, what: str) -> Trouble:
        tail = "\n".join(self._own_log().splitlines()[-_LOG_TAIL_LINES:])
        return Trouble(f"{self.program.name} {what}. The end of {self._log}:\n{tail}")

    def _own_log(self) -> str:
        with self._log.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")


def _command(program: Program) -> list[str]:
    """Through the kit's launcher, which ties the child's life to ours before it becomes the program."""
    tie = ("-1", "-1", str(os.getpid()), str(int(signal.SIGKILL)), "--")
    return [
        *(sys.executable, "-I", "-S", str(Path(launch.__file__)), *tie),
        *(sys.executable, "-m", program.module, *program.arguments),
    ]
