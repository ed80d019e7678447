"""The audit finds what is wrong: each figure is bent in turn, and must be named."""

from __future__ import annotations

import pytest

from lumbung.stock.v1 import inventory_pb2 as pb
from lumbung_kit.failures import Kind

pytestmark = pytest.mark.store


async def busy(house) -> None:
    """Something of everything: ordinary and flash sale, held, sold, shipped, returned to ordinary sale."""
    await house.stocked("PB-10K", 100)
    await house.stocked("CUP", 20)
    await house.shop.open_sale("SALE", {"PB-10K": 30})
    await house.shop.hold({"PB-10K": 3}, sale="SALE")
    await house.sell({"PB-10K": 4}, sale="SALE")
    gone = await house.sell({"PB-10K": 5}, sale="SALE")
    await house.pick(gone, "PB-10K", 5)
    await house.ship(gone)
    await house.shop.hold({"CUP": 2})
    await house.sell({"CUP": 6})


async def promises(house) -> pb.CheckPromisesResponse:
    return await house.audit.CheckPromises(pb.CheckPromisesRequest())


async def test_a_busy_shop_is_clean(house) -> None:
    await busy(house)
    report = await house.audit.VerifyLedger(pb.VerifyLedgerRequest())
    assert (report.entry_count, list(report.differences)) == (4, [])
    assert report.figure_count == 3 + 2
    answer = await promises(house)
    assert (answer.oversold_units, answer.conservation_gap_units, answer.leaked_holds) == (0, 0, 0)
    assert answer.read_time.seconds > 0


async def test_a_closed_sale_is_clean_while_its_holds_still_run(house) -> None:
    from lumbung.stock.v1 import flash_sales_pb2 as sales_pb

    await busy(house)
    await house.shop.sales.CloseFlashSale(
        sales_pb.CloseFlashSaleRequest(request_id=house.new_id(), flash_sale_code="SALE")
    )
    await house.require_agreement()


async def test_a_place_and_a_level_that_differ_from_the_ledger_are_named(house) -> None:
    await busy(house)
    await house.shop.sql.execute("UPDATE place_stock SET quantity = 21 WHERE sku_code = 'CUP'")
    await house.shop.sql.execute("UPDATE level SET on_hand = on_hand - 1 WHERE sku_code = 'PB-10K'")
    report = await house.audit.VerifyLedger(pb.VerifyLedgerRequest(warehouse_code="JKT1"))
    assert [
        (each.sku_code, each.place_code, each.stored_quantity, each.ledger_quantity)
        for each in report.differences
    ] == [("CUP", "A-01", 21, 20), ("PB-10K", "", 94, 95)]


async def test_rows_that_the_ledger_knows_nothing_of_are_named(house) -> None:
    await house.shop.sql.execute("INSERT INTO place_stock VALUES ('JKT1', 'A-01', 'GHOST', 2)")
    await house.shop.sql.execute(
        "INSERT INTO level (warehouse_code, sku_code, on_hand) VALUES ('JKT1', 'X', 3)"
    )
    report = await house.audit.VerifyLedger(pb.VerifyLedgerRequest())
    assert [(each.sku_code, each.place_code, each.stored_quantity) for each in report.differences] == [
        ("GHOST", "A-01", 2),
        ("X", "", 3),
    ]


@pytest.mark.parametrize(
    ("bend", "gap"),
    [
        ("UPDATE level SET held = held + 1 WHERE sku_code = 'CUP'", 1),
        ("UPDATE level SET sold = sold - 2 WHERE sku_code = 'CUP'", 2),
        ("UPDATE level SET escrow = escrow - 1 WHERE sku_code = 'PB-10K'", 1),
        ("UPDATE flash_sale_item SET remaining = remaining - 3", 3),
        (
            "UPDATE reservation_draw SET quantity = quantity + 2 WHERE from_escrow AND picked = 0 AND quantity = 4",
            2,
        ),
        ("UPDATE reservation SET state = 3 WHERE state = 1 AND flash_sale_code IS NULL", 2),
    ],
)
async def test_a_unit_that_nothing_accounts_for_is_a_gap(house, bend: str, gap: int) -> None:
    await busy(house)
    await house.shop.sql.execute(bend)
    assert (await promises(house)).conservation_gap_units == gap


async def test_an_escrow_that_gave_more_than_it_had_is_oversold(house) -> None:
    await busy(house)
    await house.shop.sql.execute("UPDATE flash_sale_item SET remaining = remaining + 2")
    answer = await promises(house)
    assert (answer.oversold_units, answer.conservation_gap_units) == (2, 2)


async def test_a_hold_a_minute_past_its_deadline_has_leaked(house) -> None:
    await house.stocked("CUP", 5)
    await house.shop.hold({"CUP": 1})
    await house.shop.server.stop(0)
    for seconds, leaked in ((30, 0), (90, 1)):
        await house.shop.sql.execute(
            "UPDATE reservation SET expire_time = clock_timestamp() - make_interval(secs => %s)", (seconds,)
        )
        assert await leaked_holds(house) == leaked


async def leaked_holds(house) -> int:
    """As a replica counts them whose loops do not run."""
    from lumbung_kit.postgres import Postgres
    from lumbung_stock.usecases.check_promises import check_promises

    postgres = Postgres(house.shop.settings.postgres_url.get_secret_value(), name="audit", schema="stock")
    await postgres.open()
    try:
        return (await check_promises(postgres)).leaked_holds
    finally:
        await postgres.close()


async def test_bad_input_is_named(house) -> None:
    failure = await house.refused(house.audit.VerifyLedger(pb.VerifyLedgerRequest(warehouse_code="a b")))
    assert [each.field for each in failure.fields] == ["warehouse_code"]
    failure = await house.refused(house.audit.VerifyLedger(pb.VerifyLedgerRequest(warehouse_code="NOWHERE")))
    assert (failure.kind, failure.reason) == (Kind.NOT_FOUND, "WAREHOUSE_NOT_FOUND")
