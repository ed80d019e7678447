"""The waiting room of a sale: when it wakes, who has which place, and how many are admitted.

Places are 1, 2, 3 and so on without a gap, and all up to `admitted_through` have had their turn. So a place says by
itself how many are ahead of it, and admitting is a step of that one number.
"""

from __future__ import annotations

import hashlib
import hmac
import math
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Final

DEMAND_WINDOW_S: Final = 10.0
"""How far back a wish counts as demand: about as long as a buyer keeps trying."""
WISHES_MAX: Final = 100_000
"""Wishes remembered for each half of the window; with so many, every room is awake."""
ADMIT_MAX: Final = 1_000
"""Most customers admitted in one round."""
RATE_MEMORY_S: Final = 60.0
"""The rate of admissions is that of about the last minute."""
WAIT_S_MIN: Final = 1.0
ASKS: Final = 4
"""Who has long to wait asks rarely, near the turn often; and at least so often within the time of an admission, which
thus does not pass unnoticed."""
UNKNOWN_RATE: Final = 100.0
"""Admissions in a second that are taken for likely before there were any."""


class AdmissionOrder(IntEnum):
    """Who is admitted first; numbers as in the contract and the table."""

    FIFO = 1
    LOTTERY = 2


class TicketState(IntEnum):
    """What has become of a place; numbers as in the table."""

    WAITING = 1
    ADMITTED = 2
    USED = 3
    LAPSED = 4


class WaitingState(IntEnum):
    """What a customer is told; numbers as in the contract."""

    NOT_NEEDED = 1
    WAITING = 2
    ADMITTED = 3
    SOLD_OUT = 4
    USED = 5
    LAPSED = 6


@dataclass(frozen=True, slots=True)
class WaitingRoom:
    """What a sale's plan says of its room, and whether it is awake. `seed` is empty unless it is a lottery."""

    order: AdmissionOrder
    demand_multiple: int
    admission_s: int
    lottery_window_s: int
    secret: bytes = field(repr=False)
    seed: bytes = field(repr=False)
    awake: bool = False
    drawn: bool = False

    @property
    def never_sleeps(self) -> bool:
        """Whether it is awake from the first call on."""
        return self.demand_multiple == 0

    @property
    def needs_ticket(self) -> bool:
        """Whether Reserve needs a ticket."""
        return self.awake or self.never_sleeps

    @property
    def commitment(self) -> bytes:
        """What is published of the seed before the draw, so that it cannot be chosen afterwards."""
        return hashlib.sha256(self.seed).digest() if self.seed else b""

    def ticket_of(self, customer_reference: str) -> str:
        """The customer's ticket: the same whenever and wherever they ask, and nobody else's."""
        code = hmac.digest(self.secret, customer_reference.encode(), hashlib.sha256)
        return urlsafe_b64encode(code).rstrip(b"=").decode()

    def has_given(self, ticket: str, customer_reference: str) -> bool:
        """Whether the ticket is this customer's for this sale."""
        return hmac.compare_digest(ticket.encode(), self.ticket_of(customer_reference).encode())

    def lot_of(self, customer_reference: str) -> bytes:
        """By which a lottery orders its places: nothing that a customer does moves it. Empty unless it is one."""
        return lot(self.seed, self.ticket_of(customer_reference)) if self.seed else b""


def lot(seed: bytes, ticket: str) -> bytes:
    """SHA-256(seed || SHA-256(ticket)): the smallest is first. The ticket's own hash, so that a list of them can be
    shown to everybody."""
    return hashlib.sha256(seed + hashlib.sha256(ticket.encode()).digest()).digest()


def drawn_order(seed: bytes, tickets: Iterable[str]) -> list[str]:
    """How the lottery orders these tickets: the rule that anybody can check a draw by."""
    return sorted(set(tickets), key=lambda ticket: lot(seed, ticket))


