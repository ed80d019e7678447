"""A flash sale: its states, its escrow, and who may draw on it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from lumbung_stock.domain.reservation_failures import ChannelNotOnSale, CustomerRequired, FlashSaleNotOpen
from lumbung_stock.domain.reservations import Refusal


class FlashSaleState(IntEnum):
    """Where a sale stands; numbers as in the contract and the table."""

    PLANNED = 1
    OPEN = 2
    CLOSING = 3
    CLOSED = 4


@dataclass(frozen=True, slots=True)
class FlashSaleItem:
    """One SKU's escrow. `returned` has gone back to ordinary sale; `limit_per_customer` 0 means none."""

    sku_code: str
    warehouse_code: str
    quota: int
    limit_per_customer: int
    remaining: int = 0
    shipped: int = 0
    returned: int = 0


@dataclass(frozen=True, slots=True)
class FlashSale:
    """A planned, running or past sale."""

    flash_sale_code: str
    title: str
    state: FlashSaleState
    channel_codes: tuple[str, ...]
    start_time: datetime
    end_time: datetime
    epoch: int
    gate_armed: bool
    items: tuple[FlashSaleItem, ...]

    def item_by_sku(self) -> Mapping[str, FlashSaleItem]:
        """Items by SKU."""
        return {item.sku_code: item for item in self.items}


def admit(
    sale: FlashSale, channel_code: str, customer_reference: str, sku_codes: Collection[str], now: datetime
) -> Refusal | None:
    """Whether a cart may draw on the sale at all; the refusal when not.

    Raises CustomerRequired: a request that does not say who buys is bad input, not a refusal.
    """
    if sale.state is not FlashSaleState.OPEN or now >= sale.end_time:
        return Refusal(
            FlashSaleNotOpen.reason, f"Flash sale {sale.flash_sale_code} takes no reservations now."
        )
    if channel_code not in sale.channel_codes:
        return Refusal(
            ChannelNotOnSale.reason, f"Flash sale {sale.flash_sale_code} is not for channel {channel_code}."
        )
    limited = any(item.limit_per_customer and item.sku_code in sku_codes for item in sale.items)
    if limited and not customer_reference:
        raise CustomerRequired
    return None
