"""Recomputes what is stored from what it follows from."""

from __future__ import annotations

from psycopg.rows import class_row

from lumbung_kit.postgres import Conn
from lumbung_kit.sql import load
from lumbung_stock.domain import places
from lumbung_stock.domain.audit import LedgerDifference, LedgerReport, PromiseReport

DIFFERENCES_MAX = 1_000
LEAKED_AFTER_S = 60

_SQL = load(__package__, "audit.sql")
_ONE_SNAPSHOT, _COUNTS, _DIFFERENCES, _PROMISES = (
    _SQL[name] for name in ("one_snapshot", "counts", "differences", "promises")
)


async def read_one_snapshot(conn: Conn) -> None:
    """Everything that this transaction reads is of one instant. Its first statement."""
    await conn.execute(_ONE_SNAPSHOT)


async def recompute_ledger(conn: Conn, warehouse_code: str) -> LedgerReport:
    """Lays the ledger beside the stored figures, of one warehouse or (empty) of all."""
    await read_one_snapshot(conn)
    cursor = await conn.execute(_COUNTS, {"warehouse_code": warehouse_code})
    entry_count, figure_count = await cursor.fetchone() or (0, 0)
    cursor = await conn.execute(
        _DIFFERENCES,
        {
            "warehouse_code": warehouse_code,
            "outside": sorted(places.OUTSIDE),
            "not_on_hand": sorted(places.NOT_ON_HAND),
            "limit": DIFFERENCES_MAX,
        },
    )
    return LedgerReport(entry_count, figure_count, tuple([LedgerDifference(*row) async for row in cursor]))


async def count_promises(conn: Conn) -> PromiseReport:
    """Counts promises against the figures that stand for them."""
    async with conn.cursor(row_factory=class_row(PromiseReport)) as cursor:
        await cursor.execute(_PROMISES, {"leaked_after_s": LEAKED_AFTER_S})
        report = await cursor.fetchone()
    if report is None:
        raise AssertionError("an aggregate without GROUP BY gives one row")
    return report
