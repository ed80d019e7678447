"""Lots: every movement says of which lot its units are; what has expired is promised to nobody, nor picked."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from psycopg.errors import CheckViolation

from lumbung.stock.v1 import availability_pb2 as availability_pb
from lumbung.stock.v1 import inventory_pb2 as pb
from lumbung.stock.v1 import lots_pb2 as lots_pb
from lumbung.stock.v1 import lots_pb2_grpc, quarantine_pb2_grpc, receiving_pb2_grpc, transfers_pb2_grpc
from lumbung.stock.v1 import quarantine_pb2 as quarantine_pb
from lumbung.stock.v1 import receiving_pb2 as receiving_pb
from lumbung.stock.v1 import transfers_pb2 as transfers_pb
from lumbung_kit.postgres import constraint_of
from lumbung_stock.domain.lots import LotTracking

pytestmark = pytest.mark.store

WAREHOUSE = "JKT1"


def day(days: int) -> str:
    """So many days from today, by the warehouse's clock."""
    return (datetime.now(ZoneInfo("Asia/Jakarta")).date() + timedelta(days=days)).isoformat()


async def tracked(
    house: Any, sku: str, tracking: LotTracking = LotTracking.LOT_AND_EXPIRY, days_min: int = 0
) -> None:
    await house.know(sku)
    await house.shop.sql.execute(
        "UPDATE sku SET lot_tracking = %s, shelf_life_days_min = %s WHERE sku_code = %s",
        (int(tracking), days_min, sku),
    )


def line(
    sku: str, quantity: int, lot: str = "", expires_on: str = "", bin_code: str = "A-01"
) -> pb.ReceiptLine:
    return pb.ReceiptLine(
        sku_code=sku, quantity=quantity, bin_code=bin_code, lot_code=lot, expires_on=expires_on
    )


async def receive(house: Any, *lines: pb.ReceiptLine) -> Any:
    return await house.inventory.ReceiveStock(
        pb.ReceiveStockRequest(
            request_id=house.new_id(), warehouse_code=WAREHOUSE, document="PO", lines=lines
        )
    )


async def lots(house: Any, sku: str) -> dict[tuple[str, str], int]:
    """By (place, lot) what lies there."""
    rows = await house.shop.sql.execute(
        "SELECT place_code, lot_code, quantity FROM lot_stock WHERE sku_code = %s AND quantity > 0", (sku,)
    )
    return {(place, lot): quantity for place, lot, quantity in await rows.fetchall()}


async def require_true(house: Any, *, shortfall: int = 0) -> None:
    await house.require_agreement(shortfall=shortfall)
    assert await house.shop.troubles() == []


async def test_a_lot_is_known_from_its_receipt_to_its_customer_and_back(house: Any) -> None:
    await tracked(house, "MILK")
    await receive(house, line("MILK", 5, "L2", day(20), "RECEIVING"), line("MILK", 4, "L1", day(9)))
    await receiving_pb2_grpc.ReceivingServiceStub(house.shop.channel).PutAway(
        receiving_pb.PutAwayRequest(
            request_id=house.new_id(), warehouse_code=WAREHOUSE, lines=[line("MILK", 5)]
        )
    )
    sale = await house.sell({"MILK": 6})
    await house.pick(sale, "MILK", 6)
    assert await lots(house, "MILK") == {("PACKING", "L1"): 4, ("PACKING", "L2"): 2, ("A-01", "L2"): 3}
    back = await house.inventory.RecordPutBack(
        pb.RecordPutBackRequest(
            request_id=house.new_id(),
            reservation_id=sale.reservation_id,
            warehouse_code=WAREHOUSE,
            sku_code="MILK",
            bin_code="A-02",
            quantity=1,
            lot_code="L2",
        )
    )
    assert back.entry.lot_code == "L2"
    await house.pick(sale, "MILK", 1)
    shipped = await house.ship(sale)
    assert {entry.lot_code: entry.quantity for entry in shipped.entries} == {"L1": 4, "L2": 2}
    returned = await house.inventory.RecordReturn(
        pb.RecordReturnRequest(
            request_id=house.new_id(),
            reservation_id=sale.reservation_id,
            warehouse_code=WAREHOUSE,
            sku_code="MILK",
            bin_code="A-02",
            quantity=5,
            condition=pb.RETURN_CONDITION_RESTOCK,
        )
    )
    assert [(entry.lot_code, entry.quantity) for entry in returned.entries] == [("L1", 4), ("L2", 1)]
    await require_true(house)


