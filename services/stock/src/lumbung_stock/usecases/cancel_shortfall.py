"""Take back a reservation that lacks units: the way of every other cancellation, with its events."""

from __future__ import annotations

from lumbung_kit import events
from lumbung_kit.failures import Failure
from lumbung_kit.postgres import Conn
from lumbung_stock.domain.ledger import Author
from lumbung_stock.domain.reservations import Reservation, ReservationState, Resolution, Verb
from lumbung_stock.domain.shortfalls import ActKind, Lack, NewAct, units_asked
from lumbung_stock.stores import flash_sales, shortfalls
from lumbung_stock.usecases.lock_lack import lock_lack
from lumbung_stock.usecases.lock_reservation import lock_reservation
from lumbung_stock.usecases.resolve_reservations import resolve_reservations
from lumbung_stock.wire.inventory_events import backorder_changed


async def cancel_shortfall(
    conn: Conn, author: Author, lack: Lack, *, reason: str, content_hash: bytes, traceparent: str
) -> Reservation:
    """A sale is cancelled, a hold released. Raises ReservationNotFound, NotShort, AlreadyShipped, RequestIdReused."""
    before = await lock_reservation(conn, lack.reservation_id)
    if before.flash_sale_code is not None:
        items = [(before.flash_sale_code, draw.sku_code) for draw in before.draws]
        await flash_sales.lock_items(conn, items)
    hit, _ = await lock_lack(conn, lack, {(draw.warehouse_code, draw.sku_code) for draw in before.draws})
    units = units_asked(lack, hit.missing)
    left = await shortfalls.forget_waiting(conn, lack.reservation_id)
    held = before.state is ReservationState.HELD
    wish = Resolution(
        reservation_id=lack.reservation_id,
        verb=Verb.RELEASE if held else Verb.CANCEL,
        request_id=author.request_id,
        actor=author.actor,
        reason=reason,
        content_hash=content_hash,
        traceparent=traceparent,
    )
    (answer,) = await resolve_reservations(conn, [wish])
    if isinstance(answer, Failure):
        raise answer
    await shortfalls.note_act(conn, NewAct(ActKind.CANCELLED, lack, units, reason), author)
    await events.append(conn, [*map(backorder_changed, left)])
    return answer
