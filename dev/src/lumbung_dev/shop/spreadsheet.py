"""A shop's list of goods of any length, and the same list as it really comes: with rows that are wrong in every way.

Always the same for the same length. Row numbers are those of a spreadsheet: the header is 1.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lumbung_catalog.domain.import_columns import COLUMNS
from lumbung_catalog.domain.import_table import FileFormat
from lumbung_catalog.domain.sheets import new_sheet
from lumbung_dev.shop.barcodes import piece_gtin

Cells = dict[str, str]

FIRST_ROW = 2
_GOODS = ("Kemeja", "Celana", "Tas", "Sepatu", "Botol", "Lampu", "Payung", "Dompet", "Topi", "Handuk")
_LOOKS = ("batik", "katun", "kulit", "kanvas", "bambu", "tenun", "wol", "linen")
_SIZES = ("S", "M", "L", "XL")
_VARIANTS_OF_TEN = range(2, 6)
_BUNDLE_OF_TEN = 9


@dataclass(frozen=True, slots=True)
class BadCell:
    """Where the list is wrong, and how an import calls it."""

    row: int
    column: str
    reason: str


def shop_rows(count: int = 2_000) -> list[Cells]:
    """One SKU a row: of ten, five stand alone, four are sizes of one product, and one is a bundle of two others."""
    return [_row(place) for place in range(count)]


def _row(place: int) -> Cells:
    ten, one = divmod(place, 10)
    name = f"{_GOODS[one]} {_LOOKS[ten % len(_LOOKS)]} seri {place}"
    cells = {
        "kind": "plain",
        "sku_code": _code(place),
        "sku_name": name,
        "weight_g": str(50 + place % 900),
        "fast_mover": "ya" if place % 7 == 0 else "tidak",
        "barcode": piece_gtin(place),
        "carton_quantity": "24" if one == 1 else "",
        "carton_barcode": f"CTN-{place}" if one == 1 else "",
    }
    if one in _VARIANTS_OF_TEN:
        product = {"product_code": f"P-{ten:06}", "product_name": f"Baju {_LOOKS[ten % len(_LOOKS)]} {ten}"}
        return {**cells, **product, "options": f"ukuran={_SIZES[one - 2]}"}
    if one == _BUNDLE_OF_TEN:
        parts = f"{_code(place - 9)}*2+{_code(place - 8)}*1"
        return {**cells, "kind": "bundle", "barcode": "", "components": parts}
    return cells


def _code(place: int) -> str:
    return f"BRG-{place:06}"


def spoiled(rows: Sequence[Cells], bad_count: int = 40) -> tuple[list[Cells], list[BadCell]]:
    """The list with so many bad rows, each wrong in one cell, and where. It takes thirty rows for each bad one."""
    found = [dict(row) for row in rows]
    bad = []
    for turn in range(bad_count):
        way = _WAYS[turn % len(_WAYS)]
        place = (turn + 1) * 30 + way.one
        found[place][way.column] = way.value(found, place)
        bad.append(BadCell(place + FIRST_ROW, way.column, way.reason))
    return found, sorted(bad, key=lambda cell: cell.row)


@dataclass(frozen=True, slots=True)
class _Way:
    """A way to be wrong: in which of ten rows, where, called what, and what is there then."""

    one: int
    column: str
    reason: str
    value: Callable[[Sequence[Cells], int], str]


def _always(value: str) -> Callable[[Sequence[Cells], int], str]:
    return lambda _rows, _place: value


_PLAIN, _OTHER_PLAIN, _VARIANT, _BUNDLE = 6, 7, 4, _BUNDLE_OF_TEN
_WAYS = (
    _Way(_PLAIN, "sku_code", "REQUIRED", _always("")),
    _Way(_PLAIN, "sku_code", "BAD_CODE", lambda _, place: f"BRG {place}"),
    _Way(_PLAIN, "sku_code", "TOO_LONG", lambda _, place: f"BRG-{place}".ljust(65, "X")),
    _Way(_PLAIN, "sku_code", "SPREADSHEET_NUMBER", lambda _, place: f"8.9{place}E+12"),
    _Way(_PLAIN, "sku_code", "SKU_REPEATED", lambda rows, place: rows[place - 6]["sku_code"].lower()),
    _Way(_OTHER_PLAIN, "sku_name", "REQUIRED", _always("")),
    _Way(_OTHER_PLAIN, "sku_name", "TOO_LONG", _always("nama " * 41)),
    _Way(_OTHER_PLAIN, "sku_name", "BAD_TEXT", _always("dua\nbaris")),
    _Way(_PLAIN, "weight_g", "NOT_A_NUMBER", _always("1,5 kg")),
    _Way(_PLAIN, "weight_g", "OUT_OF_RANGE", _always("10000001")),
    _Way(_PLAIN, "fast_mover", "BAD_CHOICE", _always("mungkin")),
    _Way(_PLAIN, "kind", "BAD_CHOICE", _always("lusin")),
    _Way(_PLAIN, "base_unit", "BAD_CODE", _always("12")),
    _Way(_PLAIN, "barcode", "BARCODE_INVALID", lambda rows, place: _wrong_digit(rows[place]["barcode"])),
    _Way(_PLAIN, "barcode", "BARCODE_INVALID", _always("8.99E+12")),
    _Way(_PLAIN, "barcode", "BARCODE_TAKEN", lambda rows, place: rows[place - 6]["barcode"]),
    _Way(_PLAIN, "carton_quantity", "OUT_OF_RANGE", _always("1")),
    _Way(_PLAIN, "carton_barcode", "REQUIRED", lambda _, place: f"CTN-{place}"),
    _Way(_PLAIN, "components", "BAD_COMPONENTS", lambda rows, place: f"{rows[place - 6]['sku_code']}*2"),
    _Way(_VARIANT, "options", "BAD_OPTIONS", _always("ukuran")),
    _Way(_VARIANT, "options", "OPTIONS_MISMATCH", _always("warna=Hitam")),
    _Way(_VARIANT, "options", "OPTIONS_TAKEN", lambda rows, place: rows[place - 1]["options"].upper()),
    _Way(_VARIANT, "product_name", "PRODUCT_NAME_DIFFERS", _always("Produk lain")),
    _Way(_BUNDLE, "components", "BAD_COMPONENTS", _always("")),
    _Way(_BUNDLE, "components", "COMPONENT_NOT_FOUND", _always("TIDAK-ADA*1")),
    _Way(_BUNDLE, "components", "RECIPE_CYCLE", lambda rows, place: f"{rows[place]['sku_code']}*1"),
)  # fmt: skip


def _wrong_digit(gtin: str) -> str:
    return gtin[:-1] + str((int(gtin[-1]) + 1) % 10)


def mended(rows: Sequence[Cells], good: Sequence[Cells], bad: Sequence[BadCell]) -> list[Cells]:
    """The list with its bad cells as they should have been."""
    found = [dict(row) for row in rows]
    for cell in bad:
        place = cell.row - FIRST_ROW
        found[place][cell.column] = good[place].get(cell.column, "")
    return found


def as_file(rows: Sequence[Cells], file_format: FileFormat, separator: str = ",") -> bytes:
    """The list as a shop sends it."""
    with io.BytesIO() as file:
        sheet = new_sheet(file, file_format, len(COLUMNS), separator)
        sheet.write(COLUMNS)
        sheet.write_all([row.get(column, "") for column in COLUMNS] for row in rows)
        sheet.close()
        return file.getvalue()
