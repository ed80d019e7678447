"""What channels still have to be told about their orders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg.rows import dict_row, scalar_row

from lumbung_channel_sync.domain.orders import AnswerKind
from lumbung_channel_sync.stores.orders import OrderKey
from lumbung_kit import sql
from lumbung_kit.postgres import Conn

_SQL = sql.load(__package__, "answers.sql")
_QUEUE = _SQL["queue_answers"]
_WAITING_CHANNELS = _SQL["waiting_channels"]
_READ_WAITING = _SQL["read_waiting"]
_MARK_SENT = _SQL["mark_sent"]
_MARK_FAILED = _SQL["mark_failed"]
_COUNT_WAITING = _SQL["count_waiting"]
_REPLAY = _SQL["replay"]
_DISCARD = _SQL["discard"]


@dataclass(frozen=True, slots=True)
class NewAnswer:
    """Something that a channel has to be told."""

    key: OrderKey
    kind: AnswerKind
    reason: str = ""
    message: str = ""
    traceparent: str = ""


@dataclass(frozen=True, slots=True)
class WaitingAnswer:
    """The same, stored."""

    answer_id: int
    key: OrderKey
    kind: AnswerKind
    reason: str
    message: str
    traceparent: str
    attempt_count: int


@dataclass(frozen=True, slots=True)
class FailedAnswer:
    """The channel did not take it."""

    answer_id: int
    reason: str
    message: str
    delay_s: float
    parked: bool


async def queue(conn: Conn, answers: Sequence[NewAnswer]) -> None:
    """Channels will be told these."""
    if not answers:
        return
    await conn.execute(
        _QUEUE,
        {
            "channel_codes": [answer.key.channel_code for answer in answers],
            "order_refs": [answer.key.order_ref for answer in answers],
            "kinds": [answer.kind.value for answer in answers],
            "reasons": [answer.reason for answer in answers],
            "messages": [answer.message for answer in answers],
            "traceparents": [answer.traceparent for answer in answers],
        },
    )


async def waiting_channels(conn: Conn) -> list[str]:
    """Channels that have to be told something and may be called now."""
    async with conn.cursor(row_factory=scalar_row) as cursor:
        await cursor.execute(_WAITING_CHANNELS)
        return [str(code) for code in await cursor.fetchall()]


async def read_waiting(conn: Conn, channel_code: str, limit: int) -> list[WaitingAnswer]:
    """What one channel has to be told now."""
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_READ_WAITING, {"channel_code": channel_code, "limit": limit})
        return [
            WaitingAnswer(
                answer_id=row["answer_id"],
                key=OrderKey(row["channel_code"], row["order_ref"]),
                kind=AnswerKind(row["kind"]),
                reason=row["reason"],
                message=row["message"],
                traceparent=row["traceparent"],
                attempt_count=row["attempt_count"],
            )
            for row in await cursor.fetchall()
        ]


async def mark_sent(conn: Conn, answer_ids: Sequence[int]) -> None:
    """The channel has taken these."""
    await conn.execute(_MARK_SENT, {"answer_ids": list(answer_ids)})


async def mark_failed(conn: Conn, failed: Sequence[FailedAnswer]) -> None:
    """The channel has not taken these."""
    await conn.execute(
        _MARK_FAILED,
        {
            "answer_ids": [one.answer_id for one in failed],
            "reasons": [one.reason for one in failed],
            "messages": [one.message for one in failed],
            "delays_s": [one.delay_s for one in failed],
            "parked": [one.parked for one in failed],
        },
    )


async def count_waiting(conn: Conn, channel_code: str) -> int:
    """How many answers a channel has not taken yet."""
    async with conn.cursor(row_factory=scalar_row) as cursor:
        await cursor.execute(_COUNT_WAITING, {"channel_code": channel_code})
        return int(await cursor.fetchone() or 0)


async def replay(conn: Conn, answer_id: int) -> bool:
    """Tried again; False when there is no such answer."""
    return await (await conn.execute(_REPLAY, {"answer_id": answer_id})).fetchone() is not None


async def discard(conn: Conn, answer_id: int, problem: str) -> bool:
    """Given up; False when it does not wait for a person."""
    cursor = await conn.execute(_DISCARD, {"answer_id": answer_id, "problem": problem})
    return await cursor.fetchone() is not None
