"""A whole file against itself and the catalog."""

import csv
import io
from datetime import UTC, datetime

import pytest

from lumbung_catalog.domain.barcodes import Owner, gtin_key
from lumbung_catalog.domain.import_columns import COLUMNS, REQUIRED_COLUMNS
from lumbung_catalog.domain.import_plan import Existing, Plan, plan_import
from lumbung_catalog.domain.import_rows import read_row
from lumbung_catalog.domain.import_table import read_table
from lumbung_catalog.domain.products import Axis, NewProduct, Option, Product, option_key
from lumbung_catalog.domain.recipes import Standing
from lumbung_catalog.domain.similarity import fingerprint
from lumbung_catalog.domain.skus import Component, SkuKind, SkuState

NOW = datetime(2026, 11, 22, tzinfo=UTC)
KAOS = Product("KAOS", "Kaos Polos", "", (Axis("color"), Axis("size")), 1, NOW, NOW)
BLACK_M = option_key([Option("color", "Hitam"), Option("size", "M")])


def plan(*rows: dict[str, str], existing: Existing | None = None) -> Plan:
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS)
    writer.writeheader()
    writer.writerows(rows)
    table = read_table(out.getvalue().encode(), COLUMNS, REQUIRED_COLUMNS)
    return plan_import([read_row(row, table.columns) for row in table.rows], existing or Existing())


def row(sku_code: str, **cells: str) -> dict[str, str]:
    return {"sku_code": sku_code, "sku_name": f"Barang {sku_code}"} | cells


def errors(found: Plan) -> list[tuple[int, str, str]]:
    return [(problem.row, problem.column, problem.reason) for problem in found.errors]


def test_variants_become_one_product_with_the_axes_of_its_first_row() -> None:
    found = plan(
        row("K-M", product_code="KAOS", product_name="Kaos", options="color=Hitam;size=M"),
        row("K-L", product_code="KAOS", options="SIZE=L;color=hitam"),
    )
    assert found.errors == ()
    assert found.products == (NewProduct("KAOS", "Kaos", axes=(Axis("color"), Axis("size"))),)
    assert found.skus[1].options == (Option("color", "hitam"), Option("size", "L"))


def test_the_name_of_a_new_product_may_stand_on_any_of_its_rows() -> None:
    found = plan(
        row("K-M", product_code="KAOS", options="size=M"),
        row("K-L", product_code="KAOS", product_name="Kaos", options="size=L"),
    )
    assert (found.errors, found.products[0].name) == ((), "Kaos")


def test_a_bundle_may_stand_before_its_components() -> None:
    found = plan(
        row("PAKET", kind="bundle", components="A*2+LAMA*1"),
        row("A"),
        existing=Existing({"LAMA": Standing(SkuKind.PLAIN, SkuState.ACTIVE)}),
    )
    assert found.errors == ()
    assert found.skus[0].components == (Component("A", 2), Component("LAMA", 1))


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([row("A"), row("a")], (3, "sku_code", "SKU_REPEATED")),
        ([row("lama")], (2, "sku_code", "SKU_EXISTS")),
        ([row("A", product_code="BARU")], (2, "product_name", "REQUIRED")),
        ([row("A", product_code="kaos", options="color=x;size=y")], (2, "product_code", "PRODUCT_EXISTS")),
        (
            [row("A", product_code="KAOS", product_name="Kemeja", options="color=x;size=y")],
            (2, "product_name", "PRODUCT_NAME_DIFFERS"),
        ),
        ([row("A", product_code="KAOS", options="color=x")], (2, "options", "OPTIONS_MISMATCH")),
        ([row("A", product_code="KAOS", options="Size=m;COLOR=hitam")], (2, "options", "OPTIONS_TAKEN")),
        (
            [
                row("A", product_code="KAOS", options="color=x;size=y"),
                row("B", product_code="KAOS", options="color=X;size=Y"),
            ],
            (3, "options", "OPTIONS_TAKEN"),
        ),
        ([row("A", barcode="8991234567891")], (2, "barcode", "BARCODE_TAKEN")),
        (
            [row("A", barcode="X-1"), row("B", carton_quantity="5", carton_barcode="X-1")],
            (3, "carton_barcode", "BARCODE_TAKEN"),
        ),
        (
            [row("A", barcode="X-1", carton_quantity="5", carton_barcode="X-1")],
            (2, "carton_barcode", "BARCODE_TAKEN"),
        ),
        ([row("A", kind="bundle", components="TIDAK-ADA*1")], (2, "components", "COMPONENT_NOT_FOUND")),
        ([row("A", kind="bundle", components="TUA*1")], (2, "components", "SKU_RETIRED")),
        ([row("A", kind="bundle", components="A*1")], (2, "components", "RECIPE_CYCLE")),
        (
            [row(f"B{i}", kind="bundle", components=f"B{i + 1}*1" if i < 3 else "LAMA*1") for i in range(4)],
            (2, "components", "RECIPE_TOO_DEEP"),
        ),
    ],
)
def test_what_speaks_against_a_row(rows: list[dict[str, str]], expected: tuple[int, str, str]) -> None:
    existing = Existing(
        skus={
            "LAMA": Standing(SkuKind.PLAIN, SkuState.ACTIVE),
            "TUA": Standing(SkuKind.PLAIN, SkuState.RETIRED),
        },
        products={"KAOS": KAOS},
        option_owners={("KAOS", BLACK_M): "K-HTM-M"},
        barcode_owners={gtin_key("8991234567891"): Owner("LAMA", "pcs")},
    )
    assert errors(plan(*rows, existing=existing)) == [expected]


def test_problems_of_all_rows_come_at_once_in_their_order() -> None:
    found = plan(
        row("A", barcode="8991234567890", weight_g="x"),
        row("B"),
        row("A", sku_name=""),
        row("C", kind="bundle", components="Z*1"),
    )
    assert errors(found) == [
        (2, "weight_g", "NOT_A_NUMBER"),
        (2, "barcode", "BARCODE_INVALID"),
        (4, "sku_code", "SKU_REPEATED"),
        (4, "sku_name", "REQUIRED"),
        (5, "components", "COMPONENT_NOT_FOUND"),
    ]


def test_a_component_whose_own_row_is_wrong_is_not_called_missing() -> None:
    found = plan(row("A", weight_g="x"), row("PAKET", kind="bundle", components="A*1"))
    assert errors(found) == [(2, "weight_g", "NOT_A_NUMBER")]


def test_look_alikes_of_the_catalog_and_of_earlier_rows_are_warnings() -> None:
    found = plan(
        row("PB-1", sku_name="Power Bank 10000 mAh"),
        row("XX-9", sku_name="Powerbank 10000mAh"),
        row("TAS", sku_name="Tas Ransel"),
        existing=Existing(look_alikes=[fingerprint("TR-7", "tas ransel", "TR")]),
    )
    assert found.errors == ()
    assert [(warning.row, warning.column) for warning in found.warnings] == [(3, "sku_name"), (4, "sku_name")]
    assert "PB-1" in found.warnings[0].message
    assert "on row 2" in found.warnings[0].message
    assert "TR-7" in found.warnings[1].message
    assert "in the catalog" in found.warnings[1].message


def test_bundles_that_consume_each_other_are_each_named() -> None:
    found = plan(
        row("A", kind="bundle", components="B*1"),
        row("B", kind="bundle", components="A*1"),
        row("C", kind="bundle", components="D*2"),
        row("D"),
    )
    assert errors(found) == [(2, "components", "RECIPE_CYCLE"), (3, "components", "RECIPE_CYCLE")]
