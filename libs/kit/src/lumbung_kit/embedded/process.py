"""One server program as a child process that never outlives us."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from lumbung_kit.embedded.account import Account

_LAUNCHER = Path(__file__).with_name("launch.py")
_LOG_TAIL_BYTES = 4_000
_LOG_MAX_BYTES = 20_000_000


class EmbeddedServerError(RuntimeError):
    """An embedded server could not be started or stopped; the message says what to do about it."""


class Child:
    """A running program. Its output goes to a log file; it gets `death_signal` when we are gone."""

    def __init__(
        self, program: list[str], *, account: Account, log: Path, death_signal: signal.Signals
    ) -> None:
        self._log = log
        _keep_small(log)
        if not log.exists():
            log.touch()
            account.own(log)
        self._log_start = log.stat().st_size
        command = [
            *(sys.executable, "-I", "-S", str(_LAUNCHER)),
            *(str(account.uid), str(account.gid), str(os.getpid()), str(int(death_signal)), "--"),
            *program,
        ]
        with log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - the program comes from our own package or settings
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
                start_new_session=True,  # Ctrl-C in a terminal reaches us alone; we stop the servers in order
                env=_environment(),
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def ended(self) -> int | None:
        """The exit code (negative: the signal) once the program has ended, else None. Never waits."""
        return self._process.poll()

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait(self, timeout_s: float) -> bool:
        """Whether the program ended within the time."""
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill(self) -> None:
        """SIGKILL, and collected, so that no zombie holds on to its lock files."""
        self._process.kill()
        self._process.wait()

    def log_tail(self) -> str:
        """The last lines that this program wrote, for an error message."""
        with self._log.open("rb") as log:
            log.seek(max(self._log_start, self._log.stat().st_size - _LOG_TAIL_BYTES))
            return log.read().decode(errors="replace").strip()


def run_to_end(program: list[str], *, account: Account, log: Path, timeout_s: float) -> None:
    """Runs a helper program such as initdb; raises EmbeddedServerError with the end of its output if it
    fails.
    """
    child = Child(program, account=account, log=log, death_signal=signal.SIGKILL)
    if not child.wait(timeout_s):
        child.kill()
        raise EmbeddedServerError(f"{program[0]} did not end within {timeout_s:g} s; see {log}")
    if child.ended() != 0:
        raise EmbeddedServerError(f"{program[0]} failed with exit code {child.ended()}:\n{child.log_tail()}")


def _environment() -> dict[str, str]:
    """Nothing of the caller's PG* settings, locale or library paths reaches a server."""
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ}
    return {**kept, "LC_ALL": "C", "TZ": "UTC"}


def _keep_small(log: Path) -> None:
    if log.exists() and log.stat().st_size > _LOG_MAX_BYTES:
        log.replace(log.with_suffix(".log.1"))
