"""Two thousand at once for five hundred units, against the running service."""

from __future__ import annotations

import pytest

from lumbung.stock.v1 import inventory_pb2
from lumbung_dev.local.patience import patiently
from lumbung_dev.local.system import LocalSystem
from lumbung_dev.trial import sales

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

BUYERS = 2000
QUOTA = 500


@pytest.mark.parametrize("nth", range(10))
async def test_two_thousand_reserves_for_five_hundred_units_give_five_hundred_holds(
    system: LocalSystem, seed: int, nth: int
) -> None:
    async with system.client("staff:test") as staff, system.client("storefront:web") as storefront:
        async with sales.flash_sale(staff, QUOTA) as code:
            seen = await sales.rush(storefront, code, BUYERS, seed + nth)
            item = await sales.report(staff, code)
            await sales.release_all(storefront, seen.held)
        assert len(seen.held) == len(set(seen.held)) == QUOTA
        assert seen.refused == {"OUT_OF_STOCK": BUYERS - QUOTA}
        assert (item.quota, item.remaining, item.held) == (QUOTA, 0, QUOTA)
        promises = await patiently(staff.audit.CheckPromises, inventory_pb2.CheckPromisesRequest())
        assert (promises.oversold_units, promises.conservation_gap_units) == (0, 0)
        back = await sales.report(staff, code)
        assert (back.remaining, back.held, back.returned) == (0, 0, QUOTA)
