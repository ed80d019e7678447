"""Who works at which terminal, and what they have to put back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from uuid import UUID

from lumbung_fulfillment.domain.failures import PutBackClosed, SessionEnded, TooMany, WrongItem
from lumbung_fulfillment.domain.late_scans import LATE_MAX


@dataclass(frozen=True, slots=True)
class Session:
    """One person at one terminal."""

    session_id: UUID
    terminal_code: str
    warehouse_code: str
    picker_code: str
    end_time: datetime | None

    def require_heard(self, now: datetime) -> None:
        """Refuses a session that ended too long ago for what it did to be sent only now."""
        if self.end_time is not None and self.end_time < now - LATE_MAX:
            self.require_open()

    def require_open(self) -> None:
        """Refuses a session that has ended."""
        if self.end_time is not None:
            raise SessionEnded(metadata={"session_id": str(self.session_id)})


class PutBackState(Enum):
    """Where a put-back stands."""

    OPEN = "open"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class PutBack:
    """Goods of a cancelled order that have to go back to a bin.

    Of these, `unbooked_quantity` never left their bin in the ledger: stock had cancelled the order before it heard
    of the pick.
    """

    put_back_id: UUID
    order_id: UUID
    reservation_id: UUID
    warehouse_code: str
    sku_code: str
    suggested_bin_code: str
    quantity: int
    unbooked_quantity: int
    returned_quantity: int
    state: PutBackState
    create_time: datetime

    @property
    def open_quantity(self) -> int:
        """What is not back yet."""
        return self.quantity - self.returned_quantity

    def require_returnable(self, sku_code: str, units: int) -> None:
        """Refuses another item, or more than is to go back."""
        if self.state is PutBackState.DONE:
            raise PutBackClosed
        if sku_code != self.sku_code:
            metadata = {"expected": self.sku_code, "scanned": sku_code}
            raise WrongItem(f"wanted is {self.sku_code}", metadata=metadata)
        if units > self.open_quantity:
            metadata = {"wanted": str(self.open_quantity), "scanned": str(units)}
            raise TooMany(f"{self.open_quantity} are to go back, not {units}", metadata=metadata)
