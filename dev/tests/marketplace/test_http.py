"""The marketplace over HTTP: what sellers may do with the key, what buyers may do without, and its webhooks."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lumbung_channel_sync.entrypoints.http_server import HttpServer
from lumbung_dev.marketplace.app import marketplace
from lumbung_dev.marketplace.settings import MarketplaceSettings

KEY = {"authorization": "Bearer key"}


@dataclass
class Seller:
    """Takes webhooks; refuses the first few."""

    refusals: int = 0
    deliveries: list[tuple[str, bytes, dict[str, str]]] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, request: Request) -> Response:
        """One delivery."""
        if self.refusals:
            self.refusals -= 1
            return Response(status_code=503)
        topic = request.headers["x-marketplace-topic"]
        self.deliveries.append((topic, await request.body(), dict(request.headers)))
        self.arrived.set()
        return Response()

    async def has(self, count: int) -> None:
        """Returns when so many have come."""
        async with asyncio.timeout(60):
            while len(self.deliveries) < count:
                self.arrived.clear()
                await self.arrived.wait()


@dataclass(frozen=True)
class Running:
    """A marketplace, its seller, and a client of both."""

    http: httpx.AsyncClient
    seller: Seller

    async def list_goods(self, *listing_ids: str, quantity: int = 5) -> None:
        """Listings with something to sell."""
        listings = [{"listing_id": one, "title": f"<{one}>", "price_idr": 149_000} for one in listing_ids]
        figures = [{"listing_id": one, "quantity": quantity, "version": 1} for one in listing_ids]
        assert (await self.http.put("/api/listings", json={"listings": listings}, headers=KEY)).is_success
        assert (await self.http.put("/api/figures", json={"figures": figures}, headers=KEY)).is_success

    async def buy(self, listing_id: str = "A", quantity: int = 1) -> httpx.Response:
        """One order."""
        body = {"buyer_id": "budi", "lines": [{"listing_id": listing_id, "quantity": quantity}]}
        return await self.http.post("/orders", json=body, headers={"traceparent": "00-ab"})


@pytest_asyncio.fixture
async def running(request: pytest.FixtureRequest) -> AsyncIterator[Running]:
    """Over real sockets; options by indirect parameter."""
    seller = Seller()
    async with AsyncExitStack() as stack:
        webhooks = HttpServer(
            "seller", Starlette(routes=[Route("/hook", seller.take, methods=["POST"])]), "127.0.0.1:0"
        )
        await webhooks.start()
        stack.push_async_callback(webhooks.stop)
        settings = MarketplaceSettings(
            name="tokoria",
            webhook_url=f"http://{webhooks.address}/hook",
            api_key=SecretStr("key"),
            webhook_secret=SecretStr("secret"),
            **getattr(request, "param", {}),
        )
        parts = await stack.enter_async_context(marketplace(settings))
        server = HttpServer("tokoria", parts.app, "127.0.0.1:0")
        await server.start()
        stack.push_async_callback(server.stop)
        http = httpx.AsyncClient(base_url=f"http://{server.address}", trust_env=False)
        yield Running(await stack.enter_async_context(http), seller)


async def test_the_sellers_api_needs_its_key(running: Running) -> None:
    for method, path in (("GET", "/api/shop"), ("PUT", "/api/figures"), ("POST", "/api/orders/answers")):
        answer = await running.http.request(method, path, headers={"authorization": "Bearer other"})
        assert answer.status_code == 401


async def test_figures_succeed_row_by_row(running: Running) -> None:
    await running.list_goods("A")
    figures = [
        {"listing_id": "A", "quantity": 4, "version": 2},
        {"listing_id": "nobody", "quantity": 4, "version": 2},
        {"listing_id": "A", "quantity": 9, "version": 1},
    ]
    answer = await running.http.put("/api/figures", json={"figures": figures}, headers=KEY)
    assert [row["status"] for row in answer.json()["results"]] == ["applied", "refused", "stale"]
    read = await running.http.get("/api/figures", params={"listing_id": ["A", "nobody"]}, headers=KEY)
    assert read.json() == {"figures": [{"listing_id": "A", "quantity": 4, "version": 2}]}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"[]", 400),
        (b"{}", 400),
        (b'{"figures": [{"listing_id": "A", "quantity": -1, "version": 1}]}', 400),
        (b'{"figures": [{"listing_id": "A", "quantity": 1.5, "version": 1}]}', 400),
        (b'{"figures": [{"listing_id": "A", "quantity": 1, "version": 0}]}', 400),
        (
            b'{"figures": [' + b",".join([b'{"listing_id": "A", "quantity": 1, "version": 1}'] * 101) + b"]}",
            413,
        ),
        (b" " * 600_000, 413),
    ],
    ids=["not JSON", "no object", "no rows", "negative", "fraction", "no version", "too many", "too long"],
)
async def test_bad_bodies_change_nothing(running: Running, body: bytes, status: int) -> None:
    await running.list_goods("A")
    assert (await running.http.put("/api/figures", content=body, headers=KEY)).status_code == status
    shown = (await running.http.get("/status.json")).json()["listings"][0]
    assert (shown["quantity"], shown["version"]) == (5, 1)


async def test_buying_lowers_the_figure_and_tells_the_seller_signed(running: Running) -> None:
    await running.list_goods("A")
    order = (await running.buy(quantity=2)).json()
    await running.seller.has(1)
    topic, body, headers = running.seller.deliveries[0]
    signed = headers["x-marketplace-timestamp"].encode() + b"." + body
    assert headers["x-marketplace-signature"] == hmac.new(b"secret", signed, hashlib.sha256).hexdigest()
    assert (topic, headers["traceparent"]) == ("order.placed", "00-ab")
    assert order["order_id"].encode() in body
    history = (await running.http.get("/status.json?history=1")).json()["listings"][0]["history"]
    assert [(one["quantity"], one["cause"]) for one in history] == [(5, "push"), (3, "order")]


async def test_webhooks_are_sent_until_they_are_taken(running: Running) -> None:
    running.seller.refusals = 3
    await running.list_goods("A")
    await running.buy()
    await running.seller.has(1)


@pytest.mark.parametrize("running", [{"duplicate_percent": 100, "seed": 1}], indirect=True)
async def test_on_request_every_webhook_comes_twice(running: Running) -> None:
    await running.list_goods("A")
    await running.buy()
    await running.seller.has(2)
    ids = {headers["x-marketplace-delivery-id"] for _, _, headers in running.seller.deliveries}
    assert len(ids) == 1


async def test_an_orders_life_is_seen_by_its_buyer(running: Running) -> None:
    await running.list_goods("A")
    ref = (await running.buy()).json()["order_id"]
    answers = [{"order_id": ref, "answer": "accept", "reason": "", "message": ""}]
    assert (await running.http.post("/api/orders/answers", json={"answers": answers}, headers=KEY)).is_success
    assert (await running.http.get(f"/orders/{ref}")).json()["state"] == "ACCEPTED"
    page = await running.http.get(f"/orders/{ref}", headers={"accept": "text/html", "accept-language": "id"})
    assert "diterima" in page.text
    assert (await running.http.post(f"/orders/{ref}/return", json={"reason": "rusak"})).is_success
    assert (await running.http.post(f"/orders/{ref}/cancel", json={})).status_code == 409
    counts = (await running.http.get("/orders.json")).json()["counts"]
    assert counts["RETURNING"] == 1


async def test_what_is_not_there_is_said_so(running: Running) -> None:
    await running.list_goods("A", quantity=0)
    assert (await running.buy()).json() == {"error": "sold_out", "listing_id": "A"}
    assert (await running.buy("B")).status_code == 404
    for method, path in (("GET", "/orders/x"), ("POST", "/orders/x/cancel"), ("POST", "/orders/x/return")):
        assert (await running.http.request(method, path)).status_code == 404


@pytest.mark.parametrize(("language", "words"), [("en", "sold out"), ("id", "habis")])
async def test_the_page_shows_figures_and_escapes_what_sellers_write(
    running: Running, language: str, words: str
) -> None:
    await running.list_goods("A", quantity=0)
    page = (await running.http.get("/", params={"lang": language})).text
    assert words in page
    assert "&lt;A&gt;" in page
    assert "<A>" not in page
    assert "Rp149.000" in page


async def test_told_to_misbehave_it_does_for_so_many_calls(running: Running) -> None:
    faults: dict[str, Any] = {"status": 429, "calls": 1, "retry_after_s": 7}
    await running.http.put("/api/faults", json=faults, headers=KEY)
    first = await running.http.get("/api/shop", headers=KEY)
    assert (first.status_code, first.headers["retry-after"]) == (429, "7")
    assert (await running.http.get("/api/shop", headers=KEY)).status_code == 200
