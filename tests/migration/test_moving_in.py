"""A shop moves in: 2,000 goods from a spreadsheet with 40 bad rows, stock as the old books had it, and a count by which
the books become true, in a quiet hour in which 200 sales go on."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from lumbung.catalog.v1 import imports_pb2
from lumbung.stock.v1 import (
    availability_pb2,
    inventory_pb2,
    reservations_pb2,
    stocktakes_pb2,
)
from lumbung_catalog.domain.import_table import FileFormat
from lumbung_dev.shop.spreadsheet import Cells, as_file, mended, shop_rows, spoiled
from lumbung_kit.clients import failure_from
from lumbung_kit.context import acting_as

from .conftest import Line, Shop

pytestmark = pytest.mark.e2e

GOODS, BAD_ROWS, SALES, BINS = 2_000, 40, 200, 100
WRONG = 120
"""Lines of which the old books are wrong."""
RECEIPT_LINES, UPLOAD_ROWS, PAGE = 500, 300, 500
PATIENCE_S = 60.0
COUNTERS = ("terminal:ani", "terminal:budi")


async def test_a_shop_moves_in_and_its_books_become_true(shop: Shop, seed: int) -> None:
    chance = random.Random(seed)
    goods = await import_the_spreadsheet(shop)
    plain = [row["sku_code"] for row in goods if row["kind"] == "plain"]
    lines = [(f"B-{place % BINS:03}", sku) for place, sku in enumerate(plain)]
    await put_in_bins(shop, lines)
    wrong = chance.sample(lines, WRONG)
    for line in lines:
        shop.real[line] = book_of(line) + (chance.choice([-3, -2, -1, 1, 2]) if line in set(wrong) else 0)

    count = await open_count(shop)
    selling = asyncio.create_task(sell(shop, chance.sample(lines, SALES)))
    await try_to_adjust(shop, lines[0], count)
    found = await count_everything(shop, count, random.Random(seed + 1))
    assert sorted(found) == sorted(lines)
    finish = stocktakes_pb2.FinishRoundRequest(request_id="round-1", stocktake_id=count)
    assert (await shop.counts.FinishRound(finish, timeout=PATIENCE_S)).recount_line_count == WRONG
    assert sorted(await count_everything(shop, count, random.Random(seed + 2))) == sorted(wrong)
    finish.request_id = "round-2"
    ended = await shop.counts.FinishRound(finish, timeout=PATIENCE_S)
    assert ended.stocktake.state == stocktakes_pb2.STOCKTAKE_STATE_REVIEW
    approval = stocktakes_pb2.ApproveStocktakeRequest(request_id="yes", stocktake_id=count)
    with acting_as("staff:owner"):
        approved = await shop.counts.ApproveStocktake(approval, timeout=PATIENCE_S)
    assert (approved.entry_count, approved.left_uncertain_count) == (WRONG, 0)
    assert await selling == SALES
    await require_true(shop, goods)


async def import_the_spreadsheet(shop: Shop) -> list[Cells]:
    """First as it is, which names its bad rows and changes nothing; then mended."""
    good = shop_rows(GOODS)
    rows, bad = spoiled(good, BAD_ROWS)
    request = imports_pb2.ImportCatalogRequest(
        request_id="as-it-is",
        format=imports_pb2.FILE_FORMAT_CSV,
        mode=imports_pb2.IMPORT_MODE_CREATE,
        content=await asyncio.to_thread(as_file, rows, FileFormat.CSV),
    )
    report = (await shop.imports.ImportCatalog(request, timeout=PATIENCE_S)).report
    assert not report.applied
    assert {(error.row, error.column) for error in report.errors} == {(cell.row, cell.column) for cell in bad}
    request.request_id = "mended"
    request.content = await asyncio.to_thread(as_file, mended(rows, good, bad), FileFormat.CSV)
    report = (await shop.imports.ImportCatalog(request, timeout=PATIENCE_S)).report
    assert (report.applied, report.sku_count) == (True, GOODS)
    async with asyncio.timeout(PATIENCE_S):
        while (await _scalar(shop, "SELECT count(*) FROM sku")) < GOODS:
            await asyncio.sleep(0.05)
    return good


def book_of(line: Line) -> int:
    """What the old books say."""
    return 10 + sum(map(ord, line[1])) % 7


async def put_in_bins(shop: Shop, lines: Sequence[Line]) -> None:
    """The old books' figures, received under one document."""
    await shop.warehouses.CreateWarehouse(
        inventory_pb2.CreateWarehouseRequest(
            request_id="house",
            warehouse=inventory_pb2.Warehouse(
                warehouse_code="JKT1", name="Jakarta", time_zone="Asia/Jakarta", priority=1,
                aisle_x_m=[0, 3, 6, 9], cross_aisle_y_m=[0, 30], depot_x_m=0,
            ),
        )
    )  # fmt: skip
    bins = [
        inventory_pb2.Bin(
            bin_code=f"B-{place:03}", kind=inventory_pb2.BIN_KIND_PICK, aisle_index=place % 4,
            y_m=1 + place // 4, bay=place // 4, level=1,
        )
        for place in range(BINS)
    ]  # fmt: skip
    await shop.warehouses.PutBins(
        inventory_pb2.PutBinsRequest(request_id="bins", warehouse_code="JKT1", bins=bins)
    )
    for start in range(0, len(lines), RECEIPT_LINES):
        some = lines[start : start + RECEIPT_LINES]
        received = [
            inventory_pb2.ReceiptLine(sku_code=line[1], bin_code=line[0], quantity=book_of(line))
            for line in some
        ]
        await shop.inventory.ReceiveStock(
            inventory_pb2.ReceiveStockRequest(
                request_id=f"books-{start}", warehouse_code="JKT1", document="OLD-BOOKS", lines=received
            ),
            timeout=PATIENCE_S,
        )


