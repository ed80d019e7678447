"""Act 1: an empty Lumbung becomes a shop."""

from __future__ import annotations

from lumbung_dev.demo.play import Play
from lumbung_dev.shop import warehouse
from lumbung_dev.shop.goods import BUNDLES, all_goods
from lumbung_dev.shop.load import load_shop
from lumbung_dev.shop.outlets import COURIERS, MARKETPLACES
from lumbung_dev.shop.stocking import opening_stock


async def open_the_shop(play: Play) -> None:
    """Goods, bins, stock, couriers and channels, all through the services' own calls."""
    await load_shop(play.staff, play.system.account)
    lots = opening_stock()
    play.stage.say(
        f"{len(all_goods())} SKUs and {len(BUNDLES)} bundles imported; "
        f"{sum(lot.quantity for lot in lots):,} units received into {len(lots)} of "
        f"{len(warehouse.places())} bins in {len(warehouse.AISLE_X_M)} aisles"
    )
    listed = ", ".join(f"{len(each.listings())} on {each.code}" for each in MARKETPLACES)
    play.stage.say(
        f"{len(COURIERS)} courier services know when to come; listed: {listed}, each with its figure"
    )
