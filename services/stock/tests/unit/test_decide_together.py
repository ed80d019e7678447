"""One that cannot be written never fails another."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from psycopg.errors import CheckViolation

from lumbung_kit.failures import ConcurrentChange, StoreUnavailable
from lumbung_stock.usecases.decide_together import together_or_alone


class Decider:
    """Doubles numbers; raises for a batch that holds one of the bad ones."""

    def __init__(self, **bad: Exception) -> None:
        self.bad = {int(number.removeprefix("n")): error for number, error in bad.items()}
        self.calls: list[list[int]] = []

    async def __call__(self, items: Sequence[int]) -> list[int]:
        self.calls.append(list(items))
        for item in items:
            if error := self.bad.get(item):
                raise error
        return [item * 2 for item in items]


async def test_a_good_batch_is_decided_at_once() -> None:
    decide = Decider()
    assert await together_or_alone(range(8), decide) == [item * 2 for item in range(8)]
    assert decide.calls == [list(range(8))]


@pytest.mark.parametrize("bad", [[0], [7], [3, 4], [0, 1, 2, 3, 4, 5, 6, 7]])
async def test_a_bad_one_hears_why_and_the_others_hear_their_answers_in_order(bad: list[int]) -> None:
    error = CheckViolation("level_never_oversold")
    decide = Decider(**{f"n{number}": error for number in bad})
    answers = await together_or_alone(range(8), decide)
    assert answers == [error if item in bad else item * 2 for item in range(8)]
    decided = [item for call in decide.calls if not set(call) & set(bad) for item in call]
    assert sorted(decided) == [item for item in range(8) if item not in bad]


async def test_one_of_a_thousand_is_found_in_few_steps() -> None:
    decide = Decider(n777=CheckViolation())
    await together_or_alone(range(1000), decide)
    assert len(decide.calls) < 25


async def test_when_the_store_is_away_everybody_hears_that() -> None:
    with pytest.raises(StoreUnavailable):
        await together_or_alone(range(4), Decider(n0=StoreUnavailable()))


async def test_what_fails_one_half_leaves_the_answers_of_the_other() -> None:
    overtaken = ConcurrentChange()
    decide = Decider(n0=CheckViolation(), n1=overtaken)
    answers = await together_or_alone([2, 3, 0, 1], decide)
    assert answers[:2] == [4, 6]
    assert isinstance(answers[2], CheckViolation)
    assert answers[3] is overtaken
