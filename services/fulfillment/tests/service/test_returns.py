"""Goods that come back: recorded, inspected, and booked in stock's ledger."""

from __future__ import annotations

from typing import Any

from lumbung.fulfillment.v1 import bookings_pb2, measures_pb2, returns_pb2


def _decision(
    sku_code: str, quantity: int, disposition: str, bin_code: str = ""
) -> returns_pb2.InspectionDecision:
    return returns_pb2.InspectionDecision(
        sku_code=sku_code,
        quantity=quantity,
        disposition=returns_pb2.Disposition.Value(f"DISPOSITION_{disposition}"),
        bin_code=bin_code,
    )


async def _inspect(
    floor: Any, return_id: str, *decisions: returns_pb2.InspectionDecision, request_id: str = ""
) -> returns_pb2.Return:
    request = returns_pb2.InspectReturnRequest(
        request_id=request_id or floor.new_id(), return_id=return_id, decisions=decisions
    )
    return (await floor.returns.InspectReturn(request)).return_record


async def test_returned_goods_are_restocked_quarantined_and_scrapped(floor: Any) -> None:
    order = await floor.shipped(RICE=4)
    received = await floor.receive_return(order.order_id, RICE=3)
    assert received.state == returns_pb2.RETURN_STATE_RECEIVED
    part = await _inspect(
        floor, received.return_id, _decision("RICE", 1, "RESTOCK", "A3-18"), _decision("RICE", 1, "SCRAP")
    )
    assert part.state == returns_pb2.RETURN_STATE_RECEIVED
    assert {b.state for b in part.bookings} == {bookings_pb2.BOOKING_STATE_DONE}
    done = await _inspect(floor, received.return_id, _decision("RICE", 1, "QUARANTINE"), request_id="i-3")
    assert done.state == returns_pb2.RETURN_STATE_INSPECTED
    again = await _inspect(floor, received.return_id, _decision("RICE", 1, "QUARANTINE"), request_id="i-3")
    assert again == done
    units = floor.stock.units
    assert (units["A3-18", "RICE"], units["QUARANTINE", "RICE"], units["SCRAP", "RICE"]) == (1, 1, 1)
    (line,) = done.lines
    assert (line.restocked_quantity, line.quarantined_quantity, line.scrapped_quantity) == (1, 1, 1)
    listed = await floor.returns.ListReturns(returns_pb2.ListReturnsRequest(order_id=order.order_id))
    assert [found.return_id for found in listed.returns] == [received.return_id]
    fetched = await floor.returns.GetReturn(returns_pb2.GetReturnRequest(return_id=received.return_id))
    assert len(fetched.return_record.bookings) == 3
    request = measures_pb2.GetMeasuresRequest(warehouse_code="JKT", start_time=order.accept_time)
    assert (await floor.measures.GetMeasures(request)).measures.wrong_shipments == 1


async def test_no_more_comes_back_than_was_sent(floor: Any, refusal: Any) -> None:
    order = await floor.shipped(RICE=2)
    await floor.receive_return(order.order_id, RICE=1)
    refused = await refusal(floor.receive_return(order.order_id, RICE=2, TEA=1))
    assert refused.reason == "RETURN_EXCEEDS_ORDER"
    assert {problem.subject for problem in refused.preconditions} == {"RICE", "TEA"}
    assert await floor.scalar("select count(*) from goods_return") == 1


async def test_no_more_is_decided_about_than_came_back(floor: Any, refusal: Any) -> None:
    order = await floor.shipped(RICE=2)
    received = await floor.receive_return(order.order_id, RICE=2)
    before = await floor.everything()
    too_many = _inspect(
        floor, received.return_id, _decision("RICE", 2, "SCRAP"), _decision("RICE", 1, "QUARANTINE")
    )
    assert (await refusal(too_many)).reason == "INSPECTION_EXCEEDS_RETURN"
    unknown = _inspect(floor, received.return_id, _decision("RICE", 1, "RESTOCK", "NOWHERE"))
    assert (await refusal(unknown)).reason == "UNKNOWN_BIN"
    assert await floor.everything() == before


async def test_what_has_not_shipped_cannot_come_back(floor: Any, refusal: Any) -> None:
    order = await floor.packed(RICE=1)
    refused = await refusal(floor.receive_return(order.order_id, RICE=1))
    assert (refused.reason, refused.metadata["state"]) == ("ORDER_WRONG_STATE", "PACKED")


