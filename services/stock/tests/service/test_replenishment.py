"""ReplenishmentService: batches, their history, lead times, and suggestions out of the ledger."""

from __future__ import annotations

from typing import Any

import pytest

from lumbung.stock.v1 import inventory_pb2 as inventory
from lumbung.stock.v1 import replenishment_pb2 as pb
from lumbung.stock.v1.replenishment_pb2_grpc import ReplenishmentServiceStub
from lumbung_kit.failures import Kind

pytestmark = pytest.mark.store


def client(house) -> Any:
    return ReplenishmentServiceStub(house.shop.channel)


def figures(sku: str = "CUP", warehouse: str = "JKT1", **units: int) -> inventory.Replenishment:
    return inventory.Replenishment(warehouse_code=warehouse, sku_code=sku, **units)


def lead_time(sku: str = "CUP", supplier: str = "ACME", **fields: Any) -> pb.LeadTime:
    said = {"warehouse_code": "JKT1", "mean_days": 4.0, "deviation_days": 1.0, "pack_size": 12, **fields}
    return pb.LeadTime(sku_code=sku, supplier_code=supplier, **said)


async def state(house) -> list[Any]:
    tables = ("level", "replenishment_change", "lead_time", "request_record")
    return [sorted(map(repr, await house.shop.rows(f"SELECT * FROM {table}"))) for table in tables]  # noqa: S608


async def test_a_batch_is_set_whole_once_and_remembered(house) -> None:
    await house.stocked("CUP", 9)
    await house.stocked("TEE", 9)
    first = [figures("TEE", reorder_point=3), figures("CUP", safety_stock=2)]
    request = pb.BatchSetReplenishmentRequest(request_id="b-1", replenishments=first, reason="season")
    answer = await client(house).BatchSetReplenishment(request)
    assert list(answer.replenishments) == first
    assert await client(house).BatchSetReplenishment(request) == answer
    again = [figures("CUP", safety_stock=5)]
    await client(house).BatchSetReplenishment(
        pb.BatchSetReplenishmentRequest(request_id="b-2", replenishments=again)
    )

    seen, token = [], ""
    for _ in range(2):
        page = await client(house).ListReplenishmentChanges(
            pb.ListReplenishmentChangesRequest(
                warehouse_code="JKT1", sku_code="CUP", page_size=1, page_token=token
            )
        )
        seen += [(c.before.safety_stock, c.after.safety_stock, c.reason, c.actor) for c in page.changes]
        token = page.next_page_token
    assert seen == [(0, 2, "season", "staff:test"), (2, 5, "", "staff:test")]
    assert not token

    before = await state(house)
    wrong = pb.BatchSetReplenishmentRequest(
        request_id="b-3", replenishments=[figures("CUP", safety_stock=8), figures("NOBODY")]
    )
    failure = await house.refused(client(house).BatchSetReplenishment(wrong))
    assert (failure.reason, [each.field for each in failure.fields]) == (
        "SKU_NOT_FOUND",
        ["replenishments[1].sku_code"],
    )
    wrong.request_id = "b-1"
    assert (await house.refused(client(house).BatchSetReplenishment(wrong))).reason == "REQUEST_ID_REUSED"
    assert await state(house) == before


