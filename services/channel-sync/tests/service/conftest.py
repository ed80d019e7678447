"""The real service over real sockets, between a real marketplace and a small stock service that speaks the contract."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
import json
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr

from lumbung.channel_sync.v1 import (
    channel_orders_pb2 as orders_pb,
)
from lumbung.channel_sync.v1 import (
    channel_orders_pb2_grpc,
    channels_pb2_grpc,
    events_pb2_grpc,
    listings_pb2_grpc,
    sync_status_pb2_grpc,
)
from lumbung.channel_sync.v1 import (
    channels_pb2 as channels_pb,
)
from lumbung.channel_sync.v1 import (
    listings_pb2 as listings_pb,
)
from lumbung.channel_sync.v1 import (
    sync_status_pb2 as status_pb,
)
from lumbung.stock.v1 import availability_pb2, availability_pb2_grpc, reservations_pb2, reservations_pb2_grpc
from lumbung.stock.v1 import events_pb2 as stock_events_pb
from lumbung.stock.v1 import events_pb2_grpc as stock_events_grpc
from lumbung_channel_sync.app import NAME, SCHEMA, assemble
from lumbung_channel_sync.entrypoints.http_server import HttpServer
from lumbung_channel_sync.settings import ChannelSyncSettings
from lumbung_dev.marketplace.app import Marketplace, marketplace
from lumbung_dev.marketplace.settings import MarketplaceSettings
from lumbung_kit import serving, telemetry
from lumbung_kit.failures import Failure, Kind, StoreUnavailable
from lumbung_kit.idempotency import content_hash
from lumbung_kit.postgres import Postgres
from lumbung_kit.settings import ServiceSettings
from lumbung_kit.testing import MakeDatabase, open_cast_channel

API_KEY, WEBHOOK_SECRET = "test-api-key", "test-webhook-secret"
CHANNEL = "tokoria"
STAGES = (channels_pb.STAGE_SHADOW, channels_pb.STAGE_SOME, channels_pb.STAGE_ALL)


class OutOfStock(Failure):
    """Not enough is left."""

    kind = Kind.FAILED_PRECONDITION
    reason = "OUT_OF_STOCK"


class CustomerLimitReached(Failure):
    """This customer has had enough."""

    kind = Kind.FAILED_PRECONDITION
    reason = "CUSTOMER_LIMIT_REACHED"


class HoldExpired(Failure):
    """The hold's deadline has passed."""

    kind = Kind.FAILED_PRECONDITION
    reason = "HOLD_EXPIRED"


class ShippedAlready(Failure):
    """It has left the warehouse."""

    kind = Kind.FAILED_PRECONDITION
    reason = "ALREADY_SHIPPED"


class UnknownSku(Failure):
    """No such SKU."""

    kind = Kind.NOT_FOUND
    reason = "SKU_NOT_FOUND"


@dataclass
class Sale:
    """A flash sale of one SKU."""

    code: str
    sku_code: str
    left: int
    limit: int


