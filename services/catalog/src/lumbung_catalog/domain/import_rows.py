"""One row of a shop's file, read as a SKU. Every cell is checked, so that all of its problems show at once.

What one row cannot know - whether codes, barcodes and combinations are free - is for `import_plan`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TypeVar

from lumbung_catalog.domain import limits
from lumbung_catalog.domain.barcodes import Barcode, BarcodeKind, barcode_problem, guessed_kind, zeros_lost
from lumbung_catalog.domain.import_table import Row
from lumbung_catalog.domain.import_xlsx import ROUNDED
from lumbung_catalog.domain.products import Axis, Option, repeated
from lumbung_catalog.domain.recipes import ordered
from lumbung_catalog.domain.said import Said
from lumbung_catalog.domain.skus import Component, Description, LotTracking, SkuKind, SkuState
from lumbung_catalog.domain.text import shortened
from lumbung_catalog.domain.units import UNIT_CODE, Unit

T = TypeVar("T")

DEFAULT_BASE_UNIT = "pcs"
CARTON_UNIT = "carton"

INTERNAL_MARK = "internal:"
"""Before a code of the shop's own that would be read as a GTIN without it."""


def at_most(count: int) -> Said:
    """A bound, for people."""
    return Said(f"at most {count}", f"paling banyak {count}")


EMPTY = Said("is empty", "kosong")
A_NAME = Said("a name for people", "nama untuk orang")
_NOT_IN_LINES = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_SPREADSHEET_NUMBER = re.compile(r"[0-9]([.,][0-9]+)?[eE]\+[0-9]+")
_UNIT = re.compile(r"(?P<unit>[A-Za-z][A-Za-z0-9_]{0,15})\s*=\s*(?P<quantity>[0-9]{1,9})")
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/+-]*")
_WHOLE = re.compile(r"[0-9]{1,18}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# A code may itself hold `+`; it ends at the `*` before its quantity.
_COMPONENT = re.compile(r"(?P<code>[A-Za-z0-9][A-Za-z0-9._/+-]*)\*(?P<quantity>[0-9]{1,9})(?:\+|$)")
_KINDS = {
    "": SkuKind.PLAIN,
    "plain": SkuKind.PLAIN,
    "tunggal": SkuKind.PLAIN,
    "bundle": SkuKind.BUNDLE,
    "paket": SkuKind.BUNDLE,
}
_STATES = {
    "": SkuState.ACTIVE,
    "active": SkuState.ACTIVE,
    "aktif": SkuState.ACTIVE,
    "retired": SkuState.RETIRED,
    "pensiun": SkuState.RETIRED,
}
_LOTS = {
    "": LotTracking.NONE,
    "none": LotTracking.NONE,
    "tidak": LotTracking.NONE,
    "lot": LotTracking.LOT,
    "lot_and_expiry": LotTracking.LOT_AND_EXPIRY,
    "lot_dan_kedaluwarsa": LotTracking.LOT_AND_EXPIRY,
}
LOTS = Said("none, lot or lot_and_expiry", "tidak, lot, atau lot_dan_kedaluwarsa")
NONE_OF_LOTS = Said("none", "tidak")
NO_LOTS_OF_BUNDLES = Said("is not for a bundle, which has no stock of its own",
                          "bukan untuk paket, yang tidak memiliki stok sendiri")  # fmt: skip
_YES_OR_NO = dict.fromkeys(("yes", "y", "ya", "true", "1"), True) | dict.fromkeys(
    ("", "no", "n", "tidak", "false", "0"), False
)


class ImportMode(IntEnum):
    """What becomes of rows whose SKU exists. The numbers are those of the contract."""

    CREATE = 1
    UPSERT = 2


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
    """A row whose cells could all be read.

    `given` are the columns that it fills: of a SKU that exists, only those may change. Its units and barcodes name
    the base unit as "" until `with_base_unit` says which it is.
    """

    row: int
    kind: SkuKind
    product_code: str
    product_name: str
    product_description: str
    product_axes: tuple[Axis, ...]
    sku_code: str
    options: tuple[Option, ...]
    base_unit: str
    description: Description
    units: tuple[Unit, ...]
    barcodes: tuple[Barcode, ...]
    components: tuple[Component, ...]
    state: SkuState
    given: frozenset[str]


@dataclass(frozen=True, slots=True)
class ReadRow:
    """What became of one row. Its code and kind are kept when other cells are wrong: rows may refer to it."""

    number: int
    sku_code: str
    kind: SkuKind
    draft: Draft | None
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...] = ()


