"""A floor of the test's own: a fresh database, the real service over real sockets, and small servers that speak
stock's and the catalog's real contracts and keep real books.
"""

from __future__ import annotations

# ruff: noqa: N802, ARG002 - the small servers implement generated interfaces
import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import grpc
import pytest
import pytest_asyncio
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from pydantic import SecretStr

from lumbung.catalog.v1 import barcodes_pb2, barcodes_pb2_grpc, skus_pb2, skus_pb2_grpc
from lumbung.fulfillment.v1 import (
    bookings_pb2,
    bookings_pb2_grpc,
    couriers_pb2,
    couriers_pb2_grpc,
    events_pb2,
    events_pb2_grpc,
    measures_pb2_grpc,
    orders_pb2,
    orders_pb2_grpc,
    packing_pb2,
    packing_pb2_grpc,
    returns_pb2,
    returns_pb2_grpc,
    shipments_pb2,
    shipments_pb2_grpc,
    slotting_pb2_grpc,
    terminal_pb2,
    terminal_pb2_grpc,
    waves_pb2,
    waves_pb2_grpc,
)
from lumbung.stock.v1 import events_pb2 as stock_events_pb2
from lumbung.stock.v1 import events_pb2_grpc as stock_events_pb2_grpc
from lumbung.stock.v1 import (
    inventory_pb2,
    inventory_pb2_grpc,
    reservations_pb2,
    shortfalls_pb2,
    shortfalls_pb2_grpc,
)
from lumbung_fulfillment.app import NAME, SCHEMA, build
from lumbung_fulfillment.settings import FulfillmentSettings
from lumbung_kit import serving
from lumbung_kit.clients import RemoteFailure, failure_from
from lumbung_kit.postgres import Postgres
from lumbung_kit.testing import MakeDatabase, open_cast_channel

MIGRATIONS = Path(__file__).parent.parent / "migrations"
WAREHOUSE = "JKT"
PACKING = "PACKING"
CARTON = 6
LEASE_S = 60.0
PATIENCE_S = 20.0

_CODES = {code.value[0]: code for code in grpc.StatusCode}


async def eventually(condition: Callable[[], Awaitable[Any]]) -> Any:
    """What the condition gives as soon as it is true."""
    async with asyncio.timeout(PATIENCE_S):
        while not (found := await condition()):
            await asyncio.sleep(0.01)
        return found


async def refuse(
    call: grpc.aio.ServicerContext[Any, Any], code: grpc.StatusCode, reason: str, **metadata: str
) -> None:
    """As every service of ours refuses."""
    detail = AnyMessage()
    detail.Pack(error_details_pb2.ErrorInfo(reason=reason, domain="stock.lumbung", metadata=metadata))
    status = status_pb2.Status(code=code.value[0], message=reason, details=[detail])
    await call.abort(code, reason, (("grpc-status-details-bin", status.SerializeToString()),))


@dataclass
class Sale:
    """A reservation in the small stock's books."""

    message: reservations_pb2.Reservation
    picked: Counter[str] = field(default_factory=Counter)
    returned: Counter[str] = field(default_factory=Counter)

    @property
    def state(self) -> str:
        return reservations_pb2.ReservationState.Name(self.message.state).removeprefix("RESERVATION_STATE_")

    def share(self, warehouse_code: str) -> list[reservations_pb2.Draw]:
        """What has not left of one warehouse's share, or of all."""
        return [
            draw
            for draw in self.message.draws
            if not draw.shipped and warehouse_code in ("", draw.warehouse_code)
        ]

    def needed(self, sku_code: str) -> int:
        return sum(draw.quantity for draw in self.message.draws if draw.sku_code == sku_code)


