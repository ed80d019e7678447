"""Events of this service, appended in the transaction of the change that they tell of."""

from __future__ import annotations

from collections.abc import Sequence

from google.protobuf.message import Message
from lumbung.channel_sync.v1 import events_pb2 as pb
from lumbung_kit import events
from lumbung_kit.postgres import Conn

from lumbung_channel_sync.domain.channels import Channel
from lumbung_channel_sync.domain.orders import ChannelOrder, OrderState
from lumbung_channel_sync import wire
from lumbung_channel_sync.stores.inbox import DeadLetter
from lumbung_channel_sync.stores.orders import ExpectedReturn


async def channel_changed(conn: Conn, channel: Channel) -> None:
    """A channel was made or changed."""
    payload = pb.ChannelChanged(channel=wire.channel(channel))
    await events.append(conn, [_event("channel_changed", payload, channel.channel_code)])


async def orders_settled(conn: Conn, orders: Sequence[ChannelOrder]) -> None:
    """Orders were accepted, refused or cancelled; those in another state are left out."""
    await events.append(conn, [event for order in orders if (event := _settled(order)) is not None])


def _settled(order: ChannelOrder) -> events.NewEvent | None:
    subject = f"{order.channel_code}/{order.order_ref}"
    whole = wire.order(order)
    match order.state:
        case OrderState.ACCEPTED:
            kind, payload = "channel_order_accepted", pb.ChannelOrderAccepted(order=whole).SerializeToString()
        case OrderState.REFUSED:
            kind, payload = "channel_order_refused", pb.ChannelOrderRefused(order=whole).SerializeToString()
        case OrderState.CANCELLED:
            kind, payload = "channel_order_cancelled", pb.ChannelOrderCancelled(order=whole).SerializeToString()
        case _:
            return None
    return events.NewEvent(kind, payload, subject, traceparent=order.traceparent)


async def return_expected(conn: Conn, expected: ExpectedReturn) -> None:
    """Goods will come back."""
    payload = pb.ReturnExpected(expected_return=wire.expected_return(expected))
    subject = f"{expected.channel_code}/{expected.order_ref}"
    await events.append(conn, [_event("return_expected", payload, subject)])


async def delivery_parked(conn: Conn, letter: DeadLetter) -> None:
    """A delivery waits for a person."""
    payload = pb.DeliveryParked(dead_letter=wire.dead_letter(letter))
    subject = f"{letter.channel_code}/{letter.order_ref}"
    await events.append(conn, [_event("delivery_parked", payload, subject)])


async def listings_parked(conn: Conn, parked: Sequence[pb.ListingParked]) -> None:
    """Listings wait for a person."""
    await events.append(
        conn, [_event("listing_parked", one, f"{one.channel_code}/{one.listing_ref}") for one in parked]
    )


async def drift_found(conn: Conn, found: Sequence[pb.DriftFound]) -> None:
    """A channel shows other figures than it confirmed."""
    await events.append(
        conn, [_event("drift_found", one, f"{one.channel_code}/{one.listing_ref}") for one in found]
    )


def _event(kind: str, payload: Message, subject: str) -> events.NewEvent:
    return events.NewEvent(kind=kind, payload=payload.SerializeToString(), subject=subject)
