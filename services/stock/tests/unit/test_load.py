"""Whether a process has time to spare for its watchers."""

from __future__ import annotations

import pytest

from lumbung_kit.processor import wanted_s
from lumbung_stock.usecases.watch_availability import BUSY_LOOK_S, LATE_TURN_S, TURN_S, Load


@pytest.mark.parametrize(("share", "low"), [(0.1, True), (0.6, True), (0.8, False), (3.0, False)])
def test_a_process_that_wants_much_of_a_processor_is_busy_whatever_it_is_given(
    share: float, low: bool
) -> None:
    wanted = iter((5.0, 5.0 + share * BUSY_LOOK_S))
    load = Load(lambda: next(wanted))
    load.is_low(100.0)
    assert load.is_low(100.0 + BUSY_LOOK_S) is low


def test_a_process_whose_turns_come_late_is_busy() -> None:
    load = Load(lambda: 0.0)
    assert load.is_low(100.0)
    for _ in range(20):
        load.note_turn(LATE_TURN_S + TURN_S)
    assert not load.is_low(100.0)


def test_what_a_process_has_wanted_never_falls_and_grows_with_its_work() -> None:
    before = wanted_s()
    sum(range(1_000_000))
    assert wanted_s() > before
