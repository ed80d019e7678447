"""When to try again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lumbung_channel_sync.domain.retries import Backoff

BACKOFF = Backoff(first_s=1.0, longest_s=300.0)
JITTER = st.floats(min_value=0, max_value=1)


@given(attempts=st.integers(min_value=1, max_value=10**6), jitter=JITTER)
def test_delays_are_bounded_on_both_sides(attempts: int, jitter: float) -> None:
    assert 0.5 <= BACKOFF.delay_s(attempts, jitter=jitter) <= 300


@given(asked_s=st.floats(min_value=0, max_value=3600), attempts=st.integers(1, 50), jitter=JITTER)
def test_never_before_the_time_that_the_other_side_named(
    asked_s: float, attempts: int, jitter: float
) -> None:
    assert asked_s <= BACKOFF.delay_s(attempts, jitter=jitter, asked_s=asked_s) <= asked_s * 1.1 + 1e-9


def test_delays_double() -> None:
    assert [BACKOFF.delay_s(attempts, jitter=0) for attempts in (1, 2, 3, 20)] == [1, 2, 4, 300]
