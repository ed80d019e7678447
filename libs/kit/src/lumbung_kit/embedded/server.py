"""What the embedded PostgreSQL and Valkey have in common: start, stop, kill, and start again on the same
folder.
"""

from __future__ import annotations

import secrets
import signal
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

from lumbung_kit.embedded.account import Account
from lumbung_kit.embedded.ports import free_port
from lumbung_kit.embedded.process import Child, EmbeddedServerError

_READY_POLL_S = 0.02
_PORT_ATTEMPTS_MAX = 5


class EmbeddedServer(ABC):
    """One server on a free loopback port, with its data in `folder`. Its calls block; use it from one thread.

    The thread that calls `start` must live as long as the server (see `launch.tie_to_parent`).
    """

    name: ClassVar[str]
    _stop_signal: ClassVar[signal.Signals]
    _death_signal: ClassVar[signal.Signals]

    def __init__(self, folder: Path, account: Account) -> None:
        self._folder = folder
        self._account = account
        self._log = folder / f"{self.name}.log"
        self._port = free_port()
        self._has_served = False  # from then on clients know the port
        self._child: Child | None = None
        self.paused = False
        self._password = self._kept_password()

    @property
    @abstractmethod
    def url(self) -> str:
        """Where clients connect, with the password; the same for the life of this object."""

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child else None

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.ended() is None

    def start(self, *, timeout_s: float = 60) -> None:
        """Starts the server and returns when it answers. No effect while it runs.

        Raises EmbeddedServerError with the end of its log.
        """
        if self.running:
            return
        for _ in range(_PORT_ATTEMPTS_MAX):
            self._prepare(timeout_s)
            self._child = Child(
                self._command(), account=self._account, log=self._log, death_signal=self._death_signal
            )
            if self._await_answer(self._child, timeout_s):
                self._has_served = True
                self.paused = False
                return
            if not self._has_served:
                self._port = free_port()  # somebody took it before us
        raise EmbeddedServerError(f"{self.name}: port {self._port} is taken by another program")

    def stop(self, *, timeout_s: float = 30) -> None:
        """Orderly stop: everything acknowledged is on disk. SIGKILL if it takes longer. No effect when
        stopped.
        """
        child, self._child = self._child, None
        if child is None or child.ended() is not None:
            return
        child.signal(self._stop_signal)
        child.signal(signal.SIGCONT)  # one that is paused would never hear of it
        if not child.wait(timeout_s):
            child.kill()

    def pause(self) -> None:
        """SIGSTOP: the server is there, keeps its connections and answers nothing, until `resume`."""
        self._alive().signal(signal.SIGSTOP)
        self.paused = True

    def resume(self) -> None:
        """Goes on after `pause` as if no time had passed."""
        self._alive().signal(signal.SIGCONT)
        self.paused = False

    def kill(self) -> None:
        """SIGKILL, as a crash would. `start` brings it back on the same port with the same data."""
        child, self._child = self._child, None
        if child is not None:
            child.kill()

    def _alive(self) -> Child:
        if self._child is None or self._child.ended() is not None:
            raise EmbeddedServerError(f"{self.name} does not run")
        return self._child

    @abstractmethod
    def _prepare(self, timeout_s: float) -> None:
        """Makes the data folder ready for `_command`."""

    @abstractmethod
    def _command(self) -> list[str]: ...

    @abstractmethod
    def _answers(self) -> bool:
        """Whether the server takes calls; False while it is starting."""

    def _await_answer(self, child: Child, timeout_s: float) -> bool:
        """True once the server answers; False if its port was taken."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if child.ended() is not None:
                tail = child.log_tail()
                if "Address already in use" in tail:
                    return False
                raise EmbeddedServerError(
                    f"{self.name} ended with exit code {child.ended()} while starting:\n{tail}"
                )
            if self._answers():
                return True
            time.sleep(_READY_POLL_S)
        child.kill()
        raise EmbeddedServerError(f"{self.name} did not answer within {timeout_s:g} s:\n{child.log_tail()}")

    def _kept_password(self) -> str:
        """Made on the first start, kept beside the data: the data outlive this process."""
        path = self._folder / f"{self.name}.password"
        if not path.exists():
            self._account.write_private_file(path, secrets.token_urlsafe(24))
        return path.read_text()