class SmallStock(
    inventory_pb2_grpc.WarehouseServiceServicer,
    inventory_pb2_grpc.InventoryServiceServicer,
    shortfalls_pb2_grpc.ShortfallServiceServicer,
    stock_events_pb2_grpc.EventServiceServicer,
):
    """Keeps places and reservations in memory, books each request_id once, and refuses what the real one refuses."""

    def __init__(self) -> None:
        self.warehouse = inventory_pb2.Warehouse(
            warehouse_code=WAREHOUSE,
            time_zone="Asia/Jakarta",
            aisle_x_m=[0, 4, 8, 12],
            cross_aisle_y_m=[0, 20],
            depot_x_m=0,
        )
        self.bins: dict[str, inventory_pb2.Bin] = {}
        self.units: Counter[tuple[str, str]] = Counter()
        self.lots: dict[tuple[str, str], list[inventory_pb2.LotStock]] = {}
        self.sales: dict[str, Sale] = {}
        self.events: list[stock_events_pb2.Event] = []
        self.answers: dict[str, Message] = {}
        self.calls: list[tuple[str, Message, str]] = []
        self.refused_next: list[str] = []
        self.helper = ""
        """The warehouse that gives what this one lacks; none when empty."""
        self.is_down = False
        self.swallows_answers = False
        self.booked_unanswered = asyncio.Event()
        self._news = asyncio.Event()

    def bin(self, code: str, aisle: int, y: float, **stock: int) -> None:
        """A pick face and what lies in it; `_` in a keyword stands for `-` in the SKU."""
        self.place(code, aisle, y, **stock)

    def place(
        self,
        code: str,
        aisle: int,
        y: float,
        kind: inventory_pb2.BinKind.ValueType = inventory_pb2.BIN_KIND_PICK,
        capacity: int = 0,
        **stock: int,
    ) -> None:
        """A bin of any kind."""
        self.bins[code] = inventory_pb2.Bin(
            bin_code=code, kind=kind, aisle_index=aisle, y_m=y, capacity_units=capacity
        )
        for sku_code, quantity in stock.items():
            self.units[code, sku_code.replace("_", "-")] += quantity

    def emit(self, **payload: Message) -> None:
        """Appends an event to the log."""
        position = len(self.events) + 1
        event = stock_events_pb2.Event(position=position, event_id=str(uuid4()), **payload)  # type: ignore[arg-type]
        self.events.append(event)
        self._news.set()

    def receive(self, bin_code: str, sku_code: str, quantity: int) -> None:
        """Goods from a supplier."""
        self.units[bin_code, sku_code] += quantity
        entry = inventory_pb2.LedgerEntry(
            warehouse_code=WAREHOUSE,
            sku_code=sku_code,
            quantity=quantity,
            from_place="SUPPLIER",
            to_place=bin_code,
            kind=inventory_pb2.MOVEMENT_KIND_RECEIPT,
        )
        self.emit(stock_moved=stock_events_pb2.StockMoved(entries=[entry]))

    def cancel(self, reservation_id: str, reason: str = "changed mind", *, tell: bool = True) -> None:
        """Takes a sale back; `tell=False` keeps the event for later."""
        sale = self.sales[reservation_id].message
        sale.state = reservations_pb2.RESERVATION_STATE_CANCELLED
        if tell:
            self.emit(
                reservation_cancelled=stock_events_pb2.ReservationCancelled(reservation=sale, reason=reason)
            )

    def resource(self, reservation_id: str, target: str, source: str = WAREHOUSE, **units: int) -> None:
        """Another warehouse gives units of a sale."""
        sale = self.sales[reservation_id].message
        draws = Counter({(draw.warehouse_code, draw.sku_code): draw.quantity for draw in sale.draws})
        for sku_code, quantity in units.items():
            draws[source, sku_code] -= quantity
            draws[target, sku_code] += quantity
        del sale.draws[:]
        for (warehouse, sku_code), quantity in sorted((+draws).items()):
            sale.draws.add(warehouse_code=warehouse, sku_code=sku_code, quantity=quantity)
        resourced = stock_events_pb2.ReservationResourced(
            reservation=sale, from_warehouse_code=source, to_warehouse_code=target
        )
        self.emit(reservation_resourced=resourced)

    async def GetWarehouse(self, request: Any, context: Any) -> Any:
        await self._fail(context)
        if request.warehouse_code != WAREHOUSE:
            await refuse(context, grpc.StatusCode.NOT_FOUND, "WAREHOUSE_NOT_FOUND")
        return inventory_pb2.GetWarehouseResponse(warehouse=self.warehouse)

    async def ListBins(self, request: Any, context: Any) -> Any:
        """In pages of 3, so that every reader has to turn them."""
        codes = sorted(self.bins)
        start = int(request.page_token or 0)
        token = str(start + 3) if start + 3 < len(codes) else ""
        bins = [self.bins[code] for code in codes[start : start + 3]]
        return inventory_pb2.ListBinsResponse(bins=bins, next_page_token=token)

    async def ListBinStock(self, request: Any, context: Any) -> Any:
        await self._fail(context)
        rows = [
            inventory_pb2.BinStock(
                bin_code=place, sku_code=sku, quantity=quantity, lots=self.lots.get((place, sku))
            )
            for (place, sku), quantity in sorted(self.units.items())
            if quantity and (sku in request.sku_codes or not request.sku_codes)
        ]
        return inventory_pb2.ListBinStockResponse(bin_stock=rows)

    async def RecordPick(self, request: Any, context: Any) -> Any:
        async def work() -> Message:
            sale = await self._confirmed(request, context)
            if request.quantity > sale.needed(request.sku_code) - sale.picked[request.sku_code]:
                await refuse(context, grpc.StatusCode.FAILED_PRECONDITION, "MORE_THAN_RESERVED")
            await self._move(context, request.sku_code, request.quantity, request.bin_code, PACKING)
            sale.picked[request.sku_code] += request.quantity
            return inventory_pb2.RecordPickResponse()

        return await self._once(request, context, work)

    async def RecordShortPick(self, request: Any, context: Any) -> Any:
        async def work() -> Message:
            await self._move(
                context, request.sku_code, request.missing_quantity, request.bin_code, "ADJUSTMENT"
            )
            return inventory_pb2.RecordShortPickResponse()

        return await self._once(request, context, work)

    async def RecordPutBack(self, request: Any, context: Any) -> Any:
        async def work() -> Message:
            sale = self.sales[request.reservation_id]
            if request.quantity > sale.picked[request.sku_code]:
                await refuse(context, grpc.StatusCode.FAILED_PRECONDITION, "MORE_THAN_PICKED")
            sale.picked[request.sku_code] -= request.quantity
            await self._move(context, request.sku_code, request.quantity, PACKING, request.bin_code)
            return inventory_pb2.RecordPutBackResponse()

        return await self._once(request, context, work)

    async def ShipReservation(self, request: Any, context: Any) -> Any:
        async def work() -> Message:
            sale = await self._confirmed(request, context)
            leaving = sale.share(request.warehouse_code)
            if not leaving:
                await refuse(context, grpc.StatusCode.FAILED_PRECONDITION, "NOTHING_TO_SHIP")
            for draw in leaving:
                if sale.picked[draw.sku_code] < draw.quantity:
                    await refuse(context, grpc.StatusCode.FAILED_PRECONDITION, "NOT_PICKED")
            for draw in leaving:
                await self._move(context, draw.sku_code, draw.quantity, PACKING, "CUSTOMER")
                draw.shipped = True
            if not sale.share(""):
                sale.message.state = reservations_pb2.RESERVATION_STATE_SHIPPED
            return inventory_pb2.ShipReservationResponse()

        return await self._once(request, context, work)

    async def RecordReturn(self, request: Any, context: Any) -> Any:
        async def work() -> Message:
            sale = self.sales[request.reservation_id]
            if sale.state != "SHIPPED":
                await refuse(context, grpc.StatusCode.FAILED_PRECONDITION, "NOT_SHIPPED")
            places = {
                inventory_pb2.RETURN_CONDITION_RESTOCK: request.bin_code,
                inventory_pb2.RETURN_CONDITION_QUARANTINE: "QUARANTINE",
                inventory_pb2.RETURN_CONDITION_SCRAP: "SCRAP",
            }
            self.units["CUSTOMER", request.sku_code] -= request.quantity
            self.units[places[request.condition], request.sku_code] += request.quantity
            return inventory_pb2.RecordReturnResponse()

        return await self._once(request, context, work)

    async def ResourceShortfall(self, request: Any, context: Any) -> Any:
        """A sale lacks what was promised here, is not in packing, and no bin holds."""

        async def work() -> Message:
            sale, sku_code = await self._confirmed(request, context), request.sku_code
            held = sum(
                units for (place, sku), units in self.units.items() if sku == sku_code and place in self.bins
            )
            promised = sum(draw.quantity for draw in sale.share(WAREHOUSE) if draw.sku_code == sku_code)
            lacking = promised - sale.picked[sku_code] - held
            if lacking <= 0:
                await refuse(context, grpc.StatusCode.FAILED_PRECONDITION, "NOT_SHORT")
            if not self.helper:
                await refuse(context, grpc.StatusCode.FAILED_PRECONDITION, "NO_WAREHOUSE_HAS_IT")
            self.resource(request.reservation_id, self.helper, **{sku_code: lacking})
            return shortfalls_pb2.ResourceShortfallResponse(to_warehouse_code=self.helper)

        return await self._once(request, context, work)

    async def MoveBetweenBins(self, request: Any, context: Any) -> Any:
        async def work() -> Message:
            await self._move(
                context, request.sku_code, request.quantity, request.from_bin_code, request.to_bin_code
            )
            return inventory_pb2.MoveBetweenBinsResponse()

        return await self._once(request, context, work)

    async def Subscribe(self, request: Any, context: Any) -> AsyncIterator[Any]:
        position = request.after_position
        while True:
            batch = self.events[position:]
            self._news.clear()
            if batch:
                position += len(batch)
                yield stock_events_pb2.SubscribeResponse(events=batch, head_position=len(self.events))
            await self._news.wait()

    async def _once(self, request: Any, context: Any, work: Callable[[], Awaitable[Message]]) -> Message:
        """Books a request_id once; a repeated one gets the first answer."""
        method = type(request).__name__.removesuffix("Request")
        await self._fail(context)
        if self.refused_next:
            await refuse(context, grpc.StatusCode.FAILED_PRECONDITION, self.refused_next.pop(0))
        key = f"{method}/{request.request_id}"
        if key not in self.answers:
            answer = await work()
            actor = dict(context.invocation_metadata()).get("lumbung-actor", "")
            self.calls.append((method, request, actor))
            self.answers[key] = answer
        if self.swallows_answers:
            self.booked_unanswered.set()
            await asyncio.Event().wait()
        return self.answers[key]

    async def _fail(self, context: Any) -> None:
        if self.is_down:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "away")

    async def _confirmed(self, request: Any, context: Any) -> Sale:
        sale = self.sales.get(request.reservation_id)
        if sale is None:
            await refuse(context, grpc.StatusCode.NOT_FOUND, "RESERVATION_NOT_FOUND")
            raise AssertionError("aborted")
        if sale.state != "CONFIRMED":
            await refuse(context, grpc.StatusCode.FAILED_PRECONDITION, "NOT_CONFIRMED", state=sale.state)
        return sale

    async def _move(self, context: Any, sku_code: str, quantity: int, source: str, target: str) -> None:
        if self.units[source, sku_code] < quantity:
            await refuse(context, grpc.StatusCode.FAILED_PRECONDITION, "NOT_ENOUGH_IN_BIN")
        self.units[source, sku_code] -= quantity
        self.units[target, sku_code] += quantity


