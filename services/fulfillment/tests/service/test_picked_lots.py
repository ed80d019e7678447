"""A label's lot is held against the lots that a pick was planned with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from lumbung.fulfillment.v1 import terminal_pb2
from lumbung.stock.v1 import inventory_pb2


def lot(code: str, quantity: int, *, days: float = 30, expired: bool = False) -> inventory_pb2.LotStock:
    end = datetime.now(UTC) + timedelta(days=days)
    sale_end = Timestamp()
    sale_end.FromDatetime(end)
    return inventory_pb2.LotStock(
        lot_code=code,
        quantity=quantity,
        expires_on=end.date().isoformat(),
        expired=expired,
        sale_end_time=sale_end,
    )


async def working(floor: Any, *lots: inventory_pb2.LotStock, rice: int = 2) -> Any:
    """A terminal with an order of rice, which lies in one bin, in these lots."""
    place, *others = [place for place, sku in floor.stock.units if sku == "RICE"]
    floor.stock.units[place, "RICE"] = sum(one.quantity for one in lots)
    for other in others:
        floor.stock.units[other, "RICE"] = 0
    floor.stock.lots[place, "RICE"] = list(lots)
    await floor.order(RICE=rice)
    await floor.plan()
    terminal = await floor.sign_in()
    await terminal.claim()
    return terminal


def picked(floor: Any) -> list[tuple[str, int]]:
    return [
        (request.lot_code, request.quantity) for method, request, _ in floor.stock.calls if "Pick" in method
    ]


async def test_the_lot_that_was_scanned_is_booked(floor: Any) -> None:
    terminal = await working(floor, lot("OLD", 9, days=-1, expired=True), lot("L1", 1), lot("L2", 5, days=60))
    (task,) = await terminal.tasks()
    assert [(one.lot_code, one.quantity) for one in task.lots] == [("L1", 1), ("L2", 1)]
    assert task.lots[0].expires_on
    for code in ("L2", "L1"):
        scan = terminal.scan(task, item_barcode=f"BC-RICE#{code}", quantity=1)
        await floor.terminals.ConfirmPick(scan)
    assert picked(floor) == [("L2", 1), ("L1", 1)]


@pytest.mark.parametrize(
    ("barcode", "reason", "expected"),
    [
        ("BC-RICE#L2", "WRONG_LOT", "L1"),
        ("BC-RICE#OLD", "WRONG_LOT", "L1"),
        ("BC-RICE#OLD@2020-01-31", "LOT_EXPIRED", "L1"),
    ],
)
async def test_another_lot_is_a_wrong_scan_and_counted_once(
    floor: Any, refusal: Any, barcode: str, reason: str, expected: str
) -> None:
    old, later = lot("OLD", 9, days=-1, expired=True), lot("L2", 5, days=60)
    terminal = await working(floor, old, lot("L1", 5), later)
    (task,) = await terminal.tasks()
    scan = terminal.scan(task, item_barcode=barcode)
    for _ in range(2):
        refused = await refusal(floor.terminals.ConfirmPick(scan))
        assert (refused.reason, refused.metadata["expected"]) == (reason, expected)
    assert await floor.scalar("select count(*) from wrong_scan") == 1
    assert picked(floor) == []
    await floor.terminals.ConfirmPick(terminal.scan(task, item_barcode="BC-RICE"))
    assert picked(floor) == [("", 2)]


async def test_a_lot_that_expires_before_it_is_taken_is_refused(floor: Any, refusal: Any) -> None:
    terminal = await working(floor, lot("L1", 5))
    (task,) = await terminal.tasks()
    await floor.scalar(
        "update pick_task set lots = jsonb_set(lots, '{0,sale_end}', to_jsonb(now() - interval '1 second'))"
        " returning 1"
    )
    refused = await refusal(floor.terminals.ConfirmPick(terminal.scan(task, item_barcode="BC-RICE#L1")))
    assert (refused.reason, refused.metadata["scanned"]) == ("LOT_EXPIRED", "L1")


async def test_what_is_taken_back_goes_back_as_the_lot_that_was_scanned(floor: Any) -> None:
    terminal = await working(floor, lot("L1", 1), lot("L2", 5, days=60))
    (task,) = await terminal.tasks()
    scan = terminal.scan(task, item_barcode="BC-RICE#L2", quantity=1)
    await floor.terminals.ConfirmPick(scan)
    await floor.terminals.UndoPick(
        terminal_pb2.UndoPickRequest(
            request_id="back", session_id=terminal.session_id, scan_request_id=scan.request_id
        )
    )
    back = [request.lot_code for method, request, _ in floor.stock.calls if method == "RecordPutBack"]
    assert back == ["L2"]
