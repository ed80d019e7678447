"""The demo's sale in small, on a system that others use too."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from lumbung_dev.demo.act3_waves import list_orders
from lumbung_dev.demo.cast import Turnout, cast
from lumbung_dev.demo.diary import Diary
from lumbung_dev.demo.marketplaces import MarketplaceShop
from lumbung_dev.demo.play import Play
from lumbung_dev.demo.stage import Stage
from lumbung_dev.local.system import LocalSystem
from lumbung_dev.local.traces import TraceCollector
from lumbung_dev.shop.outlets import BELANJAGO, MARKETPLACES, TOKORIA, WEBSITE

HANDFUL = Turnout(
    quota=60,
    sale={WEBSITE: 120, TOKORIA.code: 80, BELANJAGO.code: 60},
    sale_bundles=6,
    bundles=4,
    ordinary={WEBSITE: 16, TOKORIA.code: 8, BELANJAGO.code: 6},
    rush_s=1.0,
)


@asynccontextmanager
async def small_play(
    system: LocalSystem, collector: TraceCollector, *, seed: int, chaos: str
) -> AsyncIterator[Play]:
    """A play with a handful of buyers, whose `chaos` service is killed during the sale."""
    async with AsyncExitStack() as stack:
        staff = await stack.enter_async_context(system.client("staff:test"))
        diary = Diary()
        yield Play(
            system=system,
            stage=Stage(),
            cast=cast(seed, HANDFUL),
            diary=diary,
            collector=collector,
            run=secrets.token_hex(3),
            strangers=frozenset(order.reservation_id for order in await list_orders(staff)),
            chaos=chaos,
            staff=staff,
            storefront=await stack.enter_async_context(system.client("storefront:web")),
            shops={
                each.code: await stack.enter_async_context(
                    MarketplaceShop(each, system.account(each).base_url, diary)
                )
                for each in MARKETPLACES
            },
        )
