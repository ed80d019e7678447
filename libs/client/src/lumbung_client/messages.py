"""Requests, built from plain values. Ids are made here, before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from lumbung.stock.v1 import reservations_pb2 as pb
from lumbung.stock.v1.geo_pb2 import GeoPoint
from lumbung_client.request_ids import new_request_id

Lines = Mapping[str, int] | Iterable[tuple[str, int]]
"""Units by SKU or bundle; the same SKU twice is summed."""

Place = tuple[float, float]
"""Degrees north and degrees east."""


def reserve_request(
    lines: Lines,
    *,
    channel_code: str,
    customer_reference: str = "",
    ttl_s: float | None = None,
    soft: bool = False,
    warehouse_code: str = "",
    flash_sale_code: str = "",
    sourcing: pb.SourcingPolicy.ValueType = pb.SOURCING_POLICY_UNSPECIFIED,
    allow_split: bool = False,
    destination: Place | None = None,
    waiting_ticket: str = "",
    request_id: str = "",
) -> pb.ReserveRequest:
    """A request for a hold, with an id of its own unless one is given."""
    return pb.ReserveRequest(
        request_id=request_id or new_request_id(),
        lines=reserve_lines(lines),
        channel_code=channel_code,
        customer_reference=customer_reference,
        ttl=None if ttl_s is None else span(ttl_s),
        durability=pb.DURABILITY_SOFT if soft else pb.DURABILITY_UNSPECIFIED,
        warehouse_code=warehouse_code,
        flash_sale_code=flash_sale_code,
        sourcing=sourcing,
        allow_split=allow_split,
        destination=None if destination is None else _point(destination),
        waiting_ticket=waiting_ticket,
    )


def _point(place: Place) -> GeoPoint:
    latitude_deg, longitude_deg = place
    return GeoPoint(latitude_deg=latitude_deg, longitude_deg=longitude_deg)


def reserve_lines(lines: Lines) -> list[pb.ReserveLine]:
    """Lines of a cart."""
    pairs = lines.items() if isinstance(lines, Mapping) else lines
    return [pb.ReserveLine(sku_code=sku_code, quantity=quantity) for sku_code, quantity in pairs]


def order_details(
    order_reference: str, courier_service: str, place_time: datetime | None, priority: int, note: str
) -> pb.OrderDetails:
    """What fulfillment needs to know of an order."""
    return pb.OrderDetails(
        order_reference=order_reference,
        courier_service=courier_service,
        place_time=None if place_time is None else moment(place_time),
        priority=priority,
        note=note,
    )


def moment(time: datetime) -> Timestamp:
    """A moment; UTC when it has no time zone."""
    made = Timestamp()
    made.FromDatetime(time)
    return made


def span(seconds: float) -> Duration:
    """A length of time."""
    made = Duration()
    made.FromNanoseconds(int(seconds * 1e9))
    return made
