"""Judge the counts: lay every line that was counted beside the ledger at its scan."""

from __future__ import annotations

from collections.abc import Collection

from lumbung_kit.postgres import Conn
from lumbung_stock.domain.stocktakes import Instant, Judged, LineKey, Stocktake, by_line, judge
from lumbung_stock.stores import stocktakes


async def judge_counts(
    conn: Conn, count: Stocktake, only: Collection[LineKey] | None = None, until: Instant | None = None
) -> list[Judged]:
    """Each line that was counted, or those of `only`, by bin and SKU; by what is known now, or was at an instant."""
    scans = by_line(await stocktakes.find_scans(conn, count.stocktake_id, until))
    lines = [line for line in scans if only is None or line in only]
    book = await stocktakes.read_book(conn, count, lines, until)
    return [judge(scans[line], *book[line], count.movement_window) for line in lines]
