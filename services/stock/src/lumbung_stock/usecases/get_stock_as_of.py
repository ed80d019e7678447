"""Get the stock as of an instant of the past, out of the ledger alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lumbung_kit.failures import BadInput, FieldViolation
from lumbung_kit.postgres import Postgres
from lumbung_stock.domain.lots import LotUnits
from lumbung_stock.domain.places import IN_THE_HOUSE, PlaceStock
from lumbung_stock.domain.skus import Named
from lumbung_stock.stores import ledger
from lumbung_stock.stores.audit import read_one_snapshot
from lumbung_stock.stores.ledger import PastStock
from lumbung_stock.usecases.require_goods import require_goods


@dataclass(frozen=True, slots=True)
class Page:
    """Units by SKU, then place, with those of them that had a lot. `last_sku` is where the next page begins; empty when
    there is none."""

    stock: tuple[tuple[PlaceStock, Sequence[LotUnits]], ...]
    last_sku: str


async def get_stock_as_of(postgres: Postgres, wanted: PastStock, *, after_sku: str, skus_max: int) -> Page:
    """All places of at most so many SKUs.

    By the time of writing, the same question gets the same answer for ever: whoever is in the middle of a movement is
    waited for, and whatever is written afterwards has a later time. The wait is over before anything is read, so that
    nobody waits for the reading.

    Raises WarehouseNotFound, SkuNotFound, SkuIsBundle, BinNotFound, BadInput for an instant in the future.
    """
    named = [Named(f"sku_codes[{index}]", sku) for index, sku in enumerate(wanted.sku_codes)]
    bins = [Named(f"bin_codes[{index}]", code) for index, code in enumerate(wanted.place_codes)]
    async with postgres.transaction() as conn:
        await require_goods(conn, wanted.warehouse_code, named, bins, besides=IN_THE_HOUSE)
        now = await ledger.until_appended(conn, wanted.warehouse_code)
    if now is not None and wanted.instant > now:
        message = "must not be in the future"
        raise BadInput(f"as_of_time {message}", fields=[FieldViolation("as_of_time", message)])
    async with postgres.transaction() as conn:
        await read_one_snapshot(conn)
        skus = await ledger.list_skus_of_past(conn, wanted, after_sku, skus_max + 1)
        stock = await ledger.stock_as_of(conn, wanted, skus[:skus_max])
        lots = await ledger.lots_as_of(conn, wanted, skus[:skus_max])
    with_lots = tuple((one, lots.get((one.place_code, one.sku_code), ())) for one in stock)
    return Page(with_lots, skus[skus_max - 1] if len(skus) > skus_max else "")
