"""The columns of a shop's file, and the headings under which people write them."""

from collections.abc import Sequence

from rapidfuzz import fuzz, process

from lumbung_catalog.domain.text import folded, shortened

CODE_COLUMN = "sku_code"
NAME_COLUMN = "sku_name"
COLUMNS = (
    "kind",
    "product_code",
    "product_name",
    "product_description",
    "product_axes",
    CODE_COLUMN,
    NAME_COLUMN,
    "options",
    "base_unit",
    "weight_g",
    "length_mm",
    "width_mm",
    "height_mm",
    "volume_ml",
    "fast_mover",
    "lot_tracking",
    "shelf_life_days_min",
    "barcode",
    "carton_quantity",
    "carton_barcode",
    "more_units",
    "more_barcodes",
    "components",
    "state",
)
REQUIRED_COLUMNS = (CODE_COLUMN, NAME_COLUMN)
PROBLEM_COLUMNS = ("import_problems", "masalah_impor")
"""Written into an annotated file, in English and Bahasa Indonesia; passed over when such a file is read again."""

INDONESIAN = {
    "kind": "jenis",
    "product_code": "kode produk",
    "product_name": "nama produk",
    "product_description": "deskripsi produk",
    "product_axes": "pilihan produk",
    CODE_COLUMN: "kode sku",
    NAME_COLUMN: "nama sku",
    "options": "varian",
    "base_unit": "satuan",
    "weight_g": "berat g",
    "length_mm": "panjang mm",
    "width_mm": "lebar mm",
    "height_mm": "tinggi mm",
    "volume_ml": "isi ml",
    "fast_mover": "laris",
    "lot_tracking": "lot",
    "shelf_life_days_min": "sisa hari minimum",
    "barcode": "barkode",
    "carton_quantity": "isi karton",
    "carton_barcode": "barkode karton",
    "more_units": "satuan lain",
    "more_barcodes": "barkode lain",
    "components": "komponen",
    "state": "status",
}
"""The heading that an export in Bahasa Indonesia has."""

_FURTHER = {
    "kode": CODE_COLUMN,
    "sku": CODE_COLUMN,
    "kode_barang": CODE_COLUMN,
    "nama": NAME_COLUMN,
    "nama_barang": NAME_COLUMN,
    "berat_gram": "weight_g",
    "volume": "volume_ml",
    "unit": "base_unit",
    "barcode_karton": "carton_barcode",
    "kode_batang": "barcode",
}
_BY_HEADING = {
    **{column: column for column in (*COLUMNS, *PROBLEM_COLUMNS)},
    **{heading.replace(" ", "_"): column for column, heading in INDONESIAN.items()},
    **_FURTHER,
}
_HEADING_SHOWN_LENGTH_MAX = 40


def column_of(heading: str) -> str:
    """The column that a heading means, or the heading as it would be one."""
    name = folded(heading.strip().strip("*:")).replace(" ", "_").replace("-", "_")
    name = name.replace("(", "").replace(")", "")
    return _BY_HEADING.get(name, name)


def is_column(name: str) -> bool:
    """Whether `column_of` found a column."""
    return name in COLUMNS or name in PROBLEM_COLUMNS


def header_problems(columns: Sequence[str], known: Sequence[str], required: Sequence[str]) -> list[str]:
    """Everything that is wrong with a header: unknown, repeated and missing columns."""
    names = [name for name in columns if name not in PROBLEM_COLUMNS]
    problems = [
        _unknown(place, name, known)
        for place, name in enumerate(columns, 1)
        if name not in known and name not in PROBLEM_COLUMNS
    ]
    problems += [f"has the column {name} twice" for name in known if names.count(name) > 1]
    problems += [f"has no column {name}" for name in required if name not in names]
    return problems


def _unknown(place: int, name: str, known: Sequence[str]) -> str:
    if not name:
        return f"has no name for column {place}"
    nearest = process.extractOne(name, known, scorer=fuzz.ratio, score_cutoff=70)
    hint = f"; did you mean {nearest[0]}?" if nearest else f"; known are {', '.join(known)}"
    return f"has the unknown column {shortened(name, _HEADING_SHOWN_LENGTH_MAX)!r}{hint}"
