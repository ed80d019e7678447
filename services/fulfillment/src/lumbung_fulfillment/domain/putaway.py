"""Where received goods should lie.

First in the faces that somebody set for the SKU, up to their maximum, then with their own: a pick face that holds the
SKU already, as far as there is room. A SKU without a pick face gets a free one, by class: faces are ranked by their
walk from the depot, and A, B and C get stretches of that rank as long as the classes have SKUs (class-based storage).
What the face has no room for goes to bulk, near the face.

What may lie together follows from what a bin is for (`MIXING`). A pick face holds one SKU, so that nobody takes the
wrong one, and its lots lie together: it is refilled before it is empty, and stock books the lot that expires first. A
bulk bin may hold several SKUs, but one lot of each, so that the lot that expires first can be fetched.

Bins of which nobody said how much fits are taken to have room.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lumbung_fulfillment.domain.bins import Bin, BinKind
from lumbung_fulfillment.domain.contents import Contents
from lumbung_fulfillment.domain.faces import PickFace
from lumbung_fulfillment.domain.layout import Layout, Stop
from lumbung_fulfillment.domain.moves import Move, MoveReason
from lumbung_fulfillment.domain.velocity import Velocities, VelocityClass


@dataclass(frozen=True, slots=True)
class Mixing:
    """What may lie together in a bin."""

    skus: bool
    lots: bool


MIXING = {
    BinKind.PICK: Mixing(skus=False, lots=True),
    BinKind.FORWARD: Mixing(skus=False, lots=True),
    BinKind.BULK: Mixing(skus=True, lots=False),
}


@dataclass(frozen=True, slots=True)
class Received:
    """Goods to put away."""

    sku_code: str
    quantity: int
    lot_code: str = ""


def fits(contents: Contents, place: Bin, goods: Received) -> bool:
    """Whether goods may lie beside what is there, by the kind of bin."""
    rule = MIXING[place.kind]
    if not rule.skus and any(sku != goods.sku_code for sku in contents.units(place.code)):
        return False
    return rule.lots or contents.lot_codes(place.code, goods.sku_code) <= {goods.lot_code}


def suggest_putaway(
    layout: Layout,
    contents: Contents,
    velocities: Velocities,
    goods: Iterable[Received],
    set_faces: Sequence[PickFace] = (),
) -> list[Move]:
    """Moves that cover all goods, in their order; what no bin has room for goes to no bin. Takes the room. `set_faces`
    are those of all SKUs: what is set for one is not free for another."""
    putaway = _Putaway(layout, contents, velocities, set_faces)
    return [move for each in goods for move in putaway.moves(each)]


class _Putaway:
    def __init__(
        self, layout: Layout, contents: Contents, velocities: Velocities, set_faces: Sequence[PickFace]
    ) -> None:
        self._layout = layout
        self._contents = contents
        self._velocities = velocities
        faces = [place for place in contents.bins.values() if not place.is_reserve]
        self._faces = sorted(faces, key=self._from_depot)
        self._bulk = sorted(
            (place for place in contents.bins.values() if place.is_reserve), key=self._from_depot
        )
        self._starts = self._stretches()
        self._set = {(face.bin_code, face.sku_code): face.max_quantity for face in set_faces}
        self._set_bins = {face.bin_code for face in set_faces}

    def moves(self, goods: Received) -> list[Move]:
        """Where one line goes: faces that it has, else a free one, then bulk."""
        left = goods.quantity
        moves: list[Move] = []
        for place, reason in self._candidates(goods):
            units = self._fit(place, goods, left)
            if units:
                self._contents.put(place.code, goods.sku_code, units, goods.lot_code)
                moves.append(Move(goods.sku_code, units, place.code, reason, lot_code=goods.lot_code))
                left -= units
            if not left:
                return moves
        nowhere = Move(goods.sku_code, left, "", MoveReason.NO_PLACE, lot_code=goods.lot_code)
        return [*moves, nowhere]

    def _candidates(self, goods: Received) -> Iterable[tuple[Bin, MoveReason]]:
        """In the order in which they are tried."""
        own = sorted(self._contents.places(goods.sku_code), key=self._from_depot)
        by_hand = [place for place in self._faces if (place.code, goods.sku_code) in self._set]
        faces = [*by_hand, *(place for place in own if not place.is_reserve and place not in by_hand)]
        for place in faces:
            is_own = place in own
            yield place, MoveReason.WITH_ITS_OWN if is_own else MoveReason.ITS_FACE
        free = [] if faces else list(self._free_faces(goods.sku_code))
        yield from free[:1]
        beside = faces[0].stop if faces else free[0][0].stop if free else None
        yield from self._bulk_places(own, beside)
        # Rather a second face than no place at all.
        yield from free[1:] if not faces else self._free_faces(goods.sku_code)

    def _bulk_places(self, own: Sequence[Bin], beside: Stop | None) -> Iterable[tuple[Bin, MoveReason]]:
        """With its own, then what is free, then beside other SKUs; each nearest to the pick face first."""
        near = sorted(self._bulk, key=lambda place: self._way(place, beside))
        with_own = {place.code for place in own}
        yield from ((place, MoveReason.WITH_ITS_OWN) for place in near if place.code in with_own)
        others = [place for place in near if place.code not in with_own]
        for wanted in (True, False):
            yield from (
                (place, MoveReason.BEHIND_FACE)
                for place in others
                if self._contents.is_free(place.code) is wanted
            )

    def _free_faces(self, sku_code: str) -> Iterable[tuple[Bin, MoveReason]]:
        """The forward area for A alone; then the class's own stretch and what lies behind it, then what lies before."""
        velocity_class = self._velocities.of(sku_code).velocity_class
        is_fast = velocity_class is VelocityClass.A
        start, near = self._starts[velocity_class], self._starts[VelocityClass.B]
        forward = [place for place in self._faces if place.kind is BinKind.FORWARD] if is_fast else []
        shelves = [place for place in self._faces if place.kind is BinKind.PICK]
        first = {place.code for place in [*forward, *shelves[:near]]} if is_fast else set()
        for place in [*forward, *shelves[start:], *reversed(shelves[:start])]:
            if self._contents.is_free(place.code) and place.code not in self._set_bins:
                is_near = place.code in first
                yield place, MoveReason.FAST_NEAR_DEPOT if is_near else MoveReason.FREE_PLACE

    def _stretches(self) -> dict[VelocityClass, int]:
        """Where each class begins among the shelves, nearest first: as long as the classes have SKUs."""
        shelves = sum(place.kind is BinKind.PICK for place in self._faces)
        fast = self._velocities.count(VelocityClass.A)
        medium = fast + self._velocities.count(VelocityClass.B)
        return {
            VelocityClass.A: 0,
            VelocityClass.B: min(fast, shelves),
            VelocityClass.C: min(medium, shelves),
        }

    def _fit(self, place: Bin, goods: Received, wanted: int) -> int:
        """Units that may and can go there."""
        if not fits(self._contents, place, goods):
            return 0
        rooms = [wanted]
        room = self._contents.room(place.code)
        if room is not None:
            rooms.append(room)
        most = self._set.get((place.code, goods.sku_code))
        if most is not None:
            rooms.append(max(0, most - self._contents.units(place.code).get(goods.sku_code, 0)))
        return min(rooms)

    def _from_depot(self, place: Bin) -> tuple[float, str]:
        return self._layout.depot_distance_m(place.stop), place.code

    def _way(self, place: Bin, beside: Stop | None) -> tuple[float, str]:
        if beside is None:
            return self._from_depot(place)
        return self._layout.distance_m(beside, place.stop), place.code