async def open_count(shop: Shop) -> str:
    """Of the whole warehouse, with the lock on."""
    request = stocktakes_pb2.OpenStocktakeRequest(
        request_id="count",
        title="Moving in",
        scope=stocktakes_pb2.StocktakeScope(warehouse_code="JKT1"),
        lock_manual_changes=True,
        fast_movers_first=True,
        movement_window=Duration(),
    )
    stocktake_id: str = (await shop.counts.OpenStocktake(request, timeout=PATIENCE_S)).stocktake.stocktake_id
    return stocktake_id


async def try_to_adjust(shop: Shop, line: Line, count: str) -> None:
    """Nobody makes the books fit by hand meanwhile."""
    request = inventory_pb2.AdjustStockRequest(
        request_id="by-hand",
        warehouse_code="JKT1",
        bin_code=line[0],
        sku_code=line[1],
        difference=1,
        reason="fits",
    )
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await shop.inventory.AdjustStock(request)
    failure = failure_from(refused.value)
    assert (failure.reason, failure.metadata["stocktake_id"]) == ("STOCKTAKE_LOCKED", count)


async def sell(shop: Shop, lines: Sequence[Line]) -> int:
    """One unit of each: held, sold, picked out of its bin, and gone."""
    sold = 0
    for number, (bin_code, sku) in enumerate(lines):
        held = await shop.reservations.Reserve(
            reservations_pb2.ReserveRequest(
                request_id=f"hold-{number}", channel_code="web",
                lines=[reservations_pb2.ReserveLine(sku_code=sku, quantity=1)],
            ),
            timeout=PATIENCE_S,
        )  # fmt: skip
        reservation_id = held.reservation.reservation_id
        await shop.reservations.Confirm(
            reservations_pb2.ConfirmRequest(
                request_id=f"confirm-{number}", reservation_id=reservation_id,
                order=reservations_pb2.OrderDetails(order_reference=f"order-{number}"),
            ),
            timeout=PATIENCE_S,
        )  # fmt: skip
        async with shop.at_bin[bin_code]:
            await shop.inventory.RecordPick(
                inventory_pb2.RecordPickRequest(
                    request_id=f"pick-{number}", reservation_id=reservation_id, warehouse_code="JKT1",
                    sku_code=sku, bin_code=bin_code, quantity=1,
                ),
                timeout=PATIENCE_S,
            )  # fmt: skip
            shop.real[bin_code, sku] -= 1
        await shop.inventory.ShipReservation(
            inventory_pb2.ShipReservationRequest(request_id=f"ship-{number}", reservation_id=reservation_id),
            timeout=PATIENCE_S,
        )
        sold += 1
    return sold


