"""The planner of machine code: its walks are the exact ones, its carts feasible, its plans repeatable and good.

What is checked is worked out here a second time, by code that shares nothing with the planner.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumbung_fulfillment.domain.batching import Cart, first_come
from lumbung_fulfillment.domain.cart import Capacity, Job, Load
from lumbung_fulfillment.domain.failures import LayoutUnusable
from lumbung_fulfillment.domain.layout import Layout, Stop
from lumbung_fulfillment.domain.planner.search import NOBODY, Effort, Wish, batched, earliest_due, lengths_m
from lumbung_fulfillment.domain.planner.timetable import Labour
from lumbung_fulfillment.domain.routing import s_shape_walk_m, walk_m

INSTANCES_PER_BLOCK_COUNT = 500
CLERKS = Labour(2, 1.0, 8.0, 90.0, late_m=100.0, late_m_per_min=30.0)


def random_layout(draw: random.Random, blocks: int) -> Layout:
    xs, ys = [0.0], [draw.choice([0.0, 2.0])]
    for _ in range(draw.randint(0, 7)):
        xs.append(xs[-1] + draw.choice([2.0, 3.5, 5.0]))
    for _ in range(blocks):
        ys.append(ys[-1] + draw.choice([6.0, 9.0, 40.0]))
    depot = draw.choice([*xs, xs[0] - 1.0, xs[-1] + 2.0, (xs[0] + xs[-1]) / 2 + 0.25])
    return Layout(tuple(xs), tuple(ys), depot)


def random_jobs(draw: random.Random, layout: Layout, count: int, lines_max: int = 6) -> list[Job]:
    length = layout.cross_aisle_y[-1] - layout.cross_aisle_y[0]
    jobs = []
    for rank in range(count):
        lines = draw.randint(1, lines_max)
        stops = frozenset(
            Stop(
                draw.randrange(len(layout.aisle_x)),
                layout.cross_aisle_y[0] + round(draw.random() * length * 2) / 2,
            )
            for _ in range(lines)
        )
        load = Load(lines + draw.randint(0, 3), 1, 100 * lines, 10, lines)
        jobs.append(Job(f"O{rank:04}", stops, load, rank))
    return jobs


def walk_of(layout: Layout, cart: Sequence[Job]) -> float:
    return walk_m(layout, tuple({stop for job in cart for stop in job.stops}))


def brute_walk(layout: Layout, stops: Sequence[Stop]) -> float:
    """The shortest of all orders, with distances by the format's formula."""

    def apart(a: tuple[float, float], b: tuple[float, float]) -> float:
        if a[0] == b[0]:
            return abs(a[1] - b[1])
        return abs(a[0] - b[0]) + min(abs(a[1] - y) + abs(b[1] - y) for y in layout.cross_aisle_y)

    depot = (layout.depot_x, layout.cross_aisle_y[0])
    places = [(layout.aisle_x[stop.aisle], stop.y) for stop in stops]
    return min(
        sum(apart(a, b) for a, b in pairwise([depot, *order, depot])) for order in permutations(places)
    )


