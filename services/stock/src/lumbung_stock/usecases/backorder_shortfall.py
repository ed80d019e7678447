"""Let a sale wait for stock to come: it stays a sale, and is served in the order of the promises."""

from __future__ import annotations

from lumbung_kit import events
from lumbung_kit.postgres import Conn
from lumbung_stock.domain.ledger import Author
from lumbung_stock.domain.shortfalls import (
    ActKind,
    HitFilter,
    Lack,
    ListedHit,
    NewAct,
    require_sale,
    units_asked,
)
from lumbung_stock.stores import shortfalls
from lumbung_stock.usecases.list_shortfall_hits import FIRST, list_shortfall_hits
from lumbung_stock.usecases.lock_lack import lock_lack
from lumbung_stock.usecases.lock_reservation import lock_reservation
from lumbung_stock.wire.inventory_events import backorder_changed


async def backorder_shortfall(conn: Conn, author: Author, lack: Lack, *, reason: str) -> ListedHit:
    """Units that wait already are not let wait again.

    Raises ReservationNotFound, NotConfirmed, NotShort, MoreThanShort.
    """
    require_sale(await lock_reservation(conn, lack.reservation_id))
    hit, _ = await lock_lack(conn, lack, [])
    waiting = await shortfalls.waiting(conn, lack.reservation_id, lack.warehouse_code)
    units = units_asked(lack, hit.missing - waiting.get(lack.sku_code, 0))
    backorder = await shortfalls.add_waiting(conn, lack, units)
    await shortfalls.note_act(conn, NewAct(ActKind.BACKORDERED, lack, units, reason), author)
    await events.append(conn, [backorder_changed(backorder)])
    one = HitFilter(lack.warehouse_code, lack.sku_code, lack.reservation_id)
    (listed,) = await list_shortfall_hits(conn, one, after=FIRST, limit=1)
    return listed
