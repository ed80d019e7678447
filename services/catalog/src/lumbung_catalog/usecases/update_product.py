"""Change what people read about a product."""

from lumbung_catalog.domain.acts import Act
from lumbung_catalog.domain.products import Product
from lumbung_catalog.domain.skus import require_etag
from lumbung_catalog.stores import journal, products
from lumbung_catalog.usecases.find import found_product
from lumbung_kit.postgres import Conn


async def update_product(
    conn: Conn, product_code: str, etag: str, changes: dict[str, str], act: Act
) -> Product:
    """The product with a new name or description. Raises ProductNotFound, ConcurrentChange."""
    product = found_product(await products.lock(conn, product_code), product_code)
    require_etag(product.etag, etag)
    name = changes.get("name", product.name)
    description = changes.get("description", product.description)
    changed = await products.update(conn, product_code, name, description)
    await journal.record_products(conn, [changed], act)
    return changed