async def test_goods_set_apart_moved_scrapped_and_sent_keep_their_lot(house: Any) -> None:
    await tracked(house, "MILK", LotTracking.LOT)
    await receive(house, line("MILK", 9, "A"), line("MILK", 9, "B", day(30)))
    goods = {"warehouse_code": WAREHOUSE, "sku_code": "MILK", "quantity": 2, "lot_code": "B"}
    quarantine = quarantine_pb2_grpc.QuarantineServiceStub(house.shop.channel)
    await quarantine.MoveToQuarantine(
        quarantine_pb.MoveToQuarantineRequest(
            request_id=house.new_id(), **goods, bin_code="A-01", reason="wet"
        )
    )
    await quarantine.ReleaseFromQuarantine(
        quarantine_pb.ReleaseFromQuarantineRequest(
            request_id=house.new_id(),
            **{**goods, "quantity": 1, "lot_code": ""},
            bin_code="A-02",
            reason="dry",
        )
    )
    await house.inventory.ScrapStock(
        pb.ScrapStockRequest(request_id=house.new_id(), **goods, bin_code="A-01", reason="broken")
    )
    await house.inventory.MoveBetweenBins(
        pb.MoveBetweenBinsRequest(
            request_id=house.new_id(), **goods, from_bin_code="A-01", to_bin_code="B-01"
        )
    )
    await house.inventory.AdjustStock(
        pb.AdjustStockRequest(
            request_id=house.new_id(),
            warehouse_code=WAREHOUSE,
            sku_code="MILK",
            bin_code="B-01",
            difference=3,
            reason="found",
            lot_code="C",
        )
    )
    assert await lots(house, "MILK") == {
        ("A-01", "A"): 9,
        ("A-01", "B"): 3,
        ("QUARANTINE", "B"): 1,
        ("A-02", "B"): 1,
        ("B-01", "B"): 2,
        ("B-01", "C"): 3,
    }
    await require_true(house)


async def test_a_transfer_carries_its_lots_and_loses_those_that_never_came(house: Any) -> None:
    await tracked(house, "MILK")
    await receive(house, line("MILK", 5, "L1", day(9)), line("MILK", 5, "L2", day(20)))
    await second_warehouse(house)
    sent = await house.inventory.TransferToWarehouse(
        pb.TransferToWarehouseRequest(
            request_id=house.new_id(),
            from_warehouse_code=WAREHOUSE,
            to_warehouse_code="SUB1",
            lines=[line("MILK", 3, "L1"), line("MILK", 4, "L2")],
        )
    )

    def arrival(*lines: pb.ReceiptLine) -> pb.ReceiveTransferRequest:
        return pb.ReceiveTransferRequest(request_id=house.new_id(), transfer_id=sent.transfer_id, lines=lines)

    unnamed = arrival(line("MILK", 3, bin_code="RECEIVING"))
    failure = await house.refused_unchanged(house.inventory.ReceiveTransfer(unnamed))
    assert (failure.reason, failure.metadata["lot_codes"]) == ("LOT_REQUIRED", "L1,L2")
    await house.inventory.ReceiveTransfer(arrival(line("MILK", 3, "L1", bin_code="RECEIVING")))
    await house.inventory.ReceiveTransfer(arrival(line("MILK", 1, bin_code="RECEIVING")))
    closed = await transfers_pb2_grpc.TransferServiceStub(house.shop.channel).CloseTransfer(
        transfers_pb.CloseTransferRequest(
            request_id=house.new_id(), transfer_id=sent.transfer_id, reason="never came"
        )
    )
    assert [(entry.lot_code, entry.quantity) for entry in closed.entries] == [("L2", 3)]
    rows = await house.shop.sql.execute(
        "SELECT lot_code, quantity FROM lot_stock WHERE warehouse_code = 'SUB1'"
    )
    assert dict(await rows.fetchall()) == {"L1": 3, "L2": 1}
    await require_true(house)


