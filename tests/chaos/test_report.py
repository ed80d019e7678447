"""What is shown of a run says whether it went well, and the order of faults is the seed's."""

from __future__ import annotations

import json
import random
from itertools import islice

from rich.console import Console

from lumbung_dev.chaos import report
from lumbung_dev.chaos.checker import Breach, Promise, Verdict
from lumbung_dev.chaos.rows import ROWS
from lumbung_dev.chaos.schedule import SPECIAL_EACH, Played, Run, _order, of_seed
from lumbung_dev.chaos.special import SPECIAL_ROWS
from lumbung_dev.chaos.timeline import COLUMN_S, picture, rates
from lumbung_dev.chaos.words import WORDS, Language

GOOD = Verdict((), 120, 60, 1)
BAD = Verdict(
    (Breach(Promise.OVERSOLD, 2, "clients had 12 units of 10"), Breach(Promise.LOST_HOLD, 1, "x is gone")),
    9,
    3,
    0,
)


def test_a_seed_decides_the_order_and_every_row_comes_before_any_comes_again() -> None:
    first = list(islice(_order(ROWS, random.Random(7)), 2 * len(ROWS)))
    assert first == list(islice(_order(ROWS, random.Random(7)), 2 * len(ROWS)))
    assert set(first[: len(ROWS)]) == set(ROWS)
    assert first != list(islice(_order(ROWS, random.Random(8)), 2 * len(ROWS)))


def test_seeds_in_a_row_go_through_all_rows_that_need_a_world_of_their_own() -> None:
    turns = -(-len(SPECIAL_ROWS) // SPECIAL_EACH)
    for first in (1, 17):
        played = [row for seed in range(first, first + turns) for row in of_seed(seed)]
        assert set(played) == set(SPECIAL_ROWS)


def test_what_this_machine_cannot_try_is_said() -> None:
    run = Run(3, [Played(SPECIAL_ROWS[0], 0.4)], [GOOD], left_out=["row 7, disk full: needs root"])
    console = Console(record=True, width=200)
    report.show(console, [run])
    told = console.export_text()
    assert "not tried: row 7, disk full: needs root" in told
    assert "fsync fails (always)" in told


def test_a_good_run_and_a_bad_one() -> None:
    good = Run(1, [Played(ROWS[0], 0.4)], [GOOD])
    bad = Run(2, [Played(ROWS[0], 2.5)], [BAD])
    assert (good.content, bad.content) == (True, False)
    told = json.loads(report.as_json([good, bad]))
    assert [(run["oversold_units"], run["lost_acknowledgements"]) for run in told] == [(0, 0), (2, 1)]
    page = report.markdown([good, bad], 5.0)
    assert "| 1 | 120 | 60 | 0 | 0 | 0 | 0 | 1 |" in page
    assert "| 1 | Valkey killed | S C D L, A <= 3 s | kept | 2 | 1.4 s | 2.5 s |" in page


def test_what_the_system_did_instead_is_shown() -> None:
    run = Run(3, [Played(ROWS[0], 0.4, "it slept")], [GOOD])
    assert not run.content
    console = Console(record=True, width=200)
    report.show(console, [run])
    assert "it slept" in console.export_text()


def test_an_answer_that_nobody_should_get_spoils_a_run() -> None:
    assert not Run(4, [], [GOOD], ["r-1: INTERNAL"]).content


def test_holds_a_second_column_by_column() -> None:
    assert rates([10.0, 10.1, 10.3, 99.0], 10.0, 10.0 + 3 * COLUMN_S) == [8.0, 4.0, 0.0]


def test_the_picture_marks_the_loss_and_the_recovery() -> None:
    rows = picture([4.0, 8.0, 0.0, 8.0], 2, 3).plain.splitlines()
    assert rows[0] == "      8 ┤ █ █"
    assert rows[-1].index("▲") == 9 + 2
    assert rows[-1].index("△") == 9 + 3


def test_both_languages_say_the_same_things() -> None:
    english, indonesian = WORDS[Language.EN], WORDS[Language.ID]
    assert english.keys() == indonesian.keys()
    assert {key for key in english if english[key] == indonesian[key]} <= {"now"}
