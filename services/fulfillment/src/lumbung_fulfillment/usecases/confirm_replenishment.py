"""Confirm that goods were carried from bulk to a pick face."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from lumbung_fulfillment.clients.catalog import ScannedItem
from lumbung_fulfillment.domain.replenishment import Replenishment
from lumbung_fulfillment.stores import replenishments, sessions
from lumbung_kit.postgres import Conn


@dataclass(frozen=True, slots=True)
class CarriedWish:
    """Scans of both bins and of the goods. `item` is what the catalog says that the barcode is on."""

    session_id: UUID
    replenishment_id: UUID
    from_bin: str
    to_bin: str
    item: ScannedItem
    scans: int


async def confirm_replenishment(conn: Conn, wish: CarriedWish) -> Replenishment:
    """Writes down what was carried, and that stock is to be told.

    Raises SessionNotFound, SessionEnded, ReplenishmentNotFound, ReplenishmentNotYours, ReplenishmentClosed, WrongBin,
    WrongItem, WrongLot, TooMany.
    """
    session = await sessions.get(conn, wish.session_id)
    carried = await replenishments.lock(conn, wish.replenishment_id)
    carried.require_worker(session.session_id)
    units = wish.item.base_quantity * wish.scans
    carried.require_scanned(wish.from_bin, wish.to_bin, wish.item.sku_code, units, wish.item.lot.lot_code)
    await replenishments.note_carried(conn, carried.replenishment_id, units)
    return await replenishments.get(conn, carried.replenishment_id)
