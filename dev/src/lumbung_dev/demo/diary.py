"""What the buyers themselves saw and wrote down. The reckoning at the end trusts this and no counter of ours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from lumbung_dev.demo.cast import Buyer


class Ending(Enum):
    """How one try to buy ended, as the buyer was told."""

    SOLD = "sold"
    REFUSED = "refused"
    GIVEN_BACK = "given back"
    CANCELLED = "cancelled"
    UNANSWERED = "unanswered"


@dataclass(slots=True)
class Purchase:
    """One try of one buyer."""

    buyer: Buyer
    ending: Ending = Ending.UNANSWERED
    reason: str = ""
    """Why it was refused."""
    reservation_id: str = ""
    """The hold, where the buyer was told of it."""
    order_reference: str = ""
    answer_s: float = 0.0
    """From asking to being told."""


@dataclass(slots=True)
class Diary:
    """Every try of every buyer."""

    purchases: list[Purchase] = field(default_factory=list)

    def open(self, buyer: Buyer) -> Purchase:
        """A new page: it is unanswered until something better is written on it."""
        page = Purchase(buyer)
        self.purchases.append(page)
        return page

    def ended(self, ending: Ending) -> Iterator[Purchase]:
        """Tries that ended in one way."""
        return (page for page in self.purchases if page.ending is ending)

    def count(self, channel: str, ending: Ending) -> int:
        """Tries of one channel that ended in one way."""
        return sum(page.buyer.channel == channel for page in self.ended(ending))

    def refusals(self) -> Counter[tuple[str, str]]:
        """(channel, reason) -> how often."""
        return Counter((page.buyer.channel, page.reason) for page in self.ended(Ending.REFUSED))

    def by_order(self, channel: str, order_reference: str) -> Purchase:
        """The try that became an order."""
        return next(
            page
            for page in self.purchases
            if page.buyer.channel == channel and page.order_reference == order_reference
        )
