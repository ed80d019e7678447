"""Reality below what was promised: whom it hits, and how that is worked off."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import IntEnum
from uuid import UUID

from lumbung_stock.domain.levels import LevelChange, LevelKey
from lumbung_stock.domain.reservation_failures import NotConfirmed
from lumbung_stock.domain.reservations import Draw, Line, Reservation, ReservationState
from lumbung_stock.domain.shortfall_failures import (
    AlreadyPicked,
    GoodsOfFlashSale,
    MoreThanShort,
    NotShort,
    NoWarehouseHasIt,
)
from lumbung_stock.domain.sourcing import parts_of


@dataclass(frozen=True, slots=True)
class PromiseHit:
    """What a shortfall takes from one reservation. `older` is what it takes from promises that are served before."""

    warehouse_code: str
    sku_code: str
    reservation_id: UUID
    missing: int
    older: int

    @property
    def key(self) -> LevelKey:
        """The level that is short."""
        return self.warehouse_code, self.sku_code


@dataclass(frozen=True, slots=True)
class ShortfallChange:
    """A shortfall that has opened or grown, and whom it hits; 0 missing means that it is over."""

    warehouse_code: str
    sku_code: str
    missing_quantity: int
    hits: tuple[PromiseHit, ...] = ()


@dataclass(frozen=True, slots=True)
class Shortfall:
    """Units promised that are not there, and the youngest promises, which it hits."""

    warehouse_code: str
    sku_code: str
    missing_quantity: int
    raise_time: datetime
    reservation_ids: tuple[UUID, ...]


class ActKind(IntEnum):
    """What was done about a shortfall; numbers as in the contract and the table."""

    RESOURCED = 1
    BACKORDERED = 2
    CANCELLED = 3
    SERVED = 4
    DROPPED = 5


class Decision(IntEnum):
    """Which hits a list is restricted to; numbers as in the contract."""

    ALL = 0
    OPEN = 1
    BACKORDERED = 2


@dataclass(frozen=True, slots=True)
class Lack:
    """Units of one SKU that a reservation lacks in one warehouse, as somebody works them off; None: all of them."""

    reservation_id: UUID
    warehouse_code: str
    sku_code: str
    units: int | None = None

    @property
    def key(self) -> LevelKey:
        """The level that is short."""
        return self.warehouse_code, self.sku_code


@dataclass(frozen=True, slots=True)
class NewAct:
    """What somebody has done about a lack."""

    kind: ActKind
    lack: Lack
    quantity: int
    reason: str
    to_warehouse_code: str = ""


@dataclass(frozen=True, slots=True)
class Act:
    """What was done, as written."""

    act_id: int
    kind: ActKind
    warehouse_code: str
    sku_code: str
    reservation_id: UUID
    quantity: int
    to_warehouse_code: str
    reason: str
    actor: str
    request_id: str
    record_time: datetime


@dataclass(frozen=True, slots=True)
class Backorder:
    """Units of a sale that wait for stock to come; 0: none any more."""

    reservation_id: UUID
    warehouse_code: str
    sku_code: str
    waiting: int


@dataclass(frozen=True, slots=True)
class LineHit:
    """A line that lacks units of a SKU."""

    line_index: int
    sku_code: str
    missing: int


@dataclass(frozen=True, slots=True)
class ListedHit:
    """A hit as people see it. `expected_time` None: no expected receipt says when."""

    hit: PromiseHit
    backordered: int
    state: ReservationState
    channel_code: str
    order_reference: str
    lines: tuple[LineHit, ...]
    raise_time: datetime
    promise_time: datetime
    expected_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class HitFilter:
    """What a list of hits is restricted to; empty restricts nothing."""

    warehouse_code: str = ""
    sku_code: str = ""
    reservation_id: UUID | None = None
    decision: Decision = Decision.ALL


@dataclass(frozen=True, slots=True)
class ActFilter:
    """What a list of acts is restricted to; empty and 0 restrict nothing."""

    warehouse_code: str = ""
    sku_code: str = ""
    reservation_id: UUID | None = None
    kind: int = 0


@dataclass(frozen=True, slots=True)
class Arrival:
    """Units of one level that an open expected receipt is still to bring; None: nobody has said when."""

    time: datetime | None
    units: int


def lines_hit(lines: Sequence[Line], sku_code: str, missing: int) -> tuple[LineHit, ...]:
    """Which lines lack the units, in the order of the lines: the last one that draws on the SKU is hit first."""
    hit = []
    for index in range(len(lines) - 1, -1, -1):
        drawn = sum(units for sku, units in lines[index].components if sku == sku_code)
        lacking = min(missing, drawn * lines[index].quantity)
        if lacking:
            hit.append(LineHit(index, lines[index].sku_code, lacking))
            missing -= lacking
    return tuple(reversed(hit))


def expected_time(hit: PromiseHit, arrivals: Iterable[Arrival]) -> datetime | None:
    """When the arrivals, earliest first, will have served all older promises that are hit, and then this one."""
    needed = hit.older + hit.missing
    for arrival in arrivals:
        needed -= arrival.units
        if needed <= 0:
            return arrival.time
    return None


def units_asked(lack: Lack, lacking: int, metadata: Mapping[str, str] | None = None) -> int:
    """How many of the lacking units are worked off. Raises NotShort, MoreThanShort."""
    told = {"sku_code": lack.sku_code, "warehouse_code": lack.warehouse_code, **(metadata or {})}
    if lacking <= 0:
        raise NotShort(metadata=told)
    if lack.units is not None and lack.units > lacking:
        raise MoreThanShort(
            f"{lacking} of {lack.sku_code} are missing for it in {lack.warehouse_code}, not {lack.units}.",
            metadata={**told, "asked_quantity": str(lack.units), "available_quantity": str(lacking)},
        )
    return lacking if lack.units is None else lack.units


def require_sale(reservation: Reservation) -> None:
    """Only a sale is sourced anew or waits: a hold ends by itself. Raises NotConfirmed."""
    if reservation.state is not ReservationState.CONFIRMED:
        raise NotConfirmed(metadata={"state": reservation.state.name})


def units_to_move(reservation: Reservation, lack: Lack, units: int) -> dict[str, int]:
    """What has to go to another warehouse with so many missing units, by plain SKU: units that stand for themselves
    first, then whole bundles with all their components (0019), so that no bundle is torn.

    Raises GoodsOfFlashSale, AlreadyPicked.
    """
    share = {draw.sku_code: draw for draw in reservation.draws if draw.warehouse_code == lack.warehouse_code}
    moved = _with_bundles(reservation.lines, share, lack.sku_code, units)
    for sku_code in sorted(moved):
        draw = share[sku_code]
        if draw.from_escrow or draw.left_escrow:
            raise GoodsOfFlashSale(metadata={"sku_code": sku_code})
        if draw.quantity - draw.picked < moved[sku_code]:
            raise AlreadyPicked(
                f"{draw.picked} of {sku_code} are in packing for it; put them back first.",
                metadata={"sku_code": sku_code, "picked_quantity": str(draw.picked)},
            )
    return moved


def _with_bundles(
    lines: Sequence[Line], share: Mapping[str, Draw], sku_code: str, units: int
) -> dict[str, int]:
    per_piece = next(
        (
            dict(part.components)
            for part in parts_of(lines)
            if part.components != ((sku_code, 1),) and sku_code in dict(part.components)
        ),
        None,
    )
    if per_piece is None:
        return {sku_code: units}
    pieces_here = min(share[sku].quantity // each if sku in share else 0 for sku, each in per_piece.items())
    for_itself = min(units, share[sku_code].quantity - pieces_here * per_piece[sku_code])
    pieces = -(-(units - for_itself) // per_piece[sku_code])
    moved = {sku: pieces * each for sku, each in per_piece.items() if pieces}
    moved[sku_code] = moved.get(sku_code, 0) + for_itself
    return moved


def choose_giver(
    moved: Mapping[str, int], free: Mapping[LevelKey, int], warehouses: Sequence[str], sku_code: str
) -> str:
    """The first of the warehouses that has all of it. Raises NoWarehouseHasIt."""
    for warehouse in warehouses:
        if all(free.get((warehouse, sku), 0) >= units for sku, units in moved.items()):
            return warehouse
    best = max((max(0, free.get((warehouse, sku_code), 0)) for warehouse in warehouses), default=0)
    raise NoWarehouseHasIt(
        metadata={
            "sku_code": sku_code,
            "asked_quantity": str(moved[sku_code]),
            "available_quantity": str(best),
        }
    )


def moved_over(reservation: Reservation, source: str, target: str, moved: Mapping[str, int]) -> Reservation:
    """The reservation with its new draws; what was sold at first stays known."""
    draws = {(draw.warehouse_code, draw.sku_code): draw for draw in reservation.draws}
    for sku, units in moved.items():
        left = replace(draws[source, sku], quantity=draws[source, sku].quantity - units)
        there = draws.get((target, sku), Draw(target, sku, 0, from_escrow=False))
        draws[source, sku] = left
        draws[target, sku] = replace(there, quantity=there.quantity + units)
    kept = tuple(draw for _, draw in sorted(draws.items()) if draw.quantity)
    return replace(reservation, draws=kept, first_draws=reservation.first_draws or reservation.draws)


def level_changes(source: str, target: str, moved: Mapping[str, int]) -> list[LevelChange]:
    """What moving sold units over does to the levels."""
    return [
        LevelChange(warehouse, sku, sold=sign * units)
        for sku, units in moved.items()
        for warehouse, sign in ((source, -1), (target, 1))
    ]
