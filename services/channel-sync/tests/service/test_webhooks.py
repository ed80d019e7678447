"""Only the channel itself can send deliveries, each exactly as it signed it, and lately."""

from __future__ import annotations

import time
from typing import Any

import pytest

BODY = {"order_id": "T-1", "lines": [{"listing_id": "TKR-1", "quantity": 1}]}


async def test_a_genuine_delivery_is_taken_and_durable_when_answered(world: Any) -> None:
    await world.connect()
    answer = await world.deliver("order.placed", BODY)
    assert answer.status_code == 200
    assert await world.count("inbox") == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"secret": "another key"},
        {"add_to_body": b" "},
        {"ago_s": 600.0},
        {"ago_s": -600.0},
        {"headers": {"x-marketplace-signature": ""}},
        {"headers": {"x-marketplace-signature": "00" * 32}},
        {"headers": {"x-marketplace-timestamp": "now"}},
        {"channel": "nobody"},
    ],
    ids=["key", "one byte more", "old", "future", "no signature", "wrong", "no time", "unknown channel"],
)
async def test_anything_else_is_refused_in_the_same_way(world: Any, changes: dict[str, Any]) -> None:
    await world.connect()
    if "ago_s" in changes:  # by the clock of when it is sent: parameters are made when tests are collected
        changes = {"at_s": time.time() - changes["ago_s"]}
    answer = await world.deliver("order.placed", BODY, **changes)
    assert (answer.status_code, answer.json()) == (401, {"error": "NOT_AUTHENTIC"})
    assert await world.count("inbox") == 0


async def test_a_long_body_is_refused_also_when_its_length_is_not_said(world: Any) -> None:
    await world.connect()
    url = f"{world.webhook_url}/webhooks/tokoria"

    async def chunks() -> Any:
        for _ in range(40):
            yield b"x" * 1024

    stated = await world.http.post(url, content=b"x" * 40_000)
    streamed = await world.http.post(url, content=chunks())
    assert (stated.status_code, streamed.status_code) == (413, 413)


async def test_only_posts_to_webhooks_are_answered(world: Any) -> None:
    assert (await world.http.get(f"{world.webhook_url}/webhooks/tokoria")).status_code == 405
    assert (await world.http.post(f"{world.webhook_url}/")).status_code == 404


async def test_what_cannot_be_read_becomes_a_dead_letter_and_is_not_sent_again(world: Any) -> None:
    await world.connect()
    assert (await world.deliver("order.placed", {"order_id": "T-1", "lines": []})).status_code == 200
    assert (await world.deliver("something.new", {})).status_code == 200

    async def parked() -> bool:
        return bool(await world.count("inbox WHERE park_time IS NOT NULL AND reason = 'UNREADABLE'") == 2)

    await world.eventually(parked)