async def test_expired_goods_are_sent_away_while_all_others_are_promised(house: Any) -> None:
    await tracked(house, "MILK")
    await second_warehouse(house)
    await receive(house, line("MILK", 5, "OLD", day(-1)), line("MILK", 4, "NEW", day(9)))
    await house.sell({"MILK": 3})

    def send(*lines: pb.ReceiptLine) -> Any:
        return house.inventory.TransferToWarehouse(
            pb.TransferToWarehouseRequest(
                request_id=house.new_id(),
                from_warehouse_code=WAREHOUSE,
                to_warehouse_code="SUB1",
                lines=lines,
            )
        )

    failure = await house.refused_unchanged(send(line("MILK", 2, "NEW"), line("MILK", 5, "OLD")))
    assert (failure.reason, failure.metadata["available_quantity"]) == ("NOT_ENOUGH_AVAILABLE", "1")
    sent = await send(line("MILK", 1, "NEW"), line("MILK", 5, "OLD"))
    assert {entry.lot_code: entry.quantity for entry in sent.entries} == {"NEW": 1, "OLD": 5}
    figures = await house.figures("MILK")
    assert (figures.on_hand, figures.expired, figures.available_to_promise) == (3, 0, 0)
    await require_true(house)


@pytest.mark.parametrize(
    ("given", "reason", "field"),
    [
        (line("MILK", 1), "LOT_REQUIRED", "lines[1].lot_code"),
        (line("MILK", 1, "NEW"), "LOT_EXPIRY_REQUIRED", "lines[1].expires_on"),
        (line("MILK", 1, "L1", "2031-01-01"), "LOT_EXPIRY_DIFFERS", "lines[1].expires_on"),
        (line("CUP", 1, "L1"), "LOT_NOT_TRACKED", "lines[1].lot_code"),
        (line("MILK", 1, "L" * 65), "BAD_INPUT", "lines[1].lot_code"),
        (line("MILK", 1, " L1"), "BAD_INPUT", "lines[1].lot_code"),
        (line("MILK", 1, "L1", "31-01-2031"), "BAD_INPUT", "lines[1].expires_on"),
        (line("MILK", 1, "L1", "20310101"), "BAD_INPUT", "lines[1].expires_on"),
        (line("MILK", 1, "L1", "1999-12-31"), "BAD_INPUT", "lines[1].expires_on"),
        (line("CUP", 1, "", "2031-01-01"), "BAD_INPUT", "lines[1].expires_on"),
    ],
)
async def test_a_receipt_that_is_wrong_about_lots_books_nothing(
    house: Any, given: pb.ReceiptLine, reason: str, field: str
) -> None:
    await house.know("CUP")
    await tracked(house, "MILK")
    await receive(house, line("MILK", 2, "L1", "2030-01-01"))
    failure = await house.refused_unchanged(receive(house, line("CUP", 1), given))
    assert (failure.reason, [one.field for one in failure.fields]) == (reason, [field])


