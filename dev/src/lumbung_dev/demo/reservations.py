"""What stock says about the holds that buyers know of."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

import grpc

from lumbung.channel_sync.v1 import channel_orders_pb2
from lumbung.stock.v1 import reservations_pb2
from lumbung_dev.demo.diary import Purchase
from lumbung_dev.demo.play import Play
from lumbung_dev.local.patience import pages, patiently

_AT_ONCE = 64


async def read_reservations(
    play: Play, purchases: Iterable[Purchase]
) -> Mapping[str, reservations_pb2.Reservation]:
    """Reservation id -> as it stands now; what stock does not know is left out."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def read(reservation_id: str) -> reservations_pb2.Reservation | None:
        request = reservations_pb2.GetReservationRequest(reservation_id=reservation_id)
        try:
            async with gate:
                return (await patiently(play.staff.reservations.GetReservation, request)).reservation
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.NOT_FOUND:
                return None
            raise

    known = {page.reservation_id for page in purchases if page.reservation_id}
    found = await asyncio.gather(*map(read, known))
    return {reservation.reservation_id: reservation for reservation in found if reservation}


async def learn_reservations(play: Play) -> None:
    """A marketplace's buyer knows an order number alone; channel-sync says which reservation that is."""
    for code in play.shops:
        known = {order.order_ref: order for order in await channel_orders(play, code)}
        for page in play.diary.purchases:
            if page.buyer.channel == code and page.order_reference in known:
                page.reservation_id = known[page.order_reference].reservation_id


async def channel_orders(play: Play, channel: str) -> list[channel_orders_pb2.ChannelOrder]:
    """Every order that channel-sync has of one channel."""
    request = channel_orders_pb2.ListChannelOrdersRequest(page_size=200, channel_code=channel)
    return [
        order
        async for page in pages(play.staff.channel_orders.ListChannelOrders, request)
        for order in page.orders
    ]