class SmallStock(
    reservations_pb2_grpc.ReservationServiceServicer,
    availability_pb2_grpc.AvailabilityServiceServicer,
    stock_events_grpc.EventServiceServicer,
):
    """Stock's contract in memory: decides truly, remembers answers, tells what changed. Can be held up or down."""

    def __init__(self) -> None:
        self.available: dict[str, int] = {}
        self.sale: Sale | None = None
        self.reservations: dict[str, reservations_pb2.Reservation] = {}
        self.calls: list[str] = []
        self.traces: list[str] = []
        self.down = False
        self.shipped: set[str] = set()
        self.expired: set[str] = set()
        self.confirms_may_go = asyncio.Event()
        self.confirms_may_go.set()
        self.confirm_arrived = asyncio.Event()
        self._answers: dict[tuple[str, str], tuple[bytes, Any]] = {}
        self._bought: dict[str, int] = {}
        self._events: list[stock_events_pb.Event] = []
        self._news = asyncio.Event()

    def set(self, sku_code: str, quantity: int) -> None:
        """So many can be promised from now on."""
        self.available[sku_code] = quantity
        self._changed(sku_code)

    def states(self) -> dict[str, str]:
        """Order reference or request id -> state, of every reservation."""
        return {
            one.order.order_reference or one.request_id: reservations_pb2.ReservationState.Name(
                one.state
            ).removeprefix("RESERVATION_STATE_")
            for one in self.reservations.values()
        }

    def open_sale(self, code: str, sku_code: str, quota: int, limit: int = 0) -> None:
        """Moves units into a flash sale."""
        self.available[sku_code] -= quota
        self.sale = Sale(code, sku_code, quota, limit)
        self._changed(sku_code)

    async def BatchGetAvailability(  # noqa: N802 - the contract\'s name
        self,
        request: availability_pb2.BatchGetAvailabilityRequest,
        context: Any,  # noqa: ARG002 - grpc passes it
    ) -> availability_pb2.BatchGetAvailabilityResponse:
        self._require_up()
        found = availability_pb2.BatchGetAvailabilityResponse(position=len(self._events))
        for sku_code in request.sku_codes:
            if sku_code not in self.available:
                found.unknown_sku_codes.append(sku_code)
                continue
            one = found.availabilities.add(
                sku_code=sku_code, available_to_promise=max(0, self.available[sku_code])
            )
            if self.sale is not None and self.sale.sku_code == sku_code:
                one.flash_sale_code, one.flash_sale_available = self.sale.code, self.sale.left
        return found

    async def Reserve(  # noqa: N802 - the contract\'s name
        self,
        request: reservations_pb2.ReserveRequest,
        context: Any,  # noqa: ARG002 - grpc passes it
    ) -> reservations_pb2.ReserveResponse:
        self.calls.append(f"Reserve {request.request_id}")
        self.traces.append(telemetry.current_traceparent())
        self._require_up()
        response: reservations_pb2.ReserveResponse = self._sticky("Reserve", request, self._reserve)
        return response

    async def Confirm(  # noqa: N802 - the contract\'s name
        self,
        request: reservations_pb2.ConfirmRequest,
        context: Any,  # noqa: ARG002 - grpc passes it
    ) -> reservations_pb2.ConfirmResponse:
        self.calls.append(f"Confirm {request.request_id}")
        self.traces.append(telemetry.current_traceparent())
        self.confirm_arrived.set()
        await self.confirms_may_go.wait()
        self._require_up()
        response: reservations_pb2.ConfirmResponse = self._sticky("Confirm", request, self._confirm)
        return response

    async def CancelReservation(  # noqa: N802 - the contract\'s name
        self,
        request: reservations_pb2.CancelReservationRequest,
        context: Any,  # noqa: ARG002 - grpc passes it
    ) -> reservations_pb2.CancelReservationResponse:
        self.calls.append(f"Cancel {request.request_id}")
        self._require_up()
        response: reservations_pb2.CancelReservationResponse = self._sticky("Cancel", request, self._cancel)
        return response

    async def Subscribe(  # noqa: N802 - the contract\'s name
        self,
        request: stock_events_pb.SubscribeRequest,
        context: Any,  # noqa: ARG002 - grpc passes it
    ) -> AsyncIterator[stock_events_pb.SubscribeResponse]:
        sent = request.after_position
        while True:
            news = self._news
            if len(self._events) > sent:
                batch = self._events[sent:]
                yield stock_events_pb.SubscribeResponse(events=batch, head_position=len(self._events))
                sent += len(batch)
            await news.wait()

    def cancel_by_staff(self, order_reference: str) -> None:
        """Somebody cancels in stock itself."""
        found = next(
            one for one in self.reservations.values() if one.order.order_reference == order_reference
        )
        self._give_back(found, "counted wrong")

    def _require_up(self) -> None:
        if self.down:
            raise StoreUnavailable(retry_after_s=0.05)

    def _sticky(self, method: str, request: Any, decide: Callable[[Any], Any]) -> Any:
        """The first answer again, a refusal too."""
        key, digest = (method, request.request_id), content_hash(request)
        if key not in self._answers:
            try:
                answer: Any = decide(request)
            except Failure as failure:
                answer = failure
            self._answers[key] = (digest, answer)
        before, answer = self._answers[key]
        assert before == digest, f"{method} {request.request_id} came with other content"
        if isinstance(answer, Failure):
            raise answer
        return answer

    def _reserve(self, request: reservations_pb2.ReserveRequest) -> reservations_pb2.ReserveResponse:
        if any(line.sku_code not in self.available for line in request.lines):
            raise UnknownSku
        if request.flash_sale_code:
            self._take_from_sale(request)
        else:
            if any(self.available[line.sku_code] < line.quantity for line in request.lines):
                raise OutOfStock
            for line in request.lines:
                self.available[line.sku_code] -= line.quantity
        reservation = reservations_pb2.Reservation(
            reservation_id=str(uuid.uuid4()),
            request_id=request.request_id,
            state=reservations_pb2.RESERVATION_STATE_HELD,
            lines=request.lines,
            channel_code=request.channel_code,
            customer_reference=request.customer_reference,
            flash_sale_code=request.flash_sale_code,
        )
        self.reservations[reservation.reservation_id] = reservation
        self._changed(*(line.sku_code for line in request.lines))
        return reservations_pb2.ReserveResponse(reservation=reservation)

    def _take_from_sale(self, request: reservations_pb2.ReserveRequest) -> None:
        assert self.sale is not None
        assert self.sale.code == request.flash_sale_code
        units = sum(line.quantity for line in request.lines)
        bought = self._bought.get(request.customer_reference, 0)
        if self.sale.limit and bought + units > self.sale.limit:
            raise CustomerLimitReached
        if self.sale.left < units:
            raise OutOfStock
        self.sale.left -= units
        self._bought[request.customer_reference] = bought + units

    def _confirm(self, request: reservations_pb2.ConfirmRequest) -> reservations_pb2.ConfirmResponse:
        if request.reservation_id in self.expired:
            raise HoldExpired
        reservation = self.reservations[request.reservation_id]
        reservation.state = reservations_pb2.RESERVATION_STATE_CONFIRMED
        reservation.order.CopyFrom(request.order)
        return reservations_pb2.ConfirmResponse(reservation=reservation)

    def _cancel(
        self, request: reservations_pb2.CancelReservationRequest
    ) -> reservations_pb2.CancelReservationResponse:
        if request.reservation_id in self.shipped:
            raise ShippedAlready
        reservation = self.reservations[request.reservation_id]
        self._give_back(reservation, request.reason)
        return reservations_pb2.CancelReservationResponse(reservation=reservation)

    def _give_back(self, reservation: reservations_pb2.Reservation, reason: str) -> None:
        reservation.state = reservations_pb2.RESERVATION_STATE_CANCELLED
        for line in reservation.lines:
            self.available[line.sku_code] += line.quantity
        cancelled = stock_events_pb.ReservationCancelled(reservation=reservation, reason=reason)
        self._tell(stock_events_pb.Event(reservation_cancelled=cancelled))
        self._changed(*(line.sku_code for line in reservation.lines))

    def _changed(self, *sku_codes: str) -> None:
        changed = stock_events_pb.AvailabilityChanged(sku_codes=sku_codes)
        self._tell(stock_events_pb.Event(availability_changed=changed))

    def _tell(self, event: stock_events_pb.Event) -> None:
        event.position = len(self._events) + 1
        event.event_id = str(uuid.uuid4())
        self._events.append(event)
        news, self._news = self._news, asyncio.Event()
        news.set()


