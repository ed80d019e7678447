"""One row of a shop's file, read as a SKU. Every cell is checked, so that all of its problems show at once.

What one row cannot know - whether codes, barcodes and combinations are free - is for `import_plan`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from lumbung_catalog.domain import limits
from lumbung_catalog.domain.barcodes import Barcode, check_barcodes, guessed_kind
from lumbung_catalog.domain.failures import BarcodeInvalid
from lumbung_catalog.domain.import_table import Row
from lumbung_catalog.domain.products import Option, repeated
from lumbung_catalog.domain.recipes import ordered
from lumbung_catalog.domain.skus import Component, Description, SkuKind
from lumbung_catalog.domain.text import shortened
from lumbung_catalog.domain.units import UNIT_CODE, Unit

T = TypeVar("T")

REQUIRED_COLUMNS = ("sku_code", "sku_name")
COLUMNS = (
    "kind",
    "product_code",
    "product_name",
    "sku_code",
    "sku_name",
    "options",
    "base_unit",
    "weight_g",
    "length_mm",
    "width_mm",
    "height_mm",
    "volume_ml",
    "fast_mover",
    "barcode",
    "carton_quantity",
    "carton_barcode",
    "components",
)
DEFAULT_BASE_UNIT = "pcs"
CARTON_UNIT = "carton"

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/+-]*")
_WHOLE = re.compile(r"[0-9]{1,18}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# A code may itself hold `+`; it ends at the `*` before its quantity.
_COMPONENT = re.compile(r"(?P<code>[A-Za-z0-9][A-Za-z0-9._/+-]*)\*(?P<quantity>[0-9]{1,9})(?:\+|$)")
_KINDS = {"": SkuKind.PLAIN, "plain": SkuKind.PLAIN, "bundle": SkuKind.BUNDLE}
_YES_OR_NO = dict.fromkeys(("yes", "y", "ya", "true", "1"), True) | dict.fromkeys(
    ("", "no", "n", "tidak", "false", "0"), False
)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, or noteworthy, at one place of the file, and what would be right."""

    row: int
    column: str
    value: str
    reason: str
    message: str
    expected: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """A row whose cells could all be read."""

    row: int
    kind: SkuKind
    product_code: str
    product_name: str
    sku_code: str
    options: tuple[Option, ...]
    base_unit: str
    description: Description
    units: tuple[Unit, ...]
    barcodes: tuple[Barcode, ...]
    components: tuple[Component, ...]


@dataclass(frozen=True, slots=True)
class ReadRow:
    """What became of one row. Its code and kind are kept when other cells are wrong: rows may refer to it."""

    row: Row
    sku_code: str
    kind: SkuKind
    draft: Draft | None
    problems: tuple[Problem, ...]


class _Cells:
    """Reads the cells of one row and collects what is wrong with them."""

    def __init__(self, row: Row) -> None:
        self.row = row
        self.problems: list[Problem] = []

    def get(self, column: str) -> str:
        return self.row.cells.get(column, "")

    def wrong(self, column: str, reason: str, message: str, expected: str) -> None:
        value = shortened(self.get(column), limits.CELL_SHOWN_LENGTH_MAX)
        self.problems.append(Problem(self.row.number, column, value, reason, message, expected))

    def code(self, column: str) -> str:
        value = self.get(column)
        if not value:
            self.wrong(column, "REQUIRED", "is empty", "a code such as KAOS-HTM-M")
        elif len(value) > limits.CODE_LENGTH_MAX:
            self.wrong(
                column, "TOO_LONG", f"has {len(value)} characters", f"at most {limits.CODE_LENGTH_MAX}"
            )
        elif not _CODE.fullmatch(value):
            self.wrong(
                column, "BAD_CODE", "is not a code", "letters, digits and . _ / + - after a letter or digit"
            )
        return value

    def text(self, column: str, *, required: bool) -> str:
        value = self.get(column)
        if not value and required:
            self.wrong(column, "REQUIRED", "is empty", "a name for people")
        elif len(value) > limits.NAME_LENGTH_MAX:
            self.wrong(
                column, "TOO_LONG", f"has {len(value)} characters", f"at most {limits.NAME_LENGTH_MAX}"
            )
        elif _CONTROL.search(value):
            self.wrong(
                column, "BAD_TEXT", "holds a line break or another control character", "one line of text"
            )
        return value

    def whole(self, column: str, *, minimum: int, maximum: int) -> int:
        value = self.get(column)
        if not value:
            return 0
        if not _WHOLE.fullmatch(value):
            expected = f"a whole number from {minimum} to {maximum}, digits only"
            self.wrong(column, "NOT_A_NUMBER", "is not a whole number", expected)
            return 0
        if not minimum <= int(value) <= maximum:
            self.wrong(column, "OUT_OF_RANGE", "is out of range", f"from {minimum} to {maximum}")
        return int(value)

    def choice(self, column: str, choices: dict[str, T], expected: str) -> T:
        value = self.get(column).lower()
        if value not in choices:
            self.wrong(column, "BAD_CHOICE", "is not one of the values known", expected)
            return choices[""]
        return choices[value]

    def unit_code(self, column: str, default: str) -> str:
        value = self.get(column).lower() or default
        if not UNIT_CODE.fullmatch(value):
            self.wrong(
                column, "BAD_CODE", "is not a unit", "a-z first, then at most 15 of a-z 0-9 _, such as pcs"
            )
        return value


