"""Create a product with its option axes."""

from lumbung_catalog.domain.acts import Act
from lumbung_catalog.domain.failures import ProductExists
from lumbung_catalog.domain.products import NewProduct, Product
from lumbung_catalog.stores import journal, products
from lumbung_kit.failures import FieldViolation
from lumbung_kit.postgres import Conn


async def create_product(conn: Conn, new: NewProduct, act: Act) -> Product:
    """The product as created. Raises ProductExists."""
    created = (await products.insert(conn, [new])).get(new.product_code)
    if created is None:
        raise ProductExists(fields=[FieldViolation("product_code", "is taken")])
    await journal.record_products(conn, [created], act)
    return created
