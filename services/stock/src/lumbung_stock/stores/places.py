"""What lies where: units per warehouse, place and SKU, locked in one order and changed by differences."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from psycopg.errors import CheckViolation

from lumbung_kit.postgres import Conn, constraint_of
from lumbung_kit.sql import load
from lumbung_stock.domain.inventory_failures import NotEnoughInBin
from lumbung_stock.domain.ledger import PlaceKey
from lumbung_stock.domain.places import LockedPlace, PlaceQuantity, PlaceStock

_SQL = load(__package__, "places.sql")
_ENSURE, _LOCK, _CHANGE, _LIST, _OF_SKU = (
    _SQL[name] for name in ("ensure", "lock", "change", "list", "of_sku")
)


async def lock_places(
    conn: Conn, warehouse_code: str, keys: Collection[PlaceKey]
) -> dict[PlaceKey, LockedPlace]:
    """Makes the rows that are not there yet, locks all until the transaction ends, and reads them."""
    arrays = _key_arrays(warehouse_code, keys)
    await conn.execute(_ENSURE, arrays)
    cursor = await conn.execute(_LOCK, arrays)
    return {(place, sku): LockedPlace(*rest) async for place, sku, *rest in cursor}


async def change_places(conn: Conn, warehouse_code: str, differences: Mapping[PlaceKey, int]) -> None:
    """Moves units in and out of places. The rows must be locked by the caller.

    Raises NotEnoughInBin when the table's own bound stops it.
    """
    arrays = _key_arrays(warehouse_code, differences)
    arrays["differences"] = [differences[key] for key in sorted(differences)]
    try:
        await conn.execute(_CHANGE, arrays)
    except CheckViolation as error:
        if constraint_of(error) == "place_stock_not_negative":
            raise NotEnoughInBin from error
        raise


async def list_place_stock(
    conn: Conn,
    warehouse_code: str,
    *,
    sku_codes: Sequence[str],
    place_codes: Sequence[str],
    after: PlaceKey,
    limit: int,
) -> list[PlaceStock]:
    """What lies in a warehouse, by place, then SKU; empty filters restrict nothing."""
    cursor = await conn.execute(
        _LIST,
        {
            "warehouse_code": warehouse_code,
            "sku_codes": list(sku_codes),
            "place_codes": list(place_codes),
            "after_place": after[0],
            "after_sku": after[1],
            "limit": limit,
        },
    )
    return [PlaceStock(*row) async for row in cursor]


async def places_of_sku(conn: Conn, sku_code: str, limit: int) -> list[PlaceQuantity]:
    """Where one SKU lies, in every warehouse; the first so many places."""
    cursor = await conn.execute(_OF_SKU, {"sku_code": sku_code, "limit": limit})
    return [PlaceQuantity(*row) async for row in cursor]


def _key_arrays(warehouse_code: str, keys: Iterable[PlaceKey]) -> dict[str, Any]:
    ordered = sorted(keys)
    return {
        "warehouse_code": warehouse_code,
        "place_codes": [place for place, _ in ordered],
        "sku_codes": [sku for _, sku in ordered],
    }
