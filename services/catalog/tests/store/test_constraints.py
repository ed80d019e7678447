"""What the database itself never lets happen, whoever writes, and what the service's role may not do."""

import psycopg
import pytest
from psycopg import errors

from lumbung_catalog.domain import failures
from lumbung_catalog.stores.constraints import REFUSALS, refusals
from lumbung_kit.failures import Failure
from lumbung_kit.postgres import Postgres

PRODUCT = (
    "insert into product (product_code, name, description, option_axes) values ('{code}', 'x', '', '[]')"
)
SKU = """
insert into sku (
    sku_code, product_code, name, options, option_key, kind, base_unit, weight_g, length_mm, width_mm, height_mm,
    volume_ml, fast_mover, recipe_version, code_characters, name_marks
) values ('{code}', '{product}', 'x', '[]', '{key}', {kind}, 'pcs', {weight}, 0, 0, 0, 0, false, {recipe}, '', '')
"""
UNIT = "insert into sku_unit (sku_code, unit_code, base_quantity) values ('{code}', '{unit}', {quantity})"
BARCODE = """
insert into barcode (barcode_key, code, kind, sku_code, unit_code) values ('{key}', 'x', 1, '{code}', '{unit}')
"""
RECIPE = "insert into recipe (sku_code, version, actor, reason) values ('A', 1, 'a', '')"
COMPONENT = """
insert into recipe_component (sku_code, version, component_code, quantity) values ('A', 1, '{code}', {quantity})
"""


def sku(
    code: str = "B", product: str = "P", key: str = "k2", kind: int = 1, weight: int = 0, recipe: int = 0
) -> str:
    return SKU.format(code=code, product=product, key=key, kind=kind, weight=weight, recipe=recipe)


@pytest.fixture
async def shop(postgres: Postgres) -> Postgres:
    """A product P with SKU A, counted in pcs and with one barcode."""
    statements = [
        PRODUCT.format(code="P"),
        sku("A", key="k1"),
        UNIT.format(code="A", unit="pcs", quantity=1),
        UNIT.format(code="A", unit="carton", quantity=24),
        BARCODE.format(key="G1", code="A", unit="carton"),
        RECIPE,
    ]
    async with postgres.transaction() as conn:
        for statement in statements:
            await conn.execute(statement)
    return postgres


@pytest.mark.parametrize(
    ("statement", "failure"),
    [
        (PRODUCT.format(code="P"), failures.ProductExists),
        (PRODUCT.format(code="p"), failures.ProductExists),
        (sku("A"), failures.SkuExists),
        (sku("a"), failures.SkuExists),
        (sku(key="k1"), failures.OptionsTaken),
        (sku(product="X"), failures.ProductNotFound),
        (UNIT.format(code="A", unit="carton", quantity=12), failures.UnitExists),
        (UNIT.format(code="A", unit="biji", quantity=1), failures.UnitIsBase),
        (UNIT.format(code="X", unit="pcs", quantity=2), failures.SkuNotFound),
        (BARCODE.format(key="G1", code="A", unit="pcs"), failures.BarcodeTaken),
        (BARCODE.format(key="G2", code="A", unit="pallet"), failures.UnitNotFound),
        ("delete from sku_unit where unit_code = 'carton'", failures.UnitHasBarcodes),
        (COMPONENT.format(code="X", quantity=1), failures.ComponentNotFound),
        (COMPONENT.format(code="A", quantity=1), failures.RecipeCycle),
    ],
)
async def test_a_violated_constraint_is_the_refusal_of_its_name(
    shop: Postgres, statement: str, failure: type[Failure]
) -> None:
    with pytest.raises(failure), refusals():
        async with shop.transaction() as conn:
            await conn.execute(statement)


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        (sku(weight=-1), "sku_weight_not_negative"),
        (sku(kind=3), "sku_kind_known"),
        (sku(kind=2, recipe=0), "sku_bundle_with_recipe"),
        (sku(kind=1, recipe=1), "sku_bundle_with_recipe"),
        ("update sku set state = 2", "sku_retired_with_time"),
        (UNIT.format(code="A", unit="box", quantity=0), "sku_unit_quantity_positive"),
        (COMPONENT.format(code="B", quantity=0), "recipe_component_quantity_positive"),
    ],
)
async def test_what_only_a_mistake_of_ours_can_do_stays_an_error(
    shop: Postgres, statement: str, constraint: str
) -> None:
    with pytest.raises(psycopg.IntegrityError) as refused, refusals():
        async with shop.transaction() as conn:
            await conn.execute(statement)
    assert constraint in str(refused.value)


async def test_every_constraint_that_is_translated_exists(postgres: Postgres) -> None:
    async with postgres.connection() as conn:
        rows = await conn.execute(
            "select conname from pg_constraint union select indexname from pg_indexes where schemaname = 'catalog'"
        )
        names = {name for (name,) in await rows.fetchall()}
    assert set(REFUSALS) <= names


@pytest.mark.parametrize(
    "statement",
    [
        "delete from sku",
        "delete from product",
        "update recipe_component set quantity = 9",
        "delete from recipe",
        "update sku_history set actor = 'x'",
        "delete from sku_history",
        "update barcode set sku_code = 'A'",
        "update sku_unit set base_quantity = 12",
        "truncate event_log",
        "create table mine (a int)",
    ],
)
async def test_the_services_role_cannot_rewrite_what_happened(shop: Postgres, statement: str) -> None:
    async with shop.connection() as conn:
        with pytest.raises(errors.InsufficientPrivilege):
            await conn.execute(statement)
