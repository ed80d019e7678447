"""Why an order rides where it does: what it adds to its cart, and what it would add to the others of its plan."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from uuid import UUID

from lumbung_fulfillment.domain.layout import Stop

OTHERS_MAX = 20
"""Other carts that are looked at for an order: those that it takes to the fewest more aisles."""
_WORTH_M = 1e-6

Stops = frozenset[Stop]
Lengths = Callable[[Sequence[Stops]], Sequence[float]]


class Placed(Enum):
    """Why an order is not on the cart of its plan to which it would add least walking."""

    LEAST_WALK = "least_walk"
    OTHER_PICKUP = "other_pickup"
    FULL_OR_UNFOUND = "full_or_unfound"


@dataclass(frozen=True, slots=True)
class Ride:
    """A wave of a plan: which pickups its orders are for, by order id, and each order's stops."""

    wave_id: UUID
    pickups: Mapping[UUID, object]
    stops: Mapping[UUID, Stops]

    def all_stops(self, without: UUID | None = None) -> Stops:
        """The stops of its walk, or of the walk without one order."""
        return Stops().union(*(stops for order_id, stops in self.stops.items() if order_id != without))


@dataclass(frozen=True, slots=True)
class Why:
    """What an order adds to its own cart's walk, in metres, and to the best other one of its plan, if it has others."""

    added_walk_m: float
    placed: Placed
    other_wave_id: UUID | None = None
    other_added_walk_m: float | None = None


def explain(ride: Ride, others: Sequence[Ride], lengths_m: Lengths) -> dict[UUID, Why]:
    """By order of a ride; `others` are the other rides of its plan."""
    own_m = lengths_m([ride.all_stops()])[0]
    rest_m = lengths_m([ride.all_stops(without=order_id) for order_id in ride.stops])
    added = {order_id: own_m - left for order_id, left in zip(ride.stops, rest_m, strict=True)}
    walked = {other.wave_id: other.all_stops() for other in others}
    before = dict(zip(walked, lengths_m(list(walked.values())), strict=True)) if walked else {}
    return {
        order_id: _why(
            ride, order_id, metres, _additions(ride.stops[order_id], walked, before, lengths_m), others
        )
        for order_id, metres in added.items()
    }


def _additions(
    stops: Stops, walked: Mapping[UUID, Stops], before: Mapping[UUID, float], lengths_m: Lengths
) -> dict[UUID, float]:
    """What the stops add to each of the nearest other walks."""
    aisles = _aisles(stops)
    near = sorted(walked, key=lambda wave_id: (len(aisles - _aisles(walked[wave_id])), str(wave_id)))
    near = near[:OTHERS_MAX]
    if not near:
        return {}
    after = lengths_m([walked[wave_id] | stops for wave_id in near])
    return {wave_id: length - before[wave_id] for wave_id, length in zip(near, after, strict=True)}


def _aisles(stops: Iterable[Stop]) -> set[int]:
    return {stop.aisle for stop in stops}


def _why(
    ride: Ride, order_id: UUID, added_m: float, additions: Mapping[UUID, float], others: Sequence[Ride]
) -> Why:
    if not additions:
        return Why(added_m, Placed.LEAST_WALK)
    best = min(additions, key=lambda wave_id: (additions[wave_id], str(wave_id)))
    if additions[best] >= added_m - _WORTH_M:
        return Why(added_m, Placed.LEAST_WALK, best, additions[best])
    there = next(other for other in others if other.wave_id == best)
    same_pickup = ride.pickups[order_id] in there.pickups.values()
    placed = Placed.FULL_OR_UNFOUND if same_pickup else Placed.OTHER_PICKUP
    return Why(added_m, placed, best, additions[best])
