"""Events of this service, appended in the transaction of the change that they tell of."""

from __future__ import annotations

from collections.abc import Sequence

from lumbung.channel_sync.v1 import events_pb2 as pb
from lumbung_channel_sync import wire
from lumbung_channel_sync.domain.channels import Channel
from lumbung_channel_sync.domain.orders import ChannelOrder, DeadLetter, ExpectedReturn, OrderState
from lumbung_kit import events
from lumbung_kit.postgres import Conn


async def channel_changed(conn: Conn, channel: Channel) -> None:
    """A channel was made or changed."""
    event = pb.Event(channel_changed=pb.ChannelChanged(channel=wire.channel(channel)))
    await events.append(conn, [_new(event, channel.channel_code)])


async def orders_settled(conn: Conn, orders: Sequence[ChannelOrder]) -> None:
    """Orders were accepted, refused or cancelled; those in another state are left out."""
    await events.append(conn, [event for order in orders if (event := _settled(order)) is not None])


def _settled(order: ChannelOrder) -> events.NewEvent | None:
    whole = wire.order(order)
    match order.state:
        case OrderState.ACCEPTED:
            event = pb.Event(channel_order_accepted=pb.ChannelOrderAccepted(order=whole))
        case OrderState.REFUSED:
            event = pb.Event(channel_order_refused=pb.ChannelOrderRefused(order=whole))
        case OrderState.CANCELLED:
            event = pb.Event(channel_order_cancelled=pb.ChannelOrderCancelled(order=whole))
        case _:
            return None
    return _new(event, f"{order.channel_code}/{order.order_ref}", traceparent=order.traceparent)


async def return_expected(conn: Conn, expected: ExpectedReturn) -> None:
    """Goods will come back."""
    event = pb.Event(return_expected=pb.ReturnExpected(expected_return=wire.expected_return(expected)))
    await events.append(conn, [_new(event, f"{expected.channel_code}/{expected.order_ref}")])


async def delivery_parked(conn: Conn, letter: DeadLetter) -> None:
    """A delivery waits for a person."""
    event = pb.Event(delivery_parked=pb.DeliveryParked(dead_letter=wire.dead_letter(letter)))
    await events.append(conn, [_new(event, f"{letter.channel_code}/{letter.order_ref}")])


async def listings_parked(conn: Conn, parked: Sequence[pb.ListingParked]) -> None:
    """Listings wait for a person."""
    await events.append(
        conn, [_new(pb.Event(listing_parked=one), f"{one.channel_code}/{one.listing_ref}") for one in parked]
    )


async def drift_found(conn: Conn, found: Sequence[pb.DriftFound]) -> None:
    """A channel shows other figures than it confirmed."""
    await events.append(
        conn, [_new(pb.Event(drift_found=one), f"{one.channel_code}/{one.listing_ref}") for one in found]
    )


def _new(event: pb.Event, subject: str, traceparent: str | None = None) -> events.NewEvent:
    kind = event.WhichOneof("payload") or ""
    return events.NewEvent(kind, event.SerializeToString(), subject, traceparent)
