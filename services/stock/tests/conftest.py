"""A stock service on real servers, with a small shop's goods in it."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, cast

import grpc
import psycopg
import pytest
from google.rpc.status_pb2 import Status

from lumbung.stock.v1 import flash_sales_pb2 as sales_pb
from lumbung.stock.v1 import flash_sales_pb2_grpc, reservations_pb2_grpc
from lumbung.stock.v1 import reservations_pb2 as pb
from lumbung_kit import serving
from lumbung_kit.clients import RemoteFailure, failure_from
from lumbung_kit.events import EventLog
from lumbung_kit.failures import Kind, StoreUnavailable
from lumbung_kit.ids import new_id
from lumbung_kit.postgres import Postgres
from lumbung_kit.provision import url_to
from lumbung_kit.status import DETAILS_KEY
from lumbung_kit.testing import Server, open_cast_channel
from lumbung_kit.testing_databases import Templates
from lumbung_kit.valkey import Valkey, connect
from lumbung_stock.app import build
from lumbung_stock.domain.carts import Cart
from lumbung_stock.domain.flash_sales import FlashSale, FlashSaleItem, FlashSaleState
from lumbung_stock.domain.reservations import Durability, Line, Refusal
from lumbung_stock.domain.sourcing import BY_PRIORITY, Sourcing
from lumbung_stock.settings import StockSettings
from lumbung_stock.stores.gate import Gate
from lumbung_stock.stores.warehouses import WarehouseBook
from lumbung_stock.usecases.postgres_sale_ledger import PostgresSaleLedger

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"
WAREHOUSE = "JKT1"
PATIENCE_S = 60.0

_TABLES = (
    "sku",
    "sku_component",
    "warehouse",
    "level",
    "shortfall",
    "flash_sale",
    "flash_sale_item",
    "waiting_room",
    "waiting_ticket",
    "reservation",
    "reservation_draw",
    "reservation_resolution",
    "flash_credit",
    "journal_dead_letter",
    "request_record",
)


@dataclass
class Shop:
    """One running stock service and clients of it.

    `sql` speaks to its database as the service's own role, `admin` as the superuser; `postgres` is a pool and
    `gate` a gate of the test's own, beside those of the service.
    """

    PASSING: ClassVar = (Kind.UNAVAILABLE, Kind.ABORTED, Kind.RESOURCE_EXHAUSTED, Kind.DEADLINE_EXCEEDED)
    """Failures after which the same request may still be answered."""

    settings: StockSettings
    channel: grpc.aio.Channel
    server: serving.RunningServer
    sql: psycopg.AsyncConnection[tuple[Any, ...]]
    admin: psycopg.AsyncConnection[tuple[Any, ...]]
    postgres: Postgres
    valkey: Valkey
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    @property
    def reservations(self) -> reservations_pb2_grpc.ReservationServiceAsyncStub:
        """Client of ReservationService."""
        return reservations_pb2_grpc.ReservationServiceStub(self.channel)  # type: ignore[return-value]

    @property
    def sales(self) -> flash_sales_pb2_grpc.FlashSaleServiceAsyncStub:
        """Client of FlashSaleService."""
        return flash_sales_pb2_grpc.FlashSaleServiceStub(self.channel)  # type: ignore[return-value]

    @property
    def gate(self) -> Gate:
        """The gate, spoken to directly."""
        return Gate(self.valkey, journal_max=self.settings.journal_max)

    @property
    def ledger(self) -> PostgresSaleLedger:
        """The sales' ledger, spoken to directly."""
        return PostgresSaleLedger(self.postgres, EventLog(self.postgres), WarehouseBook(self.postgres))

    def new_id(self) -> str:
        """A request_id that no other request of the test has."""
        return f"request-{next(self._numbers)}"

    # Reading

    async def rows(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Rows out of the database."""
        cursor = await self.sql.execute(statement, parameters)  # type: ignore[arg-type]
        return await cursor.fetchall()

    async def scalar(self, statement: str, *parameters: object) -> int:
        """One whole number out of the database."""
        ((value,),) = await self.rows(statement, *parameters)
        return int(value or 0)

    async def free(self, sku_code: str) -> int:
        """What an ordinary sale may still take of a SKU, over all warehouses."""
        return await self.scalar(
            "SELECT sum(on_hand - held - sold - safety_stock - escrow) FROM level WHERE sku_code = %s",
            sku_code,
        )

    async def dump(self) -> dict[str, list[str]]:
        """Everything that a call could change, to be compared."""
        found = {table: [repr(row) for row in await self.rows(f"SELECT * FROM {table}")] for table in _TABLES}  # noqa: S608
        count = "SELECT (SELECT count(*) FROM event_outbox) + (SELECT count(*) FROM event_log)"
        return {
            **{table: sorted(rows) for table, rows in found.items()},
            "events": [str(await self.scalar(count))],
        }

    async def until(self, condition: Callable[[], Awaitable[bool]]) -> None:
        """Returns when the condition holds; fails when it never does."""
        async with asyncio.timeout(PATIENCE_S):
            while not await condition():
                await asyncio.sleep(0.005)

    async def until_gate_has(self, sale: str, units: dict[str, int]) -> None:
        """Returns when the gate may give just this."""

        async def agrees() -> bool:
            try:
                return await self.gate.free_units(sale) == units
            except StoreUnavailable:  # some tests take it away
                return False

        await self.until(agrees)

    # Goods

    async def put(
        self, sku_code: str, units: int, *, bundle: dict[str, int] | None = None, warehouse: str = WAREHOUSE
    ) -> None:
        """A SKU with units on hand, or a bundle."""
        await self.sql.execute(
            "INSERT INTO sku (sku_code, name, is_bundle, active) VALUES (%s, %s, %s, true) ON CONFLICT DO NOTHING",
            (sku_code, sku_code, bundle is not None),
        )
        for component, quantity in (bundle or {}).items():
            await self.sql.execute(
                "INSERT INTO sku_component VALUES (%s, %s, %s)", (sku_code, component, quantity)
            )
        if bundle is None:
            await self.sql.execute(
                "INSERT INTO level (warehouse_code, sku_code, on_hand) VALUES (%s, %s, %s)",
                (warehouse, sku_code, units),
            )

    async def put_warehouse(
        self, code: str, *, priority: int, at: tuple[float, float] | tuple[None, None] = (None, None)
    ) -> None:
        """Another warehouse, `at` so many degrees north and east."""
        await self.sql.execute(
            "INSERT INTO warehouse VALUES (%s, %s, 'Asia/Jakarta', %s, '{0,3}', '{0,10}', 0, %s, %s)",
            (code, code, priority, *at),
        )

    # Flash sales

    def plan(
        self, code: str, quotas: dict[str, int], *, limit: int = 0, channels: tuple[str, ...] = ("web",)
    ) -> sales_pb.PlanFlashSaleRequest:
        """A plan for a sale of an hour."""
        end = datetime.now(UTC) + timedelta(hours=1)
        request = sales_pb.PlanFlashSaleRequest(
            request_id=self.new_id(), flash_sale_code=code, title=code, channel_codes=channels, end_time=end
        )
        for sku_code, quota in quotas.items():
            request.items.add(
                sku_code=sku_code, warehouse_code=WAREHOUSE, quota=quota, limit_per_customer=limit
            )
        return request

    async def open(self, code: str) -> sales_pb.FlashSale:
        """The planned sale, opened."""
        request = sales_pb.OpenFlashSaleRequest(request_id=self.new_id(), flash_sale_code=code)
        return (await self.sales.OpenFlashSale(request)).flash_sale

    async def open_sale(
        self, code: str, quotas: dict[str, int], *, limit: int = 0, channels: tuple[str, ...] = ("web",)
    ) -> None:
        """A planned and opened sale."""
        await self.sales.PlanFlashSale(self.plan(code, quotas, limit=limit, channels=channels))
        await self.open(code)

    async def close_sale(self, code: str) -> sales_pb.CloseFlashSaleResponse:
        """The sale, closed."""
        return await self.sales.CloseFlashSale(
            sales_pb.CloseFlashSaleRequest(request_id=self.new_id(), flash_sale_code=code), timeout=PATIENCE_S
        )

    async def item(self, sale: str, sku_code: str) -> sales_pb.FlashSaleItemReport:
        """How one item of a sale stands."""
        report = await self.sales.ReportFlashSale(sales_pb.ReportFlashSaleRequest(flash_sale_code=sale))
        return next(item for item in report.items if item.sku_code == sku_code)

    # Reservations

    def ask(
        self, lines: dict[str, int], *, sale: str = "", customer: str = "", **fields: str
    ) -> pb.ReserveRequest:
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

    def confirmation(self, held: pb.Reservation, order: str = "") -> pb.ConfirmRequest:
        """A Confirm request with a new id."""
        request_id = self.new_id()
        details = pb.OrderDetails(order_reference=order or f"order-{request_id}")
        return pb.ConfirmRequest(request_id=request_id, reservation_id=held.reservation_id, order=details)

    def cancellation(self, sold: pb.Reservation) -> pb.CancelReservationRequest:
        """A CancelReservation request with a new id."""
        return pb.CancelReservationRequest(
            request_id=self.new_id(), reservation_id=sold.reservation_id, reason="changed their mind"
        )

    async def confirm(self, held: pb.Reservation, order: str = "") -> pb.Reservation:
        """The hold, sold."""
        return (await self.reservations.Confirm(self.confirmation(held, order))).reservation

    async def release(self, held: pb.Reservation) -> pb.Reservation:
        """The hold, given back."""
        request = pb.ReleaseRequest(request_id=self.new_id(), reservation_id=held.reservation_id)
        return (await self.reservations.Release(request)).reservation

    async def cancel(self, sold: pb.Reservation) -> pb.Reservation:
        """The sale, taken back."""
        return (await self.reservations.CancelReservation(self.cancellation(sold))).reservation

    async def get(self, reservation: pb.Reservation) -> pb.Reservation:
        """The reservation as it stands."""
        request = pb.GetReservationRequest(reservation_id=reservation.reservation_id)
        return (await self.reservations.GetReservation(request)).reservation

    async def let_deadline_pass(self, *reservations: pb.Reservation) -> None:
        """Moves deadlines into the past; nothing else happens by itself."""
        await self.sql.execute(
            "UPDATE reservation SET expire_time = clock_timestamp() - interval '1 second'"
            " WHERE reservation_id::text = ANY (%s)",
            ([reservation.reservation_id for reservation in reservations],),
        )

    async def hold_that_expires(self, sku_code: str) -> pb.Reservation:
        """A hold on the one unit of a new SKU, whose deadline has passed."""
        await self.put(sku_code, 1)
        held = await self.hold({sku_code: 1})
        await self.let_deadline_pass(held)
        return held

    async def until_state(self, reservation: pb.Reservation, state: pb.ReservationState) -> None:
        """Returns when the reservation is in that state."""

        async def reached() -> bool:
            return (await self.get(reservation)).state == state

        await self.until(reached)

    # Answers

    async def outcome(self, call: Awaitable[object]) -> str:
        """HELD or whatever state the answer's reservation has, or the reason of the refusal."""
        try:
            answer = await call
        except grpc.aio.AioRpcError as error:
            return failure_from(error).reason or f"{error.code().name}: {error.details()}"
        return pb.ReservationState.Name(cast(Any, answer).reservation.state).removeprefix(
            "RESERVATION_STATE_"
        )

    async def outcomes(self, *calls: Awaitable[object]) -> Counter[str]:
        """Outcomes of calls made at once, counted."""
        return Counter(await asyncio.gather(*map(self.outcome, calls)))

    async def insisting(self, ask: pb.ReserveRequest) -> str:
        """What a request is told in the end by who repeats it, unchanged, while the answer may still come."""
        while True:
            try:
                await self.reservations.Reserve(ask, timeout=3.0)
            except grpc.aio.AioRpcError as error:
                failure = failure_from(error)
                if failure.kind not in self.PASSING:
                    return failure.reason
            else:
                return "HELD"

    async def refused(self, call: Awaitable[object]) -> RemoteFailure:
        """The failure of a call that must fail."""
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
        return failure_from(caught.value)

    async def refusal(self, call: Awaitable[object]) -> pb.Refusal:
        """The typed refusal in the status details of a call that must fail."""
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
        return refusal_in(caught.value)

    # Invariants

    async def require_conserved(self) -> None:
        """P1 and P4, reckoned from the reservations alone: a look of the test's own, not the service's."""
        troubles = await self.troubles()
        assert not troubles, "\n".join(troubles)

    async def troubles(self) -> list[str]:
        """What `require_conserved` finds; read in one snapshot."""
        async with self.sql.transaction():
            await self.sql.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            levels = await self.rows(
                "SELECT warehouse_code, sku_code, on_hand, held, sold, escrow, shortfall FROM level"
            )
            items = await self.rows(
                "SELECT flash_sale_code, warehouse_code, sku_code, state, quota, remaining, shipped, returned"
                "  FROM flash_sale_item JOIN flash_sale USING (flash_sale_code) WHERE state > 1"
            )
            draws = await self.rows(
                "SELECT coalesce(flash_sale_code, ''), warehouse_code, sku_code, state, quantity, from_escrow"
                "  FROM reservation JOIN reservation_draw USING (reservation_id)"
                " WHERE state IN (1, 2) AND NOT shipped"
            )
        return [*_trouble_in_levels(levels, items, draws), *_trouble_in_items(items, draws)]

    @asynccontextmanager
    async def replica(self, **settings: Any) -> AsyncIterator[Shop]:
        """Another replica of the service on the same stores, with clients that ask it; `settings` differ from ours."""
        async with (
            served(self.settings.model_copy(update=settings)) as server,
            open_cast_channel(server.address) as channel,
        ):
            yield replace(self, channel=channel, server=server)


def refusal_in(error: grpc.aio.AioRpcError) -> pb.Refusal:
    """The Refusal among the details of a status."""
    serialized = cast(Any, error.trailing_metadata() or {}).get(DETAILS_KEY)
    assert isinstance(serialized, bytes), f"no status details in {error!r}"
    found = pb.Refusal()
    unpacked = [detail.Unpack(found) for detail in Status.FromString(serialized).details]
    assert sum(unpacked) == 1, f"not exactly one Refusal in {error!r}"
    return found


def _trouble_in_levels(
    levels: list[tuple[Any, ...]], items: list[tuple[Any, ...]], draws: list[tuple[Any, ...]]
) -> list[str]:
    found = []
    for warehouse, sku, on_hand, held, sold, escrow, shortfall in levels:
        ours = [draw for draw in draws if draw[1:3] == (warehouse, sku)]
        aside = sum(
            item[4] - item[6] - item[7] for item in items if item[1:3] == (warehouse, sku) and item[3] != 4
        )
        by_state = [sum(draw[4] for draw in ours if draw[3] == state and not draw[5]) for state in (1, 2)]
        promised = sum(draw[4] for draw in ours)
        if promised > on_hand + shortfall or held + sold + escrow > on_hand + shortfall:
            found.append(f"oversold: {sku} has {on_hand}, promises {promised}, books {held}+{sold}+{escrow}")
        if [held, sold, escrow] != [*by_state, aside]:
            found.append(f"level of {sku} says {held, sold, escrow}, reservations say {*by_state, aside}")
    return found


def _trouble_in_items(items: list[tuple[Any, ...]], draws: list[tuple[Any, ...]]) -> list[str]:
    found = []
    for sale, warehouse, sku, state, quota, remaining, shipped, returned in items:
        taken = sum(
            draw[4] for draw in draws if draw[:3] == (sale, warehouse, sku) and (draw[5] or state == 4)
        )
        if remaining + taken + shipped + returned != quota:
            found.append(f"{sale}/{sku}: quota {quota} is not {remaining}+{taken}+{shipped}+{returned}")
        if taken > quota:
            found.append(f"oversold: {sale}/{sku} gave {taken} of {quota}")
    return found


class MakeCart:
    """`make_cart({"PB-10K": 2})`: a checked cart with a new request_id; bundles come with their recipes."""

    def __init__(self) -> None:
        self._numbers = itertools.count()

    def __call__(
        self,
        lines: dict[str, int] | list[tuple[str, int]],
        *,
        bundles: dict[str, dict[str, int]] | None = None,
        request_id: str = "",
        content_hash: bytes = b"content",
        customer: str = "",
        sale: str = "",
        warehouse: str = "",
        refusal: Refusal | None = None,
        sourcing: Sourcing = BY_PRIORITY,
        nearest_first: tuple[str, ...] = (),
    ) -> Cart:
        pairs = lines if isinstance(lines, list) else list(lines.items())
        recipes = bundles or {}
        return Cart(
            reservation_id=new_id(),
            request_id=request_id or f"cart-{next(self._numbers)}",
            content_hash=content_hash,
            lines=tuple(
                Line(sku, units, tuple(sorted(recipes[sku].items())) if sku in recipes else ((sku, 1),))
                for sku, units in pairs
            ),
            channel_code="web",
            customer_reference=customer,
            ttl_s=900.0,
            durability=Durability.DURABLE,
            warehouse_code=warehouse,
            flash_sale_code=sale,
            actor="storefront:web",
            traceparent="",
            refusal=refusal,
            sourcing=sourcing,
            nearest_first=nearest_first,
        )


@pytest.fixture(scope="session")
def make_cart() -> MakeCart:
    """Makes carts."""
    return MakeCart()


class MakeSale:
    """`make_sale("SALE", {"PB-10K": 5}, epoch=1)`: a sale with so many units free."""

    def __call__(
        self, code: str, free: dict[str, int], *, epoch: int = 1, limit: int = 0, **fields: Any
    ) -> FlashSale:
        now = datetime.now(UTC)
        items = tuple(
            FlashSaleItem(sku, WAREHOUSE, max(1, units), limit, remaining=units)
            for sku, units in sorted(free.items())
        )
        sale = FlashSale(
            flash_sale_code=code,
            title=code,
            state=FlashSaleState.OPEN,
            channel_codes=("web",),
            start_time=now,
            end_time=now + timedelta(hours=1),
            epoch=epoch,
            gate_armed=True,
            items=items,
        )
        return replace(sale, **fields)


@pytest.fixture(scope="session")
def make_sale() -> MakeSale:
    """Makes flash sales."""
    return MakeSale()


MakeShop = Callable[..., Awaitable[Shop]]
OpenShop = Callable[[], Awaitable[Shop]]


@pytest.fixture(scope="session")
def make_shop(database_templates: Templates, postgres_server: Server, valkey_server: Server) -> MakeShop:
    """`await make_shop(stack)`: a running shop with a database of its own and an empty Valkey (another one's: by its
    URL), until the stack ends. `settings` are others than the service's own.
    """

    async def make(stack: AsyncExitStack, valkey_url: str = valkey_server.url, **settings: Any) -> Shop:
        database = await database_templates.copy("stock", MIGRATIONS)
        stack.push_async_callback(database_templates.give_back, database.database)
        valkey = connect(valkey_url, name="test")
        stack.push_async_callback(valkey.aclose)
        await valkey.flushdb()
        made = StockSettings(
            postgres_url=database.url,
            valkey_url=valkey_url,
            catalog_target="127.0.0.1:9",
            log_level="WARNING",
            **settings,
        )
        running = await stack.enter_async_context(served(made))
        postgres = Postgres(database.url, name="test", schema="stock", min_size=0, max_size=8)
        await postgres.open()
        stack.push_async_callback(postgres.close)
        shop = Shop(
            made,
            await stack.enter_async_context(open_cast_channel(running.address)),
            running,
            await _connected(database.url, stack),
            await _connected(url_to(postgres_server.url, database=database.database), stack),
            postgres,
            valkey,
        )
        await shop.put_warehouse(WAREHOUSE, priority=1)
        return shop

    return make


@pytest.fixture
async def open_shop(make_shop: MakeShop) -> AsyncIterator[OpenShop]:
    """`await open_shop()`: for tests that change something of the service before it starts; others take `shop`."""
    async with AsyncExitStack() as stack:
        yield lambda: make_shop(stack)


@pytest.fixture
async def shop(open_shop: OpenShop) -> Shop:
    """A stock service that answers on a socket, with warehouse JKT1 and nothing in it."""
    return await open_shop()


async def _connected(url: str, stack: AsyncExitStack) -> psycopg.AsyncConnection[tuple[Any, ...]]:
    return await stack.enter_async_context(
        await psycopg.AsyncConnection.connect(url, autocommit=True, options="-c search_path=stock")
    )


@asynccontextmanager
async def served(settings: StockSettings) -> AsyncIterator[serving.RunningServer]:
    """A replica of the service; stopped and closed at the end."""
    async with AsyncExitStack() as stack:
        app = await build(settings, stack)
        server = await serving.start("stock", settings, app)
        stack.push_async_callback(server.stop, 0.1)
        yield server
