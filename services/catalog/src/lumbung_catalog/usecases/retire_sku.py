"""End the life of a SKU that nothing in use consumes."""

from lumbung_catalog.domain.acts import Act
from lumbung_catalog.domain.failures import SkuInBundle
from lumbung_catalog.domain.skus import Sku, SkuState, require_active, require_etag
from lumbung_catalog.stores import recipes, skus
from lumbung_catalog.usecases.find import locked_sku
from lumbung_catalog.usecases.record_change import record_change
from lumbung_kit.failures import PreconditionViolation
from lumbung_kit.postgres import Conn

BUNDLES_NAMED_MAX = 20


async def retire_sku(conn: Conn, sku_code: str, etag: str, act: Act) -> Sku:
    """The SKU as retired. Raises SkuNotFound, SkuRetired, ConcurrentChange, SkuInBundle."""
    sku = await locked_sku(conn, sku_code)
    require_etag(sku.etag, etag)
    require_active(sku)
    bundles = await recipes.bundles_of(conn, sku_code, "", BUNDLES_NAMED_MAX, state=SkuState.ACTIVE)
    if bundles:
        raise SkuInBundle(
            metadata={"sku_codes": ",".join(bundle.sku_code for bundle in bundles)},
            preconditions=[
                PreconditionViolation("ACTIVE_BUNDLE", bundle.sku_code, f"consumes {sku_code}")
                for bundle in bundles
            ],
        )
    await skus.retire(conn, sku_code, act.reason)
    return await record_change(conn, sku_code, act)
