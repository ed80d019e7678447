"""Join the waiting room of a sale: thousands at once, one place for each customer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

from psycopg.errors import UniqueViolation

from lumbung_kit.batching import MicroBatcher
from lumbung_kit.failures import Failure, RequestIdReused
from lumbung_kit.metrics import counter
from lumbung_kit.postgres import Conn, Postgres, constraint_of
from lumbung_stock.domain.flash_sales import HALTED_RETRY_S, FlashSale, FlashSaleState
from lumbung_stock.domain.reservation_failures import (
    ChannelNotOnSale,
    FlashSaleHalted,
    FlashSaleNotOpen,
    NoWaitingRoom,
    WaitingRoomFull,
)
from lumbung_stock.domain.waiting_room import Place, RoomFigures, Ticket, WaitingRoom
from lumbung_stock.stores import waiting_rooms
from lumbung_stock.stores.sale_book import SaleBook
from lumbung_stock.stores.waiting_rooms import Joining

JOIN_BATCH = 512
ROOM_MAX = 100_000
"""Customers that wait in one room. A draw gives all of them their places in one statement."""
FULL_RETRY_S = 5.0
OVERTAKEN_ATTEMPTS_MAX = 3

_JOINED = counter(
    "lumbung_stock_waiting_room_answers", "Answers of waiting rooms to those who ask", ["state"]
)


@dataclass(frozen=True, slots=True)
class Wish:
    """A customer's wish for a place, with the sale's room."""

    joining: Joining
    room: WaitingRoom


class JoinWaitingRoom:
    """One wish in, the customer's place out."""

    def __init__(
        self, postgres: Postgres, sales: SaleBook, *, max_waiting: int, room_max: int = ROOM_MAX
    ) -> None:
        self._postgres = postgres
        self._sales = sales
        self._room_max = room_max
        self._together: MicroBatcher[Wish, Place] = MicroBatcher(
            self._decide, max_batch=JOIN_BATCH, max_waiting=max_waiting, name="join waiting room"
        )

    async def __call__(self, joining: Joining) -> Place:
        """The customer's place, new or known.

        Raises FlashSaleNotFound, FlashSaleNotOpen, FlashSaleHalted, ChannelNotOnSale, NoWaitingRoom, WaitingRoomFull,
        RequestIdReused, Overloaded, StoreUnavailable.
        """
        sale = await self._sales.find(joining.flash_sale_code)
        if not _takes(sale):  # the copy may be old
            sale = await self._sales.find_fresh(joining.flash_sale_code)
        room = _require_room(sale, joining.channel_code)
        joining = replace(joining, lot=room.lot_of(joining.customer_reference))
        place = await self._together.submit(Wish(joining, room))
        _JOINED.labels(place.state.name).inc()
        return place

    async def close(self) -> None:
        """Answers those who wait, and nobody else."""
        await self._together.close()

    async def _decide(self, wishes: list[Wish]) -> Sequence[Place | BaseException]:
        """Each sale's wishes in one transaction; trouble with one sale is not the others'."""
        by_sale: dict[str, list[int]] = {}
        for index, wish in enumerate(wishes):
            by_sale.setdefault(wish.joining.flash_sale_code, []).append(index)
        results = await asyncio.gather(
            *(self._places([wishes[index] for index in group]) for group in by_sale.values()),
            return_exceptions=True,
        )
        answers: dict[int, Place | BaseException] = {}
        for group, result in zip(by_sale.values(), results, strict=True):
            for place, index in enumerate(group):
                answers[index] = result if isinstance(result, BaseException) else result[place]
        return [answers[index] for index in range(len(wishes))]

    async def _places(self, wishes: Sequence[Wish]) -> list[Place | Failure]:
        """Known places without a lock: most who ask are told how they stand."""
        async with self._postgres.connection() as conn:
            known = await _look(conn, wishes)
        if not any(each is None for each in known):
            return [each for each in known if each is not None]
        for _ in range(OVERTAKEN_ATTEMPTS_MAX - 1):
            try:
                return await self._postgres.run(partial(join, wishes=wishes, room_max=self._room_max))
            except UniqueViolation as overtaken:
                if constraint_of(overtaken) != "waiting_ticket_request_once":
                    raise
        return await self._postgres.run(partial(join, wishes=wishes, room_max=self._room_max))