class SmallCatalog(barcodes_pb2_grpc.BarcodeServiceServicer, skus_pb2_grpc.SkuServiceServicer):
    """`BC-<sku>` is on a piece, `CTN-<sku>` on a carton of six; nobody has any other.

    SKUs that begin with `NO-` do not exist, those that begin with `SET-` are bundles, and with `HIT-` fast movers.
    """

    def __init__(self) -> None:
        self.is_down = False
        self.weights_g: dict[str, int] = {}
        self.asked_skus = 0

    async def BatchGetSkus(self, request: Any, context: Any) -> Any:
        if self.is_down:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "away")
        self.asked_skus += 1
        known = [code for code in request.sku_codes if not code.startswith("NO-")]
        return skus_pb2.BatchGetSkusResponse(
            skus=[
                skus_pb2.Sku(
                    sku_code=code,
                    kind=skus_pb2.SKU_KIND_BUNDLE if code.startswith("SET-") else skus_pb2.SKU_KIND_PLAIN,
                    fast_mover=code.startswith("HIT-"),
                    weight_g=self.weights_g.get(code, 0),
                )
                for code in known
            ],
            missing_sku_codes=[code for code in request.sku_codes if code not in known],
        )

    async def ResolveBarcode(self, request: Any, context: Any) -> Any:
        if self.is_down:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "away")
        code, _, lot = request.code.partition("#")
        lot, _, expiry_date = lot.partition("@")
        kind, _, sku_code = code.partition("-")
        if kind not in ("BC", "CTN"):
            await refuse(context, grpc.StatusCode.NOT_FOUND, "BARCODE_UNKNOWN")
        resolved = barcodes_pb2.ResolvedBarcode(
            code=request.code, sku_code=sku_code, base_quantity=CARTON if kind == "CTN" else 1,
            lot=lot, expiry_date=expiry_date,
        )  # fmt: skip
        return barcodes_pb2.ResolveBarcodeResponse(barcode=resolved)


