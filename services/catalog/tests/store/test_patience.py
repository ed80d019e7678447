"""A transaction that writes a whole catalog may take longer than an ordinary one; the next one may not."""

import pytest

from lumbung_catalog.stores.patience import WHOLE_CATALOG_MS_MAX, be_patient
from lumbung_kit.failures import StoreUnavailable
from lumbung_kit.postgres import Postgres


async def _shortened(postgres: Postgres, *, patient: bool) -> str:
    """Lets a transaction begin with a clock of 50 ms, and makes it last longer than that."""
    async with postgres.connection() as conn, conn.transaction():
        await conn.execute("set local transaction_timeout = 0")
        await conn.execute("set local transaction_timeout = '50ms'")
        if patient:
            await be_patient(conn)
        await conn.execute("select pg_sleep(0.2)")
        shown = await (await conn.execute("show transaction_timeout")).fetchone()
        assert shown is not None
        return str(shown[0])


async def test_the_clock_that_runs_already_is_stopped(postgres: Postgres) -> None:
    assert await _shortened(postgres, patient=True) == f"{WHOLE_CATALOG_MS_MAX // 60_000}min"
    with pytest.raises(StoreUnavailable):
        await _shortened(postgres, patient=False)
