"""What the ledger says of some SKUs, and a note of each figure that was set to it."""

from __future__ import annotations

from collections.abc import Sequence

from lumbung_kit.postgres import Conn
from lumbung_kit.sql import load
from lumbung_stock.domain import places
from lumbung_stock.domain.audit import LedgerDifference
from lumbung_stock.domain.ledger import Author, PlaceKey

_SQL = load(__package__, "rebuilt_figures.sql")
_PLACES, _DIFFERENCES, _NOTE = _SQL["places"], _SQL["differences"], _SQL["note"]


async def find_places(conn: Conn, warehouse_code: str, sku_codes: Sequence[str]) -> list[PlaceKey]:
    """Every place in the house where units of these SKUs may be, also those without a row yet."""
    asked = {
        "warehouse_code": warehouse_code,
        "sku_codes": list(sku_codes),
        "outside": sorted(places.OUTSIDE),
        "quarantine": places.QUARANTINE,
    }
    return [(place, sku) async for place, sku in await conn.execute(_PLACES, asked)]


async def differences_of(conn: Conn, warehouse_code: str, sku_codes: Sequence[str]) -> list[LedgerDifference]:
    """Places and levels of these SKUs that are not what the ledger says, by SKU, all of them."""
    asked = {
        "warehouse_code": warehouse_code,
        "sku_codes": list(sku_codes),
        "outside": sorted(places.OUTSIDE),
        "not_on_hand": sorted(places.NOT_ON_HAND),
    }
    return [LedgerDifference(*row) async for row in await conn.execute(_DIFFERENCES, asked)]


async def note_rebuilt(
    conn: Conn, warehouse_code: str, figures: Sequence[LedgerDifference], author: Author, reason: str
) -> None:
    """Writes down what each figure was, and what it is now."""
    row = {
        "warehouse_code": warehouse_code,
        "sku_codes": [figure.sku_code for figure in figures],
        "place_codes": [figure.place_code for figure in figures],
        "lot_codes": [figure.lot_code for figure in figures],
        "of_expired": [figure.of_expired for figure in figures],
        "before": [figure.stored_quantity for figure in figures],
        "quantities": [figure.ledger_quantity for figure in figures],
        "reason": reason,
        "actor": author.actor,
        "request_id": author.request_id,
    }
    await conn.execute(_NOTE, row)
