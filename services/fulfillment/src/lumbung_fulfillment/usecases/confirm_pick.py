"""Confirm a pick by the bin's and the item's barcode."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from lumbung_fulfillment.clients.catalog import ScannedItem
from lumbung_fulfillment.domain.bookings import BookingKind, Step
from lumbung_fulfillment.domain.orders import Order
from lumbung_fulfillment.domain.picking import counted
from lumbung_fulfillment.domain.waves import Wave, WaveTask
from lumbung_fulfillment.stores import bookings, orders, scans, sessions, tasks, waves
from lumbung_fulfillment.stores.scans import NewPickScan
from lumbung_fulfillment.usecases.advance_order import advance_order
from lumbung_fulfillment.usecases.lock_order import lock_task
from lumbung_fulfillment.usecases.settle_wave import WaveProgress, settle_wave
from lumbung_kit.postgres import Conn


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
    """The task as it stands, and how the wave goes on."""

    task: WaveTask
    units: int
    booking_id: UUID
    progress: WaveProgress


async def confirm_pick(conn: Conn, wish: PickWish) -> PickConfirmed:
    """Counts the pick and writes down that stock is to be told.

    Raises SessionNotFound, SessionEnded, TaskNotFound, WaveNotYours, TaskClosed, WrongBin, WrongItem, TooMany.
    """
    session = await sessions.get(conn, wish.session_id)
    wave, order, task = await lock_task(conn, wish.task_id)
    wave.require_worker(session.session_id)
    after = counted(task.pick, wish.bin_barcode, wish.item.sku_code, wish.units)
    booking_id = await bookings.queue(conn, _step(order, task, wish.units), f"ConfirmPick/{wish.request_id}")
    await scans.insert_pick_scan(conn, _scan(wish, wave, task, booking_id))
    await tasks.save(conn, task.task_id, after)
    await orders.add_picked(conn, order.order_id, after.sku_code, wish.units)
    await waves.renew(conn, wave.wave_id, session.session_id, wish.lease)
    await advance_order(conn, order.order_id, wave)
    progress = await settle_wave(conn, wave)
    return PickConfirmed(await tasks.get(conn, task.task_id), wish.units, booking_id, progress)


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


def _scan(wish: PickWish, wave: Wave, task: WaveTask, booking_id: UUID) -> NewPickScan:
    return NewPickScan(
        wish.request_id,
        task.task_id,
        task.order_id,
        wave.wave_id,
        wave.warehouse_code,
        wish.session_id,
        wish.units,
        booking_id,
        wish.scan_time,
    )