async def test_a_suggestion_says_what_it_was_reckoned_from(house) -> None:
    await house.stocked("CUP", 100)
    await house.know("NEW")
    returned = await house.shipped("CUP", 6)
    await house.shipped("CUP", 4)
    await house.inventory.RecordReturn(
        inventory.RecordReturnRequest(
            request_id=house.new_id(),
            reservation_id=returned.reservation_id,
            warehouse_code="JKT1",
            sku_code="CUP",
            quantity=2,
            condition=inventory.RETURN_CONDITION_RESTOCK,
            bin_code="A-01",
        )
    )
    long_ago = (
        "UPDATE ledger_entry SET effective_time = effective_time - make_interval(days => %s) WHERE kind = %s"
    )
    await house.shop.admin.execute(long_ago, (10, inventory.MOVEMENT_KIND_RECEIPT))
    await house.shop.admin.execute(long_ago, (5, inventory.MOVEMENT_KIND_SALE))
    asked = pb.SuggestReplenishmentRequest(warehouse_code="JKT1", sku_codes=["NEW", "CUP"], history_days=20)
    failure = await house.refused(client(house).SuggestReplenishment(asked))
    assert (failure.kind, failure.reason) == (Kind.FAILED_PRECONDITION, "LEAD_TIME_UNKNOWN")
    assert [each.field for each in failure.fields] == ["sku_codes[0]", "sku_codes[1]"]

    said = [lead_time(supplier="SLOW", mean_days=40, priority=2), lead_time(priority=1)]
    request = pb.BatchSetLeadTimesRequest(request_id=house.new_id(), lead_times=said)
    await client(house).BatchSetLeadTimes(request)
    listed = await client(house).ListLeadTimes(pb.ListLeadTimesRequest(warehouse_code="JKT1"))
    assert list(listed.lead_times) == said[::-1]

    asked.assumed_lead_time.CopyFrom(pb.LeadTime(mean_days=7))
    answer = await client(house).SuggestReplenishment(asked)
    new, cup = answer.suggestions
    assert (answer.service_level, answer.history_days) == (0.95, 20)
    assert (new.suggested, new.days_counted) == (figures("NEW"), 0)
    assert pb.SUGGESTION_NOTE_ASSUMED_LEAD_TIME in new.notes
    assert (cup.units_sold, cup.units_returned, cup.lead_time) == (8, 2, said[1])
    assert cup.days_counted + cup.days_out_of_stock == 20
    assert cup.days_counted in {10, 11}  # 11 when midnight passes meanwhile
    assert cup.lead_time_demand == pytest.approx(4 * 8 / cup.days_counted)
    assert cup.suggested.reorder_point > cup.suggested.safety_stock > 0
    assert cup.suggested.reorder_quantity == 24
    asked.supplier_code = "SLOW"
    slow = (await client(house).SuggestReplenishment(asked)).suggestions[1]
    assert slow.suggested.reorder_point > cup.suggested.reorder_point


SUGGEST = {"warehouse_code": "JKT1", "sku_codes": ["CUP"]}
NAMED = pb.LeadTimeName(warehouse_code="JKT1", sku_code="CUP", supplier_code="ACME")
BAD_INPUT: list[tuple[str, dict[str, Any], list[str]]] = [
    ("BatchSetReplenishment", {"request_id": "", "replenishments": [figures()]}, ["request_id"]),
    ("BatchSetReplenishment", {"request_id": "x"}, ["replenishments"]),
    (
        "BatchSetReplenishment",
        {"request_id": "x", "replenishments": [figures(f"S{n}") for n in range(501)]},
        ["replenishments"],
    ),
    (
        "BatchSetReplenishment",
        {"request_id": "x", "replenishments": [figures()] * 2},
        ["replenishments[1].sku_code"],
    ),
    (
        "BatchSetReplenishment",
        {"request_id": "x", "replenishments": [figures("", safety_stock=-1)]},
        ["replenishments[0].sku_code", "replenishments[0].safety_stock"],
    ),
    (
        "BatchSetReplenishment",
        {"request_id": "x", "replenishments": [figures()], "reason": "x" * 201},
        ["reason"],
    ),
    ("ListReplenishmentChanges", {"warehouse_code": "JKT1"}, ["sku_code"]),
    ("ListReplenishmentChanges", {"sku_code": "CUP"}, ["warehouse_code"]),
    ("BatchSetLeadTimes", {"request_id": "x"}, ["lead_times"]),
    (
        "BatchSetLeadTimes",
        {"request_id": "x", "lead_times": [lead_time()] * 2},
        ["lead_times[1].supplier_code"],
    ),
    (
        "BatchSetLeadTimes",
        {
            "request_id": "x",
            "lead_times": [lead_time(mean_days=float("nan"), deviation_days=731, pack_size=-1)],
        },
        ["lead_times[0].mean_days", "lead_times[0].deviation_days", "lead_times[0].pack_size"],
    ),
    (
        "BatchSetLeadTimes",
        {"request_id": "x", "lead_times": [lead_time(supplier="")]},
        ["lead_times[0].supplier_code"],
    ),
    ("BatchRemoveLeadTimes", {"request_id": ""}, ["request_id", "lead_times"]),
    (
        "BatchRemoveLeadTimes",
        {
            "request_id": "x",
            "lead_times": [NAMED, NAMED, pb.LeadTimeName(warehouse_code="a b", sku_code="CUP")],
        },
        ["lead_times[2].warehouse_code", "lead_times[2].supplier_code", "lead_times[1].supplier_code"],
    ),
    ("ListLeadTimes", {"warehouse_code": "JKT1", "page_token": "nonsense"}, ["page_token"]),
    ("SuggestReplenishment", {"warehouse_code": "JKT1"}, ["sku_codes"]),
    ("SuggestReplenishment", {**SUGGEST, "sku_codes": ["CUP"] * 2}, ["sku_codes[1]"]),
    ("SuggestReplenishment", {**SUGGEST, "service_level": 0.4}, ["service_level"]),
    ("SuggestReplenishment", {**SUGGEST, "service_level": float("inf")}, ["service_level"]),
    ("SuggestReplenishment", {**SUGGEST, "history_days": 731}, ["history_days"]),
    ("SuggestReplenishment", {**SUGGEST, "days_of_cover": -1}, ["days_of_cover"]),
    (
        "SuggestReplenishment",
        {**SUGGEST, "costs": pb.OrderingCosts(per_order=float("nan"))},
        ["costs.per_order", "costs.per_unit_and_year"],
    ),
    (
        "SuggestReplenishment",
        {**SUGGEST, "assumed_lead_time": lead_time()},
        [
            "assumed_lead_time.warehouse_code",
            "assumed_lead_time.sku_code",
            "assumed_lead_time.supplier_code",
        ],
    ),
]


