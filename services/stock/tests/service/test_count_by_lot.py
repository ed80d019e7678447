"""Counts by lot: each lot has its own difference, and what is booked is booked to it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from google.protobuf.duration_pb2 import Duration

from lumbung.stock.v1 import inventory_pb2, stocktakes_pb2_grpc
from lumbung.stock.v1 import stocktakes_pb2 as pb
from lumbung_kit.context import acting_as
from lumbung_stock.domain.lots import LotTracking

pytestmark = pytest.mark.store

ANI, BUDI, BOSS = "terminal:ani", "terminal:budi", "staff:boss"


def day(days: int) -> str:
    return (datetime.now(ZoneInfo("Asia/Jakarta")).date() + timedelta(days=days)).isoformat()


@pytest.fixture
async def counts(house: Any) -> Any:
    return stocktakes_pb2_grpc.StocktakeServiceStub(house.shop.channel)


async def stock(house: Any, *lots: tuple[str, int, str], bare: int = 0, bin_code: str = "A-01") -> None:
    """MILK in a bin: units from before it was tracked, and lots."""
    await house.shop.sql.execute(
        "INSERT INTO sku (sku_code, name, is_bundle, active) VALUES ('MILK', 'MILK', false, true)"
    )
    if bare:
        await house.receive("MILK", bare, bin_code)
    await house.shop.sql.execute(
        "UPDATE sku SET lot_tracking = %s WHERE sku_code = 'MILK'", (int(LotTracking.LOT_AND_EXPIRY),)
    )
    lines = [
        inventory_pb2.ReceiptLine(
            sku_code="MILK", bin_code=bin_code, quantity=units, lot_code=lot, expires_on=until
        )
        for lot, units, until in lots
    ]
    if lines:
        await house.inventory.ReceiveStock(
            inventory_pb2.ReceiveStockRequest(
                request_id=house.new_id(), warehouse_code="JKT1", document="PO", lines=lines
            )
        )


async def opened(house: Any, counts: Any) -> str:
    count = await counts.OpenStocktake(
        pb.OpenStocktakeRequest(
            request_id=house.new_id(),
            title="November",
            scope=pb.StocktakeScope(warehouse_code="JKT1", bin_codes=["A-01"]),
            movement_window=Duration(),
        )
    )
    return str(count.stocktake.stocktake_id)


def said(house: Any, units: int, lot: str = "", **fields: Any) -> pb.Count:
    """Units of MILK in A-01."""
    named = {"bin_code": "A-01", "sku_code": "MILK", "scan_id": house.new_id(), **fields}
    return pb.Count(counted_quantity=units, lot_code=lot, **named)


async def record(house: Any, counts: Any, count: str, *rows: pb.Count, by: str = ANI) -> Any:
    request = pb.RecordCountsRequest(request_id=house.new_id(), stocktake_id=count, counts=rows)
    with acting_as(by):
        return await counts.RecordCounts(request)


async def finish(house: Any, counts: Any, count: str, **fields: Any) -> Any:
    return await counts.FinishRound(
        pb.FinishRoundRequest(request_id=house.new_id(), stocktake_id=count, **fields)
    )


async def approve(house: Any, counts: Any, count: str) -> Any:
    with acting_as(BOSS):
        return await counts.ApproveStocktake(
            pb.ApproveStocktakeRequest(request_id=house.new_id(), stocktake_id=count)
        )


async def tasks(counts: Any, count: str) -> list[pb.CountTask]:
    return list((await counts.ListCountTasks(pb.ListCountTasksRequest(stocktake_id=count))).tasks)


async def lots(house: Any) -> dict[str, int]:
    listed = await house.inventory.ListBinStock(
        inventory_pb2.ListBinStockRequest(warehouse_code="JKT1", bin_codes=["A-01"])
    )
    (stored,) = listed.bin_stock
    found = {one.lot_code: one.quantity for one in stored.lots}
    return {"": stored.quantity - sum(found.values()), **found}


async def require_true(house: Any) -> None:
    await house.require_agreement()
    assert await house.shop.troubles() == []


async def test_differences_are_of_lots_and_are_booked_to_them(house: Any, counts: Any) -> None:
    await stock(house, ("L1", 5, day(-1)), ("L2", 5, day(9)), ("L3", 4, day(20)), bare=2)
    count = await opened(house, counts)
    (task,) = await tasks(counts, count)
    assert (task.tracked_by_lot, list(task.lot_codes), task.has_units_without_lot) == (
        True,
        ["L1", "L2", "L3"],
        True,
    )
    rows = [said(house, 4, "L1"), said(house, 7, "L2"), said(house, 1, without_lot=True)]
    await record(house, counts, count, *rows, said(house, 2, "L9", expires_on=day(50)))
    (task,) = await tasks(counts, count)
    assert (list(task.lot_codes), task.has_units_without_lot) == (["L3"], False)
    failure = await house.refused(finish(house, counts, count))
    assert (failure.reason, failure.metadata["first_bin_code"]) == ("STOCKTAKE_INCOMPLETE", "A-01")
    await record(house, counts, count, said(house, 4, "L3"))
    sale = await house.sell({"MILK": 1})
    await house.pick(sale, "MILK", 1)
    await finish(house, counts, count, skip_recount=True)
    asked = pb.ReviewStocktakeRequest(stocktake_id=count, include_equal=True)
    reviewed = (await counts.ReviewStocktake(asked)).differences
    shown = {one.lot_code: (one.ledger_quantity, one.counted_quantity) for one in reviewed}
    assert shown == {"": (2, 1), "L1": (5, 4), "L2": (5, 7), "L3": (4, 4), "L9": (0, 2)}
    assert all(one.by_lot for one in reviewed)
    approved = await approve(house, counts, count)
    assert approved.entry_count == 4
    assert await lots(house) == {"": 0, "L1": 4, "L2": 7, "L3": 4, "L9": 2}
    assert (await house.figures("MILK")).expired == 4
    booked = (await counts.ReviewStocktake(asked)).differences
    assert {(one.lot_code, one.ledger_quantity, one.counted_quantity) for one in booked} == {
        (lot, *figures) for lot, figures in shown.items()
    }
    await require_true(house)


async def test_without_a_lot_all_units_are_counted_as_ever(house: Any, counts: Any) -> None:
    await stock(house, ("L1", 5, day(3)), ("L2", 5, day(9)))
    count = await opened(house, counts)
    await record(house, counts, count, said(house, 8))
    assert await tasks(counts, count) == []
    await finish(house, counts, count, skip_recount=True)
    (line,) = (await counts.ReviewStocktake(pb.ReviewStocktakeRequest(stocktake_id=count))).differences
    assert (line.by_lot, line.ledger_quantity, line.counted_quantity) == (False, 10, 8)
    await approve(house, counts, count)
    assert await lots(house) == {"": 0, "L1": 3, "L2": 5}
    await require_true(house)


async def test_lots_that_were_mixed_up_are_put_right_without_a_difference_in_all(
    house: Any, counts: Any
) -> None:
    await stock(house, ("L1", 5, day(3)), ("L2", 5, day(9)))
    count = await opened(house, counts)
    await record(house, counts, count, said(house, 2, "L1"), said(house, 8, "L2"))
    assert (await finish(house, counts, count)).recount_line_count == 1
    (task,) = await tasks(counts, count)
    assert (list(task.lot_codes), task.round) == (["L1", "L2"], 2)
    await record(house, counts, count, said(house, 2, "L1"), said(house, 8, "L2"), by=BUDI)
    await finish(house, counts, count)
    await approve(house, counts, count)
    assert await lots(house) == {"": 0, "L1": 2, "L2": 8}
    assert (await house.figures("MILK")).on_hand == 10
    await require_true(house)


async def test_nothing_else_there_is_of_the_lots_too(house: Any, counts: Any) -> None:
    await stock(house, ("L1", 5, day(3)), ("L2", 5, day(9)), bare=1)
    count = await opened(house, counts)
    nothing = pb.Count(bin_code="A-01", scan_id=house.new_id())
    await record(house, counts, count, said(house, 5, "L1"), nothing)
    await finish(house, counts, count, skip_recount=True)
    await approve(house, counts, count)
    assert await lots(house) == {"": 0, "L1": 5}
    await require_true(house)


async def test_who_counts_by_lot_and_who_does_not_are_asked_again(house: Any, counts: Any) -> None:
    await stock(house, ("L1", 5, day(3)))
    count = await opened(house, counts)
    await record(house, counts, count, said(house, 5, "L1"))
    await record(house, counts, count, said(house, 5), by=BUDI)
    assert (await finish(house, counts, count)).recount_line_count == 1


@pytest.mark.parametrize(
    ("lot", "fields", "field"),
    [
        ("L9", {}, "expires_on"),
        ("L1", {"expires_on": "2031-01-01"}, "expires_on"),
        ("L1", {"expires_on": "soon"}, "expires_on"),
        ("L1", {"without_lot": True}, "without_lot"),
        ("L1", {"sku_code": "CUP"}, "lot_code"),
        ("", {"sku_code": "CUP", "without_lot": True}, "lot_code"),
        (" L1", {}, "lot_code"),
    ],
)
async def test_rows_that_are_wrong_about_lots_are_named(
    house: Any, counts: Any, lot: str, fields: dict[str, Any], field: str
) -> None:
    await stock(house, ("L1", 5, "2030-01-01"))
    await house.know("CUP")
    count = await opened(house, counts)
    answer = await record(house, counts, count, said(house, 5, "L1"), said(house, 1, lot, **fields))
    assert [(error.row, error.field) for error in answer.errors] == [(1, field)]
    assert await house.shop.scalar("SELECT count(*) FROM stocktake_count") == 0


async def test_a_new_lot_has_one_last_day_whoever_counts_it(house: Any, counts: Any) -> None:
    await stock(house)
    count = await opened(house, counts)
    await record(house, counts, count, said(house, 5, "L1", expires_on="2031-01-01"))
    answer = await record(house, counts, count, said(house, 5, "L1", expires_on="2031-01-02"), by=BUDI)
    assert [error.field for error in answer.errors] == ["expires_on"]
    assert (await record(house, counts, count, said(house, 5, "L1"), by=BUDI)).recorded_count == 1
    await finish(house, counts, count, skip_recount=True, accept_uncounted=True)
    await approve(house, counts, count)
    assert await lots(house) == {"": 0, "L1": 5}
    last = await house.shop.rows("SELECT expires_on::text FROM lot")
    assert last == [("2031-01-01",)]
    await require_true(house)
