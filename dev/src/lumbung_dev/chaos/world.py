"""What a run of chaos stands on: real servers, two stock replicas as processes, and proxies that can cut."""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import grpc
import psycopg
from redis import RedisError

from lumbung.stock.v1 import flash_sales_pb2, flash_sales_pb2_grpc, reservations_pb2, reservations_pb2_grpc
from lumbung_dev.chaos.checker import Kept, Truth
from lumbung_dev.chaos.proxy import Proxy
from lumbung_dev.local.checkout import migrations_of
from lumbung_dev.local.health import grpc_serves
from lumbung_dev.local.patience import eventually, patiently
from lumbung_dev.local.program import Program
from lumbung_dev.local.runner import OnDeath, Runner
from lumbung_kit.clients import open_channel
from lumbung_kit.embedded import EmbeddedSettings, Supervisor, ValkeyCluster
from lumbung_kit.embedded.account import account_for
from lumbung_kit.embedded.binaries import valkey_server
from lumbung_kit.embedded.ports import free_port
from lumbung_kit.failures import Failure
from lumbung_kit.migrations import migrate
from lumbung_kit.provision import ensure_role_and_schema
from lumbung_kit.valkey import Valkey, connect

SKU = "CHAOS"
WAREHOUSE = "JKT1"
UNITS = 200_000
QUOTA = 150_000
REPLICAS = ("stock-1", "stock-2")
PATIENCE_S = 60.0
"""How long a system may take to come round (L) before it counts as broken."""


