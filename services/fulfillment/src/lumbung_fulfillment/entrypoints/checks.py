"""What requests say, as the domain's values; what is wrong with it is noted in a Check."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import Enum
from typing import TypeVar
from uuid import UUID

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from lumbung_kit.validate import Check, EnumWrapper

BARCODE_LENGTH_MAX = 64
ITEM_BARCODE_LENGTH_MAX = 512
SCANS_MAX = 100_000
_GS = "\x1d"
_EARLIEST_S = 0
_LATEST_S = 4_102_444_800  # 2100-01-01
E = TypeVar("E", bound=Enum)


def optional_code(check: Check, field: str, value: str) -> str:
    """A code, or empty."""
    return check.code(field, value) if value else value


def optional_uuid(check: Check, field: str, value: str) -> UUID | None:
    """A UUID, or none."""
    return check.uuid(field, value) if value else None


def moment(check: Check, field: str, value: Timestamp) -> datetime:
    """An instant from 1970 to 2100."""
    if not _EARLIEST_S <= value.seconds <= _LATEST_S or not 0 <= value.nanos < 1_000_000_000:
        check.add(field, "must be a time from 1970 to 2100")
        return datetime.fromtimestamp(0, UTC)
    return value.ToDatetime(tzinfo=UTC)


def optional_moment(check: Check, message: Message, field: str) -> datetime | None:
    """An instant, or none where it is absent."""
    return moment(check, field, getattr(message, field)) if message.HasField(field) else None


def barcode(check: Check, field: str, value: str) -> str:
    """What a scanner read at a bin."""
    return check.text(field, value, max_length=BARCODE_LENGTH_MAX).strip()


def item_barcode(check: Check, value: str) -> str:
    """What a scanner read on goods: perhaps a GS1 message, whose parts the character GS separates."""
    check.text("item_barcode", value.replace(_GS, " "), max_length=ITEM_BARCODE_LENGTH_MAX)
    return value.strip(" \t\r\n")


def scans(check: Check, value: int) -> int:
    """How many of what a barcode is on; 1 when it is not said."""
    return check.whole("quantity", value, minimum=0, maximum=SCANS_MAX) or 1


def states(
    check: Check, field: str, values: Sequence[int], wrapper: EnumWrapper, known: dict[int, E], maximum: int
) -> tuple[E, ...]:
    """States to narrow a list to; empty narrows nothing."""
    given = check.items(field, values, minimum=0, maximum=maximum)
    for place, value in enumerate(given):
        check.choice(f"{field}[{place}]", value, wrapper)
    return tuple(known[value] for value in given if value in known)
