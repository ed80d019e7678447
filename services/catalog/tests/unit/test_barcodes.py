"""GTINs by their check digit, internal codes exactly, and one key per barcode."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import ean

from lumbung_catalog.domain.barcodes import (
    GTIN_LENGTHS,
    Barcode,
    BarcodeKind,
    check_barcodes,
    guessed_kind,
    is_gtin,
    is_misread_gtin,
    lookup_keys,
)
from lumbung_catalog.domain.failures import BarcodeInvalid


def digits(length: int) -> st.SearchStrategy[str]:
    return st.text("0123456789", min_size=length, max_size=length)


gtins = (
    st.sampled_from(GTIN_LENGTHS)
    .flatmap(lambda length: digits(length - 1).map(lambda body: body + ean.calc_check_digit(body)))
    .filter(lambda code: code.strip("0"))
)


def gtin(code: str) -> Barcode:
    return Barcode(code, BarcodeKind.GTIN, "pcs")


def internal(code: str) -> Barcode:
    return Barcode(code, BarcodeKind.INTERNAL, "pcs")


@given(gtins)
def test_a_gtin_with_its_check_digit_is_taken(code: str) -> None:
    check_barcodes([gtin(code)], ["barcode.code"])
    assert is_gtin(code)
    assert not is_misread_gtin(code)


@given(gtins, st.data())
def test_one_wrong_digit_is_always_noticed(code: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(code) - 1))
    wrong = data.draw(st.sampled_from("0123456789").filter(lambda digit: digit != code[place]))
    misread = code[:place] + wrong + code[place + 1 :]
    assert is_misread_gtin(misread)
    with pytest.raises(BarcodeInvalid):
        check_barcodes([gtin(misread)], ["barcode.code"])


@given(gtins)
def test_a_wrong_check_digit_is_answered_with_the_right_code(code: str) -> None:
    wrong = code[:-1] + str((int(code[-1]) + 1) % 10)
    with pytest.raises(BarcodeInvalid) as refused:
        check_barcodes([gtin(wrong)], ["barcode.code"])
    assert refused.value.metadata["expected"] == code


@given(digits(11).map(lambda body: body + ean.calc_check_digit(body)))
def test_a_upc_and_the_ean_that_a_scanner_makes_of_it_are_one_barcode(upc: str) -> None:
    assert gtin(upc).key == gtin("0" + upc).key == gtin("00" + upc).key
    assert gtin(upc).key in lookup_keys("0" + upc)


@given(st.one_of(gtins, st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=64)))
def test_what_was_added_is_found_by_the_same_text(code: str) -> None:
    kind = BarcodeKind.GTIN if is_gtin(code) else BarcodeKind.INTERNAL
    assert Barcode(code, kind, "pcs").key in lookup_keys(code)


@pytest.mark.parametrize(
    ("barcode", "expected"),
    [
        (gtin("123"), "8, 12, 13 or 14 digits"),
        (gtin("89912345678AB"), "8, 12, 13 or 14 digits"),
        (gtin("8.99E+12"), "all digits; format the column as text"),
        (internal("8,99123E+12"), "all digits; format the column as text"),
        (internal("RAK 1 "), "letters, digits and signs"),
        (internal("kopi-é"), "letters, digits and signs"),
        (internal("x" * 65), "at most 64"),
        (internal("8991234567891"), "kind GTIN"),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_would_be_right(barcode: Barcode, expected: str) -> None:
    with pytest.raises(BarcodeInvalid) as refused:
        check_barcodes([barcode], ["barcode.code"])
    assert refused.value.metadata["expected"] == expected
    assert [violation.field for violation in refused.value.fields] == ["barcode.code"]


def test_every_barcode_that_cannot_be_read_is_named_at_once() -> None:
    with pytest.raises(BarcodeInvalid) as refused:
        check_barcodes([gtin("1"), internal("OK-1"), gtin("2")], ["a", "b", "c"])
    assert [violation.field for violation in refused.value.fields] == ["a", "c"]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("8991234567891", BarcodeKind.GTIN),
        ("8991234567890", BarcodeKind.GTIN),
        ("RAK-01", BarcodeKind.INTERNAL),
        ("12345", BarcodeKind.INTERNAL),
    ],
)
def test_digits_of_a_gtins_length_are_meant_as_one(text: str, kind: BarcodeKind) -> None:
    assert guessed_kind(text) is kind
