"""Take a confirmed scan back: its units are in the bin again and the task is open."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from lumbung_fulfillment.domain.bookings import BookingKind, Step
from lumbung_fulfillment.domain.failures import OrderWrongState, ScanUndone
from lumbung_fulfillment.domain.orders import OrderState
from lumbung_fulfillment.domain.picking import undone
from lumbung_fulfillment.domain.waves import Wave, WaveState, WaveTask
from lumbung_fulfillment.stores import bookings, journal, orders, packages, scans, sessions, tasks, waves
from lumbung_fulfillment.usecases.advance_order import advance_order
from lumbung_fulfillment.usecases.lock_order import lock_task
from lumbung_fulfillment.usecases.settle_wave import settle_wave
from lumbung_kit.postgres import Conn


@dataclass(frozen=True, slots=True)
class UndoWish:
    """Which scan is to be taken back."""

    request_id: str
    session_id: UUID
    scan_request_id: str
    lease: timedelta


@dataclass(frozen=True, slots=True)
class PickUndone:
    """The task, open again."""

    task: WaveTask
    units: int
    booking_id: UUID


async def undo_pick(conn: Conn, wish: UndoWish) -> PickUndone:
    """Raises SessionNotFound, SessionEnded, ScanNotFound, ScanUndone, WaveNotYours, WaveWrongState, CartInUse,
    OrderWrongState, TaskClosed.
    """
    session = await sessions.lock(conn, wish.session_id)
    found = await scans.get_pick_scan(conn, wish.scan_request_id)
    wave, order, task = await lock_task(conn, found.task_id)
    wave.require_worker(session.session_id)
    wave.require(WaveState.CLAIMED, WaveState.DONE)
    scan = await scans.get_pick_scan(conn, wish.scan_request_id)
    if scan.undo_time is not None:
        raise ScanUndone(metadata={"scan_request_id": wish.scan_request_id})
    order.require(OrderState.PLANNED, OrderState.PICKING, OrderState.PICKED)
    if await packages.of_order(conn, order.order_id) is not None:
        raise OrderWrongState("the order is being packed already", metadata={"state": order.state.name})
    after = undone(task.pick, scan.quantity)
    if wave.state is WaveState.DONE:
        await _reopen(conn, wave, wish)
    step = Step(
        BookingKind.PUT_BACK,
        order.order_id,
        order.reservation_id,
        order.warehouse_code,
        sku_code=after.sku_code,
        to_bin_code=after.bin_code,
        quantity=scan.quantity,
        lot_code=(await bookings.get(conn, scan.booking_id)).step.lot_code,
    )
    booking_id = await bookings.queue(conn, step, f"UndoPick/{wish.request_id}", undoes=scan.booking_id)
    await scans.undo_pick_scan(conn, scan.request_id, wish.request_id)
    await tasks.save(conn, task.task_id, after)
    await orders.add_picked(conn, order.order_id, after.sku_code, -scan.quantity)
    await waves.renew(conn, wave.wave_id, session.session_id, wish.lease)
    await advance_order(conn, order.order_id, wave)
    await settle_wave(conn, wave)
    return PickUndone(await tasks.get(conn, task.task_id), scan.quantity, booking_id)


async def _reopen(conn: Conn, wave: Wave, wish: UndoWish) -> None:
    """The last pick of a wave is taken back: there is something to be picked again, and who was there picks it."""
    if await waves.of_session(conn, wish.session_id) is not None:
        wave.require(WaveState.CLAIMED)
    await waves.reopen(conn, wave, wish.session_id, wish.lease)
    await journal.wave_claimed(conn, await waves.get(conn, wave.wave_id), recovered=False)
