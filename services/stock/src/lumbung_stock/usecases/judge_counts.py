"""Judge the counts: lay every line that was counted beside the ledger at its scan."""

from __future__ import annotations

from collections.abc import Collection

from lumbung_kit.postgres import Conn
from lumbung_stock.domain.stocktakes import Judged, LineKey, Stocktake, by_line, judge
from lumbung_stock.stores import stocktakes


async def judge_counts(conn: Conn, count: Stocktake, only: Collection[LineKey] | None = None) -> list[Judged]:
    """Each line that was counted, or those of `only`, by bin and SKU; as the books are in this transaction."""
    scans = by_line(await stocktakes.find_scans(conn, count.stocktake_id))
    lines = [line for line in scans if only is None or line in only]
    book = await stocktakes.read_book(conn, count, lines)
    return [judge(scans[line], *book[line], count.movement_window) for line in lines]
