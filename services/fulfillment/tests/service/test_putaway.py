"""Bins for received goods, suggested by the running service from what lies where and what was picked."""

from __future__ import annotations

from typing import Any

import pytest

from lumbung.fulfillment.v1 import slotting_pb2 as pb
from lumbung.stock.v1 import inventory_pb2
from lumbung_kit.failures import Kind


async def suggested(floor: Any, *lines: tuple[str, int], **changes: Any) -> list[pb.SuggestedMove]:
    usual: dict[str, Any] = {
        "warehouse_code": "JKT",
        "lines": [pb.PutawayLine(sku_code=sku, quantity=quantity) for sku, quantity in lines],
    }
    return list((await floor.slotting.SuggestPutaway(pb.SuggestPutawayRequest(**usual | changes))).moves)


def told(moves: list[pb.SuggestedMove]) -> list[tuple[str, int, str, str]]:
    return [
        (
            move.sku_code,
            move.quantity,
            move.to_bin_code,
            pb.MoveReason.Name(move.move_reason).removeprefix("MOVE_REASON_"),
        )
        for move in moves
    ]


async def test_goods_go_with_their_own_as_far_as_there_is_room_and_then_to_bulk(floor: Any) -> None:
    floor.stock.place("A3-18", 3, 18, capacity=25)
    floor.stock.place("R3-19", 3, 19, inventory_pb2.BIN_KIND_BULK)
    moves = await suggested(floor, ("SUGAR", 40))
    assert told(moves) == [("SUGAR", 5, "A3-18", "WITH_ITS_OWN"), ("SUGAR", 35, "R3-19", "BEHIND_FACE")]
    assert moves[0].reason == "SUGAR lies in A3-18 already, and there is room."
    assert moves[0].reason_id == "SUGAR sudah ada di A3-18, dan masih ada tempat."


async def test_what_was_picked_decides_over_the_places(floor: Any) -> None:
    """Two SKUs without a face: the one that was picked gets the place near the depot."""
    floor.stock.bin("A0-01", 0, 1)
    floor.stock.bin("A3-20", 3, 20)
    await floor.picked(TEA=2)
    floor.stock.units["A0-15", "TEA"] = floor.stock.units["A2-12", "TEA"] = 0
    moves = await suggested(floor, ("COLD", 1), ("TEA", 5))
    assert [(move.sku_code, move.velocity_class) for move in moves] == [
        ("COLD", pb.VELOCITY_CLASS_C),
        ("TEA", pb.VELOCITY_CLASS_A),
    ]
    by_sku = {move.sku_code: move.to_bin_code for move in moves}
    depot = {"A0-01": 1, "A0-15": 15, "A2-12": 20, "A3-20": 32}
    assert depot[by_sku["TEA"]] < depot[by_sku["COLD"]]


async def test_an_announced_fast_mover_goes_to_the_forward_area(floor: Any) -> None:
    floor.stock.place("F-01", 0, 2, inventory_pb2.BIN_KIND_FORWARD)
    assert told(await suggested(floor, ("HIT-1", 3))) == [("HIT-1", 3, "F-01", "FAST_NEAR_DEPOT")]
    assert told(await suggested(floor, ("SLOW", 3))) == [("SLOW", 3, "", "NO_PLACE")]


async def test_a_face_that_staff_set_is_where_goods_go(floor: Any) -> None:
    floor.stock.bin("A1-02", 1, 2)
    face = pb.PickFace(warehouse_code="JKT", sku_code="NEW", bin_code="A1-02", min_quantity=2, max_quantity=6)
    await floor.slotting.SetPickFace(pb.SetPickFaceRequest(request_id="f-1", pick_face=face))
    moves = await suggested(floor, ("OTHER", 1), ("NEW", 9))
    assert told(moves) == [
        ("OTHER", 1, "", "NO_PLACE"),
        ("NEW", 6, "A1-02", "ITS_FACE"),
        ("NEW", 3, "", "NO_PLACE"),
    ]
    assert moves[1].reason_id == "A1-02 sudah ditetapkan sebagai lokasi ambil NEW."


async def test_asking_books_nothing(floor: Any) -> None:
    before = dict(floor.stock.units)
    await suggested(floor, ("SUGAR", 40))
    assert (floor.stock.units, floor.stock.calls) == (before, [])


@pytest.mark.parametrize(
    ("lines", "changes", "kind", "reason"),
    [
        ([("TEA", 1)], {"warehouse_code": "NOWHERE"}, Kind.NOT_FOUND, "WAREHOUSE_NOT_FOUND"),
        ([("TEA", 1), ("NO-TEA", 1)], {}, Kind.NOT_FOUND, "SKU_NOT_FOUND"),
        ([("SET-1", 1)], {}, Kind.FAILED_PRECONDITION, "SKU_IS_BUNDLE"),
    ],
)
async def test_what_cannot_be_answered_is_refused(
    floor: Any, refusal: Any, lines: Any, changes: Any, kind: Kind, reason: str
) -> None:
    refused = await refusal(suggested(floor, *lines, **changes))
    assert (refused.kind, refused.reason) == (kind, reason)
