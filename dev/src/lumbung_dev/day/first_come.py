"""The same day on paper: carts are filled in order of arrival, and walked in S-shape or the shortest way."""

from __future__ import annotations

# ruff: noqa: ARG002 - paper asks for less than the services do
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from lumbung_dev.day.floor import spot_of
from lumbung_dev.day.house import Picked, Tally, Task, Tour
from lumbung_dev.day.script import Order, Script, Worker
from lumbung_dev.shop import warehouse
from lumbung_fulfillment.domain.layout import Layout, Stop
from lumbung_fulfillment.domain.routing import route, s_shape_walk_m

CART_UNITS = 60
CART_TOTES = 12
_LAYOUT = Layout(warehouse.AISLE_X_M, warehouse.CROSS_AISLE_Y_M, warehouse.DEPOT_X_M)
_AISLE_OF = {place.code: place.aisle for place in warehouse.places()}


class Walk(StrEnum):
    """How a cart is walked."""

    S_SHAPE = "s_shape"
    SHORTEST = "shortest"


@dataclass(slots=True)
class _Paper:
    """One order's slip."""

    order: Order
    open: Counter[str]
    picked: list[tuple[str, str, int]] = field(default_factory=list)
    is_cancelled: bool = False

    @property
    def is_complete(self) -> bool:
        return not self.open and not self.is_cancelled


