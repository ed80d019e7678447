"""A cart on its way through the journal: from the gate's script to the committer, as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from enum import IntEnum
from functools import lru_cache
from typing import Final
from uuid import UUID

from lumbung_stock.domain.carts import HOLDS_MAY_COME_BACK_S, Cart, demand_of, out_of_stock
from lumbung_stock.domain.reservation_failures import CustomerLimitReached
from lumbung_stock.domain.reservations import Durability, Line, Refusal
from lumbung_stock.stores.reservations import lines_of, stored_lines

REFUSALS_REMEMBERED: Final = 1024
_json = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


class Outcome(IntEnum):
    """What reserve.lua and refuse.lua answer; UNREACHABLE: nothing, and nobody knows whether they were run."""

    UNREACHABLE = -1
    LEFT_ALONE = 0
    HELD = 1
    OUT_OF_STOCK = 2
    LIMIT_REACHED = 3
    NOT_ARMED = 4
    REQUEST_REUSED = 5
    JOURNAL_FULL = 6


def encode(cart: Cart) -> str:
    """The journal's body for a cart; the hold's id travels in a field of its own."""
    return _json(
        [
            cart.request_id,
            cart.content_hash.hex(),
            stored_lines(cart.lines),
            cart.channel_code,
            cart.customer_reference,
            cart.ttl_s,
            int(cart.durability),
            cart.warehouse_code,
            cart.flash_sale_code,
            cart.actor,
            cart.traceparent,
        ]
    )


def decode(fields: Mapping[str, str], known: Cart | None = None) -> Cart:
    """The cart of a journal entry, with the gate's refusal if it was one; `known` is this hold's cart as it was sent.

    Raises KeyError, ValueError, TypeError or IndexError for an entry that is not ours.
    """
    outcome, available = Outcome(int(fields["outcome"])), fields["available"]
    cart = known or _decoded(fields)
    if outcome is Outcome.HELD:
        return cart
    return replace(cart, refusal=refusal_of(cart, outcome, available_of(available)))


def _decoded(fields: Mapping[str, str]) -> Cart:
    body = json.loads(fields["body"])
    return Cart(
        reservation_id=UUID(fields["hold"]),
        request_id=body[0],
        content_hash=bytes.fromhex(body[1]),
        lines=lines_of(body[2]),
        channel_code=body[3],
        customer_reference=body[4],
        ttl_s=float(body[5]),
        durability=Durability(body[6]),
        warehouse_code=body[7],
        flash_sale_code=body[8],
        actor=body[9],
        traceparent=body[10],
    )


def split(fields: Mapping[str, str]) -> list[Mapping[str, str]]:
    """An entry of refuse.lua as one entry for each cart that it refused; any other as it is.

    Raises ValueError for an entry that is not ours.
    """
    if "outcomes" not in fields:
        return [fields]
    names = ("hold", "outcome", "body")
    parts = fields["holds"].split(","), fields["outcomes"].split(","), fields["body"].split("\n")
    return [
        {**dict(zip(names, part, strict=True)), "available": fields["available"]}
        for part in zip(*parts, strict=True)
        if part[1] != "0"
    ]


def available_of(text: str) -> dict[str, int]:
    """Units by SKU, of a script's `sku=units,...`. Raises ValueError."""
    pairs = (pair.rsplit("=", 1) for pair in text.split(",")) if text else ()
    return {sku: int(units) for sku, units in pairs}


def refusal_of(cart: Cart, outcome: Outcome, available: Mapping[str, int]) -> Refusal | None:
    """What the gate's outcome means to this cart; `available` may name other SKUs too."""
    if outcome is Outcome.HELD:
        return None
    if outcome is Outcome.LIMIT_REACHED:
        return Refusal(CustomerLimitReached.reason, CustomerLimitReached().message)
    return _want_of(cart.lines, tuple([available.get(sku, units) for sku, units in cart.demand().items()]))


@lru_cache(REFUSALS_REMEMBERED)
def _want_of(lines: tuple[Line, ...], left: tuple[int, ...]) -> Refusal:
    """The refusal of these lines, with so much left of each SKU that they draw on, in the order of the demand.

    In a sale that is sold out everybody hears the same.
    """
    return out_of_stock(lines, dict(zip(demand_of(lines), left, strict=True)), HOLDS_MAY_COME_BACK_S)
