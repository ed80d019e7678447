"""What to move where: what is reported as saved is what walks that nobody has seen then save."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from itertools import accumulate
from statistics import mean, stdev

from lumbung_fulfillment.domain import slotting
from lumbung_fulfillment.domain.bins import Bin, BinKind
from lumbung_fulfillment.domain.contents import Contents, Lying
from lumbung_fulfillment.domain.faces import PickFace
from lumbung_fulfillment.domain.layout import Layout, Stop
from lumbung_fulfillment.domain.moves import Move, MoveReason
from lumbung_fulfillment.domain.routing import walk_m
from lumbung_fulfillment.domain.slotting import Walk, report_slotting

SMALL = Layout((0.0, 4.0), (0.0, 30.0))
LARGE = Layout(tuple(5.0 * aisle for aisle in range(8)), (0.0, 20.0, 40.0))


def floor(**places: tuple[int, float, int]) -> dict[str, Bin]:
    return {code: Bin(code, Stop(aisle, y), capacity_units=room) for code, (aisle, y, room) in places.items()}


def told(moves: Sequence[Move]) -> list[tuple[str, str, str, str]]:
    return [(move.sku_code, move.from_bin_code, move.to_bin_code, move.swap_sku_code) for move in moves]


def test_a_sku_at_the_far_end_moves_to_a_free_place_near_the_depot() -> None:
    bins = floor(FAR=(1, 28.0, 0), NEAR=(0, 1.0, 0))
    found = report_slotting(SMALL, Contents(bins, [Lying("FAR", "TEA", 7)]), [(("FAR", "TEA"),)] * 10, 5)
    (move,) = found.moves
    assert (told([move]), move.quantity) == ([("TEA", "FAR", "NEAR", "")], 7)
    assert move.reason is MoveReason.NEARER
    assert (found.walk_m, found.saved_m, found.measured_count) == (5 * 64.0, 5 * 62.0, 5)
    assert move.saved_m_per_walk == 62.0


def test_skus_change_places_when_none_is_free() -> None:
    bins = floor(FAR=(1, 28.0, 0), NEAR=(0, 1.0, 0))
    contents = Contents(bins, [Lying("FAR", "TEA", 7), Lying("NEAR", "SALT", 3)])
    walks: list[Walk] = [(("FAR", "TEA"),)] * 8 + [(("NEAR", "SALT"),)] * 2
    (move,) = report_slotting(SMALL, contents, walks, 5).moves
    assert told([move]) == [("TEA", "FAR", "NEAR", "SALT")]
    assert (move.quantity, move.swap_quantity, move.reason) == (7, 3, MoveReason.CHANGES_PLACES)


def test_nothing_is_moved_where_nothing_is_gained() -> None:
    bins = floor(FAR=(1, 28.0, 0), NEAR=(0, 1.0, 0))
    good = Contents(bins, [Lying("NEAR", "TEA", 7), Lying("FAR", "SALT", 3)])
    walks: list[Walk] = [(("NEAR", "TEA"),)] * 8 + [(("FAR", "SALT"),)] * 2
    assert report_slotting(SMALL, good, walks, 5).moves == ()
    # The whole floor is walked in any case: another order of the stops saves nothing.
    both: list[Walk] = [(("FAR", "SALT"), ("NEAR", "TEA"))] * 10
    assert report_slotting(SMALL, good, both, 5).moves == ()
    assert report_slotting(SMALL, good, [], 5).moves == ()


def test_goods_go_only_where_they_fit_and_faces_with_several_skus_are_left_alone() -> None:
    bins = floor(FAR=(1, 28.0, 0), SMALL=(0, 1.0, 6), MIXED=(0, 2.0, 0))
    there = [Lying("FAR", "TEA", 7), Lying("MIXED", "SALT", 1), Lying("MIXED", "RICE", 1)]
    assert report_slotting(SMALL, Contents(bins, there), [(("FAR", "TEA"),)] * 10, 5).moves == ()


def test_a_face_that_was_set_for_a_sku_is_not_free() -> None:
    bins = floor(FAR=(1, 28.0, 0), NEAR=(0, 1.0, 0))
    contents = Contents(bins, [Lying("FAR", "TEA", 7)])
    walks: list[Walk] = [(("FAR", "TEA"),)] * 10
    assert report_slotting(SMALL, contents, walks, 5, [PickFace("SALT", "NEAR", 1, 2)]).moves == ()


def test_nothing_is_moved_into_bulk() -> None:
    bins = floor(FAR=(1, 28.0, 0)) | {"BULK": Bin("BULK", Stop(0, 1.0), BinKind.BULK)}
    assert (
        report_slotting(SMALL, Contents(bins, [Lying("FAR", "TEA", 7)]), [(("FAR", "TEA"),)] * 10, 5).moves
        == ()
    )


def test_places_that_are_no_more_are_left_out() -> None:
    bins = floor(FAR=(1, 28.0, 0), NEAR=(0, 1.0, 0))
    walks: list[Walk] = [(("FAR", "TEA"), ("TORN-DOWN", "TEA"))] * 10
    assert len(report_slotting(SMALL, Contents(bins, [Lying("FAR", "TEA", 7)]), walks, 5).moves) == 1


class _Shop:
    """A hundred SKUs in random places, of which few are wanted often, and carts of ten orders."""

    def __init__(self, draw: random.Random) -> None:
        self._draw = draw
        spots = [(aisle, float(y)) for aisle in range(8) for y in range(1, 40, 2)]
        draw.shuffle(spots)
        codes = [f"B{n:03}" for n in range(len(spots))]
        self.bins = {code: Bin(code, Stop(*spot)) for code, spot in zip(codes, spots, strict=True)}
        self.skus = [f"S{n:02}" for n in range(100)]
        self._home = dict(zip(self.skus, codes, strict=False))
        self._weights = list(accumulate(1 / (rank + 1) for rank in range(len(self.skus))))

    def contents(self) -> Contents:
        return Contents(self.bins, [Lying(code, sku, 5) for sku, code in self._home.items()])

    def history(self, count: int) -> list[Walk]:
        return [self._walk() for _ in range(count)]

    def _walk(self) -> Walk:
        picked = self._draw.choices(self.skus, cum_weights=self._weights, k=10)
        return tuple(sorted({(self._home[sku], sku) for sku in picked}))

    def walks_m(self, walks: Sequence[Walk], moves: Sequence[Move]) -> list[float]:
        """By a book of its own: goods are carried, then the same orders are picked from where they are then."""
        stands: dict[str, str] = dict(self._home)
        for move in moves:
            assert stands[move.sku_code] == move.from_bin_code
            stands[move.sku_code] = move.to_bin_code
            if move.swap_sku_code:
                assert stands[move.swap_sku_code] == move.to_bin_code
                stands[move.swap_sku_code] = move.from_bin_code
        assert len(set(stands.values())) == len(stands), "two SKUs in one face"
        return [self._length(walk, stands) for walk in walks]

    def _length(self, walk: Walk, stands: Mapping[str, str]) -> float:
        return walk_m(LARGE, sorted({self.bins[stands[sku]].stop for _, sku in walk}))


def test_what_is_reported_is_what_new_walks_save(seed: int) -> None:
    """Chosen and measured on a sample; then the goods are moved, and 400 walks follow that nobody had seen."""
    shop = _Shop(random.Random(seed))
    found = report_slotting(LARGE, shop.contents(), shop.history(400), 20)
    assert len(found.moves) >= 10
    future = shop.history(400)
    before, after = shop.walks_m(future, []), shop.walks_m(future, found.moves)
    saved = [one - other for one, other in zip(before, after, strict=True)]
    reported = found.saved_m / found.measured_count
    assert mean(saved) > 0.1 * mean(before)
    # Both are means of samples: four times what such means differ by, and a tenth for moves dropped by their measure.
    error = stdev(saved) * (1 / len(saved) + 1 / found.measured_count) ** 0.5
    assert abs(mean(saved) - reported) < 4 * error + 0.1 * reported
    assert abs(sum(move.saved_m_per_walk for move in found.moves) - reported) < 1e-6


def test_a_report_is_repeatable_in_order_and_bounded(seed: int) -> None:
    shop = _Shop(random.Random(seed))
    contents, walks = shop.contents(), shop.history(120)
    found = report_slotting(LARGE, contents, walks, 8)
    assert report_slotting(LARGE, contents, walks, 8) == found
    assert len(found.moves) <= 8
    for_each = [move.saved_m_per_walk / (2 if move.swap_sku_code else 1) for move in found.moves]
    assert for_each == sorted(for_each, reverse=True)
    touched = [code for move in found.moves for code in (move.from_bin_code, move.to_bin_code)]
    assert len(touched) == len(set(touched))


def test_the_number_of_routes_is_bounded(monkeypatch: object, seed: int) -> None:
    shop = _Shop(random.Random(seed))
    asked = 0

    def counted(layout: Layout, stops: Sequence[Stop]) -> float:
        nonlocal asked
        asked += 1
        return walk_m(layout, stops)

    monkeypatch.setattr(slotting, "walk_m", counted)  # type: ignore[attr-defined]
    monkeypatch.setattr(slotting, "VISITS_MAX", 20_000)  # type: ignore[attr-defined]
    report_slotting(LARGE, shop.contents(), shop.history(400), 200)
    # Beyond it: the last place, and measuring; each move for at most the walks of two places.
    assert asked < 20_000 / 5 + 4 * 400 + 200 + 200 * 2 * 20
