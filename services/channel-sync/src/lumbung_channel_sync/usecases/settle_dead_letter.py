"""A person deals with a dead letter: tries it again, or gives it up."""

from __future__ import annotations

from lumbung_channel_sync.domain.failures import DeadLetterNotFound
from lumbung_channel_sync.domain.orders import AnswerKind, DeliveryKind, OrderState
from lumbung_channel_sync.stores import answers, happenings, inbox, orders
from lumbung_channel_sync.stores.answers import NewAnswer
from lumbung_channel_sync.stores.orders import Decision, OrderKey
from lumbung_kit.postgres import Conn


async def replay_dead_letter(conn: Conn, dead_letter_id: int) -> None:
    """Among those that wait again; an order's listings are looked up anew."""
    about = await inbox.replay(conn, dead_letter_id)
    if about is not None:
        if about.kind == DeliveryKind.ORDER.value:
            key = OrderKey(about.channel_code, about.order_ref)
            await orders.relearn_lines(conn, key)
            await orders.unstick(conn, key)
        return
    if not await answers.replay(conn, dead_letter_id):
        raise DeadLetterNotFound(metadata={"dead_letter_id": str(dead_letter_id)})


async def discard_dead_letter(conn: Conn, dead_letter_id: int, reason: str) -> None:
    """Given up, on record; an order is refused towards its channel."""
    about = await inbox.discard(conn, dead_letter_id, reason)
    if about is None:
        if not await answers.discard(conn, dead_letter_id, reason):
            raise DeadLetterNotFound(metadata={"dead_letter_id": str(dead_letter_id)})
        return
    if about.kind != DeliveryKind.ORDER.value:
        return
    key = OrderKey(about.channel_code, about.order_ref)
    if await orders.decide(conn, [Decision(key, OrderState.REFUSED, reason="DISCARDED", message=reason)]):
        await answers.queue(conn, [NewAnswer(key, AnswerKind.REJECT, "DISCARDED", reason)])
        refused = await orders.get_many(conn, [key])
        await happenings.orders_settled(conn, list(refused.values()))
