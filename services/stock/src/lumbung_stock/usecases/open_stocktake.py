"""Open a stocktake: fix what is counted, and from which position of the ledger on."""

from __future__ import annotations

from lumbung_kit.ids import new_id
from lumbung_kit.postgres import Conn
from lumbung_stock.domain.inventory_failures import BinNotFound
from lumbung_stock.domain.ledger import Author
from lumbung_stock.domain.places import Bin
from lumbung_stock.domain.skus import Named
from lumbung_stock.domain.stocktake_failures import ScopeAlreadyCounted, ScopeTooLarge
from lumbung_stock.domain.stocktakes import LineKey, Opening, Scope, Stocktake, ranked, walk_order
from lumbung_stock.stores import stocktakes
from lumbung_stock.usecases.require_goods import require_goods

BINS_MAX = 20_000
LINES_MAX = 50_000


async def open_stocktake(conn: Conn, author: Author, opening: Opening) -> Stocktake:
    """Waits for changes by hand that have begun, so that each is either before the opening or meets its lock.

    What is offered to be counted is what the book knows shortly before; whatever else is found is counted as well.

    Raises WarehouseNotFound, BinNotFound, SkuNotFound, SkuIsBundle, ScopeAlreadyCounted, ScopeTooLarge.
    """
    scope = opening.scope
    await require_goods(
        conn,
        scope.warehouse_code,
        [Named(f"scope.sku_codes[{index}]", sku) for index, sku in enumerate(scope.sku_codes)],
        [Named(f"scope.bin_codes[{index}]", code) for index, code in enumerate(scope.bin_codes)],
    )
    await stocktakes.keep_changes_out(conn, scope.warehouse_code)
    counted = _counted(scope, await stocktakes.find_bins(conn, scope.warehouse_code))
    walk = walk_order(counted)
    if other := await stocktakes.find_overlapping(conn, scope, walk):
        raise ScopeAlreadyCounted(metadata={"stocktake_id": str(other)})
    lines = await _lines(conn, scope, walk)
    picked = (
        await stocktakes.units_picked(conn, scope.warehouse_code, opening.fast_movers_days)
        if opening.fast_movers_days
        else {}
    )
    stocktake_id = new_id()
    await stocktakes.insert_stocktake(conn, stocktake_id, opening, walk, author)
    await stocktakes.insert_lines(conn, stocktake_id, 1, ranked(lines, walk, picked))
    return await stocktakes.begin_stocktake(conn, stocktake_id, scope.warehouse_code, author)


def _counted(scope: Scope, bins: list[Bin]) -> list[Bin]:
    counted = [one for one in bins if scope.has(one)]
    if not counted:
        raise BinNotFound("No bin of the warehouse is in the scope.")
    if len(counted) > BINS_MAX:
        raise ScopeTooLarge(metadata={"bins": str(len(counted)), "bins_max": str(BINS_MAX)})
    return counted


async def _lines(conn: Conn, scope: Scope, walk: list[str]) -> list[LineKey]:
    """What the book knows; a bin of which it knows nothing is looked into, unless only some SKUs are counted."""
    lines = await stocktakes.find_book_lines(conn, scope, walk, LINES_MAX + 1)
    if not scope.sku_codes:
        known = {bin_code for bin_code, _ in lines}
        lines += [(bin_code, "") for bin_code in walk if bin_code not in known]
    if len(lines) > LINES_MAX:
        raise ScopeTooLarge(metadata={"lines": f"more than {LINES_MAX}", "lines_max": str(LINES_MAX)})
    return lines
