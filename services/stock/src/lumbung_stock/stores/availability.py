"""Figures for those who sell: read at one instant, never computed from memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from psycopg.rows import class_row, dict_row

from lumbung_kit.postgres import Conn
from lumbung_kit.sql import load
from lumbung_stock.domain.availability import Availability, ComponentShare, EscrowShare, Offer
from lumbung_stock.domain.explanation import LOTS_SHOWN, Books, LotsOfPlace, PlacesOfLevel
from lumbung_stock.domain.levels import Level, LevelKey
from lumbung_stock.domain.lots import LotUnits
from lumbung_stock.domain.places import NOT_ON_HAND, QUARANTINE

_SQL = load(__package__, "availability.sql")
_FIGURES, _COMPONENT_SHARES = _SQL["figures"], _SQL["component_shares"]


async def read_figures(
    conn: Conn, sku_codes: Collection[str], *, warehouse_code: str
) -> dict[str, Availability]:
    """Figures by SKU, all of one instant; unknown codes are absent. `warehouse_code` empty means all of them."""
    asked = {"sku_codes": list(set(sku_codes)), "warehouse_code": warehouse_code}
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_FIGURES, asked)
        return {row["sku_code"]: _figures(row) async for row in cursor}


def _figures(row: dict[str, Any]) -> Availability:
    offers = tuple(Offer(code, available, tuple(channels)) for code, available, channels in row.pop("offers"))
    return Availability(**row, offers=offers)


async def escrow_shares(conn: Conn, sku_codes: Collection[str]) -> dict[str, list[EscrowShare]]:
    """What flash sales that are not over have of plain SKUs."""
    cursor = await conn.execute(_SQL["escrow_shares"], {"sku_codes": list(sku_codes)})
    found: dict[str, list[EscrowShare]] = {}
    async for sku_code, *share in cursor:
        found.setdefault(sku_code, []).append(EscrowShare(*share))
    return found


async def component_shares(conn: Conn, sku_code: str) -> list[ComponentShare]:
    """How many bundles each component allows; none for a plain SKU."""
    cursor = await conn.execute(_COMPONENT_SHARES, {"sku_code": sku_code})
    return [ComponentShare(*row) async for row in cursor]


async def read_books(
    conn: Conn, warehouses: Sequence[str], sku_codes: Collection[str], *, places_max: int
) -> Books:
    """Levels, places and escrows of plain SKUs; of the places of each, those with most units."""
    asked = {"sku_codes": list(sku_codes)}
    async with conn.cursor(row_factory=class_row(Level)) as cursor:
        await cursor.execute(_SQL["levels"], asked)
        levels = {level.key: level async for level in cursor}
    escrows: dict[LevelKey, list[EscrowShare]] = {}
    for sku_code, shares in (await escrow_shares(conn, sku_codes)).items():
        for share in shares:
            escrows.setdefault((share.warehouse_code, sku_code), []).append(share)
    apart = await conn.execute(_SQL["quarantine"], {**asked, "place_code": QUARANTINE})
    return Books(
        tuple(warehouses),
        levels,
        await _places(conn, sku_codes, places_max),
        escrows,
        {(warehouse, sku): units async for warehouse, sku, units in apart},
    )


async def _places(conn: Conn, sku_codes: Collection[str], limit: int) -> dict[LevelKey, PlacesOfLevel]:
    parameters = {"sku_codes": list(sku_codes), "not_on_hand": sorted(NOT_ON_HAND), "limit": limit}
    shown: dict[LevelKey, list[tuple[str, int]]] = {}
    sums: dict[LevelKey, tuple[int, int]] = {}
    cursor = await conn.execute(_SQL["places"], parameters)
    async for warehouse, sku, place, quantity, count, units in cursor:
        shown.setdefault((warehouse, sku), []).append((place, quantity))
        sums[warehouse, sku] = count, units
    lots = await _lots(conn, shown)
    return {
        key: PlacesOfLevel(tuple(some[:limit]), *sums[key], lots.get(key, {})) for key, some in shown.items()
    }


async def _lots(
    conn: Conn, shown: Mapping[LevelKey, Sequence[tuple[str, int]]]
) -> dict[LevelKey, dict[str, LotsOfPlace]]:
    """Of the places that are shown those that have lots."""
    keys = [(*level, place) for level, some in shown.items() for place, _ in some]
    asked = {
        "warehouse_codes": [warehouse for warehouse, _, _ in keys],
        "sku_codes": [sku for _, sku, _ in keys],
        "place_codes": [place for _, _, place in keys],
        "limit": LOTS_SHOWN,
    }
    found: dict[tuple[str, str, str], list[LotUnits]] = {}
    sums: dict[tuple[str, str, str], tuple[int, int]] = {}
    cursor = await conn.execute(_SQL["lots"], asked)
    async for warehouse, sku, place, lot, quantity, day, count, units in cursor:
        found.setdefault((warehouse, sku, place), []).append(LotUnits(lot, quantity, day))
        sums[warehouse, sku, place] = count, units
    lots: dict[LevelKey, dict[str, LotsOfPlace]] = {}
    for (warehouse, sku, place), some in found.items():
        of_place = LotsOfPlace(tuple(some), *sums[warehouse, sku, place])
        lots.setdefault((warehouse, sku), {})[place] = of_place
    return lots
