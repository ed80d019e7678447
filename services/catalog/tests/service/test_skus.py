"""SkuService over a socket."""

import asyncio
from typing import Any

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from lumbung.catalog.v1 import products_pb2
from lumbung.catalog.v1 import skus_pb2 as pb
from lumbung_kit.clients import failure_from
from lumbung_kit.failures import Kind

GTIN, INTERNAL = pb.BARCODE_KIND_GTIN, pb.BARCODE_KIND_INTERNAL
PCS_BARCODE = pb.Barcode(code="8991234567891", kind=GTIN, unit_code="pcs")
CARTON_BARCODE = pb.Barcode(code="KAOS-CTN", kind=INTERNAL, unit_code="carton")
CARTON = pb.Unit(unit_code="carton", base_quantity=24)
BLACK_M = [pb.Option(axis="color", value="Hitam"), pb.Option(axis="size", value="M")]


def kaos(**fields: Any) -> pb.CreateSkuRequest:
    usual = {
        "request_id": "kaos",
        "sku_code": "KAOS-HTM-M",
        "product_code": "KAOS",
        "name": "Kaos Hitam M",
        "options": BLACK_M,
        "kind": pb.SKU_KIND_PLAIN,
        "base_unit": "pcs",
        "units": [CARTON],
        "barcodes": [PCS_BARCODE, CARTON_BARCODE],
        "weight_g": 180,
        "length_mm": 300,
        "width_mm": 200,
        "height_mm": 20,
        "fast_mover": True,
    }
    return pb.CreateSkuRequest(**{**usual, **fields})


async def test_a_variant_is_created_whole_and_read_back(catalog: Any) -> None:
    await catalog.product("KAOS", "color", "size")
    answer = await catalog.skus.CreateSku(kaos())
    sku = answer.sku
    assert list(sku.options) == BLACK_M
    assert list(sku.units) == [pb.Unit(unit_code="pcs", base_quantity=1), CARTON]
    assert list(sku.barcodes) == [PCS_BARCODE, CARTON_BARCODE]
    assert (sku.kind, sku.state, sku.version, sku.etag) == (pb.SKU_KIND_PLAIN, pb.SKU_STATE_ACTIVE, 1, "1")
    assert (sku.weight_g, sku.volume_ml, sku.fast_mover) == (180, 1_200, True)
    assert not sku.HasField("recipe")
    assert not sku.HasField("retire_time")
    assert list(answer.warnings) == []
    assert await catalog.get("KAOS-HTM-M") == sku


