"""Which pick faces run dry, when, and which bulk bins to fill them from.

A face is refilled when what is in it, less what is known to be taken from it, is below its minimum: up to its maximum,
as far as there is room. Minimum and maximum are set by hand, or follow from the SKU's pace. A SKU without a face set by
hand has those bins as faces in which it lies, or else the one from which it was picked last. Goods leave bulk by first
expired first; of what expires at the same time, the bin nearest to the face.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import Enum
from uuid import UUID

from lumbung_fulfillment.domain.bins import Bin
from lumbung_fulfillment.domain.contents import Lying
from lumbung_fulfillment.domain.faces import PickFace
from lumbung_fulfillment.domain.failures import (
    ReplenishmentClosed,
    ReplenishmentNotYours,
    TooMany,
    WrongBin,
    WrongItem,
    WrongLot,
)
from lumbung_fulfillment.domain.layout import Layout
from lumbung_fulfillment.domain.moves import Move, MoveReason
from lumbung_fulfillment.domain.velocity import Velocities, Velocity
from lumbung_kit.failures import Kind

DAYS_MIN, DAYS_MAX = 1.0, 3.0
"""A face that nobody set holds what is picked in so many days: refilled below the first, up to the second."""
SOURCES_MAX = 4
"""Bulk bins that are named at once for one face."""
ODD_ATTEMPTS_MAX = 12
"""After so many answers of stock's that neither refuse nor say 'later', a move is given up."""

_LATER = frozenset({Kind.UNAVAILABLE, Kind.DEADLINE_EXCEEDED, Kind.RESOURCE_EXHAUSTED, Kind.ABORTED})
_REFUSED = frozenset({Kind.INVALID_ARGUMENT, Kind.NOT_FOUND, Kind.FAILED_PRECONDITION, Kind.ALREADY_EXISTS})

Place = tuple[str, str]
"""(bin_code, sku_code)"""


@dataclass(frozen=True, slots=True)
class Demand:
    """Units that will be taken at a time: from one bin if a wave is planned, else from wherever the SKU is picked."""

    sku_code: str
    quantity: int
    due: datetime
    bin_code: str = ""


class ReplenishmentState(Enum):
    """Where a replenishment that somebody took stands."""

    CLAIMED = "claimed"
    BOOKING = "booking"
    DONE = "done"
    REFUSED = "refused"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class Replenishment:
    """Goods that somebody carries from bulk to a face."""

    replenishment_id: UUID
    warehouse_code: str
    sku_code: str
    lot_code: str
    quantity: int
    from_bin_code: str
    to_bin_code: str
    reason: MoveReason
    needed_time: datetime | None
    state: ReplenishmentState
    moved_quantity: int
    session_id: UUID
    terminal_code: str
    lease_expire_time: datetime | None
    stock_request_id: str | None
    attempt_count: int
    last_error: str
    actor: str
    traceparent: str

    def require_worker(self, session_id: UUID) -> None:
        """Refuses all but the session that has it, and one that is over."""
        if self.session_id != session_id:
            raise ReplenishmentNotYours(metadata={"terminal_code": self.terminal_code})
        if self.state is not ReplenishmentState.CLAIMED:
            raise ReplenishmentClosed(
                f"the replenishment is {self.state.value}", metadata={"state": self.state.name}
            )

    def require_scanned(
        self, from_bin: str, to_bin: str, sku_code: str, units: int, lot_code: str = ""
    ) -> None:
        """Refuses other bins, another item, another lot where the label names one, or more than is wanted."""
        for wanted, scanned in ((self.from_bin_code, from_bin), (self.to_bin_code, to_bin)):
            if wanted != scanned:
                metadata = {"expected": wanted, "scanned": scanned}
                raise WrongBin(f"this is not bin {wanted}", metadata=metadata)
        if sku_code != self.sku_code:
            metadata = {"expected": self.sku_code, "scanned": sku_code}
            raise WrongItem(f"wanted is {self.sku_code}", metadata=metadata)
        if lot_code and self.lot_code and lot_code != self.lot_code:
            metadata = {"expected": self.lot_code, "scanned": lot_code}
            raise WrongLot(f"wanted is lot {self.lot_code}", metadata=metadata)
        if units > self.quantity:
            metadata = {"wanted": str(self.quantity), "scanned": str(units)}
            raise TooMany(f"{self.quantity} are wanted, not {units}", metadata=metadata)

    def as_move(self) -> Move:
        """As it was suggested."""
        return Move(
            self.sku_code,
            self.quantity,
            self.to_bin_code,
            self.reason,
            from_bin_code=self.from_bin_code,
            lot_code=self.lot_code,
            needed_time=self.needed_time,
        )


def refuses_for_good(kind: Kind, attempts: int) -> bool:
    """Whether stock's answer to a move ends it; else it is sent again later."""
    return kind not in _LATER and (kind in _REFUSED or attempts >= ODD_ATTEMPTS_MAX)


