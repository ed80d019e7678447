"""Rows of the database as the domain's things."""

from collections.abc import Mapping
from typing import Any

from lumbung_catalog.domain.barcodes import Barcode, BarcodeKind
from lumbung_catalog.domain.products import Axis, Option, Product
from lumbung_catalog.domain.skus import Component, Description, LotTracking, Recipe, Sku, SkuKind, SkuState
from lumbung_catalog.domain.units import Unit

Row = Mapping[str, Any]


def product(row: Row) -> Product:
    """A row of `product`."""
    return Product(
        product_code=row["product_code"],
        name=row["name"],
        description=row["description"],
        axes=tuple(Axis(axis["name"], tuple(axis["values"])) for axis in row["option_axes"]),
        version=row["version"],
        create_time=row["create_time"],
        update_time=row["update_time"],
    )


def sku(row: Row) -> Sku:
    """A row of `sku_whole`."""
    return Sku(
        sku_code=row["sku_code"],
        product_code=row["product_code"],
        options=tuple(Option(option["axis"], option["value"]) for option in row["options"]),
        kind=SkuKind(row["kind"]),
        state=SkuState(row["state"]),
        base_unit=row["base_unit"],
        description=_description(row),
        units=tuple(Unit(unit_code, quantity) for unit_code, quantity in row["units"]),
        barcodes=tuple(Barcode(code, BarcodeKind(kind), unit) for code, kind, unit in row["barcodes"]),
        recipe=_current_recipe(row),
        version=row["version"],
        create_time=row["create_time"],
        update_time=row["update_time"],
        retire_time=row["retire_time"],
        retire_reason=row["retire_reason"],
    )


def _description(row: Row) -> Description:
    return Description(
        name=row["name"],
        weight_g=row["weight_g"],
        length_mm=row["length_mm"],
        width_mm=row["width_mm"],
        height_mm=row["height_mm"],
        volume_ml=row["volume_ml"],
        fast_mover=row["fast_mover"],
        lot_tracking=LotTracking(row["lot_tracking"]),
        shelf_life_days_min=row["shelf_life_days_min"],
    )


def _current_recipe(row: Row) -> Recipe | None:
    if not row["recipe_version"]:
        return None
    return Recipe(
        row["recipe_version"], components(row), row["recipe_set_time"], row["recipe_level"], draws(row)
    )


def components(row: Row) -> tuple[Component, ...]:
    """The components of a row that has them as [[code, quantity], ...]."""
    return tuple(Component(code, quantity) for code, quantity in row["components"])


def draws(row: Row) -> tuple[Component, ...]:
    """The draws of a row that has them in the same form; none for a recipe of plain SKUs."""
    return tuple(Component(code, quantity) for code, quantity in row["draws"])
