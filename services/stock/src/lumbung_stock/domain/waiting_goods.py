"""Goods that lie where they should not stay."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class WaitingGoods:
    """Units of one SKU at a place such as receiving.

    `since` is when the oldest of them came, if what came first has left first. `promised` of them are held or sold and
    in no bin.
    """

    sku_code: str
    quantity: int
    since: datetime
    age_s: int
    promised: int
    arrival_reason: str
