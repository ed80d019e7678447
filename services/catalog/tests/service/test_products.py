"""ProductService over a socket."""

import asyncio
from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from lumbung.catalog.v1 import products_pb2 as pb
from lumbung.catalog.v1 import skus_pb2
from lumbung_kit.failures import Kind

AXES = [pb.OptionAxis(name="color"), pb.OptionAxis(name="size", values=["S", "M", "L"])]


def create(**fields: Any) -> pb.CreateProductRequest:
    usual = {"request_id": "r-1", "product_code": "KAOS", "name": "Kaos Polos", "option_axes": AXES}
    return pb.CreateProductRequest(**{**usual, **fields})


async def test_a_product_is_created_and_read_back(catalog: Any) -> None:
    created = (await catalog.products.CreateProduct(create(description="Katun 30s"))).product
    assert (created.name, created.description, list(created.option_axes)) == ("Kaos Polos", "Katun 30s", AXES)
    assert (created.version, created.etag) == (1, "1")
    read = (await catalog.products.GetProduct(pb.GetProductRequest(product_code="KAOS"))).product
    assert read == created


async def test_the_same_request_gets_the_first_answer_again(catalog: Any, refusal: Any) -> None:
    first = await catalog.products.CreateProduct(create())
    before = await catalog.everything()
    assert await catalog.products.CreateProduct(create()) == first
    refused = await refusal(catalog.products.CreateProduct(create(name="Kemeja")))
    assert (refused.kind, refused.reason) == (Kind.INVALID_ARGUMENT, "REQUEST_ID_REUSED")
    assert await catalog.everything() == before


@pytest.mark.parametrize("code", ["KAOS", "kaos"])
async def test_a_code_is_taken_in_every_letter_case(catalog: Any, refusal: Any, code: str) -> None:
    await catalog.products.CreateProduct(create())
    refused = await refusal(catalog.products.CreateProduct(create(request_id="r-2", product_code=code)))
    assert (refused.kind, refused.reason) == (Kind.ALREADY_EXISTS, "PRODUCT_EXISTS")
    assert [field.field for field in refused.fields] == ["product_code"]


async def test_two_who_create_the_same_product_at_once_make_one(catalog: Any, refusal: Any) -> None:
    calls = [catalog.products.CreateProduct(create(request_id=f"r-{i}")) for i in range(8)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(not isinstance(answer, BaseException) for answer in answers) == 1


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"request_id": ""}, ["request_id"]),
        ({"request_id": "has space"}, ["request_id"]),
        ({"product_code": ""}, ["product_code"]),
        ({"product_code": "K" * 65}, ["product_code"]),
        ({"name": " "}, ["name"]),
        ({"name": "two\nlines"}, ["name"]),
        ({"description": "x" * 2_001}, ["description"]),
        ({"option_axes": [pb.OptionAxis(name=f"a{i}") for i in range(6)]}, ["option_axes"]),
        (
            {"option_axes": [pb.OptionAxis(name="size"), pb.OptionAxis(name=" SIZE ")]},
            ["option_axes[1].name"],
        ),
        ({"option_axes": [pb.OptionAxis(name="a=b")]}, ["option_axes[0].name"]),
        ({"option_axes": [pb.OptionAxis(name="size", values=["M", "m"])]}, ["option_axes[0].values[1]"]),
        ({"product_code": "", "name": ""}, ["product_code", "name"]),
    ],
)
async def test_bad_input_is_named_and_changes_nothing(
    catalog: Any, refusal: Any, fields: dict[str, Any], named: list[str]
) -> None:
    before = await catalog.everything()
    refused = await refusal(catalog.products.CreateProduct(create(**fields)))
    assert (refused.kind, refused.reason) == (Kind.INVALID_ARGUMENT, "BAD_INPUT")
    assert [field.field for field in refused.fields] == named
    assert await catalog.everything() == before


def update(product: pb.Product, *paths: str, request_id: str = "u-1") -> pb.UpdateProductRequest:
    return pb.UpdateProductRequest(request_id=request_id, product=product, update_mask=FieldMask(paths=paths))


