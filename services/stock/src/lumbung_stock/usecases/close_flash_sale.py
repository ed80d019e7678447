"""Close a flash sale: shut the gate, settle what was in flight, give the free units back (P4).

What is still held or sold becomes an ordinary promise; what comes back of it later goes to ordinary sale.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from lumbung_kit import events
from lumbung_kit.failures import ConcurrentChange
from lumbung_kit.postgres import Conn, Postgres
from lumbung_stock.domain.flash_sales import FlashSale, FlashSaleState
from lumbung_stock.domain.levels import LevelChange
from lumbung_stock.domain.reservation_failures import FlashSaleNotFound, FlashSaleWrongState
from lumbung_stock.domain.reservations import Reservation, ReservationState
from lumbung_stock.domain.resolve import EscrowChange
from lumbung_stock.stores import flash_sales, levels, reservations, sellables
from lumbung_stock.stores.gate import Gate
from lumbung_stock.stores.sale_book import SaleBook
from lumbung_stock.usecases.set_up_gate import SetUpGate
from lumbung_stock.usecases.settle_shortfalls import settle_shortfalls, short_of
from lumbung_stock.wire.events import availability_changed, flash_sale_changed

ROUNDS_MAX = 20
LOOKS_MAX = 20
LOOK_INTERVAL_S = 0.05
CLOSABLE = (FlashSaleState.OPEN, FlashSaleState.CLOSING)


@dataclass(frozen=True, slots=True)
class CloseFlashSale:
    """Closes a sale, or goes on closing one whose closing was interrupted."""

    postgres: Postgres
    gate: Gate
    sales: SaleBook
    set_up_gate: SetUpGate

    async def __call__(self, code: str) -> FlashSale:
        """The closed sale; closing a closed one again changes nothing.

        Raises FlashSaleNotFound, FlashSaleWrongState, StoreUnavailable (it stays CLOSING and is taken up again),
        ConcurrentChange when others keep at it and do not come to an end.
        """
        for _ in range(ROUNDS_MAX):
            if await self.attempt(code) or await self._closed_meanwhile(code):
                return await self.sales.find_fresh(code)
        raise ConcurrentChange(retry_after_s=1.0)

    async def attempt(self, code: str) -> bool:
        """Whether the sale is closed now; False when somebody newer is at work on that."""
        epoch = await self.postgres.run(lambda conn: begin_closing(conn, code))
        self.sales.forget(code)
        if epoch is not None and await self.set_up_gate.drain(code, epoch):
            await self.postgres.run(lambda conn: settle_sale(conn, code, epoch))
        closed = (await self.sales.find_fresh(code)).state is FlashSaleState.CLOSED
        if closed:
            await self.gate.remove(code)
        return closed

    async def _closed_meanwhile(self, code: str) -> bool:
        for _ in range(LOOKS_MAX):
            if (await self.sales.find_fresh(code)).state is FlashSaleState.CLOSED:
                return True
            await asyncio.sleep(LOOK_INTERVAL_S)
        return False


async def begin_closing(conn: Conn, code: str) -> int | None:
    """Fences off the open epoch; None when the sale is closed already."""
    locked = await flash_sales.lock_sale(conn, code)
    if locked is None:
        raise FlashSaleNotFound(metadata={"flash_sale_code": code})
    if locked[0] is FlashSaleState.CLOSED:
        return None
    if locked[0] not in CLOSABLE:
        raise FlashSaleWrongState(metadata={"state": locked[0].name})
    return await flash_sales.next_epoch(conn, code, FlashSaleState.CLOSING)


async def settle_sale(conn: Conn, code: str, epoch: int) -> None:
    """Empties the escrow in the caller's transaction. Does nothing when somebody newer is at work."""
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
    await flash_sales.set_state(conn, code, FlashSaleState.CLOSED)
    closed = (await flash_sales.find_sales(conn, [code]))[code]
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
        if draw.from_escrow
    ]
