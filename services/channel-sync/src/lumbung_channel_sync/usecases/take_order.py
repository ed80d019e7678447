"""Puts one order to stock: reserve, confirm, write down the answer. Every step has an id of its own that is always
the same, so that after a crash anywhere the whole of it is simply done again."""

from __future__ import annotations

import random

from lumbung_channel_sync.clients.stock import Stock, StockRefusal
from lumbung_channel_sync.domain.orders import (
    ROUNDS_MAX,
    ChannelOrder,
    Demand,
    OrderState,
    StockAnswer,
    Undemandable,
    demand_of,
    judge_stock_failure,
    next_round,
    step_id,
)
from lumbung_channel_sync.domain.retries import ORDER_BACKOFF
from lumbung_channel_sync.stores import orders
from lumbung_channel_sync.stores.orders import Decision, OrderKey
from lumbung_channel_sync.usecases.postponed import ForAPerson, Postponed
from lumbung_channel_sync.usecases.settle_orders import OrderSettler, Settlement
from lumbung_kit.postgres import Postgres


class OrderTaker:
    """Takes orders, any number at a time."""

    def __init__(self, postgres: Postgres, stock: Stock, settler: OrderSettler) -> None:
        self._postgres = postgres
        self._stock = stock
        self._settler = settler

    async def take(self, inbox_id: int, attempt_count: int, order: ChannelOrder) -> None:
        """Returns when stock's answer is stored. Raises Postponed when stock could not answer, ForAPerson when it
        never will as things are."""
        try:
            decision = await self._decide(order, demand_of(order.lines), attempt_count)
        except Undemandable as problem:
            if problem.for_a_person:
                raise ForAPerson(problem.reason, problem.message, answered=False) from problem
            decision = _refused(order, problem.reason, problem.message)
        await self._settler.settle(Settlement(inbox_id, decision))

    async def _decide(self, order: ChannelOrder, demand: Demand, attempt_count: int) -> Decision:
        for _ in range(ROUNDS_MAX):
            try:
                return await self._reserve_and_confirm(order, demand)
            except StockRefusal as refusal:
                match judge_stock_failure(refusal.kind, refusal.reason):
                    case StockAnswer.REFUSED:
                        return _refused(order, refusal.reason, refusal.message)
                    case StockAnswer.FOR_A_PERSON:
                        raise ForAPerson(refusal.reason, refusal.message, answered=True) from refusal
                    case StockAnswer.TRY_AGAIN:
                        raise _postponed(refusal, attempt_count) from refusal
                    case StockAnswer.HOLD_GONE:
                        order = await self._begin_round(next_round(order))
        raise Postponed(ORDER_BACKOFF.longest_s, "HOLD_GONE", "holds ran out before they could be confirmed")

    async def _reserve_and_confirm(self, order: ChannelOrder, demand: Demand) -> Decision:
        reserve_id = step_id(order.channel_code, order.order_ref, "reserve", order.reserve_round)
        confirm_id = step_id(order.channel_code, order.order_ref, "confirm", order.reserve_round)
        reservation_id = await self._stock.reserve(order, demand, reserve_id)
        await self._stock.confirm(order, reservation_id, confirm_id)
        return Decision(_key(order), OrderState.ACCEPTED, reservation_id=reservation_id)

    async def _begin_round(self, order: ChannelOrder) -> ChannelOrder:
        """Written down before stock is asked under the new id, so that a crash does not go back to the old one."""
        async with self._postgres.connection() as conn:
            await orders.set_round(conn, _key(order), order.reserve_round)
        return order


def _key(order: ChannelOrder) -> OrderKey:
    return OrderKey(order.channel_code, order.order_ref)


def _refused(order: ChannelOrder, reason: str, message: str) -> Decision:
    return Decision(_key(order), OrderState.REFUSED, reason=reason, message=message)


def _postponed(refusal: StockRefusal, attempt_count: int) -> Postponed:
    delay_s = ORDER_BACKOFF.delay_s(attempt_count, jitter=random.random(), asked_s=refusal.retry_after_s)
    return Postponed(delay_s, refusal.reason, refusal.message)
