"""What one look at a channel's own figure means."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lumbung_channel_sync.domain.drift import Agreement, Belief, Compared, Count, Finding, judge

PUSHED = Belief(
    pushed=True,
    at_rest=True,
    desired_quantity=5,
    confirmed_quantity=5,
    observed_quantity=None,
    items_ordered=0,
    items_cancelled=0,
    suspect=False,
)
COMPARED = replace(PUSHED, pushed=False, confirmed_quantity=None)


@pytest.mark.parametrize(
    ("belief", "shown", "finding", "compared"),
    [
        (PUSHED, 5, Finding.AGREES, Compared.FIGURE),
        (PUSHED, 4, Finding.SUSPECT, Compared.FIGURE),
        (replace(PUSHED, suspect=True), 4, Finding.DIFFERS, Compared.FIGURE),
        (replace(PUSHED, suspect=True), 5, Finding.AGREES, Compared.FIGURE),
        (replace(PUSHED, at_rest=False), 4, Finding.NOT_AT_REST, Compared.FIGURE),
        (replace(PUSHED, confirmed_quantity=None), 4, Finding.NOT_AT_REST, Compared.FIGURE),
        (COMPARED, 5, Finding.AGREES, Compared.FIGURE),
        (COMPARED, 6, Finding.SUSPECT, Compared.FIGURE),
        (replace(COMPARED, observed_quantity=9, items_ordered=2), 7, Finding.AGREES, Compared.DECREMENT),
        (replace(COMPARED, observed_quantity=9, items_ordered=2), 9, Finding.SUSPECT, Compared.DECREMENT),
        (
            replace(COMPARED, observed_quantity=9, items_ordered=2, items_cancelled=1),
            8,
            Finding.AGREES,
            Compared.CANCELLATION,
        ),
        (replace(COMPARED, items_ordered=2), 5, Finding.AGREES, Compared.FIGURE),
        (replace(COMPARED, desired_quantity=None), 5, Finding.NOT_AT_REST, Compared.FIGURE),
    ],
)
def test_judgements(belief: Belief, shown: int, finding: Finding, compared: Compared) -> None:
    judgement = judge(belief, shown)
    assert (judgement.finding, judgement.compared) == (finding, compared)


def test_agreement_is_whole_when_something_was_compared_and_nothing_disagreed() -> None:
    nothing = Count(0, 0)
    assert not Agreement(nothing, nothing, nothing).is_whole
    assert Agreement(Count(3, 3), nothing, nothing).is_whole
    assert not Agreement(Count(3, 3), Count(1, 0), nothing).is_whole
    assert not Agreement(nothing, Count(1, 1), nothing).is_whole
