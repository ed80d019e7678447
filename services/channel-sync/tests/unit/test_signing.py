"""Signatures over raw bytes: as the platforms make them, and not one byte else."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumbung_channel_sync.connectors.demo_marketplace.webhooks import DemoMarketplaceWebhooks
from lumbung_channel_sync.connectors.signing import Encoding, matches, signature
from lumbung_channel_sync.domain.channels import ChannelSecret
from lumbung_channel_sync.domain.orders import OrderPlaced, Unreadable

VECTORS = json.loads(Path(__file__).with_name("signature_vectors.json").read_text(encoding="utf-8"))[
    "vectors"
]
NAMES = [f"{vector['platform']}/{vector['name']}" for vector in VECTORS]
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SECRET = ChannelSecret("made up", "key")
READER = DemoMarketplaceWebhooks()


@pytest.mark.parametrize("vector", VECTORS, ids=NAMES)
def test_platforms_signatures(vector: dict[str, Any]) -> None:
    signed = (vector["prefix"] + vector["body"]).encode()
    encoding, key, claimed = Encoding[vector["encoding"]], vector["key"], vector["signature"]
    assert signature(key, signed, encoding) == claimed
    assert matches(key, signed, encoding, claimed)
    assert not matches(key, signed + b" ", encoding, claimed)
    assert not matches(key + "x", signed, encoding, claimed)
    assert not matches(key, signed, encoding, "")
    assert not matches("", signed, encoding, signature("", signed, encoding))


def headers(raw_body: bytes, moment: datetime = NOW) -> dict[str, str]:
    """A genuine delivery's."""
    timestamp = str(int(moment.timestamp()))
    signed = timestamp.encode() + b"." + raw_body
    return {
        "x-marketplace-topic": "order.placed",
        "x-marketplace-timestamp": timestamp,
        "x-marketplace-signature": signature(SECRET.webhook_secret, signed, Encoding.HEX),
    }


@given(raw_body=st.binary(max_size=200), more=st.binary(min_size=1, max_size=3))
def test_the_demo_marketplace_signs_every_byte(raw_body: bytes, more: bytes) -> None:
    assert READER.is_authentic(SECRET, headers(raw_body), raw_body, NOW)
    assert not READER.is_authentic(SECRET, headers(raw_body), raw_body + more, NOW)


@pytest.mark.parametrize(("minutes", "taken"), [(0, True), (4, True), (6, False), (-4, True), (-6, False)])
def test_only_lately_signed_deliveries_are_taken(minutes: int, taken: bool) -> None:
    signed_at = NOW - timedelta(minutes=minutes)
    assert READER.is_authentic(SECRET, headers(b"{}", signed_at), b"{}", NOW) is taken


@pytest.mark.parametrize("timestamp", ["", "soon", "-1", "1e9", "９９", "1" * 13])
def test_a_time_that_is_none_is_refused(timestamp: str) -> None:
    changed = {**headers(b"{}"), "x-marketplace-timestamp": timestamp}
    assert not READER.is_authentic(SECRET, changed, b"{}", NOW)


@given(raw_body=st.binary(max_size=300), topic=st.text(max_size=30))
def test_whatever_is_signed_reading_it_never_fails(raw_body: bytes, topic: str) -> None:
    READER.read(raw_body, {"x-marketplace-topic": topic})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=70),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["order_id", "lines", "listing_id", "quantity", "placed_at"]), inner
        )
    ),
    max_leaves=20,
)


@given(body=JSON, topic=st.sampled_from(["order.placed", "order.cancelled", "return.announced"]))
def test_what_is_read_is_bounded(body: Any, topic: str) -> None:
    message = READER.read(json.dumps(body).encode(), {"x-marketplace-topic": topic})
    if isinstance(message, OrderPlaced):
        assert 1 <= len(message.order_ref) <= 64
        assert all(1 <= line.item_quantity <= 1_000_000 for line in message.lines)


@pytest.mark.parametrize(
    "body",
    [
        {"order_id": "T-1", "lines": [{"listing_id": "A", "quantity": 0}]},
        {"order_id": "T-1", "lines": [{"listing_id": "A", "quantity": True}]},
        {"order_id": "T-1", "lines": [{"listing_id": "A", "quantity": 1.5}]},
        {"order_id": "T\0", "lines": [{"listing_id": "A", "quantity": 1}]},
        {"order_id": "T-1", "lines": [{"listing_id": "A", "quantity": 1}] * 101},
        {"order_id": "T-1", "lines": []},
        {"order_id": "x" * 65, "lines": [{"listing_id": "A", "quantity": 1}]},
        {"order_id": "T-1", "lines": [{"listing_id": "A", "quantity": 1}], "placed_at": "2026-11-22T10:00"},
        {
            "order_id": "T-1",
            "lines": [{"listing_id": "A", "quantity": 1}],
            "placed_at": "0001-01-01T00:00:00+14:00",
        },
        ["T-1"],
    ],
)
def test_what_is_no_order_is_unreadable(body: Any) -> None:
    message = READER.read(json.dumps(body).encode(), {"x-marketplace-topic": "order.placed"})
    assert isinstance(message, Unreadable)


def test_secrets_never_show() -> None:
    assert "made up" not in f"{SECRET} {SECRET!r}"
