"""The day with Lumbung: every step is a call of a real service."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from lumbung.fulfillment.v1 import orders_pb2, shipments_pb2, terminal_pb2, waves_pb2
from lumbung.stock.v1 import reservations_pb2
from lumbung_dev.day.house import Picked, Tally, Task, Tour
from lumbung_dev.day.script import HOUR, Order, Worker
from lumbung_dev.day.service_clock import ServiceClock, instant
from lumbung_dev.demo.act3_waves import list_orders
from lumbung_dev.demo.floor import Packer, Picker, scans_of
from lumbung_dev.local.patience import pages, patiently
from lumbung_dev.local.services import Services
from lumbung_dev.shop import warehouse
from lumbung_dev.shop.goods import all_goods
from lumbung_dev.shop.outlets import COURIERS, WEBSITE
from lumbung_kit.clients import failure_from

SALE_CODE = "HARI-KILAT"
_HOLD_S = 300
_NEWS_S = 120.0
"""Whoever found nothing to pick asks again until so long after the last change."""
_GONE = ("TASK_CLOSED", "WAVE_NOT_YOURS")
"""The task's order was cancelled on the way; with it the wave may have ended."""
_NOT_PACKABLE = (
    "ORDER_WRONG_STATE",
    "ORDER_CANCELLED",
    "PACKAGE_CLOSED",
    "PACKAGE_VOID",
    "PACKAGE_WRONG_STATE",
)


@dataclass(slots=True)
class Callers:
    """Who calls as whom."""

    storefront: Services
    terminals: Services
    staff: Services


@dataclass(slots=True)
class _Hand:
    """A picker's terminal, and the wave that they walk."""

    terminal: Picker
    wave_id: str = ""


