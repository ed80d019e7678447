"""Halt after lost commits: a database that forgot what it acknowledged sells nothing on until a person has looked.

A standby that is promoted without the last commits of its primary, or an older backup, is as true to look at as any
other ledger: its sums agree. But it would give away once more what the lost holds and sales have. A synchronous quorum
is what prevents that; this notices it where there is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from lumbung_kit import events
from lumbung_kit.failures import StoreUnavailable
from lumbung_kit.logs import get_logger
from lumbung_kit.metrics import counter, gauge
from lumbung_kit.postgres import Conn, Postgres
from lumbung_stock.domain.flash_sales import shown_code
from lumbung_stock.stores import flash_sales
from lumbung_stock.stores.ledger_marks import MarkMemory, advance_mark, read_ledger_id
from lumbung_stock.stores.sale_book import SaleBook
from lumbung_stock.usecases.sale_ports import SaleGate
from lumbung_stock.wire.events import flash_sale_changed

_LOG = get_logger(__name__)
_LOST = counter(
    "lumbung_stock_lost_commits", "How often the database was found behind what it had acknowledged"
)
_HALTED = gauge(
    "lumbung_stock_sales_halted", "Open sales that wait for a person, since commits were lost; page"
)

SEEN_ELSEWHERE_MAX = 1_000
"""Marks that another replica may have seen beyond those that are known here: the count goes on behind them, so that a
loss is said once, and nobody halts again what a person has let go on."""


@dataclass(slots=True)
class HaltAfterLostCommits:
    """One look at a time. Each counts a mark up, and no mark that was seen before may come again.

    What was committed after the last mark can be lost unseen: with a look every half second in each replica, less than
    that. The mark that was seen is read before the next is made, so that another replica's newer one is no alarm.
    """

    postgres: Postgres
    memory: MarkMemory
    sales: SaleBook
    gate: SaleGate
    _ledger_id: UUID | None = None
    _seen: int = 0

    async def __call__(self) -> bool:
        """Whether commits were lost, and all open sales have been halted. Raises what Postgres raises."""
        ledger_id = await self._require_id()
        seen = max(self._seen, await self._seen_by_all(ledger_id))
        halted: dict[str, int] = {}
        async with self.postgres.transaction() as conn:
            mark = await advance_mark(conn)
            lost = seen - mark.number + 1
            if lost > 0:
                mark = await advance_mark(conn, by=lost + SEEN_ELSEWHERE_MAX)
                halted = await halt_sales(conn)
        if lost > 0:
            await self._shut(halted, lost)
        self._seen = mark.number
        _HALTED.set(mark.halted_sales)
        await self._tell_all(ledger_id)
        return lost > 0

    async def _require_id(self) -> UUID:
        if self._ledger_id is None:
            async with self.postgres.connection() as conn:
                self._ledger_id = await read_ledger_id(conn)
        return self._ledger_id

    async def _seen_by_all(self, ledger_id: UUID) -> int:
        """What any replica has seen; without Valkey, this one's own memory must do."""
        try:
            return await self.memory.highest(ledger_id)
        except StoreUnavailable:
            return 0

    async def _tell_all(self, ledger_id: UUID) -> None:
        try:
            await self.memory.remember(ledger_id, self._seen)
        except StoreUnavailable as away:
            _LOG.debug("mark not remembered", trouble=repr(away))

    async def _shut(self, halted: Mapping[str, int], marks: int) -> None:
        _LOST.inc()
        _LOG.error(
            "the database has lost commits; open sales are halted", marks_lost=marks, sales=sorted(halted)
        )
        for code, epoch in halted.items():
            self.sales.forget(shown_code(code))
            await self._freeze(code, epoch)

    async def _freeze(self, code: str, epoch: int) -> None:
        """Shuts the gate for those who have not heard yet; the new epoch keeps what they take from being committed."""
        try:
            await self.gate.freeze(code, epoch)
        except StoreUnavailable:
            _LOG.warning("gate not shut", flash_sale_code=code, epoch=epoch)


async def halt_sales(conn: Conn) -> dict[str, int]:
    """Halts every open sale with its pools in the caller's transaction; their new epochs by code."""
    halted = await flash_sales.halt_open(conn)
    shown = await flash_sales.find_sales(conn, sorted({shown_code(code) for code in halted}))
    await events.append(conn, [flash_sale_changed(sale) for sale in shown.values()])
    return halted
