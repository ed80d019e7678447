"""A courier takes parcels and signs: all that were named or none, each once, and the manifest says so."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import grpc
import pytest

from lumbung.fulfillment.v1 import shipments_pb2 as pb


async def _sent(floor: Any) -> pb.Shipment:
    """A parcel that is shipped with the courier who comes today."""
    order = await floor.packed(RICE=1)
    shipment = await floor.ship(order.order_id)
    assert shipment.state == pb.SHIPMENT_STATE_SHIPPED
    return shipment


def _hand_over(floor: Any, *parcels: pb.Shipment, **changes: Any) -> Any:
    usual = {
        "request_id": floor.new_id(),
        "warehouse_code": "JKT",
        "courier_service": "jne-reg",
        "pickup_time": parcels[0].pickup_time,
        "shipment_ids": [parcel.shipment_id for parcel in parcels],
        "signed_by": "Pak Joko",
    }
    return floor.shipments.HandOverManifest(pb.HandOverManifestRequest(**usual | changes))


async def _manifest(floor: Any, parcel: pb.Shipment) -> pb.GetManifestResponse:
    request = pb.GetManifestRequest(
        warehouse_code="JKT", courier_service="jne-reg", pickup_time=parcel.pickup_time
    )
    return await floor.shipments.GetManifest(request)


async def test_what_was_signed_for_is_handed_over_and_the_rest_stays(floor: Any, refusal: Any) -> None:
    await floor.schedule()
    taken, left = await _sent(floor), await _sent(floor)
    answer = await _hand_over(floor, taken, request_id="sign-1", courier_reference="MNF-7")
    assert [parcel.state for parcel in answer.shipments] == [pb.SHIPMENT_STATE_HANDED_OVER]
    assert (answer.hand_over.signed_by, answer.hand_over.actor) == ("Pak Joko", "terminal:test")
    assert answer.hand_over.parcel_count == 1
    again = await _hand_over(floor, taken, request_id="sign-1", courier_reference="MNF-7")
    assert again == answer
    reused = await refusal(_hand_over(floor, taken, left, request_id="sign-1", courier_reference="MNF-7"))
    assert reused.reason == "REQUEST_ID_REUSED"

    manifest = await _manifest(floor, taken)
    states = {parcel.shipment_id: parcel.state for parcel in manifest.shipments}
    assert states == {
        taken.shipment_id: pb.SHIPMENT_STATE_HANDED_OVER,
        left.shipment_id: pb.SHIPMENT_STATE_SHIPPED,
    }
    assert list(manifest.hand_overs) == [answer.hand_over]
    kinds = await floor.event_kinds(
        int(await floor.scalar("select count(*) from event_log"))
        + int(await floor.scalar("select count(*) from event_outbox"))
    )
    assert kinds[-2:] == ["manifest_handed_over", "order_handed_over"]
    read = (await floor.shipments.GetShipment(pb.GetShipmentRequest(shipment_id=taken.shipment_id))).shipment
    assert read.hand_over_id == answer.hand_over.hand_over_id


async def test_all_or_none_go_and_each_wrong_one_is_named(floor: Any, refusal: Any) -> None:
    await floor.schedule()
    gone, ready = await _sent(floor), await _sent(floor)
    await _hand_over(floor, gone)
    floor.stock.is_down = True
    waiting = await floor.ship((await _packed_while_up(floor)).order_id)
    before = await floor.everything()
    unknown = pb.Shipment(shipment_id=str(uuid4()))
    refused = await refusal(_hand_over(floor, ready, gone, waiting, unknown))
    assert (refused.reason, refused.metadata["parcel_count"]) == ("MANIFEST_CHANGED", "3")
    assert {each.subject: each.description for each in refused.preconditions} == {
        gone.shipment_id: "it is handed_over",
        waiting.shipment_id: "it is shipping",
        unknown.shipment_id: "there is no such shipment",
    }
    assert await floor.everything() == before
    await _hand_over(floor, ready)


async def _packed_while_up(floor: Any) -> Any:
    floor.stock.is_down = False
    order = await floor.packed(RICE=1)
    floor.stock.is_down = True
    return order


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"courier_service": "sicepat"}, "it goes from JKT with jne-reg"),
        ({"warehouse_code": "SBY"}, "it goes from JKT with jne-reg"),
        ({"pickup_time": "earlier"}, "it is meant for the pickup at"),
    ],
)
async def test_another_couriers_parcel_does_not_go(
    floor: Any, refusal: Any, changes: dict[str, Any], why: str
) -> None:
    await floor.schedule()
    parcel = await _sent(floor)
    if "pickup_time" in changes:
        earlier = type(parcel.pickup_time)(seconds=parcel.pickup_time.seconds - 1)
        changes = changes | {"pickup_time": earlier}
    refused = await refusal(_hand_over(floor, parcel, **changes))
    assert refused.reason == "MANIFEST_CHANGED"
    assert refused.preconditions[0].description.startswith(why)


async def test_a_parcel_that_was_left_behind_goes_with_a_later_pickup(floor: Any) -> None:
    await floor.schedule()
    parcel = await _sent(floor)
    later = type(parcel.pickup_time)(seconds=parcel.pickup_time.seconds + 86_400)
    answer = await _hand_over(floor, parcel, pickup_time=later)
    assert answer.shipments[0].state == pb.SHIPMENT_STATE_HANDED_OVER
    assert not (await _manifest(floor, parcel)).shipments
    request = pb.GetManifestRequest(warehouse_code="JKT", courier_service="jne-reg", pickup_time=later)
    assert [each.shipment_id for each in (await floor.shipments.GetManifest(request)).shipments] == [
        parcel.shipment_id
    ]


async def test_the_manifest_lists_what_earlier_pickups_left_behind(floor: Any) -> None:
    await floor.schedule()
    order = await floor.packed(RICE=1)
    async with floor.postgres.connection() as conn:
        await conn.execute(
            "update customer_order set pickup_time = now() - interval '1 hour' where order_id = %s",
            [order.order_id],
        )
    missed = await floor.ship(order.order_id)
    coming = await _sent(floor)
    later = type(coming.pickup_time)(seconds=coming.pickup_time.seconds + 86_400)

    async def listed(pickup_time: Any) -> set[str]:
        request = pb.GetManifestRequest(
            warehouse_code="JKT", courier_service="jne-reg", pickup_time=pickup_time
        )
        return {each.shipment_id for each in (await floor.shipments.GetManifest(request)).shipments}

    assert await listed(coming.pickup_time) == {missed.shipment_id, coming.shipment_id}
    assert await listed(missed.pickup_time) == {missed.shipment_id}
    assert await listed(later) == {missed.shipment_id}, "the other one can still go with its own"
    await _hand_over(floor, missed, pickup_time=coming.pickup_time)
    assert await listed(later) == set()
    assert await listed(coming.pickup_time) == {missed.shipment_id, coming.shipment_id}


async def test_two_who_hand_the_same_parcel_over_at_once(floor: Any) -> None:
    await floor.schedule()
    parcel = await _sent(floor)
    answers = await asyncio.gather(*(_hand_over(floor, parcel) for _ in range(4)), return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, grpc.aio.AioRpcError)]
    assert len(refused) == 3
    assert await floor.scalar("select count(*) from hand_over") == 1
