"""Act 6: what was picked is checked, packed and shipped."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from lumbung.fulfillment.v1 import orders_pb2, shipments_pb2
from lumbung_dev.demo.act3_waves import list_orders
from lumbung_dev.demo.floor import Packer, scans_of
from lumbung_dev.demo.play import Play
from lumbung_dev.local.services import Services

_TABLES = 3


@dataclass(frozen=True, slots=True)
class Parcels:
    """What stands ready for its courier."""

    orders: tuple[orders_pb2.Order, ...]


async def send_the_parcels(play: Play) -> Parcels:
    """Every order of the walked waves that is wholly picked, at three tables."""
    picked = await list_orders(play.staff, states=[orders_pb2.ORDER_STATE_PICKED])
    async with play.system.client("terminal:packing") as tables:
        await asyncio.gather(
            *(_work_at(play, tables, f"pack-{table}", picked[table::_TABLES]) for table in range(_TABLES))
        )
    couriers = sorted({order.courier_service for order in picked})
    play.stage.say(f"{len(picked)} parcels checked, packed and shipped, ready for {', '.join(couriers)}")
    return Parcels(tuple(picked))


async def _work_at(play: Play, tables: Services, station: str, orders: list[orders_pb2.Order]) -> None:
    packer = Packer(tables, station, scans_of(f"{play.run}:{station}"))
    for order in orders:
        await packer.pack(order)
        shipment = await packer.ship(order)
        if shipment.state != shipments_pb2.SHIPMENT_STATE_SHIPPED:
            raise RuntimeError(
                f"order {order.order_reference} was packed and is not shipped: {shipment.state}"
            )
