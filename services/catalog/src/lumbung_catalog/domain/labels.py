"""Labels for goods and bins: what stands where. Lengths in millimetres, from the label's left upper corner."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from lumbung_catalog.domain.barcodes import Barcode
from lumbung_catalog.domain.failures import LabelTooSmall
from lumbung_catalog.domain.label_sizes import Sheet
from lumbung_catalog.domain.label_text import lines, width_mm
from lumbung_catalog.domain.symbols import (
    Bars,
    Matrix,
    Symbology,
    bars_of,
    gs1_matrix_of,
    matrix_of,
    symbology_of,
)

EDGE_MM = 2.0
LINE_MM = 1.3
"""From one line to the next, for text of 1 mm."""
NAME_MM = 2.6
SMALL_MM = 2.2
QR_SHARE_OF_WIDTH = 0.5
_TALL_MM = 35.0


@dataclass(frozen=True, slots=True)
class Box:
    """A black rectangle."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text; `baseline` is where its letters stand."""

    left: float
    baseline: float
    size: float
    text: str


@dataclass(frozen=True, slots=True)
class Content:
    """What a label says. `about` stands under the name, such as the SKU's code and the unit."""

    name: str
    about: str
    barcode: Barcode
    as_qr: bool = False
    elements: tuple[tuple[str, str], ...] = ()
    """Pairs of a GS1 message: then that is drawn, and `as_qr` means a DataMatrix."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A label, drawn."""

    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]


def drawn(content: Content, sheet: Sheet) -> Drawing:
    """The label with bars, or with a QR Code or DataMatrix where that is wanted or bars have no room.

    Raises LabelTooSmall.
    """
    if not content.as_qr:
        symbol = _bars(content, sheet)
        if symbol is not None:
            return _with_bars(content, symbol, sheet)
    side = min(sheet.label_height_mm - 2 * EDGE_MM, sheet.label_width_mm * QR_SHARE_OF_WIDTH)
    matrix = (
        gs1_matrix_of(_bracketed(content, ""), side, sheet.dot_mm)
        if content.elements
        else matrix_of(content.barcode.code, side, sheet.dot_mm)
    )
    if matrix is None:
        raise LabelTooSmall(metadata={"code": content.barcode.code})
    return _with_matrix(content, matrix, sheet)


def _bars(content: Content, sheet: Sheet) -> Bars | None:
    """None where there is not enough room. Under the bars of a GS1 message stand its identifiers in brackets."""
    room = sheet.label_width_mm - 2 * EDGE_MM
    if not content.elements:
        return bars_of(*symbology_of(content.barcode), room, sheet.dot_mm)
    data = "".join(identifier + value for identifier, value in content.elements)
    symbol = bars_of(Symbology.GS1_128, data, room, sheet.dot_mm)
    return symbol and replace(symbol, text=_bracketed(content, " "))


def _bracketed(content: Content, between: str) -> str:
    return between.join(f"({identifier}){value}" for identifier, value in content.elements)


def _with_bars(content: Content, symbol: Bars, sheet: Sheet) -> Drawing:
    """Text above, the bars in what remains, and under them what they say."""
    room = sheet.label_width_mm - 2 * EDGE_MM
    name_lines = 2 if sheet.label_height_mm >= _TALL_MM else 1
    words = [(NAME_MM, line) for line in lines(content.name, NAME_MM, room, name_lines)]
    words += [(SMALL_MM, line) for line in lines(content.about, SMALL_MM, room, 1)]
    above, top = _stacked(words, EDGE_MM, EDGE_MM)
    bottom = sheet.label_height_mm - EDGE_MM - SMALL_MM * LINE_MM
    left = _on_a_dot((sheet.label_width_mm - symbol.width_mm) / 2, sheet.dot_mm)
    boxes = tuple(Box(left + at, top + 1, width, bottom - top - 1) for at, width in symbol.bars)
    text = lines(symbol.text, SMALL_MM, room, 1)[0]
    below = Line((sheet.label_width_mm - width_mm(text, SMALL_MM)) / 2, bottom + SMALL_MM, SMALL_MM, text)
    return Drawing(boxes, (*above, below))


def _with_matrix(content: Content, matrix: Matrix, sheet: Sheet) -> Drawing:
    """The QR Code or DataMatrix on the left, text beside it."""
    left = EDGE_MM
    top = _on_a_dot((sheet.label_height_mm - matrix.side_mm) / 2, sheet.dot_mm)
    side = matrix.module_mm
    boxes = tuple(
        Box(left + first * side, top + row * side, count * side, side)
        for row, first, count in _dark_runs(matrix.dark)
    )
    beside = left + matrix.side_mm
    room = sheet.label_width_mm - EDGE_MM - beside
    words = [(NAME_MM, line) for line in lines(content.name, NAME_MM, room, 3)]
    words += [(SMALL_MM, line) for line in lines(content.about, SMALL_MM, room, 2)]
    said = _bracketed(content, " ") or content.barcode.code
    words += [(SMALL_MM, line) for line in lines(said, SMALL_MM, room, 3)]
    return Drawing(boxes, tuple(_stacked(words, beside, EDGE_MM)[0]))


def _dark_runs(dark: Sequence[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """Dark modules side by side as one: row, first column, how many. Without seams between them."""
    found = []
    in_rows = sorted((row, column) for column, row in dark)
    for _, run in groupby(enumerate(in_rows), key=lambda one: (one[1][0], one[1][1] - one[0])):
        places = [place for _, place in run]
        found.append((*places[0], len(places)))
    return found


def _stacked(words: Sequence[tuple[float, str]], left: float, top: float) -> tuple[list[Line], float]:
    """Lines one under the other, and where the next would begin."""
    found = []
    for size, text in words:
        found.append(Line(left, top + size, size, text))
        top += size * LINE_MM
    return found, top


def _on_a_dot(length_mm: float, dot_mm: float) -> float:
    return round(length_mm / dot_mm) * dot_mm if dot_mm else length_mm
