"""A SKU as the row that an import reads back."""

from collections.abc import Mapping, Sequence

from lumbung_catalog.domain.barcodes import Barcode, guessed_kind
from lumbung_catalog.domain.import_changes import shown_options
from lumbung_catalog.domain.import_columns import COLUMNS, INDONESIAN
from lumbung_catalog.domain.import_plan import shown_axes
from lumbung_catalog.domain.import_rows import CARTON_UNIT, INTERNAL_MARK
from lumbung_catalog.domain.products import Product
from lumbung_catalog.domain.skus import Sku
from lumbung_catalog.domain.units import Unit

_MEASURES = ("weight_g", "length_mm", "width_mm", "height_mm", "volume_ml")


def header(*, indonesian: bool) -> list[str]:
    """The headings of an export."""
    return [INDONESIAN[column] if indonesian else column for column in COLUMNS]


def export_row(sku: Sku, product: Product) -> list[str]:
    """The SKU's cells, one for each column."""
    cells: Mapping[str, str] = {
        "kind": sku.kind.name.lower(),
        "product_code": product.product_code,
        "product_name": product.name,
        "product_description": product.description,
        "product_axes": shown_axes(product.axes),
        "sku_code": sku.sku_code,
        "sku_name": sku.description.name,
        "options": shown_options(sku.options),
        "base_unit": sku.base_unit,
        **{measure: _measure(getattr(sku.description, measure)) for measure in _MEASURES},
        "fast_mover": "yes" if sku.description.fast_mover else "no",
        "lot_tracking": sku.description.lot_tracking.name.lower(),
        "shelf_life_days_min": _measure(sku.description.shelf_life_days_min),
        "components": _components(sku),
        "state": sku.state.name.lower(),
        **_units(sku.units),
        **_barcodes(sku),
    }
    return [cells.get(column, "") for column in COLUMNS]


def _measure(value: int) -> str:
    return str(value) if value else ""


def _components(sku: Sku) -> str:
    parts = sku.recipe.components if sku.recipe else ()
    return "+".join(f"{part.sku_code}*{part.quantity}" for part in parts)


def _units(units: Sequence[Unit]) -> dict[str, str]:
    further = [unit for unit in units if unit.base_quantity > 1]
    carton = next((unit for unit in further if unit.unit_code == CARTON_UNIT), None)
    others = [f"{unit.unit_code}={unit.base_quantity}" for unit in further if unit is not carton]
    return {"carton_quantity": str(carton.base_quantity) if carton else "", "more_units": "|".join(others)}


def _barcodes(sku: Sku) -> dict[str, str]:
    """The first barcode of the base unit and of the carton in columns of their own, the others together."""
    cells: dict[str, str] = {}
    others = []
    columns = {CARTON_UNIT: "carton_barcode", sku.base_unit: "barcode"}
    for barcode in sku.barcodes:
        column = columns.get(barcode.unit_code, "")
        if column and column not in cells and guessed_kind(barcode.code) is barcode.kind:
            cells[column] = barcode.code
        else:
            others.append(_barcode(barcode))
    return {**cells, "more_barcodes": "|".join(others)}


def _barcode(barcode: Barcode) -> str:
    is_marked = guessed_kind(barcode.code) is not barcode.kind or barcode.code.startswith(INTERNAL_MARK)
    code = (INTERNAL_MARK if is_marked else "") + barcode.code
    return f"{barcode.unit_code}={code.replace('%', '%25').replace('|', '%7C')}"
