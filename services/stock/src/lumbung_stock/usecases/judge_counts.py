"""Judge the counts: lay every line that was counted beside the ledger at its scan."""

from __future__ import annotations

from collections.abc import Collection

from lumbung_kit.postgres import Conn
from lumbung_stock.domain.stocktakes import Instant, Judged, LineKey, Stocktake, by_line, judge_part, parts_of
from lumbung_stock.stores import stocktakes


async def judge_counts(
    conn: Conn, count: Stocktake, only: Collection[LineKey] | None = None, until: Instant | None = None
) -> list[Judged]:
    """Each line that was counted, or those of `only`, by bin, SKU and lot; by what is known now, or was at an
    instant. A line that was counted by lot is judged lot by lot."""
    scans = by_line(await stocktakes.find_scans(conn, count.stocktake_id, until))
    parts = [part for line in scans if only is None or line in only for part in parts_of(scans[line])]
    book = await stocktakes.read_book(conn, count, [part.key for part in parts], until)
    return [judge_part(part, *book[part.key], count.movement_window) for part in parts]