async def test_the_same_request_gets_the_first_answer_again(catalog: Any, refusal: Any) -> None:
    await catalog.product("KAOS", "color", "size")
    first = await catalog.skus.CreateSku(kaos())
    before = await catalog.everything()
    assert await catalog.skus.CreateSku(kaos()) == first
    refused = await refusal(catalog.skus.CreateSku(kaos(weight_g=181)))
    assert (refused.kind, refused.reason) == (Kind.INVALID_ARGUMENT, "REQUEST_ID_REUSED")
    assert await catalog.everything() == before


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"request_id": ""}, ["request_id"]),
        ({"sku_code": "KAOS M"}, ["sku_code"]),
        ({"product_code": ""}, ["product_code"]),
        ({"name": ""}, ["name"]),
        ({"name": "n" * 201}, ["name"]),
        ({"kind": 0}, ["kind"]),
        ({"kind": 9}, ["kind"]),
        ({"base_unit": ""}, ["base_unit", "barcodes[0].unit_code"]),
        ({"base_unit": "PCS", "barcodes": []}, ["base_unit"]),
        ({"options": [pb.Option(axis="", value="M")]}, ["options[0].axis"]),
        ({"options": [pb.Option(axis="size", value="")]}, ["options[0].value"]),
        ({"options": [pb.Option(axis=f"a{i}", value="x") for i in range(6)]}, ["options"]),
        ({"units": [pb.Unit(unit_code="carton", base_quantity=1)]}, ["units[0].base_quantity"]),
        ({"units": [pb.Unit(unit_code="carton", base_quantity=1_000_001)]}, ["units[0].base_quantity"]),
        ({"units": [CARTON, CARTON]}, ["units[1].unit_code"]),
        ({"units": [CARTON, pb.Unit(unit_code="pcs", base_quantity=2)]}, ["units[1].unit_code"]),
        ({"units": [], "barcodes": [CARTON_BARCODE]}, ["barcodes[0].unit_code"]),
        ({"barcodes": [pb.Barcode(code="X", unit_code="pcs")]}, ["barcodes[0].kind"]),
        ({"barcodes": [pb.Barcode(code="", kind=INTERNAL, unit_code="pcs")]}, ["barcodes[0].code"]),
        ({"barcodes": [CARTON_BARCODE, CARTON_BARCODE]}, ["barcodes[1].code"]),
        ({"barcodes": [CARTON_BARCODE] * 17}, ["barcodes"]),
        ({"weight_g": -1}, ["weight_g"]),
        ({"weight_g": 10_000_001}, ["weight_g"]),
        ({"volume_ml": -5, "length_mm": 100_001}, ["length_mm", "volume_ml"]),
        ({"components": [pb.Component(sku_code="A", quantity=1)]}, ["components"]),
        ({"kind": pb.SKU_KIND_BUNDLE}, ["components"]),
        (
            {"kind": pb.SKU_KIND_BUNDLE, "components": [pb.Component(sku_code="A", quantity=0)]},
            ["components[0].quantity"],
        ),
        (
            {"kind": pb.SKU_KIND_BUNDLE, "components": [pb.Component(sku_code="A", quantity=1)] * 2},
            ["components[1].sku_code"],
        ),
        (
            {
                "kind": pb.SKU_KIND_BUNDLE,
                "components": [pb.Component(sku_code=f"A{i}", quantity=1) for i in range(21)],
            },
            ["components"],
        ),
        ({"force_reason": "x" * 201}, ["force_reason"]),
    ],
)
async def test_bad_input_is_named_and_changes_nothing(
    catalog: Any, refusal: Any, fields: dict[str, Any], named: list[str]
) -> None:
    await catalog.product("KAOS", "color", "size")
    before = await catalog.everything()
    refused = await refusal(catalog.skus.CreateSku(kaos(**fields)))
    assert (refused.kind, refused.reason) == (Kind.INVALID_ARGUMENT, "BAD_INPUT")
    assert [field.field for field in refused.fields] == named
    assert await catalog.everything() == before


@pytest.mark.parametrize(
    ("fields", "kind", "reason", "named"),
    [
        ({"product_code": "LAIN"}, Kind.NOT_FOUND, "PRODUCT_NOT_FOUND", "product_code"),
        ({"options": BLACK_M[:1]}, Kind.INVALID_ARGUMENT, "OPTIONS_MISMATCH", "options"),
        ({"sku_code": "kaos-PTH-L"}, Kind.ALREADY_EXISTS, "SKU_EXISTS", "sku_code"),
        (
            {"options": [pb.Option(axis="SIZE", value=" l"), pb.Option(axis="color", value="PUTIH")]},
            Kind.ALREADY_EXISTS,
            "OPTIONS_TAKEN",
            "options",
        ),
        (
            {"barcodes": [PCS_BARCODE, pb.Barcode(code="012345678905", kind=GTIN, unit_code="pcs")]},
            Kind.ALREADY_EXISTS,
            "BARCODE_TAKEN",
            "barcodes[1].code",
        ),
        (
            {"barcodes": [pb.Barcode(code="8991234567890", kind=GTIN, unit_code="pcs")]},
            Kind.INVALID_ARGUMENT,
            "BARCODE_INVALID",
            "barcodes[0].code",
        ),
    ],
)
async def test_what_the_catalog_cannot_have_is_refused_whole(
    catalog: Any, refusal: Any, fields: dict[str, Any], kind: Kind, reason: str, named: str
) -> None:
    await catalog.product("KAOS", "color", "size")
    await catalog.sku(
        "KAOS-PTH-L",
        product_code="KAOS",
        options=[pb.Option(axis="color", value="Putih"), pb.Option(axis="size", value="L")],
        barcodes=[pb.Barcode(code="0012345678905", kind=GTIN, unit_code="pcs")],
    )
    before = await catalog.everything()
    refused = await refusal(catalog.skus.CreateSku(kaos(**fields)))
    assert (refused.kind, refused.reason) == (kind, reason)
    assert named in [field.field for field in refused.fields]
    if kind is Kind.ALREADY_EXISTS:
        assert refused.metadata["sku_code"] == "KAOS-PTH-L"
    assert await catalog.everything() == before