async def test_what_leaves_says_which_lot_where_there_are_several(house: Any) -> None:
    await tracked(house, "MILK")
    await receive(house, line("MILK", 2, "L1", day(9)), line("MILK", 2, "L2", day(5)))

    def scrap(lot: str, quantity: int = 1) -> Any:
        return house.inventory.ScrapStock(
            pb.ScrapStockRequest(
                request_id=house.new_id(),
                warehouse_code=WAREHOUSE,
                sku_code="MILK",
                bin_code="A-01",
                quantity=quantity,
                reason="broken",
                lot_code=lot,
            )
        )

    ambiguous = await house.refused_unchanged(scrap(""))
    assert (ambiguous.reason, ambiguous.metadata["lot_codes"]) == ("LOT_REQUIRED", "L2,L1")
    unknown = await house.refused_unchanged(scrap("L9"))
    assert unknown.reason == "LOT_NOT_FOUND"
    too_many = await house.refused_unchanged(scrap("L1", 3))
    assert (too_many.reason, too_many.metadata["lot_code"]) == ("NOT_ENOUGH_IN_BIN", "L1")
    await scrap("L1", 2)
    assert (await scrap("")).entry.lot_code == "L2"


async def test_stock_from_before_the_lots_leaves_first_and_without_one(house: Any) -> None:
    await house.stocked("MILK", 3)
    await house.shop.sql.execute("UPDATE sku SET lot_tracking = 1 WHERE sku_code = 'MILK'")
    await receive(house, line("MILK", 2, "L1"))
    sale = await house.sell({"MILK": 4})
    await house.pick(sale, "MILK", 4)
    assert await lots(house, "MILK") == {("A-01", "L1"): 1, ("PACKING", "L1"): 1}
    shipped = await house.ship(sale)
    assert sorted((entry.lot_code, entry.quantity) for entry in shipped.entries) == [("", 3), ("L1", 1)]
    await require_true(house)


async def test_expired_units_are_not_available_and_nobody_is_given_them(house: Any) -> None:
    await tracked(house, "MILK", days_min=3)
    await receive(house, line("MILK", 4, "OLD", day(2)), line("MILK", 3, "LAST", day(3)))
    figures = await house.figures("MILK")
    assert (figures.on_hand, figures.expired, figures.available_to_promise) == (7, 4, 3)
    sale = await house.sell({"MILK": 3})
    assert (await house.refused(house.shop.hold({"MILK": 1}))).reason == "OUT_OF_STOCK"
    pick = pb.RecordPickRequest(
        request_id=house.new_id(),
        reservation_id=sale.reservation_id,
        warehouse_code=WAREHOUSE,
        sku_code="MILK",
        bin_code="A-01",
        quantity=1,
        lot_code="OLD",
    )
    failure = await house.refused_unchanged(house.inventory.RecordPick(pick))
    assert (failure.reason, failure.metadata["right_lot_code"]) == ("LOT_EXPIRED", "LAST")
    await house.pick(sale, "MILK", 3)
    assert await lots(house, "MILK") == {("A-01", "OLD"): 4, ("PACKING", "LAST"): 3}
    await require_true(house)


async def test_bins_and_the_tree_show_their_lots(house: Any) -> None:
    await tracked(house, "MILK", days_min=3)
    await house.know("CUP")
    await receive(house, line("MILK", 4, "OLD", day(2)), line("MILK", 3, "NEW", day(9)), line("CUP", 1))
    listed = await house.inventory.ListBinStock(pb.ListBinStockRequest(warehouse_code=WAREHOUSE))
    shown = {
        one.sku_code: [(lot.lot_code, lot.quantity, lot.expires_on, lot.expired) for lot in one.lots]
        for one in listed.bin_stock
    }
    assert shown == {"CUP": [], "MILK": [("OLD", 4, day(2), True), ("NEW", 3, day(9), False)]}
    told = await house.availability.ExplainAvailability(
        availability_pb.ExplainAvailabilityRequest(sku_code="MILK")
    )
    (warehouse,) = told.tree.children
    figures = {node.kind: node for node in warehouse.children}
    (place,) = figures[availability_pb.FIGURE_KIND_ON_HAND].children
    assert [(node.lot_code, node.quantity) for node in place.children] == [("OLD", 4), ("NEW", 3)]
    assert place.formula == availability_pb.FIGURE_FORMULA_SUM
    assert figures[availability_pb.FIGURE_KIND_EXPIRED].quantity == 4
    assert warehouse.quantity == 3


