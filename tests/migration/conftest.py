"""Two services, catalog and stock, on databases of their own: where a shop moves in."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest_asyncio

from lumbung.catalog.v1 import imports_pb2_grpc
from lumbung.stock.v1 import (
    availability_pb2_grpc,
    inventory_pb2_grpc,
    reservations_pb2_grpc,
    stocktakes_pb2_grpc,
)
from lumbung_catalog.app import build as build_catalog
from lumbung_catalog.settings import CatalogSettings
from lumbung_kit import serving
from lumbung_kit.testing import MakeDatabase, Server, open_cast_channel
from lumbung_stock.app import build as build_stock
from lumbung_stock.settings import StockSettings

SERVICES = Path(__file__).resolve().parents[2] / "services"

Line = tuple[str, str]
"""(bin, SKU)"""


@dataclass
class Shop:
    """Two services and the goods as they really are."""

    imports: Any
    inventory: Any
    warehouses: Any
    audit: Any
    availability: Any
    reservations: Any
    counts: Any
    sql: psycopg.AsyncConnection[tuple[Any, ...]]
    catalog_address: str
    stock_address: str
    real: Counter[Line] = field(default_factory=Counter)
    at_bin: dict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    """A hand in a bin, or an eye: one does not see what the other is just taking."""


@pytest_asyncio.fixture
async def shop(make_database: MakeDatabase, valkey_server: Server) -> AsyncIterator[Shop]:
    async with AsyncExitStack() as stack:
        catalog_url = await make_database("catalog", SERVICES / "catalog" / "migrations")
        stock_url = await make_database("stock", SERVICES / "stock" / "migrations")
        catalog = await _served(stack, "catalog", CatalogSettings(postgres_url=catalog_url), build_catalog)
        settings = StockSettings(
            postgres_url=stock_url, valkey_url=valkey_server.url, catalog_target=catalog.address
        )
        stock = await _served(stack, "stock", settings, build_stock)
        to_catalog = await stack.enter_async_context(open_cast_channel(catalog.address))
        to_stock = await stack.enter_async_context(open_cast_channel(stock.address))
        connection = await psycopg.AsyncConnection.connect(
            stock_url, autocommit=True, options="-c search_path=stock"
        )
        yield Shop(
            imports_pb2_grpc.ImportServiceStub(to_catalog),
            inventory_pb2_grpc.InventoryServiceStub(to_stock),
            inventory_pb2_grpc.WarehouseServiceStub(to_stock),
            inventory_pb2_grpc.AuditServiceStub(to_stock),
            availability_pb2_grpc.AvailabilityServiceStub(to_stock),
            reservations_pb2_grpc.ReservationServiceStub(to_stock),
            stocktakes_pb2_grpc.StocktakeServiceStub(to_stock),
            await stack.enter_async_context(connection),
            catalog.address,
            stock.address,
        )


async def _served(
    stack: AsyncExitStack,
    name: str,
    settings: Any,
    build: Callable[[Any, AsyncExitStack], Awaitable[serving.App]],
) -> serving.RunningServer:
    server = await serving.start(name, settings, await build(settings, stack))
    stack.push_async_callback(server.stop, 0.1)
    return server
