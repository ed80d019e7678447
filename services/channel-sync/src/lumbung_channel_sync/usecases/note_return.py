"""Keeps what a channel says will come back. Staff receive it; nothing is booked before it is seen."""

from __future__ import annotations

from lumbung_channel_sync.domain.orders import OrderLine, ReturnAnnounced
from lumbung_channel_sync.stores import happenings, inbox, listings, orders
from lumbung_channel_sync.stores.inbox import Work
from lumbung_kit.postgres import Conn, Postgres


async def note_return(postgres: Postgres, work: Work, announced: ReturnAnnounced) -> None:
    """The expected return, with what its listings sell today, and its event; once, however often it is announced."""

    async def store(conn: Conn) -> None:
        code = work.channel_code
        sold = await listings.sold_by(conn, [(code, line.listing_ref) for line in announced.lines])
        lines = []
        for line in announced.lines:
            known = sold.get((code, line.listing_ref))
            units = line.item_quantity * ((known.units_per_item if known else None) or 0)
            sku_code = known.sku_code if known else None
            lines.append(
                OrderLine(line.listing_ref, sku_code, line.item_quantity, units, line.flash_sale_code)
            )
        if await orders.insert_return(conn, code, announced, lines, work.receive_time):
            stored = await orders.list_returns(conn, 0, 1, channel_code=code, return_ref=announced.return_ref)
            await happenings.return_expected(conn, stored[0])
        await inbox.finish(conn, [work.inbox_id])

    await postgres.run(store)
