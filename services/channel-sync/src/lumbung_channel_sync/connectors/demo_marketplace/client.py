"""Calls of the demo marketplace's seller API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lumbung_channel_sync.connectors.contract import (
    APPLIED,
    FigurePush,
    FigureReading,
    Limits,
    OrderAnswer,
    PlatformError,
    RowOutcome,
    RowResult,
)
from lumbung_channel_sync.connectors.http_client import PlatformHttp
from lumbung_channel_sync.domain.orders import AnswerKind

LIMITS = Limits(figures_per_call=100, readings_per_call=100, answers_per_call=100)

_ANSWER_WORDS = {
    AnswerKind.ACCEPT: "accept",
    AnswerKind.REJECT: "reject",
    AnswerKind.CANCEL: "cancel",
    AnswerKind.CANCEL_REFUSED: "refuse_cancellation",
}
_ROW_RESULTS = {
    "applied": RowResult.APPLIED,
    "stale": RowResult.STALE,
    "busy": RowResult.TRY_AGAIN,
    "refused": RowResult.REFUSED,
}


class DemoMarketplace:
    """One shop on the demo marketplace."""

    def __init__(self, http: PlatformHttp) -> None:
        self._http = http

    async def push_figures(self, figures: Sequence[FigurePush]) -> Sequence[RowOutcome]:
        """PUT /api/figures: absolute figures with versions."""
        rows = [
            {
                "listing_id": figure.listing_ref,
                "quantity": figure.quantity,
                "version": figure.version,
                "sale_code": figure.flash_sale_code,
            }
            for figure in figures
        ]
        answer = await self._http.call("PUT", "/api/figures", body={"figures": rows})
        return _row_outcomes(answer, len(figures))

    async def read_figures(self, listing_refs: Sequence[str]) -> Sequence[FigureReading]:
        """GET /api/figures: what the marketplace shows."""
        answer = await self._http.call("GET", "/api/figures", query={"listing_id": list(listing_refs)})
        try:
            return [FigureReading(str(row["listing_id"]), int(row["quantity"])) for row in answer["figures"]]
        except (KeyError, TypeError, ValueError) as error:
            raise PlatformError("the readings cannot be understood") from error

    async def answer_orders(self, answers: Sequence[OrderAnswer]) -> Sequence[RowOutcome]:
        """POST /api/orders/answers."""
        rows = [
            {
                "order_id": answer.order_ref,
                "answer": _ANSWER_WORDS[answer.kind],
                "reason": answer.reason,
                "message": answer.message,
            }
            for answer in answers
        ]
        reply = await self._http.call("POST", "/api/orders/answers", body={"answers": rows})
        return _row_outcomes(reply, len(answers))

    async def check(self) -> None:
        """GET /api/shop."""
        await self._http.call("GET", "/api/shop")


def _row_outcomes(answer: Any, expected: int) -> list[RowOutcome]:
    try:
        outcomes = [_row_outcome(row) for row in answer["results"]]
    except (KeyError, TypeError, ValueError) as error:
        raise PlatformError("the row results cannot be understood") from error
    if len(outcomes) != expected:
        raise PlatformError(f"{len(outcomes)} row results for {expected} rows")
    return outcomes


def _row_outcome(row: Mapping[str, Any]) -> RowOutcome:
    result = _ROW_RESULTS[row["status"]]
    if result is RowResult.APPLIED:
        return APPLIED
    return RowOutcome(
        result,
        reason=str(row.get("code", "")).upper()[:64],
        message=str(row.get("message", ""))[:300],
        newest_version=int(row.get("version", 0)),
    )
