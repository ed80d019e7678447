"""BarcodeService over a socket."""

import asyncio
from typing import Any

import pytest

from lumbung.catalog.v1 import barcodes_pb2 as pb
from lumbung.catalog.v1 import skus_pb2
from lumbung_kit.failures import Kind

GTIN, INTERNAL = skus_pb2.BARCODE_KIND_GTIN, skus_pb2.BARCODE_KIND_INTERNAL
CARTON = skus_pb2.Unit(unit_code="carton", base_quantity=24)


def add(sku_code: str, code: str, unit_code: str = "pcs", kind: int = GTIN, request_id: str = "") -> Any:
    return pb.AddBarcodeRequest(
        request_id=request_id or f"add-{sku_code}-{code[:20]}",
        sku_code=sku_code,
        barcode=skus_pb2.Barcode(code=code, kind=kind, unit_code=unit_code),  # type: ignore[arg-type]
    )


async def test_a_scan_says_sku_unit_and_quantity(catalog: Any) -> None:
    await catalog.sku("TEH", name="Teh botol", units=[CARTON])
    await catalog.barcodes.AddBarcode(add("TEH", "8991234567891"))
    changed = (await catalog.barcodes.AddBarcode(add("TEH", "TEH-CTN", "carton", INTERNAL))).sku
    assert ([barcode.code for barcode in changed.barcodes], changed.version) == (
        ["8991234567891", "TEH-CTN"],
        3,
    )

    scan = (await catalog.barcodes.ResolveBarcode(pb.ResolveBarcodeRequest(code="TEH-CTN"))).barcode
    assert scan == pb.ResolvedBarcode(
        code="TEH-CTN",
        sku_code="TEH",
        sku_name="Teh botol",
        unit_code="carton",
        base_quantity=24,
        state=skus_pb2.SKU_STATE_ACTIVE,
    )


async def test_a_upc_is_found_by_the_ean_that_a_scanner_makes_of_it(catalog: Any) -> None:
    await catalog.sku("TEH")
    await catalog.barcodes.AddBarcode(add("TEH", "012345678905"))
    scan = (await catalog.barcodes.ResolveBarcode(pb.ResolveBarcodeRequest(code="0012345678905"))).barcode
    assert (scan.code, scan.sku_code) == ("0012345678905", "TEH")


async def test_the_same_request_gets_the_first_answer_again(catalog: Any, refusal: Any) -> None:
    await catalog.sku("TEH")
    request = add("TEH", "8991234567891", request_id="once")
    first = await catalog.barcodes.AddBarcode(request)
    before = await catalog.everything()
    assert await catalog.barcodes.AddBarcode(request) == first
    refused = await refusal(catalog.barcodes.AddBarcode(add("TEH", "012345678905", request_id="once")))
    assert refused.reason == "REQUEST_ID_REUSED"
    assert await catalog.everything() == before


async def test_a_barcode_that_has_an_owner_names_it(catalog: Any, refusal: Any) -> None:
    await catalog.sku("TEH")
    await catalog.sku("KOPI")
    await catalog.barcodes.AddBarcode(add("TEH", "012345678905"))
    before = await catalog.everything()
    for request in (add("KOPI", "0012345678905"), add("TEH", "00012345678905")):
        refused = await refusal(catalog.barcodes.AddBarcode(request))
        assert (refused.kind, refused.reason) == (Kind.ALREADY_EXISTS, "BARCODE_TAKEN")
        assert (refused.metadata["sku_code"], refused.metadata["unit_code"]) == ("TEH", "pcs")
        assert [field.field for field in refused.fields] == ["barcode.code"]
    assert await catalog.everything() == before


async def test_many_who_want_one_barcode_at_once_leave_it_with_one(catalog: Any) -> None:
    codes = [f"S{i}" for i in range(6)]
    for code in codes:
        await catalog.sku(code, name=f"Barang {code * 3}")
    calls = [catalog.barcodes.AddBarcode(add(code, "8991234567891")) for code in codes]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(not isinstance(answer, BaseException) for answer in answers) == 1
    owners = [code for code in codes if (await catalog.get(code)).barcodes]
    assert len(owners) == 1


