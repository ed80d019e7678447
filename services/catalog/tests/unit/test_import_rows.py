"""One row as a SKU: every cell is checked, and every wrong one is named with what would be right."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumbung_catalog.domain.barcodes import Barcode, BarcodeKind
from lumbung_catalog.domain.import_columns import COLUMNS
from lumbung_catalog.domain.import_rows import ReadRow, read_row
from lumbung_catalog.domain.import_table import Row
from lumbung_catalog.domain.products import Option
from lumbung_catalog.domain.said import indonesian
from lumbung_catalog.domain.skus import Component, Description, LotTracking, SkuKind
from lumbung_catalog.domain.units import Unit


def read(**cells: str) -> ReadRow:
    filled = {"sku_code": "KAOS-M", "sku_name": "Kaos M"} | cells
    return read_row(Row(2, {column: filled.get(column, "") for column in COLUMNS}, len(COLUMNS)), COLUMNS)


def test_a_row_with_code_and_name_is_a_plain_sku_of_a_product_of_its_own() -> None:
    draft = read().draft
    assert draft is not None
    assert (draft.kind, draft.product_code, draft.base_unit) == (SkuKind.PLAIN, "KAOS-M", "pcs")
    assert draft.units == (Unit("pcs", 1),)
    assert draft.description == Description("Kaos M")


def test_a_full_row_says_everything() -> None:
    draft = read(
        product_code="KAOS",
        product_name="Kaos Polos",
        options="color=Hitam; size = M",
        base_unit="PCS",
        weight_g="180",
        length_mm="300",
        width_mm="200",
        height_mm="20",
        fast_mover="ya",
        barcode="8991234567891",
        carton_quantity="24",
        carton_barcode="KAOS-CTN",
    ).draft
    assert draft is not None
    assert draft.options == (Option("color", "Hitam"), Option("size", "M"))
    assert draft.units == (Unit("pcs", 1), Unit("carton", 24))
    assert draft.barcodes == (
        Barcode("8991234567891", BarcodeKind.GTIN, "pcs"),
        Barcode("KAOS-CTN", BarcodeKind.INTERNAL, "carton"),
    )
    assert draft.description.room_ml == 1_200
    assert draft.description.fast_mover


def test_a_bundle_names_its_components_in_whatever_spacing() -> None:
    draft = read(kind="Bundle", components="PB-10K * 1 + A+B*2").draft
    assert draft is not None
    assert draft.components == (Component("A+B", 2), Component("PB-10K", 1))


codes = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._/+-]{0,20}", fullmatch=True)


@given(st.dictionaries(codes, st.integers(1, 10_000), min_size=1, max_size=20))
def test_components_are_read_back_whatever_signs_their_codes_hold(parts: dict[str, int]) -> None:
    if len({code.casefold() for code in parts}) < len(parts):
        return
    cell = "+".join(f"{code}*{quantity}" for code, quantity in parts.items())
    draft = read(kind="bundle", components=cell).draft
    assert draft is not None
    assert {component.sku_code: component.quantity for component in draft.components} == parts


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("kind", "lusin", "BAD_CHOICE"),
        ("sku_code", "", "REQUIRED"),
        ("sku_code", "KAOS M", "BAD_CODE"),
        ("sku_code", "K" * 65, "TOO_LONG"),
        ("sku_name", "", "REQUIRED"),
        ("sku_name", "k" * 201, "TOO_LONG"),
        ("sku_name", "two\nlines", "BAD_TEXT"),
        ("product_code", "-x", "BAD_CODE"),
        ("options", "color", "BAD_OPTIONS"),
        ("options", "color=", "BAD_OPTIONS"),
        ("options", "color=a=b", "BAD_OPTIONS"),
        ("options", "color=a;Color=b", "BAD_OPTIONS"),
        ("options", "a=1;b=1;c=1;d=1;e=1;f=1", "OUT_OF_RANGE"),
        ("options", f"color={'x' * 81}", "BAD_OPTIONS"),
        ("base_unit", "12", "BAD_CODE"),
        ("weight_g", "1.500", "NOT_A_NUMBER"),
        ("weight_g", "-1", "NOT_A_NUMBER"),
        ("weight_g", "1e3", "NOT_A_NUMBER"),
        ("weight_g", "10000001", "OUT_OF_RANGE"),
        ("volume_ml", "dua", "NOT_A_NUMBER"),
        ("fast_mover", "mungkin", "BAD_CHOICE"),
        ("lot_tracking", "ya", "BAD_CHOICE"),
        ("shelf_life_days_min", "3651", "OUT_OF_RANGE"),
        ("barcode", "8991234567890", "BARCODE_INVALID"),
        ("barcode", "8.99E+12", "BARCODE_INVALID"),
        ("carton_quantity", "1", "OUT_OF_RANGE"),
        ("carton_barcode", "CTN-1", "REQUIRED"),
        ("sku_code", "8.99E+12", "SPREADSHEET_NUMBER"),
        ("product_axes", "color|Color", "BAD_OPTIONS"),
        ("product_axes", "a=1=2", "BAD_OPTIONS"),
        ("product_description", "x" * 2_001, "TOO_LONG"),
        ("product_description", "bell\x07", "BAD_TEXT"),
        ("more_units", "box", "BAD_UNITS"),
        ("more_units", "box=1", "BAD_UNITS"),
        ("more_units", "box=2|box=3", "BAD_UNITS"),
        ("more_units", "pcs=2", "BAD_UNITS"),
        ("more_units", "|".join(f"u{i}=2" for i in range(8)), "OUT_OF_RANGE"),
        ("more_barcodes", "8991234567891", "BAD_BARCODES"),
        ("more_barcodes", "pcs=8991234567890", "BARCODE_INVALID"),
        ("state", "gone", "BAD_CHOICE"),
    ],
)
def test_a_wrong_cell_is_named(column: str, value: str, reason: str) -> None:
    result = read(**{column: value})
    (problem,) = result.problems
    assert (problem.row, problem.column, problem.reason) == (2, column, reason)
    assert problem.value == (value if len(value) <= 100 else value[:99] + "…")
    assert problem.message
    assert problem.expected
    assert result.draft is None


@pytest.mark.parametrize(
    "cell",
    ["", "A", "A*", "A*0", "A*1+", "A*10001", "A*1+a*2", "A*x", "+".join(f"A{i}*1" for i in range(21))],
)
def test_a_bundle_with_wrong_components_is_named(cell: str) -> None:
    (problem,) = read(kind="bundle", components=cell).problems
    assert (problem.column, problem.reason) == ("components", "BAD_COMPONENTS")


def test_components_of_a_plain_sku_are_named() -> None:
    (problem,) = read(kind="plain", components="A*1").problems
    assert (problem.column, problem.reason) == ("components", "BAD_COMPONENTS")


@pytest.mark.parametrize("kind", ["", "paket", "Bundle"])
def test_what_has_components_is_a_bundle(kind: str) -> None:
    draft = read(kind=kind, components="A*1").draft
    assert draft is not None
    assert draft.kind is SkuKind.BUNDLE


def test_every_problem_is_said_in_both_languages() -> None:
    for column, value in (
        ("sku_code", "KAOS M"),
        ("weight_g", "berat"),
        ("barcode", "899"),
        ("options", "x"),
    ):
        for problem in read(**{column: value}).problems:
            assert indonesian(problem.message) != problem.message


def test_a_number_that_lost_its_zeros_is_doubted_and_not_refused() -> None:
    row = read(barcode="12345678905")
    assert row.draft is not None
    (warning,) = row.warnings
    assert (warning.reason, warning.expected[:12]) == ("BARCODE_ZEROS_LOST", "012345678905")


def test_further_units_and_barcodes_are_read() -> None:
    draft = read(
        more_units="box=6|palet=480",
        more_barcodes="box=8991234567891|pcs=internal:12345671|palet=A%7CB%25",
    ).draft
    assert draft is not None
    assert draft.units == (Unit("pcs", 1), Unit("box", 6), Unit("palet", 480))
    assert [(b.unit_code, b.code, b.kind) for b in draft.barcodes] == [
        ("box", "8991234567891", BarcodeKind.GTIN),
        ("pcs", "12345671", BarcodeKind.INTERNAL),
        ("palet", "A|B%", BarcodeKind.INTERNAL),
    ]


def test_every_wrong_cell_of_a_row_is_named_at_once() -> None:
    problems = read(sku_name="", weight_g="berat", barcode="8991234567890", fast_mover="?").problems
    assert {problem.column for problem in problems} == {"sku_name", "weight_g", "barcode", "fast_mover"}


def test_the_right_check_digit_is_told() -> None:
    (problem,) = read(barcode="8991234567890").problems
    assert problem.expected == "8991234567891"


@pytest.mark.parametrize("count", [1, len(COLUMNS) - 1, len(COLUMNS) + 1])
def test_a_row_with_other_cells_than_the_header_is_named_whole(count: int) -> None:
    (problem,) = read_row(Row(7, {"sku_code": "A"}, count), COLUMNS).problems
    assert (problem.row, problem.column, problem.reason) == (7, "", "CELL_COUNT")


@given(st.fixed_dictionaries({column: st.text(max_size=40) for column in COLUMNS}))
def test_whatever_a_row_holds_it_is_read_or_named(cells: dict[str, str]) -> None:
    stripped = {column: cell.strip() for column, cell in cells.items()}
    result = read_row(Row(2, stripped, len(COLUMNS)), COLUMNS)
    assert (result.draft is None) == bool(result.problems)


def test_a_bundle_has_no_lots() -> None:
    problems = read(
        kind="paket", components="A*1", lot_tracking="lot", barcode="", carton_quantity=""
    ).problems
    assert [problem.column for problem in problems if problem.reason == "BAD_CHOICE"] == ["lot_tracking"]


@pytest.mark.parametrize(
    ("cell", "tracking"),
    [
        ("", LotTracking.NONE),
        ("tidak", LotTracking.NONE),
        ("LOT", LotTracking.LOT),
        ("lot_dan_kedaluwarsa", LotTracking.LOT_AND_EXPIRY),
    ],
)
def test_lots_are_said_in_both_languages(cell: str, tracking: LotTracking) -> None:
    draft = read(lot_tracking=cell, shelf_life_days_min="30").draft
    assert draft is not None
    assert (draft.description.lot_tracking, draft.description.shelf_life_days_min) == (tracking, 30)
