"""Review a stocktake: every difference with its value, as it would have been booked at an instant, or as it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from lumbung_kit.postgres import Conn
from lumbung_stock.domain.stocktakes import Instant, Judged, Stocktake, StocktakeState, Verdict
from lumbung_stock.stores import stocktakes
from lumbung_stock.usecases.judge_counts import judge_counts


@dataclass(frozen=True, slots=True)
class Review:
    """Lines, the largest value first; what a unit of each SKU costs, where that is known; of which time it is."""

    count: Stocktake
    time: datetime
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


async def review_stocktake(conn: Conn, stocktake_id: UUID, at: Instant, *, include_equal: bool) -> Review:
    """What was booked when the count was approved by then, and what was known at that instant otherwise.

    Raises StocktakeNotFound.
    """
    count = await stocktakes.find_stocktake(conn, stocktake_id)
    booked = _approved_by(count, at)
    if booked is not None:
        lines, costs = await stocktakes.find_results(conn, stocktake_id)
    else:
        lines = await judge_counts(conn, count, until=at)
        costs = await stocktakes.find_costs(conn, sorted({line.sku_code for line in lines}), at)
    shown = [line for line in lines if include_equal or line.verdict is not Verdict.EQUAL]
    uncounted = len(await stocktakes.find_uncounted(conn, count, 1, until=at))
    review = Review(count, booked or at.time, tuple(shown), costs, uncounted)
    ordered = sorted(
        shown,
        key=lambda line: (-abs(review.value(line)), -abs(line.difference), *line.key),
    )
    return replace(review, lines=tuple(ordered))


def _approved_by(count: Stocktake, at: Instant) -> datetime | None:
    """When it was approved, if it was by then."""
    approved = count.end_time if count.state is StocktakeState.APPROVED else None
    return approved if approved and approved <= at.time else None
