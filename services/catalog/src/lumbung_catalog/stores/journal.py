"""What is written with every change, in its transaction: the history, and the event that tells others."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from lumbung.catalog.v1 import events_pb2
from lumbung_catalog.domain.acts import Act
from lumbung_catalog.domain.products import Product
from lumbung_catalog.domain.skus import Sku
from lumbung_catalog.stores.query import execute, fetch
from lumbung_catalog.wire import product_message, sku_message
from lumbung_kit import events, sql
from lumbung_kit.events import NewEvent
from lumbung_kit.postgres import Conn

SKU_CHANGED = "sku_changed"
PRODUCT_CHANGED = "product_changed"

_SQL = sql.load(__package__, "history.sql")
_INSERT_SKU_HISTORY = _SQL["insert_sku_history"]
_INSERT_PRODUCT_HISTORY = _SQL["insert_product_history"]
_LIST_SKU_HISTORY = _SQL["list_sku_history"]
_LIST_PRODUCT_HISTORY = _SQL["list_product_history"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One change of a SKU or product; the snapshot is it as it was afterwards, as a lumbung.catalog.v1 message."""

    version: int
    action: str
    actor: str
    reason: str
    request_id: str
    record_time: datetime
    snapshot: bytes


async def record_skus(conn: Conn, skus: Sequence[Sku], act: Act) -> None:
    """Writes down that these SKUs are now as given, one event for each, in two statements."""
    messages = [sku_message(sku) for sku in skus]
    await execute(
        conn,
        _INSERT_SKU_HISTORY,
        {
            "sku_codes": [sku.sku_code for sku in skus],
            "versions": [sku.version for sku in skus],
            "snapshots": [message.SerializeToString() for message in messages],
            "action": act.action,
            "actor": act.actor,
            "reason": act.reason,
            "request_id": act.request_id,
        },
    )
    await events.append(
        conn,
        [
            NewEvent(
                kind=SKU_CHANGED,
                payload=events_pb2.SkuChanged(sku=message, actor=act.actor).SerializeToString(),
                subject=message.sku_code,
            )
            for message in messages
        ],
    )


async def record_products(conn: Conn, products: Sequence[Product], act: Act) -> None:
    """Writes down that these products are now as given."""
    messages = [product_message(product) for product in products]
    await execute(
        conn,
        _INSERT_PRODUCT_HISTORY,
        {
            "product_codes": [product.product_code for product in products],
            "versions": [product.version for product in products],
            "snapshots": [message.SerializeToString() for message in messages],
            "action": act.action,
            "actor": act.actor,
            "request_id": act.request_id,
        },
    )
    await events.append(
        conn,
        [
            NewEvent(
                kind=PRODUCT_CHANGED,
                payload=events_pb2.ProductChanged(product=message, actor=act.actor).SerializeToString(),
                subject=message.product_code,
            )
            for message in messages
        ],
    )


async def page(conn: Conn, sku_code: str, before_version: int, limit: int) -> list[Entry]:
    """Changes of one SKU before a version, newest first."""
    found = await fetch(
        conn, _LIST_SKU_HISTORY, {"sku_code": sku_code, "before_version": before_version, "limit": limit}
    )
    return [Entry(**row) for row in found]


async def product_page(conn: Conn, product_code: str, before_version: int, limit: int) -> list[Entry]:
    """Changes of one product before a version, newest first."""
    wanted = {"product_code": product_code, "before_version": before_version, "limit": limit}
    return [Entry(**row) for row in await fetch(conn, _LIST_PRODUCT_HISTORY, wanted)]
