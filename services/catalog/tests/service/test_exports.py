"""What is exported is imported again: into the same catalog it changes nothing, into an empty one it is the same."""

import csv
import io
from typing import Any

import pytest

from lumbung.catalog.v1 import bundles_pb2, imports_pb2, products_pb2, skus_pb2
from lumbung.catalog.v1 import imports_pb2 as pb

NASTY = (
    '=cmd|"/C calc"!A0',
    "'=already guarded",
    "''+two quotes",
    "+62 812; koma, \"kutip\" dan 'petik'",
    "-5 @rumah",
    "@SUM(A1)",
    "Emoji 🧵 panjang \N{LATIN SMALL LETTER E WITH ACUTE}\N{COMBINING DIAERESIS}",
    "007 nol di depan",
    "8.99E+12",
    "_x0041_ bukan huruf A",
    "TRUE",
    "2026-12-03",
    "#REF!",
)


async def exported(catalog: Any, file_format: int, **fields: Any) -> bytes:
    request = pb.ExportCatalogRequest(format=pb.FileFormat.ValueType(file_format), **fields)
    chunks = [answer.chunk async for answer in catalog.imports.ExportCatalog(request)]
    assert all(0 < len(chunk) <= 64 * 1024 for chunk in chunks)
    return b"".join(chunks)


async def fill(catalog: Any) -> None:
    for place, name in enumerate(NASTY):
        code = f"00{place}"
        await catalog.products.CreateProduct(
            products_pb2.CreateProductRequest(
                request_id=f"p-{code}", product_code=code, name=name, description=f"{name}\nbaris dua\ttab"
            )
        )
        await catalog.sku(code, product_code=code, name=name, force_reason="buatan")
    axes = [
        products_pb2.OptionAxis(name="warna", values=["Hitam, pekat", "+Putih"]),
        products_pb2.OptionAxis(name="ukuran"),
    ]
    await catalog.products.CreateProduct(
        products_pb2.CreateProductRequest(request_id="k", product_code="KAOS", name="Kaos", option_axes=axes)
    )
    await catalog.sku(
        "KAOS-M",
        product_code="KAOS",
        options=[skus_pb2.Option(axis="ukuran", value="M"), skus_pb2.Option(axis="warna", value="+Putih")],
        weight_g=180,
        volume_ml=7,
        length_mm=30,
        fast_mover=True,
        base_unit="helai",
        units=[skus_pb2.Unit(unit_code="carton", base_quantity=24), skus_pb2.Unit(unit_code="box", base_quantity=6)],
        barcodes=[
            skus_pb2.Barcode(code=code, kind=kind, unit_code=unit)
            for code, kind, unit in (
                ("012345678905", skus_pb2.BARCODE_KIND_GTIN, "helai"),
                ("=a|b%7C", skus_pb2.BARCODE_KIND_INTERNAL, "helai"),
                ("8991234567890", skus_pb2.BARCODE_KIND_INTERNAL, "carton"),
                ("internal:7", skus_pb2.BARCODE_KIND_INTERNAL, "box"),
                ("CTN-1", skus_pb2.BARCODE_KIND_INTERNAL, "carton"),
            )
        ],
        force_reason="buatan",
    )  # fmt: skip
    for code, part in (("ISI", "KAOS-M"), ("PAKET", "ISI")):
        await catalog.sku(
            code,
            kind=skus_pb2.SKU_KIND_BUNDLE,
            components=[skus_pb2.Component(sku_code=part, quantity=2)],
            force_reason="buatan",
        )
    await catalog.bundles.SetRecipe(
        bundles_pb2.SetRecipeRequest(
            request_id="set",
            sku_code="PAKET",
            etag="1",
            components=[skus_pb2.Component(sku_code="ISI", quantity=3)],
            reason="lebih banyak",
        )
    )


def import_of(content: bytes, file_format: int, mode: int, request_id: str) -> pb.ImportCatalogRequest:
    return pb.ImportCatalogRequest(
        request_id=request_id,
        format=pb.FileFormat.ValueType(file_format),
        mode=pb.ImportMode.ValueType(mode),
        content=content,
        force_reason="pindah",
    )