@dataclass
class Terminal:
    """One person at one terminal, driving the service as a handheld would."""

    floor: Floor
    session_id: str
    wave: waves_pb2.Wave | None = None

    async def claim(self, cart_code: str = "cart-1", wave_id: str = "") -> waves_pb2.Wave:
        response = await self.floor.terminals.ClaimWave(
            terminal_pb2.ClaimWaveRequest(
                request_id=self.floor.new_id(),
                session_id=self.session_id,
                cart_code=cart_code,
                wave_id=wave_id,
            ),
            timeout=PATIENCE_S,
        )
        self.wave = response.wave
        return response.wave

    async def tasks(self) -> list[waves_pb2.PickTask]:
        assert self.wave is not None
        request = terminal_pb2.ListTasksRequest(session_id=self.session_id, wave_id=self.wave.wave_id)
        return list((await self.floor.terminals.ListTasks(request)).tasks)

    def scan(self, task: waves_pb2.PickTask, **changes: Any) -> terminal_pb2.ConfirmPickRequest:
        """The right scan of a whole task, but for the changes."""
        usual: dict[str, Any] = {
            "request_id": self.floor.new_id(),
            "session_id": self.session_id,
            "task_id": task.task_id,
            "bin_barcode": task.bin_code,
            "item_barcode": f"BC-{task.sku_code}",
            "quantity": task.quantity - task.picked_quantity,
        }
        return terminal_pb2.ConfirmPickRequest(**usual | changes)

    async def pick(self, task: waves_pb2.PickTask, **changes: Any) -> terminal_pb2.ConfirmPickResponse:
        return await self.floor.terminals.ConfirmPick(self.scan(task, **changes))

    async def pick_all(self) -> terminal_pb2.ConfirmPickResponse | None:
        """Picks what is open, in walking order."""
        last = None
        for task in await self.tasks():
            if task.state == waves_pb2.PICK_STATE_OPEN:
                last = await self.pick(task)
        return last

    async def short(self, task: waves_pb2.PickTask, **changes: Any) -> terminal_pb2.ReportShortPickResponse:
        usual = {"request_id": self.floor.new_id(), "session_id": self.session_id, "task_id": task.task_id}
        return await self.floor.terminals.ReportShortPick(
            terminal_pb2.ReportShortPickRequest(**usual | changes)
        )


