"""Give a SKU a further unit of measure."""

from lumbung_catalog.domain.acts import Act
from lumbung_catalog.domain.skus import Sku, check_unit_to_add, require_active
from lumbung_catalog.domain.units import Unit
from lumbung_catalog.stores import skus
from lumbung_catalog.usecases.find import locked_sku
from lumbung_catalog.usecases.record_change import record_change
from lumbung_kit.postgres import Conn


async def add_unit(conn: Conn, sku_code: str, unit: Unit, act: Act) -> Sku:
    """The SKU with the unit. Raises SkuNotFound, SkuRetired, UnitExists, UnitLimit."""
    sku = await locked_sku(conn, sku_code)
    require_active(sku)
    check_unit_to_add(sku, unit)
    await skus.insert_units(conn, [(sku_code, unit)])
    await skus.touch(conn, sku_code)
    return await record_change(conn, sku_code, act)
