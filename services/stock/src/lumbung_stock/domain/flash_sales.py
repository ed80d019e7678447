"""A flash sale: its states, its escrow, and who may draw on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import NamedTuple
from uuid import UUID

from lumbung_stock.domain.carts import Cart, out_of_stock
from lumbung_stock.domain.reservation_failures import (
    ChannelNotOnSale,
    CustomerRequired,
    FlashSaleHalted,
    FlashSaleNotOpen,
)
from lumbung_stock.domain.reservations import Refusal, Reservation
from lumbung_stock.domain.waiting_room import WaitingRoom

POOL_MARK = "~"
"""Stands between a sale's code and its pool's number; no caller's code has it."""


HALTED_RETRY_S = 30.0
"""A person has to look first."""


def pool_code(sale_code: str, number: int) -> str:
    """The code under which one pool of a sale is kept."""
    return f"{sale_code}{POOL_MARK}{number:02}"


def shown_code(code: str) -> str:
    """The code that callers know: of a pool, its sale's."""
    return code.partition(POOL_MARK)[0]


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
    """A planned, running or past sale, or one of its pools.

    Of a sale with pools, `items` are their sums, and the gates, epochs and journals are the pools' own. `pool_count`
    is how many were asked for, of each combination of warehouses. `halted_since` is set while the sale is open and
    waits for a person, since the ledger has lost commits; `on_postgres_since` while the gate is away and Postgres
    serves the sale alone, of a sale with pools one of them.
    """

    flash_sale_code: str
    title: str
    state: FlashSaleState
    channel_codes: tuple[str, ...]
    start_time: datetime
    end_time: datetime
    epoch: int
    gate_armed: bool
    items: tuple[FlashSaleItem, ...]
    pool_count: int = 1
    pools: tuple[FlashSale, ...] = ()
    halted_since: datetime | None = None
    on_postgres_since: datetime | None = None
    waiting_room: WaitingRoom | None = None
    _by_sku: Mapping[str, FlashSaleItem] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Every Reserve asks for items by SKU, and a sale has up to a hundred."""
        object.__setattr__(self, "_by_sku", {item.sku_code: item for item in self.items})

    @property
    def on_postgres(self) -> bool:
        """Whether reservations are decided by Postgres alone, for want of a gate."""
        return self.state is FlashSaleState.OPEN and self.on_postgres_since is not None

    @property
    def gated(self) -> tuple[FlashSale, ...]:
        """What has a gate, an epoch and a journal of its own: the pools, or the sale itself."""
        return self.pools or (self,)

    @property
    def commits_journal(self) -> bool:
        """Whether the ordinary committer may take entries of this sale's journal under its epoch.

        Not before the gate is armed: a batch read while a recovery sets the gate up, and then lost by Valkey, could
        be committed after that recovery has read what is free. Until then the recovery, or the closing, drains.
        """
        return self.state is FlashSaleState.OPEN and self.gate_armed

    def require_open(self) -> None:
        """Raises FlashSaleNotOpen, or FlashSaleHalted, unless it is open."""
        if self.state is not FlashSaleState.OPEN:
            raise FlashSaleNotOpen
        if self.halted_since is not None:
            raise FlashSaleHalted(retry_after_s=HALTED_RETRY_S)

    def item_by_sku(self) -> Mapping[str, FlashSaleItem]:
        """Items by SKU."""
        return self._by_sku

    def wanted_by(self, cart: Cart) -> list[FlashSaleItem]:
        """The items that a cart draws on, itself or by a bundle."""
        return [self._by_sku[sku] for sku in cart.demand() if sku in self._by_sku]


class Taken(NamedTuple):
    """What a gate has to know of a reservation that has taken units out of its sale's escrow, as (SKU, units): of one
    that keeps none of them, just its request. A tuple, since a sale may have a hundred thousand."""

    reservation_id: UUID
    request_id: str
    content_hash: bytes
    customer_reference: str
    units: Sequence[tuple[str, int]]

    @classmethod
    def by(cls, reservation: Reservation) -> Taken:
        """What this reservation has taken."""
        units = [(draw.sku_code, draw.quantity) for draw in reservation.draws if draw.from_escrow]
        return cls(
            reservation.reservation_id,
            reservation.request_id,
            reservation.content_hash,
            reservation.customer_reference,
            units,
        )


def admit(sale: FlashSale, cart: Cart, now: datetime) -> Refusal | None:
    """Whether a cart may draw on the sale at all; the refusal when not.

    Raises CustomerRequired: a request that does not say who buys is bad input, not a refusal. Raises FlashSaleHalted,
    which is no answer either.
    """
    if sale.state is not FlashSaleState.OPEN or now >= sale.end_time:
        return Refusal(
            FlashSaleNotOpen.reason, f"Flash sale {sale.flash_sale_code} takes no reservations now."
        )
    if sale.halted_since is not None:
        raise FlashSaleHalted(retry_after_s=HALTED_RETRY_S)
    if cart.channel_code not in sale.channel_codes:
        return Refusal(
            ChannelNotOnSale.reason,
            f"Flash sale {sale.flash_sale_code} is not for channel {cart.channel_code}.",
        )
    wanted = sale.wanted_by(cart)
    counts_customers = sale.waiting_room is not None or any(item.limit_per_customer for item in wanted)
    if wanted and counts_customers and not cart.customer_reference:
        raise CustomerRequired
    if cart.warehouse_code:
        elsewhere = {item.sku_code: 0 for item in wanted if item.warehouse_code != cart.warehouse_code}
        if elsewhere:
            return out_of_stock(cart.lines, {**cart.demand(), **elsewhere})
    return None
