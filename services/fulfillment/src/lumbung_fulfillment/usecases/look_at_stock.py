"""Look at what the bins hold, and say what of it may be sent for.

Stock's figures are read over the network, outside of any transaction; what fulfillment itself has promised since then
is taken off afterwards, inside of one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lumbung_fulfillment.clients.stock import BinStock, Floor, Stock
from lumbung_fulfillment.domain.bins import Supply
from lumbung_fulfillment.stores import waves
from lumbung_fulfillment.stores.waves import PromiseTurn
from lumbung_kit.postgres import Conn, Postgres


@dataclass(frozen=True, slots=True)
class StockSight:
    """The floor and what its bins held when stock was asked; `turn` was read before."""

    floor: Floor
    bin_stock: tuple[BinStock, ...]
    turn: PromiseTurn

    def units(self, bin_code: str, sku_code: str) -> int:
        """What stock said a bin held."""
        return sum(e.quantity for e in self.bin_stock if (e.bin_code, e.sku_code) == (bin_code, sku_code))


async def look_at_stock(
    postgres: Postgres, stock: Stock, warehouse_code: str, sku_codes: Sequence[str]
) -> StockSight:
    """Asks stock. Raises WarehouseNotFound, LayoutUnusable."""
    async with postgres.connection() as conn:
        turn = await waves.read_promise(conn, warehouse_code)
    floor = await stock.floor(warehouse_code)
    return StockSight(floor, tuple(await stock.bin_stock(warehouse_code, sku_codes)), turn)


async def supply_of(conn: Conn, sight: StockSight, sku_codes: Sequence[str]) -> Supply:
    """What may be sent for now: what stock said, less what is spoken for, without bins that are in doubt."""
    supply = Supply(sight.floor.bins)
    for entry in sight.bin_stock:
        supply.add(entry.bin_code, entry.sku_code, entry.quantity, entry.lots)
    warehouse_code = sight.floor.warehouse_code
    for taken in await waves.promised(conn, warehouse_code, sku_codes, sight.turn.read_time):
        supply.add(taken.bin_code, taken.sku_code, -taken.quantity)
    for bin_code, sku_code in await waves.doubted(conn, warehouse_code, sku_codes):
        supply.forget(bin_code, sku_code)
    return supply
