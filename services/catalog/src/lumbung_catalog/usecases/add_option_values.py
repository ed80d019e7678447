"""Allow further values on one axis of a product."""

from collections.abc import Sequence

from lumbung_catalog.domain.acts import Act
from lumbung_catalog.domain.products import Product, with_values
from lumbung_catalog.domain.skus import require_etag
from lumbung_catalog.stores import journal, products
from lumbung_catalog.usecases.find import found_product
from lumbung_kit.postgres import Conn


async def add_option_values(
    conn: Conn, product_code: str, etag: str, axis: str, values: Sequence[str], act: Act
) -> Product:
    """The product with a longer list of values. Raises what AddOptionValues's contract lists."""
    product = found_product(await products.lock(conn, product_code), product_code)
    require_etag(product.etag, etag)
    changed = await products.set_axes(conn, product_code, with_values(product.axes, axis, values))
    await journal.record_products(conn, [changed], act)
    return changed
