"""Requests from plain values."""

from __future__ import annotations

from lumbung.stock.v1 import reservations_pb2 as pb
from lumbung.stock.v1.geo_pb2 import GeoPoint
from lumbung_client import reserve_request


def test_a_cart_for_one_warehouse_says_nothing_of_sourcing() -> None:
    request = reserve_request({"A": 2}, channel_code="web", request_id="r")
    assert request == pb.ReserveRequest(
        request_id="r", channel_code="web", lines=[pb.ReserveLine(sku_code="A", quantity=2)]
    )


def test_a_cart_may_come_out_of_several_warehouses_near_the_buyer() -> None:
    request = reserve_request(
        [("A", 2), ("B", 1)],
        channel_code="web",
        sourcing=pb.SOURCING_POLICY_NEAREST,
        allow_split=True,
        destination=(-7.98, 112.63),
    )
    assert (request.sourcing, request.allow_split) == (pb.SOURCING_POLICY_NEAREST, True)
    assert request.destination == GeoPoint(latitude_deg=-7.98, longitude_deg=112.63)
    assert request.request_id
