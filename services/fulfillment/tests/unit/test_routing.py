"""Exact routes against Held and Karp's algorithm, which shares nothing with ours, on random warehouses."""

from __future__ import annotations

import random
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumbung_fulfillment.domain.failures import LayoutUnusable
from lumbung_fulfillment.domain.layout import Layout, Stop, distinct
from lumbung_fulfillment.domain.routing import Method, route, s_shape_walk_m, walk_m
from lumbung_fulfillment.domain.routing.automaton import automaton
from lumbung_fulfillment.domain.routing.exact import exact_walk_m
from lumbung_fulfillment.domain.routing.improved import improved_order

INSTANCES_PER_BLOCK_COUNT = 500


def shortest_by_brute_force(layout: Layout, stops: list[Stop]) -> float:
    """Held and Karp (1962): the shortest way to have seen a set of stops and stand at one of them."""
    if not stops:
        return 0.0
    best = {(frozenset([i]), i): layout.depot_distance_m(stop) for i, stop in enumerate(stops)}
    for size in range(2, len(stops) + 1):
        for subset in map(frozenset, combinations(range(len(stops)), size)):
            for last in subset:
                rest = subset - {last}
                best[subset, last] = min(
                    best[rest, before] + layout.distance_m(stops[before], stops[last]) for before in rest
                )
    everything = frozenset(range(len(stops)))
    return min(best[everything, last] + layout.depot_distance_m(stops[last]) for last in everything)


def random_layout(draw: random.Random, blocks: int) -> Layout:
    """Uneven aisles and cross-aisles; the depot at an aisle, between two, or outside of all."""
    xs, ys = [draw.choice([0.0, 2.5])], [draw.choice([0.0, 1.0])]
    for _ in range(draw.randint(0, 5)):
        xs.append(xs[-1] + draw.choice([2.0, 3.5, 5.0]))
    for _ in range(blocks):
        ys.append(ys[-1] + draw.choice([6.0, 9.0, 20.0]))
    depot = draw.choice([*xs, xs[0] - 1.0, xs[-1] + 2.0, (xs[0] + xs[-1]) / 2 + 0.25])
    return Layout(tuple(xs), tuple(ys), depot)


def random_stops(draw: random.Random, layout: Layout, at_most: int) -> list[Stop]:
    """Also on cross-aisles, also several at one place."""
    length = layout.cross_aisle_y[-1] - layout.cross_aisle_y[0]
    stops = []
    for _ in range(draw.randint(1, at_most)):
        y = layout.cross_aisle_y[0] + round(draw.random() * length * 2) / 2
        on_cross_aisle = draw.random() < 0.1
        stops.append(
            Stop(
                draw.randrange(len(layout.aisle_x)),
                draw.choice(layout.cross_aisle_y) if on_cross_aisle else y,
            )
        )
    return stops


@pytest.mark.parametrize("blocks", [1, 2, 3])
def test_exact_walk_is_the_shortest(blocks: int, seed: int) -> None:
    draw = random.Random(seed + blocks)
    for _ in range(INSTANCES_PER_BLOCK_COUNT):
        layout = random_layout(draw, blocks)
        stops = random_stops(draw, layout, at_most=7)
        found = route(layout, stops)
        shortest = shortest_by_brute_force(layout, distinct(stops))
        assert found.walk_m == pytest.approx(shortest), (layout, stops)
        assert exact_walk_m(layout, stops) == pytest.approx(shortest), (layout, stops)


@pytest.mark.parametrize("blocks", [1, 2, 3, 5])
def test_walk_is_recomputed_from_the_ordered_stops(blocks: int, seed: int) -> None:
    draw = random.Random(seed + blocks)
    for _ in range(60):
        layout = random_layout(draw, blocks)
        stops = random_stops(draw, layout, at_most=25)
        found = route(layout, stops)
        assert sorted(found.stops) == distinct(stops)
        assert found.walk_m == pytest.approx(layout.walk_m(found.stops))
        assert found.walk_m == pytest.approx(walk_m(layout, stops))
        assert found == route(layout, list(reversed(stops)))
        assert found.method is (Method.EXACT if blocks <= 3 else Method.HEURISTIC)


