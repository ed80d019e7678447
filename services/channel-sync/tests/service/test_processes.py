"""As deployed: processes of their own, killed without warning."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest

from lumbung.channel_sync.v1 import (
    channel_orders_pb2 as orders_pb,
)
from lumbung.channel_sync.v1 import (
    channel_orders_pb2_grpc,
    channels_pb2_grpc,
    listings_pb2_grpc,
)
from lumbung.channel_sync.v1 import (
    channels_pb2 as channels_pb,
)
from lumbung.channel_sync.v1 import (
    listings_pb2 as listings_pb,
)
from lumbung_kit.testing import open_cast_channel

pytestmark = pytest.mark.e2e
ADDRESS = re.compile(r'"address": ?"(?P<address>[^"]+)"')
API_KEY = {"authorization": "Bearer test-api-key"}


@asynccontextmanager
async def service(environment: dict[str, str]) -> AsyncIterator[tuple[asyncio.subprocess.Process, str, str]]:
    """channel-sync as a process: it, its gRPC address and its webhooks' address."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "lumbung_channel_sync",
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **environment},
    )
    assert process.stdout is not None
    addresses: dict[str, str] = {}
    async with asyncio.timeout(60):
        while len(addresses) < 2:
            line = (await process.stdout.readline()).decode()
            assert line, "the service ended"
            if '"serving' in line and (found := ADDRESS.search(line)):
                addresses["http" if "serving http" in line else "grpc"] = found["address"]
    drained = asyncio.create_task(_drain(process.stdout))
    try:
        yield process, addresses["grpc"], addresses["http"]
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await drained


async def _drain(stream: asyncio.StreamReader) -> None:
    while await stream.read(65_536):
        pass


@pytest.fixture
def environment(database_url: str, small_stock: Any, secrets_file: Path) -> dict[str, str]:
    """What the runner sets."""
    return {
        "LUMBUNG_CHANNEL_SYNC_POSTGRES_URL": database_url,
        "LUMBUNG_CHANNEL_SYNC_STOCK_TARGET": small_stock[1],
        "LUMBUNG_CHANNEL_SYNC_SECRETS_FILE": str(secrets_file),
        "LUMBUNG_CHANNEL_SYNC_WEBHOOK_LISTEN": "127.0.0.1:0",
    }


async def connect(channel: grpc.aio.Channel, shop_url: str) -> None:
    """A channel that is trusted with one listing."""
    stub = channels_pb2_grpc.ChannelServiceStub(channel)
    request = channels_pb.CreateChannelRequest(
        request_id="connect",
        channel_code="tokoria",
        title="Tokoria",
        platform=channels_pb.PLATFORM_DEMO_MARKETPLACE,
        base_url=shop_url,
        secret_reference="tokoria",
    )
    await stub.CreateChannel(request)
    for stage in (channels_pb.STAGE_SHADOW, channels_pb.STAGE_SOME):
        await stub.AdvanceStage(
            channels_pb.AdvanceStageRequest(
                request_id=f"advance-{stage}",
                channel_code="tokoria",
                from_stage=stage,
                accept_disagreement=True,
            )
        )
    listing = listings_pb.ListingSpec(listing_ref="TKR-1", sku_code="KOPI-250")
    await listings_pb2_grpc.ListingServiceStub(channel).SetListing(
        listings_pb.SetListingRequest(request_id="list", channel_code="tokoria", listing=listing)
    )


async def test_killed_between_reserve_and_confirm_it_sells_once_all_the_same(
    environment: dict[str, str], small_stock: Any, eventually: Callable[..., Awaitable[Any]], free_port: int
) -> None:
    stock = small_stock[0]
    stock.set("KOPI-250", 10)
    webhooks = f"127.0.0.1:{free_port}"
    environment["LUMBUNG_CHANNEL_SYNC_WEBHOOK_LISTEN"] = webhooks
    async with shop_process(f"http://{webhooks}/webhooks/tokoria") as (shop_url, http):
        async with service(environment) as (process, grpc_address, _):
            async with open_cast_channel(grpc_address, "staff:ani") as channel:
                await connect(channel, shop_url)
            await shows(http, shop_url, 10, eventually)
            stock.confirms_may_go.clear()
            bought = [await buy(http, shop_url) for _ in range(3)]
            await eventually(lambda: _count(stock, "Confirm", 3))
            os.kill(process.pid, signal.SIGKILL)
            await process.wait()
        stock.confirms_may_go.set()
        async with service(environment) as (process, grpc_address, _):
            for ref in bought:
                await order_is(http, shop_url, ref, "ACCEPTED", eventually)
            assert sorted(stock.states().items()) == sorted((ref, "CONFIRMED") for ref in bought)
            assert stock.available["KOPI-250"] == 7
            async with open_cast_channel(grpc_address, "staff:ani") as channel:
                stub = channel_orders_pb2_grpc.ChannelOrderServiceStub(channel)
                listed = await stub.ListChannelOrders(orders_pb.ListChannelOrdersRequest())
                assert {order.state for order in listed.orders} == {orders_pb.CHANNEL_ORDER_STATE_ACCEPTED}
            await shows(http, shop_url, 7, eventually)
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0


