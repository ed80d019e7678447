"""Plans are checked by code that shares nothing with the planner."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumbung_fulfillment.domain.bins import Bin, BinKind, LotUnits, Missing, Need, Supply, choose, source
from lumbung_fulfillment.domain.cart import Capacity, Load, Measure
from lumbung_fulfillment.domain.layout import Layout, Stop
from lumbung_fulfillment.domain.lots import PlannedLot
from lumbung_fulfillment.domain.planner.search import Effort
from lumbung_fulfillment.domain.planning import LeftOutReason, WaitingOrder, place_on_the_way, plan
from lumbung_fulfillment.domain.weights import SkuSize, bulk_of

LAYOUT = Layout(tuple(4.0 * aisle for aisle in range(6)), (0.0, 20.0, 40.0))
NOON = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)
BINS = {
    f"A{aisle:02}-{y:02}": Bin(f"A{aisle:02}-{y:02}", Stop(aisle, float(y)))
    for aisle in range(6)
    for y in range(1, 40, 3)
}
SKUS = [f"SKU-{n}" for n in range(12)]


def random_supply(draw: random.Random) -> tuple[Supply, Counter[tuple[str, str]]]:
    supply, units = Supply(BINS), Counter[tuple[str, str]]()
    for sku in SKUS:
        for code in draw.sample(sorted(BINS), draw.randint(1, 4)):
            quantity = draw.randint(1, 12)
            supply.add(code, sku, quantity)
            units[code, sku] += quantity
    return supply, units


def random_orders(draw: random.Random, count: int) -> list[WaitingOrder]:
    return [
        WaitingOrder(
            f"O{number:03}",
            {sku: draw.randint(1, 4) for sku in draw.sample(SKUS, draw.randint(1, 4))},
            draw.choice([None, NOON, NOON + timedelta(hours=4)]),
            draw.randint(0, 2),
            NOON - timedelta(minutes=draw.randint(1, 600)),
        )
        for number in range(count)
    ]


def test_plans_are_feasible_whole_and_in_walking_order(seed: int) -> None:
    draw = random.Random(seed)
    for _ in range(25):
        supply, units = random_supply(draw)
        orders = random_orders(draw, 25)
        capacity = Capacity(units=draw.choice([10, 25]), totes=5)
        planned = plan(LAYOUT, orders, supply, capacity, Effort(0.01))
        riding = [order.order_id for wave in planned.waves for order in wave.orders]
        assert sorted(riding + [out.order_id for out in planned.left_out]) == sorted(
            o.order_id for o in orders
        )
        needs = {order.order_id: order for order in orders}
        taken = Counter[tuple[str, str]]()
        picked = Counter[tuple[str, str]]()
        for wave in planned.waves:
            assert {needs[o.order_id].pickup_time for o in wave.orders} == {wave.pickup_time}
            assert len(wave.orders) <= capacity.totes
            assert sum(p.pick.quantity for p in wave.picks) <= capacity.units
            assert _walk_of(wave.picks and [p.pick.stop for p in wave.picks]) == pytest.approx(wave.walk_m)
            for ordered in wave.picks:
                taken[ordered.pick.bin_code, ordered.pick.sku_code] += ordered.pick.quantity
                picked[ordered.order_id, ordered.pick.sku_code] += ordered.pick.quantity
        assert all(quantity <= units[place] for place, quantity in taken.items())
        assert picked == Counter(
            {(o, sku): quantity for o in riding for sku, quantity in needs[o].needs.items()}
        )


def _walk_of(stops: list[Stop]) -> float:
    """The distance model of the layout, written down a second time."""

    def apart(a: Stop, b: Stop) -> float:
        if a.aisle == b.aisle:
            return abs(a.y - b.y)
        over = min(abs(a.y - y) + abs(b.y - y) for y in (0.0, 20.0, 40.0))
        return 4.0 * abs(a.aisle - b.aisle) + over

    ends = 4.0 * stops[0].aisle + stops[0].y + 4.0 * stops[-1].aisle + stops[-1].y
    return ends + sum(apart(a, b) for a, b in pairwise(stops))


def test_waves_come_by_pickup_and_urgent_orders_get_the_goods() -> None:
    supply = Supply(BINS)
    supply.add("A00-01", "SKU-0", 1)
    orders = [
        WaitingOrder("late", {"SKU-0": 1}, NOON + timedelta(hours=4), 9, NOON - timedelta(hours=5)),
        WaitingOrder("early", {"SKU-0": 1}, NOON, 0, NOON - timedelta(hours=1)),
        WaitingOrder("never", {"SKU-0": 1}, None, 9, NOON - timedelta(hours=9)),
    ]
    planned = plan(LAYOUT, orders, supply, Capacity(), Effort(0.01))
    assert [order.order_id for wave in planned.waves for order in wave.orders] == ["early"]
    assert [(out.order_id, out.reason, out.sku_codes) for out in planned.left_out] == [
        ("late", LeftOutReason.NO_BIN_STOCK, ("SKU-0",)),
        ("never", LeftOutReason.NO_BIN_STOCK, ("SKU-0",)),
    ]


def test_an_order_larger_than_a_cart_is_named() -> None:
    supply = Supply(BINS)
    supply.add("A00-01", "SKU-0", 100)
    order = WaitingOrder("big", {"SKU-0": 61}, NOON, 0, NOON)
    planned = plan(LAYOUT, [order], supply, Capacity(units=60), Effort(0.01))
    assert not planned.waves
    assert planned.left_out[0].reason is LeftOutReason.LARGER_THAN_CART
    assert planned.left_out[0].measures == (Measure.UNITS,)


@pytest.mark.parametrize("measure", Measure)
def test_a_load_that_is_too_much_says_in_what_respect(measure: Measure) -> None:
    capacity = Capacity(units=5, totes=5, weight_g=5, volume_ml=5, picks=5)
    field = {Measure.WEIGHT: "weight_g", Measure.VOLUME: "volume_ml"}.get(measure, measure.value)
    assert capacity.exceeded_by(Load(**{field: 6})) == (measure,)
    assert not capacity.holds(Load(**{field: 6}))
    assert capacity.exceeded_by(Load(**{field: 5})) == ()


def test_no_cart_carries_more_than_its_weight_or_volume(seed: int) -> None:
    """Twenty orders of which a cart carries two or three; one is too heavy, one too large, for any cart."""
    draw = random.Random(seed)
    weight = {f"O{number:02}": draw.randint(2_000, 5_000) for number in range(20)} | {"heavy": 10_001}
    volume = {code: draw.randint(10_000, 40_000) for code in weight} | {"large": 90_001}
    weight["large"] = 1
    supply = Supply(BINS)
    supply.add("A00-01", "SKU-0", 30)
    orders = [
        WaitingOrder(code, {"SKU-0": 1}, None, 0, NOON, weight[code], volume[code]) for code in sorted(weight)
    ]
    planned = plan(LAYOUT, orders, supply, Capacity(weight_g=10_000, volume_ml=90_000), Effort(0.05))
    assert {out.order_id: out.measures for out in planned.left_out} == {
        "heavy": (Measure.WEIGHT,),
        "large": (Measure.VOLUME,),
    }
    carts = [[order.order_id for order in wave.orders] for wave in planned.waves]
    assert sorted(code for cart in carts for code in cart) == [f"O{number:02}" for number in range(20)]
    assert all(sum(weight[code] for code in cart) <= 10_000 for cart in carts)
    assert all(sum(volume[code] for code in cart) <= 90_000 for cart in carts)


def test_what_goods_ask_of_a_cart_counts_what_is_known() -> None:
    sizes = {"RICE": SkuSize(1_000, 1_200), "SALT": SkuSize(500, 0)}
    assert bulk_of({"RICE": 2, "SALT": 3, "NEW": 9}, sizes) == SkuSize(3_500, 2_400)


def test_the_bin_on_the_way_is_taken() -> None:
    supply = Supply(BINS)
    supply.add("A05-31", "ONLY-HERE", 1)
    supply.add("A03-37", "BOTH", 5)
    supply.add("A05-28", "BOTH", 5)
    picks = choose(LAYOUT, Need("O1", {"BOTH": 2, "ONLY-HERE": 1}), supply)
    assert not isinstance(picks, Missing)
    assert {pick.bin_code for pick in picks} == {"A05-31", "A05-28"}


def test_bulk_is_drawn_on_last_and_one_bin_beats_two() -> None:
    bins = dict(BINS) | {"BULK-1": Bin("BULK-1", Stop(0, 1.0), BinKind.BULK)}
    supply = Supply(bins)
    supply.add("BULK-1", "SKU", 50)
    supply.add("A05-31", "SKU", 3)
    supply.add("A01-01", "SKU", 1)
    assert [(p.bin_code, p.quantity) for p in source(LAYOUT, "SKU", 3, supply, [])] == [("A05-31", 3)]
    assert [(p.bin_code, p.quantity) for p in source(LAYOUT, "SKU", 3, supply, [])] == [
        ("A01-01", 1),
        ("BULK-1", 2),
    ]


def test_what_is_missing_leaves_the_supply_as_it_was() -> None:
    supply = Supply(BINS)
    supply.add("A00-01", "SKU-0", 3)
    assert choose(LAYOUT, Need("O1", {"SKU-0": 2, "SKU-1": 1}), supply) == Missing("O1", ("SKU-1",))
    assert [units for _, units in supply.of("SKU-0")] == [3]


def test_promised_and_doubted_units_are_not_counted_on() -> None:
    supply = Supply(BINS)
    supply.add("A00-01", "SKU-0", 3)
    supply.add("A00-01", "SKU-0", -2)
    supply.add("A00-04", "SKU-0", 7)
    supply.forget("A00-04", "SKU-0")
    supply.add("GONE", "SKU-0", 9)
    assert [(place.code, units) for place, units in supply.of("SKU-0")] == [("A00-01", 1)]


def test_what_expires_first_is_taken_first_however_far_it_is() -> None:
    early, later, last = (date(2027, 3, number) for number in (1, 9, 20))
    supply = Supply(BINS)
    supply.add("A00-01", "SKU-0", 8, [LotUnits(last, 5), LotUnits(later, 3)])
    supply.add("A04-10", "SKU-0", 2, [LotUnits(early, 2)])
    supply.add("A04-10", "SKU-0", -1)
    picks = source(LAYOUT, "SKU-0", 6, supply, [])
    assert [(pick.bin_code, pick.quantity) for pick in picks] == [("A04-10", 1), ("A00-01", 5)]
    assert [(place.code, units) for place, units in supply.of("SKU-0")] == [("A00-01", 3)]
    assert supply.total("SKU-0") == 3


def test_a_pick_says_of_which_lots_it_is() -> None:
    end = datetime(2027, 3, 9, 17, tzinfo=UTC)
    supply = Supply(BINS)
    some = [LotUnits(date.max, 5, "L2"), LotUnits(date(2027, 3, 9), 3, "L1", end)]
    supply.add("A00-01", "SKU-0", 10, some)
    supply.add("A04-10", "SKU-1", 1)
    (pick,) = source(LAYOUT, "SKU-0", 7, supply, [])
    assert pick.lots == (
        PlannedLot("", 2),
        PlannedLot("L1", 3, date(2027, 3, 9), end),
        PlannedLot("L2", 2),
    )
    (other,) = source(LAYOUT, "SKU-0", 1, supply, [])
    assert other.lots == (PlannedLot("L2", 1),)
    (bare,) = source(LAYOUT, "SKU-1", 1, supply, [])
    assert bare.lots == ()


def test_what_has_no_lot_is_older_than_the_first_lot() -> None:
    supply = Supply(BINS)
    supply.add("A00-01", "SKU-0", 3, [LotUnits(date(2027, 3, 1), 3)])
    supply.add("A04-10", "SKU-0", 4, [LotUnits(date(2027, 3, 1), 1)])
    assert [(place.code, units) for place, units in supply.of("SKU-0")] == [("A04-10", 3)]


@given(
    st.dictionaries(
        st.sampled_from(["A00-01", "A04-10", "A01-04"]),
        st.lists(st.tuples(st.integers(1, 9), st.integers(1, 4)), min_size=1, max_size=3),
        min_size=1,
    ),
    st.integers(1, 20),
)
def test_nothing_is_taken_while_something_expires_sooner(
    lots: dict[str, list[tuple[int, int]]], wanted: int
) -> None:
    supply = Supply(BINS)
    for code, some in lots.items():
        units = [LotUnits(date(2027, 3, day), quantity) for day, quantity in some]
        supply.add(code, "SKU-0", sum(quantity for _, quantity in some), units)
    taken = Counter({p.bin_code: p.quantity for p in source(LAYOUT, "SKU-0", wanted, supply, [])})
    days_taken, days_left = [], []
    for code, some in lots.items():
        days = [day for day, quantity in sorted(some) for _ in range(quantity)]
        days_taken += days[: taken[code]]
        days_left += days[taken[code] :]
    assert len(days_taken) == min(wanted, len(days_taken) + len(days_left))
    assert not days_taken or not days_left or max(days_taken) <= min(days_left)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 40)), max_size=6),
    st.tuples(st.integers(0, 5), st.integers(0, 40)),
)
def test_a_new_stop_is_put_where_it_adds_least(ahead: list[tuple[int, int]], new: tuple[int, int]) -> None:
    here, stops, added = Stop(0, 0.0), [Stop(a, float(y)) for a, y in ahead], Stop(new[0], float(new[1]))
    index = place_on_the_way(LAYOUT, here, stops, added)
    walks = [_walk_of([here, *stops[:at], added, *stops[at:]]) for at in range(len(stops) + 1)]
    assert walks[index] == pytest.approx(min(walks))
