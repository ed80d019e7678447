"""Carts are feasible, complete, deterministic, and better than first come."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumbung_fulfillment.domain.batching import Cart, Walks, batch, first_come, total_walk_m
from lumbung_fulfillment.domain.cart import Capacity, Job, Load, total
from lumbung_fulfillment.domain.layout import Layout, Stop
from lumbung_fulfillment.domain.routing import s_shape_walk_m

LAYOUT = Layout(tuple(5.0 * aisle for aisle in range(10)), (0.0, 47.0))


def web_shop_orders(draw: random.Random, count: int) -> list[Job]:
    """Class-based: the aisle nearest the depot has half of the demand, the next three a third."""
    jobs = []
    for rank in range(count):
        lines = draw.randint(1, 8)
        stops = set()
        for _ in range(lines):
            aisle = draw.choices(range(10), weights=[52, 12, 12, 12, 2, 2, 2, 2, 2, 2])[0]
            stops.add(Stop(aisle, draw.randint(0, 44) + 1.5))
        jobs.append(Job(f"O{rank:04}", frozenset(stops), Load(units=lines, totes=1), rank))
    return jobs


def assert_feasible(carts: list[Cart], jobs: list[Job], capacity: Capacity) -> None:
    assert sorted(job.order_id for cart in carts for job in cart) == sorted(job.order_id for job in jobs)
    for cart in carts:
        load = total(cart)
        assert not capacity.units or load.units <= capacity.units
        assert not capacity.totes or load.totes <= capacity.totes
        assert not capacity.weight_g or load.weight_g <= capacity.weight_g
        assert load.picks <= capacity.picks
        assert not capacity.volume_ml or load.volume_ml <= capacity.volume_ml


def test_batches_walk_much_less_than_first_come(seed: int) -> None:
    draw = random.Random(seed)
    first = ours = 0.0
    for _ in range(5):
        jobs = web_shop_orders(draw, 40)
        capacity = Capacity(units=45, totes=0)
        walks = Walks.counting(LAYOUT, 3000)
        carts = batch(walks, jobs, capacity)
        assert_feasible(carts, jobs, capacity)
        ours += sum(walks.of(cart) for cart in carts)
        plain = first_come(jobs, capacity)
        assert_feasible(plain, jobs, capacity)
        first += total_walk_m(plain, lambda stops: s_shape_walk_m(LAYOUT, stops))
    assert ours <= first * 0.76


def test_the_same_orders_give_the_same_carts(seed: int) -> None:
    jobs = web_shop_orders(random.Random(seed), 30)
    shuffled = random.Random(seed + 1).sample(jobs, len(jobs))
    capacity = Capacity(units=30, totes=6)
    once = batch(Walks.counting(LAYOUT, 1000), jobs, capacity)
    assert once == batch(Walks.counting(LAYOUT, 1000), shuffled, capacity)


def test_a_cart_is_not_sent_out_half_empty_for_nothing() -> None:
    """Together they walk as far as apart: one cart is enough."""
    jobs = [Job(f"O{n}", frozenset({Stop(0, 5.0) if n else Stop(1, 5.0)}), Load(1, 1), n) for n in range(2)]
    layout = Layout((0.0, 5.0), (0.0, 47.0), 2.5)
    assert len(batch(Walks.counting(layout, 100), jobs, Capacity())) == 1


def test_orders_for_the_same_stops_share_carts(seed: int) -> None:
    """A flash sale's queue: hundreds of the same order take no time, and as few carts as they fit on."""
    draw = random.Random(seed)
    jobs = [Job(f"O{n:03}", frozenset({Stop(3, 20.5)}), Load(1, 1), n) for n in range(200)]
    jobs += web_shop_orders(draw, 10)
    walks = Walks.counting(LAYOUT, 200)
    carts = batch(walks, jobs, Capacity(units=1000, totes=20))
    assert_feasible(carts, jobs, Capacity(units=1000, totes=20))
    assert len(carts) <= 11


@pytest.mark.parametrize("evaluations_max", [0, 1, 60])
def test_without_effort_it_is_first_come(evaluations_max: int, seed: int) -> None:
    """However little may be computed, everything rides, and never worse than in order of arrival."""
    jobs = web_shop_orders(random.Random(seed), 30)
    capacity = Capacity(units=30, totes=0)
    walks = Walks.counting(LAYOUT, evaluations_max)
    carts = batch(walks, jobs, capacity)
    assert_feasible(carts, jobs, capacity)
    assert sum(map(walks.of, carts)) <= sum(map(walks.of, first_come(jobs, capacity))) + 1e-6


jobs_strategy = st.lists(
    st.tuples(
        st.sets(st.tuples(st.integers(0, 9), st.integers(0, 47)), min_size=1, max_size=4),
        st.integers(1, 10),
        st.integers(0, 500),
        st.integers(0, 900),
    ),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(jobs_strategy)
def test_every_limit_of_a_cart_is_kept(
    orders: list[tuple[set[tuple[int, int]], int, int, int]],
) -> None:
    jobs = [
        Job(
            f"O{n}",
            frozenset(Stop(a, float(y)) for a, y in stops),
            Load(units, 1, weight, volume, len(stops)),
            n,
        )
        for n, (stops, units, weight, volume) in enumerate(orders)
    ]
    capacity = Capacity(units=12, totes=3, weight_g=600, volume_ml=1000, picks=5)
    assert_feasible(batch(Walks.counting(LAYOUT, 300), jobs, capacity), jobs, capacity)