async def test_while_it_is_away_the_channels_webhooks_wait_for_it(
    environment: dict[str, str], small_stock: Any, eventually: Callable[..., Awaitable[Any]], free_port: int
) -> None:
    stock = small_stock[0]
    stock.set("KOPI-250", 10)
    webhooks = f"127.0.0.1:{free_port}"
    environment["LUMBUNG_CHANNEL_SYNC_WEBHOOK_LISTEN"] = webhooks
    hostile = ["--duplicate-percent", "50", "--reorder-percent", "50", "--seed", "7"]
    async with shop_process(f"http://{webhooks}/webhooks/tokoria", *hostile) as (shop_url, http):
        async with service(environment) as (_, grpc_address, _):
            async with open_cast_channel(grpc_address, "staff:ani") as channel:
                await connect(channel, shop_url)
            await shows(http, shop_url, 10, eventually)
        bought = [await buy(http, shop_url) for _ in range(6)]
        for ref in bought[:2]:
            await http.post(f"{shop_url}/orders/{ref}/cancel", json={"reason": "salah pilih"})
        async with service(environment):
            for ref in bought[2:]:
                await order_is(http, shop_url, ref, "ACCEPTED", eventually)

            async def settled() -> bool:
                return (
                    list(stock.states().values()).count("CONFIRMED") == 4 and stock.available["KOPI-250"] == 6
                )

            await eventually(settled)
            await shows(http, shop_url, 6, eventually)


@asynccontextmanager
async def shop_process(webhook_url: str, *options: str) -> AsyncIterator[tuple[str, httpx.AsyncClient]]:
    """The marketplace as a process, with one listing."""
    port = _free_port()
    arguments = ["--name", "tokoria", "--listen", f"127.0.0.1:{port}", "--webhook-url", webhook_url, *options]
    secrets = {
        "LUMBUNG_MARKETPLACE_API_KEY": "test-api-key",
        "LUMBUNG_MARKETPLACE_WEBHOOK_SECRET": "test-webhook-secret",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "lumbung_dev.marketplace", *arguments, env={**os.environ, **secrets}
    )
    url = f"http://127.0.0.1:{port}"
    try:
        async with httpx.AsyncClient(trust_env=False) as http:
            await _until_up(http, url)
            listing = {"listing_id": "TKR-1", "title": "Kopi", "seller_sku": "KOPI-250", "price_idr": 45_000}
            answer = await http.put(f"{url}/api/listings", json={"listings": [listing]}, headers=API_KEY)
            assert answer.status_code == 200
            yield url, http
    finally:
        process.terminate()
        assert await process.wait() in (0, -signal.SIGTERM)


async def _until_up(http: httpx.AsyncClient, url: str) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                await http.get(f"{url}/status.json")
            except httpx.ConnectError:
                await asyncio.sleep(0.02)
            else:
                return


async def buy(http: httpx.AsyncClient, shop_url: str) -> str:
    """One order; its id."""
    body = {"buyer_id": "budi", "lines": [{"listing_id": "TKR-1", "quantity": 1}]}
    return str((await http.post(f"{shop_url}/orders", json=body)).json()["order_id"])


async def shows(http: httpx.AsyncClient, shop_url: str, quantity: int, eventually: Any) -> None:
    """Returns when the marketplace shows this figure."""

    async def look() -> bool:
        shown = (await http.get(f"{shop_url}/status.json")).json()["listings"]
        return bool(shown[0]["quantity"] == quantity)

    await eventually(look, 20)


async def order_is(http: httpx.AsyncClient, shop_url: str, ref: str, state: str, eventually: Any) -> None:
    """Returns when the buyer sees this state."""

    async def look() -> bool:
        return bool((await http.get(f"{shop_url}/orders/{ref}")).json()["state"] == state)

    await eventually(look, 30)


async def _count(stock: Any, verb: str, count: int) -> bool:
    return int(sum(call.startswith(verb) for call in stock.calls)) >= count


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def free_port() -> int:
    """A port that a service is started on twice."""
    return _free_port()
