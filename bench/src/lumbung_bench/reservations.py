"""The requests that are sent, and the answer that an echo gives: the same for every contestant."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from google.protobuf.duration_pb2 import Duration

from lumbung.stock.v1 import reservations_pb2 as pb
from lumbung_bench.load.messages import Template, placeholder

CHANNEL = "web"
WAREHOUSE = "JKT1"
TTL_S = 24 * 3600
"""Holds outlive the run: nothing expires while something else is measured."""
REQUEST_PREFIX = "cart-"
RESERVE = "/lumbung.stock.v1.ReservationService/Reserve"
BATCH_RESERVE = "/lumbung.stock.v1.ReservationService/BatchReserve"
RESERVE_STREAM = "/lumbung.stock.v1.ReservationService/ReserveStream"


def sku(number: int) -> str:
    """Codes of equal length."""
    return f"PB-{number:05d}"


def carts(lines: int, skus: int) -> list[list[str]]:
    """Carts of so many lines each over so many SKUs: one when everybody wants the same, else neighbours in turn."""
    if skus < lines:
        raise ValueError("a cart's lines name different SKUs")
    return [[sku(start + line) for line in range(lines)] for start in range(0, skus - lines + 1, lines)]


def request(cart: Sequence[str], number: str, *, sale: str = "", durability: int = 0) -> pb.ReserveRequest:
    """One unit of each SKU for the customer of that number."""
    return pb.ReserveRequest(
        request_id=REQUEST_PREFIX + number,
        lines=[pb.ReserveLine(sku_code=each, quantity=1) for each in cart],
        channel_code=CHANNEL,
        customer_reference=f"buyer-{number}",
        ttl=Duration(seconds=TTL_S),
        durability=durability,  # type: ignore[arg-type]  # the enum's number
        flash_sale_code=sale,
    )


def unary(carts: Sequence[Sequence[str]], *, sale: str = "", durability: int = 0) -> list[Template]:
    """Bodies of Reserve, one for each cart."""
    mark = placeholder(0)
    return [
        Template.of(request(cart, mark, sale=sale, durability=durability).SerializeToString())
        for cart in carts
    ]


def batch(carts: Sequence[Sequence[str]], size: int, *, sale: str = "") -> list[Template]:
    """One body of BatchReserve with the carts in turn."""
    reservations = [request(carts[each % len(carts)], placeholder(each), sale=sale) for each in range(size)]
    message = pb.BatchReserveRequest(reservations=reservations)
    return [Template.of(message.SerializeToString(), size)]


def stream(carts: Sequence[Sequence[str]], *, sale: str = "") -> list[Template]:
    """Messages of ReserveStream, one for each cart; the load generator joins those that it sends at once."""
    mark = placeholder(0)
    return [
        Template.of(
            pb.ReserveStreamRequest(reservations=[request(cart, mark, sale=sale)]).SerializeToString()
        )
        for cart in carts
    ]


def held(lines: int) -> pb.Reservation:
    """A hold as stock answers it."""
    (cart,) = carts(lines, lines)
    asked = request(cart, placeholder(0))
    reservation = pb.Reservation(
        reservation_id=str(uuid.UUID(int=7)),
        request_id=asked.request_id,
        state=pb.RESERVATION_STATE_HELD,
        lines=asked.lines,
        draws=[
            pb.Draw(warehouse_code=WAREHOUSE, sku_code=each, quantity=1, from_escrow=True) for each in cart
        ],
        channel_code=asked.channel_code,
        customer_reference=asked.customer_reference,
        flash_sale_code="BENCH",
        durability=pb.DURABILITY_DURABLE,
        actor="storefront:bench",
    )
    now = datetime.now(UTC)
    reservation.create_time.FromDatetime(now)
    reservation.expire_time.FromDatetime(now + timedelta(seconds=TTL_S))
    return reservation
