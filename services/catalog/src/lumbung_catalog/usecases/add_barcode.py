"""Give a unit of a SKU a barcode."""

from lumbung_catalog.domain.acts import Act
from lumbung_catalog.domain.barcodes import Barcode
from lumbung_catalog.domain.skus import Sku, check_barcode_to_add, require_active
from lumbung_catalog.stores import barcodes, skus
from lumbung_catalog.usecases.find import locked_sku
from lumbung_catalog.usecases.record_change import record_change
from lumbung_kit.postgres import Conn


async def add_barcode(conn: Conn, sku_code: str, barcode: Barcode, act: Act) -> Sku:
    """The SKU with the barcode. Raises SkuNotFound, SkuRetired, UnitNotFound, BarcodeLimit, BarcodeTaken."""
    sku = await locked_sku(conn, sku_code)
    require_active(sku)
    check_barcode_to_add(sku, barcode)
    await barcodes.insert(conn, [(sku_code, barcode)])
    await skus.touch(conn, sku_code)
    return await record_change(conn, sku_code, act)
