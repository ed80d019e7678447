"""Bundles in bundles: what they draw, who follows whom, and what is refused."""

import asyncio
from typing import Any

import grpc
import pytest

from lumbung.catalog.v1 import bundles_pb2 as pb
from lumbung.catalog.v1 import skus_pb2

NAMES = {"GELAS": "Gelas keramik", "KBL": "Kabel data", "PB": "Power bank"}


def parts(**quantities: int) -> list[skus_pb2.Component]:
    return [skus_pb2.Component(sku_code=code, quantity=quantity) for code, quantity in quantities.items()]


async def bundle(catalog: Any, code: str, **quantities: int) -> skus_pb2.Sku:
    name = f"Paket {code * 3}"
    made = await catalog.sku(code, name=name, kind=skus_pb2.SKU_KIND_BUNDLE, components=parts(**quantities))
    assert isinstance(made, skus_pb2.Sku)
    return made


def change(sku: skus_pb2.Sku, request_id: str = "set", /, **quantities: int) -> pb.SetRecipeRequest:
    return pb.SetRecipeRequest(
        request_id=request_id,
        sku_code=sku.sku_code,
        etag=sku.etag,
        components=parts(**quantities),
        reason="promo",
    )


def drawn(sku: skus_pb2.Sku) -> dict[str, int]:
    return {draw.sku_code: draw.quantity for draw in sku.recipe.draws}


@pytest.fixture
async def shop(catalog: Any) -> Any:
    """INNER = 2 GELAS; MIDDLE = 3 INNER + 1 PB; OUTER = 5 MIDDLE + 4 GELAS."""
    for code, name in NAMES.items():
        await catalog.sku(code, name=name)
    await bundle(catalog, "INNER", GELAS=2)
    await bundle(catalog, "MIDDLE", INNER=3, PB=1)
    await bundle(catalog, "OUTER", MIDDLE=5, GELAS=4)
    return catalog


async def test_quantities_are_multiplied_down_to_plain_skus(shop: Any) -> None:
    outer = await shop.get("OUTER")
    assert drawn(outer) == {"GELAS": 34, "PB": 5}
    assert [(one.sku_code, one.quantity) for one in outer.recipe.components] == [("GELAS", 4), ("MIDDLE", 5)]
    assert drawn(await shop.get("INNER")) == {"GELAS": 2}


async def test_bundles_around_follow_with_versions_of_their_own(shop: Any, refusal: Any) -> None:
    request = change(await shop.get("INNER"), GELAS=1, KBL=1)
    first = await shop.bundles.SetRecipe(request)
    outer = await shop.get("OUTER")
    assert (drawn(outer), outer.recipe.version, outer.version) == ({"GELAS": 19, "KBL": 15, "PB": 5}, 2, 2)
    versions = (await shop.bundles.ListRecipes(pb.ListRecipesRequest(sku_code="OUTER"))).versions
    assert [{draw.sku_code: draw.quantity for draw in one.recipe.draws} for one in versions] == [
        {"GELAS": 19, "KBL": 15, "PB": 5},
        {"GELAS": 34, "PB": 5},
    ]
    assert (versions[0].actor, versions[0].reason) == ("staff:ani", "recipe of INNER: promo")
    history = await shop.skus.ListSkuHistory(skus_pb2.ListSkuHistoryRequest(sku_code="OUTER"))
    newest = history.entries[0]
    assert (newest.version, newest.action, newest.actor) == (2, "set_recipe", "staff:ani")
    before = await shop.everything()
    assert await shop.bundles.SetRecipe(request) == first
    assert (await refusal(shop.bundles.SetRecipe(change(outer, GELAS=9)))).reason == "REQUEST_ID_REUSED"
    assert await shop.everything() == before


async def test_a_bundle_whose_draws_stay_gets_no_version(shop: Any) -> None:
    middle = await shop.get("MIDDLE")
    await shop.bundles.SetRecipe(change(middle, GELAS=6, PB=1))
    outer = await shop.get("OUTER")
    assert (drawn(outer), outer.recipe.version) == ({"GELAS": 34, "PB": 5}, 2)  # one level less
    inner = await shop.get("INNER")
    await shop.bundles.SetRecipe(change(inner, "again", KBL=1))
    assert (await shop.get("OUTER")).recipe.version == 2


@pytest.mark.parametrize(
    ("code", "quantities", "reason", "named"),
    [
        ("INNER", {"OUTER": 1}, "RECIPE_CYCLE", "OUTER"),
        ("INNER", {"MIDDLE": 1}, "RECIPE_CYCLE", "MIDDLE"),
        ("MIDDLE", {"OUTER": 1}, "RECIPE_CYCLE", "OUTER"),
        ("INNER", {"ALONE": 1}, "RECIPE_TOO_DEEP", "OUTER"),
        ("INNER", {"GELAS": 10_000, "KBL": 10_000, "PB": 10_000}, "RECIPE_TOO_LARGE", "OUTER"),
        ("ALONE", {"OUTER": 1}, "RECIPE_TOO_DEEP", "ALONE"),
    ],
)
async def test_what_no_nest_may_be(
    shop: Any, refusal: Any, code: str, quantities: dict[str, int], reason: str, named: str
) -> None:
    await bundle(shop, "ALONE", KBL=1)
    sku = await shop.get(code)
    before = await shop.everything()
    refused = await refusal(shop.bundles.SetRecipe(change(sku, **quantities)))
    assert (refused.reason, refused.metadata["sku_code"]) == (reason, named)
    assert await shop.everything() == before


async def test_two_recipes_never_close_a_circle_together(shop: Any) -> None:
    for i in range(4):
        one, other = await bundle(shop, f"A{i}", PB=1 + i), await bundle(shop, f"B{i}", KBL=1 + i)
        answers = await asyncio.gather(
            shop.bundles.SetRecipe(change(one, f"a{i}", **{f"B{i}": 1})),
            shop.bundles.SetRecipe(change(other, f"b{i}", **{f"A{i}": 1})),
            return_exceptions=True,
        )
        refused = [answer for answer in answers if isinstance(answer, BaseException)]
        assert len(refused) == 1
        assert isinstance(refused[0], grpc.aio.AioRpcError)


async def test_what_is_consumed_at_any_depth_is_not_retired(shop: Any, refusal: Any) -> None:
    for code in ("GELAS", "INNER", "MIDDLE"):
        sku = await shop.get(code)
        retire = skus_pb2.RetireSkuRequest(request_id=f"r-{code}", sku_code=code, etag=sku.etag, reason="x")
        assert (await refusal(shop.skus.RetireSku(retire))).reason == "SKU_IN_BUNDLE"