async def test_only_what_the_mask_names_changes(catalog: Any) -> None:
    created = await catalog.product("KAOS")
    wanted = pb.Product(product_code="KAOS", etag=created.etag, name="Kaos Baru", description="tidak dipakai")
    changed = (await catalog.products.UpdateProduct(update(wanted, "name"))).product
    assert (changed.name, changed.description, changed.version) == ("Kaos Baru", "", 2)


async def test_a_stale_etag_is_refused_with_the_current_one(catalog: Any, refusal: Any) -> None:
    created = await catalog.product("KAOS")
    wanted = pb.Product(product_code="KAOS", etag=created.etag, name="Kaos Baru")
    await catalog.products.UpdateProduct(update(wanted, "name"))
    refused = await refusal(catalog.products.UpdateProduct(update(wanted, "name", request_id="u-2")))
    assert (refused.kind, refused.reason) == (Kind.ABORTED, "CONCURRENT_CHANGE")
    assert refused.metadata["etag"] == "2"


async def test_axes_are_fixed(catalog: Any, refusal: Any) -> None:
    created = await catalog.product("KAOS")
    refused = await refusal(catalog.products.UpdateProduct(update(created, "name", "option_axes")))
    assert (refused.kind, refused.reason) == (Kind.INVALID_ARGUMENT, "FIELD_IMMUTABLE")
    assert refused.metadata["field"] == "option_axes"


async def test_an_update_without_fields_is_refused(catalog: Any, refusal: Any) -> None:
    created = await catalog.product("KAOS")
    refused = await refusal(catalog.products.UpdateProduct(update(created)))
    assert [field.field for field in refused.fields] == ["update_mask"]


async def test_unknown_products_are_not_found(catalog: Any, refusal: Any) -> None:
    for call in (
        catalog.products.GetProduct(pb.GetProductRequest(product_code="X")),
        catalog.products.ListVariants(pb.ListVariantsRequest(product_code="X")),
        catalog.products.UpdateProduct(update(pb.Product(product_code="X", etag="1", name="x"), "name")),
    ):
        refused = await refusal(call)
        assert (refused.kind, refused.reason) == (Kind.NOT_FOUND, "PRODUCT_NOT_FOUND")


async def test_products_are_listed_page_by_page(catalog: Any) -> None:
    for code in ("C", "A", "B"):
        await catalog.product(code)
    first = await catalog.products.ListProducts(pb.ListProductsRequest(page_size=2))
    second = await catalog.products.ListProducts(
        pb.ListProductsRequest(page_size=2, page_token=first.next_page_token)
    )
    pages = [[product.product_code for product in page.products] for page in (first, second)]
    assert pages == [["A", "B"], ["C"]]
    assert second.next_page_token == ""


async def sized(catalog: Any) -> pb.Product:
    return (await catalog.products.CreateProduct(create())).product


def add_values(**fields: Any) -> pb.AddOptionValuesRequest:
    usual = {
        "request_id": "v-1",
        "product_code": "KAOS",
        "etag": "1",
        "axis": "Size",
        "values": ["XL", "2 XL"],
    }
    return pb.AddOptionValuesRequest(**{**usual, **fields})


async def test_values_are_added_behind_those_that_are_there(catalog: Any, refusal: Any) -> None:
    before = await sized(catalog)
    answer = await catalog.products.AddOptionValues(add_values())
    assert list(answer.product.option_axes) == [
        AXES[0],
        pb.OptionAxis(name="size", values=["S", "M", "L", "XL", "2 XL"]),
    ]
    assert (answer.product.version, answer.product.name) == (2, before.name)
    assert await catalog.products.AddOptionValues(add_values()) == answer
    refused = await refusal(catalog.products.AddOptionValues(add_values(values=["3XL"])))
    assert refused.reason == "REQUEST_ID_REUSED"


async def test_an_added_value_can_be_had(catalog: Any) -> None:
    await sized(catalog)
    await catalog.products.AddOptionValues(add_values())
    options = [skus_pb2.Option(axis="color", value="Hitam"), skus_pb2.Option(axis="size", value="2  xl")]
    sku = await catalog.sku("KAOS-HTM-2XL", product_code="KAOS", options=options)
    assert sku.options[1].value == "2 XL"