async def join(conn: Conn, wishes: Sequence[Wish], room_max: int) -> list[Place | Failure]:
    """A place for each wish, in this order, in the caller's transaction; all are of one sale.

    A request that has taken a place on another sale at the same moment: UniqueViolation of
    waiting_ticket_request_once, and the next attempt finds it.
    """
    code, room = wishes[0].joining.flash_sale_code, wishes[0].room
    await waiting_rooms.lock_room(conn, code)
    if room.never_sleeps:
        await waiting_rooms.wake(conn, code)
    figures = await waiting_rooms.read_figures(conn, code)
    if figures.draw_is_due:
        await waiting_rooms.draw(conn, code)
    known = await _look(conn, wishes)
    new = _one_each([wish.joining for wish, place in zip(wishes, known, strict=True) if place is None])
    admitted = new[: max(0, room_max - figures.waiting)]
    if admitted:
        in_draw = bool(room.seed) and not (figures.drawn or figures.draw_is_due)
        await waiting_rooms.give_places(conn, code, admitted, in_draw=in_draw)
        known = await _look(conn, wishes)
    return [place or WaitingRoomFull(retry_after_s=FULL_RETRY_S) for place in known]


async def _look(conn: Conn, wishes: Sequence[Wish]) -> list[Place | Failure | None]:
    """How each wish stands; None where a place has to be given."""
    code = wishes[0].joining.flash_sale_code
    figures = await waiting_rooms.read_figures(conn, code)
    by_customer, by_request = await waiting_rooms.find_tickets(conn, code, [wish.joining for wish in wishes])
    return [
        _standing(wish, figures, by_customer.get(wish.joining.customer_reference), by_request)
        for wish in wishes
    ]


def _standing(
    wish: Wish, figures: RoomFigures, own: Ticket | None, by_request: dict[str, Ticket]
) -> Place | Failure | None:
    """The same request gets its own place again (P3), another one of the same customer the place while it lasts."""
    taken = by_request.get(wish.joining.request_id)
    if taken is not None:
        if taken.content_hash != wish.joining.content_hash:
            return RequestIdReused()
        return Place(wish.room, figures, taken)
    if own is not None and not own.is_over:
        return Place(wish.room, figures, own)
    if not figures.awake and not wish.room.never_sleeps:
        return Place(wish.room, figures, None)
    return None


def _one_each(wishes: Sequence[Joining]) -> list[Joining]:
    """The first wish of each customer, and of each request."""
    by_customer: dict[str, Joining] = {}
    for wish in wishes:
        by_customer.setdefault(wish.customer_reference, wish)
    by_request: dict[str, Joining] = {}
    for wish in by_customer.values():
        by_request.setdefault(wish.request_id, wish)
    return list(by_request.values())


def _takes(sale: FlashSale) -> bool:
    return sale.state is FlashSaleState.OPEN and sale.halted_since is None and sale.waiting_room is not None


def _require_room(sale: FlashSale, channel_code: str) -> WaitingRoom:
    about = {"flash_sale_code": sale.flash_sale_code}
    if sale.state is not FlashSaleState.OPEN or datetime.now(UTC) >= sale.end_time:
        raise FlashSaleNotOpen(metadata=about)
    if sale.halted_since is not None:
        raise FlashSaleHalted(metadata=about, retry_after_s=HALTED_RETRY_S)
    if channel_code not in sale.channel_codes:
        raise ChannelNotOnSale(metadata=about)
    if sale.waiting_room is None:
        raise NoWaitingRoom(metadata=about)
    return sale.waiting_room
