"""Labels, read back: drawn, made to dots, and given to a decoder that knows nothing of how they were made."""

import io

import pypdfium2
import pytest
import resvg_py
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lumbung_catalog.domain.barcodes import Barcode, BarcodeKind
from lumbung_catalog.domain.failures import LabelTooSmall
from lumbung_catalog.domain.label_files import pdf, svg
from lumbung_catalog.domain.label_sizes import DOT_MM, SHEETS, LabelSize, Sheet
from lumbung_catalog.domain.label_text import lines, shown, width_mm
from lumbung_catalog.domain.labels import Content, drawn
from lumbung_catalog.domain.symbols import Symbology, bars_of, matrix_of, symbology_of

DPI = 406
EAN_13, EAN_8, GTIN_14 = "8991234567891", "12345670", "18991234567898"
Format = zxingcpp.BarcodeFormat


def content(code: str, *, name: str = "Kaos Polos Hitam M", as_qr: bool = False) -> Content:
    kind = BarcodeKind.GTIN if code.isdigit() else BarcodeKind.INTERNAL
    return Content(name, "KAOS-HTM-M · pcs", Barcode(code, kind, "pcs"), as_qr)


def read_pdf(file: bytes) -> list[list[tuple[str, str]]]:
    """What a scanner finds on each page."""
    document = pypdfium2.PdfDocument(file)
    pages = [document[i] for i in range(len(document))]
    found = [read(page.render(scale=DPI / 72).to_pil()) for page in pages]
    for page in pages:
        page.close()
    document.close()
    return found


def read_svg(file: bytes) -> list[tuple[str, str]]:
    return read(Image.open(io.BytesIO(bytes(resvg_py.svg_to_bytes(svg_string=file.decode(), dpi=DPI)))))


def read(image: Image.Image) -> list[tuple[str, str]]:
    return [(one.format.name, one.text) for one in zxingcpp.read_barcodes(image.convert("L"))]


@pytest.mark.parametrize(
    ("code", "as_qr", "expected"),
    [
        (EAN_13, False, ("EAN13", EAN_13)),
        (EAN_8, False, ("EAN8", EAN_8)),
        ("012345678905", False, ("EAN13", "0012345678905")),
        (GTIN_14, False, ("ITF", GTIN_14)),
        ("RAK-7b 01", False, ("Code128", "RAK-7b 01")),
        (EAN_13, True, ("QRCode", EAN_13)),
        ("x" * 64, False, ("QRCode", "x" * 64)),
    ],
)
@pytest.mark.parametrize("size", [LabelSize.A4_70X37, LabelSize.ROLL_50X30])
def test_what_is_drawn_is_what_is_read(
    size: LabelSize, code: str, as_qr: bool, expected: tuple[str, str]
) -> None:
    label = drawn(content(code, as_qr=as_qr), SHEETS[size])
    found = read_svg(svg(label, SHEETS[size]))
    assert [(name.replace("ITF14", "ITF").replace("UPCA", "EAN13"), text) for name, text in found] == [
        expected
    ]


@pytest.mark.parametrize("size", list(LabelSize))
def test_a_sheet_holds_every_label_in_its_place_after_those_used_up(size: LabelSize) -> None:
    sheet = SHEETS[size]
    used = min(2, sheet.places - 1)
    codes = [f"RAK-{i:02d}" for i in range(sheet.places - used + 1)]
    pages = read_pdf(pdf([drawn(content(code), sheet) for code in codes], sheet, used))
    assert [sorted(text for _, text in page) for page in pages] == [codes[:-1], codes[-1:]]


def test_the_same_labels_make_the_same_file() -> None:
    sheet = SHEETS[LabelSize.A4_70X37]
    labels = [drawn(content(EAN_13), sheet)]
    assert pdf(labels, sheet, 0) == pdf(labels, sheet, 0)


