"""Arithmetic of comparing, and what is written of it."""

from __future__ import annotations

import xml.dom.minidom
from pathlib import Path

import pytest

from lumbung_bench import names
from lumbung_bench.cases import ALL
from lumbung_bench.report.goals import GOALS, told, verdicts
from lumbung_bench.report.page import PAGE, PICTURE, RESULTS, write
from lumbung_bench.results import CaseResult, Promised, Results, Sample, Spread, Taken

TAKEN = Taken(time="2026-11-23T00:00:00+00:00", commit="abc", rounds=3, measure_s=4.0, load_average=0.1)


def sample(rate: float, p99: float = 10.0) -> Sample:
    return Sample(
        rate_per_s=rate,
        p50_ms=p99 / 2,
        p99_ms=p99,
        held=int(rate),
        refused=0,
        failed=0,
        server_cpu_us=100.0,
        postgres_cpu_us=50.0,
        valkey_cpu_us=10.0,
        generator_cpu_us=20.0,
        answer_bytes=250.0,
    )


def compared(**promised: Promised) -> CaseResult:
    """The machine becomes twice as fast from round to round; the ratio stays."""
    return CaseResult(
        title="three lines",
        taken=TAKEN,
        samples={
            names.ECHO: [sample(1000), sample(2000), sample(4000)],
            names.DURABLE: [sample(700, 15), sample(1400, 12), sample(2000, 30)],
        },
        promised=promised,
    )


def results(**cases: CaseResult) -> Results:
    return Results(machine={"cores": "2"}, versions={"python": "3"}, cases=cases)


def test_ratios_are_taken_within_rounds() -> None:
    case = compared()
    assert case.baseline == names.ECHO
    assert case.rate_ratio(names.DURABLE) == Spread(median=0.7, low=0.5, high=0.7)
    assert case.p99_ratio(names.DURABLE) == Spread(median=1.5, low=1.2, high=3.0)


def test_results_survive_their_file(tmp_path: Path) -> None:
    kept = results(
        **{"durable-3-lines": compared(stock=Promised(acknowledged=5, minus_rows=0, minus_stock=0))}
    )
    kept.save(tmp_path / RESULTS)
    assert Results.load(tmp_path / RESULTS) == kept
    assert Results.load(tmp_path / "nothing.json") == Results()


def test_a_goal_is_met_or_not_or_not_measured() -> None:
    found = {each.figure: each for each in verdicts(results(**{"durable-3-lines": compared()}))}
    rate = found["durable Reserve, 3 lines, rate against the echo's"]
    assert (rate.met, rate.goal, rate.measured) == (True, ">= 0.6", "0.70 (0.50 to 0.70)")
    p99 = found["durable Reserve, 3 lines, p99 against the echo's"]
    assert (p99.met, p99.measured) == (True, "1.50 (1.20 to 3.00)")
    assert found["journal lag, p99, at full load"].met is None


def test_skipped_is_not_measured() -> None:
    skipped = CaseResult(title="soft", taken=TAKEN, skipped="not served yet")
    (soft, *_) = [each for each in verdicts(results(soft=skipped)) if each.case == "soft"]
    assert (soft.met, soft.measured) == (None, "not served yet")


def test_a_promise_without_stock_or_row_is_told() -> None:
    broken = compared(stock=Promised(acknowledged=10, minus_rows=1, minus_stock=2))
    rival = {"rival for-update": Promised(acknowledged=10, minus_rows=7, minus_stock=7)}
    case = broken.model_copy(update={"promised": {**broken.promised, **rival}})
    *_, stock, rows = verdicts(results(**{"durable-3-lines": case}))
    assert (stock.measured, stock.met) == ("2 of 10 promised", False)
    assert (rows.measured, rows.met) == ("1 of 10 promised", False)


def test_every_goal_names_a_case_that_exists() -> None:
    assert {goal.case for goal in GOALS} <= {case.name for case in ALL}
    assert len({case.name for case in ALL}) == len(ALL)


def test_the_page_and_the_picture_show_everybody(tmp_path: Path) -> None:
    figures = CaseResult(title="lag", taken=TAKEN, figures={"lag p99 s": [0.1, 0.2]})
    write(results(**{"durable-3-lines": compared(), "journal-lag": figures}), tmp_path)
    page = (tmp_path / PAGE).read_text()
    assert "| ours, durable | 1,400 (700 to 2,000) | **0.70 (0.50 to 0.70)** |" in page
    assert "| lag p99 s | 0.15 | 0.10 | 0.20 |" in page
    assert "load average before: 0.10" in page
    picture = xml.dom.minidom.parse(str(tmp_path / PICTURE))  # noqa: S318 - written by ourselves
    assert len(picture.getElementsByTagName("circle")) == 2


def test_a_page_without_results_says_what_is_missing(tmp_path: Path) -> None:
    write(Results(), tmp_path)
    assert (tmp_path / PAGE).read_text().count("not measured") == len(GOALS)


@pytest.mark.parametrize(
    ("spread", "words"),
    [
        (Spread(median=0.5, low=0.5, high=0.5), "0.50 s"),
        (Spread(median=12.34, low=1.0, high=1234.5), "12.3 s (1.00 to 1,234)"),
    ],
)
def test_figures_have_the_digits_that_matter(spread: Spread, words: str) -> None:
    assert told(spread, " s") == words
