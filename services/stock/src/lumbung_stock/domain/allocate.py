"""Who gets the units of an ordinary sale: carts in their order of arrival, each all or nothing (P1, P5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lumbung_stock.domain.carts import HOLDS_MAY_COME_BACK_S, Cart, out_of_stock, out_of_stock_everywhere
from lumbung_stock.domain.levels import Level, LevelKey
from lumbung_stock.domain.reservations import Draw, Refusal
from lumbung_stock.domain.sourcing import SourcingPolicy, fewest, fill, parts_of, refused_lines

Decision = tuple[Draw, ...] | Refusal


class Allocator:
    """Decides carts one after another over levels that the caller has locked.

    `warehouses` are in order of priority: a cart takes everything from the first that has it all, unless its sourcing
    says otherwise.
    """

    def __init__(self, levels: Mapping[LevelKey, Level], warehouses: Sequence[str]) -> None:
        self._free = {key: level.available_to_promise for key, level in levels.items()}
        self._held = {key for key, level in levels.items() if level.held}
        self._warehouses = tuple(warehouses)

    def decide(self, cart: Cart) -> Decision:
        """Draws that take the cart's whole demand, or the refusal."""
        if cart.refusal is not None:
            return cart.refusal
        if cart.sourcing.allow_split and not cart.warehouse_code:
            return self._take_from_several(cart)
        return self.take(cart, cart.demand())

    def take(self, cart: Cart, demand: Mapping[str, int]) -> Decision:
        """Like `decide`, out of one warehouse, for a part of the cart's demand: the rest comes from a flash sale's
        escrow."""
        candidates = cart.candidates(self._warehouses)
        for warehouse in candidates:
            if self._covers(warehouse, demand):
                return self._draw(warehouse, demand)
        available = {**cart.demand(), **self._best(candidates, demand)}
        return out_of_stock(cart.lines, available, self._retry_delay_s(candidates, demand))

    def give_back(self, draws: Sequence[Draw]) -> None:
        """Undoes a `take` whose other part failed."""
        for draw in draws:
            self._free[draw.warehouse_code, draw.sku_code] += draw.quantity

    def _take_from_several(self, cart: Cart) -> Decision:
        candidates, parts = cart.candidates(self._warehouses), parts_of(cart.lines)
        choose = fewest if cart.sourcing.policy is SourcingPolicy.FEWEST_PARCELS else fill
        plan = choose(parts, self._free, candidates)
        if not plan.is_whole:
            refused = refused_lines(cart.lines, parts, self._free, candidates)
            return out_of_stock_everywhere(refused, self._retry_delay_s(candidates, cart.demand()))
        for key, units in plan.units.items():
            self._free[key] -= units
        return tuple(Draw(*key, units, from_escrow=False) for key, units in sorted(plan.units.items()))

    def _retry_delay_s(self, candidates: Sequence[str], demand: Mapping[str, int]) -> float | None:
        held_by_others = any((warehouse, sku) in self._held for warehouse in candidates for sku in demand)
        return HOLDS_MAY_COME_BACK_S if held_by_others else None

    def _covers(self, warehouse: str, demand: Mapping[str, int]) -> bool:
        return all(self._free.get((warehouse, sku_code), 0) >= units for sku_code, units in demand.items())

    def _draw(self, warehouse: str, demand: Mapping[str, int]) -> tuple[Draw, ...]:
        for sku_code, units in demand.items():
            self._free[warehouse, sku_code] -= units
        return tuple(
            Draw(warehouse, sku_code, units, from_escrow=False) for sku_code, units in sorted(demand.items())
        )

    def _best(self, candidates: Sequence[str], demand: Mapping[str, int]) -> dict[str, int]:
        """What the warehouse that comes nearest could give, so that the refusal tells of one that is real."""

        def nearness(warehouse: str) -> float:
            return sum(
                min(1.0, max(0, self._free.get((warehouse, sku), 0)) / units) for sku, units in demand.items()
            )

        best = max(candidates, key=nearness, default="")
        return {sku_code: max(0, self._free.get((best, sku_code), 0)) for sku_code in demand}
