"""Which faces are refilled, from where, and by when; nothing is promised twice, and the oldest lot goes first."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from lumbung_fulfillment.domain.bins import Bin, BinKind
from lumbung_fulfillment.domain.contents import Lying, LyingLot
from lumbung_fulfillment.domain.faces import PickFace
from lumbung_fulfillment.domain.layout import Layout, Stop
from lumbung_fulfillment.domain.moves import Move, MoveReason
from lumbung_fulfillment.domain.replenishment import (
    Demand,
    FaceView,
    find_replenishments,
    refuses_for_good,
)
from lumbung_fulfillment.domain.velocity import Velocities, Velocity, VelocityClass
from lumbung_kit.failures import Kind

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
LAYOUT = Layout((0.0, 4.0, 8.0), (0.0, 30.0))
BINS = {
    place.code: place
    for place in (
        Bin("FACE-1", Stop(0, 2.0)),
        Bin("FACE-2", Stop(1, 10.0)),
        Bin("BULK-1", Stop(0, 25.0), BinKind.BULK),
        Bin("BULK-2", Stop(2, 25.0), BinKind.BULK),
        Bin("BULK-3", Stop(2, 28.0), BinKind.BULK),
    )
}


def lying(bin_code: str, quantity: int, sku_code: str = "TEA", **lots: Any) -> Lying:
    return Lying(
        bin_code,
        sku_code,
        quantity,
        tuple(LyingLot(lot, until, units, until < NOW.date()) for lot, (until, units) in lots.items()),
    )


def paces(**units_per_day: float) -> Velocities:
    return Velocities({sku: Velocity(VelocityClass.A, 5.0, pace) for sku, pace in units_per_day.items()})


def view(*there: Lying, **changes: Any) -> FaceView:
    usual: dict[str, Any] = {"layout": LAYOUT, "bins": BINS, "velocities": paces(TEA=10.0), "now": NOW}
    return FaceView(**usual | {"lying": there} | changes)


def found(*there: Lying, **changes: Any) -> list[Move]:
    return find_replenishments(view(*there, **changes))


def told(moves: list[Move]) -> list[tuple[str, int, str]]:
    return [(move.from_bin_code, move.quantity, move.to_bin_code) for move in moves]


def due(hours: float, quantity: int, bin_code: str = "") -> Demand:
    return Demand("TEA", quantity, NOW + timedelta(hours=hours), bin_code)


def test_a_face_below_a_days_pace_is_filled_for_three_days() -> None:
    (move,) = found(lying("FACE-1", 8), lying("BULK-1", 100))
    assert told([move]) == [("BULK-1", 22, "FACE-1")]
    assert move.reason is MoveReason.BELOW_MINIMUM
    assert move.needed_time == NOW + timedelta(days=0.8)


def test_a_face_with_enough_is_left_alone() -> None:
    assert found(lying("FACE-1", 10), lying("BULK-1", 100)) == []


def test_what_is_known_to_leave_runs_it_dry_before_the_pace_does() -> None:
    """Twelve are in it. Waves take 8 in an hour, and an order that waits wants 7 more in three."""
    demands = [due(3, 7), due(1, 8, "FACE-1")]
    (move,) = found(
        lying("FACE-1", 12), lying("BULK-1", 100), demands=demands, spoken_for={("FACE-1", "TEA"): 8}
    )
    assert (move.reason, move.quantity) == (MoveReason.RUNS_DRY, 33)
    assert move.needed_time == NOW + timedelta(hours=3)


def test_what_waits_is_taken_from_the_face_that_has_it() -> None:
    moves = found(lying("FACE-1", 20), lying("FACE-2", 50), lying("BULK-1", 100), demands=[due(1, 40)])
    assert told(moves) == [("BULK-1", 30, "FACE-1")]


def test_a_minimum_set_by_hand_counts_before_the_pace() -> None:
    by_hand = [PickFace("TEA", "FACE-2", 40, 60)]
    moves = found(lying("FACE-1", 1), lying("FACE-2", 39), lying("BULK-1", 100), set_faces=by_hand)
    assert told(moves) == [("BULK-1", 21, "FACE-2")]


def test_an_empty_face_is_known_by_the_last_pick() -> None:
    assert told(found(lying("BULK-1", 100), last_picked={"TEA": "FACE-2"})) == [("BULK-1", 30, "FACE-2")]
    assert found(lying("BULK-1", 100)) == []
    taken = lying("FACE-2", 1, "RICE")
    assert found(lying("BULK-1", 100), taken, last_picked={"TEA": "FACE-2"}) == []


def test_the_lot_that_expires_first_leaves_bulk_first_and_an_expired_one_never() -> None:
    far, near, gone = date(2027, 9, 1), date(2027, 1, 1), date(2026, 1, 1)
    moves = found(
        lying("FACE-1", 0, "RICE"),
        lying("BULK-1", 30, L2=(far, 20), L0=(gone, 10)),
        lying("BULK-2", 12, L1=(near, 12)),
        set_faces=[PickFace("TEA", "FACE-1", 10, 30)],
    )
    assert [(move.from_bin_code, move.lot_code, move.quantity) for move in moves] == [
        ("BULK-2", "L1", 12),
        ("BULK-1", "L2", 18),
    ]


def test_without_lots_the_nearest_bulk_bin_gives() -> None:
    moves = found(lying("FACE-1", 5), lying("BULK-3", 90), lying("BULK-1", 90))
    assert told(moves) == [("BULK-1", 25, "FACE-1")]


def test_units_that_others_were_sent_for_are_not_counted_on() -> None:
    moves = found(lying("FACE-1", 5), lying("BULK-1", 30), spoken_for={("BULK-1", "TEA"): 20})
    assert told(moves) == [("BULK-1", 10, "FACE-1")]


def test_what_is_carried_already_is_not_asked_for_again() -> None:
    carried = {"carried": {("FACE-1", "TEA"): 20}, "spoken_for": {("BULK-1", "TEA"): 20}}
    assert found(lying("FACE-1", 5), lying("BULK-1", 100), **carried) == []


def test_nobody_is_sent_to_a_bulk_bin_in_doubt() -> None:
    doubted = frozenset({("BULK-1", "TEA")})
    moves = found(lying("FACE-1", 5), lying("BULK-1", 50), lying("BULK-2", 50), doubted=doubted)
    assert told(moves) == [("BULK-2", 25, "FACE-1")]


def test_no_more_is_carried_than_fits() -> None:
    bins = BINS | {"FACE-1": Bin("FACE-1", Stop(0, 2.0), capacity_units=12)}
    assert told(found(lying("FACE-1", 4), lying("BULK-1", 90), bins=bins)) == [("BULK-1", 8, "FACE-1")]
    full = [lying("FACE-1", 2), lying("FACE-1", 10, "RICE"), lying("BULK-1", 90)]
    assert found(*full, bins=bins) == []


def test_skus_that_share_a_face_share_its_room() -> None:
    bins = BINS | {"FACE-1": Bin("FACE-1", Stop(0, 2.0), capacity_units=20)}
    both = [lying("FACE-1", 4), lying("FACE-1", 4, "RICE"), lying("BULK-1", 90), lying("BULK-2", 90, "RICE")]
    moves = found(*both, bins=bins, velocities=paces(TEA=5.0, RICE=5.0))
    assert sum(move.quantity for move in moves) == 12
    carried = {("FACE-1", "SALT"): 12}
    assert found(*both, bins=bins, velocities=paces(TEA=5.0, RICE=5.0), carried=carried) == []


def test_the_most_urgent_comes_first() -> None:
    there = [
        lying("FACE-1", 5),
        lying("BULK-1", 90),
        lying("FACE-2", 5, "RICE"),
        lying("BULK-2", 90, "RICE"),
    ]
    moves = found(*there, velocities=paces(TEA=10.0, RICE=50.0))
    assert [move.sku_code for move in moves] == ["RICE", "TEA"]


@pytest.mark.parametrize(
    ("kind", "attempts", "ends"),
    [
        (Kind.UNAVAILABLE, 99, False),
        (Kind.ABORTED, 1, False),
        (Kind.FAILED_PRECONDITION, 1, True),
        (Kind.INTERNAL, 1, False),
        (Kind.INTERNAL, 12, True),
    ],
)
def test_what_ends_a_move(kind: Kind, attempts: int, ends: bool) -> None:
    assert refuses_for_good(kind, attempts) is ends


def test_random_floors_never_promise_twice_or_too_much(seed: int) -> None:
    draw = random.Random(seed)
    for _ in range(200):
        seen = _random_view(draw)
        moves = find_replenishments(seen)
        times = [move.needed_time for move in moves if move.needed_time]
        assert times == sorted(times)
        _require_sound(seen, moves)


def _random_view(draw: random.Random) -> FaceView:
    skus = [f"S{n}" for n in range(5)]
    bins = {
        code: Bin(code, Stop(draw.randrange(3), float(draw.randrange(30))), kind, draw.choice([0, 0, 30]))
        for code, kind in (
            (f"B{n}", draw.choice([BinKind.PICK, BinKind.BULK, BinKind.FORWARD])) for n in range(12)
        )
    }
    there, spoken_for = [], {}
    for code in bins:
        for sku in draw.sample(skus, draw.randint(0, 2)):
            lots = {
                f"L{n}": (NOW.date() + timedelta(days=draw.randint(-30, 300)), draw.randint(1, 9))
                for n in range(draw.randint(0, 3))
            }
            bare = draw.randint(0 if lots else 1, 10)
            there.append(lying(code, bare + sum(units for _, units in lots.values()), sku, **lots))
            spoken_for[code, sku] = draw.choice([0, 0, draw.randint(1, 12)])
    demands = [
        Demand(draw.choice(skus), draw.randint(1, 20), NOW + timedelta(hours=draw.randint(-2, 30)), code)
        for code in draw.choices(["", *bins], k=6)
    ]
    velocities = Velocities({sku: Velocity(VelocityClass.B, 1.0, draw.random() * 20) for sku in skus})
    return FaceView(LAYOUT, bins, there, velocities, NOW, demands=demands, spoken_for=spoken_for)


def _require_sound(seen: FaceView, moves: list[Move]) -> None:
    """By a book of its own."""
    left = Counter[tuple[str, str, str]]()
    for each in seen.lying:
        for lot in each.lots:
            if not lot.expired:
                left[each.bin_code, each.sku_code, lot.lot_code] += lot.quantity
        left[each.bin_code, each.sku_code, ""] += each.quantity - sum(lot.quantity for lot in each.lots)
    sent, filled = Counter[tuple[str, str]](), Counter[str]()
    for move in moves:
        assert seen.bins[move.from_bin_code].is_reserve
        assert not seen.bins[move.to_bin_code].is_reserve
        assert move.quantity > 0
        left[move.from_bin_code, move.sku_code, move.lot_code] -= move.quantity
        sent[move.from_bin_code, move.sku_code] += move.quantity
        filled[move.to_bin_code] += move.quantity
    assert min(left.values(), default=0) >= 0
    good = {(each.bin_code, each.sku_code): each.sellable_quantity for each in seen.lying}
    for place, units in sent.items():
        assert units <= max(0, good[place] - seen.spoken_for.get(place, 0)), place
    for code, units in filled.items():
        there = sum(each.quantity for each in seen.lying if each.bin_code == code)
        capacity = seen.bins[code].capacity_units
        assert not capacity or there + units <= capacity
