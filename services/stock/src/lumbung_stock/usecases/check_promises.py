"""Check the promises: count what must be 0 (P1, P4)."""

from __future__ import annotations

from lumbung_kit.postgres import Postgres
from lumbung_stock.domain.audit import PromiseReport
from lumbung_stock.stores.audit import count_promises


async def check_promises(postgres: Postgres) -> PromiseReport:
    """Reads one snapshot of everything; nothing is locked."""
    async with postgres.transaction() as conn:
        return await count_promises(conn)
