"""A retired SKU comes back, with what it consumes."""

from typing import Any

import pytest

from lumbung.catalog.v1 import bundles_pb2, skus_pb2


async def retire(catalog: Any, code: str) -> skus_pb2.Sku:
    sku = await catalog.get(code)
    request = skus_pb2.RetireSkuRequest(request_id=f"r-{code}", sku_code=code, etag=sku.etag, reason="habis")
    return (await catalog.skus.RetireSku(request)).sku  # type: ignore[no-any-return]


def reinstate(sku: skus_pb2.Sku, **fields: Any) -> skus_pb2.ReinstateSkuRequest:
    usual = {"request_id": "back", "sku_code": sku.sku_code, "etag": sku.etag, "reason": "musim baru"}
    return skus_pb2.ReinstateSkuRequest(**{**usual, **fields})


async def test_a_retired_sku_comes_back_once_and_its_history_says_why(catalog: Any, refusal: Any) -> None:
    in_use = await catalog.sku("TEH")
    assert (await refusal(catalog.skus.ReinstateSku(reinstate(in_use)))).reason == "SKU_NOT_RETIRED"
    request = reinstate(await retire(catalog, "TEH"))
    first = await catalog.skus.ReinstateSku(request)
    assert (first.sku.state, first.sku.retire_reason, first.sku.version) == (1, "", 3)
    assert not first.sku.HasField("retire_time")
    before = await catalog.everything()
    assert await catalog.skus.ReinstateSku(request) == first
    other = reinstate(first.sku, reason="lain")
    assert (await refusal(catalog.skus.ReinstateSku(other))).reason == "REQUEST_ID_REUSED"
    assert await catalog.everything() == before
    history = await catalog.skus.ListSkuHistory(skus_pb2.ListSkuHistoryRequest(sku_code="TEH"))
    newest = history.entries[0]
    assert (newest.action, newest.actor, newest.reason) == ("reinstate_sku", "staff:ani", "musim baru")


async def test_a_bundle_comes_back_with_components_in_use_and_their_recipes(
    catalog: Any, refusal: Any
) -> None:
    await catalog.sku("TEH", name="Teh botol")
    await catalog.sku("KOPI", name="Kopi bubuk")
    for code, inner in (("INNER", "TEH"), ("OUTER", "INNER")):
        part = skus_pb2.Component(sku_code=inner, quantity=2)
        await catalog.sku(code, name=code * 3, kind=skus_pb2.SKU_KIND_BUNDLE, components=[part])
    outer = await retire(catalog, "OUTER")
    kopi = skus_pb2.Component(sku_code="KOPI", quantity=3)
    change = bundles_pb2.SetRecipeRequest(request_id="s", sku_code="INNER", etag="1", components=[kopi])
    await catalog.bundles.SetRecipe(change)
    inner = await retire(catalog, "INNER")
    before = await catalog.everything()
    refused = await refusal(catalog.skus.ReinstateSku(reinstate(outer)))
    assert (refused.reason, refused.metadata["sku_code"]) == ("SKU_RETIRED", "INNER")
    assert await catalog.everything() == before
    await catalog.skus.ReinstateSku(reinstate(inner, request_id="inner"))
    back = (await catalog.skus.ReinstateSku(reinstate(outer))).sku
    assert [(draw.sku_code, draw.quantity) for draw in back.recipe.draws] == [("KOPI", 6)]
    assert back.recipe.version == 2


@pytest.mark.parametrize(
    ("fields", "reason", "named"),
    [
        ({"request_id": ""}, "BAD_INPUT", "request_id"),
        ({"sku_code": "?"}, "BAD_INPUT", "sku_code"),
        ({"sku_code": "HILANG"}, "SKU_NOT_FOUND", "sku_code"),
        ({"etag": ""}, "BAD_INPUT", "etag"),
        ({"etag": "9"}, "CONCURRENT_CHANGE", "etag"),
        ({"reason": ""}, "BAD_INPUT", "reason"),
        ({"reason": "x" * 201}, "BAD_INPUT", "reason"),
    ],
)
async def test_what_is_wrong_is_named_and_changes_nothing(
    catalog: Any, refusal: Any, fields: dict[str, str], reason: str, named: str
) -> None:
    await catalog.sku("TEH")
    retired = await retire(catalog, "TEH")
    before = await catalog.everything()
    refused = await refusal(catalog.skus.ReinstateSku(reinstate(retired, **fields)))
    assert (refused.reason, refused.fields[0].field) == (reason, named)
    assert await catalog.everything() == before