def with_base_unit(draft: Draft, base_unit: str) -> Draft:
    """The same with the base unit named."""
    return replace(
        draft,
        base_unit=base_unit,
        units=tuple(Unit(unit.unit_code or base_unit, unit.base_quantity) for unit in draft.units),
        barcodes=tuple(
            Barcode(barcode.code, barcode.kind, barcode.unit_code or base_unit) for barcode in draft.barcodes
        ),
    )


class _Cells:
    """Reads the cells of one row and collects what is wrong with them."""

    def __init__(self, row: Row, mode: ImportMode) -> None:
        self.row = row
        self.mode = mode
        self.problems: list[Problem] = [
            Problem(row.number, column, self._shown(column), flaw.reason, flaw.message, flaw.expected)
            for column, flaw in row.flaws.items()
        ]
        self.warnings: list[Problem] = []

    def get(self, column: str) -> str:
        """The cell's text; of a flawed one nothing, for that it is wrong is known."""
        return "" if column in self.row.flaws else self.row.cells.get(column, "")

    def _shown(self, column: str) -> str:
        return shortened(self.row.cells.get(column, ""), limits.CELL_SHOWN_LENGTH_MAX)

    def wrong(self, column: str, reason: str, message: Said, expected: Said) -> None:
        self.problems.append(Problem(self.row.number, column, self._shown(column), reason, message, expected))

    def doubtful(self, column: str, reason: str, message: Said, expected: Said) -> None:
        self.warnings.append(Problem(self.row.number, column, self._shown(column), reason, message, expected))

    def missing(self, column: str, expected: Said) -> None:
        if column not in self.row.flaws:
            self.wrong(column, "REQUIRED", EMPTY, expected)

    def too_long(self, column: str, length: int, length_max: int) -> None:
        self.wrong(
            column,
            "TOO_LONG",
            Said(f"has {length} characters", f"terdiri dari {length} karakter"),
            at_most(length_max),
        )

    def code(self, column: str) -> str:
        value = self.get(column)
        if not value:
            self.missing(column, Said("a code such as KAOS-HTM-M", "kode seperti KAOS-HTM-M"))
        elif len(value) > limits.CODE_LENGTH_MAX:
            self.too_long(column, len(value), limits.CODE_LENGTH_MAX)
        elif _SPREADSHEET_NUMBER.fullmatch(value):
            self.wrong(column, ROUNDED.reason, ROUNDED.message, ROUNDED.expected)
        elif not _CODE.fullmatch(value):
            self.wrong(
                column,
                "BAD_CODE",
                Said("is not a code", "bukan kode"),
                Said(
                    "letters, digits and . _ / + - after a letter or digit",
                    "huruf, angka, dan . _ / + - sesudah huruf atau angka",
                ),
            )
        return value

    def text(self, column: str, *, required: bool) -> str:
        value = self.get(column)
        if not value and required:
            self.missing(column, A_NAME)
        elif len(value) > limits.NAME_LENGTH_MAX:
            self.too_long(column, len(value), limits.NAME_LENGTH_MAX)
        elif _CONTROL.search(value):
            self.wrong(
                column,
                "BAD_TEXT",
                Said(
                    "holds a line break or another control character",
                    "berisi ganti baris atau karakter kendali lain",
                ),
                Said("one line of text", "satu baris teks"),
            )
        return value

    def whole(self, column: str, *, minimum: int, maximum: int) -> int:
        value = self.get(column)
        if not value:
            return 0
        bounds = Said(f"from {minimum} to {maximum}", f"dari {minimum} sampai {maximum}")
        if not _WHOLE.fullmatch(value):
            self.wrong(
                column,
                "NOT_A_NUMBER",
                Said("is not a whole number", "bukan bilangan bulat"),
                Said(
                    f"a whole number {bounds}, digits only",
                    f"bilangan bulat {bounds.indonesian}, hanya angka",
                ),
            )
            return 0
        if not minimum <= int(value) <= maximum:
            self.wrong(column, "OUT_OF_RANGE", Said("is out of range", "di luar batas"), bounds)
        return int(value)

    def choice(self, column: str, choices: dict[str, T], expected: Said) -> T:
        value = self.get(column).lower()
        if value not in choices:
            self.wrong(
                column,
                "BAD_CHOICE",
                Said("is not one of the values known", "bukan salah satu nilai yang dikenal"),
                expected,
            )
            return choices[""]
        return choices[value]

    def unit_code(self, column: str) -> str:
        value = self.get(column).lower()
        if value and not UNIT_CODE.fullmatch(value):
            self.wrong(
                column,
                "BAD_CODE",
                Said("is not a unit", "bukan satuan"),
                Said(
                    "a-z first, then at most 15 of a-z 0-9 _, such as pcs",
                    "diawali a-z, lalu paling banyak 15 dari a-z 0-9 _, misalnya pcs",
                ),
            )
        return value