async def test_the_history_and_the_past_know_the_lots(house: Any) -> None:
    await tracked(house, "MILK", LotTracking.LOT)
    await receive(house, line("MILK", 4, "B"), line("MILK", 3, "A", "2031-03-01"))
    (entry,) = (await receive(house, line("MILK", 2, "B", bin_code="A-02"))).entries
    sale = await house.sell({"MILK": 5})
    await house.pick(sale, "MILK", 5)
    asked = pb.ListLedgerEntriesRequest(warehouse_code=WAREHOUSE, sku_code="MILK", lot_code="B")
    listed = (await house.inventory.ListLedgerEntries(asked)).entries
    assert [(one.lot_code, one.quantity) for one in listed] == [("B", 4), ("B", 2), ("B", 2)]
    bare = pb.ListLedgerEntriesRequest(warehouse_code=WAREHOUSE, lot_code="B")
    failure = await house.refused(house.inventory.ListLedgerEntries(bare))
    assert (failure.reason, failure.fields[0].field) == ("BAD_INPUT", "sku_code")
    then = await house.inventory.GetStockAsOf(
        pb.GetStockAsOfRequest(warehouse_code=WAREHOUSE, sku_codes=["MILK"], as_of_time=entry.record_time)
    )
    there = {one.bin_code: [(lot.lot_code, lot.quantity) for lot in one.lots] for one in then.bin_stock}
    assert there == {"A-01": [("A", 3), ("B", 4)], "A-02": [("B", 2)]}


async def test_a_day_that_is_over_hits_promises_and_the_book_can_be_rebuilt(house: Any) -> None:
    await tracked(house, "MILK")
    await receive(house, line("MILK", 5, "L1", day(0)), line("MILK", 2, "L2", day(9)))
    await house.sell({"MILK": 6})
    await house.shop.sql.execute(
        "UPDATE warehouse_lot SET last_sale_day = last_sale_day - 1 WHERE lot_code = 'L1'"
    )

    async def expired() -> bool:
        return bool((await house.figures("MILK")).expired == 5)

    await house.shop.until(expired)
    figures = await house.figures("MILK")
    assert (figures.available_to_promise, figures.shortfall) == (0, 4)
    (told,) = await house.events("lot_expiry_changed")
    changed = told.lot_expiry_changed
    assert (changed.lot_code, changed.expired, changed.quantity) == ("L1", True, 5)
    (raised,) = await house.events("shortfall_raised")
    assert raised.shortfall_raised.missing_quantity == 4
    await require_true(house, shortfall=4)
    await receive(house, line("MILK", 4, "L3", day(9)))
    assert (await house.figures("MILK")).shortfall == 0
    await house.shop.sql.execute(
        "UPDATE warehouse_lot SET last_sale_day = last_sale_day + 1 WHERE lot_code = 'L1'"
    )

    async def good_again() -> bool:
        return bool((await house.figures("MILK")).available_to_promise == 5)

    await house.shop.until(good_again)
    await require_true(house)


def lot_service(house: Any) -> Any:
    return lots_pb2_grpc.LotServiceStub(house.shop.channel)


def correction(house: Any, lot: str, expires_on: str, sku: str = "MILK") -> lots_pb.CorrectLotExpiryRequest:
    return lots_pb.CorrectLotExpiryRequest(
        request_id=house.new_id(), sku_code=sku, lot_code=lot, expires_on=expires_on, reason="misread"
    )


async def second_warehouse(house: Any) -> None:
    await house.shop.sql.execute(
        "INSERT INTO warehouse SELECT 'SUB1', name, time_zone, priority + 1, aisle_x_m, cross_aisle_y_m, depot_x_m"
        " FROM warehouse WHERE warehouse_code = 'JKT1'"
    )
    await house.shop.sql.execute("INSERT INTO ledger_head VALUES ('SUB1')")