class FirstCome:
    """A house that keeps its books by itself. Lead times, hands and mishaps are those of the script."""

    def __init__(self, script: Script, walk: Walk) -> None:
        self.tally = Tally()
        self._walk = walk
        self._book = Counter(script.opening())
        self._free = Counter[str]()
        for (_, sku_code), units in self._book.items():
            self._free[sku_code] += units
        self._quota = script.quota
        self._papers: dict[str, _Paper] = {}
        self._queue: deque[str] = deque()
        self._tours: dict[str, deque[Task]] = {}
        self._wave_of: dict[str, str] = {}
        self._to_put_back: list[tuple[str, str, int]] = []
        self._numbers = 0

    async def buy(self, order: Order, at_s: float) -> bool:
        units = Counter(dict(order.basket))
        if any(self._free[sku_code] < wanted for sku_code, wanted in units.items()):
            self.tally.refused[order.reference] = "OUT_OF_STOCK"
            return False
        if order.on_sale and not self._quota:
            self.tally.refused[order.reference] = "QUOTA_GONE"
            return False
        self._quota -= order.on_sale
        self._free -= units
        self._papers[order.reference] = _Paper(order, units)
        self._queue.append(order.reference)
        self.tally.sold.add(order.reference)
        return True

    async def cancel(self, order: Order, at_s: float) -> bool:
        if order.reference in self.tally.packed_s:
            self.tally.too_late_to_cancel.add(order.reference)
            return False
        paper = self._papers[order.reference]
        paper.is_cancelled = True
        self._to_put_back += paper.picked
        self.tally.cancelled.add(order.reference)
        return True

    async def sign_in(self, worker: Worker, terminal: str, at_s: float) -> None:
        """Paper needs no terminal."""

    async def alive(self, worker: Worker) -> None:
        """Nor a sign of life."""

    async def claim(self, worker: Worker, at_s: float) -> Tour | None:
        riding: list[str] = []
        tasks: list[Task] = []
        room = CART_UNITS
        while self._queue and len(riding) < CART_TOTES:
            paper = self._papers[self._queue[0]]
            wanted = sum(paper.open.values())
            if not paper.is_cancelled and wanted > room and riding:
                break
            self._queue.popleft()
            if paper.is_cancelled:
                continue
            found = self._tasks(paper)
            if found:
                riding.append(paper.order.reference)
                tasks += found
                room -= wanted
        return self._tour(worker, tuple(riding), tasks) if riding else None

    async def pick(self, worker: Worker, task: Task, units: int, *, replay: bool) -> Picked:
        paper = self._papers[task.reference]
        if paper.is_cancelled:
            self._book[task.bin_code, task.sku_code] += task.units
            return Picked(self._next(worker), refused=True)
        paper.picked.append((task.bin_code, task.sku_code, units))
        paper.open -= Counter({task.sku_code: units})
        return Picked(self._next(worker))

    async def short(self, worker: Worker, task: Task) -> Picked:
        """Nobody is sent there again; what is missing is fetched where else the book has it."""
        paper = self._papers[task.reference]
        self._book[task.bin_code, task.sku_code] = 0
        missing = paper.open[task.sku_code]
        if not paper.is_cancelled and missing:
            self._tours[self._wave_of[worker.name]].extendleft(
                reversed(self._from_bins(task.reference, task.sku_code, missing))
            )
        return Picked(self._next(worker))

    async def scan_wrongly(self, worker: Worker, task: Task) -> None:
        """Somebody notices at the packing table at the latest; it costs the same time."""

    async def finish(self, tour: Tour, at_s: float) -> Sequence[tuple[float, str]]:
        done = [reference for reference in tour.orders if self._papers[reference].is_complete]
        return [(self._papers[reference].order.at_s, reference) for reference in done]

    def urgency(self, place: float, reference: str, now_s: float) -> float:
        return place

    async def pack(self, worker: Worker, reference: str, at_s: float) -> bool:
        return not self._papers[reference].is_cancelled

    async def hand_over(self, courier: str, pickup_s: float) -> Sequence[str]:
        return [
            reference
            for reference in self.tally.packed_s
            if self._papers[reference].order.courier == courier and reference not in self.tally.left_s
        ]

    async def put_back(self, at_s: float) -> Sequence[tuple[str, str, int]]:
        back, self._to_put_back = self._to_put_back, []
        for bin_code, sku_code, units in back:
            self._book[bin_code, sku_code] += units
        return back

    def waits(self) -> bool:
        return bool(self._queue)

    def _tasks(self, paper: _Paper) -> list[Task]:
        return [
            task
            for sku_code, wanted in sorted(paper.open.items())
            for task in self._from_bins(paper.order.reference, sku_code, wanted)
        ]

    def _from_bins(self, reference: str, sku_code: str, wanted: int) -> list[Task]:
        """From the first bins by code that have it; what the book has nowhere stays missing."""
        tasks = []
        for bin_code, held in sorted(place for place in self._book if place[1] == sku_code):
            units = min(wanted, self._book[bin_code, held])
            if units > 0:
                self._numbers += 1
                tasks.append(Task(f"{self._numbers}", reference, bin_code, sku_code, units))
                self._book[bin_code, held] -= units
                wanted -= units
        return tasks

    def _tour(self, worker: Worker, riding: tuple[str, ...], tasks: Sequence[Task]) -> Tour:
        ordered, home_m = self._in_order(tasks)
        self._numbers += 1
        self._wave_of[worker.name] = wave = f"wave-{self._numbers}"
        self._tours[wave] = deque(ordered)
        return Tour(wave, self._next(worker), riding, home_m)

    def _next(self, worker: Worker) -> Task | None:
        left = self._tours[self._wave_of[worker.name]]
        return left.popleft() if left else None

    def _in_order(self, tasks: Sequence[Task]) -> tuple[list[Task], float | None]:
        """In walking order; of an S-shape each leg is the same share of the whole."""
        if self._walk is Walk.SHORTEST:
            found = route(_LAYOUT, tuple({_stop(task) for task in tasks}))
            place = {stop: number for number, stop in enumerate(found.stops)}
            return sorted(tasks, key=lambda task: place[_stop(task)]), None
        stops = {_stop(task) for task in tasks}
        leg_m = s_shape_walk_m(_LAYOUT, tuple(stops)) / (len(stops) + 1)
        ordered: list[Task] = []
        for task in _zigzag(tasks):
            is_here = bool(ordered) and _stop(ordered[-1]) == _stop(task)
            ordered.append(replace(task, leg_m=0.0 if is_here else leg_m))
        return ordered, leg_m


def _stop(task: Task) -> Stop:
    return Stop(_AISLE_OF[task.bin_code], spot_of(task.bin_code)[1])


def _zigzag(tasks: Sequence[Task]) -> list[Task]:
    """Up the first aisle that has a stop, down the next."""
    aisles = sorted({_stop(task).aisle for task in tasks})
    return [
        task
        for number, aisle in enumerate(aisles)
        for task in sorted(
            (task for task in tasks if _stop(task).aisle == aisle),
            key=lambda task: _stop(task).y,
            reverse=bool(number % 2),
        )
    ]