async def count_everything(shop: Shop, count: str, chance: random.Random) -> list[Line]:
    """Two counters go through what is to be counted, and send their scans later, some hundreds at a time."""
    todo: list[Line] = []
    token = ""
    while True:
        page = await shop.counts.ListCountTasks(
            stocktakes_pb2.ListCountTasksRequest(stocktake_id=count, page_size=PAGE, page_token=token)
        )
        todo += [(task.bin_code, task.sku_code) for task in page.tasks]
        token = page.next_page_token
        if not token:
            break
    shares = {counter: [line for line in todo if chance.random() < 0.5] for counter in COUNTERS[:1]}
    shares[COUNTERS[1]] = [line for line in todo if line not in set(shares[COUNTERS[0]])]
    await asyncio.gather(*(_count(shop, count, counter, share) for counter, share in shares.items()))
    return todo


async def _count(shop: Shop, count: str, counter: str, lines: Sequence[Line]) -> None:
    for start in range(0, len(lines), UPLOAD_ROWS):
        scans = []
        for bin_code, sku in lines[start : start + UPLOAD_ROWS]:
            async with shop.at_bin[bin_code]:
                scan = stocktakes_pb2.Count(
                    bin_code=bin_code, sku_code=sku, counted_quantity=shop.real[bin_code, sku],
                    scan_id=f"{counter[9:]}.{bin_code}.{sku}.{datetime.now(UTC).timestamp():.6f}",
                )  # fmt: skip
                scan.scan_time.FromDatetime(datetime.now(UTC))
            scans.append(scan)
            await asyncio.sleep(0)
        request = stocktakes_pb2.RecordCountsRequest(
            request_id=f"{counter}-{start}-{scans[0].scan_id}"[-64:].replace("terminal", "t"),
            stocktake_id=count,
            counts=scans,
        )
        with acting_as(counter):
            written = await shop.counts.RecordCounts(request, timeout=PATIENCE_S)
        assert (written.recorded_count, list(written.errors)) == (len(scans), [])


async def require_true(shop: Shop, goods: Sequence[Cells]) -> None:
    """To the unit: bins as they are, figures as one reckons them by hand, the chain whole, bundles by their parts."""
    stored = {
        (place, sku): units
        for place, sku, units in await _rows(shop, "SELECT place_code, sku_code, quantity FROM place_stock")
        if place.startswith("B-") and units
    }
    assert stored == {line: units for line, units in shop.real.items() if units}
    plain: Counter[Line] = Counter()
    for source, target, sku, units in await _rows(
        shop, "SELECT from_place, to_place, sku_code, quantity FROM ledger_entry"
    ):
        plain[source, sku] -= units
        plain[target, sku] += units
    assert {line: units for line, units in plain.items() if line[0].startswith("B-") and units} == stored
    report = await shop.audit.VerifyLedger(inventory_pb2.VerifyLedgerRequest(), timeout=PATIENCE_S)
    assert (list(report.differences), list(report.chain_breaks)) == ([], [])
    free: Counter[str] = Counter()
    for (_, sku), units in stored.items():
        free[sku] += units
    for row in [row for row in goods if row["kind"] == "bundle"][:50]:
        parts = dict(part.split("*") for part in row["components"].split("+"))
        asked = availability_pb2.GetAvailabilityRequest(sku_code=row["sku_code"])
        told = (await shop.availability.GetAvailability(asked)).availability.available_to_promise
        assert told == min(free[sku] // int(units) for sku, units in parts.items())


async def _rows(shop: Shop, statement: str) -> list[tuple[Any, ...]]:
    return await (await shop.sql.execute(statement)).fetchall()  # type: ignore[arg-type]


async def _scalar(shop: Shop, statement: str) -> int:
    ((value,),) = await _rows(shop, statement)
    return int(value)
