"""What may be done with a reservation's goods: pick them, put them back, ship them, take them back."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

from lumbung_stock.domain import places
from lumbung_stock.domain.inventory_failures import (
    MoreThanPicked,
    MoreThanReplaceable,
    MoreThanReserved,
    MoreThanShipped,
    NotPicked,
    NotShipped,
)
from lumbung_stock.domain.ledger import Goods
from lumbung_stock.domain.reservation_failures import NotConfirmed
from lumbung_stock.domain.reservations import Draw, Reservation, ReservationState
from lumbung_stock.domain.resolve import shares_to_ship


class ReturnCondition(IntEnum):
    """What shape returned goods are in; numbers as in the contract."""

    RESTOCK = 1
    QUARANTINE = 2
    SCRAP = 3


def place_of_return(condition: ReturnCondition, bin_code: str) -> str:
    """Where returned goods go: only those to be sold again into a bin."""
    if condition is ReturnCondition.RESTOCK:
        return bin_code
    return places.QUARANTINE if condition is ReturnCondition.QUARANTINE else places.SCRAP


def require_pickable(reservation: Reservation, goods: Goods) -> None:
    """A confirmed sale's units may be picked, each once."""
    _require_confirmed(reservation)
    left = sum(draw.quantity - draw.picked for draw in _draws(reservation, goods))
    if goods.quantity > left:
        raise MoreThanReserved(
            f"{left} of {goods.sku_code} are left to pick in {goods.warehouse_code}, not {goods.quantity}.",
            metadata=_asked_and_there(goods, left),
        )


def require_picked(reservation: Reservation, goods: Goods) -> None:
    """What was picked and has not left may go back: the sale was cancelled, or the picker was wrong."""
    picked = sum(draw.picked for draw in _draws(reservation, goods) if not draw.shipped)
    if goods.quantity > picked:
        raise MoreThanPicked(
            f"{picked} of {goods.sku_code} are in packing for it in {goods.warehouse_code}, "
            f"not {goods.quantity}.",
            metadata=_asked_and_there(goods, picked),
        )


def require_shippable(reservation: Reservation, warehouse_code: str) -> None:
    """A confirmed sale's share of a warehouse leaves as a whole, once all of it is in packing; without a warehouse,
    all shares that have not left.

    Raises NotConfirmed, NothingToShip, NotPicked.
    """
    _require_confirmed(reservation)
    for draw in shares_to_ship(reservation, warehouse_code):
        if draw.picked < draw.quantity:
            raise NotPicked(
                f"{draw.picked} of {draw.quantity} of {draw.sku_code} are picked in {draw.warehouse_code}.",
                metadata={
                    "warehouse_code": draw.warehouse_code,
                    "sku_code": draw.sku_code,
                    "missing_quantity": str(draw.quantity - draw.picked),
                },
            )


def spread_return(reservation: Reservation, goods: Goods) -> list[tuple[Draw, int]]:
    """Which draws the returned units were shipped with, whichever warehouse takes them: the first with any left.

    Raises NotShipped, MoreThanShipped.
    """
    room = [(draw, draw.with_customer) for draw in _shipped(reservation, goods)]
    out = sum(units for _, units in room)
    if goods.quantity > out:
        raise MoreThanShipped(
            f"{out} of {goods.sku_code} were shipped with it and have not come back, not {goods.quantity}.",
            metadata=_asked_and_there(goods, out),
        )
    return _spread(room, goods.quantity)


def spread_replacement(reservation: Reservation, goods: Goods) -> list[tuple[Draw, int]]:
    """Which draws' units are replaced, whichever warehouse gives others for them: the first with any left.

    Raises NotShipped, MoreThanReplaceable.
    """
    room = [(draw, draw.replaceable) for draw in _shipped(reservation, goods)]
    left = sum(units for _, units in room)
    if goods.quantity > left:
        raise MoreThanReplaceable(
            f"{left} of {goods.sku_code} can be replaced for it, not {goods.quantity}.",
            metadata=_asked_and_there(goods, left),
        )
    return _spread(room, goods.quantity)


def _shipped(reservation: Reservation, goods: Goods) -> list[Draw]:
    if not any(draw.shipped for draw in reservation.draws):
        raise NotShipped(metadata={"state": reservation.state.name})
    return [draw for draw in reservation.draws if draw.shipped and draw.sku_code == goods.sku_code]


def _spread(room: Sequence[tuple[Draw, int]], units: int) -> list[tuple[Draw, int]]:
    """Units over draws, as many into each as there is room, the first ones first."""
    spread, left = [], units
    for draw, most in room:
        some = min(left, most)
        if some:
            spread.append((draw, some))
            left -= some
    return spread


def _require_confirmed(reservation: Reservation) -> None:
    if reservation.state is not ReservationState.CONFIRMED:
        raise NotConfirmed(metadata={"state": reservation.state.name})


def _draws(reservation: Reservation, goods: Goods) -> list[Draw]:
    key = (goods.warehouse_code, goods.sku_code)
    return [draw for draw in reservation.draws if (draw.warehouse_code, draw.sku_code) == key]


def _asked_and_there(goods: Goods, there: int) -> dict[str, str]:
    return {
        "sku_code": goods.sku_code,
        "asked_quantity": str(goods.quantity),
        "available_quantity": str(there),
    }
