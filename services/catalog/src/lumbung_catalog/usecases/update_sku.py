"""Change what describes a SKU."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lumbung_catalog.domain.acts import Act
from lumbung_catalog.domain.similarity import Similar, fingerprint
from lumbung_catalog.domain.skus import Sku, require_active, require_etag, require_lots_of_plain
from lumbung_catalog.stores import skus
from lumbung_catalog.usecases.find import locked_sku
from lumbung_catalog.usecases.find_similar_skus import find_newly_similar, require_none_similar
from lumbung_catalog.usecases.record_change import record_change
from lumbung_kit.postgres import Conn


async def update_sku(
    conn: Conn, sku_code: str, etag: str, changes: Mapping[str, Any], act: Act
) -> tuple[Sku, list[Similar]]:
    """The SKU with a changed description, and those that its new name nearly equals: none without a reason in `act`.

    Raises SkuNotFound, SkuRetired, ConcurrentChange, BadInput, SkuNearlyEqual.
    """
    sku = await locked_sku(conn, sku_code)
    require_etag(sku.etag, etag)
    require_active(sku)
    about = replace(sku.description, **changes)
    require_lots_of_plain(sku.kind, about)
    similar = await _check_name(conn, sku, about.name, act) if about.name != sku.description.name else []
    await skus.update_description(conn, sku_code, sku.product_code, about)
    return await record_change(conn, sku_code, act), similar


async def _check_name(conn: Conn, sku: Sku, name: str, act: Act) -> list[Similar]:
    """Compared while nobody else takes a name that looks like it."""
    await skus.hold_look_alikes(conn, [fingerprint(sku.sku_code, name, sku.product_code)])
    similar = await find_newly_similar(conn, sku, name)
    require_none_similar(similar, act)
    return similar