@dataclass
class Floor:
    """The running service, as its clients see it, with its neighbours."""

    stock: SmallStock
    catalog: SmallCatalog
    url: str
    postgres: Postgres
    targets: tuple[str, str]
    ids: Iterator[int] = field(default_factory=lambda: count(1))
    server: serving.RunningServer | None = None
    channel: grpc.aio.Channel | None = None
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    def new_id(self) -> str:
        return f"test-{next(self.ids)}"

    async def start(self, **settings_: Any) -> None:
        """Starts the service on its database; a second time after `stop` or `crash`."""
        self._stack = AsyncExitStack()
        settings = FulfillmentSettings(
            postgres_url=SecretStr(self.url),
            stock_target=self.targets[0],
            catalog_target=self.targets[1],
            wave_lease_s=LEASE_S,
            **settings_,
        )
        self.server = await serving.start(NAME, settings, await build(settings, self._stack))
        await self._connect(f"127.0.0.1:{self.server.port}")

    async def attach(self, address: str) -> None:
        """Speaks with a service that somebody else has started, after `stop`."""
        self._stack = AsyncExitStack()
        await self._connect(address)

    async def _connect(self, address: str) -> None:
        channel = await self._stack.enter_async_context(open_cast_channel(address, "terminal:test"))
        self.channel = channel
        self.orders: orders_pb2_grpc.OrderServiceAsyncStub = orders_pb2_grpc.OrderServiceStub(channel)
        self.couriers: couriers_pb2_grpc.CourierServiceAsyncStub = couriers_pb2_grpc.CourierServiceStub(
            channel
        )
        self.waves: waves_pb2_grpc.WaveServiceAsyncStub = waves_pb2_grpc.WaveServiceStub(channel)
        self.terminals: terminal_pb2_grpc.TerminalServiceAsyncStub = terminal_pb2_grpc.TerminalServiceStub(
            channel
        )
        self.packing: packing_pb2_grpc.PackServiceAsyncStub = packing_pb2_grpc.PackServiceStub(channel)
        self.shipments: shipments_pb2_grpc.ShipmentServiceAsyncStub = shipments_pb2_grpc.ShipmentServiceStub(
            channel
        )
        self.returns: returns_pb2_grpc.ReturnServiceAsyncStub = returns_pb2_grpc.ReturnServiceStub(channel)
        self.measures: measures_pb2_grpc.MeasureServiceAsyncStub = measures_pb2_grpc.MeasureServiceStub(
            channel
        )
        self.bookings: bookings_pb2_grpc.BookingServiceAsyncStub = bookings_pb2_grpc.BookingServiceStub(
            channel
        )
        self.slotting: slotting_pb2_grpc.SlottingServiceAsyncStub = slotting_pb2_grpc.SlottingServiceStub(
            channel
        )
        self.events: events_pb2_grpc.EventServiceAsyncStub = events_pb2_grpc.EventServiceStub(channel)

    async def stop(self) -> None:
        """Stops without waiting for calls in flight: what was not committed is as if the process had been killed."""
        if self.server is not None:
            await self.server.stop(0)
            self.server = None
        await self._stack.aclose()

    async def order(
        self, reference: str = "", courier: str = "", priority: int = 0, **lines: int
    ) -> orders_pb2.Order:
        """A confirmed sale, once it has arrived as an order."""
        reservation_id, reference = str(uuid4()), reference or f"ORD-{next(self.ids)}"
        quantities = {sku.replace("_", "-"): quantity for sku, quantity in lines.items()}
        sale = reservations_pb2.Reservation(
            reservation_id=reservation_id,
            state=reservations_pb2.RESERVATION_STATE_CONFIRMED,
            lines=[reservations_pb2.ReserveLine(sku_code=s, quantity=q) for s, q in quantities.items()],
            draws=[
                reservations_pb2.Draw(warehouse_code=WAREHOUSE, sku_code=s, quantity=q)
                for s, q in quantities.items()
            ],
            channel_code="web",
            order=reservations_pb2.OrderDetails(
                order_reference=reference, courier_service=courier, priority=priority, note="gift"
            ),
        )
        self.stock.sales[reservation_id] = Sale(sale)
        self.stock.emit(reservation_confirmed=stock_events_pb2.ReservationConfirmed(reservation=sale))
        request = orders_pb2.ListOrdersRequest(reservation_id=reservation_id)

        async def arrived() -> orders_pb2.Order | None:
            found = (await self.orders.ListOrders(request)).orders
            return found[0] if found else None

        order: orders_pb2.Order = await eventually(arrived)
        return order

    async def get(self, order_id: str) -> orders_pb2.Order:
        return (await self.orders.GetOrder(orders_pb2.GetOrderRequest(order_id=order_id))).order

    async def until(self, order_id: str, state: str) -> orders_pb2.Order:
        """The order, once it is in a state."""
        wanted = orders_pb2.OrderState.Value(f"ORDER_STATE_{state}")

        async def reached() -> orders_pb2.Order | None:
            order = await self.get(order_id)
            return order if order.state == wanted else None

        order: orders_pb2.Order = await eventually(reached)
        return order

    async def plan(self, **changes: Any) -> waves_pb2.PlanWavesResponse:
        usual: dict[str, Any] = {"request_id": self.new_id(), "warehouse_code": WAREHOUSE}
        # The contract asks for so long a deadline; on a busy machine a plan takes more than a call usually may.
        return await self.waves.PlanWaves(waves_pb2.PlanWavesRequest(**usual | changes), timeout=30.0)

    async def sign_in(self, terminal_code: str = "t-1", picker_code: str = "budi") -> Terminal:
        response = await self.terminals.SignIn(
            terminal_pb2.SignInRequest(
                request_id=self.new_id(),
                terminal_code=terminal_code,
                warehouse_code=WAREHOUSE,
                picker_code=picker_code,
            )
        )
        return Terminal(self, response.session_id)

    async def picked(self, **lines: int) -> tuple[orders_pb2.Order, Terminal]:
        """An order that is picked, and the terminal that did it."""
        order = await self.order(**lines)
        await self.plan()
        terminal = await self.sign_in()
        await terminal.claim()
        await terminal.pick_all()
        return await self.until(order.order_id, "PICKED"), terminal

    async def packed(self, **lines: int) -> orders_pb2.Order:
        """An order that is packed."""
        order, _ = await self.picked(**lines)
        await self.pack(order)
        return await self.get(order.order_id)

    async def pack(self, order: orders_pb2.Order) -> packing_pb2.Package:
        package = await self.filled(order)
        close = packing_pb2.ClosePackageRequest(
            request_id=self.new_id(), package_id=package.package_id, weight_g=700
        )
        return (await self.packing.ClosePackage(close)).package

    async def filled(self, order: orders_pb2.Order) -> packing_pb2.Package:
        """A parcel with everything in it, still open."""
        start = packing_pb2.StartPackageRequest(
            request_id=self.new_id(), order_id=order.order_id, station_code="pack-1"
        )
        package = (await self.packing.StartPackage(start)).package
        for item in package.items:
            await self.packing.CheckItem(
                packing_pb2.CheckItemRequest(
                    request_id=self.new_id(),
                    package_id=package.package_id,
                    item_barcode=f"BC-{item.sku_code}",
                    quantity=item.quantity,
                )
            )
        return package

    async def ship(self, order_id: str, request_id: str = "") -> shipments_pb2.Shipment:
        request = shipments_pb2.ShipRequest(
            request_id=request_id or self.new_id(), order_id=order_id, tracking_number="JNE-1"
        )
        return (await self.shipments.Ship(request)).shipment

    async def shipped(self, **lines: int) -> orders_pb2.Order:
        """An order that has left."""
        order = await self.packed(**lines)
        await self.ship(order.order_id)
        return await self.get(order.order_id)

    async def receive_return(self, order_id: str, **lines: int) -> returns_pb2.Return:
        request = returns_pb2.ReceiveReturnRequest(
            request_id=self.new_id(),
            order_id=order_id,
            lines=[
                returns_pb2.ReturnQuantity(sku_code=sku.replace("_", "-"), quantity=quantity)
                for sku, quantity in lines.items()
            ],
            reason=returns_pb2.RETURN_REASON_WRONG_ITEM,
        )
        return (await self.returns.ReceiveReturn(request)).return_record

    async def unfinished(self) -> list[bookings_pb2.Booking]:
        return list((await self.bookings.ListBookings(bookings_pb2.ListBookingsRequest())).bookings)

    async def until_all_booked(self) -> None:
        """Until stock has everything."""

        async def booked() -> bool:
            return not await self.unfinished()

        await eventually(booked)

    async def event_kinds(self, count_: int) -> list[str]:
        """The first so many events, by kind."""
        kinds: list[str] = []
        call = self.events.Subscribe(events_pb2.SubscribeRequest())
        async with asyncio.timeout(PATIENCE_S):
            async for response in call:
                kinds += [str(event.WhichOneof("payload")) for event in response.events]
                if len(kinds) >= count_:
                    call.cancel()
                    break
        return kinds

    async def everything(self) -> dict[str, str]:
        """A digest of each table: equal before and after means that nothing changed."""
        digests = {}
        async with self.postgres.connection() as conn:
            tables = await conn.execute(
                "select tablename from pg_tables where schemaname = current_schema()"
                " and tablename not in ('event_head', 'event_outbox', 'event_log', 'schema_migrations') order by 1"
            )
            # The publisher moves events from one table to the other whenever it likes.
            events = "(select event_id from event_outbox union all select event_id from event_log)"
            for table in [*(name for (name,) in await tables.fetchall()), events]:
                digest = f"select md5(string_agg(t::text, '|' order by t::text)) from {table} t"  # noqa: S608
                digests[table] = str(await (await conn.execute(digest.encode())).fetchone())
        return digests

    async def scalar(self, statement: str, *parameters: Any) -> Any:
        async with self.postgres.connection() as conn:
            row = await (await conn.execute(statement.encode(), parameters)).fetchone()
            return row[0] if row else None

    async def schedule(self, **changes: Any) -> couriers_pb2.PickupSchedule:
        """A courier who comes every day at one minute to midnight, unless the changes say otherwise."""
        usual: dict[str, Any] = {
            "warehouse_code": WAREHOUSE,
            "courier_service": "jne-reg",
            "time_zone": "Asia/Jakarta",
            "pickups": [
                couriers_pb2.Pickup(weekday=couriers_pb2.Weekday.ValueType(day), hour=23, minute=59)
                for day in range(1, 8)
            ],
            "is_default": True,
        }
        request = couriers_pb2.SetPickupScheduleRequest(
            request_id=self.new_id(), schedule=couriers_pb2.PickupSchedule(**usual | changes)
        )
        return (await self.couriers.SetPickupSchedule(request)).schedule


