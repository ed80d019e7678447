"""Correct a lot's last day, in every warehouse at once."""

from __future__ import annotations

from datetime import date

from lumbung_kit.postgres import Conn
from lumbung_stock.domain.ledger import Author
from lumbung_stock.domain.lots import Corrected, LotKey, LotTracking, require_correctable
from lumbung_stock.domain.skus import Named, require_plain
from lumbung_stock.stores import lots
from lumbung_stock.stores.skus import find_skus
from lumbung_stock.usecases.mark_lots import lock_goods_of, mark_lots


async def correct_lot_expiry(
    conn: Conn, author: Author, lot: LotKey, day: date | None, *, reason: str
) -> Corrected:
    """Writes nothing when the day is known already. A warehouse into which the lot comes meanwhile has the new day too,
    and its mark follows when lots are looked at next.

    Raises SkuNotFound, SkuIsBundle, LotNotFound and LotExpiryRequired.
    """
    sku_code = lot[0]
    skus = await find_skus(conn, [sku_code])
    require_plain(skus, [Named("sku_code", sku_code)])
    needs_expiry = skus[sku_code].lot_tracking == LotTracking.LOT_AND_EXPIRY
    require_correctable(lot, await lots.find_lots(conn, [lot]), needs_expiry, day)
    warehouse_codes = await lots.warehouses_of_lot(conn, lot)
    await lock_goods_of(conn, sku_code, warehouse_codes)
    before = await lots.lock_lot(conn, lot)
    if before == day:
        return Corrected(before)
    await lots.correct_expiry(conn, author, lot, before=before, day=day, reason=reason)
    return Corrected(before, tuple(await mark_lots(conn, lot, warehouse_codes)))
