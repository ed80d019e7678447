"""Claims deliveries that wait, and writes down the orders among them before stock is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lumbung_channel_sync.domain.orders import (
    ChannelOrder,
    ItemLine,
    OrderLine,
    OrderPlaced,
    OrderState,
    customer_reference,
)
from lumbung_channel_sync.stores import inbox, listings, orders, sync
from lumbung_channel_sync.stores.inbox import Work
from lumbung_channel_sync.stores.listings import Sold
from lumbung_channel_sync.stores.orders import NewOrder, OrderKey
from lumbung_channel_sync.stores.sync import Moved
from lumbung_kit.postgres import Conn, Postgres

LEASE_S = 60.0
"""Longer than any delivery is worked on; what a killed process had claimed is taken up again after it."""


@dataclass(frozen=True, slots=True)
class Job:
    """One delivery to be worked through, with its order as it stands; None when it has not come yet."""

    work: Work
    order: ChannelOrder | None


async def claim_and_open(postgres: Postgres, worker: str, limit: int) -> list[Job]:
    """At most `limit` jobs, oldest first."""

    async def claim(conn: Conn) -> list[Job]:
        works = await inbox.claim(conn, worker, limit, LEASE_S)
        if not works:
            return []
        await _open(conn, works)
        keys = {OrderKey(work.channel_code, work.order_ref) for work in works}
        found = await orders.get_many(conn, keys)
        return [Job(work, found.get(OrderKey(work.channel_code, work.order_ref))) for work in works]

    return await postgres.run(claim)


async def _open(conn: Conn, works: Sequence[Work]) -> None:
    """New orders, with what their listings sell; the channel has lowered its own figure by them."""
    placed = [(work, work.message) for work in works if isinstance(work.message, OrderPlaced)]
    if not placed:
        return
    wanted = {(work.channel_code, line.listing_ref) for work, order in placed for line in order.lines}
    sold = await listings.sold_by(conn, sorted(wanted))
    new = [_new_order(work, order, sold) for work, order in placed]
    opened = await orders.open_new(conn, new)
    moved = [
        Moved(order.key.channel_code, line.listing_ref, items_ordered=line.item_quantity)
        for order in new
        if order.key in opened
        for line in order.lines
    ]
    await sync.move(conn, moved)


def _new_order(work: Work, placed: OrderPlaced, sold: dict[tuple[str, str], Sold]) -> NewOrder:
    taken = any(_is_taken(sold.get((work.channel_code, line.listing_ref))) for line in placed.lines)
    return NewOrder(
        key=OrderKey(work.channel_code, placed.order_ref),
        state=OrderState.RECEIVED if taken else OrderState.SHADOWED,
        lines=tuple(_line(line, sold.get((work.channel_code, line.listing_ref))) for line in placed.lines),
        customer_reference=customer_reference(work.channel_code, placed.buyer_ref),
        courier_service=placed.courier_service,
        place_time=placed.place_time,
        receive_time=work.receive_time,
        traceparent=work.traceparent,
    )


def _is_taken(sold: Sold | None) -> bool:
    return sold is not None and sold.taken


def _line(line: ItemLine, sold: Sold | None) -> OrderLine:
    units_per_item = (sold.units_per_item if sold else None) or 0
    return OrderLine(
        listing_ref=line.listing_ref,
        sku_code=sold.sku_code if sold else None,
        item_quantity=line.item_quantity,
        unit_quantity=line.item_quantity * units_per_item,
        flash_sale_code=line.flash_sale_code,
    )