@pytest.mark.parametrize(
    ("request_", "reason", "named"),
    [
        (add("TEH", "8991234567890"), "BARCODE_INVALID", "barcode.code"),
        (add("TEH", "899123"), "BARCODE_INVALID", "barcode.code"),
        (add("TEH", "89912345678X1"), "BARCODE_INVALID", "barcode.code"),
        (add("TEH", "8991234567891", kind=INTERNAL), "BARCODE_INVALID", "barcode.code"),
        (add("TEH", "0000000000000"), "BARCODE_INVALID", "barcode.code"),
        (add("TEH", "0108991234567891", kind=INTERNAL), "BARCODE_INVALID", "barcode.code"),
        (add("TEH", ""), "BAD_INPUT", "barcode.code"),
        (add("TEH", "x" * 65, kind=INTERNAL), "BAD_INPUT", "barcode.code"),
        (add("TEH", "X", kind=0), "BAD_INPUT", "barcode.kind"),
        (add("TEH", "X", unit_code="", kind=INTERNAL), "BAD_INPUT", "barcode.unit_code"),
        (add("TEH", "X", request_id="a b", kind=INTERNAL), "BAD_INPUT", "request_id"),
    ],
)
async def test_a_bad_barcode_is_named_and_changes_nothing(
    catalog: Any, refusal: Any, request_: Any, reason: str, named: str
) -> None:
    await catalog.sku("TEH")
    before = await catalog.everything()
    refused = await refusal(catalog.barcodes.AddBarcode(request_))
    assert (refused.kind, refused.reason, refused.fields[0].field) == (Kind.INVALID_ARGUMENT, reason, named)
    assert await catalog.everything() == before


async def test_a_barcode_needs_a_sku_and_a_unit(catalog: Any, refusal: Any) -> None:
    refused = await refusal(catalog.barcodes.AddBarcode(add("TEH", "8991234567891")))
    assert (refused.kind, refused.reason) == (Kind.NOT_FOUND, "SKU_NOT_FOUND")
    await catalog.sku("TEH")
    refused = await refusal(
        catalog.barcodes.AddBarcode(add("TEH", "8991234567891", "carton", request_id="2"))
    )
    assert (refused.kind, refused.reason) == (Kind.NOT_FOUND, "UNIT_NOT_FOUND")


async def test_nobodys_barcode_is_unknown_or_read_wrongly(catalog: Any, refusal: Any) -> None:
    refused = await refusal(catalog.barcodes.ResolveBarcode(pb.ResolveBarcodeRequest(code="8991234567891")))
    assert (refused.kind, refused.reason) == (Kind.NOT_FOUND, "BARCODE_UNKNOWN")
    refused = await refusal(catalog.barcodes.ResolveBarcode(pb.ResolveBarcodeRequest(code="8991234567890")))
    assert (refused.kind, refused.reason) == (Kind.INVALID_ARGUMENT, "BARCODE_INVALID")
    refused = await refusal(catalog.barcodes.ResolveBarcode(pb.ResolveBarcodeRequest(code="")))
    assert (refused.reason, refused.fields[0].field) == ("BAD_INPUT", "code")


async def test_many_scans_are_resolved_at_once(catalog: Any, refusal: Any) -> None:
    await catalog.sku("TEH")
    await catalog.barcodes.AddBarcode(add("TEH", "8991234567891"))
    codes = ["X", "8991234567891", "X", "8991234567891"]
    answer = await catalog.barcodes.BatchResolveBarcodes(pb.BatchResolveBarcodesRequest(codes=codes))
    assert [barcode.sku_code for barcode in answer.barcodes] == ["TEH"]
    assert list(answer.unknown_codes) == ["X"]
    too_many = pb.BatchResolveBarcodesRequest(codes=["X"] * 101)
    assert (await refusal(catalog.barcodes.BatchResolveBarcodes(too_many))).fields[0].field == "codes"


async def test_a_retired_skus_barcode_resolves_and_can_go_to_another(catalog: Any, refusal: Any) -> None:
    sku = await catalog.sku("TEH")
    sku = (await catalog.barcodes.AddBarcode(add("TEH", "8991234567891"))).sku
    await catalog.skus.RetireSku(
        skus_pb2.RetireSkuRequest(request_id="retire", sku_code="TEH", etag=sku.etag, reason="habis")
    )
    scan = (await catalog.barcodes.ResolveBarcode(pb.ResolveBarcodeRequest(code="8991234567891"))).barcode
    assert scan.state == skus_pb2.SKU_STATE_RETIRED
    refused = await refusal(catalog.barcodes.AddBarcode(add("TEH", "TEH-2", kind=INTERNAL)))
    assert refused.reason == "SKU_RETIRED"

    remove = pb.RemoveBarcodeRequest(request_id="remove", sku_code="TEH", code="8991234567891")
    assert list((await catalog.barcodes.RemoveBarcode(remove)).sku.barcodes) == []
    await catalog.sku("KOPI")
    await catalog.barcodes.AddBarcode(add("KOPI", "8991234567891"))


async def test_only_the_owner_loses_a_barcode(catalog: Any, refusal: Any) -> None:
    await catalog.sku("TEH")
    await catalog.sku("KOPI")
    await catalog.barcodes.AddBarcode(add("TEH", "8991234567891"))
    remove = pb.RemoveBarcodeRequest(request_id="remove", sku_code="KOPI", code="8991234567891")
    refused = await refusal(catalog.barcodes.RemoveBarcode(remove))
    assert (refused.kind, refused.reason) == (Kind.NOT_FOUND, "BARCODE_UNKNOWN")
    assert len((await catalog.get("TEH")).barcodes) == 1