def read_row(row: Row, columns: Sequence[str]) -> ReadRow:
    """Everything that one row says, or everything that is wrong with it."""
    if row.cell_count != len(columns):
        return _unreadable_row(row, len(columns))
    cells = _Cells(row)
    kind = cells.choice("kind", _KINDS, "plain or bundle")
    sku_code = cells.code("sku_code")
    draft = Draft(
        row=row.number,
        kind=kind,
        product_code=cells.code("product_code") if cells.get("product_code") else sku_code,
        product_name=cells.text("product_name", required=False),
        sku_code=sku_code,
        options=_options(cells),
        base_unit=cells.unit_code("base_unit", DEFAULT_BASE_UNIT),
        description=_description(cells),
        units=_units(cells),
        barcodes=_barcodes(cells),
        components=_components(cells, kind),
    )
    problems = tuple(cells.problems)
    return ReadRow(row, sku_code, kind, None if problems else draft, problems)


def _unreadable_row(row: Row, column_count: int) -> ReadRow:
    problem = Problem(
        row=row.number,
        column="",
        value="",
        reason="CELL_COUNT",
        message=f"has {row.cell_count} cells where the header has {column_count}",
        expected="as many cells as the header; put quotes around a text that holds the separator",
    )
    sku_code = row.cells.get("sku_code", "")
    return ReadRow(row, sku_code, SkuKind.PLAIN, None, (problem,))


def _description(cells: _Cells) -> Description:
    return Description(
        name=cells.text("sku_name", required=True),
        weight_g=cells.whole("weight_g", minimum=0, maximum=limits.WEIGHT_G_MAX),
        length_mm=cells.whole("length_mm", minimum=0, maximum=limits.LENGTH_MM_MAX),
        width_mm=cells.whole("width_mm", minimum=0, maximum=limits.LENGTH_MM_MAX),
        height_mm=cells.whole("height_mm", minimum=0, maximum=limits.LENGTH_MM_MAX),
        volume_ml=cells.whole("volume_ml", minimum=0, maximum=limits.VOLUME_ML_MAX),
        fast_mover=cells.choice("fast_mover", _YES_OR_NO, "yes or no"),
    )


def _options(cells: _Cells) -> tuple[Option, ...]:
    """`color=Hitam;size=M`. In a file separated by `;` the cell needs quotes, or `|` between its pairs."""
    parts = [part for part in re.split(r"[;|]", cells.get("options")) if part.strip()]
    pairs = [tuple(side.strip() for side in part.split("=")) for part in parts]
    if any(len(pair) != 2 or not all(pair) for pair in pairs):
        cells.wrong("options", "BAD_OPTIONS", "is not pairs of axis and value", "such as color=Hitam;size=M")
        return ()
    options = tuple(Option(axis, " ".join(value.split())) for axis, value in pairs)
    _check_options(cells, options)
    return options


