"""Lots: which there are, what of them lies where, and which may not be sold any more."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from psycopg.errors import CheckViolation

from lumbung_kit.postgres import Conn, constraint_of
from lumbung_kit.sql import load
from lumbung_stock.domain import places
from lumbung_stock.domain.audit import LedgerDifference
from lumbung_stock.domain.inventory_failures import NotEnoughInBin
from lumbung_stock.domain.ledger import Author, PlaceKey
from lumbung_stock.domain.lots import (
    PLACES_SHOWN,
    ExpiringLot,
    ExpiryCorrection,
    LotKey,
    LotPlaceKey,
    LotUnits,
    Marked,
)

_SQL = load(__package__, "lots.sql")


async def find_lots(conn: Conn, keys: Collection[LotKey]) -> dict[LotKey, date | None]:
    """The last day of each; unknown lots are absent."""
    cursor = await conn.execute(_SQL["known"], _lot_arrays(keys))
    return {(sku, lot): day async for sku, lot, day in cursor}


async def add_lots(conn: Conn, new: Sequence[tuple[LotKey, date | None]]) -> None:
    """Makes lots that are not there yet."""
    arrays = {**_lot_arrays([key for key, _ in new]), "days": [day for _, day in sorted(new)]}
    await conn.execute(_SQL["add"], arrays)


async def enter_warehouse(conn: Conn, warehouse_code: str, keys: Collection[LotKey]) -> set[LotKey]:
    """Lots are in a warehouse from their first unit on. Returns those of them that are marked as expired there."""
    arrays = {"warehouse_code": warehouse_code, **_lot_arrays(keys)}
    await conn.execute(_SQL["enter"], arrays)
    return {(sku, lot) async for sku, lot in await conn.execute(_SQL["expired"], arrays)}


async def lots_at_places(
    conn: Conn, warehouse_code: str, keys: Collection[PlaceKey]
) -> dict[PlaceKey, list[LotUnits]]:
    """Units that have a lot. The places must be locked by the caller."""
    ordered = sorted(keys)
    asked = {
        "warehouse_code": warehouse_code,
        "place_codes": [place for place, _ in ordered],
        "sku_codes": [sku for _, sku in ordered],
    }
    found: dict[PlaceKey, list[LotUnits]] = {}
    async for place, sku, *units in await conn.execute(_SQL["at_places"], asked):
        found.setdefault((place, sku), []).append(LotUnits(*units))
    return found


async def lots_of_reservations(
    conn: Conn, place_code: str, reservation_ids: Collection[UUID], warehouse_code: str = ""
) -> dict[tuple[str, str], list[LotUnits]]:
    """By (reservation, SKU) what is in PACKING for it in a warehouse, or with the CUSTOMER, those without a lot too."""
    asked = {
        "place_code": place_code,
        "reservation_ids": list(reservation_ids),
        "warehouse_code": warehouse_code,
    }
    return await _by_document(conn, "of_reservations", asked)


async def lots_in_transit(conn: Conn, documents: Collection[str]) -> dict[tuple[str, str], list[LotUnits]]:
    """By (transfer, SKU) what is on its way, those without a lot too."""
    return await _by_document(conn, "in_transit", {"documents": list(documents)})


async def change_lots(conn: Conn, warehouse_code: str, differences: Mapping[LotPlaceKey, int]) -> None:
    """Moves units of lots in and out of places, which the caller has locked. Raises NotEnoughInBin."""
    keys = sorted(differences)
    arrays = {
        "warehouse_code": warehouse_code,
        "place_codes": [key.place_code for key in keys],
        "sku_codes": [key.sku_code for key in keys],
        "lot_codes": [key.lot_code for key in keys],
        "differences": [differences[key] for key in keys],
    }
    await conn.execute(_SQL["ensure"], arrays)
    await conn.execute(_SQL["mark_places"], arrays)
    try:
        await conn.execute(_SQL["change"], arrays)
    except CheckViolation as error:
        if constraint_of(error) == "lot_stock_not_negative":
            raise NotEnoughInBin from error
        raise


async def find_due(conn: Conn, limit: int) -> list[tuple[str, str, str]]:
    """(warehouse, SKU, lot) whose mark is not what the calendar says."""
    return [(row[0], row[1], row[2]) async for row in await conn.execute(_SQL["due"], {"limit": limit})]


async def place_keys(conn: Conn, warehouse_code: str, sku_code: str) -> list[PlaceKey]:
    """Every place where units of a SKU are or were."""
    asked = {"warehouse_code": warehouse_code, "sku_code": sku_code}
    return [(place, sku_code) async for (place,) in await conn.execute(_SQL["places_of_sku"], asked)]


async def mark_lot(conn: Conn, warehouse_code: str, sku_code: str, lot_code: str) -> Marked | None:
    """Marks a lot as the calendar says; None when it is so already. Level and places are locked by the caller."""
    asked = {
        "warehouse_code": warehouse_code,
        "sku_code": sku_code,
        "lot_code": lot_code,
        "not_counted": sorted(places.NEVER_EXPIRED),
    }
    row = await (await conn.execute(_SQL["mark"], asked)).fetchone()
    return Marked(*row) if row else None


async def set_shelf_life(conn: Conn, sku_code: str) -> None:
    """The last days on which lots of a SKU may be sold, as the catalog has them now."""
    await conn.execute(_SQL["set_shelf_life"], {"sku_code": sku_code})


async def warehouses_of_lot(conn: Conn, lot: LotKey) -> list[str]:
    """Where units of it are or were."""
    return [code async for (code,) in await conn.execute(_SQL["warehouses_of_lot"], _lot(lot))]


async def lock_lot(conn: Conn, lot: LotKey) -> date | None:
    """The last day of a lot that there is; it stays until the transaction ends. Levels and places are locked before."""
    row = await (await conn.execute(_SQL["lock_lot"], _lot(lot))).fetchone()
    return row[0] if row else None


async def correct_expiry(
    conn: Conn, author: Author, lot: LotKey, *, before: date | None, day: date | None, reason: str
) -> None:
    """Another last day, with who said so; the marks are for the caller."""
    asked = {**_lot(lot), "expires_on": day}
    await conn.execute(_SQL["set_expiry"], asked)
    await conn.execute(_SQL["set_last_sale_days"], asked)
    noted = {"expires_on_before": before, "reason": reason}
    by = {"actor": author.actor, "request_id": author.request_id}
    await conn.execute(_SQL["note_correction"], {**asked, **noted, **by})


async def list_corrections(conn: Conn, lot: LotKey, *, before: int, limit: int) -> list[ExpiryCorrection]:
    """Corrections of a lot's last day before one of them, newest first."""
    asked = {**_lot(lot), "before": before, "limit": limit}
    return [ExpiryCorrection(*row) async for row in await conn.execute(_SQL["corrections"], asked)]


