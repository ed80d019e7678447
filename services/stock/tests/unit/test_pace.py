"""Who may go now: never faster than the pace in the long run, everybody soon after a quiet time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lumbung_stock.domain.pace import Pace


def gone(pace: Pace, start: float, seconds: float, *, turn_s: float = 0.01) -> int:
    """How many go while many more wait."""
    turns = int(seconds / turn_s)
    return sum(pace.take(start + turn * turn_s, 1_000_000) for turn in range(turns))


def test_after_a_quiet_time_all_that_was_saved_goes_within_a_second() -> None:
    pace = Pace(per_s=3_000, saved_max=5_000)
    assert pace.take(10.0, 1_000_000) < 500
    assert gone(pace, 10.01, 0.99) >= 5_000


def test_as_many_again_while_there_is_time_to_spare_and_no_more_once_there_is_none() -> None:
    pace = Pace(per_s=3_000, saved_max=5_000)
    idle = sum(pace.take(10 + turn / 100, 1_000_000, idle=True) for turn in range(200))
    assert 14_000 <= idle <= 16_000
    gone(pace, 12.0, 2.0)
    assert 2_900 <= gone(pace, 14.0, 1.0) <= 3_100


def test_a_process_that_gets_little_of_the_machine_gives_watchers_their_share_of_that() -> None:
    pace = Pace(per_s=3_000, saved_max=5_000)
    counts = [pace.take(10 + turn / 100, 1_000_000, used=5 + turn / 400) for turn in range(400)]
    assert sum(counts) <= 5_000 + 3_000
    assert 700 <= sum(counts[-100:]) <= 800


def test_few_go_at_once() -> None:
    assert Pace(per_s=3_000, saved_max=5_000).take(10.0, 7) == 7


@given(st.lists(st.floats(0.001, 0.5), min_size=1, max_size=200), st.integers(100, 5_000))
def test_the_pace_is_kept_in_the_long_run(waits: list[float], per_s: int) -> None:
    pace = Pace(per_s=per_s, saved_max=1_000)
    now, count = 0.0, 0
    for wait in waits:
        now += wait
        count += pace.take(now, 1_000_000)
    assert count <= per_s * now + 1_000
