"""Watch the chains: follow every warehouse's ledger again and again, a part in each pass, and seal where it ends."""

from __future__ import annotations

from dataclasses import dataclass, field

from lumbung_kit.logs import get_logger
from lumbung_kit.postgres import Postgres
from lumbung_stock.domain.ledger_chain import BEGINNING, ChainBreak, ChainProblem, Seal, break_in
from lumbung_stock.stores.ledger_chain import Head, find_heads, read_stretch, write_seal
from lumbung_stock.usecases.verify_chain import STRETCH

_LOG = get_logger(__name__)

STRETCHES_EACH = 20
"""Of one warehouse in one pass."""
SEAL_INTERVAL_S = 600.0


@dataclass(slots=True)
class WatchChains:
    """Keeps in mind how far it is. A break is found again in each pass until it is mended."""

    postgres: Postgres
    seal_interval_s: float = SEAL_INTERVAL_S
    _reached: dict[str, tuple[int, bytes]] = field(default_factory=dict)

    async def __call__(self) -> list[ChainBreak]:
        """The breaks in what it looked at: the next part of each chain."""
        async with self.postgres.connection() as conn:
            heads = await find_heads(conn)
        found = [await self._follow(head) for head in heads]
        return [each for each in found if each is not None]

    async def _follow(self, head: Head) -> ChainBreak | None:
        code = head.warehouse_code
        after, before = self._reached.get(code, (0, BEGINNING))
        if after > head.chained:  # it was cut off, or restored from a backup
            after, before = 0, BEGINNING
        for _ in range(STRETCHES_EACH):
            through = min(after + STRETCH, head.chained)
            async with self.postgres.connection() as conn:
                stretch = await read_stretch(conn, code, after, before, through)
            if found := break_in(stretch, code):
                return found
            if stretch.through < through:
                return ChainBreak(code, stretch.through + 1, ChainProblem.MISSING)
            after, before = through, stretch.hash
            self._reached[code] = after, before
            if after == head.chained:
                return await self._at_end(head, before)
        return None

    async def _at_end(self, head: Head, last_hash: bytes) -> ChainBreak | None:
        """Seals the end, and begins anew in the next pass."""
        self._reached.pop(head.warehouse_code)
        if last_hash != head.hash or head.sequence != head.chained:
            return ChainBreak(head.warehouse_code, head.chained, ChainProblem.HEAD)
        if head.chained:
            seal = Seal(head.warehouse_code, head.chained, head.hash)
            async with self.postgres.transaction() as conn:
                sealed = await write_seal(conn, seal, self.seal_interval_s)
            if sealed:
                _LOG.info(
                    "ledger sealed",
                    warehouse_code=seal.warehouse_code,
                    sequence=seal.sequence,
                    hash=seal.hash.hex(),
                )
        return None
