"""Bad input on every RPC of FlashSaleService: a typed error that names the field, and nothing changed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from lumbung.stock.v1 import flash_sales_pb2 as pb
from lumbung_kit.failures import Kind

if TYPE_CHECKING:
    from lumbung_kit.clients import RemoteFailure
    from services.stock.tests.conftest import Shop

pytestmark = pytest.mark.store

Change = Callable[[Any], object]


def text(field: str, value: str) -> Change:
    return lambda request: setattr(request, field, value)


def item(**fields: Any) -> Change:
    def change(request: pb.PlanFlashSaleRequest) -> None:
        for name, value in fields.items():
            setattr(request.items[0], name, value)

    return change


def items(count: int) -> Change:
    def change(request: pb.PlanFlashSaleRequest) -> None:
        del request.items[:]
        for number in range(count):
            request.items.add(sku_code=f"SKU-{number}", warehouse_code="JKT1", quota=1)

    return change


def channels(*codes: str) -> Change:
    def change(request: pb.PlanFlashSaleRequest) -> None:
        del request.channel_codes[:]
        request.channel_codes.extend(codes)

    return change


def times(*, start: timedelta | None, end: timedelta) -> Change:
    def change(request: pb.PlanFlashSaleRequest) -> None:
        now = datetime.now(UTC)
        if start is not None:
            request.start_time.FromDatetime(now + start)
        request.end_time.FromDatetime(now + end)

    return change


def room(**fields: int) -> Change:
    """A waiting room with these fields; spans in seconds."""

    def change(request: pb.PlanFlashSaleRequest) -> None:
        for name, value in ({"admission_order": 1} | fields).items():
            if name in ("admission_ttl", "lottery_window"):
                getattr(request, name).CopyFrom(Duration(seconds=value))
            else:
                setattr(request, name, value)

    return change


REQUEST_IDS: dict[str, Change] = {
    "no request_id": text("request_id", ""),
    "request_id of 65": text("request_id", "x" * 65),
    "request_id with a space": text("request_id", "a b"),
}
SALE_CODES: dict[str, Change] = {
    "no code": text("flash_sale_code", ""),
    "code of 33": text("flash_sale_code", "S" * 33),
    "code with a brace": text("flash_sale_code", "S}{T"),
    "code with a NUL": text("flash_sale_code", "S\0"),
}
HOUR = timedelta(hours=1)
PLAN: dict[str, tuple[Change, str]] = {
    **{name: (change, "request_id") for name, change in REQUEST_IDS.items()},
    **{name: (change, "flash_sale_code") for name, change in SALE_CODES.items()},
    "no title": (text("title", ""), "title"),
    "title of 121": (text("title", "x" * 121), "title"),
    "no items": (items(0), "items"),
    "101 items": (items(101), "items"),
    "item twice": (
        lambda request: request.items.add(sku_code="A", warehouse_code="JKT1", quota=1),
        "items[1].sku_code",
    ),
    "no sku": (item(sku_code=""), "items[0].sku_code"),
    "no warehouse": (item(warehouse_code=""), "items[0].warehouse_code"),
    "quota 0": (item(quota=0), "items[0].quota"),
    "quota -1": (item(quota=-1), "items[0].quota"),
    "quota 1,000,001": (item(quota=1_000_001), "items[0].quota"),
    "quota 2^63-1": (item(quota=2**63 - 1), "items[0].quota"),
    "limit -1": (item(limit_per_customer=-1), "items[0].limit_per_customer"),
    "limit 1,001": (item(limit_per_customer=1_001), "items[0].limit_per_customer"),
    "no channel": (channels(), "channel_codes"),
    "51 channels": (channels(*(f"c{number}" for number in range(51))), "channel_codes"),
    "an empty channel": (channels("web", ""), "channel_codes[1]"),
    "no end": (lambda request: request.ClearField("end_time"), "end_time"),
    "end before start": (times(start=2 * HOUR, end=HOUR), "end_time"),
    "end at start": (times(start=HOUR, end=HOUR), "end_time"),
    "end in the past": (times(start=-2 * HOUR, end=-HOUR), "end_time"),
    "end in the past without a start": (times(start=None, end=-HOUR), "end_time"),
    "longer than a week": (times(start=HOUR, end=timedelta(days=7, hours=1, seconds=1)), "end_time"),
    "start after the year 9999": (
        lambda request: request.start_time.CopyFrom(Timestamp(seconds=10**12)),
        "start_time",
    ),
    "end after the year 9999": (
        lambda request: request.end_time.CopyFrom(Timestamp(seconds=10**12)),
        "end_time",
    ),
    "waiting room unknown": (lambda request: setattr(request, "admission_order", 9), "admission_order"),
    "demand_multiple without a room": (
        lambda request: setattr(request, "demand_multiple", 2),
        "demand_multiple",
    ),
    "demand_multiple -1": (room(demand_multiple=-1), "demand_multiple"),
    "demand_multiple 1,001": (room(demand_multiple=1_001), "demand_multiple"),
    "admission of 9 s": (room(admission_ttl=9), "admission_ttl"),
    "admission of more than an hour": (room(admission_ttl=3_601), "admission_ttl"),
    "admission of nothing": (room(admission_ttl=0), "admission_ttl"),
    "lottery window without a lottery": (room(lottery_window=10), "lottery_window"),
    "lottery window of 0 s": (room(admission_order=2, lottery_window=0), "lottery_window"),
    "lottery window of more than an hour": (room(admission_order=2, lottery_window=3_601), "lottery_window"),
}


def fields_of(failure: RemoteFailure) -> list[str]:
    return [violation.field for violation in failure.fields]


async def require_bad_input(shop: Shop, call: Any, field: str) -> None:
    failure = await shop.refused(call)
    assert (failure.kind, failure.reason) == (Kind.INVALID_ARGUMENT, "BAD_INPUT")
    assert field in fields_of(failure)
    assert set(fields_of(failure)) <= {field, "end_time"}


async def test_plan(shop: Shop, subtests: pytest.Subtests) -> None:
    await shop.put("A", 1_000)
    before = await shop.dump()
    for name, (change, field) in PLAN.items():
        with subtests.test(name):
            request = shop.plan("SALE", {"A": 1})
            change(request)
            await require_bad_input(shop, shop.sales.PlanFlashSale(request), field)
    assert await shop.dump() == before


UNKNOWN: dict[str, tuple[Change, str, Kind, list[str]]] = {
    "sku": (item(sku_code="NONE"), "SKU_NOT_FOUND", Kind.NOT_FOUND, ["items[0].sku_code"]),
    "bundle": (item(sku_code="KIT"), "SKU_IS_BUNDLE", Kind.FAILED_PRECONDITION, ["items[0].sku_code"]),
    "warehouse": (
        item(warehouse_code="NONE"),
        "WAREHOUSE_NOT_FOUND",
        Kind.NOT_FOUND,
        ["items[0].warehouse_code"],
    ),
}


async def test_plan_with_what_stock_does_not_know(shop: Shop, subtests: pytest.Subtests) -> None:
    await shop.put("A", 1_000)
    await shop.put("KIT", 0, bundle={"A": 2})
    before = await shop.dump()
    for name, (change, reason, kind, fields) in UNKNOWN.items():
        with subtests.test(name):
            request = shop.plan("SALE", {"A": 1})
            change(request)
            failure = await shop.refused(shop.sales.PlanFlashSale(request))
            assert (failure.reason, failure.kind, fields_of(failure)) == (reason, kind, fields)
    assert await shop.dump() == before


async def test_plan_at_the_bounds_is_fine(shop: Shop, subtests: pytest.Subtests) -> None:
    for number in range(100):
        await shop.put(f"SKU-{number}", 0)
    await shop.put("A", 0)
    within: dict[str, Change] = {
        "100 items": items(100),
        "quota 1,000,000": item(quota=1_000_000),
        "limit 1,000": item(limit_per_customer=1_000),
        "50 channels": channels(*(f"c{number}" for number in range(50))),
        "a week": times(start=HOUR, end=timedelta(days=7, hours=1)),
        "title of 120": text("title", "ü" * 120),
        "code of 32": text("flash_sale_code", "S" * 32),
    }
    for number, (name, change) in enumerate(within.items()):
        with subtests.test(name):
            request = shop.plan(f"SALE-{number}", {"A": 1})
            change(request)
            planned = (await shop.sales.PlanFlashSale(request)).flash_sale
            assert (planned.state, planned.epoch) == (pb.FLASH_SALE_STATE_PLANNED, 0)
            found = await shop.sales.GetFlashSale(
                pb.GetFlashSaleRequest(flash_sale_code=planned.flash_sale_code)
            )
            assert sorted(found.flash_sale.channel_codes) == sorted(planned.channel_codes)
            assert len(found.flash_sale.items) == len(planned.items)


async def test_a_plan_again_is_the_same_plan_and_another_under_its_code_is_refused(shop: Shop) -> None:
    await shop.put("A", 10)
    request = shop.plan("SALE", {"A": 1})
    first = await shop.sales.PlanFlashSale(request)
    await shop.sql.execute("UPDATE sku SET is_bundle = true")
    assert await shop.sales.PlanFlashSale(request) == first
    await shop.sql.execute("UPDATE sku SET is_bundle = false")
    before = await shop.dump()
    other = shop.plan("SALE", {"A": 2})
    failure = await shop.refused(shop.sales.PlanFlashSale(other))
    assert (failure.reason, failure.kind) == ("FLASH_SALE_EXISTS", Kind.ALREADY_EXISTS)
    request.items[0].quota = 2
    assert (await shop.refused(shop.sales.PlanFlashSale(request))).reason == "REQUEST_ID_REUSED"
    assert await shop.dump() == before


async def test_open_and_close(shop: Shop, subtests: pytest.Subtests) -> None:
    await shop.put("A", 10)
    await shop.sales.PlanFlashSale(shop.plan("SALE", {"A": 1}))
    before = await shop.dump()
    calls: list[tuple[Any, Any]] = [
        (shop.sales.OpenFlashSale, pb.OpenFlashSaleRequest),
        (shop.sales.CloseFlashSale, pb.CloseFlashSaleRequest),
    ]
    for call, message in calls:
        cases = {name: (change, "request_id") for name, change in REQUEST_IDS.items()}
        cases |= {name: (change, "flash_sale_code") for name, change in SALE_CODES.items()}
        for name, (change, field) in cases.items():
            with subtests.test(name, message=message.DESCRIPTOR.name):
                request = message(request_id=shop.new_id(), flash_sale_code="SALE")
                change(request)
                await require_bad_input(shop, call(request), field)
        unknown = message(request_id=shop.new_id(), flash_sale_code="NONE")
        assert (await shop.refused(call(unknown))).reason == "FLASH_SALE_NOT_FOUND"
    assert (await shop.refused(shop.close_sale("SALE"))).reason == "FLASH_SALE_WRONG_STATE"
    assert await shop.dump() == before


async def test_get_and_report(shop: Shop, subtests: pytest.Subtests) -> None:
    calls: list[tuple[Any, Any]] = [
        (shop.sales.GetFlashSale, pb.GetFlashSaleRequest),
        (shop.sales.ReportFlashSale, pb.ReportFlashSaleRequest),
    ]
    for call, message in calls:
        for name, change in SALE_CODES.items():
            with subtests.test(name, message=message.DESCRIPTOR.name):
                request = message(flash_sale_code="SALE")
                change(request)
                await require_bad_input(shop, call(request), "flash_sale_code")
        assert (await shop.refused(call(message(flash_sale_code="NONE")))).reason == "FLASH_SALE_NOT_FOUND"


class TestList:
    """Newest first, page by page."""

    async def codes(self, shop: Shop, **fields: Any) -> tuple[list[str], str]:
        answer = await shop.sales.ListFlashSales(pb.ListFlashSalesRequest(**fields))
        return [sale.flash_sale_code for sale in answer.flash_sales], answer.next_page_token

    async def test_pages(self, shop: Shop) -> None:
        await shop.put("A", 10)
        for number in range(5):
            await shop.sales.PlanFlashSale(shop.plan(f"SALE-{number}", {"A": 1}))
        await shop.open("SALE-3")
        first, token = await self.codes(shop, page_size=2)
        await shop.sales.PlanFlashSale(shop.plan("LATER", {"A": 1}))
        second, next_token = await self.codes(shop, page_size=2, page_token=token)
        third, last = await self.codes(shop, page_size=2, page_token=next_token)
        assert (first, second, third, last) == (["SALE-4", "SALE-3"], ["SALE-2", "SALE-1"], ["SALE-0"], "")
        assert await self.codes(shop, state=pb.FLASH_SALE_STATE_OPEN) == (["SALE-3"], "")
        assert await self.codes(shop, state=pb.FLASH_SALE_STATE_CLOSED) == ([], "")
        assert len((await self.codes(shop, page_size=1_000))[0]) == 6

    async def test_bad_input(self, shop: Shop, subtests: pytest.Subtests) -> None:
        await shop.put("A", 10)
        for number in range(3):
            await shop.sales.PlanFlashSale(shop.plan(f"SALE-{number}", {"A": 1}))
        _, token = await self.codes(shop, page_size=1)
        cases: dict[str, tuple[dict[str, Any], str]] = {
            "page_size -1": ({"page_size": -1}, "page_size"),
            "state unknown": ({"state": 9}, "state"),
            "token of nobody": ({"page_token": "SALE-1"}, "page_token"),
            "token that is no text": ({"page_token": "%%%"}, "page_token"),
            "token cut short": ({"page_token": token[:-3]}, "page_token"),
            "token of another filter": (
                {"page_token": token, "state": pb.FLASH_SALE_STATE_PLANNED},
                "page_token",
            ),
        }
        for name, (fields, field) in cases.items():
            with subtests.test(name):
                request = pb.ListFlashSalesRequest(**fields)
                await require_bad_input(shop, shop.sales.ListFlashSales(request), field)


async def test_the_report_counts_units_and_answers(shop: Shop) -> None:
    await shop.put("A", 10)
    await shop.open_sale("SALE", {"A": 6}, limit=3, channels=("web", "tokoria"))
    await shop.hold({"A": 1}, sale="SALE", customer="ani")
    await shop.confirm(await shop.hold({"A": 2}, sale="SALE", customer="budi"))
    for customer, units in (("ani", 3), ("citra", 4), ("dewi", 3)):
        ask = shop.ask({"A": units}, sale="SALE", customer=customer, channel_code="tokoria")
        await shop.outcome(shop.reservations.Reserve(ask))
    report = await shop.sales.ReportFlashSale(pb.ReportFlashSaleRequest(flash_sale_code="SALE"))
    (only,) = report.items
    assert (only.quota, only.remaining, only.held, only.sold) == (6, 0, 4, 2)
    assert (only.shipped, only.returned, report.oversold_units) == (0, 0, 0)
    assert {(answer.reason, answer.channel_code): answer.count for answer in report.answers} == {
        ("HELD", "web"): 2,
        ("HELD", "tokoria"): 1,
        ("CUSTOMER_LIMIT_REACHED", "tokoria"): 2,
    }
