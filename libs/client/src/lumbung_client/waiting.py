"""Waiting for one's turn in the waiting room of a flash sale."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from lumbung.stock.v1 import flash_sales_pb2 as pb
from lumbung_client.errors import deadline_exceeded

Join = Callable[[float], Awaitable[pb.JoinWaitingRoomResponse]]
"""Asks how the customer stands, within so many seconds, as the same or as another request: see `renew`."""
Told = Callable[[pb.JoinWaitingRoomResponse], None]


async def wait_for_turn(join: Join, renew: Callable[[], None], told: Told | None, wait_s: float) -> str:
    """The ticket, once it admits; "" when nobody has to wait.

    `renew` makes the next `join` another request: one whose turn has passed gets no other. Raises DeadlineExceeded when
    the turn has not come within `wait_s`, and what `join` or `told` raise.
    """
    now = asyncio.get_running_loop().time
    deadline = now() + wait_s
    while True:
        place = await join(deadline - now())
        if told is not None:
            told(place)
        match place.state:
            case (
                pb.WAITING_STATE_ADMITTED | pb.WAITING_STATE_USED
            ):  # of which some time is left: else it is a new place
                return place.ticket
            case pb.WAITING_STATE_NOT_NEEDED:
                return ""
            case pb.WAITING_STATE_LAPSED:
                renew()
        pause_s = max(place.wait.ToNanoseconds() / 1e9, 0.0)
        if now() + pause_s >= deadline:
            raise deadline_exceeded("The turn in the waiting room has not come in time; the place is kept.")
        await asyncio.sleep(pause_s)
