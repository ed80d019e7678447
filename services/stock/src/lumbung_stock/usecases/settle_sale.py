"""Empty a closing sale's escrow: the free units go back, and what is held or sold becomes an ordinary promise (P4)."""

from __future__ import annotations

from lumbung_kit import events
from lumbung_kit.postgres import Conn
from lumbung_stock.domain.flash_sales import FlashSaleState, shown_code
from lumbung_stock.domain.levels import LevelChange
from lumbung_stock.domain.reservation_failures import FlashSaleNotFound, FlashSaleWrongState
from lumbung_stock.domain.reservations import Reservation, ReservationState
from lumbung_stock.domain.resolve import EscrowChange
from lumbung_stock.stores import flash_sales, levels, reservations, sellables
from lumbung_stock.usecases.settle_shortfalls import settle_shortfalls, short_of
from lumbung_stock.wire.events import availability_changed, flash_sale_changed

CLOSABLE = (FlashSaleState.OPEN, FlashSaleState.CLOSING)


async def begin_closing(conn: Conn, code: str) -> int | None:
    """Fences off the open epoch, of a sale with pools theirs too; None when the sale is closed already."""
    family = await flash_sales.lock_family(conn, code)
    if code not in family:
        raise FlashSaleNotFound(metadata={"flash_sale_code": code})
    state, _ = family.pop(code)
    if state is FlashSaleState.CLOSED:
        return None
    if state not in CLOSABLE:
        raise FlashSaleWrongState(metadata={"state": state.name})
    for pool, (pool_state, _) in family.items():
        if pool_state is FlashSaleState.OPEN:
            await flash_sales.next_epoch(conn, pool, FlashSaleState.CLOSING)
    return await flash_sales.next_epoch(conn, code, FlashSaleState.CLOSING)


async def settle_sale(conn: Conn, code: str, epoch: int) -> None:
    """Empties the escrow of a sale or of one pool in the caller's transaction. Does nothing when somebody newer is at
    work."""
    shown = shown_code(code)
    if shown != code:
        await flash_sales.lock_sale(conn, shown)
    if await flash_sales.lock_sale(conn, code) != (FlashSaleState.CLOSING, epoch):
        return
    unresolved = await reservations.lock_unresolved_of_sale(conn, code)
    found = list((await reservations.find_by_id(conn, unresolved)).values())
    sale = (await flash_sales.find_sales(conn, [code]))[code]
    items = (await flash_sales.lock_items(conn, [(code, item.sku_code) for item in sale.items])).values()
    await flash_sales.change_items(
        conn,
        [
            EscrowChange(code, item.sku_code, remaining=-item.remaining, returned=item.remaining)
            for item in items
        ],
    )
    changes = [
        LevelChange(item.warehouse_code, item.sku_code, escrow=-(item.quota - item.shipped - item.returned))
        for item in items
    ]
    changes += [change for reservation in found for change in becomes_ordinary(reservation)]
    before = await levels.lock_levels(conn, [(change.warehouse_code, change.sku_code) for change in changes])
    await levels.change_levels(conn, changes)
    settled = await settle_shortfalls(conn, short_of(before))
    await reservations.draws_leave_escrow(conn, unresolved)
    await flash_sales.note_all_told(conn, code)
    await flash_sales.close_sale(conn, code)
    if shown != code:
        await flash_sales.close_parent(conn, shown)
    closed = (await flash_sales.find_sales(conn, [shown]))[shown]
    skus = await sellables.affected(conn, [item.sku_code for item in items])
    await events.append(conn, [flash_sale_changed(closed), availability_changed(skus), *settled])


def becomes_ordinary(reservation: Reservation) -> list[LevelChange]:
    """What a sale's reservation adds to the levels once it no longer draws on escrow."""
    held = reservation.state is ReservationState.HELD
    return [
        LevelChange(
            draw.warehouse_code,
            draw.sku_code,
            held=draw.quantity if held else 0,
            sold=0 if held else draw.quantity,
        )
        for draw in reservation.draws
        if draw.from_escrow and not draw.shipped
    ]
