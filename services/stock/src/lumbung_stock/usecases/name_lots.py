"""Name lots: say of which lot each movement's units are, as the ledger is to have them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from lumbung_kit.postgres import Conn
from lumbung_stock.domain import lots, places
from lumbung_stock.domain.ledger import Booking, Movement, PlaceKey
from lumbung_stock.domain.levels import LevelChange
from lumbung_stock.domain.lots import LotTracking, LotUnits
from lumbung_stock.domain.places import LockedPlace
from lumbung_stock.stores import lots as stored


@dataclass(frozen=True, slots=True)
class WithLots:
    """A booking whose movements have their lots, and what that does to the expired units of levels."""

    booking: Booking
    expired: tuple[LevelChange, ...] = ()


async def name_lots(conn: Conn, booking: Booking, locked: Mapping[PlaceKey, LockedPlace]) -> WithLots:
    """Books the lots at places too; those are locked, and `locked` has what they held before.

    Where no lot is, was or must be, nothing is asked of the database. What does not touch the house is looked up, for
    no place says whether it has lots.
    Raises LotNotTracked, LotNotFound, LotRequired, LotExpiryRequired, LotExpiryDiffers, LotExpired and NotEnoughInBin.
    """
    if not _concerns_lots(booking.movements, locked):
        return WithLots(booking)
    await _require_lots(conn, booking, locked)
    there = await _what_is_there(conn, booking, locked)
    movements: list[Movement] = []
    for movement in booking.movements:
        key = _source(movement)
        parts = lots.parted(movement, there.get(key, ()))
        there[key] = lots.without(there.get(key, ()), parts)
        movements += parts
    named = replace(booking, movements=tuple(movements))
    return WithLots(named, await _book(conn, named))


def _concerns_lots(movements: Sequence[Movement], locked: Mapping[PlaceKey, LockedPlace]) -> bool:
    return any(place.has_lots or place.lot_tracking for place in locked.values()) or any(
        movement.lot.code or places.OUTSIDE.issuperset((movement.from_place, movement.to_place))
        for movement in movements
    )


async def _require_lots(conn: Conn, booking: Booking, locked: Mapping[PlaceKey, LockedPlace]) -> None:
    """Named lots are known, or are made with what comes in."""
    tracking = {sku: LotTracking(place.lot_tracking) for (_, sku), place in locked.items()}
    named = {(one.sku_code, one.lot.code) for one in booking.movements if one.lot.code}
    known = await stored.find_lots(conn, named) if named else {}
    new = lots.require_arrivable(booking.movements, tracking, known)
    if new:
        await stored.add_lots(conn, new)
        known = await stored.find_lots(conn, named)
    lots.require_known(booking.movements, known)
    lots.require_one_expiry(booking.movements, known)


async def _what_is_there(
    conn: Conn, booking: Booking, locked: Mapping[PlaceKey, LockedPlace]
) -> dict[tuple[str, str, str], list[LotUnits]]:
    """Of each source the units by lot; in packing and outside the house, those of the reservation or transfer."""
    found: dict[tuple[str, str, str], list[LotUnits]] = {}
    sources = {
        lots.place_of(one)
        for one in booking.movements
        if (place := locked.get(lots.place_of(one))) and place.has_lots
    }
    if sources:
        at_places = await stored.lots_at_places(conn, booking.warehouse_code, sources)
        for key in sources:
            found["", *key] = lots.lots_at(locked[key].quantity, at_places.get(key, ()))
    for place_code, warehouse_code in ((places.PACKING, booking.warehouse_code), (places.CUSTOMER, "")):
        ids = {
            one.reservation_id
            for one in booking.movements
            if one.from_place == place_code and one.reservation_id
        }
        if ids:
            of_sales = await stored.lots_of_reservations(conn, place_code, ids, warehouse_code)
            found |= {(document, place_code, sku): units for (document, sku), units in of_sales.items()}
    documents = {one.document for one in booking.movements if one.from_place == places.TRANSIT}
    if documents:
        in_transit = await stored.lots_in_transit(conn, documents)
        found |= {(document, places.TRANSIT, sku): units for (document, sku), units in in_transit.items()}
    return found


def _source(movement: Movement) -> tuple[str, str, str]:
    """(document, place, SKU) that its units come from; a bin's units are nobody's."""
    if movement.from_place in {places.PACKING, places.CUSTOMER} and movement.reservation_id:
        return str(movement.reservation_id), *lots.place_of(movement)
    if movement.from_place == places.TRANSIT:
        return movement.document, *lots.place_of(movement)
    return "", *lots.place_of(movement)


async def _book(conn: Conn, booking: Booking) -> tuple[LevelChange, ...]:
    """Moves the units of lots at places; returns what that does to the units that levels count as expired."""
    keys = {(one.sku_code, one.lot.code) for one in booking.movements if one.lot.code}
    if not keys:
        return ()
    marked = await stored.enter_warehouse(conn, booking.warehouse_code, keys)
    if differences := lots.lot_changes(booking.movements):
        await stored.change_lots(conn, booking.warehouse_code, differences)
    return tuple(
        LevelChange(booking.warehouse_code, one.sku_code, expired=difference)
        for one in booking.movements
        if (one.sku_code, one.lot.code) in marked
        if (difference := lots.expired_difference(one))
    )