async def list_expiring(
    conn: Conn, warehouse_code: str, within_days: int, *, after: tuple[date, str, str], limit: int
) -> list[ExpiringLot]:
    """Lots in the house whose last day of sale is over in so many days, behind (day, SKU, lot)."""
    asked = {
        "warehouse_code": warehouse_code,
        "within_days": within_days,
        "after_day": after[0],
        "after_sku": after[1],
        "after_lot": after[2],
        "places": PLACES_SHOWN,
        "limit": limit,
    }
    return [ExpiringLot(*row) async for row in await conn.execute(_SQL["expiring"], asked)]


async def lot_differences(
    conn: Conn, slice_of: Mapping[str, object], warehouse_code: str
) -> list[LedgerDifference]:
    """Lots at places of a slice that are not what the ledger says, the first thousand."""
    asked = {**slice_of, "warehouse_code": warehouse_code, "outside": sorted(places.OUTSIDE)}
    return [LedgerDifference(*row) async for row in await conn.execute(_SQL["differences"], asked)]


async def expired_differences(
    conn: Conn, slice_of: Mapping[str, object], warehouse_code: str
) -> list[LedgerDifference]:
    """Levels of a slice that do not count what is marked as expired, the first thousand."""
    asked = {**slice_of, "warehouse_code": warehouse_code, "not_counted": sorted(places.NEVER_EXPIRED)}
    return [LedgerDifference(*row) async for row in await conn.execute(_SQL["expired_differences"], asked)]


async def lot_differences_of(
    conn: Conn, warehouse_code: str, sku_codes: Sequence[str]
) -> list[LedgerDifference]:
    """Lots of these SKUs at places that are not what the ledger says, all of them."""
    asked = {
        "warehouse_code": warehouse_code,
        "sku_codes": list(sku_codes),
        "outside": sorted(places.OUTSIDE),
    }
    return [LedgerDifference(*row) async for row in await conn.execute(_SQL["differences_of_skus"], asked)]


async def miscounted_expired(
    conn: Conn, warehouse_code: str, sku_codes: Sequence[str]
) -> list[LedgerDifference]:
    """What levels of these SKUs count as expired, where it is not what is marked."""
    asked = {
        "warehouse_code": warehouse_code,
        "sku_codes": list(sku_codes),
        "not_counted": sorted(places.NEVER_EXPIRED),
    }
    return [
        LedgerDifference(warehouse_code, sku, "", stored, counted, of_expired=True)
        async for sku, stored, counted in await conn.execute(_SQL["expired_units"], asked)
        if counted != stored
    ]


async def _by_document(
    conn: Conn, statement: str, asked: Mapping[str, Any]
) -> dict[tuple[str, str], list[LotUnits]]:
    found: dict[tuple[str, str], list[LotUnits]] = {}
    async for document, sku, lot, day, quantity in await conn.execute(_SQL[statement], asked):
        if quantity > 0:
            found.setdefault((str(document), sku), []).append(LotUnits(lot, quantity, day))
    return found


def _lot(lot: LotKey) -> dict[str, str]:
    return {"sku_code": lot[0], "lot_code": lot[1]}


def _lot_arrays(keys: Iterable[LotKey]) -> dict[str, Any]:
    ordered = sorted(keys)
    return {"sku_codes": [sku for sku, _ in ordered], "lot_codes": [lot for _, lot in ordered]}
