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
    present = await stocktakes.find_present(conn, count.scope.warehouse_code, lines)
    shifts = await stocktakes.find_shifts(conn, count, lines)
    window = count.movement_window
    return [judge(scans[line], present.get(line, 0), shifts.get(line, ()), window) for line in lines]
