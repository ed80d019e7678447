"""A PostgreSQL that follows another one, asynchronously, until it is told to take its place."""

from __future__ import annotations

import shutil
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from lumbung_kit.embedded.account import Account
from lumbung_kit.embedded.postgres import PostgresServer
from lumbung_kit.embedded.process import run_to_end


class PostgresStandby(PostgresServer):
    """Begins as a copy of the server at `primary_url`, which must allow a standby, and follows it from there.

    What the primary had not sent when it was lost is not here: a shop runs a synchronous quorum, and
    this server shows what is found out when it does not.
    """

    def __init__(self, folder: Path, account: Account, bin_folder: Path, *, primary_url: str) -> None:
        primary = urlsplit(primary_url)
        account.make_private_folder(folder)
        account.write_private_file(folder / f"{self.name}.password", str(primary.password))
        super().__init__(folder, account, bin_folder, standbys_max=1)
        self._pass_file = folder / "primary.pass"
        account.write_private_file(self._pass_file, f"*:*:*:*:{primary.password}\n")
        self._primary = (
            f"host={primary.hostname} port={primary.port} user={primary.username} sslmode=disable"
            f" application_name=standby passfile={self._pass_file}"
        )

    def promote(self) -> None:
        """Takes the primary's place with what it has of it. Raises psycopg.Error."""
        with psycopg.connect(self.url, autocommit=True) as conn:
            conn.execute("select pg_promote(wait => true)")

    def _init(self, timeout_s: float) -> None:
        """A copy of the primary, taken beside the final place."""
        work = self._folder / "copy"
        shutil.rmtree(work, ignore_errors=True)
        run_to_end(
            [
                *(str(self._bin / "pg_basebackup"), "--pgdata", str(work), "--dbname", self._primary),
                *("--no-password", "--write-recovery-conf", "--checkpoint=fast", "--wal-method=stream"),
            ],
            account=self._account,
            log=self._log,
            timeout_s=timeout_s,
        )
        work.rename(self._data)
