"""The tree behind a figure: every node follows from its children by a formula that it names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import IntEnum

from lumbung_stock.domain.availability import EscrowShare
from lumbung_stock.domain.levels import Level, LevelKey
from lumbung_stock.domain.lots import LotUnits

NODES_MAX = 5_000
"""How many nodes a tree has, about."""

_NODES_OF_LEVEL = 10
"""Of one SKU in one warehouse, without places and sales."""


class Kind(IntEnum):
    """What a figure is; numbers as in the contract."""

    AVAILABLE = 1
    WAREHOUSE = 2
    ON_HAND = 3
    PLACE = 4
    HELD = 5
    SOLD = 6
    SAFETY_STOCK = 7
    ESCROW = 8
    FLASH_SALE = 9
    FLASH_SALE_HELD = 10
    FLASH_SALE_SOLD = 11
    FLASH_SALE_FREE = 12
    COMPONENT = 13
    QUARANTINE = 14
    SHORTFALL = 15
    LISTING = 16
    CAP = 17
    ITEMS = 18
    SHARE = 19
    USABLE = 20
    HEARD_AVAILABLE = 21
    UNDECIDED = 22
    BUFFER = 23
    EXPIRED = 24
    LOT = 25


class Formula(IntEnum):
    """How a figure follows from its children; numbers as in the contract."""

    READ = 1
    SUM = 2
    MIN = 3
    LESS = 4
    QUOTIENT = 5
    PERCENT = 6
    ZERO = 7


@dataclass(frozen=True, slots=True)
class Node:
    """A figure and what it is made of. `more_count` children are left out, with `more_quantity` together."""

    kind: Kind
    quantity: int
    formula: Formula = Formula.READ
    children: tuple[Node, ...] = ()
    factor: int = 0
    more_count: int = 0
    more_quantity: int = 0
    warehouse_code: str = ""
    sku_code: str = ""
    place_code: str = ""
    flash_sale_code: str = ""
    lot_code: str = ""
    expires_on: date | None = None


@dataclass(frozen=True, slots=True)
class Room:
    """How much of everything a tree shows: warehouses, and places and sales of one SKU in one of them."""

    warehouses: int
    places: int
    sales: int


LOTS_SHOWN = 3
"""Of each place, those that expire first. A SKU with lots shows fewer places, so that the tree keeps its size."""


@dataclass(frozen=True, slots=True)
class LotsOfPlace:
    """The lots of one SKU in one place that expire first, how many there are in all, and their units."""

    shown: tuple[LotUnits, ...] = ()
    count: int = 0
    units: int = 0


@dataclass(frozen=True, slots=True)
class PlacesOfLevel:
    """The places with most units of one SKU in one warehouse, how many there are in all, and their units.

    `lots` of those that are shown, by place.
    """

    shown: tuple[tuple[str, int], ...] = ()
    count: int = 0
    units: int = 0
    lots: Mapping[str, LotsOfPlace] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Books:
    """What was read of some SKUs at one instant. `warehouses` by priority."""

    warehouses: tuple[str, ...]
    levels: Mapping[LevelKey, Level]
    places: Mapping[LevelKey, PlacesOfLevel]
    escrows: Mapping[LevelKey, Sequence[EscrowShare]]
    quarantine: Mapping[LevelKey, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ListingReason:
    """How a channel's listing comes to its figure, in base units, as the channel service reckoned it."""

    available: int
    flash_sale_code: str
    undecided: int
    buffer: int
    share_percent: int
    cap: int | None
    units_per_item: int
    sells_nothing: bool


@dataclass(frozen=True, slots=True)
class Listing:
    """What a listing shows and should show. None: never computed, pushed or confirmed."""

    listing_ref: str
    state: str
    desired: Node | None
    pushed: int | None
    push_time: datetime | None
    confirmed: int | None
    confirm_time: datetime | None
    problem: str


class Answer(IntEnum):
    """Whether the channel service said something; numbers as in the contract."""

    GIVEN = 1
    NOT_SET_UP = 2
    AWAY = 3
    TOO_SLOW = 4
    REFUSED = 5


@dataclass(frozen=True, slots=True)
class ChannelFigures:
    """What a channel shows of a SKU."""

    answer: Answer
    listings: tuple[Listing, ...] = ()
    has_more: bool = False