def read_row(row: Row, columns: Sequence[str], mode: ImportMode = ImportMode.CREATE) -> ReadRow:
    """Everything that one row says, or everything that is wrong with it."""
    if row.cell_count != len(columns):
        return _unreadable_row(row, len(columns))
    cells = _Cells(row, mode)
    kind = _kind(cells)
    sku_code = cells.code("sku_code")
    draft = Draft(
        row=row.number,
        kind=kind,
        product_code=cells.code("product_code") if cells.get("product_code") else sku_code,
        product_name=cells.text("product_name", required=False),
        product_description=_long_text(cells),
        product_axes=_axes(cells),
        sku_code=sku_code,
        options=_options(cells),
        base_unit=cells.unit_code("base_unit"),
        description=_description(cells),
        units=_units(cells),
        barcodes=_barcodes(cells),
        components=_components(cells, kind),
        state=cells.choice("state", _STATES, Said("active or retired", "aktif atau pensiun")),
        given=_given(row),
    )
    if kind is SkuKind.BUNDLE and draft.description.lot_tracking is not LotTracking.NONE:
        cells.wrong("lot_tracking", "BAD_CHOICE", NO_LOTS_OF_BUNDLES, NONE_OF_LOTS)
    problems = tuple(cells.problems)
    if mode is ImportMode.CREATE:
        draft = with_base_unit(draft, draft.base_unit or DEFAULT_BASE_UNIT)
    return ReadRow(row.number, sku_code, kind, None if problems else draft, problems, tuple(cells.warnings))


_GIVEN: dict[frozenset[str], frozenset[str]] = {}
_GIVEN_MAX = 1_000


def _given(row: Row) -> frozenset[str]:
    """One set for all rows that fill the same columns: there are few of those, and many rows."""
    given = frozenset(column for column, cell in row.cells.items() if cell)
    if len(_GIVEN) >= _GIVEN_MAX:
        _GIVEN.clear()
    return _GIVEN.setdefault(given, given)


def _kind(cells: _Cells) -> SkuKind:
    """Without a kind, a SKU that has components is a bundle."""
    if not cells.get("kind") and cells.get("components"):
        return SkuKind.BUNDLE
    return cells.choice("kind", _KINDS, Said("plain or bundle", "tunggal atau paket"))


def _unreadable_row(row: Row, column_count: int) -> ReadRow:
    problem = Problem(
        row=row.number,
        column="",
        value="",
        reason="CELL_COUNT",
        message=Said(
            f"has {row.cell_count} cells where the header has {column_count}",
            f"memiliki {row.cell_count} sel, padahal judul kolom {column_count}",
        ),
        expected=Said(
            "as many cells as the header; put quotes around a text that holds the separator",
            "sel sebanyak judul kolom; beri tanda kutip pada teks yang berisi pemisah",
        ),
    )
    sku_code = row.cells.get("sku_code", "")
    return ReadRow(row.number, sku_code, SkuKind.PLAIN, None, (problem,))


