"""Where received goods go: everything is placed once, no bin holds what may not lie together, none more than fits."""

from __future__ import annotations

import random
from collections import Counter
from datetime import date

from lumbung_fulfillment.domain.bins import Bin, BinKind
from lumbung_fulfillment.domain.contents import Contents, Lying, LyingLot
from lumbung_fulfillment.domain.faces import PickFace
from lumbung_fulfillment.domain.layout import Layout, Stop
from lumbung_fulfillment.domain.moves import Move, MoveReason, sentence
from lumbung_fulfillment.domain.putaway import Received, suggest_putaway
from lumbung_fulfillment.domain.velocity import Velocities, Velocity, VelocityClass

LAYOUT = Layout((0.0, 4.0, 8.0), (0.0, 30.0))
A, B, C = VelocityClass


def place(code: str, aisle: int, y: float, kind: BinKind = BinKind.PICK, capacity: int = 0) -> Bin:
    return Bin(code, Stop(aisle, y), kind, capacity)


def floor(*places: Bin) -> dict[str, Bin]:
    return {each.code: each for each in places}


def paces(**by_sku: VelocityClass) -> Velocities:
    return Velocities({sku: Velocity(each, 1.0, 1.0) for sku, each in by_sku.items()})


def lying(bin_code: str, sku_code: str, quantity: int, *lots: str) -> Lying:
    return Lying(bin_code, sku_code, quantity, tuple(LyingLot(lot, date.max, 1) for lot in lots))


def suggested(
    bins: dict[str, Bin], there: list[Lying], goods: list[Received], known: Velocities | None = None
) -> list[Move]:
    return suggest_putaway(LAYOUT, Contents(bins, there), known or paces(), goods)


def told(moves: list[Move]) -> list[tuple[str, int, str, MoveReason]]:
    return [(move.sku_code, move.quantity, move.to_bin_code, move.reason) for move in moves]


SHELVES = floor(
    place("NEAR", 0, 2), place("MID", 1, 10), place("FAR", 2, 25), place("FWD", 2, 20, BinKind.FORWARD)
)


def test_goods_go_with_their_own_before_a_nearer_free_place() -> None:
    moves = suggested(SHELVES, [lying("FAR", "TEA", 3)], [Received("TEA", 5)])
    assert told(moves) == [("TEA", 5, "FAR", MoveReason.WITH_ITS_OWN)]


def test_a_fast_mover_without_a_face_goes_to_the_forward_area_then_near_the_depot() -> None:
    known = paces(TEA=A, RICE=A)
    moves = suggested(SHELVES, [], [Received("TEA", 5), Received("RICE", 5)], known)
    near_depot = MoveReason.FAST_NEAR_DEPOT
    assert told(moves) == [("TEA", 5, "FWD", near_depot), ("RICE", 5, "NEAR", near_depot)]


def test_each_class_has_its_stretch_and_leaves_the_better_places_free() -> None:
    known = paces(TEA=A, RICE=B, SALT=C)
    moves = suggested(SHELVES, [], [Received("SALT", 1), Received("RICE", 1)], known)
    assert [move.to_bin_code for move in moves] == ["FAR", "MID"]


def test_a_slow_sku_takes_a_better_place_rather_than_none_and_the_least_good_first() -> None:
    known = paces(TEA=A, RICE=B)
    moves = suggested(SHELVES, [lying("FAR", "X", 1)], [Received("SALT", 1)], known)
    assert told(moves) == [("SALT", 1, "MID", MoveReason.FREE_PLACE)]


def test_what_the_face_has_no_room_for_goes_to_bulk_near_the_face() -> None:
    bins = floor(
        place("FACE", 2, 20, capacity=10),
        place("BULK-0", 0, 5, BinKind.BULK),
        place("BULK-2", 2, 22, BinKind.BULK, capacity=50),
    )
    moves = suggested(bins, [lying("FACE", "TEA", 4)], [Received("TEA", 70)])
    assert told(moves) == [
        ("TEA", 6, "FACE", MoveReason.WITH_ITS_OWN),
        ("TEA", 50, "BULK-2", MoveReason.BEHIND_FACE),
        ("TEA", 14, "BULK-0", MoveReason.BEHIND_FACE),
    ]


