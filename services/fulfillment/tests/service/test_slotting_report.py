"""What to move where, reported by the running service from waves that were really picked."""

from __future__ import annotations

from typing import Any

import pytest

from lumbung.fulfillment.v1 import slotting_pb2 as pb
from lumbung.fulfillment.v1 import waves_pb2


async def report(floor: Any, **changes: Any) -> pb.ReportSlottingResponse:
    return await floor.slotting.ReportSlotting(
        pb.ReportSlottingRequest(**{"warehouse_code": "JKT"} | changes)
    )


async def picked_alone(floor: Any, *skus: str) -> None:
    """Each order a wave of its own, picked one after the other."""
    for sku in skus:
        await floor.order(**{sku: 1})
    await floor.plan(cart=waves_pb2.CartCapacity(totes=1))
    terminal = await floor.sign_in()
    for _ in skus:
        await terminal.claim()
        await terminal.pick_all()


async def test_what_is_picked_often_moves_to_a_free_place_near_the_depot(floor: Any) -> None:
    """SUGAR lies 30 m from the depot, by aisle 3 and 18 m along it: a wave for it walks 60 m, and 2 m from A0-01."""
    floor.stock.bin("A0-01", 0, 1)
    await picked_alone(floor, *["SUGAR"] * 6)
    await floor.until_all_booked()
    found = await report(floor)
    (move,) = found.moves
    assert (move.sku_code, move.from_bin_code, move.to_bin_code) == ("SUGAR", "A3-18", "A0-01")
    assert (move.quantity, move.velocity_class) == (14, pb.VELOCITY_CLASS_A)
    assert move.move_reason == pb.MOVE_REASON_NEARER
    assert "shortens the walks" in move.reason
    assert "memperpendek jalan" in move.reason_id
    # Six waves within a day: 6 times 60 m, of which 6 times 58 m are saved.
    assert (found.recorded_wave_count, found.measured_wave_count) == (6, 3)
    assert (found.walk_m_per_day, found.saved_m_per_day) == (360.0, 348.0)
    assert move.saved_m_per_week == pytest.approx(7 * 348.0)


async def test_skus_change_places(floor: Any) -> None:
    for code in ("A0-15", "A1-10", "A2-12"):
        del floor.stock.bins[code]
    await picked_alone(floor, *["SUGAR"] * 5, "RICE")
    await floor.until_all_booked()
    (move,) = (await report(floor, max_moves=1)).moves
    assert (move.sku_code, move.to_bin_code) == ("SUGAR", "A0-05")
    assert (move.swap_sku_code, move.swap_quantity) == ("RICE", 9)
    assert move.move_reason == pb.MOVE_REASON_CHANGES_PLACES


async def test_without_picks_there_is_nothing_to_say(floor: Any) -> None:
    assert await report(floor) == pb.ReportSlottingResponse()


async def test_asking_changes_nothing(floor: Any) -> None:
    floor.stock.bin("A0-01", 0, 1)
    await picked_alone(floor, "SUGAR", "SUGAR")
    await floor.until_all_booked()
    before = await floor.everything()
    first = await report(floor)
    assert await report(floor) == first
    assert await floor.everything() == before


async def test_an_unknown_warehouse(floor: Any, refusal: Any) -> None:
    assert (await refusal(report(floor, warehouse_code="NOWHERE"))).reason == "WAREHOUSE_NOT_FOUND"