@dataclass
class World:
    """A seller's whole world, small: one marketplace, channel-sync, stock."""

    stock: SmallStock
    shop: Marketplace
    shop_url: str
    webhook_url: str
    postgres: Postgres
    http: httpx.AsyncClient
    channels: channels_pb2_grpc.ChannelServiceAsyncStub
    listings: listings_pb2_grpc.ListingServiceAsyncStub
    status: sync_status_pb2_grpc.SyncStatusServiceAsyncStub
    orders: channel_orders_pb2_grpc.ChannelOrderServiceAsyncStub
    events: events_pb2_grpc.EventServiceAsyncStub
    server: serving.RunningServer
    eventually: Callable[..., Awaitable[Any]]
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def request_id(self) -> str:
        """One that was not used before."""
        return f"test-{next(self._numbers)}"

    async def connect(self, stage: channels_pb.Stage.ValueType = channels_pb.STAGE_ALL) -> None:
        """Connects the marketplace, in this stage."""
        await self.channels.CreateChannel(self.channel_request())
        for from_stage in STAGES[: STAGES.index(stage)]:
            await self.channels.AdvanceStage(
                channels_pb.AdvanceStageRequest(
                    request_id=self.request_id(),
                    channel_code=CHANNEL,
                    from_stage=from_stage,
                    accept_disagreement=True,
                )
            )

    def channel_request(self, **fields: Any) -> channels_pb.CreateChannelRequest:
        """What connects the marketplace, unless the fields say otherwise."""
        usual = {
            "request_id": self.request_id(),
            "channel_code": CHANNEL,
            "title": "Tokoria",
            "platform": channels_pb.PLATFORM_DEMO_MARKETPLACE,
            "base_url": self.shop_url,
            "secret_reference": CHANNEL,
        }
        return channels_pb.CreateChannelRequest(**{**usual, **fields})

    async def sell(self, listing_ref: str, sku_code: str, available: int | None = None, **rules: Any) -> None:
        """Lists a SKU on both sides."""
        if available is not None:
            self.stock.set(sku_code, available)
        self.shop.shop.put_listing(listing_ref, f"Barang {sku_code}", sku_code, 10_000)
        await self.set_listing(listing_ref, sku_code, **rules)

    async def set_listing(self, listing_ref: str, sku_code: str, **rules: Any) -> listings_pb.Listing:
        """Lists a SKU with us alone."""
        request = listings_pb.SetListingRequest(
            request_id=self.request_id(),
            channel_code=CHANNEL,
            listing=listings_pb.ListingSpec(listing_ref=listing_ref, sku_code=sku_code, **rules),
        )
        return (await self.listings.SetListing(request)).listing

    async def shows(self, listing_ref: str, quantity: int) -> None:
        """Returns when the marketplace shows this figure and we know it."""

        async def look() -> bool:
            status = await self.status_of(listing_ref)
            shown = self.shop.shop.listings[listing_ref].quantity
            return (shown, status.state) == (quantity, status_pb.SYNC_STATE_IN_SYNC)

        try:
            await self.eventually(look)
        except TimeoutError:
            shown = self.shop.shop.listings[listing_ref]
            pytest.fail(f"{listing_ref} should show {quantity}: {shown}\n{await self.status_of(listing_ref)}")

    async def status_of(self, listing_ref: str) -> status_pb.SyncStatus:
        """Both sides of one figure."""
        request = status_pb.GetSyncStatusRequest(channel_code=CHANNEL, listing_ref=listing_ref)
        return (await self.status.GetSyncStatus(request)).status

    async def buy(self, listing_ref: str, quantity: int = 1, buyer: str = "budi") -> str:
        """Buys on the marketplace; the order's id there."""
        lines = [{"listing_id": listing_ref, "quantity": quantity}]
        body = {"buyer_id": buyer, "courier": "jne-reg", "lines": lines}
        answer = await self.http.post(f"{self.shop_url}/orders", json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["order_id"])

    async def order(self, order_ref: str) -> orders_pb.ChannelOrder | None:
        """The order as we have it; None when it has not come."""
        request = orders_pb.GetChannelOrderRequest(channel_code=CHANNEL, order_ref=order_ref)
        try:
            return (await self.orders.GetChannelOrder(request)).order
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.NOT_FOUND:
                raise
            return None

    async def order_is(
        self, order_ref: str, state: orders_pb.ChannelOrderState.ValueType
    ) -> orders_pb.ChannelOrder:
        """The order, once it is in this state."""

        async def look() -> orders_pb.ChannelOrder | None:
            order = await self.order(order_ref)
            return order if order is not None and order.state == state else None

        found: orders_pb.ChannelOrder = await self.eventually(look)
        return found

    async def shop_order_is(self, order_ref: str, state: str) -> None:
        """Returns when the buyer sees this state."""

        async def look() -> bool:
            return self.shop.shop.orders[order_ref].state.value == state

        await self.eventually(look)

    async def deliver(
        self, topic: str, body: dict[str, Any], *, channel: str = CHANNEL, **changes: Any
    ) -> httpx.Response:
        """Sends a webhook of our own making; changes: secret, at_s, add_to_body, headers."""
        raw = json.dumps(body).encode()
        timestamp = str(int(changes.get("at_s", time.time())))
        signed = timestamp.encode() + b"." + raw
        headers = {
            "x-marketplace-topic": topic,
            "x-marketplace-timestamp": timestamp,
            "x-marketplace-signature": hmac.new(
                changes.get("secret", WEBHOOK_SECRET).encode(), signed, hashlib.sha256
            ).hexdigest(),
            **changes.get("headers", {}),
        }
        content = raw + changes.get("add_to_body", b"")
        return await self.http.post(
            f"{self.webhook_url}/webhooks/{channel}", content=content, headers=headers
        )

    async def count(self, table: str) -> int:
        """Rows of one table."""
        async with self.postgres.connection() as conn:
            row = await (await conn.execute(f"SELECT count(*) FROM {table}")).fetchone()  # noqa: S608
        return int(row[0]) if row else 0


