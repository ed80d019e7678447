"""A stock service with goods in it, in this process or as one of its own, and storefronts that ask it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from lumbung.stock.v1 import flash_sales_pb2 as sales_pb
from lumbung.stock.v1 import flash_sales_pb2_grpc
from lumbung_client import LumbungClient, Options
from lumbung_dev.local.health import grpc_serves
from lumbung_dev.local.program import Program, Running
from lumbung_kit import serving
from lumbung_kit.embedded.ports import free_port
from lumbung_kit.testing import MakeDatabase, open_cast_channel
from lumbung_stock.app import build
from lumbung_stock.settings import StockSettings

MIGRATIONS = Path(__file__).resolve().parents[2] / "services" / "stock" / "migrations"
WAREHOUSE = "JKT1"
PATIENCE_S = 60.0
"""For servers and storefronts alike: a busy machine is no failure."""


class Proxy:
    """A TCP proxy that cuts connections, and can keep the server's answers back."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._writers: set[asyncio.StreamWriter] = set()
        self._listening: asyncio.Server | None = None
        self.answers_pass = asyncio.Event()
        self.answers_pass.set()
        self.cuts = 0

    @property
    def address(self) -> str:
        """Where clients connect."""
        assert self._listening is not None
        return f"127.0.0.1:{self._listening.sockets[0].getsockname()[1]}"

    async def start(self) -> None:
        """Listens."""
        self._listening = await asyncio.start_server(self._serve, "127.0.0.1", 0)

    async def stop(self) -> None:
        """Takes no more connections, and cuts those there are."""
        assert self._listening is not None
        self._listening.close()
        self.answers_pass.set()
        self.cut()

    def cut(self) -> None:
        """Every connection is gone, with all that was on its way."""
        self.cuts += 1
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            from_server, to_server = await asyncio.open_connection("127.0.0.1", self._to)
        except ConnectionError:
            writer.transport.abort()
            return
        ours = {writer, to_server}
        self._writers |= ours
        try:
            await asyncio.gather(
                self._pump(reader, to_server), self._pump(from_server, writer, self.answers_pass)
            )
        finally:
            self._writers -= ours

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, gate: asyncio.Event | None = None
    ) -> None:
        try:
            while data := await reader.read(65_536):
                if gate is not None:
                    await gate.wait()
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass  # cut on purpose, here or there
        finally:
            writer.transport.abort()


