"""What the ledger is asked: stock as of an instant of the past, and which movements there were."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from lumbung.stock.v1 import inventory_pb2 as pb
from lumbung_kit.failures import Kind
from lumbung_stock.domain.ledger import Author, Booking, LedgerEntry, Movement, MovementKind
from lumbung_stock.stores import ledger
from lumbung_stock.usecases.book_movements import book_movements

pytestmark = pytest.mark.store

SKUS = ("CAP", "CUP", "TEE-M", "TEE-S")
PLACES = ("A-01", "A-02", "B-01", "RECEIVING", "QUARANTINE")
HOUSE = {*PLACES, "PACKING"}
START = datetime(2026, 11, 1, 9, tzinfo=UTC)


def stamp(moment: datetime) -> Timestamp:
    value = Timestamp()
    value.FromDatetime(moment)
    return value


async def book(
    house: Any, movements: Sequence[Movement], *, actor: str = "staff:ani", happened: datetime | None = None
) -> list[LedgerEntry]:
    author = Author(actor, house.new_id())
    booking = Booking("JKT1", tuple(movements), author, happened)
    async with house.shop.postgres.transaction() as conn:
        return await book_movements(conn, booking)


async def live(house: Any, chance: random.Random, days: int) -> list[LedgerEntry]:
    """Random days of a warehouse: goods come, are moved, and go."""
    for sku in SKUS:
        await house.know(sku)
    there: Counter[tuple[str, str]] = Counter()
    written: list[LedgerEntry] = []
    for day in range(days):
        sku = chance.choice(SKUS)
        stocked = [place for place in PLACES if there[place, sku]]
        if not stocked or chance.random() < 0.4:
            move = Movement(
                MovementKind.RECEIPT, sku, chance.randint(1, 9), "SUPPLIER", "A-01", "", f"PO-{day}"
            )
        else:
            source = chance.choice(stocked)
            target = chance.choice([place for place in (*PLACES, "SCRAP") if place != source])
            kind = MovementKind.SCRAP if target == "SCRAP" else MovementKind.MOVE
            units = chance.randint(1, there[source, sku])
            move = Movement(kind, sku, units, source, target, chance.choice(["", "wet", "broken"]))
        there[move.from_place, sku] -= move.quantity
        there[move.to_place, sku] += move.quantity
        happened = START + timedelta(hours=chance.randint(0, 500)) if chance.random() < 0.5 else None
        actor = chance.choice(["staff:ani", "staff:budi", "terminal:cart-3"])
        written += await book(house, [move], actor=actor, happened=happened)
    return written


def plain(
    entries: Sequence[LedgerEntry], instant: datetime, *, by_effective_time: bool
) -> dict[tuple[str, str], int]:
    """The same reckoned by hand."""
    there: Counter[tuple[str, str]] = Counter()
    for entry in entries:
        if (entry.effective_time if by_effective_time else entry.record_time) <= instant:
            there[entry.sku_code, entry.from_place] -= entry.quantity
            there[entry.sku_code, entry.to_place] += entry.quantity
    return {key: units for key, units in sorted(there.items()) if units and key[1] in HOUSE}


async def as_of(house: Any, instant: datetime, **fields: Any) -> dict[tuple[str, str], int]:
    """Every page of the answer."""
    found: list[tuple[tuple[str, str], int]] = []
    token = ""
    while True:
        request = pb.GetStockAsOfRequest(
            warehouse_code="JKT1", as_of_time=stamp(instant), page_token=token, **fields
        )
        page = await house.inventory.GetStockAsOf(request)
        found += [((each.sku_code, each.bin_code), each.quantity) for each in page.bin_stock]
        token = page.next_page_token
        if not token:
            assert found == sorted(found)
            assert len(found) == len(dict(found))
            return dict(found)


@pytest.mark.parametrize("by_effective_time", [False, True])
async def test_any_instant_of_the_past_is_what_one_reckons_by_hand(
    house: Any, seed: int, by_effective_time: bool
) -> None:
    chance = random.Random(seed)
    entries = await live(house, chance, 60)
    times = [entry.effective_time if by_effective_time else entry.record_time for entry in entries]
    tick = timedelta(microseconds=1)
    for instant in [START - tick, *chance.sample(times, 12), chance.choice(times) - tick, max(times)]:
        expected = plain(entries, instant, by_effective_time=by_effective_time)
        assert await as_of(house, instant, by_effective_time=by_effective_time, page_size=3) == expected
        some = sorted(chance.sample(SKUS, 2))
        assert await as_of(house, instant, by_effective_time=by_effective_time, sku_codes=some) == {
            key: units for key, units in expected.items() if key[0] in some
        }
        bins = ["A-01", "QUARANTINE"]
        assert await as_of(
            house, instant, by_effective_time=by_effective_time, bin_codes=bins, page_size=1
        ) == {key: units for key, units in expected.items() if key[1] in bins}


async def test_now_is_what_lies_there(house: Any, seed: int) -> None:
    entries = await live(house, random.Random(seed), 20)
    listed = await house.inventory.ListBinStock(pb.ListBinStockRequest(warehouse_code="JKT1"))
    there = {(each.sku_code, each.bin_code): each.quantity for each in listed.bin_stock}
    assert await as_of(house, entries[-1].record_time) == there


async def test_an_answer_stays_whatever_is_written_later(house: Any) -> None:
    await house.know("CUP")
    (first,) = await book(house, [Movement(MovementKind.RECEIPT, "CUP", 5, "SUPPLIER", "A-01", "", "PO-1")])
    before = await as_of(house, first.record_time)
    late = Movement(MovementKind.RECEIPT, "CUP", 3, "SUPPLIER", "A-01", "", "PO-2")
    await book(house, [late], happened=START)
    assert await as_of(house, first.record_time) == before == {("CUP", "A-01"): 5}
    assert await as_of(house, START, by_effective_time=True) == {("CUP", "A-01"): 3}


async def test_by_effective_time_something_may_have_left_before_it_came(house: Any) -> None:
    await house.know("CUP")
    await book(house, [Movement(MovementKind.RECEIPT, "CUP", 5, "SUPPLIER", "A-01", "", "PO-1")])
    move = Movement(MovementKind.MOVE, "CUP", 2, "A-01", "A-02")
    await book(house, [move], happened=START)
    told = await as_of(house, START, by_effective_time=True)
    assert told == {("CUP", "A-01"): -2, ("CUP", "A-02"): 2}


async def test_who_is_in_the_middle_of_a_movement_is_waited_for(house: Any) -> None:
    """Its time is earlier than the instant that is asked for, though nobody can see it yet."""
    await house.know("CUP")
    await book(house, [Movement(MovementKind.RECEIPT, "CUP", 5, "SUPPLIER", "A-01", "", "PO-1")])
    waiting = (
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%%FOR SHARE%%'"
        " AND datname = current_database()"
    )
    async with house.shop.postgres.transaction() as conn:
        moves = (Movement(MovementKind.RECEIPT, "CUP", 2, "SUPPLIER", "A-01", "", "PO-2"),)
        (entry,) = await ledger.append_entries(conn, Booking("JKT1", moves, Author("staff:ani", "slow")))
        asking = asyncio.create_task(as_of(house, entry.record_time))
        async with asyncio.timeout(60):
            while not (await (await house.shop.admin.execute(waiting)).fetchone())[0]:
                await asyncio.sleep(0.005)
        assert not asking.done()
    assert await asking == {("CUP", "A-01"): 7}


async def test_the_future_is_not_known(house: Any) -> None:
    await house.stocked("CUP", 5)
    request = pb.GetStockAsOfRequest(
        warehouse_code="JKT1", as_of_time=stamp(datetime.now(UTC) + timedelta(minutes=5))
    )
    failure = await house.refused(house.inventory.GetStockAsOf(request))
    assert (failure.kind, failure.reason) == (Kind.INVALID_ARGUMENT, "BAD_INPUT")
    assert [each.field for each in failure.fields] == ["as_of_time"]


async def test_a_bin_that_nobody_knows_is_named(house: Any) -> None:
    await house.stocked("CUP", 5)
    bins = ["A-01", "RECEIVING", "PACKING", "QUARANTINE", "B-99"]
    request = pb.GetStockAsOfRequest(
        warehouse_code="JKT1", bin_codes=bins, as_of_time=stamp(datetime.now(UTC))
    )
    failure = await house.refused(house.inventory.GetStockAsOf(request))
    assert (failure.reason, [each.field for each in failure.fields]) == ("BIN_NOT_FOUND", ["bin_codes[4]"])
    request.bin_codes.pop()
    assert (await house.inventory.GetStockAsOf(request)).bin_stock


async def history(house: Any, **fields: Any) -> list[int]:
    """Sequences on every page of the answer."""
    found: list[int] = []
    token = ""
    while True:
        request = pb.ListLedgerEntriesRequest(warehouse_code="JKT1", page_size=7, page_token=token, **fields)
        page = await house.inventory.ListLedgerEntries(request)
        found += [entry.sequence for entry in page.entries]
        token = page.next_page_token
        if not token:
            return found


async def test_movements_are_found_by_what_one_knows_of_them(house: Any, seed: int) -> None:
    entries = await live(house, random.Random(seed), 60)
    middle, late = entries[20].record_time, entries[45].record_time
    some = entries[30]
    kinds = [pb.MOVEMENT_KIND_RECEIPT, pb.MOVEMENT_KIND_SCRAP]
    questions: list[tuple[dict[str, Any], Any]] = [
        ({}, lambda _: True),
        ({"sku_code": "CUP"}, lambda entry: entry.sku_code == "CUP"),
        ({"place_code": "A-02"}, lambda entry: "A-02" in (entry.from_place, entry.to_place)),
        ({"place_code": "SUPPLIER"}, lambda entry: entry.from_place == "SUPPLIER"),
        ({"place_code": "B-99"}, lambda _: False),
        ({"kinds": kinds}, lambda entry: int(entry.kind) in kinds),
        ({"actor": "staff:budi"}, lambda entry: entry.actor == "staff:budi"),
        ({"by_request_id": some.request_id}, lambda entry: entry.request_id == some.request_id),
        ({"document": entries[0].document}, lambda entry: entry.document == entries[0].document),
        ({"from_time": stamp(middle)}, lambda entry: entry.record_time >= middle),
        ({"until_time": stamp(late)}, lambda entry: entry.record_time < late),
        (
            {
                "from_time": stamp(middle),
                "until_time": stamp(late),
                "sku_code": "TEE-M",
                "place_code": "A-01",
            },
            lambda entry: (
                middle <= entry.record_time < late
                and entry.sku_code == "TEE-M"
                and "A-01" in (entry.from_place, entry.to_place)
            ),
        ),
    ]
    for fields, is_wanted in questions:
        expected = [entry.sequence for entry in entries if is_wanted(entry)]
        assert await history(house, **fields) == expected, fields
        assert await history(house, newest_first=True, **fields) == expected[::-1], fields


async def test_everything_of_a_reservation_is_found_by_its_id(house: Any) -> None:
    await house.stocked("CUP", 5)
    owner, other = uuid4(), uuid4()
    (mine,) = await book(
        house, [Movement(MovementKind.PICK, "CUP", 1, "A-01", "PACKING", reservation_id=owner)]
    )
    await book(house, [Movement(MovementKind.PICK, "CUP", 1, "A-01", "PACKING", reservation_id=other)])
    assert await history(house, document=str(owner)) == [mine.sequence]


async def test_a_page_of_one_direction_is_no_page_of_the_other(house: Any) -> None:
    await house.stocked("CUP", 5)
    await house.receive("CUP", 2)
    request = pb.ListLedgerEntriesRequest(warehouse_code="JKT1", page_size=1)
    token = (await house.inventory.ListLedgerEntries(request)).next_page_token
    request.page_token, request.newest_first = token, True
    failure = await house.refused(house.inventory.ListLedgerEntries(request))
    assert [each.field for each in failure.fields] == ["page_token"]
