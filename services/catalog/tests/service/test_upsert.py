"""Files that change what is there: only what a row fills, never what is fixed, and nothing when it says nothing new."""

from typing import Any

import pytest

from lumbung.catalog.v1 import imports_pb2 as pb
from lumbung.catalog.v1 import skus_pb2

SHOP = """\
sku_code,sku_name,product_code,product_name,options,base_unit,weight_g,barcode,carton_quantity,components,kind
KAOS-M,Kaos M,KAOS,Kaos Polos,size=M,pcs,180,8991234567891,24,,plain
TEH,Teh botol,,,,botol,500,,,,plain
GULA,Gula pasir,,,,pcs,1000,,,,plain
ISI,Isi paket,,,,pcs,0,,,TEH*2,bundle
PAKET,Paket hemat,,,,pcs,0,,,ISI*1+GULA*1,bundle
"""


OWN = "a barcode of its own"
NO_CIRCLE = "bundles of at most 3 levels that do not consume each other"
IN_USE = "SKUs in use, from this file or the catalog"


def request(content: str, **fields: Any) -> pb.ImportCatalogRequest:
    usual = {
        "request_id": "upsert",
        "format": pb.FILE_FORMAT_CSV,
        "mode": pb.IMPORT_MODE_UPSERT,
        "content": content.encode(),
    }
    return pb.ImportCatalogRequest(**{**usual, **fields})


@pytest.fixture
async def shop(catalog: Any) -> Any:
    report = (await catalog.imports.ImportCatalog(request(SHOP, request_id="first"))).report
    assert (report.applied, report.sku_count) == (True, 5)
    return catalog


async def test_the_same_file_again_does_nothing(shop: Any) -> None:
    before = await shop.everything()
    report = (await shop.imports.ImportCatalog(request(SHOP))).report
    assert report == pb.ImportReport(applied=True, row_count=5, unchanged_row_count=5)
    assert await shop.everything() == before


async def test_a_row_changes_what_it_fills_and_leaves_the_rest(shop: Any) -> None:
    lines = (
        "sku_code,sku_name,weight_g,barcode,more_units,more_barcodes,product_name\n"
        "KAOS-M,,0,,box=6,box=BOX-1,Kaos Katun\n"
    )
    report = (await shop.imports.ImportCatalog(request(lines))).report
    assert (report.applied, report.sku_count, report.changed_sku_count) == (True, 0, 1)
    assert (report.changed_product_count, report.barcode_count) == (1, 1)
    sku = await shop.get("KAOS-M")
    assert (sku.name, sku.weight_g, sku.version) == ("Kaos M", 0, 2)
    assert [(unit.unit_code, unit.base_quantity) for unit in sku.units] == [
        ("pcs", 1),
        ("box", 6),
        ("carton", 24),
    ]
    assert [(code.code, code.unit_code) for code in sku.barcodes] == [
        ("8991234567891", "pcs"),
        ("BOX-1", "box"),
    ]
    history = await shop.skus.ListSkuHistory(skus_pb2.ListSkuHistoryRequest(sku_code="KAOS-M"))
    assert [(entry.version, entry.sku == sku) for entry in history.entries] == [(2, True), (1, False)]


async def test_barcodes_are_of_the_base_unit_that_the_sku_has(shop: Any) -> None:
    report = (await shop.imports.ImportCatalog(request("sku_code,barcode\nTEH,TEH-1\n"))).report
    assert report.applied
    assert [code.unit_code for code in (await shop.get("TEH")).barcodes] == ["botol"]


async def test_new_and_known_rows_come_together_and_refer_to_each_other(shop: Any) -> None:
    lines = "sku_code,sku_name,components\nKOPI,Kopi tubruk,\nISI,,KOPI*3\n"
    report = (await shop.imports.ImportCatalog(request(lines))).report
    assert (report.applied, report.sku_count, report.changed_sku_count) == (True, 1, 1)
    changed, around = await shop.get("ISI"), await shop.get("PAKET")
    assert (changed.recipe.version, around.recipe.version) == (2, 2)
    assert [(part.sku_code, part.quantity) for part in around.recipe.draws] == [("GULA", 1), ("KOPI", 3)]
    assert (changed.version, around.version) == (2, 2)