NAMES = [
    "Kaos",
    "K" * 200,
    'Kopi Gayo ☕ Arabika <b>&amp; "Robusta"</b> ]]>',
    "Beras Pandan Wangi Cianjur Kualitas Super Kemasan Keluarga Hemat " * 3,
    "Tiếng Việt, Ελληνικά, Кириллица, éèñ",
    "日本語の長い名前" * 20,
    "e\u0301" * 100,
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", list(LabelSize))
def test_no_name_reaches_the_symbol_or_the_edge(size: LabelSize, name: str) -> None:
    sheet = SHEETS[size]
    for as_qr in (False, True):
        label = drawn(content(EAN_13, name=name, as_qr=as_qr), sheet)
        (name_line, *_) = label.lines
        assert name_line.text
        for line in label.lines:
            assert line.left > 0
            assert line.left + width_mm(line.text, line.size) <= sheet.label_width_mm
            assert line.baseline <= sheet.label_height_mm
        above = [line.baseline for line in label.lines if line.text != EAN_13]
        top = min(box.top for box in label.boxes)
        right = max(box.left + box.width for box in label.boxes)
        assert max(above) < top or min(line.left for line in label.lines) > right


@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_any_kind_leaves_both_files_readable(name: str) -> None:
    sheet = SHEETS[LabelSize.ROLL_50X30]
    label = drawn(content(EAN_13, name=name), sheet)
    assert read_svg(svg(label, sheet)) == [("EAN13", EAN_13)]
    assert read_pdf(pdf([label], sheet, 0)) == [[("EAN13", EAN_13)]]


@pytest.mark.parametrize("size", list(LabelSize))
@pytest.mark.parametrize("code", [EAN_13, EAN_8, GTIN_14, "RAK-01"])
def test_bars_have_their_quiet_zones_and_are_not_below_the_least_width(size: LabelSize, code: str) -> None:
    sheet = SHEETS[size]
    symbology, text = symbology_of(content(code).barcode)
    symbol = bars_of(symbology, text, sheet.label_width_mm - 4, sheet.dot_mm)
    assert symbol is not None
    x_mm = min(width for _, width in symbol.bars)
    assert symbology.x_mm_min - 1e-9 <= x_mm <= symbology.x_mm_max + sheet.dot_mm + 1e-9
    first, (at, width) = symbol.bars[0][0], symbol.bars[-1]
    assert first >= symbology.quiet_left * x_mm - 1e-9
    assert symbol.width_mm - at - width >= symbology.quiet_right * x_mm - 1e-9


@pytest.mark.parametrize("code", [EAN_13, EAN_8, GTIN_14, "RAK-01", "x" * 64])
def test_on_a_roll_everything_begins_and_ends_on_a_dot(code: str) -> None:
    label = drawn(content(code), SHEETS[LabelSize.ROLL_50X30])
    for box in label.boxes:
        for length in (box.left - 2, box.width):
            assert abs(length / DOT_MM - round(length / DOT_MM)) < 1e-6


def test_what_fits_nowhere_is_refused() -> None:
    with pytest.raises(LabelTooSmall):
        drawn(content("x" * 64), Sheet(20, 10))
    assert bars_of(Symbology.EAN_13, EAN_13, 20, 0) is None
    assert matrix_of("x" * 64, 10, 0) is None


@settings(deadline=None, max_examples=20)
@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20))
def test_every_internal_code_is_read_back(code: str) -> None:
    sheet = SHEETS[LabelSize.A4_99X38]
    barcode = Barcode(code, BarcodeKind.INTERNAL, "pcs")
    for as_qr in (False, True):
        label = drawn(Content("", "", barcode, as_qr), sheet)
        assert [text for _, text in read_svg(svg(label, sheet))] == [code]


@settings(deadline=None)
@given(st.text(max_size=60), st.integers(1, 3), st.floats(8, 60))
def test_text_fits_its_lines_and_loses_nothing_unless_it_says_so(text: str, count: int, room: float) -> None:
    found = lines(text, 2.6, room, count)
    assert len(found) <= count
    assert all(width_mm(line, 2.6) <= room for line in found)
    if not any(line.endswith("…") for line in found):
        shown = "".join(c if c.isprintable() else " " for c in text)
        assert "".join("".join(found).split()) == "".join(shown.split())


def test_what_the_font_lacks_is_seen_to_be_missing() -> None:
    assert shown("Teh 茶 Việt") == "Teh ? Việt"
    assert width_mm("?", 2.6) <= width_mm("茶", 2.6)
