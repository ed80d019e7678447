"""The shop's master data as the file that catalog's import reads (services/catalog/README.md)."""

from __future__ import annotations

import csv
import io

from lumbung_dev.shop.goods import BUNDLES, Bundle, Good, all_goods

_COLUMNS = (
    "kind",
    "product_code",
    "product_name",
    "sku_code",
    "sku_name",
    "options",
    "weight_g",
    "length_mm",
    "width_mm",
    "height_mm",
    "fast_mover",
    "barcode",
    "carton_quantity",
    "carton_barcode",
    "components",
)


def catalogue_csv() -> bytes:
    """Every SKU and bundle, one a row."""
    text = io.StringIO(newline="")
    rows = csv.DictWriter(text, _COLUMNS, restval="", lineterminator="\n")
    rows.writeheader()
    rows.writerows(map(_good_row, all_goods()))
    rows.writerows(map(_bundle_row, BUNDLES))
    return text.getvalue().encode()


def _good_row(good: Good) -> dict[str, str | int]:
    product = good.product
    length, width, height = product.size_mm
    return {
        "kind": "plain",
        "product_code": product.code,
        "product_name": product.name,
        "sku_code": good.sku_code,
        "sku_name": good.name,
        "options": ";".join(f"{axis}={value}" for axis, value in good.options),
        "weight_g": product.weight_g,
        "length_mm": length,
        "width_mm": width,
        "height_mm": height,
        "fast_mover": "ya" if product.fast_mover else "tidak",
        "barcode": good.barcode,
        "carton_quantity": product.carton_quantity or "",
        "carton_barcode": good.carton_barcode,
    }


def _bundle_row(bundle: Bundle) -> dict[str, str | int]:
    return {
        "kind": "bundle",
        "sku_code": bundle.sku_code,
        "sku_name": bundle.name,
        "components": "+".join(f"{code}*{quantity}" for code, quantity in bundle.components),
    }