@dataclass(frozen=True, slots=True)
class Setting:
    """How a world differs from the plain one."""

    cluster: bool = False
    valkey_bin: Path | None = None
    valkey_append_fsync: str = "always"
    postgres_standbys_max: int = 0
    stock_environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class World:
    """Running servers and services, one SKU with units, and one open sale of it."""

    folder: Path
    servers: Supervisor
    cluster: ValkeyCluster | None
    runner: Runner
    to_postgres: Proxy
    to_valkey: Proxy | None
    valkey: Valkey
    addresses: Mapping[str, str]
    postgres_url: str
    environment: Mapping[str, str]
    sale: str = ""
    hurt_at_s: float = 0.0
    """When the last damage was done, or undone: from then on recovery is counted."""
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    _channels: dict[tuple[str, str], grpc.aio.Channel] = field(default_factory=dict)

    # Asking

    def channel(self, replica: str, actor: str = "storefront:web") -> grpc.aio.Channel:
        """To one replica; `both` tries either."""
        if (replica, actor) not in self._channels:
            both = "ipv4:" + ",".join(self.addresses.values())
            target = both if replica == "both" else self.addresses[replica]
            self._channels[replica, actor] = open_channel(target, actor=actor)
        return self._channels[replica, actor]

    def reservations(self, replica: str = "both") -> Any:
        """Client of ReservationService."""
        return reservations_pb2_grpc.ReservationServiceStub(self.channel(replica))

    def sales(self, replica: str = "both") -> Any:
        """Client of FlashSaleService."""
        return flash_sales_pb2_grpc.FlashSaleServiceStub(self.channel(replica, "staff:chaos"))

    async def close_channels(self) -> None:
        """Hangs up."""
        for channel in self._channels.values():
            await channel.close()

    # The sale

    async def open_sale(self, quota: int = QUOTA) -> None:
        """A new sale, which the buyers turn to."""
        code = f"SALE-{next(self.numbers)}"
        plan = flash_sales_pb2.PlanFlashSaleRequest(
            request_id=f"plan:{code}", flash_sale_code=code, title=code, channel_codes=["web"]
        )
        free = await self.scalar("SELECT on_hand - held - sold - escrow FROM level WHERE sku_code = %s", SKU)
        plan.items.add(sku_code=SKU, warehouse_code=WAREHOUSE, quota=min(quota, free))
        plan.end_time.FromDatetime(datetime.now(UTC) + timedelta(hours=2))
        await patiently(self.sales().PlanFlashSale, plan)
        opening = flash_sales_pb2.OpenFlashSaleRequest(request_id=f"open:{code}", flash_sale_code=code)
        await patiently(self.sales().OpenFlashSale, opening)
        self.sale = code

    async def close_sale(self) -> None:
        """The sale is over."""
        request = flash_sales_pb2.CloseFlashSaleRequest(
            request_id=f"close:{self.sale}", flash_sale_code=self.sale
        )
        await patiently(self.sales().CloseFlashSale, request)

    # Reading and hurting

    def hurt(self) -> None:
        """Damage is done, or is over: recovery is counted from now on."""
        self.hurt_at_s = time.time()

    async def rows(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Rows out of the database, straight from the server; tried again while it is away."""

        async def look() -> list[tuple[Any, ...]] | None:
            try:
                async with await psycopg.AsyncConnection.connect(
                    self.postgres_url, autocommit=True, options="-c search_path=stock", connect_timeout=2
                ) as conn:
                    cursor = await conn.execute(statement, parameters)
                    return [] if cursor.description is None else await cursor.fetchall()
            except psycopg.OperationalError:
                return None

        return await eventually(look, "Postgres answers", within_s=PATIENCE_S)

    async def execute(self, statement: str, *parameters: object) -> None:
        """As `rows`, for its effect."""
        await self.rows(statement, *parameters)

    async def scalar(self, statement: str, *parameters: object) -> int:
        """One whole number."""
        ((value,),) = await self.rows(statement, *parameters)
        return int(value or 0)

    async def remaining(self) -> int:
        """Units of the open sales that Postgres says are free."""
        return await self.scalar(
            "SELECT sum(remaining) FROM flash_sale_item JOIN flash_sale USING (flash_sale_code)"
            " WHERE sku_code = %s AND state <> 4",
            SKU,
        )

    async def truth(self) -> Truth:
        """The books of the SKU as they are."""
        reservations = await self.rows(
            "SELECT reservation_id::text, state, quantity, extract(epoch FROM expire_time)"
            " FROM reservation JOIN reservation_draw USING (reservation_id) WHERE sku_code = %s",
            SKU,
        )
        ((given, free),) = await self.rows(
            "SELECT on_hand, on_hand - held - sold - safety_stock - escrow FROM level WHERE sku_code = %s",
            SKU,
        )
        state_of = reservations_pb2.ReservationState.Name
        kept = {
            name: Kept(name, state_of(state).removeprefix("RESERVATION_STATE_"), int(units), float(deadline))
            for name, state, units, deadline in reservations
        }
        return Truth(int(given), await self.remaining(), int(free), kept, time.time())

    async def reach_valkey(self) -> None:
        """Returns when our own connection to Valkey works; the last fault may have cut it."""

        async def look() -> bool:
            try:
                await self.valkey.exists(f"lumbung:{{{self.sale}}}:gate")
            except (RedisError, Failure):
                return False
            return True

        await eventually(look, "Valkey answers", within_s=PATIENCE_S)

    def valkey_folder(self) -> Path:
        """Where the single Valkey keeps its append-only files."""
        if self.servers.folder is None:
            raise RuntimeError("Valkey is not ours")
        return self.servers.folder / "valkey"

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        """Returns when the condition holds; what it asks of the cluster may block."""

        async def look() -> bool:
            return await asyncio.to_thread(condition)

        await eventually(look, what, within_s=PATIENCE_S)


@asynccontextmanager
async def open_world(folder: Path, setting: Setting | None = None) -> AsyncIterator[World]:
    """A world with an open sale; nothing that was started outlives the block."""
    setting = setting or Setting()
    settings = EmbeddedSettings(
        postgres_url=None,
        valkey_url=None,
        valkey_bin=setting.valkey_bin,
        postgres_standbys_max=setting.postgres_standbys_max,
        valkey_append_fsync="everysec" if setting.valkey_append_fsync == "everysec" else "always",
    )
    async with AsyncExitStack() as stack:
        servers = await stack.enter_async_context(Supervisor(folder / "servers", settings=settings))
        cluster = _cluster(folder, stack) if setting.cluster else None
        role = await ensure_role_and_schema(servers.postgres_url, "stock")
        await migrate(servers.postgres_url, "stock", [migrations_of("stock")])
        to_postgres = await _proxy(servers.postgres_url, stack)
        to_valkey = None if cluster else await _proxy(servers.valkey_url, stack)
        valkey_url = cluster.url if cluster else servers.valkey_url
        valkey = connect(valkey_url, name="chaos")
        stack.push_async_callback(valkey.aclose)
        addresses = {name: f"127.0.0.1:{free_port()}" for name in REPLICAS}
        environment = {
            "LUMBUNG_STOCK_POSTGRES_URL": _through(role.url, to_postgres),
            "LUMBUNG_STOCK_VALKEY_URL": _through(valkey_url, to_valkey) if to_valkey else valkey_url,
            "LUMBUNG_STOCK_CATALOG_TARGET": "127.0.0.1:9",
            "LUMBUNG_STOCK_LOG_LEVEL": "INFO",
            "LUMBUNG_STOCK_DRAIN_S": "5",
            **setting.stock_environment,
        }
        runner = await stack.enter_async_context(Runner(folder / "logs", OnDeath.RESTART))
        await runner.run([stock_program(name, addresses[name], environment) for name in REPLICAS])
        world = World(
            folder, servers, cluster, runner, to_postgres, to_valkey, valkey, addresses, servers.postgres_url,
            environment,
        )  # fmt: skip
        stack.push_async_callback(world.close_channels)
        await _stock_goods(world)
        await world.open_sale()
        yield world


def stock_program(name: str, address: str, environment: Mapping[str, str]) -> Program:
    """A stock replica."""
    return Program(
        name, "lumbung_stock", {**environment, "LUMBUNG_STOCK_LISTEN": address}, grpc_serves(address)
    )


def _cluster(folder: Path, stack: AsyncExitStack) -> ValkeyCluster:
    place = folder / "cluster"
    place.mkdir(parents=True)
    account = account_for(place)
    account.own(place)
    cluster = ValkeyCluster(place, account, valkey_server(account, None), "always")
    stack.callback(cluster.stop)
    cluster.start()
    return cluster


async def _proxy(url: str, stack: AsyncExitStack) -> Proxy:
    parts = urlsplit(url)
    proxy = Proxy(str(parts.hostname), int(parts.port or 0))
    await proxy.start()
    stack.push_async_callback(proxy.stop)
    return proxy


def _through(url: str, proxy: Proxy) -> str:
    parts = urlsplit(url)
    credentials = parts.netloc.rpartition("@")[0]
    return urlunsplit(parts._replace(netloc=f"{credentials}@127.0.0.1:{proxy.port}"))


async def _stock_goods(world: World) -> None:
    await world.execute(
        "INSERT INTO warehouse VALUES (%s, %s, 'Asia/Jakarta', 1, '{0,3}', '{0,10}', 0)",
        WAREHOUSE,
        WAREHOUSE,
    )
    for sku_code in (SKU, "CABLE"):
        await world.execute(
            "INSERT INTO sku (sku_code, name, is_bundle, active) VALUES (%s, %s, false, true)",
            sku_code,
            sku_code,
        )
        await world.execute(
            "INSERT INTO level (warehouse_code, sku_code, on_hand) VALUES (%s, %s, %s)",
            WAREHOUSE,
            sku_code,
            UNITS,
        )


def processes_of(pid: int) -> list[int]:
    """A process and all that came of it, by the kernel's list."""
    parents = {int(each.name): _parent_of(each) for each in Path("/proc").glob("[0-9]*")}
    found = [pid]
    for parent in found:
        found += [child for child, its_parent in parents.items() if its_parent == parent]
    return found


def _parent_of(process: Path) -> int:
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:  # it ended meanwhile
        return 0


def signal_all(pid: int, number: int) -> None:
    """Sends a signal to a process and all that came of it."""
    for each in processes_of(pid):
        try:
            os.kill(each, number)
        except ProcessLookupError:
            continue
