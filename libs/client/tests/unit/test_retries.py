"""What may be sent again, how long to wait, and how much there is to spend."""

from __future__ import annotations

import grpc
import pytest

from lumbung_client.errors import Details, LumbungError, error_of
from lumbung_client.options import Options
from lumbung_client.retries import Retries, may_be_repeated

Code = grpc.StatusCode


def trouble(code: Code, reason: str = "", retry_after_s: float | None = None) -> LumbungError:
    return error_of(Details(code, reason, retry_after_s=retry_after_s))


@pytest.mark.parametrize(
    ("error", "repeated"),
    [
        (trouble(Code.UNAVAILABLE), True),
        (trouble(Code.UNAVAILABLE, "STORE_UNAVAILABLE", 0.5), True),
        (trouble(Code.CANCELLED), True),
        (trouble(Code.INTERNAL), True),
        (trouble(Code.ABORTED, "REQUEST_IN_FLIGHT"), True),
        (trouble(Code.ABORTED, "CONCURRENT_CHANGE"), False),
        (trouble(Code.RESOURCE_EXHAUSTED, "OVERLOADED", 0.1), True),
        (trouble(Code.RESOURCE_EXHAUSTED), False),
        *[
            (trouble(code, "WHATEVER", 0.1), False)
            for code in Code
            if code not in (Code.UNAVAILABLE, Code.ABORTED, Code.RESOURCE_EXHAUSTED)
        ],
    ],
    ids=str,
)
def test_only_trouble_that_passes_is_repeated(error: LumbungError, repeated: bool) -> None:
    assert may_be_repeated(error) is repeated


def test_the_servers_own_delay_is_kept_to_and_spread() -> None:
    retries = Retries(Options())
    pauses = {retries.backoff_s(0, 2.0) for _ in range(100)}
    assert min(pauses) >= 2.0
    assert max(pauses) <= 3.0
    assert len(pauses) > 50


def test_pauses_grow_up_to_their_bound() -> None:
    retries = Retries(Options(backoff_s_min=0.1, backoff_s_max=1.0))
    for attempt, longest in ((0, 0.1), (1, 0.2), (3, 0.8), (4, 1.0), (10_000, 1.0)):
        assert longest / 2 <= retries.backoff_s(attempt) <= longest


def test_the_budget_is_spent_and_comes_back_with_success() -> None:
    retries = Retries(Options(retries_max=2, retry_refill=0.5))
    error = trouble(Code.UNAVAILABLE)
    assert retries.pause_s(error, 0) is not None
    assert retries.pause_s(error, 0) is not None
    assert retries.pause_s(error, 0) is None
    assert "budget is spent" in error.__notes__[0]
    retries.succeeded()
    assert retries.pause_s(error, 0) is None
    retries.succeeded()
    assert retries.pause_s(error, 0) is not None
    for _ in range(100):
        retries.succeeded()
    assert [retries.pause_s(error, 0) is not None for _ in range(3)] == [True, True, False]


def test_what_is_not_repeated_costs_nothing() -> None:
    retries = Retries(Options(retries_max=1))
    assert retries.pause_s(trouble(Code.INTERNAL, "INTERNAL"), 0) is None
    assert retries.pause_s(trouble(Code.UNAVAILABLE), 0) is not None


def test_a_server_that_leaves_costs_nothing() -> None:
    retries = Retries(Options(retries_max=1))
    for attempt in range(10):
        assert retries.pause_s(trouble(Code.UNAVAILABLE, "SHUTTING_DOWN"), attempt) is not None
    assert retries.pause_s(trouble(Code.UNAVAILABLE), 0) is not None
