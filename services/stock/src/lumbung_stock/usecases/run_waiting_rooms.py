"""Run the waiting rooms: wake those that are pressed, admit in those that are awake, forget what is long over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from lumbung_kit.failures import Failure
from lumbung_kit.logs import get_logger
from lumbung_kit.metrics import gauge
from lumbung_kit.postgres import Postgres
from lumbung_stock.stores import waiting_rooms
from lumbung_stock.stores.leases import Leases
from lumbung_stock.stores.sale_book import SaleBook
from lumbung_stock.usecases.admit_waiting import admit_waiting

LEASE = "waiting rooms"
FORGET_BATCH = 1_000

_LOG = get_logger(__name__)
_WAITING = gauge("lumbung_stock_waiting_room_waiting", "Customers whose turn has not come", ["sale"])
_ADMITTED = gauge(
    "lumbung_stock_waiting_room_admitted",
    "Customers admitted, who have neither bought nor let it lapse",
    ["sale"],
)


@dataclass(slots=True)
class RunWaitingRooms:
    """One round. Two replicas at once do no harm, since each room is locked; the lease saves work."""

    postgres: Postgres
    leases: Leases
    sales: SaleBook
    pressed: Callable[[], Sequence[str]]
    _shown: set[str] = field(default_factory=set)

    async def __call__(self) -> None:
        """Raises StoreUnavailable; the next round goes on."""
        if pressed := self.pressed():
            await self._wake(pressed)
        async with self.postgres.connection() as conn:
            awake = await waiting_rooms.awake_rooms(conn)
        mine = awake if awake and await self.leases.take(LEASE) else []
        for code in mine:
            await self._admit(code)
        self._drop(self._shown - set(mine))

    async def forget(self) -> int:
        """Forgets some tickets of sales that are long over; how many."""
        async with self.postgres.connection() as conn:
            return await waiting_rooms.forget_tickets(conn, FORGET_BATCH)

    async def _wake(self, codes: Sequence[str]) -> None:
        async with self.postgres.connection() as conn:
            for code in codes:
                await waiting_rooms.wake(conn, code)
        for code in codes:
            self.sales.forget(code)

    async def _admit(self, code: str) -> None:
        """Trouble with one room is not the others'."""
        try:
            figures = await self.postgres.run(partial(admit_waiting, code=code))
        except Failure as trouble:
            _LOG.warning("waiting room admits nobody now", flash_sale_code=code, trouble=repr(trouble))
            return
        if figures is not None:
            self._shown.add(code)
            _WAITING.labels(code).set(figures.waiting - figures.to_admit())
            _ADMITTED.labels(code).set(figures.outstanding + figures.to_admit())

    def _drop(self, over: set[str]) -> None:
        """A room that sleeps, or is another replica's, has no figures here."""
        self._shown -= over
        for code in over:
            _WAITING.remove(code)
            _ADMITTED.remove(code)
