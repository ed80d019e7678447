"""Act 7: a parcel comes back, is looked at, and can be sold again."""

from __future__ import annotations

from dataclasses import dataclass

from lumbung.channel_sync.v1 import channel_orders_pb2
from lumbung.fulfillment.v1 import orders_pb2, returns_pb2
from lumbung.stock.v1 import availability_pb2
from lumbung_dev.demo.act6_parcels import Parcels
from lumbung_dev.demo.play import Play
from lumbung_dev.local.patience import eventually, patiently
from lumbung_dev.shop.outlets import WEBSITE
from lumbung_dev.shop.stocking import bins_of

_FOLLOW_S_MAX = 30.0


@dataclass(frozen=True, slots=True)
class Homecoming:
    """What came back."""

    order_reference: str
    units: int


async def take_one_back(play: Play, parcels: Parcels) -> Homecoming:
    """Announced on the marketplace, received and inspected in the warehouse, restocked."""
    order = next(order for order in parcels.orders if order.channel_code != WEBSITE)
    await _announce(play, order)
    before = await _on_hand(play, order)
    await _receive_and_restock(play, order)

    async def restocked() -> bool:
        return all(
            now == was + line.quantity
            for now, was, line in zip(await _on_hand(play, order), before, order.lines, strict=True)
        )

    await eventually(restocked, "the returned units can be sold again", within_s=_FOLLOW_S_MAX)
    units = sum(line.quantity for line in order.lines)
    play.stage.say(
        f"order {order.order_reference} came back over {order.channel_code}: {units} units inspected and restocked"
    )
    return Homecoming(order.order_reference, units)


async def _announce(play: Play, order: orders_pb2.Order) -> None:
    """The buyer tells the marketplace, the marketplace tells channel-sync."""
    await play.shops[order.channel_code].announce_return(order.order_reference)

    async def expected() -> bool:
        request = channel_orders_pb2.ListExpectedReturnsRequest(channel_code=order.channel_code)
        answer = await patiently(play.staff.channel_orders.ListExpectedReturns, request)
        return any(each.order_ref == order.order_reference for each in answer.returns)

    await eventually(expected, f"channel-sync expects {order.order_reference} back", within_s=_FOLLOW_S_MAX)


async def _receive_and_restock(play: Play, order: orders_pb2.Order) -> None:
    receive = returns_pb2.ReceiveReturnRequest(
        request_id=f"{play.run}:return:{order.order_reference}",
        order_id=order.order_id,
        lines=[
            returns_pb2.ReturnQuantity(sku_code=line.sku_code, quantity=line.quantity) for line in order.lines
        ],
        reason=returns_pb2.RETURN_REASON_CHANGED_MIND,
        note="segel masih utuh",
    )
    received = (await patiently(play.staff.returns.ReceiveReturn, receive)).return_record
    inspect = returns_pb2.InspectReturnRequest(
        request_id=f"{play.run}:inspect:{order.order_reference}",
        return_id=received.return_id,
        decisions=[
            returns_pb2.InspectionDecision(
                sku_code=line.sku_code,
                quantity=line.quantity,
                disposition=returns_pb2.DISPOSITION_RESTOCK,
                bin_code=bins_of(line.sku_code)[0],
            )
            for line in order.lines
        ],
    )
    await patiently(play.staff.returns.InspectReturn, inspect)


async def _on_hand(play: Play, order: orders_pb2.Order) -> list[int]:
    request = availability_pb2.BatchGetAvailabilityRequest(sku_codes=[line.sku_code for line in order.lines])
    answer = await patiently(play.staff.availability.BatchGetAvailability, request)
    return [each.on_hand for each in answer.availabilities]
