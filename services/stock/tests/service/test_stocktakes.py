"""Counts: blind, by several people, at the scan, approved by another person, whatever is picked meanwhile."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from lumbung.stock.v1 import (
    inventory_pb2,
    quarantine_pb2,
    quarantine_pb2_grpc,
    receiving_pb2,
    receiving_pb2_grpc,
    stocktakes_pb2_grpc,
)
from lumbung.stock.v1 import stocktakes_pb2 as pb
from lumbung_kit.context import acting_as
from lumbung_kit.failures import Kind
from lumbung_stock.domain.ledger import Author, Booking, Movement, MovementKind
from lumbung_stock.entrypoints.page_tokens import page_token
from lumbung_stock.usecases.book_movements import book_movements

pytestmark = pytest.mark.store

BOSS, ANI, BUDI = "staff:boss", "terminal:ani", "terminal:budi"


def counts(house: Any) -> Any:
    return stocktakes_pb2_grpc.StocktakeServiceStub(house.shop.channel)


async def opened(house: Any, **fields: Any) -> pb.Stocktake:
    scope = {name: fields.pop(name) for name in ("zones", "bin_codes", "sku_codes") if name in fields}
    request = pb.OpenStocktakeRequest(
        request_id=house.new_id(),
        title="November",
        scope=pb.StocktakeScope(warehouse_code="JKT1", **scope),
        **{"movement_window": Duration(), **fields},
    )
    return (await counts(house).OpenStocktake(request)).stocktake


async def record(
    house: Any, count: pb.Stocktake, rows: list[tuple[str, str, int]], counter: str = ANI, **fields: Any
) -> pb.RecordCountsResponse:
    request = pb.RecordCountsRequest(
        request_id=house.new_id(),
        stocktake_id=count.stocktake_id,
        counts=[
            pb.Count(bin_code=place, sku_code=sku, counted_quantity=units, scan_id=house.new_id())
            for place, sku, units in rows
        ],
        **fields,
    )
    with acting_as(counter):
        return await counts(house).RecordCounts(request)


async def tasks(house: Any, count: pb.Stocktake, size: int = 2) -> list[tuple[str, str, int]]:
    found: list[tuple[str, str, int]] = []
    token = ""
    while True:
        page = await counts(house).ListCountTasks(
            pb.ListCountTasksRequest(stocktake_id=count.stocktake_id, page_size=size, page_token=token)
        )
        found += [(task.bin_code, task.sku_code, task.round) for task in page.tasks]
        token = page.next_page_token
        if not token:
            return found


async def finish(house: Any, count: pb.Stocktake, **fields: Any) -> pb.FinishRoundResponse:
    request = pb.FinishRoundRequest(request_id=house.new_id(), stocktake_id=count.stocktake_id, **fields)
    return await counts(house).FinishRound(request)


async def review(house: Any, count: pb.Stocktake, **fields: Any) -> pb.ReviewStocktakeResponse:
    request = pb.ReviewStocktakeRequest(stocktake_id=count.stocktake_id, **fields)
    return await counts(house).ReviewStocktake(request)


async def approve(
    house: Any, count: pb.Stocktake, approver: str = BOSS, **fields: Any
) -> pb.ApproveStocktakeResponse:
    request = pb.ApproveStocktakeRequest(request_id=house.new_id(), stocktake_id=count.stocktake_id, **fields)
    with acting_as(approver):
        return await counts(house).ApproveStocktake(request)


async def there(house: Any) -> dict[tuple[str, str], int]:
    listed = await house.inventory.ListBinStock(inventory_pb2.ListBinStockRequest(warehouse_code="JKT1"))
    return {(each.bin_code, each.sku_code): each.quantity for each in listed.bin_stock}


async def move(
    house: Any,
    kind: MovementKind,
    sku: str,
    units: int,
    source: str,
    target: str,
    ago: timedelta | None = None,
) -> None:
    """Something that happens on the floor meanwhile, or happened some time ago."""
    happened = datetime.now(UTC) - ago if ago else None
    movements = (Movement(kind, sku, units, source, target),)
    booking = Booking("JKT1", movements, Author(BUDI, house.new_id()), happened)
    async with house.shop.postgres.transaction() as conn:
        await book_movements(conn, booking)


async def test_an_opening_balance_from_nothing(house: Any) -> None:
    """Nothing is in the books: every bin is looked into, and what is found is written down."""
    await house.know("CUP")
    await house.know("CAP")
    count = await opened(house)
    assert (count.state, count.round) == (pb.STOCKTAKE_STATE_COUNTING, 1)
    assert sorted(await tasks(house, count)) == [("A-01", "", 1), ("A-02", "", 1), ("B-01", "", 1)]
    await record(house, count, [("A-01", "CUP", 12), ("A-01", "CAP", 3), ("A-01", "", 0), ("A-02", "", 0)])
    assert await tasks(house, count) == [("B-01", "", 1)]
    await record(house, count, [("B-01", "CAP", 5), ("B-01", "", 0)])
    again = await finish(house, count)
    assert (again.stocktake.state, again.recount_line_count) == (pb.STOCKTAKE_STATE_RECOUNTING, 3)
    await record(house, count, [("A-01", "CUP", 12), ("A-01", "CAP", 4), ("B-01", "CAP", 5)], BUDI)
    done = await finish(house, count)
    assert (done.stocktake.state, done.recount_line_count) == (pb.STOCKTAKE_STATE_REVIEW, 0)
    booked = await approve(house, count)
    assert (booked.stocktake.state, booked.entry_count) == (pb.STOCKTAKE_STATE_APPROVED, 3)
    assert booked.stocktake.end_actor == BOSS
    assert await there(house) == {("A-01", "CAP"): 4, ("A-01", "CUP"): 12, ("B-01", "CAP"): 5}
    entries = await house.inventory.ListLedgerEntries(
        inventory_pb2.ListLedgerEntriesRequest(warehouse_code="JKT1", document=count.stocktake_id)
    )
    assert {entry.kind for entry in entries.entries} == {inventory_pb2.MOVEMENT_KIND_COUNT}
    assert {entry.actor for entry in entries.entries} == {BOSS}
    assert not (await house.audit.VerifyLedger(inventory_pb2.VerifyLedgerRequest())).differences


async def test_sheets_are_blind(house: Any) -> None:
    await house.stocked("CUP", 7)
    count = await opened(house)
    page = await counts(house).ListCountTasks(pb.ListCountTasksRequest(stocktake_id=count.stocktake_id))
    assert ("A-01", "CUP") in {(task.bin_code, task.sku_code) for task in page.tasks}
    assert "7" not in str(page.tasks)
    assert not [field.name for field in pb.CountTask.DESCRIPTOR.fields if "quantity" in field.name]


async def test_what_moves_before_and_after_the_scan_makes_no_count_wrong(house: Any, seed: int) -> None:
    """Sales, receipts and moves go on all the time; the book is off by known differences, and only these are booked."""
    chance = random.Random(seed)
    bins, skus = ("A-01", "A-02", "B-01"), ("CAP", "CUP", "TEE-M")
    real: Counter[tuple[str, str]] = Counter()
    for sku in skus:
        await house.know(sku)
        for place in bins:
            await house.receive(sku, 40, place)
            real[place, sku] = 40 + chance.choice([0, 0, -3, 2])
    wrong = {line: units - 40 for line, units in real.items() if units != 40}
    count = await opened(house)

    async def trade() -> None:
        """On the floor and in the books at once."""
        place, sku = chance.choice(bins), chance.choice(skus)
        kind = chance.choice(["pick", "receipt", "move"])
        if kind == "pick":
            await move(house, MovementKind.PICK, sku, 1, place, "PACKING")
            real[place, sku] -= 1
        elif kind == "receipt":
            await move(house, MovementKind.RECEIPT, sku, 2, "SUPPLIER", place)
            real[place, sku] += 2
        else:
            other = chance.choice([each for each in bins if each != place])
            await move(house, MovementKind.PUTAWAY, sku, 1, place, other)
            real[place, sku] -= 1
            real[other, sku] += 1

    for round_ in (1, 2):
        todo = await tasks(house, count, 500)
        chance.shuffle(todo)
        for place, sku, _ in todo:
            for _ in range(chance.randint(0, 2)):
                await trade()
            await record(house, count, [(place, sku, real[place, sku])], chance.choice([ANI, BUDI]))
            await trade()
        done = await finish(house, count)
        if round_ == 1:
            assert done.recount_line_count == len(wrong)
    assert done.stocktake.state == pb.STOCKTAKE_STATE_REVIEW
    for _ in range(5):
        await trade()
    shown = await review(house, count)
    told = {
        (each.bin_code, each.sku_code): each.counted_quantity - each.ledger_quantity
        for each in shown.differences
    }
    assert told == wrong
    assert (await approve(house, count)).entry_count == len(wrong)
    assert {line: units for line, units in (await there(house)).items() if line[0] in bins} == {
        line: units for line, units in real.items() if units
    }
    assert not (await house.audit.VerifyLedger(inventory_pb2.VerifyLedgerRequest())).differences


async def test_a_line_that_moved_in_the_window_is_counted_again(house: Any) -> None:
    await house.stocked("CUP", 5)
    count = await opened(house, bin_codes=["A-01"], movement_window=Duration(seconds=600))
    await move(house, MovementKind.PICK, "CUP", 1, "A-01", "PACKING")
    await record(house, count, [("A-01", "CUP", 5)])
    (line,) = (await review(house, count)).differences
    assert line.verdict == pb.COUNT_VERDICT_MOVED
    assert (await finish(house, count)).recount_line_count == 1
    await finish(house, count, accept_uncounted=True, skip_recount=True)
    failure = await house.refused(approve(house, count))
    assert (failure.reason, failure.metadata["verdict"]) == ("COUNT_UNCERTAIN", "MOVED")
    done = await approve(house, count, leave_uncertain=True)
    assert (done.entry_count, done.left_uncertain_count) == (0, 1)
    assert (await there(house))["A-01", "CUP"] == 4


async def test_unless_one_says_otherwise_a_pick_half_a_minute_from_a_scan_is_near_it(house: Any) -> None:
    """A hand was in the bin before its pick was booked."""
    await house.stocked("CUP", 5)
    asked = pb.OpenStocktakeRequest(
        request_id=house.new_id(),
        title="November",
        scope=pb.StocktakeScope(warehouse_code="JKT1", bin_codes=["A-01"]),
    )
    count = (await counts(house).OpenStocktake(asked)).stocktake
    assert count.movement_window.seconds == 30
    assert (await opened(house, bin_codes=["A-02"], sku_codes=["CUP"])).movement_window.seconds == 0


async def test_those_come_first_that_were_picked_most_in_the_days_that_one_says(house: Any) -> None:
    for sku, place in (("CUP", "A-01"), ("CAP", "A-02")):
        await house.stocked(sku, 9, place)
    await move(house, MovementKind.PICK, "CUP", 5, "A-01", "PACKING", timedelta(days=40))
    await move(house, MovementKind.PICK, "CAP", 3, "A-02", "PACKING", timedelta(days=20))
    orders = []
    for days in (0, 60, 30):
        count = await opened(house, fast_movers_first=True, fast_movers_days=days)
        orders.append([sku for _, sku, _ in await tasks(house, count) if sku])
        gone = pb.AbandonStocktakeRequest(
            request_id=house.new_id(), stocktake_id=count.stocktake_id, reason="asked"
        )
        await counts(house).AbandonStocktake(gone)
    assert orders == [["CUP", "CAP"], ["CUP", "CAP"], ["CAP", "CUP"]]


async def test_counters_who_disagree_are_asked_again(house: Any) -> None:
    await house.stocked("CUP", 5)
    count = await opened(house, bin_codes=["A-01"])
    await record(house, count, [("A-01", "CUP", 5)], ANI)
    await record(house, count, [("A-01", "CUP", 4)], BUDI)
    (line,) = (await review(house, count)).differences
    assert (line.verdict, list(line.counters)) == (pb.COUNT_VERDICT_DISAGREED, [ANI, BUDI])
    assert (await finish(house, count)).recount_line_count == 1
    (task,) = (
        await counts(house).ListCountTasks(pb.ListCountTasksRequest(stocktake_id=count.stocktake_id))
    ).tasks
    assert list(task.counted_by) == [ANI, BUDI]


@pytest.mark.parametrize("approver", [ANI, BUDI, "staff:test"])
async def test_who_opened_or_counted_cannot_approve(house: Any, approver: str) -> None:
    await house.stocked("CUP", 5)
    count = await opened(house, bin_codes=["A-01"])
    assert count.actor == "staff:test"
    await record(house, count, [("A-01", "CUP", 4)], ANI)
    await finish(house, count)
    await record(house, count, [("A-01", "CUP", 4)], BUDI)
    await finish(house, count)
    failure = await house.refused(approve(house, count, approver))
    assert (failure.kind, failure.reason) == (Kind.PERMISSION_DENIED, "SAME_PERSON")
    assert (await there(house))["A-01", "CUP"] == 5
    await approve(house, count)
    assert (await there(house))["A-01", "CUP"] == 4


async def test_two_who_approve_at_once_book_once(house: Any) -> None:
    await house.stocked("CUP", 5)
    count = await opened(house, bin_codes=["A-01"])
    await record(house, count, [("A-01", "CUP", 3)])
    await finish(house, count, skip_recount=True)
    outcomes = await asyncio.gather(
        *(approve(house, count, f"staff:boss-{number}") for number in range(4)), return_exceptions=True
    )
    assert sum(isinstance(each, pb.ApproveStocktakeResponse) for each in outcomes) == 1
    assert (await there(house))["A-01", "CUP"] == 3


async def test_a_repeated_request_gets_its_first_answer(house: Any) -> None:
    await house.stocked("CUP", 5)
    opening = pb.OpenStocktakeRequest(
        request_id="open", title="x", scope=pb.StocktakeScope(warehouse_code="JKT1", bin_codes=["A-01"])
    )
    first = await counts(house).OpenStocktake(opening)
    assert await counts(house).OpenStocktake(opening) == first
    stocktake_id = first.stocktake.stocktake_id
    row = pb.Count(bin_code="A-01", sku_code="CUP", counted_quantity=3, scan_id="s-1")
    written = pb.RecordCountsRequest(request_id="rows", stocktake_id=stocktake_id, counts=[row])
    assert (await counts(house).RecordCounts(written)).recorded_count == 1
    assert (await counts(house).RecordCounts(written)).recorded_count == 1
    written.request_id = "again"
    answer = await counts(house).RecordCounts(written)
    assert (answer.recorded_count, answer.repeated_count) == (0, 1)
    await finish(house, first.stocktake, skip_recount=True)
    approval = pb.ApproveStocktakeRequest(request_id="yes", stocktake_id=stocktake_id)
    with acting_as(BOSS):
        done = await counts(house).ApproveStocktake(approval)
        assert await counts(house).ApproveStocktake(approval) == done
    assert (await there(house))["A-01", "CUP"] == 3


async def test_promises_beyond_what_was_counted_become_a_shortfall(house: Any) -> None:
    await house.stocked("CUP", 5)
    held = await house.shop.hold({"CUP": 4})
    count = await opened(house, bin_codes=["A-01"])
    await record(house, count, [("A-01", "CUP", 1)])
    await finish(house, count, skip_recount=True)
    await approve(house, count)
    assert await house.shop.scalar("SELECT shortfall FROM level WHERE sku_code = 'CUP'") == 3
    assert (await house.shop.get(held)).state == 1
    await house.shop.require_conserved()


def by_hand(house: Any, reason: str = "") -> dict[str, Any]:
    """Every change by hand of CUP in A-01."""
    one = {"warehouse_code": "JKT1", "sku_code": "CUP", "quantity": 1, "reason": "wet"}
    quarantine = quarantine_pb2_grpc.QuarantineServiceStub(house.shop.channel)
    rest = {"stocktake_override_reason": reason}
    return {
        "adjust": lambda: house.inventory.AdjustStock(
            inventory_pb2.AdjustStockRequest(
                request_id=house.new_id(), warehouse_code="JKT1", sku_code="CUP", bin_code="A-01",
                difference=1, reason="found", **rest,
            )
        ),
        "move out": lambda: house.inventory.MoveBetweenBins(
            inventory_pb2.MoveBetweenBinsRequest(
                request_id=house.new_id(), from_bin_code="A-01", to_bin_code="B-01", **one, **rest
            )
        ),
        "move in": lambda: house.inventory.MoveBetweenBins(
            inventory_pb2.MoveBetweenBinsRequest(
                request_id=house.new_id(), from_bin_code="B-01", to_bin_code="A-01", **one, **rest
            )
        ),
        "receive": lambda: house.inventory.ReceiveStock(
            inventory_pb2.ReceiveStockRequest(
                request_id=house.new_id(), warehouse_code="JKT1", document="PO-2",
                lines=[
                    inventory_pb2.ReceiptLine(sku_code="CUP", bin_code="B-01", quantity=1),
                    inventory_pb2.ReceiptLine(sku_code="CUP", bin_code="A-01", quantity=1),
                ],
                **rest,
            )
        ),
        "send away": lambda: house.inventory.TransferToWarehouse(
            inventory_pb2.TransferToWarehouseRequest(
                request_id=house.new_id(), from_warehouse_code="JKT1", to_warehouse_code="SUB1",
                lines=[inventory_pb2.ReceiptLine(sku_code="CUP", bin_code="A-01", quantity=1)],
                **rest,
            )
        ),
        "scrap": lambda: house.inventory.ScrapStock(
            inventory_pb2.ScrapStockRequest(request_id=house.new_id(), bin_code="A-01", **one, **rest)
        ),
        "set apart": lambda: quarantine.MoveToQuarantine(
            quarantine_pb2.MoveToQuarantineRequest(request_id=house.new_id(), bin_code="A-01", **one, **rest)
        ),
        "release": lambda: quarantine.ReleaseFromQuarantine(
            quarantine_pb2.ReleaseFromQuarantineRequest(
                request_id=house.new_id(), bin_code="A-01", **one, **rest
            )
        ),
    }  # fmt: skip


async def test_changes_by_hand_wait_and_sales_go_on(house: Any) -> None:
    await house.shop.put_warehouse("SUB1", priority=2)
    await house.stocked("CUP", 9)
    await house.receive("CUP", 9, "B-01")
    count = await opened(house, bin_codes=["A-01"], lock_manual_changes=True)
    before = await there(house)
    for name, change in by_hand(house, "please").items():
        failure = await house.refused(change())
        assert (name, failure.reason) == (name, "STOCKTAKE_LOCKED")
        assert failure.metadata == {
            "stocktake_id": count.stocktake_id, "bin_code": "A-01", "sku_code": "CUP", "overriders": "",
        }  # fmt: skip
    assert await there(house) == before
    sold = await house.shop.confirm(await house.shop.hold({"CUP": 1}))
    await house.inventory.RecordPick(
        inventory_pb2.RecordPickRequest(
            request_id=house.new_id(), reservation_id=sold.reservation_id, warehouse_code="JKT1",
            sku_code="CUP", bin_code="A-01", quantity=1,
        )
    )  # fmt: skip
    await house.receive("CUP", 3, "RECEIVING")
    receiving = receiving_pb2_grpc.ReceivingServiceStub(house.shop.channel)
    await receiving.PutAway(
        receiving_pb2.PutAwayRequest(
            request_id=house.new_id(), warehouse_code="JKT1",
            lines=[inventory_pb2.ReceiptLine(sku_code="CUP", bin_code="A-01", quantity=3)],
        )
    )  # fmt: skip
    request = pb.AbandonStocktakeRequest(
        request_id=house.new_id(), stocktake_id=count.stocktake_id, reason="rain"
    )
    assert (await counts(house).AbandonStocktake(request)).stocktake.end_reason == "rain"
    for name, change in by_hand(house).items():
        if name != "release":
            await change()
    await by_hand(house)["release"]()


async def test_without_a_lock_and_outside_the_scope_nobody_waits(house: Any) -> None:
    await house.shop.put_warehouse("SUB1", priority=2)
    await house.stocked("CUP", 9)
    await house.know("CAP")
    await house.receive("CUP", 9, "B-01")
    await opened(house, bin_codes=["A-02"], lock_manual_changes=True)
    await opened(house, bin_codes=["A-01"], sku_codes=["CAP"], lock_manual_changes=True)
    await opened(house, bin_codes=["A-01"], sku_codes=["CUP"])
    for change in by_hand(house).values():
        await change()
    assert await there(house) == {("A-01", "CUP"): 9, ("B-01", "CUP"): 10}


async def test_who_may_can_change_what_is_locked_with_a_reason_that_is_kept(
    open_shop: Any, house: Any
) -> None:
    async with house.shop.replica(count_overriders=("staff:rina",)) as replica:
        trusting = type(house)(replica)
        await house.stocked("CUP", 9)
        count = await opened(house, bin_codes=["A-01"], lock_manual_changes=True)
        with acting_as("staff:rina"):
            refused = await house.refused(by_hand(trusting)["scrap"]())
            assert (refused.reason, refused.metadata["overriders"]) == ("STOCKTAKE_LOCKED", "staff:rina")
            await by_hand(trusting, "a leak: it must go")["scrap"]()
            await by_hand(trusting, "the lorry does not wait")["receive"]()
        with acting_as("staff:eve"):
            assert (await house.refused(by_hand(trusting, "me too")["scrap"]())).reason == "STOCKTAKE_LOCKED"
    rows = await house.shop.rows(
        "SELECT stocktake_id::text, actor, reason FROM stocktake_override ORDER BY override_time"
    )
    assert rows == [
        (count.stocktake_id, "staff:rina", "a leak: it must go"),
        (count.stocktake_id, "staff:rina", "the lorry does not wait"),
    ]
    got = await counts(house).GetStocktake(pb.GetStocktakeRequest(stocktake_id=count.stocktake_id))
    assert got.progress.override_count == 2
    assert [(each.actor, each.reason) for each in got.overrides] == [row[1:] for row in rows]
    asked = await house.shop.rows(
        "SELECT request_id FROM ledger_entry WHERE actor = 'staff:rina' ORDER BY sequence"
    )
    assert [each.request_id for each in got.overrides] == list(dict.fromkeys(row[0] for row in asked))
    assert got.overrides[0].override_time.ToDatetime() < got.overrides[1].override_time.ToDatetime()


async def test_a_change_by_hand_that_has_begun_is_waited_for(house: Any) -> None:
    """So that it is before the opening, and not in the middle of the first count."""
    await house.stocked("CUP", 5)
    async with house.shop.postgres.transaction() as conn:
        await conn.execute("SELECT pg_advisory_xact_lock_shared(hashtextextended('stocktake:JKT1', 0))")
        opening = asyncio.create_task(opened(house, lock_manual_changes=True))
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        async with asyncio.timeout(60):
            while not (await (await house.shop.admin.execute(waiting)).fetchone())[0]:
                await asyncio.sleep(0.005)
        assert not opening.done()
    assert (await opening).state == pb.STOCKTAKE_STATE_COUNTING


async def test_counts_of_the_same_line_do_not_overlap(house: Any) -> None:
    await house.stocked("CUP", 5)
    await house.know("CAP")
    first = await opened(house, bin_codes=["A-01"], sku_codes=["CUP"])
    failure = await house.refused(opened(house))
    assert (failure.reason, failure.metadata["stocktake_id"]) == ("SCOPE_ALREADY_COUNTED", first.stocktake_id)
    await opened(house, bin_codes=["A-01"], sku_codes=["CAP"])
    await opened(house, bin_codes=["A-02", "B-01"])


async def test_everything_that_is_wrong_with_five_thousand_rows_is_said_at_once(house: Any) -> None:
    await house.stocked("CUP", 5)
    await house.know("SET", {"CUP": 2})
    count = await opened(house, bin_codes=["A-01"])
    rows = [
        pb.Count(bin_code="A-01", sku_code="CUP", counted_quantity=5, scan_id=f"s-{n}") for n in range(5_000)
    ]
    bad = {
        10: ({"bin_code": "B-01"}, "bin_code"),
        11: ({"bin_code": "no bin"}, "bin_code"),
        500: ({"sku_code": "NO-SUCH"}, "sku_code"),
        501: ({"sku_code": "SET"}, "sku_code"),
        502: ({"sku_code": "a b"}, "sku_code"),
        1_000: ({"counted_quantity": -1}, "counted_quantity"),
        1_001: ({"counted_quantity": 10_000_001}, "counted_quantity"),
        1_002: ({"sku_code": "", "counted_quantity": 3}, "counted_quantity"),
        2_000: ({"scan_id": ""}, "scan_id"),
        2_001: ({"scan_id": "s-1999", "counted_quantity": 4}, "scan_id"),
        3_000: ({"scan_time": Timestamp(seconds=1_600_000_000)}, "scan_time"),
        4_999: ({"scan_time": Timestamp(seconds=4_000_000_000)}, "scan_time"),
    }
    for row, (fields, _) in bad.items():
        for name, value in fields.items():
            getattr(rows[row], name).CopyFrom(value) if isinstance(value, Timestamp) else setattr(
                rows[row], name, value
            )
    request = pb.RecordCountsRequest(request_id="upload", stocktake_id=count.stocktake_id, counts=rows)
    for validate_only in (True, False):
        request.validate_only = validate_only
        answer = await counts(house).RecordCounts(request, timeout=60)
        assert [(error.row, error.field) for error in answer.errors] == [
            (row, field) for row, (_, field) in bad.items()
        ]
        assert all(error.description for error in answer.errors)
        assert await house.shop.scalar("SELECT count(*) FROM stocktake_count") == 0
    for row in bad:
        rows[row].CopyFrom(pb.Count(bin_code="A-01", sku_code="CUP", counted_quantity=5, scan_id=f"s-{row}"))
    mended = pb.RecordCountsRequest(request_id="upload", stocktake_id=count.stocktake_id, counts=rows)
    mended.validate_only = True
    assert not (await counts(house).RecordCounts(mended, timeout=60)).errors
    assert await house.shop.scalar("SELECT count(*) FROM stocktake_count") == 0
    mended.validate_only = False
    assert (await counts(house).RecordCounts(mended, timeout=60)).recorded_count == 5_000


async def test_another_scan_under_a_known_id_is_said_and_not_lost(house: Any) -> None:
    await house.stocked("CUP", 5)
    count = await opened(house, bin_codes=["A-01"])
    row = pb.Count(bin_code="A-01", sku_code="CUP", counted_quantity=5, scan_id="s-1")
    for number, (units, counter, errors) in enumerate(
        [(5, ANI, []), (5, ANI, []), (4, ANI, ["scan_id"]), (5, BUDI, ["scan_id"])]
    ):
        row.counted_quantity = units
        request = pb.RecordCountsRequest(
            request_id=f"upload-{number}", stocktake_id=count.stocktake_id, counts=[row]
        )
        with acting_as(counter):
            answer = await counts(house).RecordCounts(request)
        assert [error.field for error in answer.errors] == errors
    assert await house.shop.scalar("SELECT count(*) FROM stocktake_count") == 1


async def test_a_look_while_goods_move_is_of_one_instant(house: Any) -> None:
    """What the bin holds and what moved are read at once: a movement in one of them alone would be a difference."""
    await house.stocked("CUP", 5)
    count = await opened(house, bin_codes=["A-01"])
    await record(house, count, [("A-01", "CUP", 5)])
    moving = asyncio.gather(
        *(move(house, MovementKind.RECEIPT, "CUP", 1, "SUPPLIER", "A-01") for _ in range(30))
    )
    while not moving.done():
        assert not (await review(house, count)).differences
    await moving
    assert not (await review(house, count)).differences


async def test_a_terminals_clock_is_set_right_by_its_offset(house: Any) -> None:
    await house.stocked("CUP", 5)
    count = await opened(house, bin_codes=["A-01"])
    fast = Timestamp()
    fast.FromDatetime(datetime.now(UTC) + timedelta(minutes=5))
    row = pb.Count(bin_code="A-01", sku_code="CUP", counted_quantity=5, scan_id="s-1", scan_time=fast)
    request = pb.RecordCountsRequest(request_id="fast", stocktake_id=count.stocktake_id, counts=[row])
    assert [error.field for error in (await counts(house).RecordCounts(request)).errors] == ["scan_time"]
    request.clock_offset.FromTimedelta(timedelta(minutes=5))
    assert (await counts(house).RecordCounts(request)).recorded_count == 1


async def test_values_the_largest_first_and_as_they_were_when_it_was_approved(house: Any) -> None:
    for sku, cost in (("CUP", 1_000), ("CAP", 90), ("TEE-M", 0)):
        await house.stocked(sku, 10)
        if cost:
            request = pb.SetUnitCostsRequest(
                request_id=house.new_id(), unit_costs=[pb.UnitCost(sku_code=sku, unit_cost_minor=cost)]
            )
            assert (await counts(house).SetUnitCosts(request)).currency_code == "IDR"
    count = await opened(house, bin_codes=["A-01"])
    await record(house, count, [("A-01", "CAP", 30), ("A-01", "CUP", 8), ("A-01", "TEE-M", 1)])
    await finish(house, count, skip_recount=True)
    for _ in range(2):
        shown = await review(house, count, page_size=2)
        told = [
            (each.sku_code, each.value_difference_minor, each.has_unit_cost) for each in shown.differences
        ]
        assert told == [("CUP", -2_000, True), ("CAP", 1_800, True)]
        assert shown.total_value_difference_minor == -200
        rest = await review(house, count, page_size=2, page_token=shown.next_page_token)
        assert [(each.sku_code, each.has_unit_cost) for each in rest.differences] == [("TEE-M", False)]
        assert not rest.next_page_token
        if shown.stocktake.state == pb.STOCKTAKE_STATE_REVIEW:
            await approve(house, count)
            again = pb.SetUnitCostsRequest(
                request_id=house.new_id(), unit_costs=[pb.UnitCost(sku_code="CUP", unit_cost_minor=7)]
            )
            await counts(house).SetUnitCosts(again)


async def cost(house: Any, sku: str, minor: int) -> None:
    one = pb.UnitCost(sku_code=sku, unit_cost_minor=minor)
    await counts(house).SetUnitCosts(pb.SetUnitCostsRequest(request_id=house.new_id(), unit_costs=[one]))


async def test_pages_of_a_review_are_of_one_instant_whatever_becomes_known_meanwhile(house: Any) -> None:
    for sku, minor in (("CUP", 1_000), ("CAP", 90), ("TEE-M", 10)):
        await house.stocked(sku, 10)
        await cost(house, sku, minor)
    count = await opened(house, bin_codes=["A-01"])
    await record(house, count, [("A-01", "CUP", 8), ("A-01", "CAP", 30), ("A-01", "TEE-M", 11)])
    await finish(house, count, skip_recount=True)
    whole = await review(house, count)
    pages = [await review(house, count, page_size=1)]

    await cost(house, "TEE-M", 50_000)
    await move(house, MovementKind.PICK, "CAP", 1, "A-01", "PACKING", timedelta(hours=1))
    back = pb.RequestRecountRequest(
        request_id=house.new_id(), stocktake_id=count.stocktake_id, reason="sure?",
        lines=[pb.CountLine(bin_code="A-01", sku_code="CUP")],
    )  # fmt: skip
    await counts(house).RequestRecount(back)
    await record(house, count, [("A-01", "CUP", 10)])
    pages.append(await review(house, count, page_size=1, page_token=pages[0].next_page_token))
    await finish(house, count, skip_recount=True)
    await approve(house, count)
    pages.append(await review(house, count, page_size=1, page_token=pages[1].next_page_token))

    assert [each for page in pages for each in page.differences] == list(whole.differences)
    assert {page.total_value_difference_minor for page in pages} == {whole.total_value_difference_minor}
    assert len({page.review_time.ToDatetime() for page in pages}) == 1
    assert not pages[2].next_page_token
    now = await review(house, count)
    assert [(each.sku_code, each.counted_quantity - each.ledger_quantity) for each in now.differences] == [
        ("TEE-M", 1),
        ("CAP", 21),
    ]
    assert now.review_time == now.stocktake.end_time


async def test_a_review_waits_for_scans_and_costs_that_are_being_written(house: Any) -> None:
    """Or they would come up later, with a place before what the first page has seen."""
    await house.stocked("CUP", 5)
    count = await opened(house, bin_codes=["A-01"])
    for held in (
        f"SELECT FROM stocktake WHERE stocktake_id = '{count.stocktake_id}' FOR SHARE",
        "SELECT pg_advisory_xact_lock(hashtextextended('unit costs', 0))",
    ):
        async with house.shop.postgres.transaction() as conn:
            await conn.execute(held)
            looking = asyncio.create_task(review(house, count))
            waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            async with asyncio.timeout(60):
                while not (await (await house.shop.admin.execute(waiting)).fetchone())[0]:
                    await asyncio.sleep(0.005)
            assert not looking.done()
        assert not (await looking).differences


async def test_lines_go_back_from_review_and_rounds_end_only_when_all_is_counted(house: Any) -> None:
    await house.stocked("CUP", 5)
    await house.receive("CUP", 2, "A-02")
    count = await opened(house, bin_codes=["A-01", "A-02"])
    await record(house, count, [("A-01", "CUP", 5)])
    failure = await house.refused(finish(house, count))
    assert (failure.reason, failure.metadata["first_bin_code"]) == ("STOCKTAKE_INCOMPLETE", "A-02")
    assert (await finish(house, count, accept_uncounted=True)).stocktake.state == pb.STOCKTAKE_STATE_REVIEW
    assert (await review(house, count)).uncounted_line_count == 1
    back = pb.RequestRecountRequest(
        request_id=house.new_id(), stocktake_id=count.stocktake_id,
        lines=[pb.CountLine(bin_code="A-01", sku_code="CUP")], reason="sure?",
    )  # fmt: skip
    unreasoned = pb.RequestRecountRequest()
    unreasoned.CopyFrom(back)
    unreasoned.reason = ""
    assert [
        each.field for each in (await house.refused(counts(house).RequestRecount(unreasoned))).fields
    ] == ["reason"]
    assert (await counts(house).RequestRecount(back)).stocktake.state == pb.STOCKTAKE_STATE_RECOUNTING
    assert await tasks(house, count) == [("A-01", "CUP", 2)]
    wrong = pb.RequestRecountRequest(
        request_id=house.new_id(), stocktake_id=count.stocktake_id, lines=back.lines, reason="sure?"
    )
    assert (await house.refused(counts(house).RequestRecount(wrong))).reason == "STOCKTAKE_WRONG_STATE"


async def test_picks_go_on_while_a_large_count_is_being_opened(house: Any) -> None:
    """The ledger is not held while lines are written, but for the moment at which the count begins."""
    await house.stocked("CUP", 5)
    async with house.shop.admin.transaction():
        await house.shop.admin.execute("LOCK TABLE stocktake_line IN SHARE MODE")
        opening = asyncio.ensure_future(opened(house, bin_codes=["A-01"]))
        waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'stocktake_line'::regclass"
        async with asyncio.timeout(60):
            while not await house.shop.scalar(waits):
                await asyncio.sleep(0.01)
            await move(house, MovementKind.PICK, "CUP", 1, "A-01", "PACKING")
    count = await opening
    await record(house, count, [("A-01", "CUP", 4)])
    (line,) = (await review(house, count, include_equal=True)).differences
    assert (line.ledger_quantity, line.verdict) == (4, pb.COUNT_VERDICT_EQUAL)


async def test_every_step_says_who_took_it_when_and_why(house: Any) -> None:
    await house.stocked("CUP", 5)
    count = await opened(house, bin_codes=["A-01"])
    await record(house, count, [("A-01", "CUP", 4)])
    await finish(house, count)
    await record(house, count, [("A-01", "CUP", 4)])
    with acting_as("staff:lead"):
        await finish(house, count)
        back = pb.RequestRecountRequest(
            request_id="back", stocktake_id=count.stocktake_id,
            lines=[pb.CountLine(bin_code="A-01", sku_code="CUP")], reason="broken ones?",
        )  # fmt: skip
        await counts(house).RequestRecount(back)
        await counts(house).RequestRecount(back)
    await record(house, count, [("A-01", "CUP", 4)])
    await finish(house, count)
    await approve(house, count)
    shown = await counts(house).GetStocktake(pb.GetStocktakeRequest(stocktake_id=count.stocktake_id))
    assert [(step.state, step.round, step.actor, step.reason) for step in shown.steps] == [
        (pb.STOCKTAKE_STATE_COUNTING, 1, "staff:test", ""),
        (pb.STOCKTAKE_STATE_RECOUNTING, 2, "staff:test", ""),
        (pb.STOCKTAKE_STATE_REVIEW, 2, "staff:lead", ""),
        (pb.STOCKTAKE_STATE_RECOUNTING, 3, "staff:lead", "broken ones?"),
        (pb.STOCKTAKE_STATE_REVIEW, 3, "staff:test", ""),
        (pb.STOCKTAKE_STATE_APPROVED, 3, BOSS, ""),
    ]
    assert shown.steps[3].request_id == "back"
    times = [step.step_time.ToDatetime() for step in shown.steps]
    assert times == sorted(times)
    assert all(step.request_id for step in shown.steps)


async def test_nothing_else_here_sent_again_says_nothing_of_a_later_round(house: Any) -> None:
    """A terminal that was offline repeats what it has, under a new request."""
    await house.stocked("CUP", 5)
    count = await opened(house, bin_codes=["A-01"])
    nothing = pb.Count(bin_code="A-01", scan_id="nothing-else")
    said = pb.RecordCountsRequest(request_id="first", stocktake_id=count.stocktake_id, counts=[nothing])
    assert (await counts(house).RecordCounts(said)).recorded_count == 1
    assert (await finish(house, count)).recount_line_count == 1
    said.request_id = "again"
    answer = await counts(house).RecordCounts(said)
    assert (answer.recorded_count, answer.repeated_count, list(answer.errors)) == (0, 1, [])
    assert await tasks(house, count) == [("A-01", "CUP", 2)]


async def test_what_was_counted_for_a_round_says_nothing_of_a_later_one(house: Any) -> None:
    """A sheet of the first round that comes late, or again."""
    await house.stocked("CUP", 5)
    count = await opened(house, bin_codes=["A-01"])
    await record(house, count, [("A-01", "CUP", 4)], round=1)
    assert (await finish(house, count)).recount_line_count == 1
    for only_look in (True, False):
        late = record(house, count, [("A-01", "CUP", 4)], round=1, validate_only=only_look)
        failure = await house.refused(late)
        assert (failure.reason, failure.metadata) == (
            "STOCKTAKE_WRONG_STATE",
            {"state": "RECOUNTING", "round": "2"},
        )
    assert await tasks(house, count) == [("A-01", "CUP", 2)]
    assert (await record(house, count, [("A-01", "CUP", 4)], round=2)).recorded_count == 1


async def test_a_page_of_tasks_is_of_its_round(house: Any) -> None:
    await house.stocked("CUP", 5)
    await house.receive("CUP", 2, "A-02")
    count = await opened(house, bin_codes=["A-01", "A-02"])
    asked = pb.ListCountTasksRequest(stocktake_id=count.stocktake_id, page_size=1)
    asked.page_token = (await counts(house).ListCountTasks(asked)).next_page_token
    assert [task.bin_code for task in (await counts(house).ListCountTasks(asked)).tasks] == ["A-02"]
    await record(house, count, [("A-01", "CUP", 4), ("A-02", "CUP", 1)])
    assert (await finish(house, count)).recount_line_count == 2
    failure = await house.refused(counts(house).ListCountTasks(asked))
    assert [each.field for each in failure.fields] == ["page_token"]


async def test_counts_are_listed_newest_first_in_pages(house: Any) -> None:
    made = []
    for place in ("A-01", "A-02", "B-01"):
        made.append((await opened(house, bin_codes=[place])).stocktake_id)
    found: list[str] = []
    token = ""
    while True:
        page = await counts(house).ListStocktakes(
            pb.ListStocktakesRequest(warehouse_code="JKT1", page_size=2, page_token=token)
        )
        found += [each.stocktake_id for each in page.stocktakes]
        token = page.next_page_token
        if not token:
            break
    assert found == made[::-1]
    none = pb.ListStocktakesRequest(state=pb.STOCKTAKE_STATE_APPROVED)
    assert not (await counts(house).ListStocktakes(none)).stocktakes


UNKNOWN = "01988000-0000-7000-8000-000000000000"
BAD: list[tuple[str, Any, list[str]]] = [
    ("OpenStocktake", pb.OpenStocktakeRequest(), ["request_id", "scope.warehouse_code", "title"]),
    (
        "OpenStocktake",
        pb.OpenStocktakeRequest(
            request_id="r", title="x" * 121, movement_window=Duration(seconds=3601), fast_movers_days=1,
            scope=pb.StocktakeScope(warehouse_code="JKT1", bin_codes=["B"] * 501, zones=["z" * 33]),
        ),
        ["scope.zones[0]", "scope.bin_codes", "title", "fast_movers_days", "movement_window"],
    ),
    (
        "OpenStocktake",
        pb.OpenStocktakeRequest(
            request_id="r", title="x", scope=pb.StocktakeScope(warehouse_code="JKT1"),
            fast_movers_first=True, fast_movers_days=367, movement_window=Duration(seconds=-1),
        ),
        ["fast_movers_days", "movement_window"],
    ),
    ("GetStocktake", pb.GetStocktakeRequest(stocktake_id="x"), ["stocktake_id"]),
    ("ListStocktakes", pb.ListStocktakesRequest(page_size=-1, page_token="x"), ["page_size", "page_token"]),
    ("ListCountTasks", pb.ListCountTasksRequest(page_size=-1), ["stocktake_id", "page_size"]),
    ("RecordCounts", pb.RecordCountsRequest(request_id="r", stocktake_id=UNKNOWN), ["counts"]),
    (
        "RecordCounts",
        pb.RecordCountsRequest(
            request_id="r", stocktake_id=UNKNOWN, counts=[pb.Count()] * 5_001, round=-1,
            clock_offset=Duration(seconds=86_401),
        ),
        ["clock_offset", "counts", "round"],
    ),
    ("FinishRound", pb.FinishRoundRequest(stocktake_id="x"), ["request_id", "stocktake_id"]),
    ("RequestRecount", pb.RequestRecountRequest(request_id="r", stocktake_id=UNKNOWN), ["lines", "reason"]),
    ("ReviewStocktake", pb.ReviewStocktakeRequest(stocktake_id=UNKNOWN, page_size=-1), ["page_size"]),
    (
        "ReviewStocktake",
        pb.ReviewStocktakeRequest(
            stocktake_id=UNKNOWN, page_token=page_token(["review", UNKNOWN, False], [0, 0, 0, "2026-11-23T10:00"])
        ),
        ["page_token"],
    ),
    ("ApproveStocktake", pb.ApproveStocktakeRequest(), ["request_id", "stocktake_id"]),
    ("AbandonStocktake", pb.AbandonStocktakeRequest(request_id="r", stocktake_id=UNKNOWN), ["reason"]),
    (
        "SetUnitCosts",
        pb.SetUnitCostsRequest(
            request_id="r",
            unit_costs=[pb.UnitCost(sku_code="A", unit_cost_minor=-1), pb.UnitCost(sku_code="A")],
        ),
        ["unit_costs[0].unit_cost_minor", "unit_costs[1].sku_code"],
    ),
]  # fmt: skip


async def test_bad_input_is_named_and_nothing_is_written(house: Any) -> None:
    for method, request, fields in BAD:
        failure = await house.refused(getattr(counts(house), method)(request))
        assert (method, failure.reason) == (method, "BAD_INPUT")
        assert [each.field for each in failure.fields] == fields, method
    assert {method for method, _, _ in BAD} == {
        method.name for method in pb.DESCRIPTOR.services_by_name["StocktakeService"].methods
    }
    assert await house.shop.scalar("SELECT count(*) FROM stocktake") == 0


@pytest.mark.parametrize(
    ("method", "request_type"),
    [
        ("GetStocktake", pb.GetStocktakeRequest),
        ("ListCountTasks", pb.ListCountTasksRequest),
        ("FinishRound", pb.FinishRoundRequest),
        ("ReviewStocktake", pb.ReviewStocktakeRequest),
        ("ApproveStocktake", pb.ApproveStocktakeRequest),
    ],
)
async def test_a_stocktake_that_nobody_knows(house: Any, method: str, request_type: Any) -> None:
    request = request_type(stocktake_id=UNKNOWN)
    if "request_id" in request.DESCRIPTOR.fields_by_name:
        request.request_id = "r"
    failure = await house.refused(getattr(counts(house), method)(request))
    assert (failure.kind, failure.reason) == (Kind.NOT_FOUND, "STOCKTAKE_NOT_FOUND")


@pytest.mark.parametrize(
    ("scope", "reason"),
    [
        ({"warehouse_code": "NOWHERE"}, "WAREHOUSE_NOT_FOUND"),
        ({"warehouse_code": "JKT1", "bin_codes": ["Z-99"]}, "BIN_NOT_FOUND"),
        ({"warehouse_code": "JKT1", "zones": ["moon"]}, "BIN_NOT_FOUND"),
        ({"warehouse_code": "JKT1", "sku_codes": ["NO-SUCH"]}, "SKU_NOT_FOUND"),
        ({"warehouse_code": "JKT1", "sku_codes": ["SET"]}, "SKU_IS_BUNDLE"),
    ],
)
async def test_a_scope_of_what_nobody_knows(house: Any, scope: dict[str, Any], reason: str) -> None:
    await house.know("CUP")
    await house.know("SET", {"CUP": 1})
    request = pb.OpenStocktakeRequest(request_id="r", title="x", scope=pb.StocktakeScope(**scope))
    assert (await house.refused(counts(house).OpenStocktake(request))).reason == reason