@asynccontextmanager
async def serve_small_stock() -> AsyncIterator[tuple[SmallStock, str]]:
    """The small stock, and where it answers."""
    stock = SmallStock()
    settings = ServiceSettings(postgres_url=SecretStr("unused"))
    add: tuple[Any, ...] = (
        reservations_pb2_grpc.add_ReservationServiceServicer_to_server,
        availability_pb2_grpc.add_AvailabilityServiceServicer_to_server,
        stock_events_grpc.add_EventServiceServicer_to_server,
    )
    names = ("ReservationService", "AvailabilityService", "EventService")
    services = [
        serving.Service(adding, stock, f"lumbung.stock.v1.{name}")
        for adding, name in zip(add, names, strict=True)
    ]
    server = await serving.start("small-stock", settings, serving.App(services))
    try:
        yield stock, server.address
    finally:
        await server.stop(0.05)


@pytest.fixture
def secrets_file(tmp_path: Path) -> Path:
    """As an operator writes it."""
    path = tmp_path / "secrets.json"
    path.write_text(json.dumps({CHANNEL: {"webhook_secret": WEBHOOK_SECRET, "api_key": API_KEY}}))
    path.chmod(0o600)
    return path


@pytest_asyncio.fixture
async def small_stock() -> AsyncIterator[tuple[SmallStock, str]]:
    """Stock of the test's own."""
    async with serve_small_stock() as served:
        yield served


