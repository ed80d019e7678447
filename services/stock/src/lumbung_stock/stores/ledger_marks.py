"""A mark that only ever counts up: in Postgres, and the highest that was seen of it, kept outside of Postgres.

When Postgres falls behind what was seen, it has lost commits that somebody was told of.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID

from lumbung_kit.postgres import Conn
from lumbung_kit.sql import load
from lumbung_kit.valkey import Valkey, translated_errors

_SQL = load(__package__, "ledger_marks.sql")


class Mark(NamedTuple):
    """The mark as it was just made, and how many sales are halted."""

    number: int
    halted_sales: int


async def read_ledger_id(conn: Conn) -> UUID:
    """What tells this database, with its standbys and its backups, from any other."""
    ledger_id: UUID = (await _row(conn, "read_ledger_id"))[0]
    return ledger_id


async def advance_mark(conn: Conn, *, by: int = 1) -> Mark:
    """Counts up, which is true when the transaction has been committed."""
    return Mark(*await _row(conn, "advance_mark", {"by": by}))


class MarkMemory:
    """The highest mark that any replica has seen, for those that start after Postgres lost it. Raises StoreUnavailable.

    Valkey may forget it; then only replicas know that saw it themselves.
    """

    def __init__(self, valkey: Valkey) -> None:
        self._valkey = valkey

    async def highest(self, ledger_id: UUID) -> int:
        """0 when there is none."""
        with translated_errors():
            return int(await self._valkey.get(_key(ledger_id)) or 0)

    async def remember(self, ledger_id: UUID, number: int) -> None:
        """The last of two replicas wins, whose number may be the lower of two neighbours."""
        with translated_errors():
            await self._valkey.set(_key(ledger_id), number)


def _key(ledger_id: UUID) -> str:
    return f"lumbung:ledger-mark:{ledger_id}"


async def _row(conn: Conn, name: str, parameters: Mapping[str, int] | None = None) -> tuple[Any, ...]:
    row: tuple[Any, ...] | None = await (await conn.execute(_SQL[name], parameters)).fetchone()
    assert row is not None  # noqa: S101 - the table has one row, which nobody may delete
    return row
