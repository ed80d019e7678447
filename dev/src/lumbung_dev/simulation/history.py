"""What the buyers saw: the only thing, beside the ledger's last state, that a verdict may rest on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from lumbung_stock.domain.carts import Cart
from lumbung_stock.domain.reservations import Reservation


@dataclass
class Wanted:
    """One request, and every answer that its callers got."""

    cart: Cart
    answers: list[Reservation] = field(default_factory=list)
    confirmed: bool = False
    given_back: bool = False
    told_lost: bool = False


@dataclass
class History:
    """Requests in the order in which they were first sent, and a diary for whoever has to understand a failure."""

    clock: Callable[[], float]
    wanted: dict[str, Wanted] = field(default_factory=dict)
    diary: list[str] = field(default_factory=list)

    def note(self, what: str) -> None:
        """One line of the diary."""
        self.diary.append(f"{self.clock():9.3f}  {what}")

    def held_ids(self) -> set[UUID]:
        """Holds that some caller was told of."""
        return {
            answer.reservation_id
            for wanted in self.wanted.values()
            for answer in wanted.answers
            if answer.refusal is None
        }
