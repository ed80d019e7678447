"""Ids that every request has before it is sent."""

from __future__ import annotations

import time
from uuid import UUID

from lumbung_client import new_request_id


def test_ids_are_uuids_of_version_7_in_the_order_of_time() -> None:
    before = time.time_ns() // 1_000_000
    made = UUID(new_request_id())
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert before <= made.int >> 80 <= time.time_ns() // 1_000_000


def test_no_two_are_the_same() -> None:
    assert len({new_request_id() for _ in range(10_000)}) == 10_000
