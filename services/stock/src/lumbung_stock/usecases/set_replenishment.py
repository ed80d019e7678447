"""Set what is kept back of a SKU, and when to reorder it."""

from __future__ import annotations

from lumbung_kit import events
from lumbung_kit.postgres import Conn
from lumbung_stock.domain.ledger import Author
from lumbung_stock.domain.replenishment import Replenishment
from lumbung_stock.domain.skus import Named
from lumbung_stock.stores import levels, replenishment, sellables
from lumbung_stock.usecases.require_goods import require_goods
from lumbung_stock.wire.events import availability_changed


async def set_replenishment(
    conn: Conn,
    author: Author,
    figures: Replenishment,
    *,
    reason: str,
    field: str = "replenishment",
) -> None:
    """Writes the figures, and who changed them. More safety stock than there is free takes no promise back.

    Raises what `require_goods` raises.
    """
    sku = Named(f"{field}.sku_code", figures.sku_code)
    await require_goods(conn, figures.warehouse_code, [sku])
    key = (figures.warehouse_code, figures.sku_code)
    await levels.ensure_levels(conn, [key])
    before = (await levels.lock_levels(conn, [key]))[key]
    if Replenishment(*key, before.safety_stock, before.reorder_point, before.reorder_quantity) == figures:
        return
    await replenishment.set_figures(conn, figures)
    await replenishment.note_change(conn, before, figures, author, reason)
    if before.safety_stock != figures.safety_stock:
        await events.append(conn, [availability_changed(await sellables.affected(conn, [figures.sku_code]))])