def _description(cells: _Cells) -> Description:
    return Description(
        name=cells.text("sku_name", required=cells.mode is ImportMode.CREATE),
        weight_g=cells.whole("weight_g", minimum=0, maximum=limits.WEIGHT_G_MAX),
        length_mm=cells.whole("length_mm", minimum=0, maximum=limits.LENGTH_MM_MAX),
        width_mm=cells.whole("width_mm", minimum=0, maximum=limits.LENGTH_MM_MAX),
        height_mm=cells.whole("height_mm", minimum=0, maximum=limits.LENGTH_MM_MAX),
        volume_ml=cells.whole("volume_ml", minimum=0, maximum=limits.VOLUME_ML_MAX),
        fast_mover=cells.choice("fast_mover", _YES_OR_NO, Said("yes or no", "ya atau tidak")),
        lot_tracking=cells.choice("lot_tracking", _LOTS, LOTS),
        shelf_life_days_min=cells.whole("shelf_life_days_min", minimum=0, maximum=limits.SHELF_LIFE_DAYS_MAX),
    )


def _long_text(cells: _Cells) -> str:
    """A product's description, which may have lines."""
    column = "product_description"
    value = cells.get(column)
    if len(value) > limits.DESCRIPTION_LENGTH_MAX:
        cells.too_long(column, len(value), limits.DESCRIPTION_LENGTH_MAX)
    elif _NOT_IN_LINES.search(value):
        cells.wrong(
            column,
            "BAD_TEXT",
            Said("holds a control character", "berisi karakter kendali"),
            Said("text", "teks"),
        )
    return value


def _axes(cells: _Cells) -> tuple[Axis, ...]:
    """`color=Hitam;Putih|size`: the axes of a product, with the values allowed where only some are."""
    column = "product_axes"
    sides = [part.split("=") for part in cells.get(column).split("|") if part.strip()]
    axes = tuple(
        Axis(
            side[0].strip(), tuple(value.strip() for value in "=".join(side[1:]).split(";") if value.strip())
        )
        for side in sides
    )
    if (
        len(axes) > limits.AXES_MAX
        or repeated([axis.name for axis in axes])
        or any(len(side) > 2 for side in sides)
        or any(_bad_axis(axis) for axis in axes)
    ):
        cells.wrong(
            column,
            "BAD_OPTIONS",
            Said("is not axes, each once", "bukan pilihan, masing-masing satu kali"),
            Said(
                f"such as color=Hitam;Putih|size; at most {limits.AXES_MAX}",
                f"misalnya warna=Hitam;Putih|ukuran; paling banyak {limits.AXES_MAX}",
            ),
        )
        return ()
    return axes


def _bad_axis(axis: Axis) -> bool:
    return (
        not 1 <= len(axis.name) <= limits.AXIS_NAME_LENGTH_MAX
        or len(axis.values) > limits.AXIS_VALUES_MAX
        or bool(repeated(axis.values))
        or any(len(value) > limits.OPTION_VALUE_LENGTH_MAX for value in axis.values)
        or _CONTROL.search(axis.name + "".join(axis.values)) is not None
    )


def _options(cells: _Cells) -> tuple[Option, ...]:
    """`color=Hitam;size=M`. In a file separated by `;` the cell needs quotes, or `|` between its pairs."""
    parts = [part for part in re.split(r"[;|]", cells.get("options")) if part.strip()]
    pairs = [tuple(side.strip() for side in part.split("=")) for part in parts]
    if any(len(pair) != 2 or not all(pair) for pair in pairs):
        cells.wrong(
            "options",
            "BAD_OPTIONS",
            Said("is not pairs of axis and value", "bukan pasangan pilihan dan nilai"),
            Said("such as color=Hitam;size=M", "misalnya warna=Hitam;ukuran=M"),
        )
        return ()
    options = tuple(Option(axis, " ".join(value.split())) for axis, value in pairs)
    _check_options(cells, options)
    return options


