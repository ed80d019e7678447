"""What the ordered committer decides for a batch of the journal: Postgres' own escrow has the last word (P1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from lumbung_stock.domain.allocate import Allocator, Decision
from lumbung_stock.domain.carts import HOLDS_MAY_COME_BACK_S, Cart, out_of_stock
from lumbung_stock.domain.flash_sales import FlashSaleItem
from lumbung_stock.domain.reservation_failures import CustomerLimitReached
from lumbung_stock.domain.reservations import Draw, Refusal


class Escrow:
    """The free units of one sale's items, as Postgres has them, while a batch is decided."""

    def __init__(self, items: Sequence[FlashSaleItem]) -> None:
        self._items: Mapping[str, FlashSaleItem] = {item.sku_code: item for item in items}
        self._remaining = {item.sku_code: item.remaining for item in items}
        self._draws: dict[tuple[str, int], Draw] = {}

    def covers(self, sku_code: str) -> bool:
        """Whether the SKU is on the sale."""
        return sku_code in self._items

    def suffices(self, cart: Cart) -> bool:
        """Whether it has what the cart wants of it."""
        return all(self._remaining.get(sku, units) >= units for sku, units in cart.demand().items())

    def items(self) -> list[FlashSaleItem]:
        """The items with what is free of them now."""
        return [replace(item, remaining=self._remaining[sku]) for sku, item in self._items.items()]

    def move(self, sku_code: str, units: int) -> None:
        """Units come from another escrow of the same sale; below zero, they go there."""
        self._remaining[sku_code] += units

    def take(self, cart: Cart, demand: Mapping[str, int]) -> Decision:
        """Draws on the escrow while it suffices; the refusal otherwise. `demand` holds SKUs on sale only."""
        if any(self._remaining[sku_code] < units for sku_code, units in demand.items()):
            return out_of_stock(cart.lines, {**cart.demand(), **self._remaining}, HOLDS_MAY_COME_BACK_S)
        for sku_code, units in demand.items():
            self._remaining[sku_code] -= units
        return tuple([self._draw(sku_code, units) for sku_code, units in sorted(demand.items())])

    def _draw(self, sku_code: str, units: int) -> Draw:
        """Most carts of a batch want the same: they share what never changes."""
        if (draw := self._draws.get((sku_code, units))) is None:
            draw = Draw(self._items[sku_code].warehouse_code, sku_code, units, from_escrow=True)
            self._draws[sku_code, units] = draw
        return draw

    def give_back(self, draws: Sequence[Draw]) -> None:
        """Undoes a `take` whose other part failed."""
        for draw in draws:
            self._remaining[draw.sku_code] += draw.quantity


def limits_of(items: Iterable[FlashSaleItem]) -> dict[str, int]:
    """The limit per customer of each SKU that has one."""
    return {item.sku_code: item.limit_per_customer for item in items if item.limit_per_customer}


class CustomerLimits:
    """What customers have had of a sale's limited SKUs, over all its pools, while a batch is decided.

    A gate knows only what it gave itself, and that only as long as Valkey loses nothing. `bought` is by (customer,
    SKU).
    """

    def __init__(self, limits: Mapping[str, int], bought: Mapping[tuple[str, str], int]) -> None:
        self._limits = limits
        self._bought = dict(bought)

    def refusal(self, cart: Cart) -> Refusal | None:
        """The refusal when the cart would take a customer over a limit."""
        if all(
            units <= self._limits[sku] - self._bought.get(key, 0) for key, sku, units in self._asked(cart)
        ):
            return None
        return Refusal(CustomerLimitReached.reason, CustomerLimitReached().message)

    def count(self, cart: Cart) -> None:
        """The cart was granted."""
        for key, _, units in self._asked(cart):
            self._bought[key] = self._bought.get(key, 0) + units

    def _asked(self, cart: Cart) -> list[tuple[tuple[str, str], str, int]]:
        if not self._limits:
            return []
        return [
            ((cart.customer_reference, sku), sku, units)
            for sku, units in cart.demand().items()
            if sku in self._limits
        ]


def settle(cart: Cart, escrow: Escrow, ordinary: Allocator, limits: CustomerLimits | None = None) -> Decision:
    """One cart of the journal: the SKUs on sale out of escrow, the others as in an ordinary sale, all or none.

    `limits` judge what no gate can be trusted with.
    """
    refusal = cart.refusal or (limits and limits.refusal(cart))
    if refusal:
        return refusal
    decision = _from_both(cart, escrow, ordinary)
    if limits and not isinstance(decision, Refusal):
        limits.count(cart)
    return decision


def _from_both(cart: Cart, escrow: Escrow, ordinary: Allocator) -> Decision:
    demand = cart.demand()
    from_sale = escrow.take(cart, {sku: units for sku, units in demand.items() if escrow.covers(sku)})
    if isinstance(from_sale, Refusal):
        return from_sale
    rest = {sku: units for sku, units in demand.items() if not escrow.covers(sku)}
    if not rest:
        return from_sale
    from_levels = ordinary.take(cart, rest)
    if isinstance(from_levels, Refusal):
        escrow.give_back(from_sale)
        return from_levels
    return from_sale + from_levels
