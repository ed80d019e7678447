"""Confirm, release, extend or cancel, also what Postgres does not have yet: soft holds on their way, or lost (P2)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final, NoReturn
from uuid import UUID

from lumbung_kit import context
from lumbung_kit.batching import MicroBatcher
from lumbung_kit.metrics import counter
from lumbung_stock.domain.carts import Cart
from lumbung_stock.domain.reservation_failures import HoldLost, HoldPending, ReservationNotFound
from lumbung_stock.domain.reservations import Reservation, Resolution
from lumbung_stock.domain.soft_holds import is_soft
from lumbung_stock.stores.gate import Gate
from lumbung_stock.stores.sale_book import SaleBook
from lumbung_stock.usecases.get_reservation import GetReservation

LOOK_AGAIN_S: Final = 0.02
LOOKS_MAX: Final = 1_000
_LOST = counter(
    "lumbung_stock_holds_lost", "Soft holds that were lost and whose units could not be taken anew"
)


@dataclass(frozen=True, slots=True)
class SoftHolds:
    """Where a soft hold is that Postgres may not have yet."""

    get_reservation: GetReservation
    gate: Gate
    sales: SaleBook
    reserve: Callable[[Cart], Awaitable[Reservation]]

    async def get(self, reservation_id: UUID) -> Reservation:
        """The reservation, once it has arrived. Raises ReservationNotFound, of a soft hold HoldLost and HoldPending."""
        try:
            return await self.get_reservation(reservation_id)
        except ReservationNotFound:
            if not is_soft(reservation_id):
                raise
        await self.until_durable(reservation_id)
        return await self.get_reservation(reservation_id)

    async def until_durable(self, reservation_id: UUID, again: Cart | None = None) -> None:
        """Returns when Postgres has an answer under this id, which may be that it is refused.

        `again` is the cart that made the hold: with it, lost units are taken anew. Raises HoldLost, and HoldPending
        when it takes longer than the caller waits.
        """
        for _ in range(LOOKS_MAX):
            on_its_way = await self._on_its_way(
                reservation_id
            )  # before the look at Postgres: it may arrive meanwhile
            if await self._has_arrived(reservation_id):
                return
            if on_its_way is False or (on_its_way is None and again):
                await self._take_anew(reservation_id, again)
                again = None
            if context.deadline_remaining_s() <= LOOK_AGAIN_S:
                break
            await asyncio.sleep(LOOK_AGAIN_S)
        raise HoldPending(retry_after_s=1.0)

    async def _on_its_way(self, reservation_id: UUID) -> bool | None:
        """Whether a gate has units set aside for it: then its journal has the entry, or Postgres has it by now. None
        when a gate that may have them is away, and Postgres serves its sale: then nobody knows until it is back."""
        sales = [await self.sales.find(code) for code in await self.sales.running()]
        gated = [sale.flash_sale_code for sale in sales if not sale.on_postgres]
        if any(await asyncio.gather(*(self.gate.has_hold(code, reservation_id) for code in gated))):
            return True
        return False if len(gated) == len(sales) else None

    async def _has_arrived(self, reservation_id: UUID) -> bool:
        try:
            await self.get_reservation(reservation_id)
        except ReservationNotFound:
            return False
        return True

    async def _take_anew(self, reservation_id: UUID, again: Cart | None) -> None:
        """The same request once more, under the hold's own id, which nobody else can have had since it was lost."""
        if again is None:
            _lost(reservation_id)
        answer = await self.reserve(replace(again, reservation_id=reservation_id))
        if answer.refusal is not None or answer.reservation_id != reservation_id:
            _lost(reservation_id, answer)


def _lost(reservation_id: UUID, instead: Reservation | None = None) -> NoReturn:
    """Metadata `reservation_id` is what the hold's request has become, when that is held."""
    _LOST.inc()
    stands = instead.reservation_id if instead and instead.refusal is None else reservation_id
    raise HoldLost(metadata={"reservation_id": str(stands)})


@dataclass(frozen=True, slots=True)
class ResolveSoftToo:
    """One wish; one that Postgres does not know is asked again when its soft hold has arrived."""

    resolve: MicroBatcher[Resolution, Reservation]
    soft_holds: SoftHolds

    async def __call__(self, wish: Resolution, again: Cart | None = None) -> Reservation:
        """The reservation as the wish left it. Raises as the wish is refused, HoldLost, HoldPending."""
        try:
            return await self.resolve.submit(wish)
        except ReservationNotFound:
            if not is_soft(wish.reservation_id):
                raise
        await self.soft_holds.until_durable(wish.reservation_id, again)
        return await self.resolve.submit(wish)
