"""ImportService over a socket: every row's error at once, and all of a file or nothing."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from lumbung.catalog.v1 import imports_pb2 as pb
from lumbung.catalog.v1 import products_pb2, skus_pb2
from lumbung_kit.failures import Kind

SHOP = """\
kind,product_code,product_name,sku_code,sku_name,options,base_unit,weight_g,volume_ml,barcode,carton_quantity,carton_barcode,components,fast_mover
plain,KAOS,Kaos Polos,KAOS-HTM-M,Kaos Polos Hitam M,color=Hitam;size=M,pcs,180,900,8991234567891,24,KAOS-HTM-M-CTN,,ya
plain,KAOS,,KAOS-HTM-L,Kaos Polos Hitam L,color=Hitam;size=L,pcs,190,950,,,,,
plain,,,PB-10K,Power Bank 10000 mAh,,pcs,230,300,012345678905,20,,,yes
plain,,,KBL-C,Kabel USB-C,,pcs,40,80,,,,,
bundle,,,PAKET-PB,Paket Power Bank dan Kabel,,pcs,270,400,,,,PB-10K*1+KBL-C*2,
"""

BROKEN = """\
sku_code,sku_name,kind,options,product_code,product_name,weight_g,barcode,components
A-1,Satu,,,,,berat,8991234567890,
A-1,Dua,,,,,,,
B 2,,plain,,,,,,
C-3,Tiga,bundle,,,,,,HILANG*1
D-4,Empat,,size=M,BAJU,,,,
E-5,Lima,,,,,,,,
"""


README = Path(__file__).parents[2] / "README.md"


def request(content: str | bytes = SHOP, **fields: Any) -> pb.ImportCatalogRequest:
    usual = {
        "request_id": "import",
        "format": pb.FILE_FORMAT_CSV,
        "mode": pb.IMPORT_MODE_CREATE,
        "content": content.encode() if isinstance(content, str) else content,
    }
    return pb.ImportCatalogRequest(**{**usual, **fields})


async def test_a_file_is_imported_whole(catalog: Any) -> None:
    report = (await catalog.imports.ImportCatalog(request())).report
    assert report == pb.ImportReport(applied=True, row_count=5, product_count=4, sku_count=5, barcode_count=3)
    black_m = await catalog.get("KAOS-HTM-M")
    assert black_m.product_code == "KAOS"
    assert [(unit.unit_code, unit.base_quantity) for unit in black_m.units] == [("pcs", 1), ("carton", 24)]
    assert [barcode.code for barcode in black_m.barcodes] == ["8991234567891", "KAOS-HTM-M-CTN"]
    assert (black_m.weight_g, black_m.volume_ml, black_m.fast_mover) == (180, 900, True)
    recipe = (await catalog.get("PAKET-PB")).recipe
    assert [(part.sku_code, part.quantity) for part in recipe.components] == [("KBL-C", 2), ("PB-10K", 1)]
    history = await catalog.skus.ListSkuHistory(skus_pb2.ListSkuHistoryRequest(sku_code="KBL-C"))
    assert [(entry.action, entry.actor) for entry in history.entries] == [("import_catalog", "staff:ani")]


async def test_the_readmes_example_is_imported(catalog: Any) -> None:
    (example,) = re.findall(r"^```\n(kind,.*?)^```", README.read_text(), re.DOTALL | re.MULTILINE)
    report = (await catalog.imports.ImportCatalog(request(example))).report
    assert (report.applied, report.sku_count) == (True, 5)


@pytest.mark.parametrize("mark", ["", "\ufeff"])
async def test_spreadsheets_forms_give_the_same_catalog(catalog: Any, mark: str) -> None:
    lines = SHOP.replace(";", "|").replace(",", ";").replace("\n", "\r\n")
    report = (await catalog.imports.ImportCatalog(request(mark + lines))).report
    assert (report.applied, report.sku_count, report.barcode_count) == (True, 5, 3)


async def test_a_dry_run_reports_and_changes_nothing(catalog: Any) -> None:
    before = await catalog.everything()
    report = (await catalog.imports.ImportCatalog(request(dry_run=True))).report
    assert (report.applied, report.product_count, report.sku_count) == (False, 4, 5)
    assert await catalog.everything() == before
    assert (await catalog.imports.ImportCatalog(request())).report.applied


async def test_every_wrong_row_is_named_at_once_and_nothing_is_imported(catalog: Any) -> None:
    before = await catalog.everything()
    report = (await catalog.imports.ImportCatalog(request(BROKEN))).report
    assert (report.applied, report.row_count, report.error_count) == (False, 6, 8)
    assert [(error.row, error.column, error.reason) for error in report.errors] == [
        (2, "weight_g", "NOT_A_NUMBER"),
        (2, "barcode", "BARCODE_INVALID"),
        (3, "sku_code", "SKU_REPEATED"),
        (4, "sku_code", "BAD_CODE"),
        (4, "sku_name", "REQUIRED"),
        (5, "components", "COMPONENT_NOT_FOUND"),
        (6, "product_name", "REQUIRED"),
        (7, "", "CELL_COUNT"),
    ]
    assert report.errors[1].value == "8991234567890"
    assert report.errors[1].expected == "8991234567891"
    assert all(error.message and error.expected for error in report.errors)
    assert await catalog.everything() == before


async def test_what_was_refused_may_be_tried_again_with_the_same_id(catalog: Any) -> None:
    wants_owner = "sku_code,sku_name,components,kind\nPAKET,Paket hemat,TEH*6,bundle\n"
    assert not (await catalog.imports.ImportCatalog(request(wants_owner))).report.applied
    await catalog.sku("TEH")
    assert (await catalog.imports.ImportCatalog(request(wants_owner))).report.applied


async def test_the_same_import_gets_the_first_report_again(catalog: Any, refusal: Any) -> None:
    first = await catalog.imports.ImportCatalog(request())
    before = await catalog.everything()
    assert await catalog.imports.ImportCatalog(request()) == first
    refused = await refusal(catalog.imports.ImportCatalog(request(SHOP + "\n", force_reason="x")))
    assert (refused.kind, refused.reason) == (Kind.INVALID_ARGUMENT, "REQUEST_ID_REUSED")
    assert await catalog.everything() == before


async def test_what_the_catalog_has_already_is_an_error_of_its_row(catalog: Any) -> None:
    await catalog.imports.ImportCatalog(request())
    before = await catalog.everything()
    report = (await catalog.imports.ImportCatalog(request(request_id="again"))).report
    assert not report.applied
    assert {(error.row, error.reason) for error in report.errors} >= {
        (2, "SKU_EXISTS"),
        (2, "BARCODE_TAKEN"),
        (6, "SKU_EXISTS"),
    }
    assert await catalog.everything() == before


async def test_look_alikes_hold_a_file_back_until_somebody_says_why(catalog: Any) -> None:
    await catalog.sku("POWERBANK", name="Powerbank 10000mAh")
    before = await catalog.everything()
    held = (await catalog.imports.ImportCatalog(request())).report
    assert (held.applied, held.error_count, held.warning_count) == (False, 0, 1)
    (warning,) = held.warnings
    assert (warning.row, warning.column, warning.reason) == (4, "sku_name", "SKU_NEARLY_EQUAL")
    assert "POWERBANK" in warning.message
    assert await catalog.everything() == before

    forced = (await catalog.imports.ImportCatalog(request(force_reason="model lain"))).report
    assert (forced.applied, forced.warning_count) == (True, 1)
    history = await catalog.skus.ListSkuHistory(skus_pb2.ListSkuHistoryRequest(sku_code="PB-10K"))
    assert history.entries[0].reason == "model lain"


async def test_new_variants_join_a_product_that_is_there(catalog: Any) -> None:
    await catalog.imports.ImportCatalog(request())
    more = "sku_code,sku_name,product_code,options\nKAOS-PTH-M,Kaos Putih M,KAOS,size=m;color=Putih\n"
    report = (await catalog.imports.ImportCatalog(request(more, request_id="more"))).report
    assert (report.applied, report.product_count, report.sku_count) == (True, 0, 1)
    variants = await catalog.products.ListVariants(products_pb2.ListVariantsRequest(product_code="KAOS"))
    assert len(variants.skus) == 3


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"request_id": ""}, "request_id"),
        ({"format": 0}, "format"),
        ({"format": 3}, "format"),
        ({"mode": 0}, "mode"),
        ({"mode": 3}, "mode"),
        ({"content": b""}, "content"),
        ({"content": b"x" * 900_001}, "content"),
        ({"force_reason": "x" * 201}, "force_reason"),
    ],
)
async def test_a_bad_request_is_named(catalog: Any, refusal: Any, fields: dict[str, Any], named: str) -> None:
    refused = await refusal(catalog.imports.ImportCatalog(request(**fields)))
    assert (refused.kind, refused.reason) == (Kind.INVALID_ARGUMENT, "BAD_INPUT")
    assert [field.field for field in refused.fields] == [named]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"sku_code,sku_name,harga\nA,a,1\n", "IMPORT_UNREADABLE"),
        (b"sku_name\na\n", "IMPORT_UNREADABLE"),
        (b"\xff\xfe\x00s", "IMPORT_UNREADABLE"),
        (b"sku_code,sku_name\n" + b"A,a\n" * 5_001, "IMPORT_TOO_LARGE"),
    ],
)
async def test_what_is_no_file_of_skus_is_refused(
    catalog: Any, refusal: Any, content: bytes, reason: str
) -> None:
    refused = await refusal(catalog.imports.ImportCatalog(request(content)))
    assert (refused.kind, refused.reason) == (Kind.INVALID_ARGUMENT, reason)
    assert refused.fields[0].field.startswith("content")


async def test_two_who_import_the_same_file_at_once_import_it_once(catalog: Any) -> None:
    calls = [catalog.imports.ImportCatalog(request(request_id=f"i-{i}")) for i in range(4)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    applied = [a for a in answers if not isinstance(a, BaseException) and a.report.applied]
    assert len(applied) == 1
    listed = await catalog.skus.ListSkus(skus_pb2.ListSkusRequest())
    assert len(listed.skus) == 5


async def test_the_largest_file_is_imported_and_its_errors_are_cut_with_their_number(catalog: Any) -> None:
    rows = "".join(f"SKU-{i:05},Barang nomor {i},{(i % 9) + 1}\n" for i in range(5_000))
    report = (
        await catalog.imports.ImportCatalog(request("sku_code,sku_name,weight_g\n" + rows), timeout=30)
    ).report
    assert (report.applied, report.sku_count) == (True, 5_000)
    again = request("sku_code,sku_name,weight_g\n" + rows, request_id="again")
    report = (await catalog.imports.ImportCatalog(again, timeout=30)).report
    assert (report.error_count, len(report.errors)) == (5_000, 2_000)
