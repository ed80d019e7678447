"""Signed deliveries in Postgres: stored before they are answered, worked through once in effect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row, dict_row, scalar_row
from psycopg.types.json import Jsonb

from lumbung_channel_sync.domain.orders import (
    DeadLetter,
    DeliveryKind,
    ItemLine,
    Message,
    OrderCancelled,
    OrderPlaced,
    ReturnAnnounced,
    Unreadable,
    kind_of,
    subject_of,
)
from lumbung_kit import sql
from lumbung_kit.postgres import Conn

_SQL = sql.load(__package__, "inbox.sql")
_STORE = _SQL["store_deliveries"]
_CLAIM = _SQL["claim"]
_RELEASE_CLAIMS = _SQL["release_claims"]
_FINISH = _SQL["finish"]
_POSTPONE = _SQL["postpone"]
_PARK = _SQL["park"]
_COUNT_WAITING = _SQL["count_waiting"]
_LIST_DEAD_LETTERS = _SQL["list_dead_letters"]
_COUNT_DEAD_LETTERS = _SQL["count_dead_letters"]
_REPLAY = _SQL["replay"]
_DISCARD = _SQL["discard"]
_PROBLEM_OF = _SQL["problem_of"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """A genuine delivery, as it came in."""

    channel_code: str
    message: Message
    raw_body: bytes
    delivery_ref: str
    traceparent: str

    @property
    def effect_key(self) -> tuple[str, DeliveryKind, str]:
        """Deliveries with the same key have the same effect."""
        return self.channel_code, kind_of(self.message), subject_of(self.message)

    @property
    def order_ref(self) -> str:
        """The order that it is about; what cannot be read is only about itself."""
        return self.message.digest if isinstance(self.message, Unreadable) else self.message.order_ref


@dataclass(frozen=True, slots=True)
class Work:
    """A delivery to be worked through now."""

    inbox_id: int
    channel_code: str
    message: Message
    order_ref: str
    traceparent: str
    attempt_count: int
    receive_time: datetime


@dataclass(frozen=True, slots=True)
class About:
    """What a stored delivery is about."""

    kind: str
    channel_code: str
    order_ref: str


async def store(conn: Conn, deliveries: Sequence[Delivery]) -> None:
    """Keeps deliveries; no two of them may have the same effect key."""
    unreadable = [isinstance(delivery.message, Unreadable) for delivery in deliveries]
    await conn.execute(
        _STORE,
        {
            "channel_codes": [delivery.channel_code for delivery in deliveries],
            "kinds": [kind_of(delivery.message).value for delivery in deliveries],
            "subject_refs": [subject_of(delivery.message) for delivery in deliveries],
            "order_refs": [delivery.order_ref for delivery in deliveries],
            "messages": [Jsonb(_as_json(delivery.message)) for delivery in deliveries],
            "raw_bodies": [
                one.raw_body if kept else None for one, kept in zip(deliveries, unreadable, strict=True)
            ],
            "delivery_refs": [delivery.delivery_ref for delivery in deliveries],
            "traceparents": [delivery.traceparent for delivery in deliveries],
            "reasons": ["UNREADABLE" if kept else "" for kept in unreadable],
        },
    )


async def claim(conn: Conn, worker: str, limit: int, lease_s: float) -> list[Work]:
    """Deliveries to work through now, in the order of their arrival."""
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_CLAIM, {"worker": worker, "limit": limit, "lease_s": lease_s})
        found = [_work(row) for row in await cursor.fetchall()]
    return sorted(found, key=lambda work: work.inbox_id)


async def release_claims(conn: Conn, worker: str, in_flight: Sequence[int]) -> None:
    """What this worker has claimed can be claimed again, but for what it works on."""
    await conn.execute(_RELEASE_CLAIMS, {"worker": worker, "in_flight": list(in_flight)})


async def finish(conn: Conn, inbox_ids: Sequence[int]) -> None:
    """These are done."""
    await conn.execute(_FINISH, {"inbox_ids": list(inbox_ids)})


async def postpone(conn: Conn, inbox_id: int, delay_s: float, reason: str, problem: str) -> None:
    """Not now; again after a while."""
    await conn.execute(
        _POSTPONE, {"inbox_id": inbox_id, "delay_s": delay_s, "reason": reason, "problem": problem}
    )


async def park(conn: Conn, inbox_id: int, reason: str, problem: str) -> DeadLetter | None:
    """A person has to look at it; None when it is done or parked already."""
    async with conn.cursor(row_factory=class_row(DeadLetter)) as cursor:
        await cursor.execute(_PARK, {"inbox_id": inbox_id, "reason": reason, "problem": problem})
        return await cursor.fetchone()


async def count_waiting(conn: Conn, channel_code: str) -> tuple[int, float]:
    """How many deliveries of a channel wait, and for how many seconds the oldest."""
    cursor = await conn.execute(_COUNT_WAITING, {"channel_code": channel_code})
    count, age_s = await cursor.fetchone() or (0, 0.0)
    return int(count), float(age_s)


async def list_dead_letters(conn: Conn, after: int, limit: int, channel_code: str) -> list[DeadLetter]:
    """Deliveries and answers that wait for a person, oldest first."""
    async with conn.cursor(row_factory=class_row(DeadLetter)) as cursor:
        await cursor.execute(
            _LIST_DEAD_LETTERS, {"after": after, "limit": limit, "channel_code": channel_code}
        )
        return await cursor.fetchall()


async def count_dead_letters(conn: Conn, channel_code: str) -> int:
    """How many of a channel wait for a person."""
    async with conn.cursor(row_factory=scalar_row) as cursor:
        await cursor.execute(_COUNT_DEAD_LETTERS, {"channel_code": channel_code})
        return int(await cursor.fetchone() or 0)


async def replay(conn: Conn, inbox_id: int) -> About | None:
    """Among those that wait again; None when there is no such delivery, or it is done."""
    return await _about(conn, _REPLAY, {"inbox_id": inbox_id})


async def discard(conn: Conn, inbox_id: int, problem: str) -> About | None:
    """Given up; None when it is not a dead letter."""
    return await _about(conn, _DISCARD, {"inbox_id": inbox_id, "problem": problem})


async def problem_of(conn: Conn, channel_code: str, kind: DeliveryKind, subject_ref: str) -> str:
    """Why a delivery is not done yet; empty when nothing is known."""
    async with conn.cursor(row_factory=scalar_row) as cursor:
        await cursor.execute(
            _PROBLEM_OF, {"channel_code": channel_code, "kind": kind.value, "subject_ref": subject_ref}
        )
        return str(await cursor.fetchone() or "")


async def _about(conn: Conn, statement: str, parameters: Mapping[str, object]) -> About | None:
    async with conn.cursor(row_factory=class_row(About)) as cursor:
        await cursor.execute(statement, parameters)
        return await cursor.fetchone()


def _work(row: Mapping[str, Any]) -> Work:
    return Work(
        inbox_id=row["inbox_id"],
        channel_code=row["channel_code"],
        message=_from_json(DeliveryKind(row["kind"]), row["message"]),
        order_ref=row["order_ref"],
        traceparent=row["traceparent"],
        attempt_count=row["attempt_count"],
        receive_time=row["receive_time"],
    )


def _as_json(message: Message) -> dict[str, Any]:
    stored = asdict(message)
    if isinstance(message, OrderPlaced) and message.place_time is not None:
        stored["place_time"] = message.place_time.isoformat()
    return stored


def _from_json(kind: DeliveryKind, stored: Mapping[str, Any]) -> Message:
    fields = {**stored, "lines": tuple(ItemLine(**line) for line in stored.get("lines", ()))}
    match kind:
        case DeliveryKind.ORDER:
            place_time = stored["place_time"]
            moment = None if place_time is None else datetime.fromisoformat(place_time)
            return OrderPlaced(**{**fields, "place_time": moment})
        case DeliveryKind.RETURN:
            return ReturnAnnounced(**fields)
        case DeliveryKind.CANCELLATION:
            return OrderCancelled(**stored)
        case DeliveryKind.UNREADABLE:
            return Unreadable(**stored)
