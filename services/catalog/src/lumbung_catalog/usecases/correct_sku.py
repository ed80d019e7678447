"""Correct what is otherwise fixed of a SKU that nothing uses."""

from lumbung_catalog.domain.acts import Act
from lumbung_catalog.domain.corrections import (
    Corrected,
    Correction,
    Use,
    require_new_base_unit,
    require_unused,
)
from lumbung_catalog.domain.failures import OptionsTaken
from lumbung_catalog.domain.limits import USES_NAMED_MAX
from lumbung_catalog.domain.products import matched_options, option_key
from lumbung_catalog.domain.similarity import Similar
from lumbung_catalog.domain.skus import Sku, require_etag
from lumbung_catalog.domain.units import Unit
from lumbung_catalog.stores import barcodes, products, recipes, skus
from lumbung_catalog.usecases.find import found_product, locked_sku
from lumbung_catalog.usecases.find_similar_skus import find_similar_skus
from lumbung_catalog.usecases.record_change import record_change
from lumbung_kit.failures import FieldViolation
from lumbung_kit.postgres import Conn


async def correct_sku(
    conn: Conn, sku_code: str, etag: str, correction: Correction, act: Act
) -> tuple[Sku, list[Similar]]:
    """The SKU as corrected, and those of other products that it nearly equals now. Raises what CorrectSku's contract
    lists. The caller has had it sealed at stock, so that nothing begins to use it there meanwhile.
    """
    wanted = await check_correction(conn, await locked_sku(conn, sku_code), etag, correction)
    await _change_base_unit(conn, wanted)
    await skus.correct(conn, wanted)
    changed = await record_change(conn, sku_code, act)
    if changed.product_code == wanted.before.product_code:
        return changed, []
    name = changed.description.name
    return changed, await find_similar_skus(conn, sku_code, name, changed.product_code)


async def check_correction(conn: Conn, sku: Sku, etag: str, correction: Correction) -> Corrected:
    """What the SKU is to be, as far as the catalog can tell. Raises ConcurrentChange, SkuInUse, ProductNotFound,
    OptionsMismatch, OptionsTaken, UnitExists.
    """
    require_etag(sku.etag, etag)
    consuming = await recipes.ever_consuming(conn, sku.sku_code, USES_NAMED_MAX)
    require_unused([Use(sku.sku_code, "BUNDLE", bundle) for bundle in consuming])
    product_code = correction.product_code or sku.product_code
    product = found_product(await products.load(conn, product_code), product_code)
    given = sku.options if correction.options is None else correction.options
    wanted = Corrected(
        before=sku,
        product_code=product.product_code,
        options=matched_options(product.axes, given),
        base_unit=correction.base_unit or sku.base_unit,
    )
    require_new_base_unit(sku, wanted.base_unit)
    await _require_free(conn, wanted)
    return wanted


async def _require_free(conn: Conn, wanted: Corrected) -> None:
    owners = await skus.option_owners(conn, [wanted.product_code])
    owner = owners.get((wanted.product_code, option_key(wanted.options)))
    if owner is not None and owner != wanted.before.sku_code:
        raise OptionsTaken(
            f"{owner} of the same product has this combination of options.",
            metadata={"sku_code": owner},
            fields=[FieldViolation("sku.options", f"is the combination of {owner}")],
        )


async def _change_base_unit(conn: Conn, wanted: Corrected) -> None:
    """The new base unit takes the old one's place, with its barcodes."""
    before = wanted.before
    if wanted.base_unit == before.base_unit:
        return
    for barcode in wanted.moved_barcodes:
        await barcodes.delete(conn, before.sku_code, barcode)
    await skus.delete_unit(conn, before.sku_code, before.base_unit)
    await skus.insert_units(conn, [(before.sku_code, Unit(wanted.base_unit, 1))])
    await barcodes.insert(conn, [(before.sku_code, barcode) for barcode in wanted.moved_barcodes])
