"""Texts as symbols that scanners read: which one, and its modules.

Sizes and quiet zones: GS1 General Specifications, sections 5.2 (EAN/UPC), 5.3 (ITF-14), 5.4 (Code 128, GS1-128) and 5.6
(DataMatrix, QR).
A module (X) is the width of the narrowest bar.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, cast

import barcode as bars
import segno
import zxingcpp

from lumbung_catalog.domain.barcodes import Barcode, BarcodeKind

QR_QUIET_MODULES = 4
MODULE_MM_MIN = 0.25
MODULE_MM_MAX = 0.75
DATA_MATRIX_QUIET_MODULES = 1
_EAN13_DIGITS = 13
_DARK = 0


class Symbology(Enum):
    """How a text is drawn: the encoder, X at its least and at most, and the quiet zones in X."""

    EAN_8 = ("ean8", 0.264, 0.33, 7, 7)
    EAN_13 = ("ean13", 0.264, 0.33, 11, 7)
    ITF_14 = ("itf", 0.25, 0.495, 10, 10)
    CODE_128 = ("code128", 0.25, 0.495, 10, 10)
    GS1_128 = ("gs1_128", 0.25, 0.495, 10, 10)

    def __init__(self, encoder: str, x_mm_min: float, x_mm_max: float, left: int, right: int) -> None:
        self.encoder = encoder
        self.x_mm_min = x_mm_min
        self.x_mm_max = x_mm_max
        self.quiet_left = left
        self.quiet_right = right


@dataclass(frozen=True, slots=True)
class Bars:
    """A symbol of bars: where they begin and how wide they are in mm, quiet zones within its width."""

    text: str
    width_mm: float
    bars: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """A QR Code or a DataMatrix: its dark modules by column and row from the left upper corner, which the quiet zone
    precedes."""

    text: str
    side_mm: float
    module_mm: float
    dark: tuple[tuple[int, int], ...]


def symbology_of(code: Barcode) -> tuple[Symbology, str]:
    """How a barcode is drawn as bars, and the text in it. A UPC-12 is the EAN-13 with a zero before it."""
    if code.kind is not BarcodeKind.GTIN:
        return Symbology.CODE_128, code.code
    if len(code.code) > _EAN13_DIGITS:
        return Symbology.ITF_14, code.code
    if len(code.code) == 8:
        return Symbology.EAN_8, code.code
    return Symbology.EAN_13, code.code.zfill(_EAN13_DIGITS)


def bars_of(symbology: Symbology, text: str, room_mm: float, dot_mm: float) -> Bars | None:
    """The text as bars as wide as should be, or as there is room for; None where there is not enough."""
    drawn = bars.get(symbology.encoder, text).build()[0].strip("0")
    # The encoder's ITF has narrow bars of 2 and wide ones of 5 of its modules, so that they are 1 to 2.5.
    per_x = 2 if symbology is Symbology.ITF_14 else 1
    modules = len(drawn) / per_x + symbology.quiet_left + symbology.quiet_right
    x_mm = _module_mm(room_mm / modules, symbology.x_mm_max, dot_mm * per_x)
    if x_mm < symbology.x_mm_min:
        return None
    found = tuple(
        (x_mm * (symbology.quiet_left + at / per_x), x_mm * width / per_x) for at, width in _runs(drawn)
    )
    return Bars(text, x_mm * modules, found)


def matrix_of(text: str, room_mm: float, dot_mm: float) -> Matrix | None:
    """The text as a QR Code of error correction M or better; None where there is not enough room."""
    drawn = segno.make_qr(text, error="m").matrix
    return _matrix(
        text, [[bool(module) for module in row] for row in drawn], QR_QUIET_MODULES, room_mm, dot_mm
    )


def gs1_matrix_of(message: str, room_mm: float, dot_mm: float) -> Matrix | None:
    """A GS1 message, its identifiers in brackets, as a GS1 DataMatrix; None where there is not enough room."""
    symbol = zxingcpp.create_barcode(message, zxingcpp.BarcodeFormat.DataMatrix, gs1=True)
    image = zxingcpp.write_barcode_to_image(symbol, scale=1, add_quiet_zones=False)
    dots = cast("list[list[int]]", memoryview(cast("Any", image)).tolist())  # its stubs know no buffer
    drawn = [[dot == _DARK for dot in row] for row in dots]
    return _matrix(message, drawn, DATA_MATRIX_QUIET_MODULES, room_mm, dot_mm)


def _matrix(
    text: str, drawn: Sequence[Sequence[bool]], quiet: int, room_mm: float, dot_mm: float
) -> Matrix | None:
    modules = len(drawn) + 2 * quiet
    module_mm = _module_mm(room_mm / modules, MODULE_MM_MAX, dot_mm)
    if module_mm < MODULE_MM_MIN:
        return None
    dark = tuple(
        (column + quiet, row + quiet)
        for row, line in enumerate(drawn)
        for column, is_dark in enumerate(line)
        if is_dark
    )
    return Matrix(text, modules * module_mm, module_mm, dark)


def _module_mm(room_mm: float, target_mm: float, dot_mm: float) -> float:
    """As wide as it should be, or as there is room for. Where there are dots, whole ones: rounded up to the target,
    down to the room; a little is forgiven to the arithmetic of fractions.
    """
    if not dot_mm:
        return min(room_mm, target_mm)
    return min(math.floor(room_mm / dot_mm + 1e-9), math.ceil(target_mm / dot_mm - 1e-9)) * dot_mm


def _runs(modules: str) -> Iterator[tuple[int, int]]:
    """Each bar: where it begins, and how many modules it has."""
    at = 0
    while (at := modules.find("1", at)) >= 0:
        end = modules.find("0", at) if "0" in modules[at:] else len(modules)
        yield at, end - at
        at = end
