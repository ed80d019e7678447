"""Availability over real gRPC: plain SKUs, bundles, flash sales, warehouses, and the tree behind a figure."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from lumbung.stock.v1 import availability_pb2 as pb
from lumbung.stock.v1 import flash_sales_pb2 as sales_pb
from lumbung.stock.v1 import inventory_pb2
from lumbung_kit.batching import MicroBatcher
from lumbung_kit.failures import Kind
from lumbung_stock.stores.availability import read_figures
from lumbung_stock.usecases import get_availability

pytestmark = pytest.mark.store


async def second_warehouse(house, sku_code: str, quantity: int) -> None:
    """Warehouse SBY1, behind JKT1, with units of one SKU."""
    code = "SBY1"
    await house.warehouses.CreateWarehouse(
        inventory_pb2.CreateWarehouseRequest(
            request_id=house.new_id(),
            warehouse=inventory_pb2.Warehouse(
                warehouse_code=code,
                name=code,
                time_zone="Asia/Jakarta",
                priority=9,
                aisle_x_m=[0],
                cross_aisle_y_m=[0, 9],
            ),
        )
    )
    one = inventory_pb2.Bin(bin_code="S-01", kind=inventory_pb2.BIN_KIND_PICK, level=1)
    await house.warehouses.PutBins(
        inventory_pb2.PutBinsRequest(request_id=house.new_id(), warehouse_code=code, bins=[one])
    )
    line = inventory_pb2.ReceiptLine(sku_code=sku_code, bin_code="S-01", quantity=quantity)
    await house.inventory.ReceiveStock(
        inventory_pb2.ReceiveStockRequest(
            request_id=house.new_id(), warehouse_code=code, document="PO-2", lines=[line]
        )
    )


async def keep_back(house, sku_code: str, quantity: int) -> None:
    figures = inventory_pb2.Replenishment(warehouse_code="JKT1", sku_code=sku_code, safety_stock=quantity)
    await house.inventory.SetReplenishment(
        inventory_pb2.SetReplenishmentRequest(request_id=house.new_id(), replenishment=figures)
    )


async def test_every_part_of_a_figure_is_told(house) -> None:
    await house.stocked("PB-10K", 100)
    await keep_back(house, "PB-10K", 5)
    await house.shop.open_sale("SALE", {"PB-10K": 30})
    await house.shop.hold({"PB-10K": 7})
    await house.sell({"PB-10K": 11})
    await house.shop.hold({"PB-10K": 4}, sale="SALE")
    figures = await house.figures("PB-10K", channel="web")
    assert (figures.on_hand, figures.held, figures.sold) == (100, 7, 11)
    assert (figures.safety_stock, figures.escrow, figures.shortfall) == (5, 30, 0)
    assert figures.available_to_promise == 100 - 7 - 11 - 5 - 30
    assert (figures.flash_sale_available, figures.flash_sale_code) == (26, "SALE")
    assert figures.read_time.seconds > 0
    other = await house.figures("PB-10K", channel="tokoria")
    assert (other.flash_sale_available, other.flash_sale_code) == (0, "")
    await house.require_agreement()


async def test_a_sale_that_is_closed_or_past_its_end_gives_nothing(house) -> None:
    await house.stocked("PB-10K", 10)
    await house.shop.open_sale("SALE", {"PB-10K": 4})
    assert (await house.figures("PB-10K", channel="web")).flash_sale_available == 4
    await house.shop.sql.execute(
        "UPDATE flash_sale SET start_time = now() - interval '2 h', end_time = now() - interval '1 s'"
    )
    past = await house.figures("PB-10K", channel="web")
    assert (past.flash_sale_available, past.flash_sale_code, past.available_to_promise) == (0, "", 6)
    await house.shop.sales.CloseFlashSale(
        sales_pb.CloseFlashSaleRequest(request_id=house.new_id(), flash_sale_code="SALE")
    )
    closed = await house.figures("PB-10K", channel="web")
    assert (closed.flash_sale_available, closed.available_to_promise) == (0, 10)
    await house.require_agreement()


async def test_a_bundle_can_be_promised_as_often_as_its_scarcest_component_allows(house) -> None:
    await house.stocked("CUP", 9)
    await house.stocked("SAUCER", 100)
    await house.know("SET", {"CUP": 2, "SAUCER": 1})
    figures = await house.figures("SET")
    assert (figures.available_to_promise, figures.on_hand) == (4, 0)
    await house.sell({"SET": 1, "CUP": 3})
    assert (await house.figures("SET")).available_to_promise == 2
    assert (await house.figures("CUP")).available_to_promise == 4


async def test_a_bundle_is_put_together_within_one_warehouse(house) -> None:
    await house.stocked("CUP", 3)
    await house.know("SET", {"CUP": 2})
    await second_warehouse(house, "CUP", 3)
    assert (await house.figures("SET")).available_to_promise == 2
    assert (await house.figures("CUP")).available_to_promise == 6
    request = pb.GetAvailabilityRequest(sku_code="CUP", warehouse_code="SBY1")
    one = (await house.availability.GetAvailability(request)).availability
    assert (one.available_to_promise, one.on_hand, one.warehouse_code) == (3, 3, "SBY1")


async def test_a_bundle_is_on_sale_when_all_its_components_are(house) -> None:
    for sku in ("CUP", "SAUCER", "BOX"):
        await house.stocked(sku, 50)
    await house.know("SET", {"CUP": 2, "SAUCER": 1})
    await house.know("GIFT", {"CUP": 1, "BOX": 1})
    await house.shop.open_sale("SALE", {"CUP": 9, "SAUCER": 7})
    on_sale = await house.figures("SET", channel="web")
    assert (on_sale.flash_sale_available, on_sale.flash_sale_code) == (4, "SALE")
    assert on_sale.available_to_promise == 20
    assert (await house.figures("GIFT", channel="web")).flash_sale_code == ""


async def test_a_retired_sku_can_be_promised_no_more(house) -> None:
    await house.stocked("TEE-M", 5)
    await house.shop.sql.execute("UPDATE sku SET active = false")
    figures = await house.figures("TEE-M")
    assert (figures.available_to_promise, figures.on_hand) == (0, 5)


async def test_one_warehouse_short_of_its_safety_stock_takes_nothing_from_another(house) -> None:
    await house.stocked("CUP", 3)
    await keep_back(house, "CUP", 10)
    await second_warehouse(house, "CUP", 4)
    assert (await house.figures("CUP")).available_to_promise == 4


async def test_a_batch_is_answered_in_the_order_asked_and_names_what_is_unknown(house) -> None:
    for sku, units in (("A", 1), ("B", 2), ("C", 3)):
        await house.stocked(sku, units)
    asked = ["C", "NO-SUCH", "A", "B", "C"]
    answer = await house.availability.BatchGetAvailability(pb.BatchGetAvailabilityRequest(sku_codes=asked))
    found = [(each.sku_code, each.available_to_promise) for each in answer.availabilities]
    assert found == [("C", 3), ("A", 1), ("B", 2), ("C", 3)]
    assert list(answer.unknown_sku_codes) == ["NO-SUCH"]
    assert len({each.read_time.ToNanoseconds() for each in answer.availabilities}) == 1


async def test_the_position_of_a_batch_covers_every_event_before_it(house) -> None:
    await house.know("TEE-M")
    request = pb.BatchGetAvailabilityRequest(sku_codes=["TEE-M"])
    for received in range(1, 15):
        await house.receive("TEE-M", 1)
        answer = await house.availability.BatchGetAvailability(request)
        published = await house.shop.scalar(
            "SELECT count(*) FROM event_log WHERE kind = 'stock_moved' AND position <= %s", answer.position
        )
        assert published <= answer.availabilities[0].on_hand == received


async def test_the_whole_tree_behind_a_figure(house) -> None:
    await house.stocked("CUP", 10)
    await house.receive("CUP", 5, "B-01")
    await second_warehouse(house, "CUP", 2)
    await house.know("SET", {"CUP": 4})
    await house.shop.open_sale("SALE", {"CUP": 6})
    await house.shop.hold({"CUP": 1}, sale="SALE")
    await house.sell({"CUP": 2}, sale="SALE")
    sale = await house.sell({"CUP": 1})
    await house.pick(sale, "CUP", 1)
    explain = house.availability.ExplainAvailability
    tree = await explain(pb.ExplainAvailabilityRequest(sku_code="CUP", channel_code="web"))
    assert (tree.total.available_to_promise, tree.total.flash_sale_available) == (10, 3)
    per_warehouse = [(each.warehouse_code, each.available_to_promise) for each in tree.warehouses]
    assert per_warehouse == [("JKT1", 8), ("SBY1", 2)]
    assert [(each.warehouse_code, each.place_code, each.quantity) for each in tree.places] == [
        ("JKT1", "A-01", 9),
        ("JKT1", "B-01", 5),
        ("JKT1", "PACKING", 1),
        ("SBY1", "S-01", 2),
    ]
    (share,) = tree.escrows
    assert (share.flash_sale_code, share.quota, share.remaining, share.held, share.sold, share.shipped) == (
        "SALE",
        6,
        3,
        1,
        2,
        0,
    )
    assert list(tree.components) == []
    bundle = await explain(pb.ExplainAvailabilityRequest(sku_code="SET"))
    (component,) = bundle.components
    assert (component.sku_code, component.quantity_per_bundle, component.bundles_possible) == ("CUP", 4, 2)
    assert bundle.total.available_to_promise == 2
    assert list(bundle.places) == []


async def test_shortfalls_are_listed_oldest_first_with_the_youngest_promises(house) -> None:
    await house.stocked("A", 5)
    await house.stocked("B", 5)
    older, younger = [(await house.sell({"A": 2, "B": 2})).reservation_id for _ in range(2)]
    for sku, missing in (("B", 2), ("A", 4)):
        await house.inventory.RecordShortPick(
            inventory_pb2.RecordShortPickRequest(
                request_id=house.new_id(),
                warehouse_code="JKT1",
                sku_code=sku,
                bin_code="A-01",
                missing_quantity=missing,
            )
        )
    listed, token = [], ""
    for _ in range(2):
        page = await house.availability.ListShortfalls(
            pb.ListShortfallsRequest(warehouse_code="JKT1", page_size=1, page_token=token)
        )
        listed += page.shortfalls
        token = page.next_page_token
    assert token == ""
    assert [(each.sku_code, each.missing_quantity, list(each.reservation_ids)) for each in listed] == [
        ("B", 1, [younger]),
        ("A", 3, [younger, older]),
    ]
    assert listed[0].raise_time.ToNanoseconds() < listed[1].raise_time.ToNanoseconds()


async def test_a_sales_unsold_units_are_hit_before_any_promise(house) -> None:
    await house.stocked("TEE-M", 10)
    await house.shop.open_sale("SALE", {"TEE-M": 4})
    older, younger = await house.sell({"TEE-M": 5}), await house.sell({"TEE-M": 1}, sale="SALE")
    for missing, hit in ((3, []), (4, [younger]), (5, [younger, older])):
        there = (await house.figures("TEE-M")).on_hand
        await house.inventory.RecordShortPick(
            inventory_pb2.RecordShortPickRequest(
                request_id=house.new_id(),
                warehouse_code="JKT1",
                sku_code="TEE-M",
                bin_code="A-01",
                missing_quantity=there - (9 - missing),
            )
        )
        (listed,) = (await house.availability.ListShortfalls(pb.ListShortfallsRequest())).shortfalls
        assert listed.missing_quantity == missing
        assert list(listed.reservation_ids) == [each.reservation_id for each in hit]


async def test_of_a_split_sale_only_the_share_of_the_short_warehouse_is_hit(house) -> None:
    await house.stocked("TEE-M", 2)
    await house.shop.put_warehouse("SBY1", priority=9)
    await house.shop.put("TEE-M", 5, warehouse="SBY1")
    request = house.shop.ask({"TEE-M": 4})
    request.allow_split = True
    split = await house.shop.confirm((await house.shop.reservations.Reserve(request)).reservation)
    elsewhere = house.shop.ask({"TEE-M": 3}, warehouse_code="SBY1")
    await house.shop.confirm((await house.shop.reservations.Reserve(elsewhere)).reservation)
    await house.inventory.RecordShortPick(
        inventory_pb2.RecordShortPickRequest(
            request_id=house.new_id(),
            warehouse_code="JKT1",
            sku_code="TEE-M",
            bin_code="A-01",
            missing_quantity=1,
        )
    )
    (listed,) = (await house.availability.ListShortfalls(pb.ListShortfallsRequest())).shortfalls
    assert (listed.warehouse_code, listed.missing_quantity) == ("JKT1", 1)
    assert list(listed.reservation_ids) == [split.reservation_id]


async def test_a_cancelled_sale_ends_the_shortfall_that_it_was_hit_by(house) -> None:
    await house.stocked("A", 5)
    sale = await house.sell({"A": 5})
    await house.inventory.RecordShortPick(
        inventory_pb2.RecordShortPickRequest(
            request_id=house.new_id(),
            warehouse_code="JKT1",
            sku_code="A",
            bin_code="A-01",
            missing_quantity=2,
        )
    )
    await house.cancel(sale)
    listed = await house.availability.ListShortfalls(pb.ListShortfallsRequest())
    assert list(listed.shortfalls) == []
    assert len(await house.events("shortfall_resolved")) == 1
    await house.require_agreement()


@pytest.mark.parametrize(
    ("method", "request_message", "fields"),
    [
        ("GetAvailability", pb.GetAvailabilityRequest(), ["sku_code"]),
        (
            "GetAvailability",
            pb.GetAvailabilityRequest(sku_code="a b", warehouse_code="!", channel_code="!"),
            ["sku_code", "warehouse_code", "channel_code"],
        ),
        ("BatchGetAvailability", pb.BatchGetAvailabilityRequest(), ["sku_codes"]),
        ("BatchGetAvailability", pb.BatchGetAvailabilityRequest(sku_codes=["A"] * 501), ["sku_codes"]),
        ("BatchGetAvailability", pb.BatchGetAvailabilityRequest(sku_codes=["A", ""]), ["sku_codes[1]"]),
        ("ExplainAvailability", pb.ExplainAvailabilityRequest(), ["sku_code"]),
        ("ListShortfalls", pb.ListShortfallsRequest(page_size=-1), ["page_size"]),
        ("ListShortfalls", pb.ListShortfallsRequest(page_token="x"), ["page_token"]),
        ("ListShortfalls", pb.ListShortfallsRequest(warehouse_code="a b"), ["warehouse_code"]),
    ],
)
async def test_bad_input_names_each_field(
    house, method: str, request_message: Any, fields: list[str]
) -> None:
    failure = await house.refused(getattr(house.availability, method)(request_message))
    assert (failure.kind, failure.reason) == (Kind.INVALID_ARGUMENT, "BAD_INPUT")
    assert [each.field for each in failure.fields] == fields


async def test_an_answer_from_memory_is_as_old_as_it_says_and_no_older_than_asked_for(house) -> None:
    await house.stocked("CUP", 9)
    now = await house.figures("CUP")
    await house.sell({"CUP": 2})
    request = pb.GetAvailabilityRequest(sku_code="CUP")
    request.max_age.FromSeconds(3_600)
    old = (await house.availability.GetAvailability(request)).availability
    assert (old.available_to_promise, old.read_time) == (9, now.read_time)
    request.max_age.FromNanoseconds(1)
    assert (await house.availability.GetAvailability(request)).availability.available_to_promise == 7
    request.max_age.FromSeconds(3_600)
    assert (await house.availability.GetAvailability(request)).availability.available_to_promise == 7
    request.warehouse_code = "JKT1"
    assert (await house.availability.GetAvailability(request)).availability.warehouse_code == "JKT1"


async def test_the_same_memory_serves_each_channel_its_own_sale(house) -> None:
    await house.stocked("CUP", 9)
    await house.shop.open_sale("SALE", {"CUP": 4})
    await house.figures("CUP")
    request = pb.GetAvailabilityRequest(sku_code="CUP", channel_code="web")
    request.max_age.FromSeconds(3_600)
    assert (await house.availability.GetAvailability(request)).availability.flash_sale_available == 4
    request.channel_code = "elsewhere"
    assert (await house.availability.GetAvailability(request)).availability.flash_sale_available == 0


async def test_those_who_ask_at_once_share_their_questions(house, monkeypatch) -> None:
    for sku in ("A", "B"):
        await house.stocked(sku, 3)
    asked: list[frozenset[str]] = []
    all_are_there = asyncio.Event()
    submit, came = MicroBatcher.submit, 0

    async def counted(self: Any, query: Any) -> Any:
        nonlocal came
        came += 1
        if came == 90:
            all_are_there.set()
        return await submit(self, query)

    async def read(conn: Any, skus: Any, *, warehouse_code: str) -> Any:
        asked.append(frozenset(skus))
        await all_are_there.wait()
        return await read_figures(conn, skus, warehouse_code=warehouse_code)

    monkeypatch.setattr(MicroBatcher, "submit", counted)
    monkeypatch.setattr(get_availability, "read_figures", read)
    answers = await asyncio.gather(
        *(house.figures(sku) for sku in ("A", "B", "NO-SUCH") * 30), return_exceptions=True
    )
    assert sum(isinstance(answer, pb.Availability) for answer in answers) == 60
    assert len(asked) <= get_availability.QUERIES_IN_FLIGHT + 2, "who found two in flight waited for two more"
    assert max(asked, key=len) == {"A", "B", "NO-SUCH"}


async def test_memory_is_bounded_and_keeps_what_was_read_last(house, monkeypatch) -> None:
    monkeypatch.setattr(get_availability, "REMEMBERED_MAX", 2)
    for sku in ("A", "B", "C"):
        await house.stocked(sku, 3)
        await house.figures(sku)
    await house.shop.sql.execute("UPDATE level SET on_hand = 5")
    figures = []
    for sku in ("B", "C", "A"):
        request = pb.GetAvailabilityRequest(sku_code=sku)
        request.max_age.FromSeconds(3_600)
        figures.append((await house.availability.GetAvailability(request)).availability.on_hand)
    assert figures == [3, 3, 5]


async def test_an_answer_cannot_be_asked_to_be_older_than_an_hour(house) -> None:
    await house.know("A")
    request = pb.GetAvailabilityRequest(sku_code="A")
    request.max_age.FromSeconds(3_601)
    failure = await house.refused(house.availability.GetAvailability(request))
    assert [each.field for each in failure.fields] == ["max_age"]
    request.max_age.FromSeconds(3_600)
    assert (await house.availability.GetAvailability(request)).availability.sku_code == "A"


@pytest.mark.parametrize(
    ("method", "request_message", "reason"),
    [
        ("GetAvailability", pb.GetAvailabilityRequest(sku_code="NO-SUCH"), "SKU_NOT_FOUND"),
        (
            "GetAvailability",
            pb.GetAvailabilityRequest(sku_code="A", warehouse_code="W"),
            "WAREHOUSE_NOT_FOUND",
        ),
        (
            "BatchGetAvailability",
            pb.BatchGetAvailabilityRequest(sku_codes=["A"], warehouse_code="W"),
            "WAREHOUSE_NOT_FOUND",
        ),
        ("ExplainAvailability", pb.ExplainAvailabilityRequest(sku_code="NO-SUCH"), "SKU_NOT_FOUND"),
        ("ListShortfalls", pb.ListShortfallsRequest(warehouse_code="W"), "WAREHOUSE_NOT_FOUND"),
    ],
)
async def test_unknown_codes_are_not_found(house, method: str, request_message: Any, reason: str) -> None:
    failure = await house.refused(getattr(house.availability, method)(request_message))
    assert (failure.kind, failure.reason) == (Kind.NOT_FOUND, reason)
