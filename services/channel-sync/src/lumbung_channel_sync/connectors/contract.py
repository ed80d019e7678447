"""What a connector is: everything that channel-sync asks of a platform, in words that no platform owns.

A connector knows one platform and nothing else of ours: no store, no stock, no schedule. It makes each call once,
with the deadline that it is given, and says what became of it; whoever calls decides when to try again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Protocol

from lumbung_channel_sync.domain.channels import ChannelSecret
from lumbung_channel_sync.domain.orders import AnswerKind, Message


@dataclass(frozen=True, slots=True)
class Limits:
    """The most rows that one call may carry."""

    figures_per_call: int
    readings_per_call: int
    answers_per_call: int


@dataclass(frozen=True, slots=True)
class FigurePush:
    """What a listing should show from now on: absolute, with a version that only grows."""

    listing_ref: str
    quantity: int
    version: int
    flash_sale_code: str


class RowResult(Enum):
    """What the platform did with one row of a call."""

    APPLIED = "it shows the figure now, or did already under this version"
    STALE = "it holds a newer version: nothing was changed"
    TRY_AGAIN = "it could not do this row now"
    REFUSED = "it will never do this row as it is"


@dataclass(frozen=True, slots=True)
class RowOutcome:
    """What became of one row. `newest_version` is what the platform holds when the row was stale."""

    result: RowResult
    reason: str = ""
    message: str = ""
    newest_version: int = 0


APPLIED = RowOutcome(RowResult.APPLIED)


@dataclass(frozen=True, slots=True)
class FigureReading:
    """What the platform shows for a listing now."""

    listing_ref: str
    quantity: int


@dataclass(frozen=True, slots=True)
class OrderAnswer:
    """What the platform is told about one of its orders."""

    order_ref: str
    kind: AnswerKind
    reason: str
    message: str


class Connector(Protocol):
    """One channel's platform, seen from here. Every method raises PlatformTrouble when the call as a whole failed,
    and then nothing is known about its rows: they may have taken effect."""

    async def push_figures(self, figures: Sequence[FigurePush]) -> Sequence[RowOutcome]:
        """Sets figures; one outcome per row, in order. Partial success is normal."""
        ...

    async def read_figures(self, listing_refs: Sequence[str]) -> Sequence[FigureReading]:
        """The platform's own figures; listings that it does not know are missing from the answer."""
        ...

    async def answer_orders(self, answers: Sequence[OrderAnswer]) -> Sequence[RowOutcome]:
        """Tells what became of orders; repeating an answer changes nothing. One outcome per row, in order."""
        ...

    async def check(self) -> None:
        """One harmless call that shows whether address and key are right."""
        ...


class WebhookReader(Protocol):
    """How one platform signs and words its deliveries. Pure: no I/O."""

    def is_authentic(
        self, secret: ChannelSecret, headers: Mapping[str, str], raw_body: bytes, now: datetime
    ) -> bool:
        """Whether the channel signed exactly these bytes, lately. Compares in constant time; never raises."""
        ...

    def delivery_ref(self, headers: Mapping[str, str]) -> str:
        """The platform's own id of the delivery: a hint for people, never the key of an effect."""
        ...

    def read(self, raw_body: bytes, headers: Mapping[str, str]) -> Message:
        """What the delivery says; Unreadable when it says nothing that is understood. Never raises."""
        ...


class PlatformTrouble(Exception):  # noqa: N818 - a finding about the other side
    """The call as a whole failed."""

    def __init__(self, reason: str, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.message = message
        self.retry_after_s = retry_after_s


class Unreachable(PlatformTrouble):
    """No answer came: refused, reset, timed out."""

    def __init__(self, message: str) -> None:
        super().__init__("UNREACHABLE", message)


class RateLimited(PlatformTrouble):
    """Too many calls: nothing may be sent before `retry_after_s` has passed."""

    def __init__(self, message: str, retry_after_s: float | None) -> None:
        super().__init__("RATE_LIMITED", message, retry_after_s=retry_after_s)


class KeyRefused(PlatformTrouble):
    """The platform does not take our key; a person has to act."""

    def __init__(self, message: str) -> None:
        super().__init__("KEY_REFUSED", message)


class PlatformError(PlatformTrouble):
    """It answered with an error of its own, or with something that cannot be understood."""

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__("PLATFORM_ERROR", message, retry_after_s=retry_after_s)
