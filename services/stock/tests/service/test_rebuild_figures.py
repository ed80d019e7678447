"""Levels and places can be set to what the ledger says, by somebody who is named, and no promise is lost by it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from lumbung.stock.v1 import inventory_pb2 as pb
from lumbung_kit.failures import Kind

pytestmark = pytest.mark.store

Rebuild = Callable[..., Awaitable[pb.RebuildFiguresResponse]]


@pytest.fixture
def rebuild(house: Any) -> Rebuild:
    """The call, which an operator makes."""

    def call(**fields: Any) -> Awaitable[pb.RebuildFiguresResponse]:
        asked = {"request_id": house.new_id(), "warehouse_code": "JKT1", "reason": "after the outage"}
        return house.audit.RebuildFigures(pb.RebuildFiguresRequest(**{**asked, **fields}), timeout=60)

    return call


async def notes(house: Any) -> list[tuple[Any, ...]]:
    return await house.shop.rows(
        "SELECT sku_code, place_code, quantity_before, quantity, reason, actor FROM rebuilt_figure ORDER BY rebuild_id"
    )


def figures(differences: Any) -> list[tuple[str, str, int, int]]:
    return [
        (each.sku_code, each.place_code, each.stored_quantity, each.ledger_quantity) for each in differences
    ]


async def bent(house: Any) -> list[tuple[str, str, int, int]]:
    """Three figures that are not what the ledger says: too many, too few, and none where some must be."""
    await house.stocked("CUP", 20)
    await house.stocked("TEE", 10, "A-02")
    await house.stocked("MUG", 5)
    await house.shop.sql.execute("UPDATE place_stock SET quantity = 23 WHERE sku_code = 'CUP'")
    await house.shop.sql.execute("UPDATE level SET on_hand = 7 WHERE sku_code = 'TEE'")
    await house.shop.admin.execute("DELETE FROM place_stock WHERE sku_code = 'MUG'")
    await house.shop.admin.execute("DELETE FROM level WHERE sku_code = 'MUG'")
    await house.shop.sql.execute("INSERT INTO place_stock VALUES ('JKT1', 'B-01', 'TEE', 4)")
    return [
        ("CUP", "A-01", 23, 20),
        ("MUG", "", 0, 5),
        ("MUG", "A-01", 0, 5),
        ("TEE", "", 7, 10),
        ("TEE", "B-01", 4, 0),
    ]


async def test_a_dry_run_lists_what_differs_and_changes_nothing(house: Any, rebuild: Rebuild) -> None:
    wrong = await bent(house)
    before = await house.content()
    answer = await rebuild(dry_run=True)
    assert figures(answer.rebuilt) == wrong
    assert await house.content() == before
    assert await notes(house) == []


async def test_figures_become_what_the_ledger_says_and_each_is_noted(house: Any, rebuild: Rebuild) -> None:
    wrong = await bent(house)
    answer = await rebuild(request_id="again")
    assert figures(answer.rebuilt) == wrong
    assert list(answer.left) == []
    await house.require_agreement()
    assert await notes(house) == [(*each, "after the outage", "operator:test") for each in wrong]
    told = await house.events("availability_changed")
    assert set(told[-1].availability_changed.sku_codes) == {"MUG", "TEE"}
    assert await rebuild(request_id="again") == answer
    assert len(await notes(house)) == len(wrong)
    reused = await house.refused(rebuild(request_id="again", reason="another"))
    assert reused.reason == "REQUEST_ID_REUSED"
    assert figures((await rebuild()).rebuilt) == []


async def test_what_falls_below_its_promises_is_a_shortfall(house: Any, rebuild: Rebuild) -> None:
    await house.stocked("CUP", 5)
    await house.shop.sql.execute("UPDATE level SET on_hand = 9 WHERE sku_code = 'CUP'")
    await house.shop.sql.execute("UPDATE place_stock SET quantity = 9 WHERE sku_code = 'CUP'")
    await house.sell({"CUP": 8})
    await rebuild()
    await house.require_agreement(shortfall=3)
    raised = await house.events("shortfall_raised")
    assert [event.shortfall_raised.missing_quantity for event in raised] == [3]


async def test_other_warehouses_stay_as_they_are(house: Any, rebuild: Rebuild) -> None:
    await house.stocked("CUP", 5)
    await house.shop.put_warehouse("SUB1", priority=2)
    await house.shop.sql.execute("INSERT INTO place_stock VALUES ('SUB1', 'A-01', 'CUP', 4)")
    assert figures((await rebuild()).rebuilt) == []
    assert figures((await rebuild(warehouse_code="SUB1")).rebuilt) == [("CUP", "A-01", 4, 0)]


async def test_what_the_ledger_cannot_mean_is_left_and_named(house: Any, rebuild: Rebuild) -> None:
    await house.stocked("CUP", 5)
    await house.stocked("TEE", 5)
    await house.shop.sql.execute("UPDATE place_stock SET quantity = 6 WHERE sku_code = 'TEE'")
    await house.shop.admin.execute("UPDATE ledger_entry SET from_place = 'B-01' WHERE sku_code = 'CUP'")
    answer = await rebuild(although_tampered=True)
    assert figures(answer.rebuilt) == [("TEE", "A-01", 6, 5)]
    assert figures(answer.left) == [("CUP", "", 5, 0), ("CUP", "B-01", 0, -5)]


async def test_a_ledger_that_was_tampered_with_is_not_followed_unasked(house: Any, rebuild: Rebuild) -> None:
    await bent(house)
    await house.shop.admin.execute("UPDATE ledger_entry SET quantity = 21 WHERE sequence = 1")
    before = await house.content()
    failure = await house.refused(rebuild(request_id="tampered"))
    assert (failure.kind, failure.reason) == (Kind.FAILED_PRECONDITION, "LEDGER_TAMPERED")
    assert failure.metadata == {"warehouse_code": "JKT1", "sequence": "1", "problem": "CHANGED"}
    assert await house.content() == before
    answer = await rebuild(although_tampered=True)
    assert ("CUP", "A-01", 23, 21) in figures(answer.rebuilt)


async def test_movements_meanwhile_are_counted_once(house: Any, rebuild: Rebuild) -> None:
    await house.stocked("CUP", 50)
    await house.shop.sql.execute("UPDATE level SET on_hand = 90 WHERE sku_code = 'CUP'")
    await house.shop.sql.execute("UPDATE place_stock SET quantity = 70 WHERE sku_code = 'CUP'")

    async def move(number: int) -> None:
        if number % 2:
            await house.receive("CUP", 3, "A-02")
            return
        moved = pb.MoveBetweenBinsRequest(
            request_id=house.new_id(), warehouse_code="JKT1", sku_code="CUP", quantity=1,
            from_bin_code="A-01", to_bin_code="B-01",
        )  # fmt: skip
        await house.inventory.MoveBetweenBins(moved, timeout=60)

    await asyncio.gather(*map(move, range(12)), *(rebuild() for _ in range(3)))
    await house.require_agreement()


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"request_id": ""}, ["request_id"]),
        ({"warehouse_code": ""}, ["warehouse_code"]),
        ({"warehouse_code": "a b"}, ["warehouse_code"]),
        ({"reason": ""}, ["reason"]),
        ({"reason": "x" * 201}, ["reason"]),
        ({"reason": "a\x00b", "request_id": " "}, ["request_id", "reason"]),
    ],
)
async def test_bad_input_names_every_field(
    house: Any, rebuild: Rebuild, fields: dict[str, Any], named: list[str]
) -> None:
    failure = await house.refused_unchanged(rebuild(**fields))
    assert (failure.kind, failure.reason) == (Kind.INVALID_ARGUMENT, "BAD_INPUT")
    assert [each.field for each in failure.fields] == named


async def test_an_unknown_warehouse_is_refused(house: Any, rebuild: Rebuild) -> None:
    failure = await house.refused_unchanged(rebuild(warehouse_code="NOWHERE"))
    assert failure.reason == "WAREHOUSE_NOT_FOUND"


async def run(house: Any, *arguments: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "lumbung_stock.entrypoints.rebuild_figures_command"),
        *("--warehouse", "JKT1", "--actor", "operator:ana", "--reason", "after the outage", *arguments),
        env={
            "LUMBUNG_STOCK_POSTGRES_URL": house.shop.settings.postgres_url.get_secret_value(),
            "COLUMNS": "200",
        },
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await process.communicate()
    return process.returncode or 0, out.decode()


async def test_the_command_lists_and_then_sets(house: Any) -> None:
    wrong = await bent(house)
    code, said = await run(house)
    assert code == 1
    assert "JKT1: TEE in B-01 is 4, 0 by the ledger" in said
    assert await notes(house) == []
    code, said = await run(house, "--apply")
    assert (code, "5 figures were set" in said) == (0, True), said
    await house.require_agreement()
    assert await notes(house) == [(*each, "after the outage", "operator:ana") for each in wrong]
    code, said = await run(house, "--warehouse", "NOWHERE")
    assert (code, "WAREHOUSE_NOT_FOUND" in said) == (2, True)
    code, said = await run(house, "--actor", "ana")
    assert (code, "kind:name" in said) == (2, True)
