"""BundleService over a socket."""

import asyncio
from typing import Any

import grpc
import pytest

from lumbung.catalog.v1 import bundles_pb2 as pb
from lumbung.catalog.v1 import skus_pb2
from lumbung_kit.failures import Kind


def parts(**quantities: int) -> list[skus_pb2.Component]:
    return [skus_pb2.Component(sku_code=code, quantity=quantity) for code, quantity in quantities.items()]


async def bundle(catalog: Any, code: str = "PAKET", **quantities: int) -> skus_pb2.Sku:
    created = await catalog.sku(code, kind=skus_pb2.SKU_KIND_BUNDLE, components=parts(**quantities))
    assert isinstance(created, skus_pb2.Sku)
    return created


def set_recipe(sku: skus_pb2.Sku, request_id: str = "set", /, **quantities: int) -> pb.SetRecipeRequest:
    return pb.SetRecipeRequest(
        request_id=request_id,
        sku_code=sku.sku_code,
        etag=sku.etag,
        components=parts(**quantities),
        reason="promo",
    )


@pytest.fixture
async def shop(catalog: Any) -> Any:
    """A catalog with a power bank, a cable and a mug."""
    for code, name in (("PB", "Power bank"), ("KBL", "Kabel data"), ("GELAS", "Gelas keramik")):
        await catalog.sku(code, name=name)
    return catalog


async def test_a_bundle_has_its_recipe_from_the_start(shop: Any) -> None:
    created = await bundle(shop, PB=1, KBL=2)
    assert created.recipe.version == 1
    assert list(created.recipe.components) == parts(KBL=2, PB=1)
    assert list(created.recipe.draws) == parts(KBL=2, PB=1)
    read = await shop.bundles.GetRecipe(pb.GetRecipeRequest(sku_code="PAKET"))
    assert read.recipe == created.recipe


async def test_a_new_recipe_is_a_new_version_and_the_old_one_stays(shop: Any, refusal: Any) -> None:
    created = await bundle(shop, PB=1)
    changed = (await shop.bundles.SetRecipe(set_recipe(created, PB=1, GELAS=1))).sku
    assert (changed.recipe.version, changed.version) == (2, 2)
    old = await shop.bundles.GetRecipe(pb.GetRecipeRequest(sku_code="PAKET", version=1))
    assert old.recipe == created.recipe
    refused = await refusal(shop.bundles.GetRecipe(pb.GetRecipeRequest(sku_code="PAKET", version=3)))
    assert (refused.kind, refused.reason) == (Kind.NOT_FOUND, "RECIPE_NOT_FOUND")

    versions = (await shop.bundles.ListRecipes(pb.ListRecipesRequest(sku_code="PAKET"))).versions
    assert [(one.recipe.version, one.actor, one.reason) for one in versions] == [
        (2, "staff:ani", "promo"),
        (1, "staff:ani", ""),
    ]
    assert versions[1].end_time == versions[0].recipe.set_time
    assert not versions[0].HasField("end_time")


async def test_recipes_are_listed_page_by_page(shop: Any) -> None:
    sku = await bundle(shop, PB=1)
    for quantity in (2, 3):
        sku = (await shop.bundles.SetRecipe(set_recipe(sku, f"set-{quantity}", PB=quantity))).sku
    first = await shop.bundles.ListRecipes(pb.ListRecipesRequest(sku_code="PAKET", page_size=2))
    rest = await shop.bundles.ListRecipes(
        pb.ListRecipesRequest(sku_code="PAKET", page_size=2, page_token=first.next_page_token)
    )
    assert [one.recipe.version for one in (*first.versions, *rest.versions)] == [3, 2, 1]


async def test_the_same_request_gets_the_first_answer_again(shop: Any, refusal: Any) -> None:
    created = await bundle(shop, PB=1)
    first = await shop.bundles.SetRecipe(set_recipe(created, PB=2))
    before = await shop.everything()
    assert await shop.bundles.SetRecipe(set_recipe(created, PB=2)) == first
    assert (await refusal(shop.bundles.SetRecipe(set_recipe(created, PB=3)))).reason == "REQUEST_ID_REUSED"
    assert await shop.everything() == before


