"""Flash sales as the contract shows them."""

from __future__ import annotations

from lumbung.stock.v1 import flash_sales_pb2 as pb
from lumbung_stock.domain.flash_sales import FlashSale
from lumbung_stock.wire.reservations import timestamp


def flash_sale_message(sale: FlashSale) -> pb.FlashSale:
    """A sale as it stands."""
    message = pb.FlashSale(
        flash_sale_code=sale.flash_sale_code,
        title=sale.title,
        state=pb.FlashSaleState.ValueType(sale.state),
        items=[
            pb.FlashSaleItem(
                sku_code=item.sku_code,
                warehouse_code=item.warehouse_code,
                quota=item.quota,
                limit_per_customer=item.limit_per_customer,
            )
            for item in sale.items
        ],
        channel_codes=sale.channel_codes,
        start_time=timestamp(sale.start_time),
        end_time=timestamp(sale.end_time),
        epoch=sale.epoch,
        gate_armed=sale.gate_armed,
        pool_count=sale.pool_count,
    )
    if sale.on_postgres_since is not None:
        message.on_postgres_since.FromDatetime(sale.on_postgres_since)
    if sale.halted_since is not None:
        message.halted_since.FromDatetime(sale.halted_since)
    return message
