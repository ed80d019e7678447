"""Writes down stock's answers, many in one transaction: the order, what the channel has to be told, the event, and
that the delivery is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lumbung_channel_sync.domain.orders import AnswerKind, ChannelOrder, OrderState
from lumbung_channel_sync.stores import answers, happenings, inbox, orders, sync
from lumbung_channel_sync.stores.answers import NewAnswer
from lumbung_channel_sync.stores.orders import Decision, OrderKey
from lumbung_kit import telemetry
from lumbung_kit.batching import MicroBatcher
from lumbung_kit.postgres import Conn, Postgres

BATCH_MAX = 128
WAITING_MAX = 4096

_settled = telemetry.counter(
    "channel_orders_settled", "Orders by what became of them", ["channel", "outcome"]
)


@dataclass(frozen=True, slots=True)
class Settlement:
    """Stock's answer for one order, and the delivery that asked."""

    inbox_id: int
    decision: Decision


class OrderSettler:
    """Answers that arrive while others are being committed share the next commit."""

    def __init__(self, postgres: Postgres, settled: Callable[[], None]) -> None:
        self._postgres = postgres
        self._settled = settled
        self._batcher: MicroBatcher[Settlement, None] = MicroBatcher(
            self._settle, max_batch=BATCH_MAX, max_waiting=WAITING_MAX, name="settlements"
        )

    async def settle(self, settlement: Settlement) -> None:
        """Returns when it is durable."""
        await self._batcher.submit(settlement)

    async def close(self) -> None:
        """Waits for what was taken in."""
        await self._batcher.close()

    async def _settle(self, batch: Sequence[Settlement]) -> list[None]:
        changed = await self._postgres.run(lambda conn: _store(conn, batch))
        for order in changed:
            reason = order.reason or order.state.value
            _settled.labels(order.channel_code, reason).inc()
        self._settled()
        return [None] * len(batch)


async def _store(conn: Conn, batch: Sequence[Settlement]) -> list[ChannelOrder]:
    decisions = {settlement.decision.key: settlement.decision for settlement in batch}
    await orders.lock(conn, sorted(decisions))
    decided = await orders.decide(conn, list(decisions.values()))
    changed = await orders.get_many(conn, sorted(decided))
    settled = [changed[key] for key in decisions if key in changed]
    await answers.queue(conn, [_answer(order) for order in settled])
    await happenings.orders_settled(conn, settled)
    await inbox.finish(conn, [settlement.inbox_id for settlement in batch])
    # Last, since these rows are shared by all orders of a listing: units of these orders are no longer undecided.
    await sync.mark_skus(
        conn, sorted({line.sku_code for order in settled for line in order.lines if line.sku_code})
    )
    return settled


def _answer(order: ChannelOrder) -> NewAnswer:
    accepted = order.state is OrderState.ACCEPTED
    return NewAnswer(
        OrderKey(order.channel_code, order.order_ref),
        AnswerKind.ACCEPT if accepted else AnswerKind.REJECT,
        reason=order.reason,
        message=order.message,
        traceparent=order.traceparent,
    )
