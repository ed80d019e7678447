"""Deliveries of the demo marketplace.

X-Marketplace-Topic: order.placed | order.cancelled | return.announced
X-Marketplace-Timestamp: seconds since 1970, when it was signed
X-Marketplace-Signature: hex HMAC-SHA256(webhook secret, timestamp + "." + raw body)
X-Marketplace-Delivery-Id: the same again when a delivery is repeated
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from lumbung_channel_sync.connectors.signing import Encoding, matches
from lumbung_channel_sync.domain.channels import ChannelSecret
from lumbung_channel_sync.domain.orders import (
    LINES_MAX,
    ItemLine,
    Message,
    OrderCancelled,
    OrderPlaced,
    ReturnAnnounced,
    Unreadable,
)

TIMESTAMP_WINDOW_S = 300
_REF_MAX = 64
_QUANTITY_MAX = 1_000_000
_YEAR_MIN, _YEAR_MAX = 2000, 2099
_SECONDS = re.compile(r"[0-9]{1,12}")


class DemoMarketplaceWebhooks:
    """Checks and reads deliveries."""

    def is_authentic(
        self, secret: ChannelSecret, headers: Mapping[str, str], raw_body: bytes, now: datetime
    ) -> bool:
        """The signature covers the timestamp, so that neither can be changed alone or replayed later."""
        stated = headers.get("x-marketplace-timestamp", "")
        if not _SECONDS.fullmatch(stated):
            return False
        signed = stated.encode() + b"." + raw_body
        genuine = matches(
            secret.webhook_secret, signed, Encoding.HEX, headers.get("x-marketplace-signature", "")
        )
        return genuine and abs(now.timestamp() - int(stated)) <= TIMESTAMP_WINDOW_S

    def delivery_ref(self, headers: Mapping[str, str]) -> str:
        """The delivery's id."""
        return headers.get("x-marketplace-delivery-id", "")[:_REF_MAX]

    def read(self, raw_body: bytes, headers: Mapping[str, str]) -> Message:
        """One of the three topics."""
        topic = headers.get("x-marketplace-topic", "")
        try:
            return _READERS[topic](json.loads(raw_body))
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            digest = hashlib.sha256(topic.encode() + b"\n" + raw_body).hexdigest()
            return Unreadable(digest, f"topic {topic[:40]!r}: {type(error).__name__}")


def _placed(body: dict[str, Any]) -> OrderPlaced:
    return OrderPlaced(
        order_ref=_ref(body["order_id"]),
        lines=_lines(body["lines"]),
        buyer_ref=_optional_ref(body, "buyer_id"),
        courier_service=_optional_ref(body, "courier")[:32],
        place_time=_time(body.get("placed_at")),
    )


def _cancelled(body: dict[str, Any]) -> OrderCancelled:
    return OrderCancelled(_ref(body["order_id"]), _reason(body))


def _returned(body: dict[str, Any]) -> ReturnAnnounced:
    return ReturnAnnounced(
        _ref(body["return_id"]), _ref(body["order_id"]), _lines(body["lines"]), _reason(body)
    )


_READERS: dict[str, Callable[[dict[str, Any]], Message]] = {
    "order.placed": _placed,
    "order.cancelled": _cancelled,
    "return.announced": _returned,
}


def _ref(value: object) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= _REF_MAX or not value.isprintable():
        raise ValueError("not a reference")
    return value


def _optional_ref(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    return "" if value in (None, "") else _ref(value)


def _reason(body: dict[str, Any]) -> str:
    return "".join(letter for letter in str(body.get("reason", "")) if letter.isprintable())[:200]


def _lines(rows: object) -> tuple[ItemLine, ...]:
    if not isinstance(rows, list) or not 1 <= len(rows) <= LINES_MAX:
        raise ValueError("not a list of lines")
    return tuple(
        ItemLine(_ref(row["listing_id"]), _quantity(row["quantity"]), _optional_ref(row, "sale_code"))
        for row in rows
    )


def _quantity(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= _QUANTITY_MAX:
        raise ValueError("not a quantity")
    return value


def _time(value: object) -> datetime | None:
    if value is None:
        return None
    moment = datetime.fromisoformat(str(value))
    if moment.tzinfo is None or not _YEAR_MIN <= moment.year <= _YEAR_MAX:
        raise ValueError("not a time of this century with its zone")
    return moment
