"""Why an order rides where it does, on a floor of two aisles 10 m apart whose walks are easy to see."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from uuid import UUID

from lumbung_fulfillment.domain.explaining import OTHERS_MAX, Placed, Ride, Stops, explain
from lumbung_fulfillment.domain.layout import Layout, Stop
from lumbung_fulfillment.domain.planning import lengths_m

LENGTHS_M = partial(lengths_m, Layout((0.0, 10.0), (0.0, 30.0)))
A, B = UUID(int=1), UUID(int=2)


def ride(number: int, *orders: tuple[UUID, str, Sequence[tuple[int, float]]]) -> Ride:
    return Ride(
        UUID(int=100 + number),
        {order_id: pickup for order_id, pickup, _ in orders},
        {order_id: frozenset(Stop(*stop) for stop in stops) for order_id, _, stops in orders},
    )


def test_an_order_is_told_what_it_adds_here_and_elsewhere() -> None:
    own = ride(0, (A, "noon", [(0, 5.0)]), (B, "noon", [(0, 8.0), (1, 4.0)]))
    near = ride(1, (UUID(int=3), "noon", [(0, 4.0)]))
    why = explain(own, [near], LENGTHS_M)
    assert (why[A].added_walk_m, why[A].placed) == (0.0, Placed.LEAST_WALK)
    assert (why[A].other_wave_id, why[A].other_added_walk_m) == (near.wave_id, 2.0)
    assert (why[B].added_walk_m, why[B].other_added_walk_m) == (34.0, 36.0)


def test_a_shorter_place_says_what_kept_it_off() -> None:
    own = ride(0, (A, "noon", [(1, 20.0)]))
    for pickup, placed in (("night", Placed.OTHER_PICKUP), ("noon", Placed.FULL_OR_UNFOUND)):
        why = explain(own, [ride(1, (B, pickup, [(1, 25.0)]))], LENGTHS_M)[A]
        assert (why.added_walk_m, why.other_added_walk_m, why.placed) == (60.0, 0.0, placed)


def test_a_plan_of_one_wave_has_nothing_to_compare() -> None:
    why = explain(ride(0, (A, "noon", [(0, 3.0)])), [], LENGTHS_M)[A]
    assert (why.added_walk_m, why.other_wave_id, why.placed) == (6.0, None, Placed.LEAST_WALK)


def test_only_so_many_carts_are_looked_at_and_the_nearest() -> None:
    walks: list[Stops] = []

    def counted(asked: Sequence[Stops]) -> list[float]:
        walks.extend(asked)
        return LENGTHS_M(asked)

    far = [ride(number, (UUID(int=number), "noon", [(1, 1.0)])) for number in range(10, 60)]
    near = ride(99, (B, "noon", [(0, 9.0)]))
    why = explain(ride(0, (A, "noon", [(0, 9.0)])), [*far, near], counted)[A]
    assert (why.other_wave_id, why.other_added_walk_m) == (near.wave_id, 0.0)
    assert len(walks) == 1 + 1 + 51 + OTHERS_MAX
