"""Write down what a change made of a SKU: its history and the event, in the transaction of the change."""

from lumbung_catalog.domain.acts import Act
from lumbung_catalog.domain.skus import Sku
from lumbung_catalog.stores import journal, skus
from lumbung_kit.postgres import Conn


async def record_change(conn: Conn, sku_code: str, act: Act) -> Sku:
    """The SKU as it is now, after it was written down."""
    changed = (await skus.load(conn, [sku_code]))[sku_code]
    await journal.record_skus(conn, [changed], act)
    return changed
