"""A cart survives the journal; what is not ours is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumbung_stock.domain.carts import HOLDS_MAY_COME_BACK_S, Cart, out_of_stock
from lumbung_stock.domain.reservation_failures import CustomerLimitReached
from lumbung_stock.domain.reservations import Durability, Line, Refusal
from lumbung_stock.stores.journal_codec import Outcome, available_of, decode, encode, refusal_of, split

if TYPE_CHECKING:
    from services.stock.tests.conftest import MakeCart

CODES = st.text("ABCabc019._/+-", min_size=1, max_size=12)
CARTS = st.builds(
    Cart,
    reservation_id=st.uuids(),
    request_id=CODES,
    content_hash=st.binary(min_size=32, max_size=32),
    lines=st.lists(
        st.builds(
            Line,
            CODES,
            st.integers(1, 10**6),
            st.lists(st.tuples(CODES, st.integers(1, 10**6)), min_size=1).map(tuple),
        ),
        min_size=1,
        max_size=4,
    ).map(tuple),
    channel_code=CODES,
    customer_reference=st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=64),
    ttl_s=st.floats(10, 86_400),
    durability=st.sampled_from(Durability),
    warehouse_code=st.one_of(st.just(""), CODES),
    flash_sale_code=CODES,
    actor=CODES,
    traceparent=st.text("0123456789abcdef-", max_size=55),
)


def fields_of(cart: Cart, outcome: Outcome = Outcome.HELD, available: str = "") -> dict[str, str]:
    """An entry as reserve.lua writes it."""
    return {
        "epoch": "1",
        "seq": "1",
        "hold": str(cart.reservation_id),
        "outcome": str(int(outcome)),
        "available": available,
        "body": encode(cart),
    }


@given(CARTS)
def test_every_cart_comes_back_as_it_was(cart: Cart) -> None:
    assert decode(fields_of(cart)) == cart


def test_the_gates_refusals_become_typed(make_cart: MakeCart) -> None:
    cart = make_cart([("PB", 3), ("KIT", 1), ("CUP", 1)], bundles={"KIT": {"PB": 2, "CABLE": 1}})
    short = decode(fields_of(cart, Outcome.OUT_OF_STOCK, "PB=4")).refusal
    assert short is not None
    assert [(line.line_index, line.available_quantity, line.blocking_sku_code) for line in short.lines] == [
        (0, 4, "PB"),
        (1, 1, "PB"),
    ]
    assert short.retry_delay_s
    limit = decode(fields_of(cart, Outcome.LIMIT_REACHED, "PB=4")).refusal
    assert limit is not None
    assert (limit.reason, limit.lines) == ("CUSTOMER_LIMIT_REACHED", ())
    assert replace(decode(fields_of(cart)), refusal=None) == cart


def test_a_refusal_for_the_limit_says_so(make_cart: MakeCart) -> None:
    cart = make_cart({"PB": 1})
    assert refusal_of(cart, Outcome.HELD, {}) is None
    assert refusal_of(cart, Outcome.LIMIT_REACHED, {}) == Refusal(
        CustomerLimitReached.reason, CustomerLimitReached().message
    )


def test_what_there_was_is_read_whatever_a_code_looks_like() -> None:
    assert available_of("") == {}
    assert available_of("A=1,B C=0,D=E=-2") == {"A": 1, "B C": 0, "D=E": -2}


def test_an_entry_stays_small(make_cart: MakeCart) -> None:
    """A journal of hundreds of thousands of carts is all memory: no blanks, and names of people as they are."""
    body = encode(make_cart({"PB": 1}, customer="ñ😀"))
    assert " " not in body
    assert "ñ😀" in body


class TestSplit:
    """Entries of those who were refused together."""

    def test_one_for_each_that_is_in_it(self, make_cart: MakeCart) -> None:
        carts = [make_cart({"PB": units}, customer="ani of bandung") for units in (1, 2, 3)]
        entry = {
            "holds": ",".join(str(cart.reservation_id) for cart in carts),
            "outcomes": "2,0,3",
            "available": "PB=0",
            "body": "\n".join(map(encode, carts)),
        }
        parts = split(entry)
        assert parts == [
            {
                "hold": str(carts[index].reservation_id),
                "outcome": outcome,
                "body": encode(carts[index]),
                "available": "PB=0",
            }
            for index, outcome in ((0, "2"), (2, "3"))
        ]
        reasons = [decode(part).refusal for part in parts]
        assert [refusal and refusal.reason for refusal in reasons] == [
            "OUT_OF_STOCK",
            "CUSTOMER_LIMIT_REACHED",
        ]

    def test_any_other_stays_one(self, make_cart: MakeCart) -> None:
        entry = fields_of(make_cart({"PB": 1}))
        assert split(entry) == [entry]

    @pytest.mark.parametrize("short", ["holds", "outcomes", "body"])
    def test_parts_that_do_not_match_are_not_ours(self, short: str) -> None:
        entry = {"holds": "a,b", "outcomes": "2,2", "available": "", "body": "x\ny"}
        with pytest.raises(ValueError, match="zip"):
            split({**entry, short: "z"})


BROKEN: dict[str, Any] = {
    "no body": {"body": None},
    "no hold": {"hold": None},
    "no outcome": {"outcome": None},
    "no availability": {"available": None},
    "hold is no uuid": {"hold": "x"},
    "outcome unknown": {"outcome": "99"},
    "outcome no number": {"outcome": "HELD"},
    "body is no json": {"body": "{"},
    "body is a number": {"body": "7"},
    "body is a map": {"body": "{}"},
    "body is short": {"body": json.dumps(["request", "00"])},
    "hash is no hex": {"body": json.dumps(["r", "zz", [], "web", "", 900, 1, "", "S", "a", ""])},
    "lines are no lines": {"body": json.dumps(["r", "00", [[1]], "web", "", 900, 1, "", "S", "a", ""])},
    "ttl is no number": {"body": json.dumps(["r", "00", [], "web", "", "x", 1, "", "S", "a", ""])},
    "durability unknown": {"body": json.dumps(["r", "00", [], "web", "", 900, 9, "", "S", "a", ""])},
    "availability is no list": {"outcome": "2", "available": "PB"},
    "a component of no units": {
        "outcome": "2",
        "available": "PB=-1",
        "body": json.dumps(["r", "00", [["K", 1, [["PB", 0]]]], "web", "", 900, 1, "", "S", "a", ""]),
    },
}


@pytest.mark.parametrize("change", BROKEN.values(), ids=BROKEN.keys())
def test_an_entry_that_is_not_ours_is_refused(make_cart: MakeCart, change: dict[str, str | None]) -> None:
    fields = {**fields_of(make_cart({"PB": 1})), **change}
    with pytest.raises((KeyError, ValueError, TypeError, IndexError, ArithmeticError)):
        decode({name: value for name, value in fields.items() if value is not None})


@given(CARTS, st.dictionaries(CODES, st.integers(0, 10)), st.data())
def test_a_refusal_says_what_was_left_for_this_cart(
    cart: Cart, others: dict[str, int], data: st.DataObject
) -> None:
    """Also when one with the same lines, or with as little left, was refused before."""
    demand = cart.demand()
    for _ in range(2):
        left = data.draw(st.fixed_dictionaries({}, optional={sku: st.integers(0, 10) for sku in demand}))
        expected = out_of_stock(cart.lines, {**demand, **others, **left}, HOLDS_MAY_COME_BACK_S)
        assert refusal_of(cart, Outcome.OUT_OF_STOCK, {**others, **left}) == expected
