"""Create a SKU: one variant of a product, or a bundle."""

from dataclasses import replace

from lumbung_catalog.domain.acts import Act
from lumbung_catalog.domain.products import matched_options
from lumbung_catalog.domain.recipes import Resolved, check_components, resolved
from lumbung_catalog.domain.similarity import Similar, fingerprint
from lumbung_catalog.domain.skus import NewSku, Sku
from lumbung_catalog.stores import barcodes, products, recipes, skus
from lumbung_catalog.usecases.find import found_product
from lumbung_catalog.usecases.find_similar_skus import find_similar_skus, require_none_similar
from lumbung_catalog.usecases.record_change import record_change
from lumbung_kit.postgres import Conn


async def create_sku(conn: Conn, new: NewSku, act: Act) -> tuple[Sku, list[Similar]]:
    """The SKU as created, and those that it nearly equals. Without a reason in `act` there may be none."""
    product = found_product(await products.load(conn, new.product_code), new.product_code)
    new = replace(new, options=matched_options(product.axes, new.options))
    recipe = await _recipe(conn, new) if new.components else None
    await skus.hold_look_alikes(conn, [fingerprint(new.sku_code, new.description.name, new.product_code)])
    await skus.insert(conn, [new])
    await barcodes.insert(
        conn,
        [(new.sku_code, barcode) for barcode in new.barcodes],
        [f"barcodes[{i}].code" for i in range(len(new.barcodes))],
    )
    if recipe is not None:
        await recipes.insert(conn, [recipes.NewRecipe(new.sku_code, 1, recipe)], act)
    similar = await find_similar_skus(conn, new.sku_code, new.description.name, new.product_code)
    require_none_similar(similar, act)
    return await record_change(conn, new.sku_code, act), similar


async def _recipe(conn: Conn, new: NewSku) -> Resolved:
    """The bundle's first recipe; nothing can consume the bundle yet, so that it closes no circle."""
    await recipes.lock_all(conn)
    known = await skus.lock_components(conn, [component.sku_code for component in new.components])
    check_components(new.sku_code, new.components, known)
    return resolved(new.sku_code, new.components, known)