def _check_options(cells: _Cells, options: Sequence[Option]) -> None:
    if len(options) > limits.AXES_MAX:
        cells.wrong("options", "OUT_OF_RANGE", f"has {len(options)} pairs", f"at most {limits.AXES_MAX}")
    elif repeated([option.axis for option in options]):
        cells.wrong("options", "BAD_OPTIONS", "names an axis twice", "each axis once")
    elif any(
        len(option.axis) > limits.AXIS_NAME_LENGTH_MAX
        or len(option.value) > limits.OPTION_VALUE_LENGTH_MAX
        or _CONTROL.search(option.axis + option.value)
        for option in options
    ):
        longest = (
            f"{limits.AXIS_NAME_LENGTH_MAX} characters before and {limits.OPTION_VALUE_LENGTH_MAX} after ="
        )
        cells.wrong("options", "BAD_OPTIONS", "has a part that is too long or broken", f"at most {longest}")


def _units(cells: _Cells) -> tuple[Unit, ...]:
    """The base unit, and the carton when its quantity is given."""
    base_unit = cells.get("base_unit").lower() or DEFAULT_BASE_UNIT
    units = [Unit(base_unit, 1)]
    if cells.get("carton_quantity"):
        quantity = cells.whole("carton_quantity", minimum=2, maximum=limits.UNIT_QUANTITY_MAX)
        units.append(Unit(CARTON_UNIT, quantity))
        if base_unit == CARTON_UNIT:
            cells.wrong(
                "carton_quantity", "BAD_CHOICE", "is given where the base unit is carton", "an empty cell"
            )
    return tuple(units)


def _barcodes(cells: _Cells) -> tuple[Barcode, ...]:
    base_unit = cells.get("base_unit").lower() or DEFAULT_BASE_UNIT
    columns = {"barcode": base_unit, "carton_barcode": CARTON_UNIT}
    if cells.get("carton_barcode") and not cells.get("carton_quantity"):
        cells.wrong("carton_barcode", "REQUIRED", "is given without carton_quantity", "both or neither")
    found = []
    for column, unit_code in columns.items():
        code = cells.get(column)
        if code:
            barcode = Barcode(code, guessed_kind(code), unit_code)
            _check_barcode(cells, column, barcode)
            found.append(barcode)
    return tuple(found)


def _check_barcode(cells: _Cells, column: str, barcode: Barcode) -> None:
    try:
        check_barcodes([barcode], [column])
    except BarcodeInvalid as failure:
        message = failure.message.removeprefix(column).strip()
        cells.wrong(column, failure.reason, message, failure.metadata["expected"])


def _components(cells: _Cells, kind: SkuKind) -> tuple[Component, ...]:
    """`PB-10K*1+KBL-C*2`: components with their quantities."""
    cell = cells.get("components")
    if kind is SkuKind.PLAIN:
        if cell:
            cells.wrong(
                "components", "BAD_COMPONENTS", "is given for a plain SKU", "an empty cell, or kind bundle"
            )
        return ()
    components, readable = _read_components("".join(cell.split()))
    problem = _components_problem(components, readable=readable)
    if problem:
        cells.wrong("components", "BAD_COMPONENTS", *problem)
    return ordered(components)


def _read_components(cell: str) -> tuple[list[Component], bool]:
    """The components up to where the cell cannot be read, and whether all of it could."""
    components = []
    place = 0
    while match := _COMPONENT.match(cell, place):
        components.append(Component(match["code"], int(match["quantity"])))
        place = match.end()
    return components, place == len(cell) and not cell.endswith("+")


def _components_problem(components: Sequence[Component], *, readable: bool) -> tuple[str, str] | None:
    """What is wrong with a bundle's components and what would be right."""
    if not readable:
        return "is not codes with quantities", "such as PB-10K*1+KBL-C*2"
    if not components:
        return "is empty for a bundle", "such as PB-10K*1+KBL-C*2"
    if len(components) > limits.COMPONENTS_MAX:
        return f"has {len(components)} components", f"at most {limits.COMPONENTS_MAX}"
    if len({component.sku_code.casefold() for component in components}) < len(components):
        return "names a component twice", "each component once, with its whole quantity"
    if not all(1 <= component.quantity <= limits.COMPONENT_QUANTITY_MAX for component in components):
        return "has a quantity out of range", f"from 1 to {limits.COMPONENT_QUANTITY_MAX}"
    return None
