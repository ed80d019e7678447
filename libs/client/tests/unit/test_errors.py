"""Refusals as exceptions, from status details and from outcomes among many."""

from __future__ import annotations

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from lumbung.stock.v1.reservations_pb2 import Refusal, RefusedLine
from lumbung_client import (
    AlreadyResolved,
    Conflict,
    InvalidRequest,
    LumbungError,
    NotAllowed,
    NotFound,
    OutOfStock,
    Overloaded,
    Refused,
    Unavailable,
)
from lumbung_client.errors import Details, error_of, error_of_refusal

Code = grpc.StatusCode


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (Code.FAILED_PRECONDITION, "OUT_OF_STOCK", OutOfStock),
        (Code.FAILED_PRECONDITION, "NEWER_THAN_THIS_CLIENT", Refused),
        (Code.ALREADY_EXISTS, "FLASH_SALE_EXISTS", Refused),
        (Code.INVALID_ARGUMENT, "BAD_INPUT", InvalidRequest),
        (Code.NOT_FOUND, "SKU_NOT_FOUND", NotFound),
        (Code.ABORTED, "REQUEST_IN_FLIGHT", Conflict),
        (Code.RESOURCE_EXHAUSTED, "OVERLOADED", Overloaded),
        (Code.UNAVAILABLE, "", Unavailable),
        (Code.PERMISSION_DENIED, "", NotAllowed),
        (Code.INTERNAL, "INTERNAL", LumbungError),
    ],
)
def test_each_code_has_a_class(code: Code, reason: str, kind: type[LumbungError]) -> None:
    error = error_of(Details(code, reason, "said so"))
    assert type(error) is kind
    assert str(error) == f"{reason or code.name}: said so"


def test_the_winner_of_a_race_is_told() -> None:
    error = error_of(Details(Code.FAILED_PRECONDITION, "ALREADY_RESOLVED", metadata={"winner": "confirm"}))
    assert isinstance(error, AlreadyResolved)
    assert error.winner == "confirm"


def test_a_refusal_among_many_is_the_same_as_alone() -> None:
    line = RefusedLine(sku_code="A", asked_quantity=2, available_quantity=1)
    refusal = Refusal(reason="OUT_OF_STOCK", lines=[line], retry_delay=Duration(seconds=60), code=9)
    error = error_of_refusal(refusal)
    assert isinstance(error, OutOfStock)
    assert (error.code, error.retry_after_s, error.lines) == (Code.FAILED_PRECONDITION, 60.0, (line,))


@pytest.mark.parametrize(
    ("number", "kind"), [(14, Unavailable), (3, InvalidRequest), (0, Refused), (99, LumbungError)]
)
def test_a_refusal_among_many_says_its_code(number: int, kind: type[LumbungError]) -> None:
    error = error_of_refusal(Refusal(reason="ANY", code=number))
    assert type(error) is kind
    assert error.retry_after_s is None
