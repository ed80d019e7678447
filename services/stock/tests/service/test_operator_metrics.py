"""What operators see of reservations: outcomes, times, backlogs and gates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from lumbung_kit.metrics import REGISTRY
from lumbung_stock.stores.sale_book import SaleBook
from lumbung_stock.usecases.commit_journal import journaled_at_s
from lumbung_stock.usecases.measure_backlogs import MeasureBacklogs

pytestmark = pytest.mark.store


def metric(name: str, labels: Mapping[str, str] | None = None) -> float:
    return REGISTRY.get_sample_value(f"lumbung_stock_{name}", dict(labels or {})) or 0.0


async def test_outcomes_and_times_are_counted(shop) -> None:
    await shop.put("CUP", 5)
    names: list[tuple[str, dict[str, str]]] = [
        ("reservations_total", {"outcome": "HELD"}),
        ("reservations_total", {"outcome": "OUT_OF_STOCK"}),
        ("resolutions_total", {"verb": "CONFIRM", "outcome": "CONFIRMED"}),
        ("resolutions_total", {"verb": "RELEASE", "outcome": "ALREADY_RESOLVED"}),
        ("hold_to_confirm_seconds_count", {}),
    ]
    before = [metric(*name) for name in names]
    held = await shop.hold({"CUP": 3})
    assert await shop.outcome(shop.reservations.Reserve(shop.ask({"CUP": 3}))) == "OUT_OF_STOCK"
    await shop.confirm(held)
    assert (await shop.refused(shop.release(held))).reason == "ALREADY_RESOLVED"
    assert [metric(*name) - was for name, was in zip(names, before, strict=True)] == [1, 1, 1, 1, 1]


async def test_a_sale_shows_its_group_commits_and_how_long_holds_waited(shop) -> None:
    names = ("group_commit_duration_seconds_count", "journal_lag_seconds_count", "journal_batch_size_sum")
    before = [metric(name) for name in names]
    await shop.put("CUP", 5)
    await shop.open_sale("SALE", {"CUP": 5})
    await shop.hold({"CUP": 1}, sale="SALE")

    async def all_grew() -> bool:
        return all(metric(name) > was for name, was in zip(names, before, strict=True))

    await shop.until(all_grew)


def test_an_entry_of_the_journal_says_when_it_was_made() -> None:
    assert journaled_at_s("1795402439220-7") == 1795402439.22


async def test_what_waits_is_measured_with_its_age_and_each_gate_with_its_epoch(shop) -> None:
    await shop.put("CUP", 5)
    await shop.open_sale("SALE", {"CUP": 5})
    held = await shop.hold({"CUP": 1}, sale="SALE")
    await shop.server.stop(0)
    await shop.let_deadline_pass(held)
    await shop.sql.execute(
        "INSERT INTO flash_credit (flash_sale_code, reservation_id, create_time)"
        " VALUES ('SALE', gen_random_uuid(), now() - interval '90 s')"
    )
    measure = MeasureBacklogs(shop.postgres, SaleBook(shop.ledger), shop.gate)
    await measure()
    assert metric("backlog", {"queue": "expiry"}) == 1
    assert metric("backlog_age_seconds", {"queue": "expiry"}) >= 1
    assert metric("backlog", {"queue": "credits"}) == 1
    assert metric("backlog_age_seconds", {"queue": "credits"}) >= 90
    sale: dict[str, Any] = {"sale": "SALE"}
    status = await shop.gate.status("SALE")
    assert (metric("gate_armed", sale), metric("gate_epoch", sale)) == (1, status.epoch)
    await shop.sql.execute("UPDATE flash_sale SET state = 4")
    await measure()
    assert REGISTRY.get_sample_value("lumbung_stock_gate_armed", sale) is None
