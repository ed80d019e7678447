"""A storefront while many buyers come at once: each holds a unit, most pay, some think better of it.

python examples/python/flash_sale.py 127.0.0.1:50052 --sku PB-20K-HTM --buyers 200 [--sale CODE]
"""

from __future__ import annotations

import argparse
import asyncio
import random
from collections import Counter

from lumbung_client import LumbungClient, LumbungError, OutOfStock, ReserveSession, new_request_id

PAY_SHARE = 0.9


async def buy(lumbung: LumbungClient, session: ReserveSession, sku_code: str, sale: str, buyer: str) -> str:
    """What became of one buyer."""
    try:
        held = await session.reserve(
            {sku_code: 1}, channel_code="web", customer_reference=buyer, flash_sale_code=sale, ttl_s=600
        )
    except OutOfStock:
        return "sold out"
    except LumbungError as refused:
        return refused.reason or refused.code.name
    if random.random() < PAY_SHARE:
        await lumbung.confirm(held.reservation_id, order_reference=buyer)
        return "sold"
    await lumbung.release(held.reservation_id, reason="left the checkout")
    return "given back"


async def show_what_is_left(lumbung: LumbungClient, sku_code: str) -> None:
    """As a product page would: a snapshot, then each change."""
    async for change in lumbung.watch_availability([sku_code], channel_code="web"):
        for figure in change.availabilities:
            print(f"watching: {figure.available_to_promise + figure.flash_sale_available}")


async def main(target: str, sku_code: str, sale: str, buyers: int) -> None:
    run = new_request_id()[:13]
    async with (
        LumbungClient(target, actor="storefront:web") as lumbung,
        lumbung.reserve_stream() as session,
    ):
        watching = asyncio.create_task(show_what_is_left(lumbung, sku_code))
        visits = [buy(lumbung, session, sku_code, sale, f"WEB-{run}-{number}") for number in range(buyers)]
        for outcome, count in Counter(await asyncio.gather(*visits)).most_common():
            print(f"{outcome}: {count}")
        watching.cancel()
        left = await lumbung.get_availability(sku_code, channel_code="web")
        print(f"left: {left.flash_sale_available if sale else left.available_to_promise}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("target", help="where stock answers, such as 127.0.0.1:50052")
    parser.add_argument("--sku", default="PB-20K-HTM")
    parser.add_argument("--sale", default="", help="code of a flash sale that is open")
    parser.add_argument("--buyers", type=int, default=200)
    arguments = parser.parse_args()
    asyncio.run(main(arguments.target, arguments.sku, arguments.sale, arguments.buyers))
