"""Review a stocktake: every difference with its value, as it would be booked now, or as it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from lumbung_kit.postgres import Conn
from lumbung_stock.domain.stocktakes import Judged, Stocktake, StocktakeState, Verdict
from lumbung_stock.stores import stocktakes
from lumbung_stock.usecases.judge_counts import judge_counts


@dataclass(frozen=True, slots=True)
class Review:
    """Lines, the largest value first; what a unit of each SKU costs, where that is known."""

    count: Stocktake
    lines: tuple[Judged, ...]
    costs: Mapping[str, int]
    uncounted: int

    def value(self, line: Judged) -> int:
        """Of a line's difference, in the smallest unit of the currency; 0 without a cost."""
        return line.difference * self.costs.get(line.sku_code, 0)

    @property
    def total_value(self) -> int:
        """Of everything that is booked."""
        return sum(self.value(line) for line in self.lines if line.verdict is Verdict.DIFFERENT)


async def review_stocktake(conn: Conn, stocktake_id: UUID, *, include_equal: bool) -> Review:
    """Raises StocktakeNotFound."""
    count = await stocktakes.find_stocktake(conn, stocktake_id)
    if count.state is StocktakeState.APPROVED:
        lines, costs = await stocktakes.find_results(conn, stocktake_id)
    else:
        lines = await judge_counts(conn, count)
        costs = await stocktakes.find_costs(conn, sorted({line.sku_code for line in lines}))
    shown = [line for line in lines if include_equal or line.verdict is not Verdict.EQUAL]
    uncounted = len(await stocktakes.find_uncounted(conn, count, 1))
    review = Review(count, tuple(shown), costs, uncounted)
    ordered = sorted(
        shown,
        key=lambda line: (-abs(review.value(line)), -abs(line.difference), line.bin_code, line.sku_code),
    )
    return replace(review, lines=tuple(ordered))
