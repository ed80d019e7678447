"""More units for a sale that is open."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from lumbung.stock.v1 import flash_sales_pb2 as pb
from lumbung_kit.failures import Kind

if TYPE_CHECKING:
    from services.stock.tests.conftest import Shop

pytestmark = pytest.mark.store


def more(shop: Shop, units: int, **fields: Any) -> pb.ExtendFlashSaleQuotaRequest:
    """A request for more of A."""
    wanted: dict[str, Any] = {
        "request_id": shop.new_id(),
        "flash_sale_code": "SALE",
        "sku_code": "A",
        "warehouse_code": "JKT1",
        "quantity": units,
    }
    return pb.ExtendFlashSaleQuotaRequest(**(wanted | fields))


async def test_the_units_are_set_aside_and_can_be_reserved(shop: Shop) -> None:
    await shop.put("A", 20)
    await shop.open_sale("SALE", {"A": 2})
    await shop.hold({"A": 2}, sale="SALE")
    extended = (await shop.sales.ExtendFlashSaleQuota(more(shop, 3))).flash_sale
    assert [item.quota for item in extended.items] == [5]
    await shop.until_gate_has("SALE", {"A": 3})
    await shop.hold({"A": 3}, sale="SALE")
    assert await shop.free("A") == 15
    await shop.close_sale("SALE")
    await shop.require_conserved()


async def test_the_same_request_adds_once(shop: Shop) -> None:
    await shop.put("A", 20)
    await shop.open_sale("SALE", {"A": 2})
    request = more(shop, 3)
    first = await shop.sales.ExtendFlashSaleQuota(request)
    await shop.sales.ExtendFlashSaleQuota(more(shop, 1))
    assert await shop.sales.ExtendFlashSaleQuota(request) == first
    request.quantity = 4
    assert (await shop.refused(shop.sales.ExtendFlashSaleQuota(request))).reason == "REQUEST_ID_REUSED"
    await shop.until_gate_has("SALE", {"A": 6})
    await shop.require_conserved()


async def test_a_sale_in_pools_shares_them(shop: Shop) -> None:
    await shop.put("A", 20)
    plan = shop.plan("SALE", {"A": 4})
    plan.pool_count = 4
    await shop.sales.PlanFlashSale(plan)
    await shop.open("SALE")
    extended = (await shop.sales.ExtendFlashSaleQuota(more(shop, 6))).flash_sale
    assert [item.quota for item in extended.items] == [10]
    found = await shop.rows("SELECT quota FROM flash_sale_item ORDER BY flash_sale_code")
    assert found == [(3,), (3,), (2,), (2,)]
    for number, (quota,) in enumerate(found, start=1):
        await shop.until_gate_has(f"SALE~0{number}", {"A": quota})
    await shop.require_conserved()


async def test_what_is_missing_is_named_and_nothing_is_added(shop: Shop) -> None:
    await shop.put("A", 5)
    await shop.open_sale("SALE", {"A": 2})
    before = await shop.dump()
    failure = await shop.refused(shop.sales.ExtendFlashSaleQuota(more(shop, 4)))
    assert (failure.kind, failure.reason) == (Kind.FAILED_PRECONDITION, "QUOTA_NOT_AVAILABLE")
    assert [(each.subject, each.description) for each in failure.preconditions] == [
        ("JKT1/A", "asked 4, available 3, missing 1")
    ]
    assert await shop.dump() == before


async def test_only_an_open_sale_that_has_the_sku_there_is_extended(shop: Shop) -> None:
    for sku in "AB":
        await shop.put(sku, 20)
    await shop.put_warehouse("SBY1", priority=2)
    planned = shop.plan("PLANNED", {"A": 2})
    await shop.sales.PlanFlashSale(planned)
    await shop.open_sale("SALE", {"A": 2})
    await shop.open_sale("CLOSED", {"A": 2})
    await shop.close_sale("CLOSED")
    before = await shop.dump()
    wanted = {
        "FLASH_SALE_NOT_FOUND": [more(shop, 1, flash_sale_code="NONE")],
        "FLASH_SALE_NOT_OPEN": [more(shop, 1, flash_sale_code=code) for code in ("PLANNED", "CLOSED")],
        "SKU_NOT_ON_SALE": [more(shop, 1, sku_code="B"), more(shop, 1, warehouse_code="SBY1")],
    }
    for reason, requests in wanted.items():
        for request in requests:
            assert (await shop.refused(shop.sales.ExtendFlashSaleQuota(request))).reason == reason
    assert await shop.dump() == before


async def test_a_sale_that_has_ended_is_not_extended(shop: Shop) -> None:
    await shop.put("A", 20)
    await shop.open_sale("SALE", {"A": 2})
    past = datetime.now(UTC) - timedelta(seconds=1)
    await shop.sql.execute(
        "UPDATE flash_sale SET start_time = %s, end_time = %s", (past - timedelta(1), past)
    )
    failure = await shop.refused(shop.sales.ExtendFlashSaleQuota(more(shop, 1)))
    assert failure.reason == "FLASH_SALE_NOT_OPEN"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("request_id", ""),
        ("request_id", "x" * 1_000),
        ("flash_sale_code", ""),
        ("flash_sale_code", "SALE~01"),
        ("sku_code", ""),
        ("warehouse_code", "J}{KT"),
        ("quantity", 0),
        ("quantity", -1),
        ("quantity", 1_000_001),
        ("quantity", 2**63 - 1),
    ],
)
async def test_bad_input_is_named(shop: Shop, field: str, value: Any) -> None:
    failure = await shop.refused(shop.sales.ExtendFlashSaleQuota(more(shop, 1, **{field: value})))
    assert (failure.kind, failure.reason) == (Kind.INVALID_ARGUMENT, "BAD_INPUT")
    assert [violation.field for violation in failure.fields] == [field]
