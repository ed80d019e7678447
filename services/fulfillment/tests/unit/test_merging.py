"""Later pickups ride along only where nobody is late by it.

Walks and times are worked out here a second time, by code that shares nothing with the planner.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from lumbung_fulfillment.domain.bins import Bin, Supply
from lumbung_fulfillment.domain.cart import Capacity
from lumbung_fulfillment.domain.cutoffs import Team
from lumbung_fulfillment.domain.layout import Layout, Stop
from lumbung_fulfillment.domain.merging import Shift
from lumbung_fulfillment.domain.planner.search import Effort
from lumbung_fulfillment.domain.planning import Planned, PlannedWave, WaitingOrder, plan

LAYOUT = Layout(tuple(4.0 * aisle for aisle in range(8)), (0.0, 30.0))
NOON = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)
BINS = {
    f"A{aisle:02}-{y:02}": Bin(f"A{aisle:02}-{y:02}", Stop(aisle, float(y)))
    for aisle in range(8)
    for y in range(1, 30, 2)
}
CAPACITY = Capacity(units=40, totes=6)
TEAM = Team(2, 1, timedelta(seconds=12), timedelta(minutes=2), timedelta(seconds=20), 1.1)
QUICK = Effort(0.08)


def orders_of(draw: random.Random, count: int, pickups_min: Sequence[int | None]) -> list[WaitingOrder]:
    orders = []
    for number in range(count):
        minutes = draw.choice(pickups_min)
        pickup = None if minutes is None else NOON + timedelta(minutes=minutes)
        needs = dict.fromkeys(draw.sample(sorted(BINS), draw.randint(1, 4)), 1)
        ready = pickup and pickup - timedelta(minutes=draw.choice([0, 5]))
        orders.append(WaitingOrder(f"O{number:02}", needs, pickup, 0, NOON, ready_time=ready))
    return orders


def planned(orders: Sequence[WaitingOrder], shift: Shift, effort: Effort = QUICK) -> Planned:
    supply = Supply(BINS)
    for code in BINS:
        supply.add(code, code, 100)
    return plan(LAYOUT, orders, supply, CAPACITY, effort, shift)


def apart_m(a: Stop, b: Stop) -> float:
    if a.aisle == b.aisle:
        return abs(a.y - b.y)
    return 4.0 * abs(a.aisle - b.aisle) + min(a.y + b.y, 60.0 - a.y - b.y)


def walked_m(wave: PlannedWave) -> float:
    way = [Stop(0, 0.0), *(ordered.pick.stop for ordered in wave.picks), Stop(0, 0.0)]
    return sum(apart_m(a, b) for a, b in pairwise(way))


def packed_s(plan: Planned, team: Team) -> dict[str, float]:
    """Second by second: whoever is free takes the next cart, as terminals are given them."""
    line = sorted(
        plan.waves, key=lambda wave: wave.pickup_time.timestamp() if wave.pickup_time else float("inf")
    )
    assert line == list(plan.waves), "terminals are given waves by their pickup"
    back_s, packed = [0.0] * team.picker_count, {}
    for wave in line:
        picker = back_s.index(min(back_s))
        back_s[picker] += 120.0 + 12.0 * len(wave.picks) + walked_m(wave) / 1.1
        for order in wave.orders:
            packed[order.order_id] = back_s[picker] + 20.0 * len(wave.orders) / team.packer_count
    return packed


def test_merging_makes_nobody_late_and_walks_no_more(seed: int) -> None:
    """Over queues with much slack and with none, with courier after courier and with orders that nobody waits for."""
    draw, merged_m, by_class_m, mixed = random.Random(seed), 0.0, 0.0, 0
    for pickups_min in ([20, 45, 180, None], [120, 180, 240], [5, 12, 30], [15, 600], [240, None]) * 2:
        orders = orders_of(draw, 30, pickups_min)
        team = replace(TEAM, picker_count=draw.randint(1, 3), packer_count=draw.randint(1, 2))
        shift = Shift(team, NOON, may_merge=True)
        together = planned(orders, shift)
        apart = planned(orders, replace(shift, may_merge=False), replace(QUICK, budget_s=QUICK.budget_s / 2))
        before, after = packed_s(apart, team), packed_s(together, team)
        by_id = {order.order_id: order for order in orders}
        assert before.keys() == after.keys() == by_id.keys()
        for order_id, order in by_id.items():
            if order.ready_time is not None:
                ready_s = (order.ready_time - NOON).total_seconds()
                assert after[order_id] <= max(ready_s, before[order_id]) + 1e-6
        for wave in together.waves:
            pickups = {by_id[order.order_id].pickup_time for order in wave.orders}
            assert wave.pickup_time == min(filter(None, pickups), default=None)
            assert len(wave.orders) <= CAPACITY.totes
            assert len(wave.picks) <= CAPACITY.units
            mixed += len(pickups) > 1
        walks = [sum(map(walked_m, plan.waves)) for plan in (together, apart)]
        assert walks[0] <= walks[1] + 1e-6
        merged_m, by_class_m = merged_m + walks[0], by_class_m + walks[1]
    assert mixed > 10
    assert merged_m < 0.96 * by_class_m


def test_who_cannot_wait_is_not_kept_by_who_can() -> None:
    """Two orders of one aisle, far away: together the first would miss its courier by the second's lines."""
    near = {f"A07-{y:02}": 1 for y in range(1, 8, 2)}
    first = WaitingOrder("first", {"A07-01": 1}, NOON + timedelta(seconds=220), 0, NOON)
    later = WaitingOrder("later", near, NOON + timedelta(hours=3), 0, NOON)
    shift = Shift(replace(TEAM, picker_count=1), NOON, may_merge=True)
    assert [len(wave.orders) for wave in planned([first, later], shift).waves] == [1, 1]
    relaxed = replace(first, pickup_time=NOON + timedelta(hours=1))
    (both,) = planned([relaxed, later], shift).waves
    assert (both.pickup_time, len(both.orders)) == (relaxed.pickup_time, 2)
    apart = planned([relaxed, later], replace(shift, may_merge=False))
    assert [len(wave.orders) for wave in apart.waves] == [1, 1]


def test_merging_has_bounds() -> None:
    shift = Shift(TEAM, NOON, may_merge=True)
    assert shift.merges(classes=2, orders=1_000)
    assert not shift.merges(classes=2, orders=1_001)
    assert not shift.merges(classes=1, orders=2)
    assert not replace(shift, may_merge=False).merges(classes=2, orders=2)


def test_who_will_be_late_is_named_with_the_time() -> None:
    shift = Shift(replace(TEAM, picker_count=1), NOON, may_merge=False)
    soon = WaitingOrder("soon", {"A00-01": 1}, NOON + timedelta(minutes=2), 0, NOON)
    fine = WaitingOrder("fine", {"A00-01": 1}, NOON + timedelta(hours=2), 0, NOON)
    never = WaitingOrder("never", {"A00-01": 1}, None, 0, NOON)
    (late,) = planned([soon, fine, never], shift).late
    assert (late.order_id, late.ready_by) == ("soon", soon.pickup_time)
    assert (late.expected_time - NOON).total_seconds() == pytest.approx(120 + 12 + 2 / 1.1 + 20)


def test_the_same_queue_and_seed_give_the_same_waves(seed: int) -> None:
    orders = orders_of(random.Random(seed), 40, [60, 120, None])
    shift = Shift(TEAM, NOON, may_merge=True)
    assert planned(orders, shift) == planned(orders, shift)