@pytest.mark.parametrize(
    ("quantities", "kind", "reason"),
    [
        ({"HILANG": 1}, Kind.NOT_FOUND, "COMPONENT_NOT_FOUND"),
        ({"PAKET": 1}, Kind.FAILED_PRECONDITION, "RECIPE_CYCLE"),
        ({"TUA": 1}, Kind.FAILED_PRECONDITION, "SKU_RETIRED"),
        ({"PB": 1}, Kind.FAILED_PRECONDITION, "RECIPE_UNCHANGED"),
    ],
)
async def test_what_a_recipe_may_not_hold(
    shop: Any, refusal: Any, quantities: dict[str, int], kind: Kind, reason: str
) -> None:
    created = await bundle(shop, PB=1)
    await bundle(shop, "LAIN", GELAS=6)
    old = await shop.sku("TUA", name="Barang lama")
    await shop.skus.RetireSku(
        skus_pb2.RetireSkuRequest(request_id="r", sku_code="TUA", etag=old.etag, reason="x")
    )
    before = await shop.everything()
    refused = await refusal(shop.bundles.SetRecipe(set_recipe(created, **quantities)))
    assert (refused.kind, refused.reason) == (kind, reason)
    assert await shop.everything() == before


async def test_a_plain_sku_has_no_recipe(shop: Any, refusal: Any) -> None:
    plain = await shop.get("PB")
    for call in (
        shop.bundles.SetRecipe(set_recipe(plain, KBL=1)),
        shop.bundles.GetRecipe(pb.GetRecipeRequest(sku_code="PB")),
        shop.bundles.ListRecipes(pb.ListRecipesRequest(sku_code="PB")),
    ):
        refused = await refusal(call)
        assert (refused.kind, refused.reason) == (Kind.FAILED_PRECONDITION, "NOT_A_BUNDLE")


async def test_a_stale_etag_is_refused(shop: Any, refusal: Any) -> None:
    created = await bundle(shop, PB=1)
    await shop.bundles.SetRecipe(set_recipe(created, PB=2))
    refused = await refusal(shop.bundles.SetRecipe(set_recipe(created, "set-2", PB=3)))
    assert (refused.reason, refused.metadata["etag"]) == ("CONCURRENT_CHANGE", "2")


async def test_bad_input_is_named(shop: Any, refusal: Any) -> None:
    bad = pb.SetRecipeRequest(
        request_id="", sku_code="", components=[*parts(PB=0), *parts(PB=10_001)], reason="x" * 201
    )
    refused = await refusal(shop.bundles.SetRecipe(bad))
    assert [field.field for field in refused.fields] == [
        "request_id",
        "sku_code",
        "etag",
        "reason",
        "components[0].quantity",
        "components[1].quantity",
        "components[1].sku_code",
    ]
    refused = await refusal(shop.bundles.GetRecipe(pb.GetRecipeRequest(sku_code="PB", version=-1)))
    assert [field.field for field in refused.fields] == ["version"]


async def test_a_component_of_an_active_bundle_is_not_retired(shop: Any, refusal: Any) -> None:
    created = await bundle(shop, PB=1)
    power_bank = await shop.get("PB")
    retire = skus_pb2.RetireSkuRequest(request_id="r", sku_code="PB", etag=power_bank.etag, reason="x")
    refused = await refusal(shop.skus.RetireSku(retire))
    assert (refused.kind, refused.reason) == (Kind.FAILED_PRECONDITION, "SKU_IN_BUNDLE")
    assert refused.metadata["sku_codes"] == "PAKET"

    await shop.skus.RetireSku(
        skus_pb2.RetireSkuRequest(request_id="r2", sku_code="PAKET", etag=created.etag, reason="x")
    )
    assert (await shop.skus.RetireSku(retire)).sku.state == skus_pb2.SKU_STATE_RETIRED


async def test_bundles_of_a_component_are_those_of_current_recipes(shop: Any) -> None:
    changing = await bundle(shop, "A-PAKET", PB=1)
    await bundle(shop, "B-PAKET", PB=1, KBL=1)
    await shop.bundles.SetRecipe(set_recipe(changing, GELAS=1))
    answer = await shop.bundles.ListBundlesOf(pb.ListBundlesOfRequest(sku_code="PB"))
    assert [sku.sku_code for sku in answer.bundles] == ["B-PAKET"]


async def test_a_component_is_retired_or_taken_into_a_recipe_never_both(shop: Any) -> None:
    for i in range(6):
        component = await shop.sku(f"K{i}", name=f"Komponen {'abcdef'[i] * 8}")
        made = await bundle(shop, f"P{i}", PB=i + 1)
        answers = await asyncio.gather(
            shop.skus.RetireSku(
                skus_pb2.RetireSkuRequest(
                    request_id=f"r{i}", sku_code=f"K{i}", etag=component.etag, reason="x"
                )
            ),
            shop.bundles.SetRecipe(set_recipe(made, f"s{i}", **{f"K{i}": 1})),
            return_exceptions=True,
        )
        refused = [answer for answer in answers if isinstance(answer, grpc.aio.AioRpcError)]
        assert [error.code() for error in refused] == [grpc.StatusCode.FAILED_PRECONDITION]
