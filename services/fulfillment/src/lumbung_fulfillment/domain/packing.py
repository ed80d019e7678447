"""A parcel: every item of the order is checked into it before it is closed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from uuid import UUID

from lumbung_fulfillment.domain.failures import (
    PackageClosed,
    PackageIncomplete,
    PackageNotClosed,
    TooMany,
    WrongItem,
)
from lumbung_kit.failures import PreconditionViolation


class PackageState(Enum):
    """Where a parcel stands."""

    OPEN = "open"
    CLOSED = "closed"
    VOID = "void"


@dataclass(frozen=True, slots=True)
class PackageItem:
    """One SKU of a parcel."""

    sku_code: str
    quantity: int
    checked_quantity: int = 0

    @property
    def missing_quantity(self) -> int:
        """What has not been checked into it."""
        return self.quantity - self.checked_quantity


@dataclass(frozen=True, slots=True)
class Package:
    """One parcel."""

    package_id: UUID
    order_id: UUID
    state: PackageState
    station_code: str
    weight_g: int
    create_time: datetime
    close_time: datetime | None
    items: tuple[PackageItem, ...]
    note: str
    contents_weight_g: int | None = None
    packaging_weight_g: int = 0
    weight_override_reason: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether nothing is missing any more."""
        return not any(item.missing_quantity for item in self.items)

    def require_open(self) -> None:
        """Refuses a parcel that takes nothing more."""
        if self.state is not PackageState.OPEN:
            raise PackageClosed(f"the parcel is {self.state.value}", metadata={"state": self.state.name})

    def require_closed(self) -> None:
        """Refuses a parcel that is not ready to go."""
        if self.state is not PackageState.CLOSED:
            raise PackageNotClosed(f"the parcel is {self.state.value}", metadata={"state": self.state.name})

    def checked(self, sku_code: str, units: int) -> int:
        """How many of a SKU are checked after so many more; refuses what does not belong in it."""
        self.require_open()
        found = next((item for item in self.items if item.sku_code == sku_code), None)
        if found is None:
            wanted = ", ".join(item.sku_code for item in self.items if item.missing_quantity)
            metadata = {"expected": wanted, "scanned": sku_code}
            raise WrongItem(f"{sku_code} does not belong in this parcel", metadata=metadata)
        if units > found.missing_quantity:
            metadata = {"wanted": str(found.missing_quantity), "scanned": str(units)}
            raise TooMany(f"{found.missing_quantity} more are wanted, not {units}", metadata=metadata)
        return found.checked_quantity + units

    def require_complete(self) -> None:
        """Refuses to close a parcel with something missing, and names each SKU."""
        self.require_open()
        missing = _missing(self.items)
        if missing:
            raise PackageIncomplete(preconditions=missing)


def _missing(items: Sequence[PackageItem]) -> list[PreconditionViolation]:
    return [
        PreconditionViolation(
            "ITEM_MISSING", item.sku_code, f"{item.missing_quantity} of {item.quantity} missing"
        )
        for item in items
        if item.missing_quantity
    ]
