"""What people on the floor deal with: the services, or first come, first served on paper."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from lumbung_dev.day.script import Order, Worker


@dataclass(frozen=True, slots=True)
class Task:
    """Take so many of a SKU from a bin, for one order. `leg_m` is the way there where the house prescribes one."""

    task_id: str
    reference: str
    bin_code: str
    sku_code: str
    units: int
    leg_m: float | None = None


@dataclass(slots=True)
class Tour:
    """A cart's walk: where to go first, and what is on it."""

    wave_id: str
    first: Task | None
    orders: tuple[str, ...]
    home_m: float | None = None
    """The way back, where the house prescribes one."""


@dataclass(frozen=True, slots=True)
class Picked:
    """What came of a scan: where to go next; and whether the goods stay with the picker, since nobody wants them."""

    next: Task | None
    refused: bool = False


@dataclass(slots=True)
class Tally:
    """What people saw and did, by their own record."""

    walked_m: float = 0.0
    lines: int = 0
    units: int = 0
    tours: int = 0
    short_picks: int = 0
    wrong_scans: int = 0
    replays: int = 0
    picked_in_vain: int = 0
    put_backs: int = 0
    picking_s: float = 0.0
    sold: set[str] = field(default_factory=set)
    refused: dict[str, str] = field(default_factory=dict)
    """Baskets that could not be had, and why."""
    cancelled: set[str] = field(default_factory=set)
    too_late_to_cancel: set[str] = field(default_factory=set)
    totes: dict[str, Counter[str]] = field(default_factory=dict)
    """What was put into each order's tote, by how the house names the order in its tasks."""
    packed_s: dict[str, float] = field(default_factory=dict)
    left_s: dict[str, float] = field(default_factory=dict)
    """When the courier took each parcel."""


class House(Protocol):
    """One way to run the day. Times are the caller's own."""

    tally: Tally

    async def buy(self, order: Order, at_s: float) -> bool:
        """Whether the buyer got it; the tally says why not."""

    async def cancel(self, order: Order, at_s: float) -> bool:
        """Whether it is cancelled: not when it has left."""

    async def sign_in(self, worker: Worker, terminal: str, at_s: float) -> None:
        """Comes to work at a terminal."""

    async def claim(self, worker: Worker, at_s: float) -> Tour | None:
        """The next cart; none when nothing can be picked."""

    async def alive(self, worker: Worker) -> None:
        """A sign of life on a long way."""

    async def pick(self, worker: Worker, task: Task, units: int, *, replay: bool) -> Picked:
        """So many are in the tote; `replay` sends the scan twice."""

    async def short(self, worker: Worker, task: Task) -> Picked:
        """There are no more of them."""

    async def scan_wrongly(self, worker: Worker, task: Task) -> None:
        """The neighbour's item; it is refused."""

    async def finish(self, tour: Tour, at_s: float) -> Sequence[tuple[float, str]]:
        """The cart is back: what can be packed now, each with its place in the packers' queue (least first)."""

    def urgency(self, place: float, reference: str, now_s: float) -> float:
        """What packers look at when they take the next order, least first; `place` is what `finish` gave it."""

    async def pack(self, worker: Worker, reference: str, at_s: float) -> bool:
        """Whether it was packed and stands ready; not when it was cancelled."""

    async def hand_over(self, courier: str, pickup_s: float) -> Sequence[str]:
        """What the courier takes along."""

    async def put_back(self, at_s: float) -> Sequence[tuple[str, str, int]]:
        """What somebody brings back to which bin, of cancelled orders."""

    def waits(self) -> bool:
        """Whether there may still be something to pick."""
