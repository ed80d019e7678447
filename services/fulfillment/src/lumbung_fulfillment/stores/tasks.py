"""Picks at their places in a walk, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from lumbung_fulfillment.domain.bins import Pick
from lumbung_fulfillment.domain.failures import TaskNotFound
from lumbung_fulfillment.domain.layout import Stop
from lumbung_fulfillment.domain.lots import PlannedLot
from lumbung_fulfillment.domain.picking import PickState, PickTask
from lumbung_fulfillment.domain.waves import WaveTask
from lumbung_fulfillment.stores.query import Row, execute, fetch, fetch_one
from lumbung_kit import sql
from lumbung_kit.postgres import Conn

_SQL = sql.load(__package__, "tasks.sql")
_INSERT, _GET, _LOCK, _SAVE = (_SQL[name] for name in ("insert", "get", "lock", "save"))
_OF_WAVE, _OF_ORDER, _NEXT_OPEN = _SQL["of_wave"], _SQL["of_order"], _SQL["next_open"]
_OF_PLAN = _SQL["of_plan"]
_CANCEL_OPEN, _CANCEL_SKUS = _SQL["cancel_open"], _SQL["cancel_open_of_skus"]
_MAKE_ROOM, _CLOSED_AT = _SQL["make_room"], _SQL["closed_at"]


@dataclass(frozen=True, slots=True)
class NewTask:
    """A pick to store, at its place in a walk."""

    task_id: UUID
    wave_id: UUID
    order_id: UUID
    sequence: int
    pick: Pick
    replaces_task_id: UUID | None = None


def _task(row: Row) -> WaveTask:
    pick = PickTask(
        row["bin_code"],
        row["sku_code"],
        row["quantity"],
        row["picked_quantity"],
        PickState(row["state"]),
        tuple(_planned_lot(lot) for lot in row["lots"]),
    )
    return WaveTask(
        row["task_id"],
        row["wave_id"],
        row["order_id"],
        row["sequence"],
        Stop(row["aisle_index"], row["y_m"]),
        pick,
        row["tote_position"],
        row["replaces_task_id"],
    )


def _planned_lot(row: Row) -> PlannedLot:
    return PlannedLot(
        row["lot_code"],
        row["quantity"],
        date.fromisoformat(row["expires_on"]) if row["expires_on"] else None,
        datetime.fromisoformat(row["sale_end"]) if row["sale_end"] else None,
    )


def _lot_row(lot: PlannedLot) -> Row:
    return {
        "lot_code": lot.lot_code,
        "quantity": lot.quantity,
        "expires_on": lot.expires_on and lot.expires_on.isoformat(),
        "sale_end": lot.sale_end and lot.sale_end.isoformat(),
    }


async def insert(conn: Conn, warehouse_code: str, tasks: Sequence[NewTask]) -> None:
    """Stores picks, in one statement."""
    rows = [
        {
            "task_id": str(task.task_id),
            "wave_id": str(task.wave_id),
            "order_id": str(task.order_id),
            "sequence": task.sequence,
            "bin_code": task.pick.bin_code,
            "aisle_index": task.pick.stop.aisle,
            "y_m": task.pick.stop.y,
            "sku_code": task.pick.sku_code,
            "quantity": task.pick.quantity,
            "lots": [_lot_row(lot) for lot in task.pick.lots],
            "replaces_task_id": task.replaces_task_id and str(task.replaces_task_id),
        }
        for task in tasks
    ]
    await execute(conn, _INSERT, {"warehouse_code": warehouse_code, "tasks": Jsonb(rows)})


async def get(conn: Conn, task_id: UUID) -> WaveTask:
    """Raises TaskNotFound."""
    row = await fetch_one(conn, _GET, {"task_id": task_id})
    if row is None:
        raise TaskNotFound(metadata={"task_id": str(task_id)})
    return _task(row)


async def lock(conn: Conn, task_id: UUID) -> WaveTask:
    """Locked until the end of the transaction, after its wave and its order. Raises TaskNotFound."""
    await execute(conn, _LOCK, {"task_id": task_id})
    return await get(conn, task_id)


async def of_wave(conn: Conn, wave_id: UUID) -> list[WaveTask]:
    """In walking order."""
    return [_task(row) for row in await fetch(conn, _OF_WAVE, {"wave_id": wave_id})]


async def of_plan(conn: Conn, plan_id: UUID) -> list[WaveTask]:
    """The picks of a plan as they were planned, wave by wave, in walking order."""
    return [_task(row) for row in await fetch(conn, _OF_PLAN, {"plan_id": plan_id})]


async def of_order(conn: Conn, order_id: UUID) -> list[WaveTask]:
    """Of every wave that it rode in."""
    return [_task(row) for row in await fetch(conn, _OF_ORDER, {"order_id": order_id})]


async def next_open(conn: Conn, wave_id: UUID) -> WaveTask | None:
    """The next thing to pick; none when the wave has no open task."""
    row = await fetch_one(conn, _NEXT_OPEN, {"wave_id": wave_id})
    return _task(row) if row else None


async def save(conn: Conn, task_id: UUID, pick: PickTask) -> None:
    """Stores what became of a pick."""
    row = {"task_id": task_id, "picked_quantity": pick.picked_quantity, "state": pick.state.value}
    await execute(conn, _SAVE, row)


async def cancel_open_of_order(conn: Conn, order_id: UUID) -> int:
    """What is still open of an order is no longer wanted; how many picks."""
    return await execute(conn, _CANCEL_OPEN, {"order_id": order_id, "wave_id": None})


async def cancel_open_of_skus(conn: Conn, order_id: UUID, sku_codes: Sequence[str]) -> int:
    """What is still open of some SKUs of an order is no longer wanted; how many picks."""
    return await execute(conn, _CANCEL_SKUS, {"order_id": order_id, "sku_codes": list(sku_codes)})


async def cancel_open_of_wave(conn: Conn, wave_id: UUID) -> int:
    """What is still open of a wave is no longer wanted; how many picks."""
    return await execute(conn, _CANCEL_OPEN, {"order_id": None, "wave_id": wave_id})


async def make_room(conn: Conn, wave_id: UUID, sequence: int, places: int) -> None:
    """Moves the tasks from a place in the walk on further back."""
    await execute(conn, _MAKE_ROOM, {"wave_id": wave_id, "sequence": sequence, "places": places})


async def closed_at(conn: Conn, task_id: UUID) -> datetime | None:
    """When a pick stopped taking scans; none while it is open, or when nobody wrote it down."""
    (row,) = await fetch(conn, _CLOSED_AT, {"task_id": task_id})
    return row["close_time"]  # type: ignore[no-any-return]
