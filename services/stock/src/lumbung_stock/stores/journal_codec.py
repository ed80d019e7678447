"""A cart on its way through the journal: from the gate's script to the committer, as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from enum import IntEnum
from uuid import UUID

from lumbung_stock.domain.carts import HOLDS_MAY_COME_BACK_S, Cart, out_of_stock
from lumbung_stock.domain.reservation_failures import CustomerLimitReached
from lumbung_stock.domain.reservations import Durability, Refusal
from lumbung_stock.stores.reservations import lines_of, stored_lines


class Outcome(IntEnum):
    """What reserve.lua answers."""

    HELD = 1
    OUT_OF_STOCK = 2
    LIMIT_REACHED = 3
    NOT_ARMED = 4
    REQUEST_REUSED = 5
    JOURNAL_FULL = 6


def encode(cart: Cart) -> str:
    """The journal's body for a cart; the hold's id travels in a field of its own."""
    return json.dumps(
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
        ],
        separators=(",", ":"),
        ensure_ascii=False,
    )


def decode(fields: Mapping[str, str]) -> Cart:
    """The cart of a journal entry, with the gate's refusal if it was one.

    Raises KeyError, ValueError, TypeError or IndexError for an entry that is not ours.
    """
    body = json.loads(fields["body"])
    cart = Cart(
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
    return replace(cart, refusal=_refusal(cart, Outcome(int(fields["outcome"])), fields["available"]))


def _refusal(cart: Cart, outcome: Outcome, available: str) -> Refusal | None:
    if outcome is Outcome.HELD:
        return None
    if outcome is Outcome.LIMIT_REACHED:
        return Refusal(CustomerLimitReached.reason, CustomerLimitReached().message)
    pairs = (pair.rsplit("=", 1) for pair in available.split(","))
    seen = {sku: int(units) for sku, units in pairs}
    return out_of_stock(cart.lines, {**cart.demand(), **seen}, HOLDS_MAY_COME_BACK_S)
