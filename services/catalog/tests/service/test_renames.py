"""A new name of a SKU is compared with the others', as that of a new SKU is."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from lumbung.catalog.v1 import skus_pb2 as pb
from lumbung_kit.clients import failure_from
from lumbung_kit.failures import Kind

CALLERS = 6


def rename(sku: pb.Sku, name: str, **fields: Any) -> pb.UpdateSkuRequest:
    wanted = pb.Sku(sku_code=sku.sku_code, etag=sku.etag, name=name, weight_g=5)
    usual = {"request_id": f"rename-{sku.sku_code}", "sku": wanted}
    return pb.UpdateSkuRequest(**{**usual, "update_mask": FieldMask(paths=["name", "weight_g"]), **fields})


async def test_a_name_that_nearly_equals_anothers_is_named_and_nothing_changes(
    catalog: Any, refusal: Any
) -> None:
    await catalog.sku("PB-1", name="Power Bank 10000 mAh")
    sku = await catalog.sku("X-2", name="Senter kepala")
    before = await catalog.everything()
    refused = await refusal(catalog.skus.UpdateSku(rename(sku, "Powerbank 10000mAh")))
    assert (refused.kind, refused.reason) == (Kind.FAILED_PRECONDITION, "SKU_NEARLY_EQUAL")
    assert refused.metadata == {"sku_codes": "PB-1"}
    assert refused.preconditions[0].subject == "PB-1"
    assert await catalog.everything() == before


async def test_with_a_reason_it_is_named_so_and_the_history_says_why(catalog: Any) -> None:
    await catalog.sku("PB-1", name="Power Bank 10000 mAh")
    sku = await catalog.sku("X-2", name="Senter kepala")
    request = rename(sku, "Powerbank 10000mAh", force_reason="model lain")
    forced = await catalog.skus.UpdateSku(request)
    assert [(one.sku_code, one.field) for one in forced.warnings] == [("PB-1", "name")]
    assert (forced.sku.name, forced.sku.weight_g) == ("Powerbank 10000mAh", 5)
    assert await catalog.skus.UpdateSku(request) == forced
    history = await catalog.skus.ListSkuHistory(pb.ListSkuHistoryRequest(sku_code="X-2"))
    assert history.entries[0].reason == "model lain"


async def test_what_it_looked_like_already_is_not_named_again(catalog: Any) -> None:
    await catalog.sku("PB-1", name="Power Bank 10000 mAh")
    sku = await catalog.sku("X-2", name="Powerbank 10000mAh", force_reason="model lain")
    changed = await catalog.skus.UpdateSku(rename(sku, "PowerBank 10000 mAh"))
    assert (changed.sku.name, list(changed.warnings)) == ("PowerBank 10000 mAh", [])


@pytest.mark.parametrize("name", ["Power Bank 20000 mAh", "Senter kepala terang sekali"])
async def test_another_name_passes(catalog: Any, name: str) -> None:
    await catalog.sku("PB-1", name="Power Bank 10000 mAh")
    sku = await catalog.sku("X-2", name="Senter kepala")
    assert (await catalog.skus.UpdateSku(rename(sku, name))).sku.name == name


async def test_what_does_not_change_the_name_is_not_compared(catalog: Any) -> None:
    await catalog.sku("PB-1", name="Power Bank 10000 mAh")
    sku = await catalog.sku("X-2", name="Powerbank 10000mAh", force_reason="model lain")
    mask = FieldMask(paths=["weight_g"])
    assert (await catalog.skus.UpdateSku(rename(sku, "", update_mask=mask))).sku.weight_g == 5


async def test_a_bad_reason_is_named(catalog: Any, refusal: Any) -> None:
    sku = await catalog.sku("X-2", name="Senter kepala")
    refused = await refusal(catalog.skus.UpdateSku(rename(sku, "Lampu", force_reason="x" * 201)))
    assert [one.field for one in refused.fields] == ["force_reason"]


async def test_of_many_who_take_names_that_look_alike_at_once_one_passes(catalog: Any) -> None:
    kinds = ("Senter", "Gunting", "Ember", "Panci", "Bantal", "Payung")
    skus = [await catalog.sku(f"{kind}-X", name=f"{kind} rumah tangga") for kind in kinds]

    async def attempt(sku: pb.Sku) -> str:
        try:
            await catalog.skus.UpdateSku(rename(sku, "Lampu Meja Belajar Putih"))
        except grpc.aio.AioRpcError as error:
            return failure_from(error).reason
        return ""

    reasons = await asyncio.gather(*map(attempt, skus))
    assert sorted(reasons) == [""] + ["SKU_NEARLY_EQUAL"] * (CALLERS - 1)
