"""A SKU is sealed for correction only while nothing uses it, and nothing begins to while it is sealed."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import psycopg
import pytest

from lumbung.stock.v1 import sku_use_pb2 as pb
from lumbung.stock.v1 import sku_use_pb2_grpc as rpc
from lumbung_kit.clients import failure_from
from lumbung_kit.failures import Kind
from lumbung_stock.domain.skus import SkuRecord
from lumbung_stock.usecases.apply_catalog_event import apply_catalog_event

pytestmark = pytest.mark.store

RACES = 25
ID = "00000000-0000-0000-0000-000000000001"
SALE = (
    "INSERT INTO flash_sale (flash_sale_code, title, state, channel_codes, start_time, end_time, actor) "
    "VALUES ('S1', 'S1', 1, '{web}', now(), now() + interval '1 hour', 'staff:ani')"
)
RECEIPT = (
    "INSERT INTO expected_receipt (expected_receipt_id, warehouse_code, supplier, document, expected_time, "
    "over_delivery_percent, actor) VALUES ('$ID', 'JKT1', 'S', 'PO-1', now(), 0, 'staff:ani')"
)
TRANSFER = (
    "INSERT INTO transfer (transfer_id, from_warehouse_code, to_warehouse_code, document, state, actor) "
    "VALUES ('$ID', 'JKT1', 'SBY1', 'T-1', 1, 'staff:ani')"
)
STOCKTAKE = (
    "INSERT INTO stocktake (stocktake_id, warehouse_code, title, zones, bin_codes, sku_codes, lock_manual_changes, "
    "movement_window_s, open_sequence, open_time, round_time, actor) "
    "VALUES ('$ID', 'JKT1', 'S', '{}', '{}', '{}', false, 30, 0, now(), now(), 'staff:ani')"
)
USES = {
    "LEVEL": ("", "INSERT INTO level (warehouse_code, sku_code) VALUES ('JKT1', 'CUP')"),
    "FLASH_SALE": (
        SALE,
        "INSERT INTO flash_sale_item (flash_sale_code, sku_code, warehouse_code, quota) "
        "VALUES ('S1', 'CUP', 'JKT1', 1)",
    ),
    "EXPECTED_RECEIPT": (
        RECEIPT,
        "INSERT INTO expected_receipt_line (expected_receipt_id, sku_code, expected_quantity, received_quantity) "
        "VALUES ('$ID', 'CUP', 1, 0)",
    ),
    "TRANSFER": (
        TRANSFER,
        "INSERT INTO transfer_line (transfer_id, from_warehouse_code, to_warehouse_code, sku_code, planned_quantity) "
        "VALUES ('$ID', 'JKT1', 'SBY1', 'CUP', 1)",
    ),
    "STOCKTAKE": (
        STOCKTAKE,
        "INSERT INTO stocktake_count (stocktake_id, scan_id, round, bin_code, sku_code, counted_quantity, scan_time, "
        "counter, request_id) VALUES ('$ID', 'x', 1, 'A-01', 'CUP', 1, now(), 'terminal:1', 'r')",
    ),
    "UNIT_COST": (
        "",
        "INSERT INTO unit_cost (sku_code, unit_cost_minor, actor, request_id) VALUES ('CUP', 100, 'staff:ani', 'r')",
    ),
    "LEAD_TIME": (
        "",
        "INSERT INTO lead_time (warehouse_code, sku_code, supplier_code, mean_days, deviation_days, pack_size, "
        "priority, actor) VALUES ('JKT1', 'CUP', 'S', 1, 0, 1, 0, 'staff:ani')",
    ),
}


class Seals:
    """Client of SkuUseService in a shop that knows the SKU CUP."""

    def __init__(self, house: Any) -> None:
        self.house = house
        self.sql = house.shop.sql
        self.stub = rpc.SkuUseServiceStub(house.shop.channel)

    def request(self, sku_code: str = "CUP", **fields: Any) -> pb.SealForCorrectionRequest:
        """A request with a new id."""
        return pb.SealForCorrectionRequest(
            **{"request_id": self.house.new_id(), "sku_code": sku_code, "sku_version": 1, **fields}
        )

    async def seal(self, sku_code: str = "CUP", **fields: Any) -> pb.SealForCorrectionResponse:
        """A seal."""
        return await self.stub.SealForCorrection(self.request(sku_code, **fields))

    async def run(self, statement: str) -> None:
        """One of the statements above."""
        await self.sql.execute(statement.replace("$ID", ID))

    async def refusal(self, call: Any) -> Any:
        """Why a call was refused."""
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call
        return failure_from(refused.value)


@pytest.fixture
async def seals(house: Any) -> Seals:
    await house.know("CUP")
    await house.shop.put_warehouse("SBY1", priority=2)
    return Seals(house)


async def test_what_was_never_used_is_sealed_for_a_minute(seals: Seals) -> None:
    answer = await seals.seal()
    assert answer.seal_ms == 60_000
    ((left_s,),) = await seals.house.shop.rows(
        "SELECT extract(epoch FROM expire_time - clock_timestamp()) FROM sku_seal WHERE sku_code = 'CUP'"
    )
    assert 0 < left_s <= 60


@pytest.mark.parametrize("used_by", USES)
async def test_each_use_is_found_and_named(seals: Seals, used_by: str) -> None:
    before, use = USES[used_by]
    await seals.run(before)
    await seals.run(use)
    refused = await seals.refusal(seals.seal())
    assert (refused.kind, refused.reason) == (Kind.FAILED_PRECONDITION, "SKU_IN_USE")
    assert refused.metadata == {"sku_code": "CUP", "used_by": used_by}
    assert [(one.type, one.subject) for one in refused.preconditions] == [(used_by, "CUP")]


@pytest.mark.parametrize("used_by", USES)
async def test_a_sealed_sku_has_no_first_use(seals: Seals, used_by: str) -> None:
    before, use = USES[used_by]
    await seals.run(before)
    await seals.seal()
    with pytest.raises(psycopg.errors.CheckViolation) as refused:
        await seals.run(use)
    assert refused.value.diag.constraint_name == "sku_not_sealed"


async def test_a_count_of_a_stocktake_that_is_over_is_no_use(seals: Seals) -> None:
    before, use = USES["STOCKTAKE"]
    await seals.run(before)
    await seals.run(use)
    await seals.sql.execute("UPDATE stocktake SET state = 5, end_time = now()")
    await seals.seal()


async def test_a_receipt_that_was_cancelled_is_no_use(seals: Seals) -> None:
    before, use = USES["EXPECTED_RECEIPT"]
    await seals.run(before)
    await seals.run(use)
    await seals.sql.execute("UPDATE expected_receipt SET state = 4")
    await seals.seal()


async def test_a_receipt_of_a_sealed_sku_is_told_to_come_again(seals: Seals) -> None:
    await seals.seal()
    refused = await seals.refusal(seals.house.receive("CUP", 5))
    assert (refused.kind, refused.reason) == (Kind.ABORTED, "SKU_SEALED")
    assert refused.metadata == {"sku_code": "CUP"}
    assert refused.retry_after_s == pytest.approx(1.0)
    assert not await seals.house.shop.rows("SELECT * FROM ledger_entry")


async def test_goods_of_other_skus_come_in_meanwhile(seals: Seals) -> None:
    await seals.house.know("MUG")
    await seals.seal()
    await seals.house.receive("MUG", 5)


async def test_a_seal_ends_by_itself(seals: Seals) -> None:
    await seals.seal()
    await seals.sql.execute(
        "UPDATE sku_seal SET seal_time = now() - interval '61 s', expire_time = now() - interval '1 s'"
    )
    await seals.house.receive("CUP", 5)


async def test_a_seal_ends_with_the_catalogs_newer_version_alone(seals: Seals) -> None:
    await seals.seal(sku_version=3)
    record = SkuRecord("CUP", "Cangkir", False, True, (), 0)
    async with seals.house.shop.postgres.transaction() as conn:
        assert await apply_catalog_event(conn, record, 3)
    assert (await seals.refusal(seals.house.receive("CUP", 5))).reason == "SKU_SEALED"
    async with seals.house.shop.postgres.transaction() as conn:
        assert await apply_catalog_event(conn, record, 4)
    await seals.house.receive("CUP", 5)


async def test_no_seal_lasts_longer_than_its_bound(seals: Seals) -> None:
    await seals.seal()
    with pytest.raises(psycopg.errors.CheckViolation):
        await seals.sql.execute("UPDATE sku_seal SET expire_time = seal_time + interval '61 s'")


async def test_a_bundle_is_sealed_with_all_that_it_draws(seals: Seals) -> None:
    await seals.house.know("MUG")
    await seals.house.know("SET", {"CUP": 1, "MUG": 1})
    await seals.seal("SET", drawn_sku_codes=["CUP", "MUG"])
    assert (await seals.refusal(seals.house.receive("MUG", 5))).reason == "SKU_SEALED"


async def test_a_bundle_is_used_when_what_it_draws_is(seals: Seals) -> None:
    await seals.house.know("SET", {"CUP": 1})
    await seals.house.receive("CUP", 5)
    refused = await seals.refusal(seals.seal("SET", drawn_sku_codes=["CUP"]))
    assert (refused.reason, refused.metadata) == ("SKU_IN_USE", {"sku_code": "CUP", "used_by": "LEVEL"})


async def test_what_stock_has_not_heard_of_is_not_sealed(seals: Seals) -> None:
    refused = await seals.refusal(seals.seal("NO-SUCH"))
    assert (refused.kind, refused.reason) == (Kind.NOT_FOUND, "SKU_NOT_FOUND")


async def test_the_same_request_is_told_the_same_and_another_content_is_refused(seals: Seals) -> None:
    request = seals.request()
    first = await seals.stub.SealForCorrection(request)
    assert await seals.stub.SealForCorrection(request) == first
    request.sku_version = 2
    refused = await seals.refusal(seals.stub.SealForCorrection(request))
    assert refused.reason == "REQUEST_ID_REUSED"


async def test_every_bad_field_is_named(seals: Seals) -> None:
    refused = await seals.refusal(
        seals.seal("", request_id="", sku_version=0, drawn_sku_codes=["a b"] + ["X"] * 200)
    )
    assert refused.reason == "BAD_INPUT"
    assert {one.field for one in refused.fields} == {
        "request_id", "sku_code", "sku_version", "drawn_sku_codes", "drawn_sku_codes[0]",
    }  # fmt: skip


async def test_of_a_first_receipt_and_a_seal_at_once_exactly_one_wins(seals: Seals) -> None:
    codes = [f"CUP-{number}" for number in range(RACES)]
    for code in codes:
        await seals.house.know(code)

    async def outcome(call: Any) -> str:
        try:
            await call
        except grpc.aio.AioRpcError as error:
            return failure_from(error).reason
        return "won"

    async def race(number: int, code: str) -> tuple[str, str]:
        both = [outcome(seals.house.receive(code, 1)), outcome(seals.seal(code))]
        order = both if number % 2 else both[::-1]
        ends = await asyncio.gather(*order)
        received, sealed = ends if number % 2 else ends[::-1]
        return received, sealed

    outcomes = await asyncio.gather(*(race(number, code) for number, code in enumerate(codes)))
    assert set(outcomes) <= {("won", "SKU_IN_USE"), ("SKU_SEALED", "won")}
    received = {sku for (sku,) in await seals.house.shop.rows("SELECT sku_code FROM ledger_entry")}
    assert received == {code for code, (won, _) in zip(codes, outcomes, strict=True) if won == "won"}


async def test_a_receipt_that_is_under_way_is_waited_for(seals: Seals) -> None:
    async with seals.house.shop.postgres.transaction() as conn:
        await conn.execute("INSERT INTO level (warehouse_code, sku_code) VALUES ('JKT1', 'CUP')")
        sealing = asyncio.create_task(seals.seal())

        async def waits() -> bool:
            rows = await seals.house.shop.rows(
                "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%%FOR UPDATE%%' "
                "AND datname = current_database()"
            )
            return bool(rows)

        await seals.house.shop.until(waits)
    assert (await seals.refusal(sealing)).metadata["used_by"] == "LEVEL"


async def test_a_hold_needs_a_level_so_that_a_sealed_sku_is_never_held(seals: Seals) -> None:
    await seals.seal()
    shop = seals.house.shop
    refused = await seals.refusal(shop.reservations.Reserve(shop.ask({"CUP": 1})))
    assert refused.reason == "OUT_OF_STOCK"
