import math

import pytest

from lumbung_kit import context


def test_nobody_and_no_deadline_by_default() -> None:
    assert context.actor() == "anonymous"
    assert math.isinf(context.deadline_remaining_s())


def test_acting_as_lasts_as_long_as_its_block() -> None:
    with context.acting_as("staff:ani"):
        assert context.actor() == "staff:ani"
    assert context.actor() == "anonymous"


def test_a_deadline_inside_another_never_lengthens_it() -> None:
    with context.within(1), context.within(60):
        assert context.deadline_remaining_s() == pytest.approx(1, abs=0.2)
    assert math.isinf(context.deadline_remaining_s())


def test_a_deadline_in_the_past_leaves_nothing() -> None:
    with context.within(-1):
        assert context.deadline_remaining_s() == 0