@dataclass(frozen=True, slots=True)
class FaceView:
    """What is known when faces are judged. `spoken_for` are units that leave a bin or have left it, and that stock's
    figure may still hold; `carried` are units on their way to a face. Bins in doubt are counted as empty."""

    layout: Layout
    bins: Mapping[str, Bin]
    lying: Sequence[Lying]
    velocities: Velocities
    now: datetime
    set_faces: Sequence[PickFace] = ()
    last_picked: Mapping[str, str] = field(default_factory=dict)
    demands: Sequence[Demand] = ()
    spoken_for: Mapping[Place, int] = field(default_factory=dict)
    carried: Mapping[Place, int] = field(default_factory=dict)
    doubted: frozenset[Place] = frozenset()


@dataclass(frozen=True, slots=True)
class _Source:
    """Units of one lot in one bulk bin; what has no lot is older than the first lot."""

    place: Bin
    lot_code: str
    expires_on: date
    quantity: int


def find_replenishments(view: FaceView) -> list[Move]:
    """Moves from bulk to faces, the most urgent first; none is for units that somebody else has been sent for."""
    return _Finder(view).moves()


class _Finder:
    def __init__(self, view: FaceView) -> None:
        self._view = view
        self._lying = {(each.bin_code, each.sku_code): each for each in view.lying}
        self._by_sku: dict[str, list[Lying]] = {}
        self._all_units: dict[str, int] = {}
        # Units that are on their way to a face, also those that this search has found.
        self._coming: dict[str, int] = {}
        for (bin_code, _), units in view.carried.items():
            self._coming[bin_code] = self._coming.get(bin_code, 0) + units
        for each in view.lying:
            self._by_sku.setdefault(each.sku_code, []).append(each)
            self._all_units[each.bin_code] = self._all_units.get(each.bin_code, 0) + each.quantity
        self._set: dict[str, list[PickFace]] = {}
        for face in view.set_faces:
            if face.bin_code in view.bins:
                self._set.setdefault(face.sku_code, []).append(face)
        self._demands: dict[str, list[Demand]] = {}
        for demand in sorted(view.demands, key=lambda each: each.due):
            self._demands.setdefault(demand.sku_code, []).append(demand)

    def moves(self) -> list[Move]:
        found = [move for sku in sorted(self._by_sku) for move in self._of_sku(sku)]
        return sorted(found, key=self._urgency)

    def _urgency(self, move: Move) -> tuple[bool, float, str, str, str]:
        pace = self._view.velocities.of(move.sku_code)
        due = move.needed_time
        at = due.timestamp() if due else 0.0
        return due is None, at, pace.velocity_class.value, move.sku_code, move.to_bin_code

    def _of_sku(self, sku_code: str) -> Iterable[Move]:
        sources = self._sources(sku_code)
        faces = self._faces(sku_code) if sources else []
        for face, taken in zip(faces, self._taken(sku_code, faces), strict=True):
            wanted = self._wanted(face, taken)
            if wanted is not None:
                yield from self._carry(wanted, sources)

    def _faces(self, sku_code: str) -> list[PickFace]:
        """The forward area first, then the nearest to the depot."""
        by_hand = self._set.get(sku_code)
        if by_hand:
            return sorted(by_hand, key=lambda face: self._rank(face.bin_code))
        bins = self._view.bins
        codes = [each.bin_code for each in self._by_sku[sku_code] if self._is_face(each.bin_code)]
        last = self._view.last_picked.get(sku_code, "")
        if not codes and self._is_face(last) and not self._all_units.get(last):
            codes = [last]
        pace = self._view.velocities.of(sku_code)
        return [_face_by_pace(sku_code, bins[code], pace) for code in sorted(codes, key=self._rank)]

    def _is_face(self, bin_code: str) -> bool:
        place = self._view.bins.get(bin_code)
        return place is not None and not place.is_reserve

    def _rank(self, bin_code: str) -> tuple[bool, float, str]:
        place = self._view.bins[bin_code]
        return place.kind.value != "forward", self._view.layout.depot_distance_m(place.stop), bin_code

    def _stock(self, face: PickFace) -> int:
        """Units that a picker will find there, as far as we know, before planned picks are taken."""
        place = (face.bin_code, face.sku_code)
        lying = self._lying.get(place)
        there = lying.sellable_quantity if lying and place not in self._view.doubted else 0
        planned = sum(demand.quantity for demand in self._planned(face))
        leaving = max(0, self._view.spoken_for.get(place, 0) - planned)
        return there - leaving + self._view.carried.get(place, 0)

    def _planned(self, face: PickFace) -> list[Demand]:
        known = self._demands.get(face.sku_code, ())
        return [demand for demand in known if demand.bin_code == face.bin_code]

    def _taken(self, sku_code: str, faces: Sequence[PickFace]) -> list[list[Demand]]:
        """What is known to leave each face: its planned picks, and its part of what waits. What waits goes to the
        first face that has it; what none has is wanted at the first."""
        taken = [self._planned(face) for face in faces]
        free = [
            self._stock(face) - sum(each.quantity for each in planned)
            for face, planned in zip(faces, taken, strict=True)
        ]
        for demand in self._demands.get(sku_code, ()):
            if not demand.bin_code and faces:
                self._spread(demand, taken, free)
        return [sorted(each, key=lambda demand: demand.due) for each in taken]

    def _spread(self, demand: Demand, taken: list[list[Demand]], free: list[int]) -> None:
        left = demand.quantity
        for index, units in enumerate(free):
            part = min(left, max(0, units))
            if part:
                taken[index].append(replace(demand, quantity=part))
                free[index] -= part
                left -= part
        if left:
            taken[0].append(replace(demand, quantity=left))
            free[0] -= left

    def _wanted(self, face: PickFace, taken: Sequence[Demand]) -> Move | None:
        """What a face lacks, from nowhere yet; none when it has enough, or no room."""
        stock = self._stock(face)
        rest = stock - sum(demand.quantity for demand in taken)
        if rest >= face.min_quantity and rest >= 0:
            return None
        quantity = face.max_quantity - rest
        capacity = self._view.bins[face.bin_code].capacity_units
        if capacity:
            there = self._all_units.get(face.bin_code, 0) + self._coming.get(face.bin_code, 0)
            quantity = min(quantity, capacity - there)
        if quantity <= 0:
            return None
        reason = MoveReason.RUNS_DRY if rest < 0 else MoveReason.BELOW_MINIMUM
        needed = self._dry_time(face, stock, rest, taken)
        return Move(face.sku_code, quantity, face.bin_code, reason, needed_time=needed)

    def _dry_time(self, face: PickFace, stock: int, rest: int, taken: Sequence[Demand]) -> datetime | None:
        """When somebody will want a unit that is not there: by what is known, else by the pace; unknown without one."""
        for demand in taken:
            stock -= demand.quantity
            if stock < 0:
                return max(demand.due, self._view.now)
        per_day = self._view.velocities.of(face.sku_code).units_per_day
        return self._view.now + timedelta(days=rest / per_day) if per_day > 0 else None

    def _sources(self, sku_code: str) -> list[_Source]:
        """What bulk has of a SKU and nobody was sent for, in the order in which it is to leave."""
        found = []
        for lying in self._by_sku[sku_code]:
            place = self._view.bins.get(lying.bin_code)
            if place is None or not place.is_reserve:
                continue
            if (lying.bin_code, sku_code) not in self._view.doubted:
                spoken_for = self._view.spoken_for.get((lying.bin_code, sku_code), 0)
                found += _lots_left(place, lying, spoken_for)
        return found

    def _carry(self, wanted: Move, sources: list[_Source]) -> Iterable[Move]:
        """From as few lots as it takes; what is named is taken off the sources."""
        left = wanted.quantity
        stop = self._view.bins[wanted.to_bin_code].stop
        sources.sort(
            key=lambda each: (
                each.expires_on,
                self._view.layout.distance_m(each.place.stop, stop),
                each.place.code,
                each.lot_code,
            )
        )
        named = 0
        while left and sources and named < SOURCES_MAX:
            source = sources.pop(0)
            units = min(left, source.quantity)
            if units < source.quantity:
                sources.insert(0, replace(source, quantity=source.quantity - units))
            yield replace(wanted, quantity=units, from_bin_code=source.place.code, lot_code=source.lot_code)
            self._coming[wanted.to_bin_code] = self._coming.get(wanted.to_bin_code, 0) + units
            left -= units
            named += 1


