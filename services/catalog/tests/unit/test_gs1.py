"""GS1 messages: every form of one message says the same, and a wrong one says what is wrong."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumbung_catalog.domain import gs1
from lumbung_catalog.domain.barcodes import Barcode, BarcodeKind, check_barcodes
from lumbung_catalog.domain.failures import BarcodeInvalid
from lumbung_catalog.domain.gs1 import Message
from lumbung_catalog.domain.resolved import read_scan

GS = gs1.SEPARATOR
GTIN = "08991234567891"
FULL = Message(
    gtin=GTIN,
    lot="A-1/2",
    serial="S(9)",
    expiry_date=date(2027, 2, 28),
    best_before_date=date(2027, 1, 31),
)
LOT_SIGNS = "!\"%&'*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"


@pytest.mark.parametrize(
    "text",
    [
        f"]C101{GTIN}17270200" + "15270131" + f"10A-1/2{GS}21S(9)",
        f"]d2{GS}01{GTIN}10A-1/2{GS}21S(9){GS}1727020015270131{GS}",
        f"]Q301{GTIN}21S(9){GS}10A-1/2{GS}1527013117270200",
        f"]e001{GTIN}{GS}17270200{GS}15270131{GS}10A-1/2{GS}21S(9)",
        f"01{GTIN}17270200" + f"1527013110A-1/2{GS}21S(9)\r\n",
        f"  (01){GTIN}(17)270200(15)270131(10)A-1/2(21)S(9) ",
        f"(01) {GTIN} (17) 270200 (15) 270131 (10) A-1/2 (21) S(9)",
        f"https://id.gs1.org/01/{GTIN}/10/A-1%2F2/21/S(9)?17=270200&15=270131&utm=x",
        "HTTPS://toko.example/p/01/8991234567891/10/A-1%2f2/21/S%289%29?15=270131&17=270200",
    ],
)
def test_every_form_of_a_message_says_the_same(text: str) -> None:
    scan = read_scan(text)
    assert (scan.message, scan.problem) == (FULL, None)
    assert scan.keys[-1] == "G" + GTIN


@pytest.mark.parametrize(
    ("text", "count"),
    [
        (f"02{GTIN}3712", 12),
        ("00189912345678901234" + f"02{GTIN}3700000024", 24),
        (f"01{GTIN}305", 5),
        (f"02{GTIN}37{gs1.COUNT_MAX}", gs1.COUNT_MAX),
        (f"01{GTIN}3103000750", 1),
    ],
)
def test_what_is_counted(text: str, count: int) -> None:
    assert gs1.read(text) == Message(GTIN, count=count)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("0108991234567890", "(01)"),
        ("]C10108991234567890", "(01)"),
        (f"02{GTIN}", "(02)"),
        ("(37)12(10)A", "no GTIN"),
        (f"(01){GTIN}(37)12", "(02) and (37)"),
        (f"(01){GTIN}(02){GTIN}(37)2", "both"),
        (f"(02){GTIN}(37)0", "counts no unit"),
        (f"(02){GTIN}(37)2(30)2", "twice"),
        (f"(01){GTIN}(10)A(10)B", "two things in (10)"),
        (f"01{GTIN}10{'x' * 21}", "(10)"),
        (f"01{GTIN}10{'x' * 21}{GS}21A", "(10)"),
        (f"(01){GTIN}(10){'x' * 21}", "(10)"),
        (f"(01){GTIN}(10)", "cannot be read"),
        (f"(01){GTIN}(10)TÉH", "cannot be read"),
        (f"(01){GTIN}(10)A B", "(10)"),
        (f"(01){GTIN}(17)271301", "cannot be read"),
        (f"(01){GTIN}(17)270230", "cannot be read"),
        (f"(01){GTIN}(98765)1", "(01)"),
        (f"(01){GTIN}(05)1", "cannot be read"),
        ("(01)8991234567891", "cannot be read"),
        (f"]C1{GTIN}", "cannot be read"),
        ("]d2", "no GTIN"),
        (f"01{GTIN}{GS}{GS}zz", "cannot be read"),
        ("(01)٠٨٩٩١٢٣٤٥٦٧٨٩١", "cannot be read"),
        ("00189912345678901235", "(00)"),
        ("00189912345678901234", "no GTIN"),
        (f"https://id.gs1.org/01/{GTIN}/10", "breaks off"),
        (f"https://id.gs1.org/01/{GTIN}/lot/A", "'lot'"),
        ("https://id.gs1.org/01/8991234567890", "(01)"),
        (f"https://id.gs1.org/01/{GTIN}?10={'x' * 21}", "(10)"),
        ("8991234567890", "check digit"),
        ("]E08991234567890", "check digit"),
    ],
)
def test_a_wrong_message_says_what_is_wrong(text: str, says: str) -> None:
    scan = read_scan(text)
    assert scan.message is None
    assert scan.problem is not None
    assert says in scan.problem.description
    assert scan.problem.expected


@pytest.mark.parametrize(
    "text", ["TEH-1", "(A)1", "1234", "0112", "https://toko.example/teh", "https://[01/", "]x", "]C0TEH-1"]
)
def test_other_texts_are_no_messages(text: str) -> None:
    scan = read_scan(text)
    assert (scan.message, scan.problem) == (None, None)


def test_a_symbology_identifier_hides_no_code() -> None:
    assert "G08991234567891" in read_scan("]E08991234567891").keys
    assert "ITEH-1" in read_scan("]C0TEH-1").keys
    assert read_scan("]C0TEH-1").keys[0] == "I]C0TEH-1"


@pytest.mark.parametrize("code", [f"01{GTIN}", f"(01){GTIN}", f"(01){GTIN}(10)A", "]C0A", "]d1TEH"])
def test_an_own_code_with_two_meanings_is_refused(code: str) -> None:
    with pytest.raises(BarcodeInvalid):
        check_barcodes([Barcode(code, BarcodeKind.INTERNAL, "pcs")], ["barcode.code"])


@given(st.text(LOT_SIGNS, min_size=1, max_size=20), st.text(LOT_SIGNS, min_size=1, max_size=20))
def test_lot_and_serial_come_back_whole(lot: str, serial: str) -> None:
    expected = Message(GTIN, lot=lot, serial=serial)
    assert gs1.read(f"01{GTIN}10{lot}{GS}21{serial}") == expected
    assert gs1.read(f"(01){GTIN}(21){serial}(10){lot}") == expected


@given(st.text(max_size=60))
def test_any_text_can_be_read_or_is_refused(text: str) -> None:
    scan = read_scan(text)
    assert scan.message is None or scan.problem is None
    for marked in (f"]C1{text}", f"01{GTIN}{text}", f"(01){GTIN}(10){text}", f"https://a/01/{GTIN}/{text}"):
        scan = read_scan(marked)
        assert scan.message is None or scan.problem is None