async def test_a_unit_with_a_barcode_stays(catalog: Any, refusal: Any) -> None:
    await catalog.sku("TEH", units=[CARTON])
    await catalog.barcodes.AddBarcode(add("TEH", "TEH-CTN", "carton", INTERNAL))
    remove = skus_pb2.RemoveUnitRequest(request_id="remove", sku_code="TEH", unit_code="carton")
    refused = await refusal(catalog.skus.RemoveUnit(remove))
    assert (refused.kind, refused.reason) == (Kind.FAILED_PRECONDITION, "UNIT_HAS_BARCODES")


async def test_a_gs1_message_says_sku_unit_quantity_lot_and_dates(catalog: Any) -> None:
    await catalog.sku("TEH", name="Teh botol", units=[CARTON])
    await catalog.barcodes.AddBarcode(add("TEH", "8991234567891"))
    await catalog.barcodes.AddBarcode(add("TEH", "18991234567898", "carton"))
    code = "]C1020899123456789117270200\x1d3748\x1d10L-7/A"
    scan = (await catalog.barcodes.ResolveBarcode(pb.ResolveBarcodeRequest(code=code))).barcode
    assert scan == pb.ResolvedBarcode(
        code=code,
        sku_code="TEH",
        sku_name="Teh botol",
        unit_code="pcs",
        base_quantity=48,
        state=skus_pb2.SKU_STATE_ACTIVE,
        gtin="08991234567891",
        count=48,
        lot="L-7/A",
        expiry_date="2027-02-28",
    )
    typed = pb.ResolveBarcodeRequest(code="(01)18991234567898(30)2(21)S1(15)270131")
    scan = (await catalog.barcodes.ResolveBarcode(typed)).barcode
    assert (scan.unit_code, scan.base_quantity, scan.count) == ("carton", 48, 2)
    assert (scan.serial, scan.best_before_date) == ("S1", "2027-01-31")


async def test_what_is_wrong_with_a_gs1_message_is_said(catalog: Any, refusal: Any) -> None:
    wrong = pb.ResolveBarcodeRequest(code="(01)08991234567890(10)A")
    refused = await refusal(catalog.barcodes.ResolveBarcode(wrong))
    assert (refused.kind, refused.reason) == (Kind.INVALID_ARGUMENT, "BARCODE_INVALID")
    assert refused.fields[0].description.startswith("has a wrong GTIN in (01)")
    assert refused.metadata["expected"] == "14 digits with their check digit"
    nobodys = pb.ResolveBarcodeRequest(code="(01)08991234567891(10)A")
    refused = await refusal(catalog.barcodes.ResolveBarcode(nobodys))
    assert (refused.reason, refused.metadata["gtin"]) == ("BARCODE_UNKNOWN", "08991234567891")


@pytest.mark.parametrize("code", ["", " ", "\x1d\x1d", "x" * 513, "\x1d" * 513, "A\x00B", "A\x1eB"])
async def test_a_text_that_no_scanner_sends_is_refused(catalog: Any, refusal: Any, code: str) -> None:
    refused = await refusal(catalog.barcodes.ResolveBarcode(pb.ResolveBarcodeRequest(code=code)))
    assert (refused.reason, refused.fields[0].field) == ("BAD_INPUT", "code")
    many = pb.BatchResolveBarcodesRequest(codes=["X", code])
    refused = await refusal(catalog.barcodes.BatchResolveBarcodes(many))
    assert (refused.reason, refused.fields[0].field) == ("BAD_INPUT", "codes[1]")


async def test_a_batch_says_which_texts_cannot_be_right(catalog: Any) -> None:
    await catalog.sku("TEH")
    await catalog.barcodes.AddBarcode(add("TEH", "8991234567891"))
    codes = ["]d20108991234567891", "TIDAK-ADA", "8991234567890", "(01)1", "(01)08991234567891(30)3"]
    answer = await catalog.barcodes.BatchResolveBarcodes(pb.BatchResolveBarcodesRequest(codes=codes))
    assert [(one.code, one.base_quantity) for one in answer.barcodes] == [(codes[0], 1), (codes[4], 3)]
    assert list(answer.unknown_codes) == codes[1:4]
    assert [(one.code, bool(one.problem and one.expected)) for one in answer.invalid_barcodes] == [
        (codes[2], True),
        (codes[3], True),
    ]


async def test_one_gtin_in_all_its_lengths_has_one_owner_however_many_want_it(catalog: Any) -> None:
    forms = ["12345670", "000012345670", "0000012345670", "00000012345670"]
    for i in range(len(forms)):
        await catalog.sku(f"S{i}", name=f"Barang {'abcd'[i] * 8}")
    calls = [catalog.barcodes.AddBarcode(add(f"S{i}", form)) for i, form in enumerate(forms)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(not isinstance(answer, BaseException) for answer in answers) == 1