@pytest.mark.parametrize(
    ("fields", "kind", "reason", "named"),
    [
        ({"request_id": ""}, Kind.INVALID_ARGUMENT, "BAD_INPUT", ["request_id"]),
        ({"product_code": ""}, Kind.INVALID_ARGUMENT, "BAD_INPUT", ["product_code"]),
        ({"etag": ""}, Kind.INVALID_ARGUMENT, "BAD_INPUT", ["etag"]),
        ({"axis": ""}, Kind.INVALID_ARGUMENT, "BAD_INPUT", ["axis"]),
        ({"values": []}, Kind.INVALID_ARGUMENT, "BAD_INPUT", ["values"]),
        ({"values": ["XL", " xl"]}, Kind.INVALID_ARGUMENT, "BAD_INPUT", ["values[1]"]),
        ({"values": ["X=L"]}, Kind.INVALID_ARGUMENT, "BAD_INPUT", ["values[0]"]),
        ({"values": ["x" * 81]}, Kind.INVALID_ARGUMENT, "BAD_INPUT", ["values[0]"]),
        ({"product_code": "LAIN"}, Kind.NOT_FOUND, "PRODUCT_NOT_FOUND", ["product_code"]),
        ({"etag": "9"}, Kind.ABORTED, "CONCURRENT_CHANGE", ["etag"]),
        ({"axis": "bahan"}, Kind.NOT_FOUND, "AXIS_NOT_FOUND", ["axis"]),
        ({"axis": "color"}, Kind.FAILED_PRECONDITION, "AXIS_OPEN", ["axis"]),
        ({"values": ["XL", "\uff4d"]}, Kind.ALREADY_EXISTS, "OPTION_VALUE_EXISTS", ["values[1]"]),
        ({"values": [f"n{i}" for i in range(98)]}, Kind.FAILED_PRECONDITION, "OPTION_VALUE_LIMIT", []),
    ],
)
async def test_values_that_cannot_be_added_are_named(
    catalog: Any, refusal: Any, fields: dict[str, Any], kind: Kind, reason: str, named: list[str]
) -> None:
    await sized(catalog)
    before = await catalog.everything()
    refused = await refusal(catalog.products.AddOptionValues(add_values(**fields)))
    assert (refused.kind, refused.reason) == (kind, reason)
    assert [field.field for field in refused.fields] == named
    assert await catalog.everything() == before


async def test_of_many_who_add_values_at_once_one_wins(catalog: Any) -> None:
    await sized(catalog)
    calls = [catalog.products.AddOptionValues(add_values(request_id=f"v-{i}")) for i in range(6)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(not isinstance(answer, BaseException) for answer in answers) == 1


async def test_the_history_of_a_product_is_told_newest_first_page_by_page(catalog: Any, refusal: Any) -> None:
    created = await sized(catalog)
    added = (await catalog.products.AddOptionValues(add_values())).product
    ask = pb.ListProductHistoryRequest(product_code="KAOS", page_size=1)
    first = await catalog.products.ListProductHistory(ask)
    ask.page_token = first.next_page_token
    second = await catalog.products.ListProductHistory(ask)
    entries = [*first.entries, *second.entries]
    assert [(one.version, one.action, one.actor, one.request_id) for one in entries] == [
        (2, "add_option_values", "staff:ani", "v-1"),
        (1, "create_product", "staff:ani", "r-1"),
    ]
    assert [one.product for one in entries] == [added, created]
    assert all(one.HasField("record_time") for one in entries)
    assert second.next_page_token == ""
    for wrong in ({"page_size": -1}, {"page_token": "zzz"}, {"product_code": ""}):
        asked = pb.ListProductHistoryRequest(**{"product_code": "KAOS", **wrong})
        refused = await refusal(catalog.products.ListProductHistory(asked))
        assert [field.field for field in refused.fields] == list(wrong)
    unknown = catalog.products.ListProductHistory(pb.ListProductHistoryRequest(product_code="X"))
    assert (await refusal(unknown)).reason == "PRODUCT_NOT_FOUND"
