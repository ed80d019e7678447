"""Take a unit of measure from a SKU."""

from lumbung_catalog.domain.acts import Act
from lumbung_catalog.domain.skus import Sku, check_unit_to_remove, require_active
from lumbung_catalog.stores import skus
from lumbung_catalog.usecases.find import locked_sku
from lumbung_catalog.usecases.record_change import record_change
from lumbung_kit.postgres import Conn


async def remove_unit(conn: Conn, sku_code: str, unit_code: str, act: Act) -> Sku:
    """The SKU without the unit. Raises SkuNotFound, SkuRetired, UnitIsBase, UnitNotFound, UnitHasBarcodes."""
    sku = await locked_sku(conn, sku_code)
    require_active(sku)
    check_unit_to_remove(sku, unit_code)
    await skus.delete_unit(conn, sku_code, unit_code)
    await skus.touch(conn, sku_code)
    return await record_change(conn, sku_code, act)
