"""Ship a reservation, or the share of one warehouse: the units leave packing for the customer."""

from __future__ import annotations

from itertools import groupby

from lumbung_kit.failures import Failure
from lumbung_kit.postgres import Conn
from lumbung_stock.domain import places
from lumbung_stock.domain.ledger import Author, Booking, LedgerEntry, Movement, MovementKind
from lumbung_stock.domain.picking import require_shippable
from lumbung_stock.domain.reservations import Draw, Resolution
from lumbung_stock.domain.resolve import shares_to_ship
from lumbung_stock.usecases.book_movements import move_goods
from lumbung_stock.usecases.lock_reservation import lock_reservation
from lumbung_stock.usecases.resolve_reservations import resolve_reservations


async def ship_reservation(conn: Conn, author: Author, wish: Resolution) -> list[LedgerEntry]:
    """One entry for each draw, and for each lot that was picked for it; `wish` has the verb SHIP, the warehouse and the
    parcel's document. The reservation is SHIPPED when its last share has left.

    Raises ReservationNotFound, NotConfirmed, NothingToShip, NotPicked, RequestIdReused.
    """
    reservation = await lock_reservation(conn, wish.reservation_id)
    require_shippable(reservation, wish.warehouse_code)
    (answer,) = await resolve_reservations(conn, [wish])
    if isinstance(answer, Failure):
        raise answer
    leaving = shares_to_ship(reservation, wish.warehouse_code)
    entries: list[LedgerEntry] = []
    for warehouse_code, draws in groupby(sorted(leaving, key=_warehouse), key=_warehouse):
        movements = tuple(_sale(draw, wish) for draw in draws)
        entries += (await move_goods(conn, Booking(warehouse_code, movements, author))).entries
    return entries


def _warehouse(draw: Draw) -> str:
    return draw.warehouse_code


def _sale(draw: Draw, wish: Resolution) -> Movement:
    return Movement(
        MovementKind.SALE,
        draw.sku_code,
        draw.quantity,
        places.PACKING,
        places.CUSTOMER,
        document=wish.document,
        reservation_id=wish.reservation_id,
        chooses_lot=True,
    )
