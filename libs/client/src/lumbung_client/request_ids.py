"""Ids of requests, made before sending: the same id means the same request, however often it is sent."""

from __future__ import annotations

import os
import time
from uuid import UUID

_VERSION = 7 << 76
_VARIANT = 0b10 << 62


def new_request_id() -> str:
    """A new id in the shape of a UUID, version 7: milliseconds, then 74 random bits."""
    random_bits = int.from_bytes(os.urandom(10))
    high, low = random_bits >> 68, random_bits & (1 << 62) - 1
    return str(UUID(int=(time.time_ns() // 1_000_000 << 80) | _VERSION | high << 64 | _VARIANT | low))