async def test_a_sku_that_looks_like_another_names_it_and_can_be_forced_with_a_reason(
    catalog: Any, refusal: Any
) -> None:
    await catalog.sku("PB-10K", name="Power Bank 10000 mAh")
    await catalog.product("POWERBANK")
    look_alike = {
        "request_id": "again",
        "sku_code": "POWERBANK",
        "product_code": "POWERBANK",
        "name": "Powerbank 10000mAh",
        "options": [],
        "units": [],
        "barcodes": [],
    }
    before = await catalog.everything()
    refused = await refusal(catalog.skus.CreateSku(kaos(**look_alike)))
    assert (refused.kind, refused.reason) == (Kind.FAILED_PRECONDITION, "SKU_NEARLY_EQUAL")
    assert refused.metadata["sku_codes"] == "PB-10K"
    assert [(one.type, one.subject) for one in refused.preconditions] == [("SIMILAR_SKU", "PB-10K")]
    assert await catalog.everything() == before

    forced = await catalog.skus.CreateSku(kaos(**look_alike, force_reason="model lain"))
    assert [warning.sku_code for warning in forced.warnings] == ["PB-10K"]
    (entry,) = (await catalog.skus.ListSkuHistory(pb.ListSkuHistoryRequest(sku_code="POWERBANK"))).entries
    assert (entry.actor, entry.reason) == ("staff:ani", "model lain")


async def test_look_alikes_can_be_asked_for_beforehand(catalog: Any) -> None:
    await catalog.sku("PB-10K", name="Power Bank 10000 mAh")
    request = pb.FindSimilarSkusRequest(sku_code="pb10k", name="Kabel")
    (similar,) = (await catalog.skus.FindSimilarSkus(request)).similar_skus
    assert (similar.sku_code, similar.score, similar.field) == ("PB-10K", 100, "sku_code")


async def test_of_many_look_alikes_at_once_only_one_passes_unwarned(catalog: Any) -> None:
    codes = [f"LAMPU-{letter}" for letter in "ABCDEF"]
    for code in codes:
        await catalog.product(code)
    alike = {"name": "Lampu Meja Belajar Putih", "options": [], "units": [], "barcodes": []}
    calls = [
        catalog.skus.CreateSku(kaos(request_id=code, sku_code=code, product_code=code, **alike))
        for code in codes
    ]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    failed = [answer for answer in answers if isinstance(answer, grpc.aio.AioRpcError)]
    assert [failure_from(error).reason for error in failed] == ["SKU_NEARLY_EQUAL"] * 5


async def test_two_who_create_the_same_combination_at_once_make_one(catalog: Any) -> None:
    await catalog.product("KAOS", "color", "size")
    calls = [
        catalog.skus.CreateSku(kaos(request_id=f"r-{i}", sku_code=f"K{i}{i}{i}", units=[], barcodes=[]))
        for i in range(8)
    ]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(not isinstance(answer, BaseException) for answer in answers) == 1