@pytest.mark.parametrize("blocks", [1, 2, 3])
def test_walks_are_those_of_the_exact_router(blocks: int, seed: int) -> None:
    draw = random.Random(seed + blocks)
    for _ in range(INSTANCES_PER_BLOCK_COUNT // 10):
        layout = random_layout(draw, blocks)
        jobs = random_jobs(draw, layout, 10, draw.choice([1, 4, 40]))
        expected = [walk_m(layout, tuple(job.stops)) for job in jobs]
        assert lengths_m(layout, [job.stops for job in jobs]) == pytest.approx(expected)


@pytest.mark.parametrize("blocks", [1, 2, 3])
def test_walks_are_the_shortest_of_all_orders(blocks: int, seed: int) -> None:
    draw = random.Random(seed * 3 + blocks)
    for _ in range(INSTANCES_PER_BLOCK_COUNT // 10):
        layout = random_layout(draw, blocks)
        walks = [list({s for job in random_jobs(draw, layout, 5, 1) for s in job.stops}) for _ in range(10)]
        expected = [brute_walk(layout, stops) for stops in walks]
        assert lengths_m(layout, walks) == pytest.approx(expected)


def test_more_stops_in_a_block_than_a_word_has_bits(seed: int) -> None:
    draw = random.Random(seed)
    layout = Layout((0.0, 4.0), (0.0, 400.0))
    everything = [Stop(aisle, y / 2) for aisle in (0, 1) for y in range(1, 800, 2)]
    walks = [draw.sample(everything, 200) for _ in range(20)]
    assert lengths_m(layout, walks) == pytest.approx([walk_m(layout, tuple(walk)) for walk in walks])


def assert_feasible(wish: Wish, carts: Sequence[Cart]) -> None:
    assert sorted(job.order_id for cart in carts for job in cart) == sorted(job.order_id for job in wish.jobs)
    limit = wish.capacity
    for cart in carts:
        assert cart
        assert not limit.units or sum(job.load.units for job in cart) <= limit.units
        assert not limit.totes or len(cart) <= limit.totes
        assert not limit.weight_g or sum(job.load.weight_g for job in cart) <= limit.weight_g
        assert not limit.volume_ml or sum(job.load.volume_ml for job in cart) <= limit.volume_ml
        assert not limit.picks or sum(job.load.picks for job in cart) <= limit.picks


def cost_m(wish: Wish, carts: Sequence[Cart]) -> float:
    """Walking and lateness, by a timetable of its own: free pickers take the carts in order."""
    labour = wish.labour
    free = [0.0] * max(1, labour.pickers)
    cost = 0.0
    for cart in carts:
        walk = walk_of(wish.layout, cart)
        cost += walk
        if not labour.pickers:
            continue
        picker = free.index(min(free))
        lines = sum(job.load.picks for job in cart)
        free[picker] += labour.setup_s_per_cart + lines * labour.pick_s_per_line + walk / labour.walk_m_per_s
        for job in cart:
            late_s = free[picker] - wish.wanted_s.get(job.order_id, float("inf"))
            if late_s > 1e-6:
                cost += labour.late_m + labour.late_m_per_min * late_s / 60.0
    return cost


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32),
    st.integers(1, 3),
    st.integers(1, 40),
    st.booleans(),
    st.sampled_from([(0, 0, 0, 0, 0), (12, 0, 0, 0, 0), (0, 3, 0, 0, 0), (30, 5, 900, 40, 9)]),
)
def test_carts_are_feasible_whole_and_cost_what_is_said(
    seed: int, blocks: int, count: int, timed: bool, limits: tuple[int, int, int, int, int]
) -> None:
    draw = random.Random(seed)
    layout = random_layout(draw, blocks)
    jobs = random_jobs(draw, layout, count)
    wanted = {job.order_id: draw.uniform(0, 3600) for job in jobs if draw.random() < 0.8} if timed else {}
    wish = Wish(layout, jobs, Capacity(*limits), wanted, CLERKS if timed else NOBODY)
    found = batched(wish, Effort(0.003, seed))
    assert_feasible(wish, found.carts)
    assert found.cost_m == pytest.approx(cost_m(wish, found.carts))


def test_the_same_orders_effort_and_seed_give_the_same_carts(seed: int) -> None:
    draw = random.Random(seed)
    for timed in (False, True):
        layout = random_layout(draw, 2)
        jobs = random_jobs(draw, layout, 60)
        wanted = {job.order_id: draw.uniform(300, 3600) for job in jobs} if timed else {}
        wish = Wish(layout, jobs, Capacity(units=30, totes=6), wanted, CLERKS if timed else NOBODY)
        first, second = batched(wish, Effort(0.05, 7)), batched(wish, Effort(0.05, 7))
        assert [[job.order_id for job in cart] for cart in first.carts] == [
            [job.order_id for job in cart] for cart in second.carts
        ]


def test_more_effort_is_never_worse_and_less_than_first_come(seed: int) -> None:
    draw = random.Random(seed)
    layout = Layout(tuple(5.0 * aisle for aisle in range(10)), (0.0, 47.0))
    jobs = random_jobs(draw, layout, 50, 8)
    wish = Wish(layout, jobs, Capacity(units=45, totes=0))
    plain = first_come(jobs, wish.capacity)
    savings = batched(wish, Effort(0.0)).cost_m
    searched = batched(wish, Effort(0.3)).cost_m
    assert searched < savings < sum(walk_of(layout, cart) for cart in plain)
    assert searched < 0.76 * sum(
        s_shape_walk_m(layout, list({s for job in cart for s in job.stops})) for cart in plain
    )


