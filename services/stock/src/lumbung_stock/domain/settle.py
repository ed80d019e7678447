"""What the ordered committer decides for a batch of the journal: Postgres' own escrow has the last word (P1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lumbung_stock.domain.allocate import Allocator, Decision
from lumbung_stock.domain.carts import HOLDS_MAY_COME_BACK_S, Cart, out_of_stock
from lumbung_stock.domain.flash_sales import FlashSaleItem
from lumbung_stock.domain.reservations import Draw, Refusal


class Escrow:
    """The free units of one sale's items, as Postgres has them, while a batch is decided."""

    def __init__(self, items: Sequence[FlashSaleItem]) -> None:
        self._items: Mapping[str, FlashSaleItem] = {item.sku_code: item for item in items}
        self._remaining = {item.sku_code: item.remaining for item in items}

    def covers(self, sku_code: str) -> bool:
        """Whether the SKU is on the sale."""
        return sku_code in self._items

    def take(self, cart: Cart, demand: Mapping[str, int]) -> Decision:
        """Draws on the escrow while it suffices; the refusal otherwise. `demand` holds SKUs on sale only."""
        if any(self._remaining[sku_code] < units for sku_code, units in demand.items()):
            return out_of_stock(cart.lines, {**cart.demand(), **self._remaining}, HOLDS_MAY_COME_BACK_S)
        for sku_code, units in demand.items():
            self._remaining[sku_code] -= units
        return tuple(
            Draw(self._items[sku_code].warehouse_code, sku_code, units, from_escrow=True)
            for sku_code, units in sorted(demand.items())
        )

    def give_back(self, draws: Sequence[Draw]) -> None:
        """Undoes a `take` whose other part failed."""
        for draw in draws:
            self._remaining[draw.sku_code] += draw.quantity


def settle(cart: Cart, escrow: Escrow, ordinary: Allocator) -> Decision:
    """One cart of the journal: the SKUs on sale out of escrow, the others as in an ordinary sale, all or none."""
    if cart.refusal is not None:
        return cart.refusal
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