def _check_options(cells: _Cells, options: Sequence[Option]) -> None:
    if len(options) > limits.AXES_MAX:
        count = Said(f"has {len(options)} pairs", f"memiliki {len(options)} pasangan")
        cells.wrong("options", "OUT_OF_RANGE", count, at_most(limits.AXES_MAX))
    elif repeated([option.axis for option in options]):
        cells.wrong(
            "options",
            "BAD_OPTIONS",
            Said("names an axis twice", "menyebut satu pilihan dua kali"),
            Said("each axis once", "setiap pilihan satu kali"),
        )
    elif any(_bad_option(option) for option in options):
        before, after = limits.AXIS_NAME_LENGTH_MAX, limits.OPTION_VALUE_LENGTH_MAX
        cells.wrong(
            "options",
            "BAD_OPTIONS",
            Said("has a part that is too long or broken", "memiliki bagian yang terlalu panjang atau rusak"),
            Said(
                f"at most {before} characters before and {after} after =",
                f"paling banyak {before} karakter sebelum dan {after} sesudah =",
            ),
        )


def _bad_option(option: Option) -> bool:
    return (
        len(option.axis) > limits.AXIS_NAME_LENGTH_MAX
        or len(option.value) > limits.OPTION_VALUE_LENGTH_MAX
        or _CONTROL.search(option.axis + option.value) is not None
    )


def _units(cells: _Cells) -> tuple[Unit, ...]:
    """The base unit, the carton when its quantity is given, and further ones."""
    base_unit = cells.get("base_unit").lower()
    units = [Unit(base_unit, 1)]
    if cells.get("carton_quantity"):
        quantity = cells.whole("carton_quantity", minimum=2, maximum=limits.UNIT_QUANTITY_MAX)
        units.append(Unit(CARTON_UNIT, quantity))
        if base_unit == CARTON_UNIT:
            cells.wrong(
                "carton_quantity",
                "BAD_CHOICE",
                Said("is given where the base unit is carton", "diisi padahal satuan dasarnya carton"),
                Said("an empty cell", "sel kosong"),
            )
    units += _more_units(cells)
    if len({unit.unit_code or DEFAULT_BASE_UNIT for unit in units}) < len(units):
        cells.wrong(
            "more_units",
            "BAD_UNITS",
            Said("names a unit twice", "menyebut satuan dua kali"),
            Said("each unit once", "setiap satuan satu kali"),
        )
    if len(units) > limits.UNITS_MAX:
        count = Said(f"makes {len(units)} units", f"menjadi {len(units)} satuan")
        cells.wrong("more_units", "OUT_OF_RANGE", count, at_most(limits.UNITS_MAX))
    return tuple(units)


def _more_units(cells: _Cells) -> list[Unit]:
    """`box=6|pallet=480`: further units with their base quantities."""
    parts = [part.strip() for part in re.split(r"[;|]", cells.get("more_units")) if part.strip()]
    found = [_UNIT.fullmatch(part) for part in parts]
    units = [Unit(match["unit"].lower(), int(match["quantity"])) for match in found if match]
    if len(units) < len(parts) or not all(
        2 <= unit.base_quantity <= limits.UNIT_QUANTITY_MAX for unit in units
    ):
        cells.wrong(
            "more_units",
            "BAD_UNITS",
            Said("is not units with quantities", "bukan satuan dengan jumlah"),
            Said(
                f"such as box=6|pallet=480, from 2 to {limits.UNIT_QUANTITY_MAX}",
                f"misalnya box=6|palet=480, dari 2 sampai {limits.UNIT_QUANTITY_MAX}",
            ),
        )
    return units


def _barcodes(cells: _Cells) -> tuple[Barcode, ...]:
    base_unit = cells.get("base_unit").lower()
    columns = {"barcode": base_unit, "carton_barcode": CARTON_UNIT}
    if cells.get("carton_barcode") and not cells.get("carton_quantity") and cells.mode is ImportMode.CREATE:
        cells.wrong(
            "carton_barcode",
            "REQUIRED",
            Said("is given without carton_quantity", "diisi tanpa isi karton"),
            Said("both or neither", "keduanya atau tidak sama sekali"),
        )
    found = []
    for column, unit_code in columns.items():
        code = cells.get(column)
        if code:
            barcode = Barcode(code, guessed_kind(code), unit_code)
            _check_barcode(cells, column, barcode)
            found.append(barcode)
    found += _more_barcodes(cells, base_unit)
    return tuple(found)


