"""Take a barcode from a SKU, also from a retired one, so that another may have it."""

from lumbung_catalog.domain.acts import Act
from lumbung_catalog.domain.barcodes import lookup_keys
from lumbung_catalog.domain.skus import Sku, barcode_to_remove
from lumbung_catalog.stores import barcodes, skus
from lumbung_catalog.usecases.find import locked_sku
from lumbung_catalog.usecases.record_change import record_change
from lumbung_kit.postgres import Conn


async def remove_barcode(conn: Conn, sku_code: str, code: str, act: Act) -> Sku:
    """The SKU without the barcode. Raises SkuNotFound, BarcodeUnknown."""
    sku = await locked_sku(conn, sku_code)
    await barcodes.delete(conn, sku_code, barcode_to_remove(sku, lookup_keys(code)))
    await skus.touch(conn, sku_code)
    return await record_change(conn, sku_code, act)
