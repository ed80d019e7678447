"""Page tokens cannot be carried to another list, and nonsense is named instead of met."""

from __future__ import annotations

import base64
import json

import pytest

from lumbung_kit.failures import BadInput
from lumbung_kit.validate import Check
from lumbung_stock.entrypoints.page_tokens import key_of, page_token

FILTERS = ["ledger", "W1"]
FIRST = ("", 0)


def key(token: str, filters: list[str] = FILTERS) -> tuple[object, ...]:
    check = Check()
    found = key_of(check, token, filters, first=FIRST)
    check.done()
    return found


def token_with(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def test_a_token_gives_the_key_back() -> None:
    assert key(page_token(FILTERS, ["A-01/ä", 7])) == ("A-01/ä", 7)
    assert key("") == FIRST


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "%%%",
        "ü",
        token_with("text"),
        token_with([]),
        token_with(["wrong", "A", 1]),
        page_token(FILTERS, ["A-01"]),
        page_token(FILTERS, ["A-01", "7"]),
        page_token(FILTERS, [1, 7]),
        page_token(FILTERS, ["A-01", True]),
        page_token(FILTERS, ["A-01", 2**63]),
        page_token(FILTERS, ["A\0", 7]),
        page_token(["ledger", "W2"], ["A-01", 7]),
    ],
)
def test_what_is_no_token_of_this_list_is_refused(token: str) -> None:
    with pytest.raises(BadInput) as caught:
        key(token)
    assert [each.field for each in caught.value.fields] == ["page_token"]
