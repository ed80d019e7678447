"""A cart on its way through the journal: from the gate's script to the committer, as JSON."""

from __future__ import annotations

import json
from uuid import UUID

from lumbung_stock.domain.carts import Cart
from lumbung_stock.domain.reservations import Durability, Refusal
from lumbung_stock.stores.reservations import lines_of, stored_lines


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


def decode(hold_id: str, body: str, refusal: Refusal | None = None) -> Cart:
    """The cart again. Raises ValueError, TypeError or IndexError for an entry that is not ours."""
    fields = json.loads(body)
    return Cart(
        reservation_id=UUID(hold_id),
        request_id=fields[0],
        content_hash=bytes.fromhex(fields[1]),
        lines=lines_of(fields[2]),
        channel_code=fields[3],
        customer_reference=fields[4],
        ttl_s=float(fields[5]),
        durability=Durability(fields[6]),
        warehouse_code=fields[7],
        flash_sale_code=fields[8],
        actor=fields[9],
        traceparent=fields[10],
        refusal=refusal,
    )
