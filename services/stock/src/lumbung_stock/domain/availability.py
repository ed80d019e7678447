"""How many can be promised, and why that many."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Availability:
    """One SKU's or bundle's figures, of one warehouse or (`warehouse_code` empty) of all.

    A bundle is put together within one warehouse, so the figure of all is the sum of what each can promise.
    `flash_sale_available` is what the one open sale `flash_sale_code` can still give the channel asked for.
    """

    sku_code: str
    warehouse_code: str
    available_to_promise: int
    on_hand: int
    held: int
    sold: int
    safety_stock: int
    escrow: int
    shortfall: int
    flash_sale_available: int
    flash_sale_code: str
    read_time: datetime


@dataclass(frozen=True, slots=True)
class EscrowShare:
    """What one flash sale that is not over has of a SKU. `held` and `sold` are those not shipped yet."""

    flash_sale_code: str
    warehouse_code: str
    quota: int
    remaining: int
    held: int
    sold: int
    shipped: int


@dataclass(frozen=True, slots=True)
class ComponentShare:
    """How many bundles one component allows, all warehouses taken together."""

    sku_code: str
    quantity_per_bundle: int
    bundles_possible: int
