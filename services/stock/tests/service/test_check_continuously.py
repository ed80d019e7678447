"""The checker in the service: each figure is bent in turn, and the metrics and the log say so."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from lumbung_kit.metrics import REGISTRY
from lumbung_stock.stores.leases import Leases
from lumbung_stock.usecases import check_continuously
from lumbung_stock.usecases.check_continuously import CheckContinuously

pytestmark = pytest.mark.store

CLEAN = {"oversold_units": 0, "conservation_gap_units": 0, "ledger_gap_units": 0, "places_gap_units": 0}
CLEAN |= {"leaked_holds": 0}
LAST_CLEAN = "lumbung_stock_checker_last_clean_pass_timestamp_seconds"


def metric(name: str) -> float:
    value = REGISTRY.get_sample_value(name)
    assert value is not None
    return value


def figures() -> dict[str, float]:
    return {name: metric(f"lumbung_stock_{name}") for name in CLEAN}


@pytest.fixture(autouse=True)
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that every pass goes over several."""
    monkeypatch.setattr(check_continuously, "SLICE", 1)


@pytest.fixture
async def check(house: Any) -> Callable[[], Awaitable[None]]:
    """One pass, of a checker beside the service's own, which does not run."""
    await house.shop.server.stop(0)
    checker = CheckContinuously(house.shop.postgres, Leases(house.shop.postgres, lease_s=0.5), rest=0.0)

    async def whole_pass() -> None:
        await house.shop.sql.execute("DELETE FROM lease")
        await checker.check_all()

    return whole_pass


async def busy(house: Any) -> None:
    """Something of everything: ordinary and flash sale, held, sold, shipped, returned to ordinary sale."""
    await house.stocked("PB-10K", 100)
    await house.stocked("CUP", 20)
    await house.stocked("PLATE", 7)
    await house.shop.open_sale("SALE", {"PB-10K": 30})
    await house.shop.hold({"PB-10K": 3}, sale="SALE")
    await house.sell({"PB-10K": 4}, sale="SALE")
    gone = await house.sell({"PB-10K": 5}, sale="SALE")
    await house.pick(gone, "PB-10K", 5)
    await house.ship(gone)
    await house.shop.hold({"CUP": 2})
    await house.sell({"CUP": 6})


@pytest.fixture
async def busy_house(house: Any) -> Any:
    await busy(house)
    return house


async def test_a_busy_shop_is_clean_and_the_time_of_it_is_told(busy_house, check) -> None:
    await check()
    assert figures() == CLEAN
    told = metric(LAST_CLEAN)
    await check()
    assert metric(LAST_CLEAN) > told > 1.7e9


@pytest.mark.parametrize(
    ("bend", "wrong", "named"),
    [
        (
            "UPDATE level SET held = held + 1 WHERE sku_code = 'CUP'",
            {"conservation_gap_units": 1},
            ("held", "CUP"),
        ),
        (
            "UPDATE level SET sold = sold - 2 WHERE sku_code = 'CUP'",
            {"conservation_gap_units": 2},
            ("sold", "CUP"),
        ),
        (
            "UPDATE level SET escrow = escrow - 1 WHERE sku_code = 'PB-10K'",
            {"conservation_gap_units": 1},
            ("escrow", "PB-10K"),
        ),
        (
            "UPDATE flash_sale_item SET remaining = remaining - 3",
            {"conservation_gap_units": 3},
            ("quota", "PB-10K"),
        ),
        (
            "UPDATE flash_sale_item SET remaining = remaining + 2",
            {"conservation_gap_units": 2, "oversold_units": 2},
            ("quota", "PB-10K"),
        ),
        (
            "ALTER TABLE level DROP CONSTRAINT level_never_oversold;"
            " UPDATE level SET on_hand = 5 WHERE sku_code = 'CUP'",
            {"oversold_units": 3, "places_gap_units": 15, "ledger_gap_units": 15},
            ("oversold", "CUP"),
        ),
        (
            "UPDATE place_stock SET quantity = 9 WHERE sku_code = 'PLATE'",
            {"places_gap_units": 2, "ledger_gap_units": 2},
            ("places", "PLATE"),
        ),
        (
            "UPDATE ledger_entry SET quantity = 6 WHERE sku_code = 'PLATE'",
            {"ledger_gap_units": 2},
            (None, "PLATE"),
        ),
        (
            "INSERT INTO place_stock VALUES ('JKT1', 'A-01', 'ZZZ', 4)",
            {"places_gap_units": 4, "ledger_gap_units": 4},
            ("places", "ZZZ"),
        ),
        (
            "UPDATE reservation SET state = 3 WHERE state = 1 AND flash_sale_code IS NULL",
            {"conservation_gap_units": 2},
            ("held", "CUP"),
        ),
    ],
)
async def test_each_figure_that_is_bent_is_counted_and_named(
    busy_house, check, bend: str, wrong: dict[str, int], named: tuple[str | None, str]
) -> None:
    await check()
    clean_at = metric(LAST_CLEAN)
    await busy_house.shop.admin.execute(bend)
    with capture_logs() as logs:
        await check()
    assert figures() == CLEAN | wrong
    assert metric(LAST_CLEAN) == clean_at
    assert named in {
        (line.get("kind"), line.get("sku_code")) for line in logs if line["log_level"] == "error"
    }


async def test_a_hold_that_outlives_its_deadline_by_a_minute_is_counted_and_named(busy_house, check) -> None:
    await busy_house.shop.sql.execute(
        "UPDATE reservation SET expire_time = now() - interval '61 s' WHERE state = 1 AND flash_sale_code = 'SALE'"
    )
    with capture_logs() as logs:
        await check()
    assert figures() == CLEAN | {"leaked_holds": 1}
    assert [line["flash_sale_code"] for line in logs if line["log_level"] == "error"] == ["SALE"]


async def test_what_is_mended_is_clean_again(busy_house, check) -> None:
    await busy_house.shop.sql.execute("UPDATE level SET held = held + 1 WHERE sku_code = 'CUP'")
    await check()
    assert figures()["conservation_gap_units"] == 1
    await busy_house.shop.sql.execute("UPDATE level SET held = held - 1 WHERE sku_code = 'CUP'")
    await check()
    assert figures() == CLEAN


async def test_a_pass_covers_every_key_once(busy_house, check, monkeypatch) -> None:
    ranges: list[tuple[Any, Any]] = []
    real = check_continuously.broken_promises

    async def noting(conn: Any, after: Any, through: Any) -> Any:
        ranges.append((after, through))
        return await real(conn, after, through)

    monkeypatch.setattr(check_continuously, "broken_promises", noting)
    await check()
    assert [through for _, through in ranges] == [("JKT1", "CUP"), ("JKT1", "PB-10K"), ("JKT1", "PLATE")]
    assert [after for after, _ in ranges] == [("", ""), *(through for _, through in ranges[:-1])]


async def test_one_replica_checks_and_another_takes_over(house) -> None:
    await house.stocked("CUP", 5)
    shop = house.shop

    async def holder() -> Any:
        rows = await shop.rows("SELECT holder FROM lease WHERE name = 'checker' AND deadline > now()")
        return rows[0][0] if rows else None

    async def somebody() -> bool:
        return await holder() is not None

    await shop.until(somebody)
    first = await holder()
    async with shop.replica():
        await shop.server.stop(0)

        async def another() -> bool:
            return await holder() not in (None, first)

        await shop.until(another)
