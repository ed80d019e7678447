"""One order's way from stock's event to the courier, and what is recorded on it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from lumbung.fulfillment.v1 import (
    bookings_pb2,
    measures_pb2,
    orders_pb2,
    packing_pb2,
    shipments_pb2,
    waves_pb2,
)
from lumbung.stock.v1 import events_pb2 as stock_events_pb2


async def test_an_order_becomes_a_parcel(floor: Any) -> None:
    await floor.schedule()
    order = await floor.order(RICE=2, SUGAR=1, TEA=1)
    assert order.state == orders_pb2.ORDER_STATE_QUEUED
    assert order.courier_service == "jne-reg"
    assert order.HasField("pickup_time")
    assert order.note == "gift"

    planned = await floor.plan()
    (wave,) = planned.waves
    assert [riding.order_id for riding in wave.orders] == [order.order_id]
    assert wave.routing_method == waves_pb2.ROUTING_METHOD_EXACT
    assert wave.walk_m == planned.plan.walk_m > 0
    assert wave.HasField("latest_start_time")

    terminal = await floor.sign_in()
    claimed = await terminal.claim("cart-7")
    assert [task.sequence for task in claimed.tasks] == list(range(1, len(claimed.tasks) + 1))
    assert _walk(claimed.tasks) == wave.walk_m
    last = await terminal.pick_all()
    assert last is not None
    assert last.wave_done
    assert last.booking.state == bookings_pb2.BOOKING_STATE_DONE

    package = await floor.pack(order)
    assert package.state == packing_pb2.PACKAGE_STATE_CLOSED
    shipment = await floor.ship(order.order_id)
    assert shipment.state == shipments_pb2.SHIPMENT_STATE_SHIPPED
    assert shipment.booking.state == bookings_pb2.BOOKING_STATE_DONE

    done = await floor.get(order.order_id)
    assert done.state == orders_pb2.ORDER_STATE_SHIPPED
    stages = (done.accept_time, done.pick_start_time, done.pick_end_time, done.pack_time, done.ship_time)
    assert [stage.ToNanoseconds() for stage in stages] == sorted(s.ToNanoseconds() for s in stages)
    assert floor.stock.units["CUSTOMER", "RICE"] == 2
    assert floor.stock.units["PACKING", "RICE"] == 0
    assert {actor for _, _, actor in floor.stock.calls} == {"terminal:test"}
    assert await floor.event_kinds(7) == [
        "order_accepted",
        "wave_planned",
        "wave_claimed",
        "order_picked",
        "wave_done",
        "order_packed",
        "order_shipped",
    ]
    await _assert_reported(floor, order, shipment)


async def test_a_share_of_a_sale_leaves_without_waiting_for_the_other_warehouse(floor: Any) -> None:
    order = await floor.order(RICE=2)
    sale = floor.stock.sales[order.reservation_id].message
    sale.draws.add(warehouse_code="SBY", sku_code="RICE", quantity=3)
    await floor.plan()
    terminal = await floor.sign_in()
    await terminal.claim()
    await terminal.pick_all()
    await floor.pack(order)
    shipment = await floor.ship(order.order_id)
    assert shipment.state == shipments_pb2.SHIPMENT_STATE_SHIPPED
    assert [(draw.warehouse_code, draw.shipped) for draw in sale.draws] == [("JKT", True), ("SBY", False)]
    assert floor.stock.units["CUSTOMER", "RICE"] == 2


def _walk(tasks: Any) -> float:
    """The walk through the tasks in their order, by the distance model of one block, written down again."""
    stops = [(4.0 * task.aisle_index, task.y_m) for task in tasks]

    def apart(a: tuple[float, float], b: tuple[float, float]) -> float:
        if a[0] == b[0]:
            return abs(a[1] - b[1])
        return abs(a[0] - b[0]) + min(a[1] + b[1], 40 - a[1] - b[1])

    line = [(0.0, 0.0), *stops, (0.0, 0.0)]
    return sum(apart(a, b) for a, b in pairwise(line))


async def _assert_reported(floor: Any, order: Any, shipment: Any) -> None:
    since = Timestamp(seconds=order.accept_time.seconds - 60)
    request = measures_pb2.GetMeasuresRequest(
        warehouse_code="JKT", start_time=since, time_zone="Asia/Jakarta"
    )
    measured = (await floor.measures.GetMeasures(request)).measures
    assert (measured.accepted_orders, measured.shipped_orders, measured.waves_done) == (1, 1, 1)
    assert measured.pick_scans == 3
    assert measured.HasField("mean_pick_time")
    manifest = await floor.shipments.GetManifest(
        shipments_pb2.GetManifestRequest(
            warehouse_code="JKT", courier_service="jne-reg", pickup_time=order.pickup_time
        )
    )
    assert [parcel.shipment_id for parcel in manifest.shipments] == [shipment.shipment_id]
    assert not manifest.missing_order_ids


async def test_the_same_event_again_makes_no_second_order(floor: Any) -> None:
    order = await floor.order(RICE=1)
    sale = floor.stock.sales[order.reservation_id].message
    floor.stock.emit(reservation_confirmed=stock_events_pb2.ReservationConfirmed(reservation=sale))
    await floor.order(TEA=1)
    listed = await floor.orders.ListOrders(orders_pb2.ListOrdersRequest())
    assert len(listed.orders) == 2


async def test_orders_are_listed_page_by_page(floor: Any) -> None:
    made = [(await floor.order(RICE=1)).order_id for _ in range(5)]
    seen: list[str] = []
    token = ""
    while True:
        page = await floor.orders.ListOrders(
            orders_pb2.ListOrdersRequest(page_size=2, page_token=token, warehouse_code="JKT")
        )
        seen += [order.order_id for order in page.orders]
        token = page.next_page_token
        if not token:
            break
    assert seen == made


async def test_a_parcel_is_not_closed_before_everything_is_checked(floor: Any, refusal: Any) -> None:
    order, _ = await floor.picked(RICE=2, SALT=1)
    start = packing_pb2.StartPackageRequest(request_id="s1", order_id=order.order_id, station_code="p1")
    package = (await floor.packing.StartPackage(start)).package
    again = packing_pb2.StartPackageRequest(request_id="s2", order_id=order.order_id, station_code="p1")
    assert (await floor.packing.StartPackage(again)).package.package_id == package.package_id
    check = packing_pb2.CheckItemRequest(
        request_id="c1", package_id=package.package_id, item_barcode="BC-RICE", quantity=1
    )
    assert not (await floor.packing.CheckItem(check)).complete
    assert (await floor.packing.CheckItem(check)).package.items[0].checked_quantity == 1
    close = packing_pb2.ClosePackageRequest(request_id="x1", package_id=package.package_id)
    refused = await refusal(floor.packing.ClosePackage(close))
    assert refused.reason == "PACKAGE_INCOMPLETE"
    assert {each.subject for each in refused.preconditions} == {"RICE", "SALT"}
    for barcode, quantity, reason in [
        ("BC-TEA", 1, "WRONG_ITEM"),
        ("BC-RICE", 2, "TOO_MANY"),
        ("?", 1, "UNKNOWN_BARCODE"),
    ]:
        wrong = packing_pb2.CheckItemRequest(
            request_id=f"w-{reason}", package_id=package.package_id, item_barcode=barcode, quantity=quantity
        )
        assert (await refusal(floor.packing.CheckItem(wrong))).reason == reason
    assert await floor.scalar("select count(*) from wrong_scan where method = 'CheckItem'") == 3


async def test_shipping_needs_a_packed_order(floor: Any, refusal: Any) -> None:
    order, _ = await floor.picked(RICE=1)
    refused = await refusal(floor.ship(order.order_id))
    assert (refused.reason, refused.metadata["state"]) == ("ORDER_WRONG_STATE", "PICKED")
    assert not [call for call in floor.stock.calls if call[0] == "ShipReservation"]


async def test_shipping_twice_books_once(floor: Any, refusal: Any) -> None:
    order = await floor.packed(RICE=1)
    first = await floor.ship(order.order_id, "ship-1")
    again = await floor.ship(order.order_id, "ship-1")
    assert first.shipment_id == again.shipment_id
    assert (await refusal(floor.ship(order.order_id, "ship-2"))).reason == "ORDER_WRONG_STATE"
    assert [call[0] for call in floor.stock.calls].count("ShipReservation") == 1
