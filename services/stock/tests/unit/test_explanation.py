"""The tree behind a figure: whatever is in the books, every node follows from its children by its formula."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from lumbung_stock.domain.availability import EscrowShare
from lumbung_stock.domain.explanation import (
    NODES_MAX,
    Books,
    Formula,
    Kind,
    ListingReason,
    Node,
    PlacesOfLevel,
    Room,
    beside,
    listing_node,
    room_for,
    tree_of,
)
from lumbung_stock.domain.levels import Level, LevelKey

SKUS = ("BOX", "CUP", "TEA")
WAREHOUSES = ("W1", "W2", "W3")
FEW = st.integers(0, 30)


def reckoned(node: Node) -> int:
    """What a node's figure must be, by its formula alone."""
    figures = [reckoned(child) for child in node.children]
    assert figures == [child.quantity for child in node.children]
    by_formula: dict[Formula, Callable[[], int]] = {
        Formula.READ: lambda: node.quantity,
        Formula.SUM: lambda: sum(figures) + node.more_quantity,
        Formula.MIN: lambda: min(figures, default=0),
        Formula.LESS: lambda: max(0, figures[0] - sum(figures[1:])),
        Formula.QUOTIENT: lambda: figures[0] // node.factor,
        Formula.PERCENT: lambda: figures[0] * node.factor // 100,
        Formula.ZERO: lambda: 0,
    }
    assert not (figures and node.formula is Formula.READ)
    return by_formula[node.formula]()


def size(node: Node) -> int:
    """Nodes in all."""
    return 1 + sum(map(size, node.children))


@st.composite
def books(draw: st.DrawFn) -> Books:
    """Books that agree: places add up to what is on hand, sales to what is set aside."""
    levels: dict[LevelKey, Level] = {}
    places: dict[LevelKey, PlacesOfLevel] = {}
    escrows: dict[LevelKey, list[EscrowShare]] = {}
    for key in [(warehouse, sku) for warehouse in WAREHOUSES for sku in SKUS]:
        units = draw(st.lists(st.integers(1, 30), max_size=5))
        shares = draw(st.lists(st.tuples(FEW, FEW, FEW), max_size=3))
        escrows[key] = [EscrowShare(f"S{index}", key[0], 0, *share, 0) for index, share in enumerate(shares)]
        aside = sum(map(sum, shares))
        levels[key] = Level(*key, sum(units), draw(FEW), draw(FEW), aside, draw(FEW), 0, 0, 0)
        shown = draw(st.integers(0, len(units)))
        some = tuple((f"B{index}", each) for index, each in enumerate(units[:shown]))
        places[key] = PlacesOfLevel(some, len(units), sum(units))
    return Books(WAREHOUSES, levels, places, escrows)


def free(level: Level) -> int:
    return max(0, level.available_to_promise)


@settings(deadline=None)
@given(books(), st.integers(1, 3), st.integers(0, 3), st.booleans())
def test_a_plain_sku_adds_up(some: Books, shown: int, sales: int, active: bool) -> None:
    tree = tree_of("CUP", [("CUP", 1)], some, Room(shown, 5, sales), is_bundle=False, active=active)
    assert reckoned(tree) == tree.quantity
    everywhere = sum(free(some.levels[code, "CUP"]) for code in WAREHOUSES)
    assert tree.quantity == (everywhere if active else 0)
    assert (len(tree.children), tree.more_count) == (shown, 3 - shown)


@settings(deadline=None)
@given(books(), st.lists(st.integers(1, 4), min_size=3, max_size=3), st.integers(1, 3))
def test_a_bundle_is_the_least_of_its_components_in_each_warehouse(
    some: Books, per: list[int], shown: int
) -> None:
    recipe = list(zip(SKUS, per, strict=True))
    tree = tree_of("SET", recipe, some, Room(shown, 5, 2), is_bundle=True, active=True)
    assert reckoned(tree) == tree.quantity
    assert tree.quantity == sum(
        min(free(some.levels[code, sku]) // units for sku, units in recipe) for code in WAREHOUSES
    )
    assert {node.sku_code for node in tree.children[0].children} == set(SKUS)


@settings(deadline=None)
@given(
    st.builds(
        ListingReason,
        FEW,
        st.sampled_from(("", "SALE")),
        st.integers(0, 5),
        st.integers(0, 5),
        st.integers(1, 100),
        st.none() | FEW,
        st.integers(1, 7),
        st.booleans(),
    )
)
def test_a_listing_adds_up(reason: ListingReason) -> None:
    left = reason.available - reason.undecided - (0 if reason.flash_sale_code else reason.buffer)
    percent = 100 if reason.flash_sale_code else reason.share_percent
    items = max(0, left) * percent // 100 // reason.units_per_item
    desired = 0 if reason.sells_nothing else min(items, items if reason.cap is None else reason.cap)
    tree = listing_node(reason, desired)
    assert reckoned(tree) == tree.quantity == desired


@settings(deadline=None)
@given(st.integers(0, 60), st.integers(0, 500), st.integers(1, 100))
def test_a_tree_has_room_for_about_so_many_nodes(draws: int, warehouses: int, children_max: int) -> None:
    room = room_for(draws, warehouses, children_max)
    of_level = 9 + room.places + 4 * room.sales
    assert room.warehouses * max(1, draws) * of_level <= NODES_MAX
    assert 1 <= room.warehouses <= max(1, children_max)
    assert max(room.places, room.sales) <= children_max


def test_the_largest_tree_is_bounded_and_counts_what_it_leaves_out() -> None:
    warehouses = tuple(f"W{number:03}" for number in range(90))
    skus = [(f"S{number:02}", 1) for number in range(60)]
    many = PlacesOfLevel(tuple((f"B{n}", 1) for n in range(100)), 400, 400)
    keys = [(code, sku) for code in warehouses for sku, _ in skus]
    levels = {key: Level(*key, 400, 0, 0, 0, 0, 0, 0, 0) for key in keys}
    room = room_for(len(skus), len(warehouses), 100)
    shown = {key: PlacesOfLevel(many.shown[: room.places], many.count, many.units) for key in keys}
    books = Books(warehouses, levels, shown, {})
    tree = tree_of("SET", skus, books, room, is_bundle=True, active=True)
    assert size(tree) <= NODES_MAX
    assert reckoned(tree) == tree.quantity == 400 * 90
    assert len(tree.children) + tree.more_count == 90


def test_what_is_beside_the_tree_has_the_most_first() -> None:
    node = beside(
        Kind.QUARANTINE, {("W1", "CUP"): 2, ("W2", "CUP"): 7, ("W3", "CUP"): 0, ("W3", "BOX"): 2}, 2
    )
    assert [(each.warehouse_code, each.sku_code, each.quantity) for each in node.children] == [
        ("W2", "CUP", 7),
        ("W1", "CUP", 2),
    ]
    assert (node.quantity, node.more_count, node.more_quantity) == (11, 1, 2)
