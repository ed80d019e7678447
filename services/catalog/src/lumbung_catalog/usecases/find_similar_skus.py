"""Find SKUs that nearly equal one that somebody is about to create."""

from lumbung_catalog.domain.limits import SIMILAR_MAX
from lumbung_catalog.domain.similarity import Neighbourhood, Similar, fingerprint, nearby
from lumbung_catalog.stores import skus
from lumbung_kit.postgres import Conn


async def find_similar_skus(conn: Conn, sku_code: str, name: str, product_code: str) -> list[Similar]:
    """At most ten, nearest first; never the SKU with this very code."""
    new = fingerprint(sku_code, name, product_code)
    known = await skus.look_alikes(conn, [new], except_codes=[sku_code])
    return Neighbourhood(nearby(new, known)).similar_to(new, SIMILAR_MAX)