@pytest.mark.parametrize("blocks", [1, 2, 3])
def test_few_orders_get_the_best_carts_there_are(blocks: int, seed: int) -> None:
    """All ways to share seven orders among carts are tried."""

    def partitions(jobs: list[Job]) -> list[list[list[Job]]]:
        if not jobs:
            return [[]]
        found = []
        for rest in partitions(jobs[1:]):
            found.append([[jobs[0]], *rest])
            found += [[*rest[:n], [jobs[0], *cart], *rest[n + 1 :]] for n, cart in enumerate(rest)]
        return found

    draw = random.Random(seed + blocks)
    for _ in range(4):
        layout = random_layout(draw, blocks)
        jobs = random_jobs(draw, layout, 7, 4)
        capacity = Capacity(units=14, totes=3)
        known: dict[frozenset[str], float] = {}
        best = float("inf")
        for carts in partitions(jobs):
            if any(len(cart) > 3 or sum(job.load.units for job in cart) > 14 for cart in carts):
                continue
            total = 0.0
            for cart in carts:
                key = frozenset(job.order_id for job in cart)
                total += known.setdefault(key, walk_of(layout, cart)) if key not in known else known[key]
            best = min(best, total)
        assert batched(Wish(layout, jobs, capacity), Effort(0.1)).cost_m == pytest.approx(best)


def test_orders_with_times_are_less_late_and_walk_less_than_by_due_time(seed: int) -> None:
    draw = random.Random(seed)
    layout = Layout(tuple(4.0 * aisle for aisle in range(20)), (0.0, 42.0))
    jobs = random_jobs(draw, layout, 52, 5)
    wanted = {job.order_id: 60.0 * draw.choice([16, 26, 47]) for job in jobs}
    wish = Wish(layout, jobs, Capacity(units=40, totes=0), wanted, CLERKS)
    due = earliest_due(jobs, wanted, wish.capacity)
    found = batched(wish, Effort(0.5))
    assert _lateness(wish, found.carts) <= _lateness(wish, due)
    assert sum(walk_of(layout, cart) for cart in found.carts) < sum(walk_of(layout, cart) for cart in due)


def _lateness(wish: Wish, carts: Sequence[Cart]) -> float:
    return cost_m(wish, carts) - sum(walk_of(wish.layout, cart) for cart in carts)


def test_orders_for_the_same_stops_share_carts(seed: int) -> None:
    """A flash sale's queue: as few carts as they fit on, and nobody walks there twice for nothing."""
    layout = Layout(tuple(5.0 * aisle for aisle in range(10)), (0.0, 47.0))
    jobs = [Job(f"S{n:03}", frozenset({Stop(3, 20.5)}), Load(1, 1, 0, 0, 1), n) for n in range(500)]
    jobs += random_jobs(random.Random(seed), layout, 20)
    wish = Wish(layout, jobs, Capacity(units=1000, totes=20))
    found = batched(wish, Effort(0.1))
    assert_feasible(wish, found.carts)
    assert len(found.carts) <= 27
    assert sum(any(job.order_id.startswith("S") for job in cart) for cart in found.carts) <= 26


def test_a_clock_that_runs_out_ends_the_search_with_a_whole_plan(seed: int) -> None:
    draw = random.Random(seed)
    layout = Layout((0.0, 4.0, 8.0), (0.0, 20.0))
    wish = Wish(layout, random_jobs(draw, layout, 40), Capacity(units=20, totes=0))
    found = batched(wish, Effort(3600.0, 1, lambda: 1.0))
    assert_feasible(wish, found.carts)
    assert found.was_hurried


def test_no_orders_and_one_order() -> None:
    layout = Layout((0.0, 4.0), (0.0, 20.0))
    assert batched(Wish(layout, [], Capacity()), Effort()).carts == ()
    job = Job("only", frozenset([Stop(1, 5.0)]), Load(1, 1, 0, 0, 1), 0)
    found = batched(Wish(layout, [job], Capacity()), Effort())
    assert found.carts == ((job,),)
    assert found.cost_m == 18.0


def test_a_stop_beside_the_aisles_is_refused() -> None:
    layout = Layout((0.0, 4.0), (0.0, 20.0))
    job = Job("lost", frozenset([Stop(1, 21.0)]), Load(1, 1, 0, 0, 1), 0)
    with pytest.raises(LayoutUnusable):
        batched(Wish(layout, [job], Capacity()), Effort())
