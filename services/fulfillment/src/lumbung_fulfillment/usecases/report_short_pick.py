"""Report that a bin has less than a task asks: other bins on the way give the rest, or the order waits for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from lumbung_fulfillment.domain.bins import Pick, source
from lumbung_fulfillment.domain.bookings import BookingKind, Step
from lumbung_fulfillment.domain.orders import Order
from lumbung_fulfillment.domain.picking import shorted
from lumbung_fulfillment.domain.planning import place_on_the_way
from lumbung_fulfillment.domain.waves import Wave, WaveTask
from lumbung_fulfillment.stores import bookings, journal, scans, sessions, tasks, waves
from lumbung_fulfillment.stores.scans import ShortPick
from lumbung_fulfillment.stores.tasks import NewTask
from lumbung_fulfillment.usecases.advance_order import advance_order
from lumbung_fulfillment.usecases.lock_order import lock_task
from lumbung_fulfillment.usecases.look_at_stock import StockSight, supply_of
from lumbung_fulfillment.usecases.settle_wave import WaveProgress, settle_wave
from lumbung_kit import context, telemetry
from lumbung_kit.ids import new_id
from lumbung_kit.postgres import Conn

SERVICE = "service:fulfillment"
"""Who asks other warehouses."""

_short_picks = telemetry.counter(
    "short_picks", "Picks that went short, by whether other bins had the rest", ["other_bins"]
)


@dataclass(frozen=True, slots=True)
class ShortPickWish:
    """What a picker says about a task's bin."""

    request_id: str
    session_id: UUID
    task_id: UUID
    note: str
    lease: timedelta
    may_resource: bool


@dataclass(frozen=True, slots=True)
class ShortPickTaken:
    """The closed task, what it could not give, and where that comes from now."""

    task: WaveTask
    missing: int
    replacements: tuple[WaveTask, ...]
    booking_id: UUID | None
    progress: WaveProgress

    @property
    def unsourced(self) -> int:
        """Units that no bin has."""
        return self.missing - sum(task.pick.quantity for task in self.replacements)


async def warehouse_and_sku(conn: Conn, session_id: UUID, task_id: UUID) -> tuple[str, str]:
    """What to ask stock about, before the transaction. Raises SessionNotFound, TaskNotFound."""
    session = await sessions.find(conn, session_id)
    return session.warehouse_code, (await tasks.get(conn, task_id)).pick.sku_code


async def report_short_pick(conn: Conn, wish: ShortPickWish, sight: StockSight) -> ShortPickTaken:
    """`sight` is what stock said of the SKU just now. Raises as confirm_pick, without the wrong scans."""
    session = await sessions.get(conn, wish.session_id)
    await waves.lock_promise(conn, session.warehouse_code)
    wave, order, task = await lock_task(conn, wish.task_id)
    wave.require_worker(wish.session_id)
    closed, missing = shorted(task.pick)
    await tasks.save(conn, task.task_id, closed)
    await waves.raise_doubt(conn, wave.warehouse_code, closed.bin_code, closed.sku_code)
    replacements = await _re_source(conn, wave, task, missing, sight)
    booking_id = await _book(conn, wish, order, task, missing, sight)
    found = sum(replacement.pick.quantity for replacement in replacements)
    if found < missing and wish.may_resource:
        await _ask_elsewhere(conn, wish, order, task)
    short = _short_pick(wish, order, task, missing, found, booking_id)
    await scans.insert_short_pick(conn, short)
    _short_picks.labels("no" if short.resourced_quantity < missing else "yes").inc()
    await journal.short_pick(
        conn, order, wave.wave_id, closed.bin_code, closed.sku_code, missing, short.resourced_quantity
    )
    await waves.renew(conn, wave.wave_id, wish.session_id, wish.lease)
    await advance_order(conn, order.order_id, wave)
    progress = await settle_wave(conn, wave)
    return ShortPickTaken(await tasks.get(conn, task.task_id), missing, replacements, booking_id, progress)


async def _re_source(
    conn: Conn, wave: Wave, task: WaveTask, missing: int, sight: StockSight
) -> tuple[WaveTask, ...]:
    """New tasks in other bins, each at the place in the walk where it adds least."""
    sku_code = task.pick.sku_code
    supply = await supply_of(conn, sight, [sku_code])
    way = [task.stop, *(other.stop for other in await _ahead(conn, task))]
    picks = source(sight.floor.layout, sku_code, missing, supply, way)
    made = [await _insert_on_the_way(conn, wave, task, pick, sight) for pick in picks]
    return tuple([await tasks.get(conn, task_id) for task_id in made])


async def _ahead(conn: Conn, task: WaveTask) -> list[WaveTask]:
    """What is still to be picked after this task."""
    return [t for t in await tasks.of_wave(conn, task.wave_id) if t.is_open and t.sequence > task.sequence]


async def _insert_on_the_way(conn: Conn, wave: Wave, task: WaveTask, pick: Pick, sight: StockSight) -> UUID:
    ahead = await _ahead(conn, task)
    index = place_on_the_way(sight.floor.layout, task.stop, [other.stop for other in ahead], pick.stop)
    sequence = (ahead[index - 1] if index else task).sequence + 1
    await tasks.make_room(conn, wave.wave_id, sequence, 1)
    new = NewTask(new_id(), wave.wave_id, task.order_id, sequence, pick, task.task_id)
    await tasks.insert(conn, wave.warehouse_code, [new])
    return new.task_id


async def _book(
    conn: Conn, wish: ShortPickWish, order: Order, task: WaveTask, missing: int, sight: StockSight
) -> UUID | None:
    """Stock is told of units that its ledger has and the picker has not; none when it knows already."""
    bin_code, sku_code = task.pick.bin_code, task.pick.sku_code
    leaving = await waves.leaving(conn, order.warehouse_code, bin_code, sku_code, sight.turn.read_time)
    in_the_book = sight.units(bin_code, sku_code) - leaving
    if in_the_book <= 0:
        return None
    step = Step(
        BookingKind.SHORT_PICK,
        order.order_id,
        order.reservation_id,
        order.warehouse_code,
        sku_code=sku_code,
        bin_code=bin_code,
        quantity=min(missing, in_the_book),
    )
    return await bookings.queue(conn, step, f"ReportShortPick/{wish.request_id}")


async def _ask_elsewhere(conn: Conn, wish: ShortPickWish, order: Order, task: WaveTask) -> None:
    """Stock decides who gives, if anybody, once it has heard of the short pick; its event tells what has changed.

    Nobody at the bin decides that another warehouse sends a parcel: the service asks in its own name.
    """
    step = Step(
        BookingKind.RESOURCE,
        order.order_id,
        order.reservation_id,
        order.warehouse_code,
        sku_code=task.pick.sku_code,
        reason=f"no bin of {order.warehouse_code} has it",
    )
    with context.acting_as(SERVICE):
        await bookings.queue(conn, step, f"ReportShortPick/{wish.request_id}")


def _short_pick(
    wish: ShortPickWish, order: Order, task: WaveTask, missing: int, found: int, booking_id: UUID | None
) -> ShortPick:
    return ShortPick(
        task.task_id,
        order.order_id,
        order.warehouse_code,
        task.pick.bin_code,
        task.pick.sku_code,
        missing,
        found,
        booking_id,
        wish.note,
    )