@dataclass(slots=True)
class Lumbung:
    """A house whose books are the services'."""

    callers: Callers
    clock: ServiceClock
    tally: Tally = field(default_factory=Tally)
    reservations: dict[str, str] = field(default_factory=dict)
    """Reservation by reference, of everything that was sold."""
    _hands: dict[str, _Hand] = field(default_factory=dict)
    _arrived: set[str] = field(default_factory=set)
    _to_pack: dict[str, orders_pb2.Order] = field(default_factory=dict)
    _news_s: float = 0.0
    _empty_s: float = -_NEWS_S

    async def buy(self, order: Order, at_s: float) -> bool:
        reservations = self.callers.storefront.reservations
        try:
            held = (await patiently(reservations.Reserve, _reserve(order))).reservation
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.FAILED_PRECONDITION:
                raise
            self.tally.refused[order.reference] = failure_from(error).reason
            return False
        await patiently(reservations.Confirm, _confirm(order, held.reservation_id))
        self.reservations[order.reference] = held.reservation_id
        self.tally.sold.add(order.reference)
        self.clock.bought(at_s)
        self._news_s = at_s
        return True

    async def cancel(self, order: Order, at_s: float) -> bool:
        request = reservations_pb2.CancelReservationRequest(
            request_id=f"{order.reference}:cancel",
            reservation_id=self.reservations[order.reference],
            reason="berubah pikiran",
        )
        self._news_s = at_s
        try:
            await patiently(self.callers.storefront.reservations.CancelReservation, request)
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.FAILED_PRECONDITION:
                raise
            self.tally.too_late_to_cancel.add(order.reference)
            return False
        self.tally.cancelled.add(order.reference)
        return True

    async def sign_in(self, worker: Worker, terminal: str, at_s: float) -> None:
        picker = Picker(self.callers.terminals, terminal, worker.name, scans_of(f"day:{terminal}"))
        await picker.sign_in()
        self._hands[worker.name] = _Hand(picker)
        self._news_s = max(self._news_s, at_s)

    async def claim(self, worker: Worker, at_s: float) -> Tour | None:
        hand = self._hands[worker.name]
        wave = await hand.terminal.claim()
        if wave is None:
            self._empty_s = at_s
            return None
        self._news_s = at_s
        hand.wave_id = wave.wave_id
        first = next((task for task in wave.tasks if task.state == waves_pb2.PICK_STATE_OPEN), None)
        return Tour(wave.wave_id, _task(first), tuple(order.order_id for order in wave.orders))

    async def alive(self, worker: Worker) -> None:
        hand = self._hands[worker.name]
        request = terminal_pb2.HeartbeatRequest(session_id=hand.terminal.session_id, wave_id=hand.wave_id)
        try:
            await patiently(self.callers.terminals.terminal.Heartbeat, request)
        except grpc.aio.AioRpcError as error:
            if failure_from(error).reason not in _GONE:  # the next scan hears what became of it
                raise

    async def pick(self, worker: Worker, task: Task, units: int, *, replay: bool) -> Picked:
        hand = self._hands[worker.name]
        try:
            return Picked(_task(await hand.terminal.pick(_pick_task(task), units, replay=replay)))
        except grpc.aio.AioRpcError as error:
            return await self._gone(hand, error)

    async def short(self, worker: Worker, task: Task) -> Picked:
        hand = self._hands[worker.name]
        try:
            answer = await hand.terminal.find_empty(_pick_task(task))
        except grpc.aio.AioRpcError as error:
            return await self._gone(hand, error)
        return Picked(None if answer.wave_done else _task(answer.next_task))

    async def scan_wrongly(self, worker: Worker, task: Task) -> None:
        other = next(good.sku_code for good in all_goods() if good.sku_code != task.sku_code)
        terminal = self._hands[worker.name].terminal
        await terminal.scan_wrongly(_pick_task(task), other)
        if terminal.refused[-1:] != ["WRONG_ITEM"] and terminal.refused[-1] not in _GONE:
            raise RuntimeError(f"a wrong item was answered with {terminal.refused}")

    async def finish(self, tour: Tour, at_s: float) -> Sequence[tuple[float, str]]:
        """The packers look at what stands there, the earliest pickup first."""
        self._news_s = at_s
        self._arrived.update(tour.orders)
        ready = [
            order
            for order in await list_orders(self.callers.staff, states=[orders_pb2.ORDER_STATE_PICKED])
            if order.order_id in self._arrived and order.order_reference not in self._to_pack
        ]
        self._to_pack.update({order.order_reference: order for order in ready})
        midnight_s = instant(0).timestamp()
        return [
            (order.pickup_time.ToMicroseconds() / 1e6 - midnight_s, order.order_reference) for order in ready
        ]

    def urgency(self, place: float, reference: str, now_s: float) -> float:
        """The pickup that it can still make: one that has missed its own does not hold up the others."""
        if place >= now_s:
            return place
        service = self._to_pack[reference].courier_service
        hours = next(courier.hours for courier in COURIERS if courier.service == service)
        return min(
            day * 24 * HOUR + hour * HOUR
            for day in (0, 1)
            for hour in hours
            if day * 24 * HOUR + hour * HOUR >= now_s
        )

    async def pack(self, worker: Worker, reference: str, at_s: float) -> bool:
        packer = Packer(self.callers.terminals, worker.name, scans_of(f"day:{worker.name}:{reference}"))
        order = self._to_pack.pop(reference)
        try:
            await packer.pack(order)
            await packer.ship(order)
        except grpc.aio.AioRpcError as error:
            if failure_from(error).reason not in _NOT_PACKABLE:
                raise
            self._news_s = at_s
            return False
        return True

    async def hand_over(self, courier: str, pickup_s: float) -> Sequence[str]:
        pickup_time = _timestamp(pickup_s)
        asked = shipments_pb2.GetManifestRequest(
            warehouse_code=warehouse.CODE, courier_service=courier, pickup_time=pickup_time
        )
        manifest = await patiently(self.callers.staff.shipments.GetManifest, asked)
        ready = [s for s in manifest.shipments if s.state == shipments_pb2.SHIPMENT_STATE_SHIPPED]
        if not ready:
            return []
        request = shipments_pb2.HandOverManifestRequest(
            request_id=f"day:{courier}:{pickup_s:.0f}",
            warehouse_code=warehouse.CODE,
            courier_service=courier,
            pickup_time=pickup_time,
            shipment_ids=[shipment.shipment_id for shipment in ready],
            signed_by=f"kurir {courier}",
        )
        await patiently(self.callers.terminals.shipments.HandOverManifest, request)
        return [shipment.order_reference for shipment in ready]

    async def put_back(self, at_s: float) -> Sequence[tuple[str, str, int]]:
        waiting = [put_back async for put_back in self._open_put_backs()]
        if not waiting:
            return []
        self._news_s = at_s
        runner = Picker(self.callers.terminals, "runner", "runner", scans_of(f"day:runner:{at_s:.0f}"))
        await runner.sign_in()
        for put_back in waiting:
            await runner.put_back(put_back)
        return [
            (each.suggested_bin_code, each.sku_code, each.quantity - each.returned_quantity)
            for each in waiting
        ]

    def waits(self) -> bool:
        return self._empty_s < self._news_s + _NEWS_S

    async def _open_put_backs(self) -> AsyncIterator[terminal_pb2.PutBack]:
        request = terminal_pb2.ListPutBacksRequest(page_size=200, warehouse_code=warehouse.CODE)
        async for page in pages(self.callers.terminals.terminal.ListPutBacks, request):
            for put_back in page.put_backs:
                yield put_back

    async def _gone(self, hand: _Hand, error: grpc.aio.AioRpcError) -> Picked:
        """Its order was cancelled on the way."""
        match failure_from(error).reason:
            case "TASK_CLOSED":
                return Picked(_task(await hand.terminal.next_task(hand.wave_id)), refused=True)
            case "WAVE_NOT_YOURS":
                return Picked(None, refused=True)
        raise error


def _task(task: waves_pb2.PickTask | None) -> Task | None:
    if task is None or not task.task_id:
        return None
    units = task.quantity - task.picked_quantity
    return Task(task.task_id, task.order_id, task.bin_code, task.sku_code, units)


def _pick_task(task: Task) -> waves_pb2.PickTask:
    return waves_pb2.PickTask(
        task_id=task.task_id, bin_code=task.bin_code, sku_code=task.sku_code, quantity=task.units
    )


def _timestamp(seconds: float) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(instant(seconds))
    return stamp


def _reserve(order: Order) -> reservations_pb2.ReserveRequest:
    return reservations_pb2.ReserveRequest(
        request_id=f"{order.reference}:reserve",
        lines=[reservations_pb2.ReserveLine(sku_code=sku, quantity=units) for sku, units in order.basket],
        channel_code=WEBSITE,
        customer_reference=f"buyer-of-{order.reference}",
        ttl=Duration(seconds=_HOLD_S),
        flash_sale_code=SALE_CODE if order.on_sale else "",
    )


def _confirm(order: Order, reservation_id: str) -> reservations_pb2.ConfirmRequest:
    details = reservations_pb2.OrderDetails(
        order_reference=order.reference,
        courier_service=order.courier,
        place_time=_timestamp(order.at_s),
    )
    return reservations_pb2.ConfirmRequest(
        request_id=f"{order.reference}:confirm", reservation_id=reservation_id, order=details
    )
