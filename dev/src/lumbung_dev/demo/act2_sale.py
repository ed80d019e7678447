"""Act 2: a flash sale on three channels at once, beside ordinary sales."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from rich.columns import Columns
from rich.console import Group
from rich.progress_bar import ProgressBar
from rich.table import Table

from lumbung.stock.v1 import availability_pb2, flash_sales_pb2
from lumbung_dev.demo.cast import LIMIT_PER_CUSTOMER, Buyer
from lumbung_dev.demo.chaos import Mishap, kill_and_revive
from lumbung_dev.demo.diary import Ending
from lumbung_dev.demo.figures import Followed, measure
from lumbung_dev.demo.marketplaces import MarketplaceShop
from lumbung_dev.demo.play import Play
from lumbung_dev.demo.reservations import learn_reservations
from lumbung_dev.demo.website import Website
from lumbung_dev.local.patience import eventually, patiently
from lumbung_dev.shop import warehouse
from lumbung_dev.shop.goods import FLASH_SKU
from lumbung_dev.shop.outlets import MARKETPLACES, WEBSITE

_SALE_LASTS = timedelta(hours=2)
_FIGURES_S_MAX = 30.0
_ANSWERS_S_MAX = 90.0
_BAR_WIDTH = 50


@dataclass(frozen=True, slots=True)
class Sale:
    """What the sale came to."""

    rush_s: float
    """From the first buyer until everybody had an answer."""
    followed: tuple[Followed, ...]
    """How fast each marketplace's figure followed."""
    mishap: Mishap | None


async def hold_the_sale(play: Play) -> Sale:
    """Opens it, lets everybody in at once, waits until all have an answer, closes it whatever happened."""
    await _open(play)
    try:
        return await _hold(play)
    finally:
        await _close(play)


async def _hold(play: Play) -> Sale:
    await _until_marketplaces_show_what_is_left(play)
    play.stage.say(
        f"{play.cast.quota} power banks are set aside for {play.sale_code}; both marketplaces show them"
    )
    begun = time.monotonic()
    with play.stage.moving(lambda: scoreboard(play)):
        _, _, mishap = await asyncio.gather(
            rush := asyncio.create_task(_let_everybody_in(play)),
            _until_marketplaces_have_answered(play, rush),
            kill_and_revive(play),
        )
    rush_s = time.monotonic() - begun
    await _until_marketplaces_show_what_is_left(play)
    await learn_reservations(play)
    followed = await measure(play)
    return Sale(rush_s, followed, mishap)


async def _open(play: Play) -> None:
    now = datetime.now(UTC)
    plan = flash_sales_pb2.PlanFlashSaleRequest(
        request_id=f"{play.run}:plan-sale",
        flash_sale_code=play.sale_code,
        title="Harbolnas: Power Bank 20.000 mAh",
        items=[
            flash_sales_pb2.FlashSaleItem(
                sku_code=FLASH_SKU,
                warehouse_code=warehouse.CODE,
                quota=play.cast.quota,
                limit_per_customer=LIMIT_PER_CUSTOMER,
            )
        ],
        channel_codes=[WEBSITE, *(marketplace.code for marketplace in MARKETPLACES)],
    )
    plan.start_time.FromDatetime(now)
    plan.end_time.FromDatetime(now + _SALE_LASTS)
    await patiently(play.staff.flash_sales.PlanFlashSale, plan)
    await patiently(
        play.staff.flash_sales.OpenFlashSale,
        flash_sales_pb2.OpenFlashSaleRequest(
            request_id=f"{play.run}:open-sale", flash_sale_code=play.sale_code
        ),
    )


async def _close(play: Play) -> None:
    await patiently(
        play.staff.flash_sales.CloseFlashSale,
        flash_sales_pb2.CloseFlashSaleRequest(
            request_id=f"{play.run}:close-sale", flash_sale_code=play.sale_code
        ),
    )


async def _let_everybody_in(play: Play) -> None:
    website = Website(play.storefront, play.diary, play.run, play.sale_code)

    async def visit(buyer: Buyer) -> None:
        await asyncio.sleep(buyer.arrives_s)
        if buyer.channel == WEBSITE:
            await website.serve(buyer)
        else:
            await play.shops[buyer.channel].serve(buyer)

    async with asyncio.TaskGroup() as crowd:
        for buyer in play.cast.buyers:
            crowd.create_task(visit(buyer))


async def _until_marketplaces_show_what_is_left(play: Play) -> None:
    """Each page shows what stock says the sale can still promise there."""

    async def all_true() -> bool:
        return all([await _shows_what_is_left(play, shop) for shop in play.shops.values()])

    await eventually(all_true, "every marketplace shows what is left of the sale", within_s=_FIGURES_S_MAX)


async def _shows_what_is_left(play: Play, shop: MarketplaceShop) -> bool:
    request = availability_pb2.GetAvailabilityRequest(sku_code=FLASH_SKU, channel_code=shop.marketplace.code)
    left = (await patiently(play.staff.availability.GetAvailability, request)).availability
    listing = shop.marketplace.listing_of(FLASH_SKU)
    return (await shop.shown([listing]))[listing] == left.flash_sale_available


async def _until_marketplaces_have_answered(play: Play, rush: asyncio.Task[None]) -> None:
    """Each buyer of a marketplace looks at their order until it is accepted or rejected."""

    async def all_answered() -> bool:
        waiting = [await shop.read_answers() for shop in play.shops.values()]
        return rush.done() and not any(waiting)

    await eventually(
        all_answered, "every marketplace order is answered", within_s=_ANSWERS_S_MAX, every_s=0.25
    )


def scoreboard(play: Play) -> Group:
    """The diary so far: units sold on sale, and every channel's tries by how they ended."""
    on_sale = sum(page.buyer.wants_sale for page in play.diary.ended(Ending.SOLD))
    table = Table("channel", *(ending.value for ending in Ending), box=None, pad_edge=False)
    for channel in (WEBSITE, *play.shops):
        table.add_row(channel, *(str(play.diary.count(channel, ending)) for ending in Ending))
    bar = ProgressBar(total=play.cast.quota, completed=on_sale, width=_BAR_WIDTH)
    return Group(Columns([bar, f"{on_sale} of {play.cast.quota} sold on sale"]), table)