async def test_many_are_read_at_once_and_unknown_ones_are_listed(catalog: Any) -> None:
    for code in ("A1", "B2"):
        await catalog.sku(code)
    answer = await catalog.skus.BatchGetSkus(pb.BatchGetSkusRequest(sku_codes=["X", "B2", "A1", "B2", "Y"]))
    assert [sku.sku_code for sku in answer.skus] == ["B2", "A1"]
    assert list(answer.missing_sku_codes) == ["X", "Y"]


@pytest.mark.parametrize(
    ("codes", "named"), [([], "sku_codes"), (["A"] * 101, "sku_codes"), (["A", "-"], "sku_codes[1]")]
)
async def test_a_batch_has_bounds(catalog: Any, refusal: Any, codes: list[str], named: str) -> None:
    refused = await refusal(catalog.skus.BatchGetSkus(pb.BatchGetSkusRequest(sku_codes=codes)))
    assert (refused.reason, refused.fields[0].field) == ("BAD_INPUT", named)


def update(sku: pb.Sku, *paths: str, request_id: str = "u-1") -> pb.UpdateSkuRequest:
    return pb.UpdateSkuRequest(request_id=request_id, sku=sku, update_mask=FieldMask(paths=paths))


async def test_a_description_is_changed_by_mask_and_makes_a_version(catalog: Any, refusal: Any) -> None:
    created = await catalog.sku("TAS", weight_g=400)
    wanted = pb.Sku(sku_code="TAS", etag=created.etag, name="Tas Ransel", weight_g=1, fast_mover=True)
    request = update(wanted, "name", "fast_mover")
    changed = (await catalog.skus.UpdateSku(request)).sku
    assert (changed.name, changed.weight_g, changed.fast_mover, changed.version) == (
        "Tas Ransel",
        400,
        True,
        2,
    )
    assert (await catalog.skus.UpdateSku(request)).sku == changed

    refused = await refusal(catalog.skus.UpdateSku(update(wanted, "weight_g", request_id="u-2")))
    assert (refused.kind, refused.reason) == (Kind.ABORTED, "CONCURRENT_CHANGE")
    assert refused.metadata["etag"] == changed.etag
    assert (await catalog.get("TAS")).weight_g == 400


async def test_lots_are_tracked_from_when_somebody_says_so(catalog: Any, refusal: Any) -> None:
    created = await catalog.sku("SUSU", lot_tracking=pb.LOT_TRACKING_LOT, shelf_life_days_min=3)
    assert (created.lot_tracking, created.shelf_life_days_min) == (pb.LOT_TRACKING_LOT, 3)
    wanted = pb.Sku(
        sku_code="SUSU",
        etag=created.etag,
        lot_tracking=pb.LOT_TRACKING_LOT_AND_EXPIRY,
        shelf_life_days_min=14,
    )
    paths = ("lot_tracking", "shelf_life_days_min")
    changed = (await catalog.skus.UpdateSku(update(wanted, *paths))).sku
    assert (changed.lot_tracking, changed.shelf_life_days_min) == (pb.LOT_TRACKING_LOT_AND_EXPIRY, 14)
    assert await catalog.get("SUSU") == changed

    wrong = pb.Sku(sku_code="SUSU", etag=changed.etag, lot_tracking=9, shelf_life_days_min=3_651)  # type: ignore[arg-type]
    refused = await refusal(catalog.skus.UpdateSku(update(wrong, *paths, request_id="u-2")))
    assert [one.field for one in refused.fields] == ["sku.lot_tracking", "sku.shelf_life_days_min"]


