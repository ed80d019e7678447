"""A response with events stays below what clients take in."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from lumbung_kit.events import StoredEvent
from lumbung_stock.entrypoints.event_service import portions


def events(*sizes: int) -> list[StoredEvent]:
    moment = datetime(2026, 11, 22, tzinfo=UTC)
    return [
        StoredEvent(position, UUID(int=position), moment, "stock_moved", b"x" * size, "W1", "")
        for position, size in enumerate(sizes, start=1)
    ]


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ((), [[]]),
        ((5,), [[1]]),
        ((5, 5), [[1, 2]]),
        ((5, 6), [[1], [2]]),
        ((99, 1, 1), [[1], [2, 3]]),
        ((1, 99, 1), [[1], [2], [3]]),
    ],
)
def test_events_are_portioned_in_order_and_each_is_sent(
    sizes: tuple[int, ...], expected: list[list[int]]
) -> None:
    found = [[event.position for event in portion] for portion in portions(events(*sizes), 10)]
    assert found == expected
