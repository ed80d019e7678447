"""Ours: the stock service as it is deployed, one process, with a shop in its database and a flash sale that is open."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psycopg

from lumbung.stock.v1 import flash_sales_pb2 as sales_pb
from lumbung.stock.v1 import flash_sales_pb2_grpc as sales_rpc
from lumbung_bench.contenders import Server
from lumbung_bench.reservations import CHANNEL, REQUEST_PREFIX, WAREHOUSE, sku
from lumbung_bench.stage import Stage
from lumbung_kit.clients import open_channel
from lumbung_kit.embedded.ports import free_port

SALE = "BENCH"
SKUS = 99
"""Different goods; a sale has at most 100 items."""
UNITS = 1_000_000
"""Of each SKU on sale, and as many for ordinary sale: nobody is refused unless a case wants it."""
TRACE_RATIO = 0.01
CALL_S_MAX = 60.0
_HELD_OR_LATER = "state IN (1, 2, 6)"


@dataclass(frozen=True, slots=True)
class StockBooks:
    """What stock has in Postgres."""

    admin_url: str
    stock: Mapping[str, int]

    async def held(self) -> set[str]:
        async with await psycopg.AsyncConnection.connect(self.admin_url) as conn:
            rows = await conn.execute(
                f"SELECT request_id FROM stock.reservation WHERE {_HELD_OR_LATER} AND request_id LIKE %s",  # noqa: S608
                [REQUEST_PREFIX + "%"],
            )
            return {request_id async for (request_id,) in rows}


@dataclass(frozen=True, slots=True)
class StockService:
    """A running service."""

    server: Server
    admin_url: str
    valkey_url: str
    metrics_address: str
    environment: Mapping[str, str]

    @property
    def target(self) -> str:
        return self.server.target


@asynccontextmanager
async def stock_service(
    stage: Stage,
    name: str,
    *,
    skus: int = SKUS,
    units: int = UNITS,
    sale: bool = True,
    trace_ratio: float = TRACE_RATIO,
    settings: Mapping[str, str] | None = None,
) -> AsyncIterator[StockService]:
    """`units` of each SKU on hand; all of them are on the flash sale when there is one."""
    stage.tell(f"starting {name}")
    admin_url, url = await stage.migrated_database("stock")
    goods = {sku(number): units for number in range(skus)}
    await _fill(admin_url, goods)
    metrics_address, valkey_url = f"127.0.0.1:{free_port()}", stage.valkey_url()
    values = {
        "LISTEN": "{address}",
        "POSTGRES_URL": url,
        "VALKEY_URL": valkey_url,
        "CATALOG_TARGET": stage.catalog_target,
        "METRICS_LISTEN": metrics_address,
        "OTLP_ENDPOINT": stage.otlp_endpoint,
        "TRACE_RATIO": str(trace_ratio),
        **(settings or {}),
    }
    environment = {f"LUMBUNG_STOCK_{key}": value for key, value in values.items()}
    address = await stage.serve(name, "lumbung_stock", environment)
    try:
        if sale:
            await open_sale(address, SALE, goods)
        server = Server(name, address, StockBooks(admin_url, goods))
        yield StockService(server, admin_url, valkey_url, metrics_address, environment)
    finally:
        await stage.end(name)
        await stage.drop_database(admin_url)
        await stage.empty_valkey(valkey_url)


async def open_sale(address: str, code: str, quotas: Mapping[str, int]) -> None:
    """Plans and opens a flash sale through the service itself."""
    request = sales_pb.PlanFlashSaleRequest(
        request_id=f"plan-{code}", flash_sale_code=code, title=code, channel_codes=[CHANNEL]
    )
    request.end_time.FromDatetime(datetime.now(UTC) + timedelta(hours=12))
    for sku_code, quota in quotas.items():
        request.items.add(sku_code=sku_code, warehouse_code=WAREHOUSE, quota=quota)
    async with open_channel(address, actor="staff:bench") as channel:
        sales = sales_rpc.FlashSaleServiceStub(channel)
        await sales.PlanFlashSale(request, timeout=CALL_S_MAX)
        await sales.OpenFlashSale(
            sales_pb.OpenFlashSaleRequest(request_id=f"open-{code}", flash_sale_code=code), timeout=CALL_S_MAX
        )


async def _fill(admin_url: str, goods: Mapping[str, int]) -> None:
    """Goods on hand, written before the service starts: how they got there is not what is measured."""
    async with await psycopg.AsyncConnection.connect(
        admin_url, autocommit=True, options="-c search_path=stock"
    ) as conn:
        await conn.execute(
            "INSERT INTO warehouse (warehouse_code, name, time_zone, priority, aisle_x_m, cross_aisle_y_m, depot_x_m)"
            " VALUES (%s, %s, 'Asia/Jakarta', 1, '{0,3}', '{0,10}', 0)",
            [WAREHOUSE, WAREHOUSE],
        )
        columns: Sequence[Sequence[object]] = (list(goods), list(goods.values()))
        await conn.execute(
            "INSERT INTO sku (sku_code, name, is_bundle, active)"
            " SELECT code, code, false, true FROM unnest(%s::text[]) AS code",
            columns[:1],
        )
        await conn.execute(
            "INSERT INTO level (warehouse_code, sku_code, on_hand)"
            " SELECT warehouse_code, code, units"
            "   FROM warehouse, unnest(%s::text[], %s::bigint[]) AS goods (code, units)",
            columns,
        )