async def test_a_bundle_has_no_lots(catalog: Any, refusal: Any) -> None:
    await catalog.sku("SUSU")
    bundle = {"kind": pb.SKU_KIND_BUNDLE, "components": [pb.Component(sku_code="SUSU", quantity=2)]}
    made = await catalog.sku("PAKET", **bundle)
    tracked = pb.Sku(sku_code="PAKET", etag=made.etag, lot_tracking=pb.LOT_TRACKING_LOT)
    refused = await refusal(catalog.skus.UpdateSku(update(tracked, "lot_tracking")))
    assert (refused.reason, refused.fields[0].field) == ("BAD_INPUT", "sku.lot_tracking")
    refused = await refusal(catalog.sku("LAIN", **bundle, lot_tracking=pb.LOT_TRACKING_LOT))
    assert (refused.reason, refused.fields[0].field) == ("BAD_INPUT", "lot_tracking")
    assert await catalog.get("PAKET") == made


@pytest.mark.parametrize("path", ["sku_code", "options", "kind", "base_unit", "barcodes", "warna"])
async def test_what_a_sku_is_never_changes(catalog: Any, refusal: Any, path: str) -> None:
    created = await catalog.sku("TAS")
    refused = await refusal(catalog.skus.UpdateSku(update(created, path)))
    assert (refused.kind, refused.reason) == (Kind.INVALID_ARGUMENT, "FIELD_IMMUTABLE")
    assert (await catalog.get("TAS")).version == 1


@pytest.mark.parametrize(
    ("sku", "paths", "named"),
    [
        (pb.Sku(sku_code="TAS", etag="1"), [], "update_mask"),
        (pb.Sku(sku_code="TAS", name="x"), ["name"], "sku.etag"),
        (pb.Sku(sku_code="TAS", etag="1"), ["name"], "sku.name"),
        (pb.Sku(sku_code="TAS", etag="1", weight_g=-1), ["weight_g"], "sku.weight_g"),
        (pb.Sku(etag="1", name="x"), ["name"], "sku.sku_code"),
    ],
)
async def test_a_bad_update_is_named(
    catalog: Any, refusal: Any, sku: pb.Sku, paths: list[str], named: str
) -> None:
    refused = await refusal(catalog.skus.UpdateSku(update(sku, *paths)))
    assert (refused.reason, refused.fields[0].field) == ("BAD_INPUT", named)


def retire(sku: pb.Sku, request_id: str = "retire") -> pb.RetireSkuRequest:
    return pb.RetireSkuRequest(
        request_id=request_id, sku_code=sku.sku_code, etag=sku.etag, reason="tidak dijual lagi"
    )


async def test_a_retired_sku_stays_readable_and_is_not_changed(catalog: Any, refusal: Any) -> None:
    created = await catalog.sku("TAS", barcodes=[PCS_BARCODE])
    retired = (await catalog.skus.RetireSku(retire(created))).sku
    assert (retired.state, retired.retire_reason) == (pb.SKU_STATE_RETIRED, "tidak dijual lagi")
    assert retired.HasField("retire_time")
    assert await catalog.get("TAS") == retired

    before = await catalog.everything()
    wanted = pb.Sku(sku_code="TAS", etag=retired.etag, name="x")
    for call in (
        catalog.skus.RetireSku(retire(retired, "retire-2")),
        catalog.skus.UpdateSku(update(wanted, "name")),
        catalog.skus.AddUnit(pb.AddUnitRequest(request_id="unit", sku_code="TAS", unit=CARTON)),
    ):
        refused = await refusal(call)
        assert (refused.kind, refused.reason) == (Kind.FAILED_PRECONDITION, "SKU_RETIRED")
    assert await catalog.everything() == before


async def test_retiring_needs_a_reason_and_the_current_etag(catalog: Any, refusal: Any) -> None:
    await catalog.sku("TAS")
    refused = await refusal(catalog.skus.RetireSku(pb.RetireSkuRequest(request_id="r", sku_code="TAS")))
    assert [field.field for field in refused.fields] == ["etag", "reason"]
    stale = pb.RetireSkuRequest(request_id="r", sku_code="TAS", etag="7", reason="x")
    assert (await refusal(catalog.skus.RetireSku(stale))).reason == "CONCURRENT_CHANGE"


