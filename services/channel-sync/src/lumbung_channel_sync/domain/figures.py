"""The figure that a listing should show. Pure: everything that it depends on is an argument."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any

from lumbung_channel_sync.domain.listings import ListingRules


class DecidedBy(Enum):
    """What set a figure, in the end."""

    AVAILABLE = "AVAILABLE"
    SHARE = "SHARE"
    CAP = "CAP"
    PAUSED = "PAUSED"
    FLASH_SALE = "FLASH_SALE"
    UNKNOWN_SKU = "UNKNOWN_SKU"


@dataclass(frozen=True, slots=True)
class Availability:
    """What stock says about one SKU towards one channel, in base units."""

    available_to_promise: int
    flash_sale_code: str = ""
    flash_sale_available: int = 0


@dataclass(frozen=True, slots=True)
class FigureReason:
    """How a figure came about; kept beside it, so that anyone can see why a number is what it is."""

    available_to_promise: int
    flash_sale_code: str
    flash_sale_available: int
    undecided_quantity: int
    buffer_quantity: int
    share_percent: int
    cap_quantity: int | None
    units_per_item: int
    decided_by: DecidedBy

    def as_json(self) -> dict[str, Any]:
        """The same as plain values, to be stored."""
        return {**asdict(self), "decided_by": self.decided_by.value}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> FigureReason:
        """What as_json made."""
        return cls(**{**stored, "decided_by": DecidedBy(stored["decided_by"])})


@dataclass(frozen=True, slots=True)
class Figure:
    """Items that a listing should show, and why."""

    quantity: int
    reason: FigureReason

    @property
    def flash_sale_code(self) -> str:
        """The sale under which the channel sells, or empty."""
        return self.reason.flash_sale_code


def figure_of(
    rules: ListingRules, availability: Availability | None, *, undecided_quantity: int, sells_nothing: bool
) -> Figure:
    """What a listing should show.

    `undecided_quantity` are base units in channel orders that stock has not answered yet: stock still counts
    them as available, and somebody has bought them already. While the SKU is on a flash sale of the channel,
    its orders draw on that sale alone, so the sale's quota is what can be shown; buffer and share wait.
    """
    known = availability or Availability(0)
    if known.flash_sale_code:
        items = _items(known.flash_sale_available - undecided_quantity, rules)
        decided_by = DecidedBy.FLASH_SALE
    else:
        usable = known.available_to_promise - undecided_quantity - rules.buffer_quantity
        items = _items(max(0, usable) * rules.share_percent // 100, rules)
        decided_by = DecidedBy.SHARE if rules.share_percent < 100 else DecidedBy.AVAILABLE
    if rules.cap_quantity is not None and items > rules.cap_quantity:
        items, decided_by = rules.cap_quantity, DecidedBy.CAP
    if sells_nothing:
        items, decided_by = 0, DecidedBy.PAUSED
    elif availability is None:
        decided_by = DecidedBy.UNKNOWN_SKU
    return Figure(items, _reason(rules, known, undecided_quantity, decided_by))


def _items(units: int, rules: ListingRules) -> int:
    return max(0, units) // rules.units_per_item


def _reason(
    rules: ListingRules, availability: Availability, undecided_quantity: int, decided_by: DecidedBy
) -> FigureReason:
    return FigureReason(
        available_to_promise=availability.available_to_promise,
        flash_sale_code=availability.flash_sale_code,
        flash_sale_available=availability.flash_sale_available,
        undecided_quantity=undecided_quantity,
        buffer_quantity=rules.buffer_quantity,
        share_percent=rules.share_percent,
        cap_quantity=rules.cap_quantity,
        units_per_item=rules.units_per_item,
        decided_by=decided_by,
    )
