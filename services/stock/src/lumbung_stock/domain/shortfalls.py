"""Reality below what was promised."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class ShortfallChange:
    """A shortfall that has opened or grown; 0 missing means that it is over."""

    warehouse_code: str
    sku_code: str
    missing_quantity: int


@dataclass(frozen=True, slots=True)
class Shortfall:
    """Units promised that are not there, and the youngest promises, which it hits."""

    warehouse_code: str
    sku_code: str
    missing_quantity: int
    raise_time: datetime
    reservation_ids: tuple[UUID, ...]
