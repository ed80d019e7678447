"""Seal a SKU that nothing has used, so that the catalog can correct what is otherwise fixed of it."""

from __future__ import annotations

from lumbung_kit.failures import FieldViolation
from lumbung_kit.postgres import Conn
from lumbung_stock.domain.inventory_failures import SkuNotFound
from lumbung_stock.domain.ledger import Author
from lumbung_stock.domain.sku_use import SealWish, SkuSeal, require_unused
from lumbung_stock.stores import sku_seals


async def seal_for_correction(conn: Conn, wish: SealWish, author: Author) -> SkuSeal:
    """Lets nothing begin to use it until the seal ends. Raises SkuNotFound, SkuInUse.

    Whoever begins to use one of the SKUs at the same time has its row before us or after us: then it is found here, or
    finds the seal.
    """
    known = await sku_seals.lock_unused(conn, wish.sku_codes)
    unknown = [code for code in wish.sku_codes if code not in known]
    if unknown:
        raise SkuNotFound(
            f"Stock has never heard of SKU {unknown[0]}.",
            metadata={"sku_code": unknown[0]},
            fields=[FieldViolation("sku_code", f"unknown SKU {code}") for code in unknown],
        )
    require_unused(await sku_seals.find_uses(conn, wish))
    return SkuSeal(await sku_seals.seal(conn, wish, author))