@dataclass
class Stock:
    """One database with goods, and ways to serve and to ask it."""

    settings: StockSettings
    sql: psycopg.AsyncConnection[tuple[Any, ...]]
    folder: Path
    stack: AsyncExitStack
    address: str = ""
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    # Serving

    async def serve(self, port: int = 0) -> AsyncExitStack:
        """Serves in this process until what is returned is closed, or the test ends."""
        replica = await self.stack.enter_async_context(AsyncExitStack())
        settings = self.settings.model_copy(update={"listen": f"127.0.0.1:{port}"})
        server = await serving.start("stock", settings, await build(settings, replica))
        replica.push_async_callback(server.stop)
        self.address = server.address
        return replica

    def program(self, port: int) -> Program:
        """The service as a process."""
        address = f"127.0.0.1:{port}"
        environment = {
            "LUMBUNG_STOCK_LISTEN": address,
            "LUMBUNG_STOCK_POSTGRES_URL": self.settings.postgres_url.get_secret_value(),
            "LUMBUNG_STOCK_VALKEY_URL": self.settings.valkey_url.get_secret_value(),
            "LUMBUNG_STOCK_CATALOG_TARGET": self.settings.catalog_target,
            "LUMBUNG_STOCK_DEFAULT_DEADLINE_S": str(PATIENCE_S),
        }
        return Program("stock", "lumbung_stock", environment, grpc_serves(address))

    async def process(self, port: int) -> Running:
        """Started, serving, and killed when the test ends."""
        running = Running(self.program(port), self.folder / f"stock-{next(self._numbers)}.log")
        self.stack.push_async_callback(running.kill)
        await running.until_ready()
        self.address = f"127.0.0.1:{port}"
        return running

    async def proxy(self) -> Proxy:
        """A proxy in front of the service."""
        proxy = Proxy(int(self.address.rpartition(":")[2]))
        await proxy.start()
        self.stack.push_async_callback(proxy.stop)
        return proxy

    # Asking

    @asynccontextmanager
    async def client(self, target: str = "", **options: Any) -> AsyncIterator[LumbungClient]:
        """A storefront; patient, unless it is told otherwise."""
        chosen = Options(**{"timeout_s": PATIENCE_S, **options})
        async with LumbungClient(target or self.address, actor="storefront:web", options=chosen) as client:
            yield client

    # Goods

    async def put(self, sku_code: str, units: int) -> None:
        """A SKU with units on hand."""
        await self.sql.execute(
            "INSERT INTO sku (sku_code, name, is_bundle, active) VALUES (%s, %s, false, true)",
            (sku_code, sku_code),
        )
        await self.sql.execute(
            "INSERT INTO level (warehouse_code, sku_code, on_hand) VALUES (%s, %s, %s)",
            (WAREHOUSE, sku_code, units),
        )

    async def sale(self, code: str, quotas: dict[str, int], *, limit: int = 0, opened: bool = True) -> None:
        """A flash sale of an hour, planned and opened."""
        plan = sales_pb.PlanFlashSaleRequest(
            request_id=f"plan-{code}",
            flash_sale_code=code,
            title=code,
            channel_codes=["web"],
            end_time=datetime.now(UTC) + timedelta(hours=1),
        )
        for sku_code, quota in quotas.items():
            plan.items.add(sku_code=sku_code, warehouse_code=WAREHOUSE, quota=quota, limit_per_customer=limit)
        async with open_cast_channel(self.address, "staff:test") as channel:
            sales: Any = flash_sales_pb2_grpc.FlashSaleServiceStub(channel)
            await sales.PlanFlashSale(plan)
            if opened:
                await sales.OpenFlashSale(
                    sales_pb.OpenFlashSaleRequest(request_id=f"open-{code}", flash_sale_code=code)
                )

    # Reading

    async def scalar(self, statement: str, *parameters: object) -> int:
        """One whole number out of the database."""
        cursor = await self.sql.execute(statement, parameters)  # type: ignore[arg-type]
        row = await cursor.fetchone()
        assert row is not None
        return int(row[0] or 0)

    async def free(self, sku_code: str) -> int:
        """What an ordinary sale may still take."""
        return await self.scalar(
            "SELECT sum(on_hand - held - sold - safety_stock - escrow) FROM level WHERE sku_code = %s",
            sku_code,
        )

    async def until(self, condition: Callable[[], Awaitable[bool]]) -> None:
        """Returns when the condition holds; fails when it never does."""
        async with asyncio.timeout(PATIENCE_S):
            while not await condition():
                await asyncio.sleep(0.005)

    async def until_reserved(self, count: int) -> None:
        """Returns when the database has so many reservations."""

        async def there() -> bool:
            return await self.scalar("SELECT count(*) FROM reservation") >= count

        await self.until(there)

    @asynccontextmanager
    async def locked(self, sku_code: str) -> AsyncIterator[None]:
        """Nothing of this SKU can be decided meanwhile."""
        url = self.settings.postgres_url.get_secret_value()
        async with (
            await psycopg.AsyncConnection.connect(url, options="-c search_path=stock") as conn,
            conn.transaction(),
        ):
            await conn.execute("SELECT FROM level WHERE sku_code = %s FOR UPDATE", (sku_code,))
            yield


@pytest.fixture
async def stock(make_database: MakeDatabase, valkey_url: str, server_folder: Path) -> AsyncIterator[Stock]:
    """Stores with warehouse JKT1 and nothing in it; nobody serves yet."""
    url = await make_database("stock", MIGRATIONS)
    settings = StockSettings(
        postgres_url=url,  # type: ignore[arg-type]  # pydantic makes the secret
        valkey_url=valkey_url,  # type: ignore[arg-type]
        catalog_target="127.0.0.1:9",
        log_level="WARNING",
        default_deadline_s=PATIENCE_S,
    )
    async with AsyncExitStack() as stack:
        sql = await stack.enter_async_context(
            await psycopg.AsyncConnection.connect(url, autocommit=True, options="-c search_path=stock")
        )
        await sql.execute(
            "INSERT INTO warehouse VALUES (%s, %s, 'Asia/Jakarta', 1, '{0,3}', '{0,10}', 0)",
            (WAREHOUSE, WAREHOUSE),
        )
        yield Stock(settings, sql, server_folder, stack)


@pytest.fixture
def ports() -> list[int]:
    """Two ports that services can come back to."""
    return [free_port(), free_port()]


@pytest.fixture
def port(ports: list[int]) -> int:
    """One of them."""
    return ports[0]
