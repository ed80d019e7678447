import re
from collections.abc import Callable
from uuid import UUID

import pytest
from google.protobuf.descriptor_pb2 import FieldDescriptorProto
from google.protobuf.duration_pb2 import Duration

from lumbung_kit.failures import BadInput
from lumbung_kit.validate import Check

LABELS = FieldDescriptorProto.Label


def violations(check: Check) -> list[str]:
    with pytest.raises(BadInput) as refused:
        check.done()
    return [violation.field for violation in refused.value.fields]


def test_good_input_passes_and_comes_back() -> None:
    check = Check()
    assert check.request_id("web:1.2_3-A") == "web:1.2_3-A"
    assert check.code("sku_code", "PB-10/RED+1") == "PB-10/RED+1"
    assert check.text("note", " two\nlines ", max_length=20) == " two\nlines "
    assert check.text("note", "", max_length=20, required=False) == ""
    assert check.quantity("quantity", 1) == 1
    assert check.quantity("quantity", 1_000_000) == 1_000_000
    assert check.whole("offset", -5, minimum=-5, maximum=5) == -5
    assert check.items("lines", [1], maximum=1) == [1]
    assert check.uuid("id", "0198C2F4-5e6f-7a81-9b3c-2d4e5f607182") == UUID(
        "0198c2f45e6f7a819b3c2d4e5f607182"
    )
    assert check.choice("label", LABELS.Value("LABEL_REQUIRED"), LABELS) == 2
    hold = Duration(seconds=90, nanos=500_000_000)
    assert check.span_s("hold", hold, minimum_s=1, maximum_s=100, default_s=None) == 90.5
    assert check.span_s("hold", None, minimum_s=1, maximum_s=100, default_s=30) == 30
    assert check.page_size(0, default=50, maximum=500) == 50
    assert check.page_size(9999, default=50, maximum=500) == 500
    check.done()


BAD: dict[str, Callable[[Check], object]] = {
    "no request_id": lambda check: check.request_id(""),
    "long request_id": lambda check: check.request_id("x" * 65),
    "strange request_id": lambda check: check.request_id("a b"),
    "request_id with a line end": lambda check: check.request_id("abc\n"),
    "no code": lambda check: check.code("f", ""),
    "long code": lambda check: check.code("f", "x" * 65),
    "code that begins with a dot": lambda check: check.code("f", ".x"),
    "code with a space": lambda check: check.code("f", "a b"),
    "blank text": lambda check: check.text("f", "  ", max_length=9),
    "long text": lambda check: check.text("f", "x" * 10, max_length=9),
    "control characters": lambda check: check.text("f", "a\x00b", max_length=9),
    "text of another form": lambda check: check.text("f", "ab", max_length=9, pattern=re.compile("a")),
    "no quantity": lambda check: check.quantity("f", 0),
    "negative quantity": lambda check: check.quantity("f", -1),
    "too much": lambda check: check.quantity("f", 1_000_001),
    "too few items": lambda check: check.items("f", [], maximum=2),
    "too many items": lambda check: check.items("f", [1, 2, 3], maximum=2),
    "no uuid": lambda check: check.uuid("f", ""),
    "braced uuid": lambda check: check.uuid("f", "{0198c2f4-5e6f-7a81-9b3c-2d4e5f607182}"),
    "unspecified choice": lambda check: check.choice("f", 0, LABELS),
    "unknown choice": lambda check: check.choice("f", 99, LABELS),
    "no span": lambda check: check.span_s("f", None, minimum_s=1, maximum_s=9, default_s=None),
    "long span": lambda check: check.span_s("f", Duration(seconds=10), minimum_s=1, maximum_s=9, default_s=2),
    "negative span": lambda check: check.span_s(
        "f", Duration(seconds=-1), minimum_s=0, maximum_s=9, default_s=2
    ),
    "negative page": lambda check: check.page_size(-1, default=1, maximum=2),
}


@pytest.mark.parametrize("ask", BAD.values(), ids=BAD.keys())
def test_bad_input_is_named_once(ask: Callable[[Check], object]) -> None:
    check = Check()
    ask(check)
    assert len(violations(check)) == 1


def test_every_violation_of_a_request_is_named_in_one_answer() -> None:
    check = Check()
    check.request_id("")
    check.quantity("lines[0].quantity", 0)
    check.add("lines[1]", "is the same SKU as lines[0]")
    assert violations(check) == ["request_id", "lines[0].quantity", "lines[1]"]


def test_a_long_list_is_cut_before_anybody_walks_it() -> None:
    check = Check()
    assert list(check.items("lines", range(1_000_000), maximum=3)) == [0, 1, 2]
    assert violations(check) == ["lines"]


def test_a_hostile_request_cannot_make_the_answer_endless() -> None:
    check = Check()
    for number in range(10_000):
        check.quantity(f"lines[{number}].quantity", 0)
    assert len(violations(check)) == 100


@pytest.mark.parametrize(
    ("duration", "said"),
    [
        (None, "must be set, from 10 to 86400 seconds"),
        (Duration(), "must be from 10 to 86400 seconds, not 0"),
        (Duration(seconds=31_536_000), "must be from 10 to 86400 seconds, not 31536000"),
        (Duration(nanos=500), "must be from 10 to 86400 seconds, not 0.0000005"),
    ],
)
def test_a_span_out_of_bounds_is_told_as_a_person_writes_it(duration: Duration | None, said: str) -> None:
    check = Check()
    check.span_s("ttl", duration, minimum_s=10, maximum_s=86_400, default_s=None)
    with pytest.raises(BadInput) as refused:
        check.done()
    assert [violation.description for violation in refused.value.fields] == [said]