@pytest.mark.parametrize(
    ("lines", "column", "reason", "expected"),
    [
        ("sku_code,kind\nTEH,bundle\n", "kind", "FIELD_IMMUTABLE", "plain"),
        ("sku_code,product_code\nTEH,KAOS\n", "product_code", "FIELD_IMMUTABLE", "TEH"),
        ("sku_code,options\nKAOS-M,size=L\n", "options", "FIELD_IMMUTABLE", "size=M"),
        ("sku_code,base_unit\nTEH,pcs\n", "base_unit", "FIELD_IMMUTABLE", "botol"),
        ("sku_code,state\nTEH,retired\n", "state", "FIELD_IMMUTABLE", "active"),
        ("sku_code,carton_quantity\nKAOS-M,12\n", "carton_quantity", "FIELD_IMMUTABLE", "24"),
        ("sku_code,product_axes\nKAOS-M,size|color\n", "product_axes", "FIELD_IMMUTABLE", "size"),
        ("sku_code,barcode\nTEH,8991234567891\n", "barcode", "BARCODE_TAKEN", OWN),
        ("sku_code,more_barcodes\nTEH,box=B-1\n", "more_barcodes", "UNIT_NOT_FOUND", "botol"),
        ("sku_code,more_barcodes\nKAOS-M,carton=8991234567891\n", "more_barcodes", "BARCODE_TAKEN", OWN),
        ("sku_code,sku_name\nteh,Teh manis\n", "sku_code", "SKU_EXISTS", "TEH"),
        ("sku_code,sku_name\nBARU,\n", "sku_name", "REQUIRED", "a name for people"),
        ("sku_code,sku_name,kind\nBARU,Baru,bundle\n", "components", "BAD_COMPONENTS", "such as PB-10K*1+KBL-C*2"),
        ("sku_code,sku_name,state\nBARU,Baru,retired\n", "state", "SKU_RETIRED", "leave out the row"),
        ("sku_code,components\nISI,PAKET*1\n", "components", "RECIPE_CYCLE", NO_CIRCLE),
        ("sku_code,components\nISI,HILANG*1\n", "components", "COMPONENT_NOT_FOUND", IN_USE),
    ],
)  # fmt: skip
async def test_what_a_row_may_not_change_is_its_error(
    shop: Any, lines: str, column: str, reason: str, expected: str
) -> None:
    before = await shop.everything()
    report = (await shop.imports.ImportCatalog(request(lines))).report
    assert not report.applied
    (error,) = report.errors
    assert (error.row, error.column, error.reason, error.expected) == (2, column, reason, expected)
    assert error.message_indonesian != error.message
    assert await shop.everything() == before


async def test_a_retired_sku_is_not_changed(shop: Any) -> None:
    sku = await shop.get("PAKET")
    await shop.skus.RetireSku(
        skus_pb2.RetireSkuRequest(request_id="r", sku_code="PAKET", etag=sku.etag, reason="habis")
    )
    before = await shop.everything()
    report = (await shop.imports.ImportCatalog(request("sku_code,sku_name\nPAKET,Paket baru\n"))).report
    assert [(error.row, error.reason) for error in report.errors] == [(2, "SKU_RETIRED")]
    assert await shop.everything() == before


@pytest.mark.parametrize(
    ("lines", "rows"),
    [
        ("TEH,Teh botol\nTEH-2,Teh Botol\n", [3]),
        ("TEH,Teh botol dingin sekali\nTEH-2,Teh Botol\n", []),
        ("GULA,Teh-Botol\n", [2]),
        ("GULA,Susu kental manis\nTEH,Susu Kental-Manis\n", [3]),
        ("GULA,Teh-Botol\nTEH,Air mineral galon\n", []),
    ],
    ids=["new", "new, and the other renamed", "renamed", "both renamed alike", "renamed as another was"],
)
async def test_new_skus_and_new_names_are_looked_at_as_they_will_be(
    shop: Any, lines: str, rows: list[int]
) -> None:
    report = (await shop.imports.ImportCatalog(request(f"sku_code,sku_name\n{lines}"))).report
    assert [warning.row for warning in report.warnings] == rows
    assert report.applied == (not rows)


async def test_the_annotated_file_can_be_mended_and_sent_again(shop: Any) -> None:
    lines = "sku_code;sku_name;weight_g\nTEH;Teh;berat\nGULA;Gula halus;900\n"
    answer = await shop.imports.ImportCatalog(request(lines, annotate=True))
    assert not answer.report.applied
    text = answer.annotated_content.decode("utf-8-sig")
    assert text.splitlines()[0] == "sku_code;sku_name;weight_g;import_problems;masalah_impor"
    assert "weight_g is not a whole number" in text
    assert "weight_g bukan bilangan bulat" in text
    mended = text.replace("TEH;Teh;berat", "TEH;Teh;500")
    report = (await shop.imports.ImportCatalog(request(mended))).report
    assert (report.applied, report.changed_sku_count) == (True, 2)