async def test_stock_away_the_decision_counts_and_the_ledger_follows(floor: Any) -> None:
    order = await floor.shipped(RICE=1)
    received = await floor.receive_return(order.order_id, RICE=1)
    floor.stock.is_down = True
    inspected = await _inspect(floor, received.return_id, _decision("RICE", 1, "SCRAP"))
    assert [b.state for b in inspected.bookings] == [bookings_pb2.BOOKING_STATE_QUEUED]
    floor.stock.is_down = False
    await floor.until_all_booked()
    assert floor.stock.units["SCRAP", "RICE"] == 1


async def _expect(floor: Any, order_id: str, request_id: str = "", **lines: int) -> returns_pb2.Return:
    request = returns_pb2.ExpectReturnRequest(
        request_id=request_id or floor.new_id(),
        order_id=order_id,
        lines=[returns_pb2.ReturnQuantity(sku_code=sku, quantity=units) for sku, units in lines.items()],
        reason=returns_pb2.RETURN_REASON_DAMAGED,
    )
    return (await floor.returns.ExpectReturn(request)).return_record


async def _listed(floor: Any, **wanted: Any) -> list[str]:
    request = returns_pb2.ListReturnsRequest(**wanted)
    return [each.return_id for each in (await floor.returns.ListReturns(request)).returns]


async def test_what_was_announced_is_expected_until_it_comes(floor: Any, refusal: Any) -> None:
    order, other = await floor.shipped(RICE=4), await floor.shipped(TEA=1)
    first = await _expect(floor, order.order_id, "e-1", RICE=2)
    assert await _expect(floor, order.order_id, "e-1", RICE=2) == first
    assert first.state == returns_pb2.RETURN_STATE_EXPECTED
    assert first.HasField("announce_time")
    assert not first.HasField("receive_time")
    second = await _expect(floor, order.order_id, RICE=1)
    expected = {"state": returns_pb2.RETURN_STATE_EXPECTED}
    assert await _listed(floor, **expected) == [second.return_id, first.return_id]
    assert await _listed(floor, **expected, order_id=other.order_id) == []
    got = await floor.returns.GetReturn(returns_pb2.GetReturnRequest(return_id=first.return_id))
    assert got.return_record == first

    too_much = await refusal(_expect(floor, order.order_id, RICE=2))
    assert too_much.reason == "RETURN_EXCEEDS_ORDER"
    not_here = await refusal(_inspect(floor, first.return_id, _decision("RICE", 1, "SCRAP")))
    assert not_here.reason == "RETURN_NOT_FOUND"

    arrived = await floor.receive_return(order.order_id, RICE=3)
    assert (arrived.return_id, arrived.state) == (first.return_id, returns_pb2.RETURN_STATE_RECEIVED)
    assert [line.quantity for line in arrived.lines] == [3], "what came, not what was announced"
    assert await _listed(floor, **expected) == [second.return_id]
    nobody_knew = await floor.receive_return(other.order_id, TEA=1)
    assert await _listed(floor) == [nobody_knew.return_id, first.return_id]
    assert (await _inspect(floor, first.return_id, _decision("RICE", 3, "SCRAP"))).lines[
        0
    ].scrapped_quantity == 3


async def test_what_was_not_sent_is_not_expected_back(floor: Any, refusal: Any) -> None:
    order = await floor.packed(RICE=1)
    refused = await refusal(_expect(floor, order.order_id, RICE=1))
    assert refused.reason == "ORDER_WRONG_STATE"


async def test_what_was_not_decided_on_the_day_is_listed(floor: Any) -> None:
    order = await floor.shipped(RICE=4)
    returns = [await floor.receive_return(order.order_id, RICE=1) for _ in range(4)]
    late_and_open, late, in_time, fresh = [each.return_id for each in returns]
    await _inspect(floor, late, _decision("RICE", 1, "SCRAP"))
    await _inspect(floor, in_time, _decision("RICE", 1, "SCRAP"))
    async with floor.postgres.connection() as conn:
        # Received at 23:30 in Jakarta two days ago; an hour later it is another day there, and not by UTC.
        night = "date_trunc('day', now() at time zone 'Asia/Jakarta') - interval '1 day 30 minutes'"
        for return_id, decided in ((late_and_open, None), (late, "60 minutes"), (in_time, "20 minutes")):
            inspect = f"({night}) at time zone 'Asia/Jakarta' + interval '{decided}'" if decided else "null"
            await conn.execute(
                f"update goods_return set receive_time = ({night}) at time zone 'Asia/Jakarta',"  # noqa: S608
                f" inspect_time = {inspect} where return_id = %s".encode(),
                [return_id],
            )
    assert set(await _listed(floor, not_same_day=True, time_zone="Asia/Jakarta")) == {late_and_open, late}
    assert set(await _listed(floor, not_same_day=True, time_zone="UTC")) == {late_and_open}
    assert fresh in await _listed(floor)
