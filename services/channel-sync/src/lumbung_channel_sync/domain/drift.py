"""What a reading of a channel's own figure means, compared with what we believe.

One look is never enough: an order can have lowered the channel's figure while its webhook is still on the way.
So what differs is first a suspicion, and a finding when the next look sees it too.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class Finding(Enum):
    """What one look found."""

    NOT_AT_REST = "something is on its way: this look says nothing"
    AGREES = "both sides agree"
    SUSPECT = "they differ: look again"
    DIFFERS = "they differed twice"


class Compared(Enum):
    """What was compared."""

    FIGURE = "FIGURE"
    DECREMENT = "DECREMENT"
    CANCELLATION = "CANCELLATION"


@dataclass(frozen=True, slots=True)
class Belief:
    """What we think that a listing shows; quantities in items.

    `pushed` says whether the listing is pushed or only compared. `items_ordered` and `items_cancelled` are those
    that came in since the last look.
    """

    pushed: bool
    at_rest: bool
    desired_quantity: int | None
    confirmed_quantity: int | None
    observed_quantity: int | None
    items_ordered: int
    items_cancelled: int
    suspect: bool


@dataclass(frozen=True, slots=True)
class Judgement:
    """One look at one listing, judged."""

    finding: Finding
    compared: Compared
    expected_quantity: int


def judge(belief: Belief, observed_quantity: int) -> Judgement:
    """Compares one reading. A pushed listing shows what was confirmed. One that is only compared shows what it
    showed at the last look, less what was ordered, plus what was cancelled; when neither happened, what we
    should want it to show."""
    expected, compared = _expectation(belief)
    if expected is None or not belief.at_rest:
        return Judgement(Finding.NOT_AT_REST, compared, observed_quantity)
    if expected == observed_quantity:
        return Judgement(Finding.AGREES, compared, expected)
    finding = Finding.DIFFERS if belief.suspect else Finding.SUSPECT
    return Judgement(finding, compared, expected)


def _expectation(belief: Belief) -> tuple[int | None, Compared]:
    if belief.pushed:
        return belief.confirmed_quantity, Compared.FIGURE
    moved = belief.items_ordered or belief.items_cancelled
    if belief.observed_quantity is None or not moved:
        return belief.desired_quantity, Compared.FIGURE
    expected = belief.observed_quantity - belief.items_ordered + belief.items_cancelled
    kind = Compared.CANCELLATION if belief.items_cancelled else Compared.DECREMENT
    return expected, kind


@dataclass(frozen=True, slots=True)
class Count:
    """How many comparisons, and how many of them agreed."""

    compared: int
    agreed: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """Whether both sides agreed since a stage began."""

    figures: Count
    decrements: Count
    cancellations: Count

    @property
    def is_whole(self) -> bool:
        """Something was compared, and nothing disagreed."""
        counts = (self.figures, self.decrements, self.cancellations)
        return self.figures.compared > 0 and all(count.compared == count.agreed for count in counts)


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One comparison that did not agree."""

    listing_ref: str
    sku_code: str
    kind: str
    expected_quantity: int
    observed_quantity: int
    observe_time: datetime