async def test_unknown_skus_are_not_found(catalog: Any, refusal: Any) -> None:
    for call in (
        catalog.skus.GetSku(pb.GetSkuRequest(sku_code="X")),
        catalog.skus.UpdateSku(update(pb.Sku(sku_code="X", etag="1", name="x"), "name")),
        catalog.skus.RetireSku(pb.RetireSkuRequest(request_id="r", sku_code="X", etag="1", reason="x")),
        catalog.skus.AddUnit(pb.AddUnitRequest(request_id="r", sku_code="X", unit=CARTON)),
        catalog.skus.RemoveUnit(pb.RemoveUnitRequest(request_id="r", sku_code="X", unit_code="carton")),
        catalog.skus.ListSkuHistory(pb.ListSkuHistoryRequest(sku_code="X")),
    ):
        refused = await refusal(call)
        assert (refused.kind, refused.reason) == (Kind.NOT_FOUND, "SKU_NOT_FOUND")
        assert [field.field for field in refused.fields] == ["sku_code"]


async def test_units_come_and_go_while_no_barcode_needs_them(catalog: Any, refusal: Any) -> None:
    await catalog.sku("TAS")
    add = pb.AddUnitRequest(request_id="add", sku_code="TAS", unit=CARTON)
    added = (await catalog.skus.AddUnit(add)).sku
    assert ([unit.unit_code for unit in added.units], added.version) == (["pcs", "carton"], 2)
    assert (await catalog.skus.AddUnit(add)).sku == added
    again = pb.AddUnitRequest(
        request_id="add-2", sku_code="TAS", unit=pb.Unit(unit_code="carton", base_quantity=12)
    )
    assert (await refusal(catalog.skus.AddUnit(again))).reason == "UNIT_EXISTS"

    remove = pb.RemoveUnitRequest(request_id="remove", sku_code="TAS", unit_code="carton")
    removed = (await catalog.skus.RemoveUnit(remove)).sku
    assert [unit.unit_code for unit in removed.units] == ["pcs"]
    base = pb.RemoveUnitRequest(request_id="remove-2", sku_code="TAS", unit_code="pcs")
    assert (await refusal(catalog.skus.RemoveUnit(base))).reason == "UNIT_IS_BASE"


async def test_every_change_is_in_the_history_with_its_actor(catalog: Any) -> None:
    created = await catalog.sku("TAS")
    await catalog.skus.AddUnit(pb.AddUnitRequest(request_id="unit-1", sku_code="TAS", unit=CARTON))
    retired = (await catalog.skus.RetireSku(retire(await catalog.get("TAS")))).sku
    first = await catalog.skus.ListSkuHistory(pb.ListSkuHistoryRequest(sku_code="TAS", page_size=2))
    rest = await catalog.skus.ListSkuHistory(
        pb.ListSkuHistoryRequest(sku_code="TAS", page_size=2, page_token=first.next_page_token)
    )
    entries = [*first.entries, *rest.entries]
    assert [(entry.version, entry.action, entry.actor, entry.request_id) for entry in entries] == [
        (3, "retire_sku", "staff:ani", "retire"),
        (2, "add_unit", "staff:ani", "unit-1"),
        (1, "create_sku", "staff:ani", "sku-TAS"),
    ]
    assert (entries[0].sku, entries[2].sku) == (retired, created)
    assert entries[0].reason == "tidak dijual lagi"