@dataclass(frozen=True, slots=True)
class RoomFigures:
    """How a room stands at one instant. `free` are the sale's units that nobody holds, `outstanding` the admissions
    that are neither used nor lapsed, `in_draw` those who wait for a draw and have no place yet."""

    awake: bool
    drawn: bool
    draw_time: datetime | None
    draw_is_due: bool
    in_draw: int
    last_place: int
    admitted_through: int
    used_count: int
    used_units: int
    admission_rate: float
    rate_age_s: float
    free: int
    outstanding: int

    @property
    def waiting(self) -> int:
        """Customers whose turn has not come."""
        return self.in_draw + self.last_place - self.admitted_through

    def to_admit(self) -> int:
        """How many may be admitted now: as many as units are free, at so many units as those before have taken each,
        less those who are still choosing. While a unit is free and nobody chooses, one."""
        units, customers = max(self.used_units, 1), max(self.used_count, 1)
        slots = -(-self.free * customers // max(units, customers))
        return max(0, min(slots - self.outstanding, self.last_place - self.admitted_through, ADMIT_MAX))

    def rate_after(self, admitted: int) -> float:
        """Admissions in a second, when this round admits so many: each minute weighs as much as all before it."""
        if self.rate_age_s <= 0:
            return self.admission_rate
        share = 1.0 - math.exp(-self.rate_age_s / RATE_MEMORY_S)
        return self.admission_rate + (admitted / self.rate_age_s - self.admission_rate) * share


@dataclass(frozen=True, slots=True)
class Ticket:
    """One customer's place. `place` is None before the draw; `admission_left_s` is what Postgres' clock leaves."""

    customer_reference: str
    request_id: str
    content_hash: bytes
    state: TicketState
    place: int | None
    lot: bytes
    admitted_until: datetime | None
    admission_left_s: float

    @property
    def is_over(self) -> bool:
        """Whether its turn has come and gone: the customer may take a new place."""
        return self.state in (TicketState.USED, TicketState.LAPSED) and self.admission_left_s <= 0

    def waiting_state(self, figures: RoomFigures) -> WaitingState:
        """What its customer is told."""
        match self.state:
            case TicketState.WAITING:
                return WaitingState.WAITING if figures.free > 0 else WaitingState.SOLD_OUT
            case TicketState.ADMITTED if self.admission_left_s > 0:
                return WaitingState.ADMITTED
            case TicketState.USED:
                return WaitingState.USED
            case _:
                return WaitingState.LAPSED

    def ahead(self, figures: RoomFigures) -> int:
        """How many are ahead of it; before the draw, how many others are in it."""
        if self.state is not TicketState.WAITING:
            return 0
        if self.place is None:
            return max(0, figures.in_draw - 1)
        return max(0, self.place - figures.admitted_through - 1)

    def estimated_wait_s(self, figures: RoomFigures) -> float | None:
        """(ahead + 1) / admissions in a second; None when nobody can say."""
        if self.state is not TicketState.WAITING or self.place is None or figures.admission_rate < 1e-3:
            return None
        return (self.ahead(figures) + 1) / figures.admission_rate


@dataclass(frozen=True, slots=True)
class Place:
    """How one customer stands. Without a ticket nobody needs to wait."""

    room: WaitingRoom
    figures: RoomFigures
    ticket: Ticket | None

    @property
    def state(self) -> WaitingState:
        """What the customer is told."""
        return self.ticket.waiting_state(self.figures) if self.ticket else WaitingState.NOT_NEEDED


def ask_again_s(ahead: int, estimated_wait_s: float | None, admission_s: int) -> float:
    """When somebody with so many ahead, and so long to wait as far as anybody can say, should ask again."""
    expected_s = ahead / UNKNOWN_RATE if estimated_wait_s is None else estimated_wait_s
    return max(WAIT_S_MIN, min(expected_s, admission_s) / ASKS)


class Demand:
    """Units that customers wanted lately, by SKU: each customer counts once, however often they try.

    Two halves of a window: what is left of the older one counts in proportion to its age.
    """

    def __init__(self, *, window_s: float = DEMAND_WINDOW_S) -> None:
        self._window_s = window_s
        self._began = float("-inf")
        self._now: dict[tuple[str, str], int] = {}
        self._before: dict[tuple[str, str], int] = {}
        self._totals: dict[str, int] = {}
        self._totals_before: dict[str, int] = {}

    def note(self, customer_reference: str, wanted: Mapping[str, int], now: float) -> None:
        """A customer wants units, by SKU; of several wishes for a SKU the largest counts."""
        self._turn(now)
        for sku, units in wanted.items():
            key = (customer_reference, sku)
            counted = self._now.get(key, 0)
            if key not in self._now and len(self._now) >= WISHES_MAX:
                continue
            if (again := self._before.pop(key, 0)) > 0:
                self._totals_before[sku] -= again
            if units > counted:
                self._now[key] = units
                self._totals[sku] = self._totals.get(sku, 0) + units - counted

    def of(self, sku_code: str, now: float) -> float:
        """Units of a SKU wanted within about the window."""
        self._turn(now)
        left = max(0.0, 1.0 - (now - self._began) / self._window_s)
        return self._totals.get(sku_code, 0) + left * self._totals_before.get(sku_code, 0)

    def presses(self, free: Mapping[str, int], multiple: int, now: float) -> bool:
        """Whether more is wanted than so many times what is left of a SKU. Of which nothing is left, nobody need wait:
        there the answer is OUT_OF_STOCK."""
        return any(units > 0 and self.of(sku, now) > multiple * units for sku, units in free.items())

    def _turn(self, now: float) -> None:
        """Begins the next window when this one is over."""
        age = now - self._began
        if age < self._window_s:
            return
        recent = age < 2 * self._window_s
        self._before, self._totals_before = (self._now, self._totals) if recent else ({}, {})
        self._now, self._totals = {}, {}
        self._began = self._began + self._window_s if recent else now
