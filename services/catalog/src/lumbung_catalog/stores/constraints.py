"""The one place where a constraint's name becomes a refusal.

The use cases decide before they write, under locks, so these are the second line: what the database itself
never lets happen, whoever writes.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from lumbung_catalog.domain import failures
from lumbung_kit.failures import Failure
from lumbung_kit.postgres import constraint_of

REFUSALS: dict[str, type[Failure]] = {
    "product_pkey": failures.ProductExists,
    "product_code_in_any_case": failures.ProductExists,
    "sku_pkey": failures.SkuExists,
    "sku_code_in_any_case": failures.SkuExists,
    "sku_product_exists": failures.ProductNotFound,
    "sku_one_per_combination": failures.OptionsTaken,
    "sku_unit_pkey": failures.UnitExists,
    "sku_unit_sku_exists": failures.SkuNotFound,
    "sku_unit_one_base": failures.UnitIsBase,
    "barcode_one_owner": failures.BarcodeTaken,
    "recipe_component_exists": failures.ComponentNotFound,
    "recipe_component_is_another": failures.RecipeCycle,
}
# A barcode without its unit: whether the unit is missing or about to go depends on which side is written.
_MISSING_UNIT = "barcode_unit_exists"


@contextmanager
def refusals() -> Iterator[None]:
    """Statements inside raise the failure that belongs to the constraint they violate."""
    try:
        yield
    except psycopg.IntegrityError as error:
        failure = refusal_for(error)
        if failure is None:
            raise
        raise failure() from error


def refusal_for(error: psycopg.IntegrityError) -> type[Failure] | None:
    """The failure that belongs to a violated constraint; none for one that only a bug can violate."""
    name = constraint_of(error)
    if name == _MISSING_UNIT:
        writes_barcode = error.diag.table_name == "barcode" and "insert" in (error.diag.message_primary or "")
        return failures.UnitNotFound if writes_barcode else failures.UnitHasBarcodes
    return REFUSALS.get(name or "")
