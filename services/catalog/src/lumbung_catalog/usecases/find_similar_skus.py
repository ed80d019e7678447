"""Find SKUs that nearly equal one that somebody is about to create or to name otherwise."""

from collections.abc import Sequence

from lumbung_catalog.domain.acts import Act
from lumbung_catalog.domain.failures import SkuNearlyEqual
from lumbung_catalog.domain.limits import SIMILAR_MAX
from lumbung_catalog.domain.similarity import Neighbourhood, Similar, fingerprint, nearby
from lumbung_catalog.domain.skus import Sku
from lumbung_catalog.stores import skus
from lumbung_kit.failures import PreconditionViolation
from lumbung_kit.postgres import Conn


async def find_similar_skus(conn: Conn, sku_code: str, name: str, product_code: str) -> list[Similar]:
    """At most ten, nearest first; never the SKU with this very code."""
    new = fingerprint(sku_code, name, product_code)
    known = await skus.look_alikes(conn, [new], except_codes=[sku_code])
    return Neighbourhood(nearby(new, known)).similar_to(new, SIMILAR_MAX)


async def find_newly_similar(conn: Conn, sku: Sku, name: str) -> list[Similar]:
    """Those that a SKU nearly equals under another name, and not already under the one that it has."""
    before = fingerprint(sku.sku_code, sku.description.name, sku.product_code)
    after = fingerprint(sku.sku_code, name, sku.product_code)
    known = await skus.look_alikes(conn, [after], except_codes=[sku.sku_code])
    return Neighbourhood(nearby(after, known)).newly_similar(before, after, SIMILAR_MAX)


def require_none_similar(similar: Sequence[Similar], act: Act) -> None:
    """Raises SkuNearlyEqual, naming them, unless somebody has said why all the same."""
    if similar and not act.reason:
        raise SkuNearlyEqual(
            metadata={"sku_codes": ",".join(one.sku_code for one in similar)},
            preconditions=[
                PreconditionViolation(
                    "SIMILAR_SKU", one.sku_code, f"{one.field} is {one.score} of 100 alike: {one.name}"
                )
                for one in similar
            ],
        )
