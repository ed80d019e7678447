"""A stock service on real servers, with a small shop's goods in it."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import psycopg
import pytest

from lumbung.stock.v1 import flash_sales_pb2 as sales_pb
from lumbung.stock.v1 import flash_sales_pb2_grpc, reservations_pb2_grpc
from lumbung.stock.v1 import reservations_pb2 as pb
from lumbung_kit import serving
from lumbung_kit.clients import open_channel
from lumbung_stock.app import build
from lumbung_stock.settings import StockSettings

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"
WAREHOUSE = "JKT1"


@dataclass
class Shop:
    """One running stock service and clients of it. `sql` speaks to its database as the service's own role."""

    settings: StockSettings
    channel: grpc.aio.Channel
    server: serving.RunningServer
    sql: psycopg.AsyncConnection[tuple[object, ...]]
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    @property
    def reservations(self) -> reservations_pb2_grpc.ReservationServiceAsyncStub:
        """Client of ReservationService."""
        return reservations_pb2_grpc.ReservationServiceStub(self.channel)  # type: ignore[return-value]

    @property
    def sales(self) -> flash_sales_pb2_grpc.FlashSaleServiceAsyncStub:
        """Client of FlashSaleService."""
        return flash_sales_pb2_grpc.FlashSaleServiceStub(self.channel)  # type: ignore[return-value]

    def new_id(self) -> str:
        """A request_id that no other request of the test has."""
        return f"request-{next(self._numbers)}"

    async def scalar(self, statement: str, *parameters: object) -> int:
        """One whole number out of the database."""
        cursor = await self.sql.execute(statement, parameters)  # type: ignore[arg-type]
        row = await cursor.fetchone()
        assert row is not None
        return int(row[0] or 0)  # type: ignore[call-overload]

    async def put(self, sku_code: str, units: int, *, bundle: dict[str, int] | None = None) -> None:
        """A SKU with units on hand, or a bundle."""
        await self.sql.execute(
            "INSERT INTO sku (sku_code, name, is_bundle, active) VALUES (%s, %s, %s, true)",
            (sku_code, sku_code, bundle is not None),
        )
        for component, quantity in (bundle or {}).items():
            await self.sql.execute("INSERT INTO sku_component VALUES (%s, %s, %s)", (sku_code, component, quantity))
        if bundle is None:
            await self.sql.execute(
                "INSERT INTO level (warehouse_code, sku_code, on_hand) VALUES (%s, %s, %s)",
                (WAREHOUSE, sku_code, units),
            )

    async def open_sale(
        self, code: str, quotas: dict[str, int], *, limit: int = 0, channels: tuple[str, ...] = ("web",)
    ) -> None:
        """A planned and opened sale."""
        end = datetime.now(UTC) + timedelta(hours=1)
        request = sales_pb.PlanFlashSaleRequest(
            request_id=self.new_id(), flash_sale_code=code, title=code, channel_codes=channels, end_time=end
        )
        for sku_code, quota in quotas.items():
            request.items.add(
                sku_code=sku_code, warehouse_code=WAREHOUSE, quota=quota, limit_per_customer=limit
            )
        await self.sales.PlanFlashSale(request)
        await self.sales.OpenFlashSale(
            sales_pb.OpenFlashSaleRequest(request_id=self.new_id(), flash_sale_code=code)
        )

    def ask(self, lines: dict[str, int], *, sale: str = "", customer: str = "", **fields: str) -> pb.ReserveRequest:
        """A Reserve request with a new id."""
        request = pb.ReserveRequest(
            request_id=self.new_id(),
            channel_code="web",
            flash_sale_code=sale,
            customer_reference=customer,
            lines=[pb.ReserveLine(sku_code=sku, quantity=units) for sku, units in lines.items()],
        )
        for name, value in fields.items():
            setattr(request, name, value)
        return request

    async def hold(self, lines: dict[str, int], *, sale: str = "", customer: str = "") -> pb.Reservation:
        """A hold."""
        response = await self.reservations.Reserve(self.ask(lines, sale=sale, customer=customer))
        return response.reservation

    async def confirm(self, held: pb.Reservation, order: str = "") -> pb.Reservation:
        """The hold, sold."""
        request_id = self.new_id()
        request = pb.ConfirmRequest(
            request_id=request_id,
            reservation_id=held.reservation_id,
            order=pb.OrderDetails(order_reference=order or f"order-{request_id}"),
        )
        return (await self.reservations.Confirm(request)).reservation

    async def release(self, held: pb.Reservation) -> pb.Reservation:
        """The hold, given back."""
        request = pb.ReleaseRequest(request_id=self.new_id(), reservation_id=held.reservation_id)
        return (await self.reservations.Release(request)).reservation


@pytest.fixture
async def shop(
    make_database: Callable[[str, Path], Awaitable[str]], valkey_url: str
) -> AsyncIterator[Shop]:
    """A stock service that answers on a socket, with warehouse JKT1 and nothing in it."""
    url = await make_database("stock", MIGRATIONS)
    settings = StockSettings(
        postgres_url=url, valkey_url=valkey_url, catalog_target="127.0.0.1:9", log_level="WARNING"
    )
    async with AsyncExitStack() as stack:
        running = await stack.enter_async_context(served(settings))
        sql = await stack.enter_async_context(
            await psycopg.AsyncConnection.connect(url, autocommit=True, options="-c search_path=stock")
        )
        await sql.execute(
            "INSERT INTO warehouse VALUES (%s, 'Jakarta 1', 'Asia/Jakarta', 1, '{0,3}', '{0,10}', 0)", (WAREHOUSE,)
        )
        channel = await stack.enter_async_context(open_channel(running.address, actor="storefront:web"))
        yield Shop(settings, channel, running, sql)


@asynccontextmanager
async def served(settings: StockSettings) -> AsyncIterator[serving.RunningServer]:
    """A replica of the service; stopped and closed at the end."""
    async with AsyncExitStack() as stack:
        app = await build(settings, stack)
        server = await serving.start("stock", settings, app)
        stack.push_async_callback(server.stop, 1.0)
        yield server