def _face_by_pace(sku_code: str, place: Bin, pace: Velocity) -> PickFace:
    """What is picked in a few days, as far as it fits."""
    fits = place.capacity_units or math.inf
    least = min(fits, math.ceil(pace.units_per_day * DAYS_MIN))
    most = min(fits, math.ceil(pace.units_per_day * DAYS_MAX))
    return PickFace(sku_code, place.code, int(least), int(max(least, most)))


def _lots_left(place: Bin, lying: Lying, spoken_for: int) -> list[_Source]:
    """The lots of a bin that have not expired, first expired first, less units that others were sent for: they take the
    first ones."""
    lots = sorted(lying.lots, key=lambda lot: (lot.expires_on, lot.lot_code))
    bare = lying.quantity - sum(lot.quantity for lot in lots)
    # Without any lot, bins are all alike; beside lots, what has none is the oldest.
    bare_until = date.min if lots else date.max
    parts = [
        _Source(place, "", bare_until, bare),
        *(_Source(place, lot.lot_code, lot.expires_on, lot.quantity) for lot in lots if not lot.expired),
    ]
    left = []
    for part in parts:
        gone = min(part.quantity, spoken_for)
        spoken_for -= gone
        if part.quantity > gone:
            left.append(replace(part, quantity=part.quantity - gone))
    return left
