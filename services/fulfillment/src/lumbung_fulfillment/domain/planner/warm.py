"""Has the planner's machine code made, or read from disk, before anybody waits for it."""

from __future__ import annotations

from itertools import product

from lumbung_fulfillment.domain.cart import Capacity, Job, Load
from lumbung_fulfillment.domain.layout import Layout, Stop
from lumbung_fulfillment.domain.planner.search import Effort, Wish, batched
from lumbung_fulfillment.domain.planner.timetable import Labour

_CLERK = Labour(1, 1.0, 1.0, 1.0, 1.0, 1.0)


def warm_up() -> None:
    """Plans four orders. Takes milliseconds when the machine code is on disk, else most of a minute."""
    stops = [Stop(aisle, y) for aisle, y in product((0, 1), (1.0, 2.0))]
    jobs = [
        Job(str(n), frozenset([stop]), Load(units=1, totes=1, picks=1), n) for n, stop in enumerate(stops)
    ]
    wish = Wish(Layout((0.0, 3.0), (0.0, 5.0)), jobs, Capacity(units=2), {"0": 1.0}, _CLERK)
    batched(wish, Effort(budget_s=0.0001))


if __name__ == "__main__":
    warm_up()
