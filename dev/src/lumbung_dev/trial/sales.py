"""A flash sale of its own for a test, and buyers who rush it."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import grpc

from lumbung.stock.v1 import flash_sales_pb2, reservations_pb2
from lumbung_dev.local.patience import patiently
from lumbung_dev.local.services import Services
from lumbung_dev.shop import warehouse
from lumbung_dev.shop.goods import FLASH_SKU
from lumbung_dev.shop.outlets import WEBSITE
from lumbung_kit.clients import failure_from


@dataclass(slots=True)
class Rush:
    """What the buyers of one sale were told."""

    held: list[str] = field(default_factory=list)
    """Ids of acknowledged holds."""
    refused: Counter[str] = field(default_factory=Counter)


@asynccontextmanager
async def flash_sale(staff: Services, quota: int) -> AsyncIterator[str]:
    """An open sale of the power bank on the website; closed at the end."""
    code = f"TEST-{secrets.token_hex(4)}".upper()
    now = datetime.now(UTC)
    plan = flash_sales_pb2.PlanFlashSaleRequest(
        request_id=f"{code}:plan",
        flash_sale_code=code,
        title="Obral kilat",
        items=[
            flash_sales_pb2.FlashSaleItem(
                sku_code=FLASH_SKU, warehouse_code=warehouse.CODE, quota=quota, limit_per_customer=1
            )
        ],
        channel_codes=[WEBSITE],
    )
    plan.start_time.FromDatetime(now)
    plan.end_time.FromDatetime(now + timedelta(hours=1))
    await patiently(staff.flash_sales.PlanFlashSale, plan)
    opening = flash_sales_pb2.OpenFlashSaleRequest(request_id=f"{code}:open", flash_sale_code=code)
    await patiently(staff.flash_sales.OpenFlashSale, opening)
    try:
        yield code
    finally:
        closing = flash_sales_pb2.CloseFlashSaleRequest(request_id=f"{code}:close", flash_sale_code=code)
        await patiently(staff.flash_sales.CloseFlashSale, closing)


async def rush(storefront: Services, code: str, buyers: int, seed: int) -> Rush:
    """Everybody asks for one unit at once, in an order that the seed decides."""
    seen = Rush()

    async def buy(number: int) -> None:
        request = reservations_pb2.ReserveRequest(
            request_id=f"{code}:{number}",
            channel_code=WEBSITE,
            customer_reference=f"buyer-{number}",
            flash_sale_code=code,
            lines=[reservations_pb2.ReserveLine(sku_code=FLASH_SKU, quantity=1)],
        )
        try:
            answer = await patiently(storefront.reservations.Reserve, request)
        except grpc.aio.AioRpcError as error:
            seen.refused[failure_from(error).reason] += 1
        else:
            seen.held.append(answer.reservation.reservation_id)

    order = list(range(buyers))
    random.Random(seed).shuffle(order)
    await asyncio.gather(*map(buy, order))
    return seen


async def report(staff: Services, code: str) -> flash_sales_pb2.FlashSaleItemReport:
    """What stock says of the sale's one item."""
    request = flash_sales_pb2.ReportFlashSaleRequest(flash_sale_code=code)
    return (await patiently(staff.flash_sales.ReportFlashSale, request)).items[0]


async def release_all(storefront: Services, reservation_ids: list[str]) -> None:
    """Gives every hold back, so that the next test has the units again."""

    async def release(reservation_id: str) -> None:
        request = reservations_pb2.ReleaseRequest(
            request_id=f"release:{reservation_id}", reservation_id=reservation_id, reason="test is over"
        )
        await patiently(storefront.reservations.Release, request)

    await asyncio.gather(*map(release, reservation_ids))
