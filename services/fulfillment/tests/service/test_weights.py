"""A parcel is weighed before it is closed, and labelled after."""

from __future__ import annotations

from typing import Any

import pytest

from lumbung.fulfillment.v1 import packing_pb2


@pytest.fixture
async def filled(floor: Any) -> packing_pb2.Package:
    """Two of rice and one of sugar, in a parcel that is open: 2,500 g."""
    floor.catalog.weights_g = {"RICE": 1000, "SUGAR": 500}
    await floor.schedule()
    order, _ = await floor.picked(RICE=2, SUGAR=1)
    package: packing_pb2.Package = await floor.filled(order)
    return package


async def _close(floor: Any, package: packing_pb2.Package, **changes: Any) -> packing_pb2.Package:
    usual = {"request_id": floor.new_id(), "package_id": package.package_id}
    return (await floor.packing.ClosePackage(packing_pb2.ClosePackageRequest(**usual | changes))).package


async def test_a_parcel_that_weighs_what_is_in_it_is_closed(floor: Any, filled: Any) -> None:
    closed = await _close(floor, filled, weight_g=2650)
    assert (closed.weight_g, closed.contents_weight_g, closed.weight_override_reason) == (2650, 2500, "")


@pytest.mark.parametrize(
    ("changes", "least_g", "most_g"),
    [
        ({"weight_g": 1600}, "2375", "3125"),
        ({"weight_g": 3600}, "2375", "3125"),
        ({"weight_g": 2500, "packaging_weight_g": 300}, "2675", "2925"),
    ],
)
async def test_one_that_does_not_stays_open_until_somebody_says_why(
    floor: Any, refusal: Any, filled: Any, changes: dict[str, int], least_g: str, most_g: str
) -> None:
    before = await floor.everything()
    refused = await refusal(_close(floor, filled, **changes))
    assert refused.reason == "WEIGHT_IMPLAUSIBLE"
    assert (refused.metadata["least_g"], refused.metadata["most_g"]) == (least_g, most_g)
    assert await floor.everything() == before
    reason = {"request_id": "close-1", "weight_override_reason": "the scale is being repaired"}
    closed = await _close(floor, filled, **changes | reason)
    assert closed.state == packing_pb2.PACKAGE_STATE_CLOSED
    assert closed.weight_override_reason == "the scale is being repaired"
    floor.catalog.is_down = True
    assert await _close(floor, filled, **changes | reason) == closed, "a replay asks nobody"


async def test_an_unknown_weight_sets_no_upper_bound(floor: Any, refusal: Any, filled: Any) -> None:
    del floor.catalog.weights_g["SUGAR"]
    refused = await refusal(_close(floor, filled, weight_g=1500))
    assert "most_g" not in refused.metadata
    closed = await _close(floor, filled, weight_g=9000)
    assert (closed.weight_g, closed.contents_weight_g) == (9000, 0)


async def test_what_was_not_weighed_is_not_judged_and_needs_no_catalog(
    floor: Any, refusal: Any, filled: Any
) -> None:
    floor.catalog.is_down = True
    assert (await refusal(_close(floor, filled, weight_g=2500))).reason == "DEPENDENCY_UNAVAILABLE"
    assert (await _close(floor, filled)).state == packing_pb2.PACKAGE_STATE_CLOSED


async def test_the_label_says_where_a_parcel_goes_and_what_to_scan(
    floor: Any, refusal: Any, filled: Any
) -> None:
    ask = packing_pb2.GetLabelRequest(package_id=filled.package_id)
    early = await refusal(floor.packing.GetLabel(ask))
    assert (early.reason, early.metadata["state"]) == ("PACKAGE_NOT_CLOSED", "OPEN")
    await _close(floor, filled, weight_g=2600)
    label = (await floor.packing.GetLabel(ask)).label
    order = await floor.get(filled.order_id)
    assert (label.order_reference, label.courier_service) == (order.order_reference, "jne-reg")
    assert label.sort_code.startswith("JNE-REG ")
    assert label.sort_code.endswith("-2359")
    assert [(tote.cart_code, tote.tote_position) for tote in label.totes] == [("cart-1", 1)]
    assert (label.weight_g, label.unit_count, label.note) == (2600, 3, "gift")
    assert (label.tracking_number, label.barcode) == ("", filled.package_id)
    await floor.ship(filled.order_id)
    shipped = (await floor.packing.GetLabel(ask)).label
    assert (shipped.tracking_number, shipped.barcode) == ("JNE-1", "JNE-1")


async def test_the_label_of_a_cancelled_parcel_is_not_printed(floor: Any, refusal: Any, filled: Any) -> None:
    await _close(floor, filled)
    order = await floor.get(filled.order_id)
    floor.stock.cancel(order.reservation_id)
    await floor.until(order.order_id, "CANCELLED")
    refused = await refusal(floor.packing.GetLabel(packing_pb2.GetLabelRequest(package_id=filled.package_id)))
    assert (refused.reason, refused.metadata["state"]) == ("PACKAGE_NOT_CLOSED", "VOID")
