"""How many can be promised, and why that many."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Offer:
    """What one open flash sale can still give of a SKU or bundle, and to which channels."""

    flash_sale_code: str
    available: int
    channel_codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Availability:
    """One SKU's or bundle's figures, of one warehouse or (`warehouse_code` empty) of all.

    A bundle is put together within one warehouse, so the figure of all is the sum of what each can promise.
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
    offers: tuple[Offer, ...]
    read_time: datetime
    expired: int = 0

    def best_offer(self, channel_code: str) -> Offer | None:
        """That of the open sale which can give the channel most; None when no sale is for it."""
        offers = [offer for offer in self.offers if channel_code in offer.channel_codes]
        return min(offers, key=lambda offer: (-offer.available, offer.flash_sale_code), default=None)


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