async def test_what_was_said_of_a_supplier_can_be_taken_back(house) -> None:
    await house.know("CUP")
    said = [lead_time(), lead_time(supplier="OTHER", priority=2)]
    request = pb.BatchSetLeadTimesRequest(request_id=house.new_id(), lead_times=said)
    await client(house).BatchSetLeadTimes(request)
    unknown = pb.LeadTimeName(warehouse_code="JKT1", sku_code="CUP", supplier_code="NOBODY")
    both = pb.BatchRemoveLeadTimesRequest(request_id=house.new_id(), lead_times=[NAMED, unknown])
    failure = await house.refused(client(house).BatchRemoveLeadTimes(both))
    assert (failure.kind, failure.reason) == (Kind.NOT_FOUND, "LEAD_TIME_NOT_FOUND")
    assert [each.field for each in failure.fields] == ["lead_times[1].supplier_code"]
    one = pb.BatchRemoveLeadTimesRequest(request_id=house.new_id(), lead_times=[NAMED])
    for _ in range(2):
        await client(house).BatchRemoveLeadTimes(one)
    listed = await client(house).ListLeadTimes(pb.ListLeadTimesRequest(warehouse_code="JKT1"))
    assert list(listed.lead_times) == said[1:]
    assert await house.shop.rows("SELECT supplier_code, request_id FROM lead_time_removal") == [
        ("ACME", one.request_id)
    ]


async def test_bad_input_names_every_field_and_changes_nothing(house) -> None:
    await house.stocked("CUP", 9)
    methods = pb.DESCRIPTOR.services_by_name["ReplenishmentService"].methods_by_name
    before = await state(house)
    for method, content, fields in BAD_INPUT:
        request = getattr(pb, f"{method}Request")(**content)
        failure = await house.refused(getattr(client(house), method)(request))
        assert (failure.kind, failure.reason) == (Kind.INVALID_ARGUMENT, "BAD_INPUT"), (method, content)
        assert [each.field for each in failure.fields] == fields, (method, content)
    assert await state(house) == before
    assert {method for method, _, _ in BAD_INPUT} == set(methods)
