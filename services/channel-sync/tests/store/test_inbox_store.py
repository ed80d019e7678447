"""Deliveries in a real PostgreSQL: once in effect, one order's after the other, none lost."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from lumbung_channel_sync.domain.channels import ChannelSpec, Platform
from lumbung_channel_sync.domain.orders import (
    ItemLine,
    Message,
    OrderCancelled,
    OrderPlaced,
    ReturnAnnounced,
    Unreadable,
)
from lumbung_channel_sync.stores import channels, inbox
from lumbung_channel_sync.stores.inbox import Delivery, Work
from lumbung_kit.postgres import Postgres

pytestmark = pytest.mark.store
CODE = "tokoria"


def placed(ref: str) -> OrderPlaced:
    """An order of one item."""
    moment = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
    return OrderPlaced(ref, (ItemLine("L-1", 1, "HARBOLNAS"),), "budi", "jne-reg", moment)


async def store(postgres: Postgres, *messages: Message) -> None:
    """Keeps each in a transaction of its own."""
    for message in messages:
        async with postgres.transaction() as conn:
            await inbox.store(conn, [Delivery(CODE, message, b"raw", "d-1", "")])


async def claim(postgres: Postgres, limit: int = 10, worker: str = "w-1") -> list[Work]:
    """What may be worked through now."""
    async with postgres.transaction() as conn:
        return await inbox.claim(conn, worker, limit, 60.0)


async def finish(postgres: Postgres, work: Work) -> None:
    """It is done."""
    async with postgres.transaction() as conn:
        await inbox.finish(conn, [work.inbox_id])


@pytest.fixture
async def connected(postgres: Postgres) -> Postgres:
    """A database with one channel."""
    async with postgres.transaction() as conn:
        spec = ChannelSpec("Tokoria", "http://127.0.0.1:1", "tokoria", "", 50)
        await channels.insert(conn, CODE, Platform.DEMO_MARKETPLACE, spec, "staff:ani")
    return postgres


@pytest.mark.parametrize(
    "message",
    [
        placed("T-1"),
        OrderPlaced("T-1", (ItemLine("L-1", 1),), "", "", None),
        OrderCancelled("T-1", "salah pilih", by_seller=True),
        ReturnAnnounced("R-1", "T-1", (ItemLine("L-1", 2),), "rusak"),
        Unreadable("ab" * 32, "topic 'x': KeyError"),
    ],
)
async def test_a_message_reads_back_as_it_was(connected: Postgres, message: Message) -> None:
    await store(connected, message)
    assert [work.message for work in await claim(connected)] == [message]


async def test_the_same_effect_is_kept_once_also_when_it_is_done(connected: Postgres) -> None:
    await store(connected, placed("T-1"), placed("T-1"))
    (work,) = await claim(connected)
    await finish(connected, work)
    await store(connected, placed("T-1"))
    assert await claim(connected) == []


async def test_two_workers_never_get_the_same_delivery(connected: Postgres) -> None:
    await store(connected, *(placed(f"T-{number}") for number in range(40)))
    claims = await asyncio.gather(*(claim(connected, 15, f"w-{number}") for number in range(4)))
    ids = [work.inbox_id for works in claims for work in works]
    assert len(ids) == len(set(ids))


async def test_of_one_order_one_delivery_at_a_time_in_the_order_of_arrival(connected: Postgres) -> None:
    await store(connected, placed("T-1"), OrderCancelled("T-1", ""), placed("T-2"))
    first = await claim(connected)
    assert [(work.order_ref, type(work.message)) for work in first] == [
        ("T-1", OrderPlaced),
        ("T-2", OrderPlaced),
    ]
    assert await claim(connected) == []
    await finish(connected, first[0])
    second = await claim(connected)
    assert [type(work.message) for work in second] == [OrderCancelled]


async def test_a_delivery_that_waits_holds_back_the_later_ones_of_its_order(connected: Postgres) -> None:
    await store(connected, placed("T-1"), OrderCancelled("T-1", ""))
    (work,) = await claim(connected)
    async with connected.transaction() as conn:
        await inbox.postpone(conn, work.inbox_id, 3600.0, "STORE_UNAVAILABLE", "")
    assert await claim(connected) == []


async def test_a_parked_order_does_not_hold_back_its_cancellation(connected: Postgres) -> None:
    await store(connected, placed("T-1"), OrderCancelled("T-1", ""))
    (work,) = await claim(connected)
    async with connected.transaction() as conn:
        assert await inbox.park(conn, work.inbox_id, "LISTING_UNKNOWN", "") is not None
    assert [type(one.message) for one in await claim(connected)] == [OrderCancelled]


async def test_what_a_killed_worker_had_claimed_is_free_when_it_starts_again(connected: Postgres) -> None:
    await store(connected, placed("T-1"), placed("T-2"))
    claimed = await claim(connected)
    async with connected.transaction() as conn:
        await inbox.release_claims(conn, "another", [])
    assert await claim(connected) == []
    async with connected.transaction() as conn:
        await inbox.release_claims(conn, "w-1", [claimed[0].inbox_id])
    assert [work.order_ref for work in await claim(connected)] == ["T-2"]


async def test_only_what_cannot_be_read_keeps_its_raw_body(connected: Postgres) -> None:
    await store(connected, placed("T-1"), Unreadable("cd" * 32, "not JSON"))
    async with connected.connection() as conn:
        rows = await (await conn.execute("SELECT kind, raw_body FROM inbox ORDER BY kind")).fetchall()
    assert rows == [("ORDER", None), ("UNREADABLE", b"raw")]