@pytest.mark.parametrize("blocks", [1, 2, 3])
def test_no_usual_policy_is_shorter_than_exact(blocks: int, seed: int) -> None:
    draw = random.Random(seed + blocks)
    for _ in range(150):
        layout = random_layout(draw, blocks)
        stops = random_stops(draw, layout, at_most=20)
        shortest = exact_walk_m(layout, stops)
        assert s_shape_walk_m(layout, stops) >= shortest - 1e-6
        assert layout.walk_m(improved_order(layout, stops)) >= shortest - 1e-6
        assert layout.walk_m(sorted(stops)) >= shortest - 1e-6


def test_improved_walk_is_near_the_shortest(seed: int) -> None:
    draw = random.Random(seed)
    exact = improved = 0.0
    for _ in range(60):
        layout = random_layout(draw, 3)
        stops = random_stops(draw, layout, at_most=25)
        exact += exact_walk_m(layout, stops)
        improved += layout.walk_m(improved_order(layout, stops))
    assert improved <= exact * 1.03


def test_there_are_few_states() -> None:
    assert [len(automaton(cross_aisles).turns) for cross_aisles in (2, 3, 4)] == [6, 24, 112]


def test_one_aisle_is_walked_there_and_back() -> None:
    layout = Layout((0.0, 5.0), (0.0, 20.0))
    assert route(layout, [Stop(0, 4.0), Stop(0, 12.0)]).walk_m == 24.0
    assert route(layout, [Stop(1, 4.0)]).walk_m == 18.0
    assert route(layout, []).walk_m == 0.0
    assert s_shape_walk_m(layout, []) == 0.0


def test_s_shape_of_one_block() -> None:
    """Two aisles from end to end, the third there and back."""
    layout = Layout((0.0, 5.0, 10.0), (0.0, 20.0))
    assert s_shape_walk_m(layout, [Stop(0, 3.0), Stop(1, 9.0)]) == 2 * 20 + 2 * 5
    assert s_shape_walk_m(layout, [Stop(0, 3.0), Stop(1, 9.0), Stop(2, 7.0)]) == 2 * 20 + 2 * 7 + 2 * 10


@given(st.integers(0, 4), st.floats(0, 44, allow_nan=False), st.integers(0, 4), st.floats(0, 44))
def test_distance_is_a_metric(aisle: int, y: float, other_aisle: int, other_y: float) -> None:
    layout = Layout((0.0, 4.0, 8.0, 12.0, 16.0), (0.0, 22.0, 44.0))
    here, there = Stop(aisle, y), Stop(other_aisle, other_y)
    assert layout.distance_m(here, there) == pytest.approx(layout.distance_m(there, here))
    assert layout.distance_m(here, here) == 0
    by_depot = layout.depot_distance_m(here) + layout.depot_distance_m(there)
    assert layout.distance_m(here, there) <= by_depot + 1e-9


@pytest.mark.parametrize("stop", [Stop(-1, 1.0), Stop(2, 1.0), Stop(0, -0.5), Stop(1, 20.5)])
def test_a_stop_off_the_aisles_is_refused(stop: Stop) -> None:
    with pytest.raises(LayoutUnusable):
        route(Layout((0.0, 5.0), (0.0, 20.0)), [stop])


@pytest.mark.parametrize(
    ("aisles", "cross_aisles"),
    [((), (0.0, 1.0)), ((0.0,), (0.0,)), ((1.0, 1.0), (0.0, 1.0)), ((0.0,), (1.0, 0.0))],
)
def test_a_layout_that_cannot_be_walked_is_refused(
    aisles: tuple[float, ...], cross_aisles: tuple[float, ...]
) -> None:
    with pytest.raises(LayoutUnusable):
        Layout(aisles, cross_aisles)