def room_for(draws: int, warehouses: int, children_max: int) -> Room:
    """So that a tree over so many plain SKUs and warehouses has about NODES_MAX nodes at most."""
    draws = max(1, draws)
    warehouses = max(1, min(warehouses, children_max, NODES_MAX // (draws * _NODES_OF_LEVEL)))
    left = NODES_MAX // (draws * warehouses) - _NODES_OF_LEVEL
    return Room(warehouses, min(children_max, max(0, left // 2)), min(children_max, max(0, left // 8)))


def tree_of(
    sku_code: str,
    draws: Sequence[tuple[str, int]],
    books: Books,
    room: Room,
    *,
    is_bundle: bool,
    active: bool,
) -> Node:
    """What can be promised, down to the place. `draws` are a bundle's components, or a plain SKU itself, once."""

    def of_warehouse(code: str) -> Node:
        if not is_bundle:
            return _level_node(books, (code, sku_code), room)
        shares = tuple(_component_node(books, (code, sku), per, room) for sku, per in draws)
        least = min((share.quantity for share in shares), default=0)
        return Node(Kind.WAREHOUSE, least, Formula.MIN, shares, warehouse_code=code, sku_code=sku_code)

    shown, rest = books.warehouses[: room.warehouses], books.warehouses[room.warehouses :]
    more = sum(_possible(books, code, draws) for code in rest)
    nodes = tuple(of_warehouse(code) for code in shown)
    total = Node(
        Kind.AVAILABLE,
        sum(node.quantity for node in nodes) + more,
        Formula.SUM,
        nodes,
        more_count=len(rest),
        more_quantity=more,
        sku_code=sku_code,
    )
    return total if active else replace(total, quantity=0, formula=Formula.ZERO)


def _possible(books: Books, warehouse_code: str, draws: Sequence[tuple[str, int]]) -> int:
    """What a warehouse can promise, without saying why."""
    levels = [(books.levels.get((warehouse_code, sku)), per) for sku, per in draws]
    return min(
        (max(0, level.available_to_promise) // per if level else 0 for level, per in levels), default=0
    )


def summed(kind: Kind, nodes: Sequence[Node], shown_max: int) -> Node:
    """The sum of nodes, of which the first are shown."""
    shown, rest = tuple(nodes[:shown_max]), nodes[shown_max:]
    return Node(
        kind,
        sum(node.quantity for node in nodes),
        Formula.SUM,
        shown,
        more_count=len(rest),
        more_quantity=sum(node.quantity for node in rest),
    )


def beside(kind: Kind, quantities: Mapping[LevelKey, int], shown_max: int) -> Node:
    """Units that the tree does not count, by warehouse and SKU, the most first."""
    ordered = sorted(quantities.items(), key=lambda item: (-item[1], item[0]))
    nodes = [Node(kind, units, warehouse_code=code, sku_code=sku) for (code, sku), units in ordered if units]
    return summed(kind, nodes, shown_max)


def listing_node(reason: ListingReason, desired: int) -> Node:
    """How a listing comes to its figure. While it sells under a flash sale, buffer and share wait."""
    heard = Node(Kind.HEARD_AVAILABLE, reason.available, flash_sale_code=reason.flash_sale_code)
    less = [heard, Node(Kind.UNDECIDED, reason.undecided)]
    if not reason.flash_sale_code:
        less.append(Node(Kind.BUFFER, reason.buffer))
    usable = _less(Kind.USABLE, less)
    share = usable
    if not reason.flash_sale_code:
        percent = reason.share_percent
        share = Node(Kind.SHARE, usable.quantity * percent // 100, Formula.PERCENT, (usable,), percent)
    size = reason.units_per_item
    items = Node(Kind.ITEMS, share.quantity // size, Formula.QUOTIENT, (share,), size)
    bounds = (items,) if reason.cap is None else (items, Node(Kind.CAP, reason.cap))
    if reason.sells_nothing:
        return Node(Kind.LISTING, desired, Formula.ZERO, bounds)
    return Node(Kind.LISTING, desired, Formula.MIN, bounds)


def _component_node(books: Books, key: LevelKey, per_bundle: int, room: Room) -> Node:
    level = _level_node(books, key, room)
    return Node(
        Kind.COMPONENT,
        level.quantity // per_bundle,
        Formula.QUOTIENT,
        (level,),
        per_bundle,
        warehouse_code=key[0],
        sku_code=key[1],
    )


def _level_node(books: Books, key: LevelKey, room: Room) -> Node:
    """What one warehouse can promise of a plain SKU."""
    level = books.levels.get(key, Level(*key, 0, 0, 0, 0, 0, 0, 0, 0))
    taken = [
        Node(Kind.HELD, level.held),
        Node(Kind.SOLD, level.sold),
        Node(Kind.SAFETY_STOCK, level.safety_stock),
        _escrow_node(level, books.escrows.get(key, ()), room),
        *([Node(Kind.EXPIRED, level.expired)] if level.expired else []),
    ]
    node = _less(Kind.WAREHOUSE, [_on_hand_node(level, books.places.get(key, PlacesOfLevel())), *taken])
    return replace(node, warehouse_code=key[0], sku_code=key[1])


def _on_hand_node(level: Level, places: PlacesOfLevel) -> Node:
    shown = places.shown[: max(1, len(places.shown) // (LOTS_SHOWN + 2))] if places.lots else places.shown
    nodes = tuple(_place_node(code, units, places.lots.get(code)) for code, units in shown)
    return Node(
        Kind.ON_HAND,
        level.on_hand,
        Formula.SUM,
        nodes,
        more_count=places.count - len(nodes),
        more_quantity=places.units - sum(node.quantity for node in nodes),
    )


def _place_node(place_code: str, units: int, lots: LotsOfPlace | None) -> Node:
    """A place, with its lots where it has any, and what lies there without one."""
    if lots is None:
        return Node(Kind.PLACE, units, place_code=place_code)
    without = units - lots.units
    nodes = [
        Node(Kind.LOT, one.quantity, lot_code=one.lot_code, expires_on=one.expires_on) for one in lots.shown
    ]
    return Node(
        Kind.PLACE,
        units,
        Formula.SUM,
        tuple([*nodes, Node(Kind.LOT, without)] if without else nodes),
        more_count=lots.count - len(nodes),
        more_quantity=lots.units - sum(node.quantity for node in nodes),
        place_code=place_code,
    )


def _escrow_node(level: Level, shares: Iterable[EscrowShare], room: Room) -> Node:
    sales = [
        Node(
            Kind.FLASH_SALE,
            share.remaining + share.held + share.sold,
            Formula.SUM,
            (
                Node(Kind.FLASH_SALE_FREE, share.remaining),
                Node(Kind.FLASH_SALE_HELD, share.held),
                Node(Kind.FLASH_SALE_SOLD, share.sold),
            ),
            flash_sale_code=share.flash_sale_code,
        )
        for share in shares
    ]
    return replace(summed(Kind.ESCROW, sales, room.sales), quantity=level.escrow)


def _less(kind: Kind, nodes: Sequence[Node]) -> Node:
    first, *others = nodes
    left = max(0, first.quantity - sum(node.quantity for node in others))
    return Node(kind, left, Formula.LESS, tuple(nodes))