@pytest.fixture(name="eventually")
def eventually_fixture() -> Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]]:
    """`await eventually(condition)`: what the condition gives as soon as it is true."""
    return eventually


@pytest.fixture
def refusal() -> Callable[[Awaitable[Any]], Awaitable[RemoteFailure]]:
    """`await refusal(call)`: what the service refused, with kind, reason, metadata and fields."""

    async def of(call: Awaitable[Any]) -> RemoteFailure:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call
        return failure_from(refused.value)

    return of


@pytest_asyncio.fixture
async def floor(make_database: MakeDatabase) -> AsyncIterator[Floor]:
    """Four aisles, a few bins, and nobody working yet."""
    stock, catalog = SmallStock(), SmallCatalog()
    stock.bin("A0-05", 0, 5, RICE=10)
    stock.bin("A0-15", 0, 15, TEA=4)
    stock.bin("A1-10", 1, 10, RICE=3, SALT=8)
    stock.bin("A2-12", 2, 12, TEA=6)
    stock.bin("A3-18", 3, 18, SUGAR=20)
    async with AsyncExitStack() as stack:
        targets = (
            await _serve(
                stack,
                stock,
                inventory_pb2_grpc.add_WarehouseServiceServicer_to_server,
                inventory_pb2_grpc.add_InventoryServiceServicer_to_server,
                shortfalls_pb2_grpc.add_ShortfallServiceServicer_to_server,
                stock_events_pb2_grpc.add_EventServiceServicer_to_server,
            ),
            await _serve(
                stack,
                catalog,
                barcodes_pb2_grpc.add_BarcodeServiceServicer_to_server,
                skus_pb2_grpc.add_SkuServiceServicer_to_server,
            ),
        )
        url = await make_database(SCHEMA, MIGRATIONS)
        postgres = Postgres(url, name="test", schema=SCHEMA)
        await postgres.open()
        stack.push_async_callback(postgres.close)
        floor = Floor(stock, catalog, url, postgres, targets)
        stack.push_async_callback(floor.stop)
        await floor.start()
        yield floor


async def _serve(stack: AsyncExitStack, servicer: Any, *adds: Callable[[Any, grpc.aio.Server], None]) -> str:
    server = grpc.aio.server()
    for add in adds:
        add(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    stack.push_async_callback(server.stop, 0)
    return f"127.0.0.1:{port}"


def quantities(lines: Sequence[Any]) -> dict[str, int]:
    """Lines as a mapping."""
    return {line.sku_code: line.quantity for line in lines}


def as_uuid(text: str) -> UUID:
    """Raises unless it is one."""
    return UUID(text)
