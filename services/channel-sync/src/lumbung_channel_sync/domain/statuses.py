"""A listing's figure on both sides, for people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lumbung_channel_sync.domain.figures import FigureReason

BEHIND = frozenset({"DUE", "RETRYING", "PARKED"})
"""States in which the channel should show something else than it does."""


@dataclass(frozen=True, slots=True)
class ListingStatus:
    """A listing's figure on both sides, for people."""

    channel_code: str
    listing_ref: str
    sku_code: str
    state: str
    desired_quantity: int | None
    desired_version: int
    desire_time: datetime | None
    pushed_quantity: int | None
    pushed_version: int
    push_time: datetime | None
    confirmed_quantity: int | None
    confirmed_version: int
    confirm_time: datetime | None
    observed_quantity: int | None
    observe_time: datetime | None
    lag_s: float
    drifted: bool
    parked: bool
    failures_in_row: int
    problem_reason: str
    problem_message: str
    problem_time: datetime | None
    next_attempt_time: datetime | None
    reason: FigureReason | None