async def test_a_corrected_day_is_followed_at_once_in_every_warehouse_both_ways(house: Any) -> None:
    await tracked(house, "MILK", days_min=2)
    await second_warehouse(house)
    await receive(house, line("MILK", 5, "L1", day(40)), line("MILK", 2, "L2", day(40)))
    await house.inventory.ReceiveStock(
        pb.ReceiveStockRequest(
            request_id=house.new_id(),
            warehouse_code="SUB1",
            document="PO",
            lines=[line("MILK", 3, "L1", bin_code="RECEIVING"), line("MILK", 1, "L1", bin_code="QUARANTINE")],
        )
    )
    sale = await house.sell({"MILK": 6})
    asked = correction(house, "L1", day(1))
    corrected = await lot_service(house).CorrectLotExpiry(asked)
    assert corrected.expires_on_before == day(40)
    marks = {one.warehouse_code: (one.expired, one.quantity) for one in corrected.marks}
    assert marks == {"JKT1": (True, 5), "SUB1": (True, 3)}
    figures = await house.figures("MILK")
    assert (figures.expired, figures.shortfall) == (8, 4)
    assert len(await house.events("lot_expiry_changed")) == 2
    await require_true(house, shortfall=4)
    assert await lot_service(house).CorrectLotExpiry(asked) == corrected
    reused = lots_pb.CorrectLotExpiryRequest()
    reused.CopyFrom(asked)
    reused.expires_on = day(3)
    failure = await house.refused_unchanged(lot_service(house).CorrectLotExpiry(reused))
    assert failure.reason == "REQUEST_ID_REUSED"
    again = await lot_service(house).CorrectLotExpiry(correction(house, "L1", day(2)))
    assert [one.expired for one in again.marks] == [False, False]
    figures = await house.figures("MILK")
    assert (figures.expired, figures.shortfall, figures.available_to_promise) == (0, 0, 4)
    await house.pick(sale, "MILK", 6)
    await require_true(house)


async def test_corrections_are_kept_with_who_made_them(house: Any) -> None:
    await tracked(house, "MILK", LotTracking.LOT)
    await receive(house, line("MILK", 5, "L1"))
    await lot_service(house).CorrectLotExpiry(correction(house, "L1", day(40)))
    await lot_service(house).CorrectLotExpiry(correction(house, "L1", day(40)))
    await lot_service(house).CorrectLotExpiry(correction(house, "L1", ""))
    asked = lots_pb.ListLotExpiryCorrectionsRequest(sku_code="MILK", lot_code="L1", page_size=1)
    first = await lot_service(house).ListLotExpiryCorrections(asked)
    asked.page_token = first.next_page_token
    second = await lot_service(house).ListLotExpiryCorrections(asked)
    shown = [
        (one.expires_on_before, one.expires_on, one.reason, one.actor)
        for one in [*first.corrections, *second.corrections]
    ]
    actor = first.corrections[0].actor
    assert actor
    assert shown == [(day(40), "", "misread", actor), ("", day(40), "misread", actor)]
    assert second.next_page_token == ""


@pytest.mark.parametrize(
    ("lot", "expires_on", "sku", "reason", "field"),
    [
        ("L9", "2031-01-01", "MILK", "LOT_NOT_FOUND", "lot_code"),
        ("L1", "", "MILK", "LOT_EXPIRY_REQUIRED", "expires_on"),
        ("L1", "2031-01-01", "TEA", "SKU_NOT_FOUND", "sku_code"),
        ("", "2031-01-01", "MILK", "BAD_INPUT", "lot_code"),
        ("L1", "soon", "MILK", "BAD_INPUT", "expires_on"),
    ],
)
async def test_a_correction_that_cannot_be_changes_nothing(
    house: Any, lot: str, expires_on: str, sku: str, reason: str, field: str
) -> None:
    await tracked(house, "MILK")
    await receive(house, line("MILK", 5, "L1", day(4)))
    call = lot_service(house).CorrectLotExpiry(correction(house, lot, expires_on, sku))
    failure = await house.refused_unchanged(call)
    assert (failure.reason, [one.field for one in failure.fields]) == (reason, [field])


