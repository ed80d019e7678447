import pytest
from google.protobuf.wrappers_pb2 import StringValue
from google.rpc.status_pb2 import Status

from lumbung_kit import status
from lumbung_kit.failures import (
    BadInput,
    Failure,
    FieldViolation,
    Kind,
    Overloaded,
    PreconditionViolation,
    StoreUnavailable,
    all_failures,
)


class ShelfEmpty(Failure):
    """The shelf is empty.

    More about it that callers do not get.
    """

    kind = Kind.FAILED_PRECONDITION
    reason = "TEST_SHELF_EMPTY"


def test_the_docstrings_first_line_is_the_default_message() -> None:
    assert str(ShelfEmpty()) == "The shelf is empty."
    assert str(ShelfEmpty("Shelf 7 is empty.")) == "Shelf 7 is empty."


def test_a_reason_that_is_not_upper_snake_is_refused_at_import() -> None:
    with pytest.raises(TypeError, match="UPPER_SNAKE"):
        type("Wrong", (Failure,), {"kind": Kind.ABORTED, "reason": "not upper"})


def test_all_failures_finds_the_kits_and_those_of_any_loaded_module_once() -> None:
    found = all_failures()
    assert {ShelfEmpty, BadInput, Overloaded, StoreUnavailable} <= set(found)
    assert len(found) == len(set(found))
    assert Failure not in found


def test_a_status_says_everything_and_nothing_twice() -> None:
    failure = ShelfEmpty(
        "Shelf 7 is empty.",
        metadata={"shelf": "7"},
        fields=[FieldViolation("lines[0].shelf", "has nothing")],
        preconditions=[PreconditionViolation("STOCK", "shelf/7", "0 left")],
        retry_after_s=1.25,
    )
    details = status.decode(status.encode(failure, "shop.lumbung"))
    assert details == status.Details(
        reason="TEST_SHELF_EMPTY",
        domain="shop.lumbung",
        message="Shelf 7 is empty.",
        metadata={"shelf": "7"},
        fields=(FieldViolation("lines[0].shelf", "has nothing"),),
        preconditions=(PreconditionViolation("STOCK", "shelf/7", "0 left"),),
        retry_after_s=1.25,
    )


def test_a_status_without_extras_has_only_the_error_info() -> None:
    details = status.decode(status.encode(ShelfEmpty(), "shop.lumbung"))
    assert details == status.Details("TEST_SHELF_EMPTY", "shop.lumbung", "The shelf is empty.", {})


def test_a_status_never_outgrows_what_a_client_takes_as_metadata() -> None:
    many = [FieldViolation(f"lines[{number}].quantity", "é" * 500) for number in range(1000)]
    encoded = status.encode(
        BadInput("x" * 10_000, metadata={"long": "y" * 10_000}, fields=many), "shop.lumbung"
    )
    assert len(encoded) * 4 / 3 < 8192
    assert status.decode(encoded).fields[0].field == "lines[0].quantity"


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_the_grpc_code_of_its_name_and_number(kind: Kind) -> None:
    code = status.CODES[kind]
    assert (code.name, code.value[0]) == (kind.name, kind.value)
    assert status.kind_of(code) is kind


def test_a_message_of_the_contract_can_travel_in_the_status() -> None:
    candidate = StringValue(value="shelf/8")
    encoded = Status.FromString(status.encode(ShelfEmpty(details=[candidate]), "shop.lumbung"))
    arrived = StringValue()
    assert [detail.Unpack(arrived) for detail in encoded.details] == [False, True]
    assert arrived == candidate