async def test_skus_are_listed_by_filter_page_by_page(catalog: Any, refusal: Any) -> None:
    await catalog.product("KAOS", "color", "size")
    await catalog.skus.CreateSku(kaos())
    for code in ("A1", "B2", "C3"):
        await catalog.sku(code)
    await catalog.skus.RetireSku(retire(await catalog.get("B2")))

    async def listed(**filters: Any) -> list[str]:
        codes, token = [], ""
        while True:
            page = await catalog.skus.ListSkus(pb.ListSkusRequest(page_size=1, page_token=token, **filters))
            codes += [sku.sku_code for sku in page.skus]
            token = page.next_page_token
            if not token:
                return codes

    assert await listed() == ["A1", "B2", "C3", "KAOS-HTM-M"]
    assert await listed(state=pb.SKU_STATE_ACTIVE) == ["A1", "C3", "KAOS-HTM-M"]
    assert await listed(state=pb.SKU_STATE_RETIRED) == ["B2"]
    assert await listed(kind=pb.SKU_KIND_BUNDLE) == []
    assert await listed(product_code="KAOS") == ["KAOS-HTM-M"]
    variants = await catalog.products.ListVariants(products_pb2.ListVariantsRequest(product_code="KAOS"))
    assert [sku.sku_code for sku in variants.skus] == ["KAOS-HTM-M"]

    token = (await catalog.skus.ListSkus(pb.ListSkusRequest(page_size=1))).next_page_token
    for bad in (
        pb.ListSkusRequest(page_token=token, state=pb.SKU_STATE_ACTIVE),
        pb.ListSkusRequest(page_token="x"),
        pb.ListSkusRequest(page_token="é"),
        pb.ListSkusRequest(page_token=token * 20),
    ):
        refused = await refusal(catalog.skus.ListSkus(bad))
        assert (refused.reason, refused.fields[0].field) == ("BAD_INPUT", "page_token")
    refused = await refusal(
        catalog.skus.ListSkus(pb.ListSkusRequest(page_size=-1, kind=pb.SkuKind.ValueType(7)))
    )
    assert [field.field for field in refused.fields] == ["kind", "page_size"]


async def test_a_search_puts_the_exact_code_or_barcode_first(catalog: Any) -> None:
    await catalog.sku("PB-10K", name="Power Bank 10000 mAh", barcodes=[PCS_BARCODE])
    await catalog.sku("PB-10K-PRO", name="Baterai cadangan 10000 Pro")
    await catalog.sku("KBL", name="Kabel untuk PB-10K bank")

    async def search(query: str, **fields: Any) -> list[str]:
        answer = await catalog.skus.SearchSkus(pb.SearchSkusRequest(query=query, **fields))
        return [sku.sku_code for sku in answer.skus]

    assert await search("pb-10k") == ["PB-10K", "PB-10K-PRO", "KBL"]
    assert await search("BANK power") == ["PB-10K"]
    assert await search("8991234567891") == ["PB-10K"]
    assert await search("100%") == []
    assert await search("powre bank") == ["PB-10K", "KBL"]
    assert await search("lemari") == []
    assert await search("_") == []
    assert await search("bank", state=pb.SKU_STATE_RETIRED) == []
    first = await catalog.skus.SearchSkus(pb.SearchSkusRequest(query="pb-10k", page_size=1))
    assert await search("pb-10k", page_token=first.next_page_token) == ["PB-10K-PRO", "KBL"]


@pytest.mark.parametrize("query", ["pb-1", "bank", "baterai pb", "batrai"])
async def test_pages_of_a_search_are_the_search_whatever_their_size(catalog: Any, query: str) -> None:
    for place in range(12):
        await catalog.sku(f"PB-1{place}", name=f"Baterai {place} bank", force_reason="seri")
    whole = (await catalog.skus.SearchSkus(pb.SearchSkusRequest(query=query))).skus
    assert len(whole) == 12
    found, token = [], ""
    while len(found) < 13:
        page = await catalog.skus.SearchSkus(pb.SearchSkusRequest(query=query, page_size=5, page_token=token))
        found += page.skus
        token = page.next_page_token
        if not token:
            break
    assert found == list(whole)


@pytest.mark.parametrize("query", ["", "x" * 101, "a b c d e f g h i", "a\x00b"])
async def test_a_bad_query_is_refused(catalog: Any, refusal: Any, query: str) -> None:
    refused = await refusal(catalog.skus.SearchSkus(pb.SearchSkusRequest(query=query)))
    assert (refused.reason, refused.fields[0].field) == ("BAD_INPUT", "query")