async def test_a_lot_that_enters_while_its_day_is_corrected_has_the_new_one(house: Any) -> None:
    await tracked(house, "MILK")
    await second_warehouse(house)
    await receive(house, line("MILK", 5, "L1", day(4)))
    arrival = pb.ReceiveStockRequest(
        request_id=house.new_id(),
        warehouse_code="SUB1",
        document="PO",
        lines=[line("MILK", 3, "L1", bin_code="QUARANTINE")],
    )
    async with house.shop.sql.transaction():
        await house.shop.sql.execute("UPDATE lot SET expires_on = expires_on + 7 WHERE lot_code = 'L1'")
        arriving = asyncio.ensure_future(house.inventory.ReceiveStock(arrival))

        async def waits() -> bool:
            return bool(await house.shop.scalar("SELECT count(*) FROM pg_locks WHERE NOT granted"))

        await house.shop.until(waits)
    await arriving
    ((last,),) = await house.shop.rows(
        "SELECT last_sale_day FROM warehouse_lot WHERE warehouse_code = 'SUB1'"
    )
    assert last.isoformat() == day(11)


async def test_what_expires_soon_is_listed_with_its_bins(house: Any) -> None:
    await tracked(house, "MILK", days_min=3)
    await tracked(house, "RICE")
    await receive(
        house,
        line("MILK", 4, "OLD", day(2)),
        line("MILK", 3, "OLD", bin_code="B-01"),
        line("MILK", 2, "GONE", day(2), "QUARANTINE"),
        line("RICE", 9, "SOON", day(7)),
        line("RICE", 9, "LATE", day(9)),
    )
    await house.inventory.ScrapStock(
        pb.ScrapStockRequest(
            request_id=house.new_id(),
            warehouse_code=WAREHOUSE,
            sku_code="MILK",
            bin_code="QUARANTINE",
            quantity=2,
            reason="old",
            lot_code="GONE",
        )
    )
    asked = lots_pb.ListExpiringLotsRequest(warehouse_code=WAREHOUSE, within_days=7, page_size=1)
    first = await lot_service(house).ListExpiringLots(asked)
    asked.page_token = first.next_page_token
    second = await lot_service(house).ListExpiringLots(asked)
    shown = [
        (
            one.lot_code,
            one.days_left,
            one.quantity,
            [(place.bin_code, place.quantity) for place in one.places],
        )
        for one in [*first.lots, *second.lots]
    ]
    assert shown == [("OLD", -1, 7, [("A-01", 4), ("B-01", 3)]), ("SOON", 7, 9, [("A-01", 9)])]
    assert (first.lots[0].expires_on, first.lots[0].last_sale_day) == (day(2), day(-1))
    assert (first.lots[0].place_count, second.next_page_token) == (2, "")
    asked.within_days = 8
    failure = await house.refused(lot_service(house).ListExpiringLots(asked))
    assert (failure.reason, failure.fields[0].field) == ("BAD_INPUT", "page_token")
    nowhere = lots_pb.ListExpiringLotsRequest(warehouse_code="NOWHERE", within_days=4_000)
    failure = await house.refused(lot_service(house).ListExpiringLots(nowhere))
    assert (failure.reason, failure.fields[0].field) == ("BAD_INPUT", "within_days")


