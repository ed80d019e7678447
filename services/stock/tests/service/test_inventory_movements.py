"""Everything that moves stock, over real gRPC and PostgreSQL: places, levels, ledger and events agree."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import grpc
import pytest

from lumbung.stock.v1 import events_pb2 as events_pb
from lumbung.stock.v1 import inventory_pb2 as pb
from lumbung_kit.clients import failure_from
from lumbung_kit.context import acting_as
from lumbung_kit.failures import Kind

pytestmark = pytest.mark.store


def receipt(house, *lines: tuple[str, str, int], **fields) -> pb.ReceiveStockRequest:
    return pb.ReceiveStockRequest(
        **{"request_id": house.new_id(), "warehouse_code": "JKT1", "document": "PO-7", **fields},
        lines=[pb.ReceiptLine(sku_code=sku, bin_code=place, quantity=units) for sku, place, units in lines],
    )


def adjustment(house, sku: str, difference: int, bin_code: str = "A-01") -> pb.AdjustStockRequest:
    return pb.AdjustStockRequest(
        request_id=house.new_id(),
        warehouse_code="JKT1",
        sku_code=sku,
        bin_code=bin_code,
        difference=difference,
        reason="damaged",
    )


def put_back(house, reservation, sku: str, quantity: int, bin_code: str = "A-01") -> pb.RecordPutBackRequest:
    return pb.RecordPutBackRequest(
        request_id=house.new_id(),
        reservation_id=reservation.reservation_id,
        warehouse_code="JKT1",
        sku_code=sku,
        bin_code=bin_code,
        quantity=quantity,
    )


def returned(house, reservation, sku: str, quantity: int, **fields) -> pb.RecordReturnRequest:
    return pb.RecordReturnRequest(
        **{
            "request_id": house.new_id(),
            "reservation_id": reservation.reservation_id,
            "warehouse_code": "JKT1",
            "sku_code": sku,
            "quantity": quantity,
            "condition": pb.RETURN_CONDITION_RESTOCK,
            "bin_code": "A-01",
            **fields,
        }
    )


def short(
    house, sku: str, quantity: int, reservation=None, bin_code: str = "A-01"
) -> pb.RecordShortPickRequest:
    return pb.RecordShortPickRequest(
        request_id=house.new_id(),
        reservation_id=reservation.reservation_id if reservation else "",
        warehouse_code="JKT1",
        sku_code=sku,
        bin_code=bin_code,
        missing_quantity=quantity,
    )


def scrap(house, sku: str, quantity: int, bin_code: str = "A-01") -> pb.ScrapStockRequest:
    return pb.ScrapStockRequest(
        request_id=house.new_id(),
        warehouse_code="JKT1",
        sku_code=sku,
        bin_code=bin_code,
        quantity=quantity,
        reason="broken",
    )


def move(
    house, sku: str, quantity: int, source: str = "A-01", target: str = "B-01"
) -> pb.MoveBetweenBinsRequest:
    return pb.MoveBetweenBinsRequest(
        request_id=house.new_id(),
        warehouse_code="JKT1",
        sku_code=sku,
        quantity=quantity,
        from_bin_code=source,
        to_bin_code=target,
    )


async def test_a_receipt_is_written_once_with_its_actor_document_and_time(house) -> None:
    await house.know("TEE-M")
    await house.know("TEE-L")
    happened = datetime.now(UTC) - timedelta(hours=2)
    request = receipt(house, ("TEE-M", "A-01", 5), ("TEE-L", "A-02", 3), ("TEE-M", "B-01", 2))
    request.effective_time.FromDatetime(happened)
    with acting_as("staff:ani"):
        first = await house.inventory.ReceiveStock(request)
    assert await house.inventory.ReceiveStock(request) == first
    assert [(each.sequence, each.sku_code, each.to_place, each.quantity) for each in first.entries] == [
        (1, "TEE-M", "A-01", 5),
        (2, "TEE-L", "A-02", 3),
        (3, "TEE-M", "B-01", 2),
    ]
    entry = first.entries[0]
    assert (entry.from_place, entry.kind, entry.document) == ("SUPPLIER", pb.MOVEMENT_KIND_RECEIPT, "PO-7")
    assert (entry.actor, entry.request_id) == ("staff:ani", request.request_id)
    assert entry.effective_time.ToDatetime(tzinfo=UTC) == happened
    assert entry.record_time.ToDatetime(tzinfo=UTC) > happened
    assert await house.places("TEE-M") == {"A-01": 5, "B-01": 2}
    assert (await house.figures("TEE-M")).available_to_promise == 7
    await house.require_agreement()


async def test_a_receipt_tells_what_moved_and_whose_availability_changed(house) -> None:
    await house.know("CUP")
    await house.know("SET", {"CUP": 4})
    await house.receive("CUP", 8)
    (moved,) = await house.events("stock_moved")
    assert [(each.sku_code, each.quantity) for each in moved.stock_moved.entries] == [("CUP", 8)]
    (changed,) = await house.events("availability_changed")
    assert list(changed.availability_changed.sku_codes) == ["CUP", "SET"]


async def test_other_content_under_the_same_request_id_is_refused(house) -> None:
    await house.know("TEE-M")
    request = receipt(house, ("TEE-M", "A-01", 5))
    await house.inventory.ReceiveStock(request)
    request.lines[0].quantity = 6
    failure = await house.refused_unchanged(house.inventory.ReceiveStock(request))
    assert (failure.kind, failure.reason) == (Kind.INVALID_ARGUMENT, "REQUEST_ID_REUSED")


async def test_a_receipt_with_one_bad_line_books_nothing_and_names_it(house) -> None:
    await house.know("TEE-M")
    await house.know("SET", {"TEE-M": 2})
    good = ("TEE-M", "A-01", 1)
    for bad, reason, field in (
        (("NO-SUCH", "A-01", 1), "SKU_NOT_FOUND", "lines[1].sku_code"),
        (("SET", "A-01", 1), "SKU_IS_BUNDLE", "lines[1].sku_code"),
        (("TEE-M", "Z-99", 1), "BIN_NOT_FOUND", "lines[1].bin_code"),
        (("TEE-M", "A-01", 0), "BAD_INPUT", "lines[1].quantity"),
        (("TEE-M", "A-01", -1), "BAD_INPUT", "lines[1].quantity"),
        (("TEE-M", "A-01", 1_000_001), "BAD_INPUT", "lines[1].quantity"),
        (("TEE-M", "PACKING", 1), "BIN_NOT_FOUND", "lines[1].bin_code"),
    ):
        failure = await house.refused_unchanged(house.inventory.ReceiveStock(receipt(house, good, bad)))
        assert (failure.reason, [each.field for each in failure.fields]) == (reason, [field])


async def test_a_receipt_cannot_come_from_the_future(house) -> None:
    await house.know("TEE-M")
    request = receipt(house, ("TEE-M", "A-01", 1))
    request.effective_time.FromDatetime(datetime.now(UTC) + timedelta(hours=1))
    failure = await house.refused_unchanged(house.inventory.ReceiveStock(request))
    assert [each.field for each in failure.fields] == ["effective_time"]


async def test_a_move_changes_places_and_no_availability(house) -> None:
    await house.stocked("TEE-M", 5)
    told = len(await house.events("availability_changed"))
    answer = await house.inventory.MoveBetweenBins(move(house, "TEE-M", 2))
    assert (answer.entry.from_place, answer.entry.to_place, answer.entry.kind) == (
        "A-01",
        "B-01",
        pb.MOVEMENT_KIND_MOVE,
    )
    assert await house.places("TEE-M") == {"A-01": 3, "B-01": 2}
    assert len(await house.events("availability_changed")) == told
    await house.require_agreement()


async def test_what_a_bin_does_not_hold_cannot_leave_it(house) -> None:
    await house.stocked("TEE-M", 5)
    await house.receive("TEE-M", 5, "B-01")
    sale = await house.sell({"TEE-M": 8})
    pick = pb.RecordPickRequest(
        request_id=house.new_id(),
        reservation_id=sale.reservation_id,
        warehouse_code="JKT1",
        sku_code="TEE-M",
        bin_code="A-01",
        quantity=6,
    )
    for call in (
        house.inventory.MoveBetweenBins(move(house, "TEE-M", 6)),
        house.inventory.AdjustStock(adjustment(house, "TEE-M", -6)),
        house.inventory.ScrapStock(scrap(house, "TEE-M", 6)),
        house.inventory.RecordShortPick(short(house, "TEE-M", 6)),
        house.inventory.RecordPick(pick),
    ):
        failure = await house.refused_unchanged(call)
        assert (failure.kind, failure.reason) == (Kind.FAILED_PRECONDITION, "NOT_ENOUGH_IN_BIN")
        assert failure.metadata["bin_code"] == "A-01"
        assert (failure.metadata["asked_quantity"], failure.metadata["available_quantity"]) == ("6", "5")


async def test_adjustments_move_units_from_and_to_the_adjustment_place(house) -> None:
    await house.stocked("TEE-M", 5)
    found = await house.inventory.AdjustStock(adjustment(house, "TEE-M", 2, "B-01"))
    lost = await house.inventory.AdjustStock(adjustment(house, "TEE-M", -4))
    assert (found.entry.from_place, found.entry.to_place, found.entry.quantity) == ("ADJUSTMENT", "B-01", 2)
    assert (lost.entry.from_place, lost.entry.to_place, lost.entry.quantity) == ("A-01", "ADJUSTMENT", 4)
    assert lost.entry.reason == "damaged"
    assert (await house.figures("TEE-M")).on_hand == 3
    await house.require_agreement()


async def test_scrapped_units_are_no_longer_on_hand(house) -> None:
    await house.stocked("TEE-M", 5)
    answer = await house.inventory.ScrapStock(scrap(house, "TEE-M", 2))
    assert (answer.entry.to_place, answer.entry.kind) == ("SCRAP", pb.MOVEMENT_KIND_SCRAP)
    assert (await house.figures("TEE-M")).available_to_promise == 3
    await house.require_agreement()


async def test_an_order_is_picked_packed_and_shipped_to_the_unit(house) -> None:
    await house.know("CUP")
    await house.know("SAUCER")
    await house.know("SET", {"CUP": 2, "SAUCER": 2})
    await house.receive("CUP", 10)
    await house.receive("SAUCER", 10, "A-02")
    sale = await house.sell({"SET": 2, "CUP": 1})
    await house.pick(sale, "CUP", 3)
    await house.pick(sale, "CUP", 2)
    failure = await house.refused_unchanged(house.ship(sale))
    assert (failure.reason, failure.metadata["sku_code"]) == ("NOT_PICKED", "SAUCER")
    await house.pick(sale, "SAUCER", 4, "A-02")
    assert await house.places("CUP") == {"A-01": 5, "PACKING": 5}
    assert (await house.figures("CUP")).on_hand == 10

    entries = (await house.ship(sale)).entries
    assert {(each.sku_code, each.quantity) for each in entries} == {("CUP", 5), ("SAUCER", 4)}
    assert {(each.from_place, each.to_place, each.document) for each in entries} == {
        ("PACKING", "CUSTOMER", "JNE-1")
    }
    assert await house.places("CUP") == {"A-01": 5}
    figures = await house.figures("CUP")
    assert (figures.on_hand, figures.sold, figures.available_to_promise) == (5, 0, 5)
    (shipped,) = await house.events("reservation_shipped")
    assert shipped.reservation_shipped.document == "JNE-1"
    await house.require_agreement()


async def test_shipping_twice_gives_the_first_answer_or_says_why_not(house) -> None:
    await house.stocked("TEE-M", 2)
    sale = await house.sell({"TEE-M": 1})
    await house.pick(sale, "TEE-M", 1)
    request = pb.ShipReservationRequest(request_id=house.new_id(), reservation_id=sale.reservation_id)
    first = await house.inventory.ShipReservation(request)
    assert await house.inventory.ShipReservation(request) == first
    assert first.entries[0].document == sale.reservation_id
    failure = await house.refused_unchanged(house.ship(sale))
    assert (failure.reason, failure.metadata["state"]) == ("NOT_CONFIRMED", "SHIPPED")


async def test_more_than_reserved_cannot_be_picked(house) -> None:
    await house.stocked("TEE-M", 9)
    await house.stocked("CAP", 9)
    sale = await house.sell({"TEE-M": 2})
    await house.pick(sale, "TEE-M", 1)
    for sku, quantity in (("TEE-M", 2), ("CAP", 1)):
        failure = await house.refused_unchanged(house.pick(sale, sku, quantity))
        assert (failure.kind, failure.reason) == (Kind.FAILED_PRECONDITION, "MORE_THAN_RESERVED")


async def test_only_a_confirmed_sale_is_picked_and_shipped(house) -> None:
    await house.stocked("TEE-M", 9)
    held = await house.shop.hold({"TEE-M": 1})
    cancelled = await house.sell({"TEE-M": 1})
    await house.cancel(cancelled)
    for reservation, state in ((held, "HELD"), (cancelled, "CANCELLED")):
        for call in (house.pick(reservation, "TEE-M", 1), house.ship(reservation)):
            failure = await house.refused_unchanged(call)
            assert (failure.reason, failure.metadata["state"]) == ("NOT_CONFIRMED", state)


async def test_a_cancelled_order_that_was_picked_is_put_back(house) -> None:
    await house.stocked("TEE-M", 5)
    sale = await house.sell({"TEE-M": 3})
    await house.pick(sale, "TEE-M", 2)
    await house.cancel(sale)
    assert (await house.figures("TEE-M")).available_to_promise == 5
    failure = await house.refused_unchanged(house.inventory.RecordPutBack(put_back(house, sale, "TEE-M", 3)))
    assert (failure.reason, failure.metadata["available_quantity"]) == ("MORE_THAN_PICKED", "2")
    answer = await house.inventory.RecordPutBack(put_back(house, sale, "TEE-M", 2, "B-01"))
    assert (answer.entry.from_place, answer.entry.to_place) == ("PACKING", "B-01")
    assert await house.places("TEE-M") == {"A-01": 3, "B-01": 2}
    await house.require_agreement()


async def test_what_was_shipped_cannot_be_put_back(house) -> None:
    await house.stocked("TEE-M", 5)
    other = await house.sell({"TEE-M": 1})
    await house.pick(other, "TEE-M", 1)
    gone = await house.shipped("TEE-M", 1)
    failure = await house.refused_unchanged(house.inventory.RecordPutBack(put_back(house, gone, "TEE-M", 1)))
    assert failure.reason == "MORE_THAN_PICKED"


async def test_returned_goods_are_sold_again_set_apart_or_thrown_away(house) -> None:
    await house.stocked("TEE-M", 5)
    sale = await house.shipped("TEE-M", 4)
    await house.inventory.RecordReturn(returned(house, sale, "TEE-M", 2, bin_code="B-01", reason="too small"))
    quarantine = {"condition": pb.RETURN_CONDITION_QUARANTINE, "bin_code": ""}
    await house.inventory.RecordReturn(returned(house, sale, "TEE-M", 1, **quarantine))
    scrapped = {"condition": pb.RETURN_CONDITION_SCRAP, "bin_code": ""}
    answer = await house.inventory.RecordReturn(returned(house, sale, "TEE-M", 1, **scrapped))
    assert (answer.entry.from_place, answer.entry.to_place) == ("CUSTOMER", "SCRAP")
    assert answer.entry.document == sale.reservation_id
    assert await house.places("TEE-M") == {"A-01": 1, "B-01": 2, "QUARANTINE": 1}
    assert (await house.figures("TEE-M")).on_hand == 3
    failure = await house.refused_unchanged(house.inventory.RecordReturn(returned(house, sale, "TEE-M", 1)))
    assert (failure.reason, failure.metadata["available_quantity"]) == ("MORE_THAN_SHIPPED", "0")
    await house.require_agreement()


async def test_only_shipped_goods_come_back(house) -> None:
    await house.stocked("TEE-M", 5)
    sale = await house.sell({"TEE-M": 1})
    failure = await house.refused_unchanged(house.inventory.RecordReturn(returned(house, sale, "TEE-M", 1)))
    assert (failure.kind, failure.reason) == (Kind.FAILED_PRECONDITION, "NOT_SHIPPED")


async def test_a_short_pick_names_whom_it_hits_and_is_resolved_when_goods_come(house) -> None:
    await house.stocked("TEE-M", 5)
    older = await house.sell({"TEE-M": 2})
    younger = await house.sell({"TEE-M": 3})
    await house.pick(older, "TEE-M", 2)
    answer = await house.inventory.RecordShortPick(short(house, "TEE-M", 2, younger))
    assert (answer.entry.kind, answer.entry.reason) == (pb.MOVEMENT_KIND_SHORT_PICK, "SHORT_PICK")
    figures = await house.figures("TEE-M")
    assert (figures.on_hand, figures.sold, figures.shortfall, figures.available_to_promise) == (3, 5, 2, 0)
    (raised,) = await house.events("shortfall_raised")
    assert raised.shortfall_raised.missing_quantity == 2
    await house.require_agreement(shortfall=2)

    await house.receive("TEE-M", 4)
    assert (await house.figures("TEE-M")).shortfall == 0
    assert len(await house.events("shortfall_resolved")) == 1
    await house.require_agreement()


async def test_replenishment_keeps_units_back(house) -> None:
    await house.stocked("CUP", 9)
    await house.know("SET", {"CUP": 2})
    request = pb.SetReplenishmentRequest(
        request_id=house.new_id(),
        replenishment=pb.Replenishment(
            warehouse_code="JKT1", sku_code="CUP", safety_stock=4, reorder_point=6, reorder_quantity=20
        ),
    )
    answer = await house.inventory.SetReplenishment(request)
    assert answer.replenishment == request.replenishment
    assert (await house.figures("CUP")).available_to_promise == 5
    assert (await house.figures("SET")).available_to_promise == 2
    changed = (await house.events("availability_changed"))[-1].availability_changed
    assert list(changed.sku_codes) == ["CUP", "SET"]


async def test_the_same_request_twice_moves_goods_once(house) -> None:
    await house.stocked("TEE-M", 20)
    sale = await house.sell({"TEE-M": 4})
    gone = await house.shipped("TEE-M", 3)
    await house.pick(sale, "TEE-M", 2)
    for method, request in (
        ("MoveBetweenBins", move(house, "TEE-M", 1)),
        ("AdjustStock", adjustment(house, "TEE-M", -1)),
        ("ScrapStock", scrap(house, "TEE-M", 1)),
        ("RecordShortPick", short(house, "TEE-M", 1)),
        ("RecordPutBack", put_back(house, sale, "TEE-M", 1)),
        ("RecordReturn", returned(house, gone, "TEE-M", 1)),
    ):
        call = getattr(house.inventory, method)
        first = await call(request)
        after = await house.content()
        assert await call(request) == first, method
        assert await house.content() == after, method
        request.sku_code = "OTHER"
        failure = await house.refused_unchanged(call(request))
        assert failure.reason == "REQUEST_ID_REUSED", method


async def test_of_twenty_who_take_the_last_ten_units_ten_succeed(house) -> None:
    await house.stocked("TEE-M", 10)

    async def outcome() -> str:
        try:
            await house.inventory.ScrapStock(scrap(house, "TEE-M", 1))
        except grpc.aio.AioRpcError as error:
            return failure_from(error).reason
        return "SCRAPPED"

    answers = await asyncio.gather(*(outcome() for _ in range(20)))
    assert sorted(answers) == ["NOT_ENOUGH_IN_BIN"] * 10 + ["SCRAPPED"] * 10
    await house.require_agreement()


async def test_movements_that_cross_each_other_all_take_effect(house) -> None:
    skus = ("A", "B", "C")
    for sku in skus:
        await house.stocked(sku, 50)
    calls = []
    for n in range(15):
        first, second = skus[n % 3], skus[(n + 1) % 3]
        calls.append(house.inventory.MoveBetweenBins(move(house, first, 1, "A-01", "B-01")))
        calls.append(house.inventory.ReceiveStock(receipt(house, (second, "B-01", 2), (first, "A-02", 1))))
        calls.append(house.inventory.AdjustStock(adjustment(house, second, -1)))
        calls.append(house.inventory.ReceiveStock(receipt(house, (first, "A-01", 1), (second, "A-02", 1))))
    await asyncio.gather(*calls)
    assert sum([(await house.figures(sku)).on_hand for sku in skus]) == 150 + 15 * (3 - 1 + 2)
    sequences = await (
        await house.shop.sql.execute("SELECT sequence FROM ledger_entry ORDER BY 1")
    ).fetchall()
    assert [sequence for (sequence,) in sequences] == list(range(1, 3 + 15 * 6 + 1))
    await house.require_agreement()


async def test_the_ledger_is_listed_by_pages_and_filters(house) -> None:
    await house.stocked("TEE-M", 5)
    await house.stocked("CAP", 5)
    sale = await house.sell({"TEE-M": 1})
    await house.pick(sale, "TEE-M", 1)
    await house.ship(sale)

    async def sequences(**filters) -> list[int]:
        found, token = [], ""
        while True:
            page = await house.inventory.ListLedgerEntries(
                pb.ListLedgerEntriesRequest(warehouse_code="JKT1", page_size=2, page_token=token, **filters)
            )
            found += [each.sequence for each in page.entries]
            token = page.next_page_token
            if not token:
                return found

    assert await sequences() == [1, 2, 3, 4]
    assert await sequences(sku_code="TEE-M") == [1, 3, 4]
    assert await sequences(document="PO-1") == [1, 2]
    assert await sequences(document="JNE-1") == [4]
    assert await sequences(document=sale.reservation_id) == [3, 4]


async def test_bin_stock_is_listed_by_pages_and_filters(house) -> None:
    await house.stocked("TEE-M", 1)
    await house.stocked("CAP", 2)
    await house.receive("CAP", 3, "B-01")
    listed, token = [], ""
    for _ in range(3):
        page = await house.inventory.ListBinStock(
            pb.ListBinStockRequest(warehouse_code="JKT1", page_size=1, page_token=token)
        )
        listed += [(each.bin_code, each.sku_code, each.quantity) for each in page.bin_stock]
        token = page.next_page_token
    assert listed == [("A-01", "CAP", 2), ("A-01", "TEE-M", 1), ("B-01", "CAP", 3)]
    assert token == ""
    only = await house.inventory.ListBinStock(
        pb.ListBinStockRequest(warehouse_code="JKT1", bin_codes=["A-01"], sku_codes=["CAP"])
    )
    assert [(each.bin_code, each.sku_code) for each in only.bin_stock] == [("A-01", "CAP")]


async def test_the_services_own_role_cannot_rewrite_the_ledger(house) -> None:
    await house.stocked("TEE-M", 1)
    for statement in ("UPDATE ledger_entry SET quantity = 2", "DELETE FROM ledger_entry"):
        with pytest.raises(Exception, match="permission denied"):
            await house.shop.sql.execute(statement)


async def test_more_than_a_client_takes_in_at_once_is_sent_in_portions(house) -> None:
    """Ten events of half a megabyte each: a client refuses responses above four."""
    codes = [f"SKU-{n:060}" for n in range(8_000)]
    large = events_pb.Event(availability_changed=events_pb.AvailabilityChanged(sku_codes=codes))
    await house.shop.sql.execute(
        "INSERT INTO event_outbox (event_id, kind, subject, payload, traceparent)"
        " SELECT gen_random_uuid(), 'availability_changed', '', %s, '' FROM generate_series(1, 10)",
        (large.SerializeToString(),),
    )
    found = []
    async with asyncio.timeout(60):
        async for response in house.subscribe(0):
            found += [len(event.availability_changed.sku_codes) for event in response.events]
            if len(found) == 10:
                break
    assert found == [8_000] * 10
