"""The ledger of flash sales in Postgres: every transaction of the sale protocol, one method each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from lumbung_kit import events
from lumbung_kit.events import EventLog
from lumbung_kit.failures import Failure
from lumbung_kit.postgres import Conn, Postgres
from lumbung_stock.domain.carts import Cart
from lumbung_stock.domain.flash_sales import FlashSale, FlashSaleState, Taken, shown_code
from lumbung_stock.domain.pools import Move, moved
from lumbung_stock.domain.reckoning import Standing
from lumbung_stock.domain.reservations import Reservation, Resolution, Verb
from lumbung_stock.domain.without_gate import Undecided, Wish
from lumbung_stock.stores import flash_sales, reservations
from lumbung_stock.stores.flash_sales import Credit, Extension
from lumbung_stock.stores.warehouses import WarehouseBook
from lumbung_stock.usecases.decide_together import run_again_when_overtaken
from lumbung_stock.usecases.resolve_reservations import resolve_reservations
from lumbung_stock.usecases.settle_journal import settle_journal
from lumbung_stock.usecases.settle_sale import begin_closing, settle_sale
from lumbung_stock.usecases.settle_without_gate import settle_without_gate
from lumbung_stock.wire.events import flash_sale_changed


@dataclass(frozen=True, slots=True)
class PostgresSaleLedger:
    """SaleLedger on the real database. Wakes the publisher of events after each transaction that tells something."""

    postgres: Postgres
    log: EventLog
    warehouses: WarehouseBook

    async def find_sales(self, codes: Sequence[str]) -> dict[str, FlashSale]:
        """As the Protocol says."""
        async with self.postgres.connection() as conn:
            return await flash_sales.find_sales(conn, codes)

    async def running_sales(self) -> list[str]:
        """As the Protocol says."""
        async with self.postgres.connection() as conn:
            return await flash_sales.running_sales(conn)

    async def find_answers(self, request_ids: Sequence[str]) -> dict[str, Reservation]:
        """As the Protocol says."""
        async with self.postgres.connection() as conn:
            return await reservations.find_by_request(conn, request_ids)

    async def next_epoch(self, code: str, seen_epoch: int) -> int | None:
        """As the Protocol says."""
        return await self.postgres.run(lambda conn: _next_epoch(conn, code, seen_epoch))

    async def snapshot(self, code: str, epoch: int) -> tuple[FlashSale, list[Taken]] | None:
        """As the Protocol says."""
        return await self.postgres.run(lambda conn: _snapshot(conn, code, epoch))

    async def has_other_answers(self, code: str) -> bool:
        """As the Protocol says."""
        async with self.postgres.connection() as conn:
            return await reservations.has_other_answers(conn, code)

    async def note_armed(self, code: str, epoch: int) -> None:
        """As the Protocol says."""
        await self.postgres.run(lambda conn: _note_armed(conn, code, epoch))
        self.log.poke()

    async def go_without_gate(self, code: str, seen_epoch: int) -> bool:
        """As the Protocol says."""
        begun = await self.postgres.run(lambda conn: _go_without_gate(conn, code, seen_epoch))
        self.log.poke()
        return begun

    async def gate_missed_within(self, code: str, seconds: float) -> bool:
        """As the Protocol says."""
        async with self.postgres.connection() as conn:
            return await flash_sales.gate_missed_within(conn, code, seconds)

    async def settle_without_gate(
        self, code: str, wishes: Sequence[Wish]
    ) -> list[Reservation | Failure | Undecided]:
        """As the Protocol says; a request that another transaction has just written is read and decided again."""
        warehouses = await self.warehouses.by_priority()
        answers = await run_again_when_overtaken(
            self.postgres, lambda conn: settle_without_gate(conn, code, wishes, warehouses)
        )
        self.log.poke()
        return answers

    async def next_epochs(self, seen_epochs: Mapping[str, int]) -> dict[str, int] | None:
        """As the Protocol says."""
        return await self.postgres.run(lambda conn: _next_epochs(conn, seen_epochs))

    async def move_units(self, epochs: Mapping[str, int], moves: Sequence[Move]) -> bool:
        """As the Protocol says."""
        return await self.postgres.run(lambda conn: _move_units(conn, epochs, moves))

    async def settle(self, code: str, epoch: int, carts: Sequence[Cart]) -> dict[str, Reservation]:
        """As the Protocol says; a request that another transaction has just written is read and decided again."""
        warehouses = await self.warehouses.by_priority()
        answers = await run_again_when_overtaken(
            self.postgres, lambda conn: settle_journal(conn, code, epoch, carts, warehouses)
        )
        self.log.poke()
        return answers

    async def park(self, *, code: str, hold_id: str, entry: Mapping[str, str], error: str) -> None:
        """As the Protocol says."""
        await self.postgres.run(
            partial(flash_sales.park, code=code, hold_id=hold_id, entry=entry, error=error)
        )

    async def is_parked(self, hold_id: UUID) -> bool:
        """As the Protocol says."""
        async with self.postgres.connection() as conn:
            return await flash_sales.is_parked(conn, hold_id)

    async def due_holds(self, limit: int) -> list[UUID]:
        """As the Protocol says."""
        async with self.postgres.connection() as conn:
            return await reservations.find_due(conn, limit)

    async def expire(self, hold_ids: Sequence[UUID]) -> None:
        """As the Protocol says."""
        await self.postgres.run(lambda conn: _expire(conn, hold_ids))
        self.log.poke()

    async def resolve(self, wishes: Sequence[Resolution]) -> list[Reservation | Failure]:
        """As the Protocol says."""
        answers = await self.postgres.run(lambda conn: resolve_reservations(conn, wishes))
        self.log.poke()
        return answers

    async def due_credits(self, limit: int) -> tuple[list[Credit], dict[str, FlashSale]]:
        """As the Protocol says."""
        return await self.postgres.run(lambda conn: _due_credits(conn, limit))

    async def delete_credits(self, credit_ids: Sequence[int]) -> None:
        """As the Protocol says."""
        await self.postgres.run(lambda conn: flash_sales.delete_credits(conn, credit_ids))

    async def due_extensions(self, limit: int) -> list[Extension]:
        """As the Protocol says."""
        async with self.postgres.connection() as conn:
            return await flash_sales.due_extensions(conn, limit)

    async def note_told(self, extension_ids: Sequence[UUID]) -> None:
        """As the Protocol says."""
        await self.postgres.run(lambda conn: flash_sales.note_told(conn, extension_ids))

    async def standing(self, code: str, hold_ids: Sequence[UUID] = ()) -> Standing:
        """As the Protocol says."""
        async with self.postgres.connection() as conn:
            return await flash_sales.standing(conn, code, hold_ids)

    async def ended_sales(self) -> list[str]:
        """As the Protocol says."""
        async with self.postgres.connection() as conn:
            return await flash_sales.ended_sales(conn)

    async def begin_closing(self, code: str) -> int | None:
        """As the Protocol says."""
        return await self.postgres.run(lambda conn: begin_closing(conn, code))

    async def finish_closing(self, code: str, epoch: int) -> None:
        """As the Protocol says."""
        await self.postgres.run(lambda conn: settle_sale(conn, code, epoch))
        self.log.poke()

    async def gates_left(self, limit: int) -> list[str]:
        """As the Protocol says."""
        async with self.postgres.connection() as conn:
            return await flash_sales.gates_left(conn, limit)

    async def note_removed(self, code: str) -> None:
        """As the Protocol says."""
        await self.postgres.run(lambda conn: flash_sales.note_removed(conn, code))


async def _next_epoch(conn: Conn, code: str, seen_epoch: int) -> int | None:
    if await flash_sales.lock_sale(conn, code) != (FlashSaleState.OPEN, seen_epoch):
        return None
    return await flash_sales.next_epoch(conn, code)


async def _snapshot(conn: Conn, code: str, epoch: int) -> tuple[FlashSale, list[Taken]] | None:
    """Free units and reservations that belong together: whoever gives units back locks the items."""
    if await flash_sales.lock_sale(conn, code) != (FlashSaleState.OPEN, epoch):
        return None
    sale = (await flash_sales.find_sales(conn, [code]))[code]
    await flash_sales.lock_items(conn, [(code, item.sku_code) for item in sale.items])
    sale = (await flash_sales.find_sales(conn, [code]))[code]
    await flash_sales.note_all_told(conn, code)
    await flash_sales.go_back_to_gate(conn, code)
    return sale, await reservations.taken_of_sale(conn, code)


async def _next_epochs(conn: Conn, seen_epochs: Mapping[str, int]) -> dict[str, int] | None:
    if await _open_epochs(conn, seen_epochs) != seen_epochs:
        return None
    sales = await flash_sales.find_sales(conn, list(seen_epochs))
    if not all(sale.gate_armed for sale in sales.values()):
        return None
    return {code: await flash_sales.next_epoch(conn, code) for code in sorted(seen_epochs)}


async def _move_units(conn: Conn, epochs: Mapping[str, int], moves: Sequence[Move]) -> bool:
    if await _open_epochs(conn, epochs) != epochs:
        return False
    items = await flash_sales.lock_items(
        conn, [(code, move.sku_code) for move in moves for code in move.pools]
    )
    leaving: Counter[tuple[str, str]] = Counter()
    for move in moves:
        leaving[move.from_pool, move.sku_code] += move.quantity
    if any(items[key].remaining < units for key, units in leaving.items()):
        return False
    await flash_sales.change_items(conn, moved(moves))
    return True


async def _open_epochs(conn: Conn, pools: Iterable[str]) -> dict[str, int]:
    locked = await flash_sales.lock_sales(conn, sorted(pools))
    return {code: epoch for code, (state, epoch) in locked.items() if state is FlashSaleState.OPEN}


async def _note_armed(conn: Conn, code: str, epoch: int) -> None:
    await flash_sales.set_armed(conn, code, epoch)
    await _tell_of_change(conn, code)


async def _go_without_gate(conn: Conn, code: str, seen_epoch: int) -> bool:
    begun = await flash_sales.go_without_gate(conn, code, seen_epoch)
    if begun:
        await _tell_of_change(conn, code)
    return bool(begun)


async def _tell_of_change(conn: Conn, code: str) -> None:
    shown = shown_code(code)
    sale = (await flash_sales.find_sales(conn, [shown]))[shown]
    await events.append(conn, [flash_sale_changed(sale)])


async def _expire(conn: Conn, hold_ids: Sequence[UUID]) -> None:
    free = await reservations.lock_unclaimed(conn, hold_ids)
    await resolve_reservations(conn, [Resolution(hold_id, Verb.EXPIRE, "") for hold_id in free])


async def _due_credits(conn: Conn, limit: int) -> tuple[list[Credit], dict[str, FlashSale]]:
    due = await flash_sales.due_credits(conn, limit)
    return due, await flash_sales.find_sales(conn, sorted({credit.flash_sale_code for credit in due}))