async def test_lots_that_are_not_what_the_ledger_says_are_found_and_rebuilt(house: Any) -> None:
    await tracked(house, "MILK")
    await receive(house, line("MILK", 5, "OLD", day(-1)), line("MILK", 2, "L2", day(9)))
    await house.shop.sql.execute("UPDATE lot_stock SET quantity = 4 WHERE lot_code = 'OLD'")
    report = await house.audit.VerifyLedger(pb.VerifyLedgerRequest())
    wrong, counted = report.differences
    assert (wrong.place_code, wrong.lot_code, wrong.stored_quantity, wrong.ledger_quantity) == (
        "A-01",
        "OLD",
        4,
        5,
    )
    assert (counted.of_expired, counted.stored_quantity, counted.ledger_quantity) == (True, 5, 4)
    await house.shop.sql.execute("UPDATE level SET expired = 3 WHERE sku_code = 'MILK'")
    rebuilt = await house.audit.RebuildFigures(
        pb.RebuildFiguresRequest(request_id=house.new_id(), warehouse_code=WAREHOUSE, reason="bent")
    )
    assert [(one.lot_code, one.of_expired) for one in rebuilt.rebuilt] == [("OLD", False), ("", True)]
    assert (await house.figures("MILK")).expired == 5
    await house.shop.sql.execute("UPDATE level SET expired = 3 WHERE sku_code = 'MILK'")
    (wrong,) = (await house.audit.VerifyLedger(pb.VerifyLedgerRequest())).differences
    assert (wrong.of_expired, wrong.stored_quantity, wrong.ledger_quantity) == (True, 3, 5)
    await house.audit.RebuildFigures(
        pb.RebuildFiguresRequest(request_id=house.new_id(), warehouse_code=WAREHOUSE, reason="bent again")
    )
    assert await house.shop.scalar("SELECT count(*) FROM rebuilt_figure WHERE of_expired") == 2
    await require_true(house)


async def test_an_entry_with_a_lot_is_part_of_the_chain(house: Any) -> None:
    await tracked(house, "MILK", LotTracking.LOT)
    await house.stocked("CUP", 1)
    await receive(house, line("MILK", 5, "L1"))
    await house.shop.admin.execute("UPDATE ledger_entry SET lot_code = 'L2' WHERE lot_code = 'L1'")
    report = await house.audit.VerifyLedger(pb.VerifyLedgerRequest())
    (found,) = report.chain_breaks
    assert (found.sequence, found.problem) == (2, pb.CHAIN_PROBLEM_CHANGED)


async def test_a_replica_that_knows_no_lots_cannot_take_what_is_of_a_lot(house: Any) -> None:
    await house.stocked("MILK", 3)
    await tracked_again(house)
    await receive(house, line("MILK", 5, "L1"))
    taken = "UPDATE place_stock SET quantity = quantity - %s WHERE place_code = 'A-01' AND sku_code = 'MILK'"
    await house.shop.sql.execute("BEGIN")
    await house.shop.sql.execute(taken, (3,))
    await house.shop.sql.execute("ROLLBACK")
    with pytest.raises(CheckViolation) as caught:
        await house.shop.sql.execute(taken, (4,))
    assert constraint_of(caught.value) == "place_holds_its_lots"
    await require_true(house)


async def tracked_again(house: Any) -> None:
    await house.shop.sql.execute("UPDATE sku SET lot_tracking = 1 WHERE sku_code = 'MILK'")


async def test_a_replica_that_knows_no_lots_receives_nothing_that_is_tracked(house: Any) -> None:
    await house.stocked("MILK", 3)
    await house.stocked("CUP", 3)
    await tracked_again(house)
    unlotted = (
        "INSERT INTO ledger_entry"
        " SELECT (jsonb_populate_record(entry, jsonb_build_object('sequence', head.sequence + 1))).*"
        "  FROM ledger_entry AS entry JOIN ledger_head AS head USING (warehouse_code) WHERE sku_code = %s"
    )
    await house.shop.admin.execute("BEGIN")
    await house.shop.admin.execute(unlotted, ("CUP",))
    await house.shop.admin.execute("ROLLBACK")
    with pytest.raises(CheckViolation) as caught:
        await house.shop.admin.execute(unlotted, ("MILK",))
    assert constraint_of(caught.value) == "receipt_says_its_lot"