@pytest_asyncio.fixture
async def database_url(make_database: MakeDatabase, migrations: Path) -> str:
    """An empty database, as the service's own role."""
    return await make_database(SCHEMA, migrations)


@pytest_asyncio.fixture
async def world(
    database_url: str,
    small_stock: tuple[SmallStock, str],
    secrets_file: Path,
    eventually: Callable[..., Awaitable[Any]],
) -> AsyncIterator[World]:
    """Everything running; nothing connected yet."""
    stock, stock_target = small_stock
    settings = ChannelSyncSettings(
        postgres_url=SecretStr(database_url),
        stock_target=stock_target,
        secrets_file=secrets_file,
        push_interval_s=0.0,
        reconcile_interval_s=0.2,
        second_look_s=0.05,
        platform_timeout_s=2.0,
        webhook_body_max_bytes=16 * 1024,
    )
    async with AsyncExitStack() as stack:
        assembled = await assemble(settings, stack)
        server = await serving.start(NAME, settings, assembled.app)
        stack.push_async_callback(server.stop, 0.05)
        webhook_url = f"http://{assembled.webhooks.address}"
        shop, shop_url = await stack.enter_async_context(serve_shop(webhook_url))
        channel = open_cast_channel(server.address, "staff:ani")
        stack.push_async_callback(channel.close)
        watching = Postgres(database_url, name="watching", schema=SCHEMA)
        await watching.open()
        stack.push_async_callback(watching.close)
        http = await stack.enter_async_context(httpx.AsyncClient(trust_env=False))
        yield World(
            stock=stock,
            shop=shop,
            shop_url=shop_url,
            webhook_url=webhook_url,
            postgres=watching,
            http=http,
            channels=channels_pb2_grpc.ChannelServiceStub(channel),
            listings=listings_pb2_grpc.ListingServiceStub(channel),
            status=sync_status_pb2_grpc.SyncStatusServiceStub(channel),
            orders=channel_orders_pb2_grpc.ChannelOrderServiceStub(channel),
            events=events_pb2_grpc.EventServiceStub(channel),
            eventually=eventually,
            server=server,
        )


@asynccontextmanager
async def serve_shop(webhook_url: str) -> AsyncIterator[tuple[Marketplace, str]]:
    """A marketplace over a real socket, and its base URL."""
    settings = MarketplaceSettings(
        name=CHANNEL,
        webhook_url=f"{webhook_url}/webhooks/{CHANNEL}",
        api_key=SecretStr(API_KEY),
        webhook_secret=SecretStr(WEBHOOK_SECRET),
    )
    async with marketplace(settings) as running:
        server = HttpServer(CHANNEL, running.app, "127.0.0.1:0")
        await server.start()
        try:
            yield running, f"http://{server.address}"
        finally:
            await server.stop()