def test_lots_are_kept_apart_in_bulk_and_lie_together_in_a_face() -> None:
    bins = floor(
        place("FACE", 0, 1, capacity=5),
        place("BULK-1", 0, 2, BinKind.BULK),
        place("BULK-2", 0, 25, BinKind.BULK),
    )
    there = [lying("FACE", "MILK", 1, "L1"), lying("BULK-1", "MILK", 1, "L1")]
    moves = suggested(bins, there, [Received("MILK", 20, "L2"), Received("MILK", 2, "L1")])
    assert [(move.to_bin_code, move.quantity, move.lot_code) for move in moves] == [
        ("FACE", 4, "L2"),
        ("BULK-2", 16, "L2"),
        ("BULK-1", 2, "L1"),
    ]


def test_a_face_that_was_set_comes_first_up_to_its_maximum_and_is_free_for_nobody_else() -> None:
    set_faces = [PickFace("TEA", "MID", 2, 8)]
    moves = suggest_putaway(
        LAYOUT,
        Contents(SHELVES, [lying("FAR", "TEA", 3)]),
        paces(RICE=A, TEA=A),
        [Received("TEA", 10), Received("RICE", 1), Received("SALT", 1), Received("X", 1)],
        set_faces,
    )
    assert [(move.sku_code, move.quantity, move.to_bin_code) for move in moves] == [
        ("TEA", 8, "MID"),
        ("TEA", 2, "FAR"),
        ("RICE", 1, "FWD"),
        ("SALT", 1, "NEAR"),
        ("X", 1, ""),
    ]
    assert moves[0].reason is MoveReason.ITS_FACE


def test_what_fits_nowhere_is_named() -> None:
    bins = floor(place("FACE", 0, 1, capacity=5))
    moves = suggested(bins, [lying("FACE", "SALT", 1)], [Received("TEA", 3)])
    assert told(moves) == [("TEA", 3, "", MoveReason.NO_PLACE)]
    assert "room" in sentence(moves[0]).english


def test_every_reason_is_said_in_both_languages() -> None:
    for reason in MoveReason:
        said = sentence(Move("TEA", 7, "B-1", reason, from_bin_code="B-2", swap_sku_code="SALT"))
        assert "TEA" in said.english + said.indonesian or "B-1" in said.english
        assert said.english != said.indonesian
        assert "{" not in said.english + said.indonesian


def test_random_receipts_are_placed_whole_apart_and_within_what_fits(seed: int) -> None:
    draw = random.Random(seed)
    skus, lots = [f"S{n}" for n in range(8)], ["", "L1", "L2"]
    for _ in range(200):
        bins = floor(
            *(
                place(
                    f"B{n}",
                    draw.randrange(3),
                    draw.randrange(30),
                    draw.choice(list(BinKind)),
                    draw.choice([0, 5, 40]),
                )
                for n in range(draw.randint(1, 14))
            )
        )
        there = [lying(code, draw.choice(skus), draw.randint(1, 5)) for code in bins if draw.random() < 0.4]
        goods = [Received(draw.choice(skus), draw.randint(1, 60), draw.choice(lots)) for _ in range(6)]
        known = paces(**{sku: draw.choice([A, B, C]) for sku in skus if draw.random() < 0.7})
        _require_sound(bins, there, goods, suggested(bins, there, goods, known))


def _require_sound(
    bins: dict[str, Bin], there: list[Lying], goods: list[Received], moves: list[Move]
) -> None:
    """By a book of its own."""
    wanted, placed = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for each in goods:
        wanted[each.sku_code, each.lot_code] += each.quantity
    held = {code: Counter[tuple[str, str]]() for code in bins}
    before = dict.fromkeys(bins, 0)
    for each_lying in there:
        held[each_lying.bin_code][each_lying.sku_code, ""] += each_lying.quantity
        before[each_lying.bin_code] += each_lying.quantity
    for move in moves:
        assert move.quantity > 0
        placed[move.sku_code, move.lot_code] += move.quantity
        if move.to_bin_code:
            held[move.to_bin_code][move.sku_code, move.lot_code] += move.quantity
    assert placed == wanted
    for code, inside in held.items():
        added = inside.total() - before[code]
        if added and bins[code].capacity_units:
            assert inside.total() <= bins[code].capacity_units
        lots_of: dict[str, set[str]] = {}
        for sku, lot in inside:
            lots_of.setdefault(sku, set()).add(lot)
        if added and bins[code].kind is BinKind.BULK:
            assert all(len(lots) == 1 for lots in lots_of.values())
        elif added:
            assert len(lots_of) == 1
