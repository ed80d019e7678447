"""Change what describes a SKU."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lumbung_catalog.domain.acts import Act
from lumbung_catalog.domain.skus import Sku, require_active, require_etag, require_lots_of_plain
from lumbung_catalog.stores import skus
from lumbung_catalog.usecases.find import locked_sku
from lumbung_catalog.usecases.record_change import record_change
from lumbung_kit.postgres import Conn


async def update_sku(conn: Conn, sku_code: str, etag: str, changes: Mapping[str, Any], act: Act) -> Sku:
    """The SKU with a changed description. Raises SkuNotFound, SkuRetired, ConcurrentChange, BadInput."""
    sku = await locked_sku(conn, sku_code)
    require_etag(sku.etag, etag)
    require_active(sku)
    about = replace(sku.description, **changes)
    require_lots_of_plain(sku.kind, about)
    await skus.update_description(conn, sku_code, sku.product_code, about)
    return await record_change(conn, sku_code, act)
