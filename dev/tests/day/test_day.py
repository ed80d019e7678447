"""The day's own parts: virtual time, the script, and the day on paper."""

from __future__ import annotations

from collections import Counter

import pytest

from lumbung_dev.day.clock import Clock, Watch
from lumbung_dev.day.first_come import Walk
from lumbung_dev.day.floor import DEPOT, Shelves, spot_of, walk_m
from lumbung_dev.day.performance import on_paper
from lumbung_dev.day.report import result
from lumbung_dev.day.script import HOUR, PROMISE_LEAD_S, SHIFT_S, Script, due_s, write
from lumbung_dev.shop import warehouse
from lumbung_dev.shop.outlets import COURIERS, Courier


@pytest.fixture(scope="module")
def script() -> Script:
    """A day of a few hundred orders."""
    return write(7, 400)


class Told:
    """Hears what time it is."""

    def __init__(self) -> None:
        self.times: list[float] = []

    async def __call__(self, now_s: float) -> None:
        self.times.append(now_s)


class TestClock:
    async def test_everybody_wakes_in_order_and_hears_of_it_first(self) -> None:
        told, woken = Told(), []
        clock = Clock(100.0, told)

        async def sleeper(name: str, *naps: float) -> None:
            watch = Watch(clock)
            for nap in naps:
                await watch.sleep(nap)
                woken.append((name, watch.now_s))

        await clock.play([sleeper("a", 5, 5), sleeper("b", 7), sleeper("c", 1, 20)])
        assert woken == [("c", 101), ("a", 105), ("b", 107), ("a", 110), ("c", 121)]
        assert told.times == [101, 105, 107, 110, 121]

    async def test_within_a_window_all_wake_together_and_keep_their_own_time(self) -> None:
        told, woken = Told(), []
        clock = Clock(0.0, told, window_s=10.0)

        async def sleeper(nap: float) -> None:
            watch = Watch(clock)
            await watch.sleep(nap)
            woken.append((watch.now_s, clock.now_s))

        await clock.play(map(sleeper, (3.0, 12.0, 14.0)))
        assert woken == [(3, 3), (12, 3), (14, 14)]
        assert told.times == [3, 14]

    async def test_time_stands_still_while_somebody_works(self) -> None:
        clock, seen = Clock(0.0, Told()), []

        async def worker() -> None:
            for _ in range(3):
                await Told()(0.0)
                seen.append(clock.now_s)
            await clock.until(9.0)

        async def newcomer() -> None:
            await clock.until(5.0)
            clock.begin(worker())

        await clock.play([newcomer()])
        assert seen == [5, 5, 5]

    async def test_what_goes_wrong_ends_the_day(self) -> None:
        clock = Clock(0.0, Told())

        async def sleeper() -> None:
            await clock.until(1e9)

        async def faller() -> None:
            await clock.until(1.0)
            raise LookupError("fell")

        with pytest.raises(ExceptionGroup) as fallen:
            await clock.play([sleeper(), faller()])
        assert fallen.value.subgroup(LookupError)
        assert clock.now_s == 1.0


class TestScript:
    def test_a_seed_tells_one_story(self) -> None:
        assert write(3, 100) == write(3, 100)
        assert write(3, 100).orders != write(4, 100).orders

    def test_it_has_what_a_bad_day_has(self, script: Script) -> None:
        cancelled = sum(order.cancel_s is not None for order in script.orders)
        assert 0.02 < cancelled / len(script.orders) < 0.09
        assert len({worker.speed_mps for worker in script.pickers}) == 8
        assert sum(worker.dies_s is not None for worker in script.pickers) == 1
        assert 0 < script.quota < sum(order.on_sale for order in script.orders)
        assert {order.courier for order in script.orders} == {courier.service for courier in COURIERS}
        assert script.missing
        assert all(units <= script.opening()[place] for place, units in script.missing.items())

    @pytest.mark.parametrize("hour", [0.0, 6.5, 8.9, 9.0, 11.0, 15.01, 18.9])
    @pytest.mark.parametrize("courier", COURIERS, ids=lambda courier: courier.service)
    def test_the_promised_pickup_is_the_first_that_leaves_time(self, courier: Courier, hour: float) -> None:
        due = due_s(courier.service, hour * HOUR)
        earliest = max(hour * HOUR, SHIFT_S) + PROMISE_LEAD_S
        pickups = [(day * 24 + each) * HOUR for day in (0, 1) for each in courier.hours]
        assert due in pickups
        assert due >= earliest
        assert not [pickup for pickup in pickups if earliest <= pickup < due]

    def test_there_are_goods_for_nearly_everybody(self, script: Script) -> None:
        there = Counter[str]()
        for (_, sku_code), units in script.opening().items():
            there[sku_code] += units
        assert all(there[sku_code] >= units for sku_code, units in script.demand.items())


class TestFloor:
    def test_ways_go_along_aisles(self) -> None:
        assert walk_m(DEPOT, DEPOT) == 0
        first, last = spot_of("A01-01-1"), spot_of("A10-23-2")
        assert walk_m(first, (first[0], first[1] + 4)) == 4
        up_and_down = min(first[1] + last[1], 2 * warehouse.CROSS_AISLE_Y_M[1] - first[1] - last[1])
        assert walk_m(first, last) == pytest.approx(last[0] - first[0] + up_and_down)

    def test_hands_find_no_more_than_there_is(self) -> None:
        shelves = Shelves({("A", "X"): 3})
        assert (shelves.take("A", "X", 2), shelves.take("A", "X", 2)) == (2, 1)
        assert shelves.found_short == {("A", "X")}
        shelves.put("A", "X", 1)
        assert shelves.units == {("A", "X"): 1}


@pytest.mark.parametrize("walk", Walk)
async def test_on_paper_every_order_ends_and_no_unit_is_lost(script: Script, walk: Walk) -> None:
    day = await on_paper(script, walk)
    tally, shelves = day.house.tally, day.shelves
    by_reference = {order.reference: order for order in script.orders}
    assert tally.sold | tally.refused.keys() == by_reference.keys()
    assert not tally.cancelled & tally.packed_s.keys()
    sent = Counter[str]()
    for reference in tally.packed_s:
        sent.update(dict(by_reference[reference].basket))
    stays = {reference for reference in tally.sold - tally.cancelled if reference not in tally.packed_s}
    lost = Counter[str]()
    for (_, sku_code), units in script.missing.items():
        lost[sku_code] += units
    left = Counter[str]()
    for (_, sku_code), units in shelves.units.items():
        assert units >= 0
        left[sku_code] += units
    in_totes = {sku_code for reference in stays for sku_code, _ in by_reference[reference].basket}
    for (_, sku_code), units in Counter(script.opening()).items():
        left[sku_code] -= units
    for sku_code, rest in left.items():
        if sku_code not in in_totes:
            assert rest + sent[sku_code] + lost[sku_code] == 0, sku_code
    found = result(script, tally)
    assert found.on_time + found.late == found.due
    assert found.walked_m > 0


async def test_the_shortest_walk_is_shorter(script: Script) -> None:
    s_shape, shortest = [(await on_paper(script, walk)).house.tally.walked_m for walk in Walk]
    assert shortest < s_shape
