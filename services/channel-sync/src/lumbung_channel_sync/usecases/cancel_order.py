"""Takes an order back: because its channel or the seller says so, or because stock did."""

from __future__ import annotations

import random
from uuid import UUID

from lumbung_channel_sync.clients.stock import Stock, StockRefusal
from lumbung_channel_sync.domain.orders import (
    AnswerKind,
    ChannelOrder,
    OrderCancelled,
    OrderState,
    StockAnswer,
    judge_stock_failure,
    step_id,
)
from lumbung_channel_sync.domain.retries import ORDER_BACKOFF
from lumbung_channel_sync.stores import answers, happenings, inbox, orders, sync
from lumbung_channel_sync.stores.answers import NewAnswer
from lumbung_channel_sync.stores.inbox import Work
from lumbung_channel_sync.stores.orders import OrderKey
from lumbung_channel_sync.stores.sync import Moved
from lumbung_channel_sync.usecases.postponed import ForAPerson, Postponed
from lumbung_kit.postgres import Conn, Postgres

NO_REASON = "cancelled on the channel"
BY_SELLER = "CANCELLED_BY_SELLER"
IN_FLIGHT_S = 0.2


class OrderCanceller:
    """Works through cancellations. Stock is asked under an id that is always the same; then the change is written
    down."""

    def __init__(self, postgres: Postgres, stock: Stock) -> None:
        self._postgres = postgres
        self._stock = stock

    async def cancel(self, work: Work, order: ChannelOrder | None, cancelled: OrderCancelled) -> None:
        """Returns when it is done, or too late. Raises Postponed or ForAPerson."""
        reason = cancelled.reason or NO_REASON
        key = OrderKey(work.channel_code, work.order_ref)
        shipped = False
        if order is not None and order.state is OrderState.RECEIVED:
            raise Postponed(IN_FLIGHT_S, "ORDER_IN_FLIGHT", "stock has not answered for the order yet")
        if order is not None and order.state is OrderState.ACCEPTED:
            shipped = await self._take_back(order, reason, work.attempt_count)

        async def store(conn: Conn) -> None:
            if order is None:
                await self._bury(conn, key, work, reason)
            elif shipped:
                await _store_too_late(conn, order, reason, by_seller=cancelled.by_seller)
            else:
                await _store_cancelled(conn, order, reason, by_seller=cancelled.by_seller)
            await inbox.finish(conn, [work.inbox_id])

        await self._postgres.run(store)

    async def _take_back(self, order: ChannelOrder, reason: str, attempt_count: int) -> bool:
        """Asks stock; True when it is too late because it has shipped."""
        cancel_id = step_id(order.channel_code, order.order_ref, "cancel")
        try:
            await self._stock.cancel(order.reservation_id, reason, cancel_id)
        except StockRefusal as refusal:
            if refusal.reason == "ALREADY_SHIPPED" or refusal.winner == "ship":
                return True
            if refusal.reason == "ALREADY_RESOLVED":
                return False
            if judge_stock_failure(refusal.kind, refusal.reason) is StockAnswer.TRY_AGAIN:
                delay_s = ORDER_BACKOFF.delay_s(
                    attempt_count, jitter=random.random(), asked_s=refusal.retry_after_s
                )
                raise Postponed(delay_s, refusal.reason, refusal.message) from refusal
            raise ForAPerson(refusal.reason, refusal.message) from refusal
        return False

    async def _bury(self, conn: Conn, key: OrderKey, work: Work, reason: str) -> None:
        """Cancelled before it came: the tombstone makes the order, when it comes, find itself cancelled."""
        if not await orders.insert_tombstone(conn, key, reason, work.receive_time, work.traceparent):
            raise Postponed(IN_FLIGHT_S, "ORDER_IN_FLIGHT", "the order has come meanwhile")


async def follow_stock_cancellation(conn: Conn, reservation_id: UUID, reason: str) -> None:
    """Stock took a reservation back: if it is an order of a channel that still counts as sold, tell the channel."""
    key = await orders.cancel_by_reservation(conn, reservation_id, reason[:200])
    if key is None:
        return
    await answers.queue(conn, [NewAnswer(key, AnswerKind.CANCEL, BY_SELLER, reason[:200])])
    changed = await orders.get_many(conn, [key])
    await happenings.orders_settled(conn, list(changed.values()))


async def _store_cancelled(conn: Conn, order: ChannelOrder, reason: str, *, by_seller: bool) -> None:
    """From accepted, stuck or shadowed; what was refused or cancelled already stays as it is. A channel that cancels
    shows the units again already; one that is told so will, when it has heard of it."""
    key = OrderKey(order.channel_code, order.order_ref)
    states = (OrderState.ACCEPTED, OrderState.STUCK, OrderState.SHADOWED)
    await orders.lock(conn, [key])
    if await orders.cancel(conn, key, reason, states):
        if by_seller:
            await answers.queue(conn, [NewAnswer(key, AnswerKind.CANCEL, BY_SELLER, reason)])
        changed = await orders.get_many(conn, [key])
        await happenings.orders_settled(conn, list(changed.values()))
    if not by_seller:
        await sync.move(conn, _moved_back(order))


async def _store_too_late(conn: Conn, order: ChannelOrder, reason: str, *, by_seller: bool) -> None:
    """It has shipped: the channel, which shows the units again already, is told."""
    key = OrderKey(order.channel_code, order.order_ref)
    await orders.note_late_cancellation(conn, key, reason)
    if not by_seller:
        too_late = NewAnswer(key, AnswerKind.CANCEL_REFUSED, "ALREADY_SHIPPED", "it has left the warehouse")
        await answers.queue(conn, [too_late])
        await sync.move(conn, _moved_back(order))


def _moved_back(order: ChannelOrder) -> list[Moved]:
    return [
        Moved(order.channel_code, line.listing_ref, items_cancelled=line.item_quantity)
        for line in order.lines
    ]