def _more_barcodes(cells: _Cells, base_unit: str) -> list[Barcode]:
    """`box=8991234567891|box=internal:123`: further barcodes, each of a unit; `%7C` stands for `|`, `%25` for `%`."""
    barcodes = []
    for part in filter(None, (part.strip() for part in cells.get("more_barcodes").split("|"))):
        unit, _, text = part.partition("=")
        unit, text = unit.strip().lower(), text.strip().replace("%7C", "|").replace("%25", "%")
        if not text or not UNIT_CODE.fullmatch(unit):
            cells.wrong(
                "more_barcodes",
                "BAD_BARCODES",
                Said("is not units with barcodes", "bukan satuan dengan barkode"),
                Said("such as box=8991234567891|box=BOX-7", "misalnya box=8991234567891|box=BOX-7"),
            )
            return []
        code = text.removeprefix(INTERNAL_MARK)
        kind = BarcodeKind.INTERNAL if code != text else guessed_kind(code)
        barcodes.append(Barcode(code, kind, "" if unit == base_unit else unit))
        _check_barcode(cells, "more_barcodes", barcodes[-1])
    return [Barcode(b.code, b.kind, b.unit_code or base_unit) for b in barcodes]


def _check_barcode(cells: _Cells, column: str, barcode: Barcode) -> None:
    problem = barcode_problem(barcode)
    if problem:
        cells.wrong(column, "BARCODE_INVALID", *problem)
    elif barcode.kind is BarcodeKind.INTERNAL and (whole := zeros_lost(barcode.code)):
        cells.doubtful(
            column,
            "BARCODE_ZEROS_LOST",
            Said(
                "looks like a GTIN whose zeros in front a spreadsheet dropped",
                "mirip GTIN yang nol di depannya dihapus lembar kerja",
            ),
            Said(
                f"{whole}; or force_reason for an internal code", f"{whole}; atau alasan untuk kode sendiri"
            ),
        )


def _components(cells: _Cells, kind: SkuKind) -> tuple[Component, ...]:
    """`PB-10K*1+KBL-C*2`: components with their quantities."""
    cell = cells.get("components")
    if kind is SkuKind.PLAIN:
        if cell:
            cells.wrong(
                "components",
                "BAD_COMPONENTS",
                Said("is given for a plain SKU", "diisi untuk SKU tunggal"),
                Said("an empty cell, or kind bundle", "sel kosong, atau jenis paket"),
            )
        return ()
    if not cell and (cells.mode is ImportMode.UPSERT or "components" in cells.row.flaws):
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


def _components_problem(components: Sequence[Component], *, readable: bool) -> tuple[Said, Said] | None:
    """What is wrong with a bundle's components and what would be right."""
    example = Said("such as PB-10K*1+KBL-C*2", "misalnya PB-10K*1+KBL-C*2")
    if not readable:
        return Said("is not codes with quantities", "bukan kode dengan jumlah"), example
    if not components:
        return Said("is empty for a bundle", "kosong untuk paket"), example
    if len(components) > limits.COMPONENTS_MAX:
        count = len(components)
        return Said(f"has {count} components", f"memiliki {count} komponen"), at_most(limits.COMPONENTS_MAX)
    if len({component.sku_code.casefold() for component in components}) < len(components):
        return (
            Said("names a component twice", "menyebut komponen dua kali"),
            Said(
                "each component once, with its whole quantity",
                "setiap komponen sekali, dengan seluruh jumlahnya",
            ),
        )
    if not all(1 <= component.quantity <= limits.COMPONENT_QUANTITY_MAX for component in components):
        most = limits.COMPONENT_QUANTITY_MAX
        return (
            Said("has a quantity out of range", "memiliki jumlah di luar batas"),
            Said(f"from 1 to {most}", f"dari 1 sampai {most}"),
        )
    return None
