"""A cart before it is decided: what it draws on real stock, and which line was short."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from lumbung_stock.domain.reservations import Durability, Line, Refusal, RefusedLine
from lumbung_stock.domain.sourcing import BY_PRIORITY, Sourcing

HOLDS_MAY_COME_BACK_S = 60.0
"""When to try again after running into others' holds: some of them will have been given back by then."""


@dataclass(frozen=True, slots=True)
class Cart:
    """Everything that a Reserve asked for, validated, with bundles expanded.

    `refusal` is set when the answer is a refusal whatever the stock is; it is still written down, so that the
    same request gets the same answer (P3). `nearest_first` are the warehouses in the order of their distance, when
    the sourcing asks for the nearest. `waiting_ticket` is what a waiting room asks for, and no part of the content.
    """

    reservation_id: UUID
    request_id: str
    content_hash: bytes
    lines: tuple[Line, ...]
    channel_code: str
    customer_reference: str
    ttl_s: float
    durability: Durability
    warehouse_code: str
    flash_sale_code: str
    actor: str
    traceparent: str
    refusal: Refusal | None = field(default=None)
    sourcing: Sourcing = BY_PRIORITY
    nearest_first: tuple[str, ...] = ()
    waiting_ticket: str = ""

    def candidates(self, by_priority: Sequence[str]) -> Sequence[str]:
        """The warehouses that may give its units, in the order in which they are asked."""
        return (self.warehouse_code,) if self.warehouse_code else self.nearest_first or by_priority

    def demand(self) -> dict[str, int]:
        """Units per plain SKU, summed over lines and bundles before anything is checked (P5)."""
        return demand_of(self.lines)


def skus_of(carts: Sequence[Cart]) -> list[str]:
    """The plain SKUs that carts draw on, unless they are refused whatever the stock is."""
    return sorted({sku for cart in carts if cart.refusal is None for sku in cart.demand()})


def customers_of(carts: Sequence[Cart]) -> list[str]:
    """The customers who said who they are, of carts that are not refused whatever the stock is."""
    return sorted(
        {cart.customer_reference for cart in carts if cart.refusal is None and cart.customer_reference}
    )


def demand_of(lines: tuple[Line, ...]) -> dict[str, int]:
    """Units per plain SKU that these lines take together."""
    total: dict[str, int] = {}
    for line in lines:
        for sku_code, per_unit in line.components:
            total[sku_code] = total.get(sku_code, 0) + line.quantity * per_unit
    return total


def out_of_stock(
    lines: tuple[Line, ...], available: Mapping[str, int], retry_delay_s: float | None = None
) -> Refusal:
    """The refusal that names each line which could not be had, and the SKU that blocked it (P6)."""
    demand = demand_of(lines)
    short = {sku_code for sku_code, units in demand.items() if units > available.get(sku_code, 0)}
    refused = tuple(
        _refused_line(index, line, available, short)
        for index, line in enumerate(lines)
        if any(sku_code in short for sku_code, _ in line.components)
    )
    return _out_of_stock(short, refused, retry_delay_s)


def out_of_stock_everywhere(refused: tuple[RefusedLine, ...], retry_delay_s: float | None) -> Refusal:
    """The refusal of a cart that no plan over several warehouses covers."""
    return _out_of_stock({line.blocking_sku_code for line in refused}, refused, retry_delay_s)


def _out_of_stock(short: set[str], refused: tuple[RefusedLine, ...], retry_delay_s: float | None) -> Refusal:
    named = ", ".join(sorted(short)[:5])
    return Refusal(
        "OUT_OF_STOCK", f"Not enough units are left of {named}; nothing is held.", refused, retry_delay_s
    )


def _refused_line(index: int, line: Line, available: Mapping[str, int], short: set[str]) -> RefusedLine:
    def possible(component: tuple[str, int]) -> int:
        return max(0, available.get(component[0], 0)) // component[1]

    blocking = min((part for part in line.components if part[0] in short), key=possible)
    whole = min(possible(part) for part in line.components)
    return RefusedLine(index, line.sku_code, line.quantity, whole, blocking[0])
