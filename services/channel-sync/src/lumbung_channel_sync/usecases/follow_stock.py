"""What stock's events mean for channels. Level-triggered: an event only says that something is due; the figures are
read when they are pushed."""

from __future__ import annotations

from uuid import UUID

from lumbung.stock.v1 import events_pb2
from lumbung_channel_sync.stores import sync
from lumbung_channel_sync.usecases.cancel_order import follow_stock_cancellation
from lumbung_kit.postgres import Conn


async def follow_stock(conn: Conn, event: events_pb2.Event) -> None:
    """The effect of one event, in the transaction of its checkpoint."""
    match event.WhichOneof("payload"):
        case "availability_changed":
            await sync.mark_skus(conn, event.availability_changed.sku_codes)
        case "flash_sale_changed":
            items = event.flash_sale_changed.flash_sale.items
            await sync.mark_skus(conn, sorted({item.sku_code for item in items}))
        case "reservation_cancelled":
            cancelled = event.reservation_cancelled
            reservation_id = UUID(cancelled.reservation.reservation_id)
            await follow_stock_cancellation(conn, reservation_id, cancelled.reason)
        case _:
            return
