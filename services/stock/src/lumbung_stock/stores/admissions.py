"""Who is admitted, in memory, for the hot path: Postgres is asked once for each admission."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from lumbung_kit.batching import MicroBatcher
from lumbung_kit.loops import loop_time
from lumbung_kit.postgres import Postgres
from lumbung_stock.stores import waiting_rooms

Key = tuple[str, str]
"""(flash_sale_code, customer_reference)."""

REMEMBERED_MAX = 100_000
LOOK_BATCH = 512


class Admissions:
    """Admissions that are good still. One that was given is never taken back, so memory cannot be wrong; who is not in
    it is looked for in Postgres, together with others who ask at the same time."""

    def __init__(self, postgres: Postgres, *, max_waiting: int) -> None:
        self._postgres = postgres
        self._until: OrderedDict[Key, float] = OrderedDict()
        self._look: MicroBatcher[Key, float] = MicroBatcher(
            self._load, max_batch=LOOK_BATCH, max_waiting=max_waiting, name="admissions"
        )

    async def has(self, flash_sale_code: str, customer_reference: str) -> bool:
        """Whether the customer is admitted to the sale now. Raises Overloaded, StoreUnavailable."""
        if self.knows(flash_sale_code, customer_reference):
            return True
        return await self._look.submit((flash_sale_code, customer_reference)) > loop_time()

    def knows(self, flash_sale_code: str, customer_reference: str) -> bool:
        """The same, as far as memory says."""
        return self._until.get((flash_sale_code, customer_reference), 0.0) > loop_time()

    async def close(self) -> None:
        """Answers those who wait, and nobody else."""
        await self._look.close()

    async def _load(self, keys: list[Key]) -> Sequence[float]:
        """Until when each is admitted, by this loop's clock, which was read before Postgres': a little early."""
        asked_at = loop_time()
        async with self._postgres.connection() as conn:
            left_s = await waiting_rooms.admissions(conn, list(dict.fromkeys(keys)))
        for key, seconds in left_s.items():
            self._until[key] = asked_at + seconds
            self._until.move_to_end(key)
        while len(self._until) > REMEMBERED_MAX:
            self._until.popitem(last=False)
        return [asked_at + left_s.get(key, 0.0) for key in keys]
