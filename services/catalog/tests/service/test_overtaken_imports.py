"""What somebody does between the check of a file and its application is found, and nothing of the file is applied."""

import io
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from lumbung.catalog.v1 import barcodes_pb2, bundles_pb2, products_pb2, skus_pb2
from lumbung_catalog.domain.acts import Act
from lumbung_catalog.domain.import_rows import ImportMode
from lumbung_catalog.domain.import_table import FileFormat
from lumbung_catalog.usecases.apply_import import apply_plan
from lumbung_catalog.usecases.check_import import Reading, check_file
from lumbung_kit.failures import ConcurrentChange

SHOP = ("TEH", "GULA", "KOPI")
FILE = (
    b"sku_code,sku_name,barcode,components,product_name\n"
    b"TEH,Teh botol,,,Teh baru\nISI,,,KOPI*2,\nBARU,Susu kental manis,BARU-1,,\nPAKET,Paket hemat,,GULA*1,\n"
)


async def _update(catalog: Any) -> None:
    mask = {"paths": ["name"]}
    sku = skus_pb2.Sku(sku_code="TEH", etag="1", name="Teh lain")
    await catalog.skus.UpdateSku(skus_pb2.UpdateSkuRequest(request_id="u", sku=sku, update_mask=mask))


async def _update_product(catalog: Any) -> None:
    product = products_pb2.Product(product_code="TEH", etag="1", name="Teh lain")
    request = products_pb2.UpdateProductRequest(
        request_id="u", product=product, update_mask={"paths": ["name"]}
    )
    await catalog.products.UpdateProduct(request)


async def _create(catalog: Any) -> None:
    await catalog.sku("BARU")


async def _create_look_alike(catalog: Any) -> None:
    await catalog.sku("SUSU", name="Susu Kental-Manis")


async def _create_like_the_new_name(catalog: Any) -> None:
    await catalog.sku("BOTOL", name="Teh-Botol")


async def _take_barcode(catalog: Any) -> None:
    barcode = skus_pb2.Barcode(code="BARU-1", kind=skus_pb2.BARCODE_KIND_INTERNAL, unit_code="pcs")
    request = barcodes_pb2.AddBarcodeRequest(request_id="b", sku_code="KOPI", barcode=barcode)
    await catalog.barcodes.AddBarcode(request)


async def _retire_component(catalog: Any) -> None:
    await catalog.skus.RetireSku(
        skus_pb2.RetireSkuRequest(request_id="r", sku_code="GULA", etag="1", reason="habis")
    )


async def _set_recipe(catalog: Any) -> None:
    parts = [skus_pb2.Component(sku_code="TEH", quantity=7)]
    await catalog.bundles.SetRecipe(
        bundles_pb2.SetRecipeRequest(request_id="s", sku_code="ISI", etag="1", components=parts, reason="x")
    )


@pytest.mark.parametrize(
    "meanwhile",
    [
        _update,
        _update_product,
        _create,
        _create_look_alike,
        _create_like_the_new_name,
        _take_barcode,
        _retire_component,
        _set_recipe,
    ],
)
async def test_what_changed_since_the_check_stops_the_whole_file(
    catalog: Any, meanwhile: Callable[[Any], Awaitable[None]]
) -> None:
    for code in SHOP:
        await catalog.sku(code)
    await catalog.sku(
        "ISI",
        kind=skus_pb2.SKU_KIND_BUNDLE,
        components=[skus_pb2.Component(sku_code="TEH", quantity=1)],
    )
    with io.BytesIO(FILE) as file:
        checked = await check_file(catalog.postgres, file, Reading(FileFormat.CSV, ImportMode.UPSERT))
    assert checked.may_apply(forced=False)
    await meanwhile(catalog)
    before = await catalog.everything()
    with pytest.raises(ConcurrentChange):
        await catalog.postgres.run(
            lambda conn: apply_plan(conn, checked.plan, Act("import_catalog", "staff:ani", "late"))
        )
    assert await catalog.everything() == before
