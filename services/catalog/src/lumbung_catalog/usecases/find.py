"""What must be there: the first step of nearly every use case."""

from lumbung_catalog.domain.failures import ProductNotFound, SkuNotFound
from lumbung_catalog.domain.products import Product
from lumbung_catalog.domain.skus import Sku
from lumbung_catalog.stores import skus
from lumbung_kit.failures import FieldViolation
from lumbung_kit.postgres import Conn


def found_product(product: Product | None, product_code: str) -> Product:
    """The product, or ProductNotFound."""
    if product is None:
        raise ProductNotFound(
            f"There is no product {product_code}.",
            metadata={"product_code": product_code},
            fields=[FieldViolation("product_code", "does not exist")],
        )
    return product


async def locked_sku(conn: Conn, sku_code: str) -> Sku:
    """The SKU, kept from others' changes until the end of the transaction, or SkuNotFound."""
    return found_sku(await skus.lock(conn, sku_code), sku_code)


async def read_sku(conn: Conn, sku_code: str) -> Sku:
    """The SKU, or SkuNotFound."""
    return found_sku((await skus.load(conn, [sku_code])).get(sku_code), sku_code)


def found_sku(sku: Sku | None, sku_code: str) -> Sku:
    """The SKU, or SkuNotFound."""
    if sku is None:
        raise SkuNotFound(
            f"There is no SKU {sku_code}.",
            metadata={"sku_code": sku_code},
            fields=[FieldViolation("sku_code", "does not exist")],
        )
    return sku
