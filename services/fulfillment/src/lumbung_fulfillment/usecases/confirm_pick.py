"""Confirm a pick by the bin's and the item's barcode, at once or later."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from lumbung_fulfillment.clients.catalog import ScannedItem
from lumbung_fulfillment.domain.bookings import BookingKind, Step
from lumbung_fulfillment.domain.late_scans import (
    Judged,
    judge_late,
    require_plausible,
    was_dropped_since,
    was_working,
)
from lumbung_fulfillment.domain.lots import lot_to_book
from lumbung_fulfillment.domain.orders import Order
from lumbung_fulfillment.domain.picking import counted
from lumbung_fulfillment.domain.sessions import PutBack
from lumbung_fulfillment.domain.waves import Wave, WaveTask
from lumbung_fulfillment.stores import bookings, clock, orders, put_backs, scans, sessions, tasks, waves
from lumbung_fulfillment.stores.scans import NewPickScan, PickedGoods, StrayScan
from lumbung_fulfillment.usecases.advance_order import advance_order
from lumbung_fulfillment.usecases.lock_order import lock_task
from lumbung_fulfillment.usecases.settle_wave import WaveProgress, settle_wave
from lumbung_kit import telemetry
from lumbung_kit.postgres import Conn

_picked_units = telemetry.counter("picked_units", "Units that scans counted")
_pick_scans = telemetry.counter("pick_scans", "Scans that counted")
_stray_units = telemetry.counter("stray_units", "Units that a late scan says were taken and nobody wants")


@dataclass(frozen=True, slots=True)
class PickWish:
    """A scan of a bin and an item. `item` is what the catalog says that the barcode is on."""

    request_id: str
    session_id: UUID
    task_id: UUID
    bin_barcode: str
    item: ScannedItem
    scans: int
    scan_time: datetime | None
    lease: timedelta

    @property
    def units(self) -> int:
        """Base units that were scanned."""
        return self.item.base_quantity * self.scans


@dataclass(frozen=True, slots=True)
class PickConfirmed:
    """The task as it stands, and how the wave goes on; what of the scan counted, and what has to go back."""

    task: WaveTask
    units: int
    booking_id: UUID | None
    stray: int
    put_back: PutBack | None
    progress: WaveProgress


async def confirm_pick(conn: Conn, wish: PickWish) -> PickConfirmed:
    """Counts the pick and writes down that stock is to be told.

    Raises SessionNotFound, SessionEnded, TaskNotFound, WaveNotYours, TaskClosed, WrongBin, WrongItem, TooMany,
    WrongLot, LotExpired, and BadInput for a scan_time that cannot be.
    """
    session = await sessions.find(conn, wish.session_id)
    wave, order, task = await lock_task(conn, wish.task_id)
    if wish.scan_time is not None:
        require_plausible(wish.scan_time, await clock.now(conn))
    if session.end_time is None and wave.is_worked_on_by(session.session_id):
        judged = await _judge_own(conn, wish, task)
    else:
        await _require_late(conn, wish, wave)
        judged = judge_late(task.pick, wish.bin_barcode, wish.item.sku_code, wish.units)
    booking_id = await _count(conn, wish, wave, order, task, judged) if judged.counted else None
    put_back = await _send_back(conn, wish, order, task, judged.stray) if judged.stray else None
    await waves.renew(conn, wave.wave_id, session.session_id, wish.lease)
    progress = await settle_wave(conn, wave)
    after = await tasks.get(conn, task.task_id)
    return PickConfirmed(after, judged.counted, booking_id, judged.stray, put_back, progress)


async def _judge_own(conn: Conn, wish: PickWish, task: WaveTask) -> Judged:
    """Of the session that has the wave. What was dropped behind the picker's back was taken all the same."""
    if not task.is_open:
        close_time = await tasks.closed_at(conn, task.task_id)
        if was_dropped_since(task.pick, close_time, wish.scan_time):
            return judge_late(task.pick, wish.bin_barcode, wish.item.sku_code, wish.units)
    after = counted(task.pick, wish.bin_barcode, wish.item.sku_code, wish.units)
    return Judged(after, wish.units, 0)


async def _require_late(conn: Conn, wish: PickWish, wave: Wave) -> None:
    """Refuses a session that had not the wave when it scanned, or does not say when it did."""
    claims = await waves.claims(conn, wave.wave_id, wish.session_id)
    if wish.scan_time is None or not was_working(claims, wish.scan_time):
        await sessions.get(conn, wish.session_id)
        wave.require_worker(wish.session_id)


async def _count(
    conn: Conn, wish: PickWish, wave: Wave, order: Order, task: WaveTask, judged: Judged
) -> UUID:
    lot_code = lot_to_book(task.pick.lots, wish.item.lot, await clock.now(conn))
    step = replace(_step(order, task, judged.counted), lot_code=lot_code)
    booking_id = await bookings.queue(conn, step, f"ConfirmPick/{wish.request_id}")
    await scans.insert_pick_scan(conn, _scan(wish, wave, task, judged.counted, booking_id))
    _pick_scans.inc()
    _picked_units.inc(judged.counted)
    await tasks.save(conn, task.task_id, judged.pick)
    await orders.add_picked(conn, order.order_id, judged.pick.sku_code, judged.counted)
    await advance_order(conn, order.order_id, wave)
    return booking_id


async def _send_back(conn: Conn, wish: PickWish, order: Order, task: WaveTask, units: int) -> PutBack:
    """For the ledger these units never left their bin; nobody is sent there for them until they are back."""
    goods = PickedGoods(task.pick.sku_code, task.pick.bin_code, units, unbooked_quantity=units)
    put_back_id = await put_backs.insert(conn, order, goods)
    stray = StrayScan(
        wish.request_id,
        task.task_id,
        order.order_id,
        order.warehouse_code,
        wish.session_id,
        units,
        put_back_id,
        wish.scan_time,
    )
    await scans.insert_stray_scan(conn, stray)
    _stray_units.inc(units)
    return await put_backs.get(conn, put_back_id)


def _step(order: Order, task: WaveTask, units: int) -> Step:
    return Step(
        BookingKind.PICK,
        order.order_id,
        order.reservation_id,
        order.warehouse_code,
        sku_code=task.pick.sku_code,
        bin_code=task.pick.bin_code,
        quantity=units,
    )


def _scan(wish: PickWish, wave: Wave, task: WaveTask, units: int, booking_id: UUID) -> NewPickScan:
    return NewPickScan(
        wish.request_id,
        task.task_id,
        task.order_id,
        wave.wave_id,
        wave.warehouse_code,
        wish.session_id,
        units,
        booking_id,
        wish.scan_time,
    )