async def whole(catalog: Any) -> tuple[list[Any], list[Any]]:
    """Products and SKUs without what belongs to their making: versions and times."""
    skus = list((await catalog.skus.ListSkus(skus_pb2.ListSkusRequest(page_size=100))).skus)
    products = list(
        (await catalog.products.ListProducts(products_pb2.ListProductsRequest(page_size=100))).products
    )
    for one in (*skus, *products):
        for field in ("version", "etag", "create_time", "update_time"):
            one.ClearField(field)
    for sku in skus:
        sku.recipe.ClearField("version")
        sku.recipe.ClearField("set_time")
    return products, skus


FORMATS = [imports_pb2.FILE_FORMAT_CSV, imports_pb2.FILE_FORMAT_XLSX]


@pytest.mark.parametrize("file_format", FORMATS)
@pytest.mark.parametrize("indonesian", [False, True])
async def test_an_export_changes_nothing_where_it_came_from(
    catalog: Any, file_format: int, indonesian: bool
) -> None:
    await fill(catalog)
    before = await catalog.everything()
    content = await exported(catalog, file_format, indonesian_headings=indonesian)
    request = import_of(content, file_format, pb.IMPORT_MODE_UPSERT, "back")
    report = (await catalog.imports.ImportCatalog(request)).report
    assert list(report.errors) == []
    assert (report.applied, report.unchanged_row_count) == (True, len(NASTY) + 3)
    assert (report.changed_sku_count, report.changed_product_count) == (0, 0)
    assert await catalog.everything() == before


@pytest.mark.parametrize("file_format", FORMATS)
async def test_an_export_makes_an_equal_catalog_of_an_empty_one(
    catalog: Any, another_catalog: Any, file_format: int
) -> None:
    await fill(catalog)
    content = await exported(catalog, file_format)
    request = import_of(content, file_format, pb.IMPORT_MODE_CREATE, "over")
    report = (await another_catalog.imports.ImportCatalog(request)).report
    assert list(report.errors) == []
    assert report.applied
    assert await whole(another_catalog) == await whole(catalog)


async def test_no_cell_of_a_csv_export_is_run_by_a_spreadsheet(catalog: Any) -> None:
    await fill(catalog)
    content = (await exported(catalog, imports_pb2.FILE_FORMAT_CSV)).decode("utf-8-sig")
    cells = [cell for row in csv.reader(io.StringIO(content, newline="")) for cell in row]
    assert len(cells) > len(NASTY)
    assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))] == []


async def test_retired_skus_are_left_out_unless_they_are_asked_for(catalog: Any) -> None:
    sku = await catalog.sku("LAMA")
    await catalog.sku("BARU", force_reason="lain")
    await catalog.skus.RetireSku(
        skus_pb2.RetireSkuRequest(request_id="r", sku_code="LAMA", etag=sku.etag, reason="habis")
    )
    assert b"LAMA" not in await exported(catalog, imports_pb2.FILE_FORMAT_CSV)
    content = await exported(catalog, imports_pb2.FILE_FORMAT_CSV, include_retired=True)
    assert content.splitlines()[2].endswith(b"retired")
    request = import_of(content, imports_pb2.FILE_FORMAT_CSV, pb.IMPORT_MODE_UPSERT, "back")
    report = (await catalog.imports.ImportCatalog(request)).report
    assert (report.applied, report.unchanged_row_count) == (True, 2)


async def test_an_empty_catalog_is_a_header(catalog: Any) -> None:
    content = (await exported(catalog, imports_pb2.FILE_FORMAT_CSV, indonesian_headings=True)).decode(
        "utf-8-sig"
    )
    assert content.startswith("jenis,kode produk,")
    assert len(content.splitlines()) == 1


async def test_an_export_without_a_form_is_refused(catalog: Any, refusal: Any) -> None:
    async def first() -> None:
        await exported(catalog, 0)

    failure = await refusal(first())
    assert (failure.reason, [field.field for field in failure.fields]) == ("BAD_INPUT", ["format"])
