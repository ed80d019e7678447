"""Plans, waves and the turn to promise bins' units, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from psycopg.errors import UniqueViolation
from psycopg.types.json import Jsonb

from lumbung_fulfillment.domain.failures import CartInUse, PlanNotFound, WaveNotFound
from lumbung_fulfillment.domain.late_scans import Claim
from lumbung_fulfillment.domain.routing import Method
from lumbung_fulfillment.domain.waves import PlanTotals, Wave, WaveOrder, WaveState
from lumbung_fulfillment.stores.query import Row, execute, fetch, fetch_one
from lumbung_kit import context, sql
from lumbung_kit.postgres import Conn, constraint_of

_SQL = sql.load(__package__, "waves.sql")
_BEGIN_PROMISE, _READ_PROMISE = _SQL["begin_promise"], _SQL["read_promise"]
_TAKE_PROMISE, _LOCK_PROMISE = _SQL["take_promise"], _SQL["lock_promise"]
_PROMISED, _LEAVING, _DOUBTED = _SQL["promised"], _SQL["leaving"], _SQL["doubted"]
_RAISE_DOUBT, _CLEAR_DOUBTS = _SQL["raise_doubt"], _SQL["clear_doubts"]
_INSERT_PLAN, _GET_PLAN = _SQL["insert_plan"], _SQL["get_plan"]
_INSERT_WAVES, _INSERT_WAVE_ORDERS = _SQL["insert_waves"], _SQL["insert_wave_orders"]
_GET, _LOCK, _PAGE, _OF_PLAN = _SQL["get"], _SQL["lock"], _SQL["page"], _SQL["of_plan"]
_OF_SESSION, _CART_TAKEN, _CHOOSE, _CLAIM = (
    _SQL[name] for name in ("of_session", "cart_taken", "choose", "claim")
)
_RENEW, _TOUCH, _PAUSE, _FINISH = (_SQL[name] for name in ("renew", "touch", "pause", "finish"))
_END_CLAIM, _END_CLAIMS_OF, _BEGIN_CLAIM, _CLAIMS = (
    _SQL[name] for name in ("end_claim", "end_claims_of", "begin_claim", "claims")
)
_UNBOOKED, _REOPEN = _SQL["unbooked"], _SQL["reopen"]

CLAIMS_MAX = 100
"""How many of a session's times with one wave are looked at; it is handed over a few times at most."""
_PLACE_FIELDS = ("place_in_plan", "orders")


@dataclass(frozen=True, slots=True)
class PromiseTurn:
    """What a planner saw: the revision of a warehouse's promises, and when it began to read."""

    revision: int
    read_time: datetime


@dataclass(frozen=True, slots=True)
class BinUnits:
    """So many of a SKU in a bin."""

    bin_code: str
    sku_code: str
    quantity: int


@dataclass(frozen=True, slots=True)
class NewWave:
    """A wave to store."""

    wave_id: UUID
    pickup_time: datetime | None
    courier_services: tuple[str, ...]
    latest_start_time: datetime | None
    task_count: int
    unit_count: int
    walk_m: float
    order_by_order_walk_m: float
    s_shape_walk_m: float
    routing_method: Method
    orders: tuple[WaveOrder, ...]


@dataclass(frozen=True, slots=True)
class WaveFilter:
    """What a page of waves is narrowed to; empty fields narrow nothing."""

    warehouse_code: str = ""
    states: tuple[WaveState, ...] = ()
    plan_id: UUID | None = None


def _wave(row: Row) -> Wave:
    fields = {name: value for name, value in row.items() if name not in _PLACE_FIELDS}
    return Wave(
        **fields
        | {
            "state": WaveState(row["state"]),
            "courier_services": tuple(row["courier_services"]),
            "routing_method": Method(row["routing_method"]),
            "orders": tuple(WaveOrder(UUID(order), tote, walk) for order, tote, walk in row["orders"]),
        }
    )


async def read_promise(conn: Conn, warehouse_code: str) -> PromiseTurn:
    """Where the promises of a warehouse stand."""
    await execute(conn, _BEGIN_PROMISE, {"warehouse_code": warehouse_code})
    (row,) = await fetch(conn, _READ_PROMISE, {"warehouse_code": warehouse_code})
    return PromiseTurn(**row)


async def take_promise(conn: Conn, warehouse_code: str, revision: int) -> bool:
    """The turn to promise units, unless somebody promised any since that revision."""
    parameters = {"warehouse_code": warehouse_code, "revision": revision}
    return bool(await execute(conn, _TAKE_PROMISE, parameters))


async def lock_promise(conn: Conn, warehouse_code: str) -> None:
    """The turn to promise units; waits for it. Before every other lock."""
    await execute(conn, _BEGIN_PROMISE, {"warehouse_code": warehouse_code})
    await execute(conn, _LOCK_PROMISE, {"warehouse_code": warehouse_code})


async def promised(
    conn: Conn, warehouse_code: str, sku_codes: Sequence[str], read_time: datetime
) -> list[BinUnits]:
    """Units that stock's figures, read from `read_time` on, may hold and that are spoken for."""
    parameters = {"warehouse_code": warehouse_code, "sku_codes": list(sku_codes), "read_time": read_time}
    return [BinUnits(**row) for row in await fetch(conn, _PROMISED, parameters)]


async def leaving(conn: Conn, warehouse_code: str, bin_code: str, sku_code: str, read_time: datetime) -> int:
    """Units that have left a bin, and that stock's figure, read from `read_time` on, may still hold: on their way to
    stock, or in a tote without stock knowing.
    """
    parameters = {
        "warehouse_code": warehouse_code,
        "bin_code": bin_code,
        "sku_code": sku_code,
        "read_time": read_time,
    }
    (left,) = await fetch(conn, _LEAVING, parameters)
    (unbooked,) = await fetch(conn, _UNBOOKED, parameters)
    return int(left["quantity"]) + int(unbooked["quantity"])


async def doubted(conn: Conn, warehouse_code: str, sku_codes: Sequence[str]) -> list[tuple[str, str]]:
    """Bins that were found empty of a SKU and have not been seen to since."""
    parameters = {"warehouse_code": warehouse_code, "sku_codes": list(sku_codes)}
    return [(row["bin_code"], row["sku_code"]) for row in await fetch(conn, _DOUBTED, parameters)]


async def raise_doubt(conn: Conn, warehouse_code: str, bin_code: str, sku_code: str) -> None:
    """Nobody is sent to this bin for this SKU."""
    parameters = {"warehouse_code": warehouse_code, "bin_code": bin_code, "sku_code": sku_code}
    await execute(conn, _RAISE_DOUBT, parameters)


async def clear_doubts(conn: Conn, places: Sequence[tuple[str, str, str]]) -> None:
    """Goods came to these (warehouse, bin, SKU), or they were counted."""
    parameters = {
        "warehouse_codes": [place[0] for place in places],
        "bin_codes": [place[1] for place in places],
        "sku_codes": [place[2] for place in places],
    }
    await execute(conn, _CLEAR_DOUBTS, parameters)


async def insert_plan(conn: Conn, totals: PlanTotals) -> None:
    """Stores a plan's totals; its time is the database's."""
    row = {name: getattr(totals, name) for name in totals.__slots__}
    await execute(conn, _INSERT_PLAN, row | {"actor": context.actor()})


async def get_plan(conn: Conn, plan_id: UUID) -> PlanTotals:
    """Raises PlanNotFound."""
    row = await fetch_one(conn, _GET_PLAN, {"plan_id": plan_id})
    if row is None:
        raise PlanNotFound(metadata={"plan_id": str(plan_id)})
    del row["actor"]
    return PlanTotals(**row)


async def insert_waves(conn: Conn, plan_id: UUID, warehouse_code: str, waves: Sequence[NewWave]) -> None:
    """Stores waves with their orders, in three statements whatever their number."""
    rows = [_new_row(place, wave) for place, wave in enumerate(waves)]
    await execute(
        conn, _INSERT_WAVES, {"plan_id": plan_id, "warehouse_code": warehouse_code, "waves": Jsonb(rows)}
    )
    riding = [(wave.wave_id, order) for wave in waves for order in wave.orders]
    columns = {
        "wave_ids": [wave_id for wave_id, _ in riding],
        "order_ids": [order.order_id for _, order in riding],
        "totes": [order.tote_position for _, order in riding],
        "alone_walks_m": [order.alone_walk_m for _, order in riding],
    }
    await execute(conn, _INSERT_WAVE_ORDERS, columns)


def _new_row(place: int, wave: NewWave) -> Row:
    return {
        "wave_id": str(wave.wave_id),
        "place_in_plan": place,
        "pickup_time": wave.pickup_time and wave.pickup_time.isoformat(),
        "courier_services": list(wave.courier_services),
        "latest_start_time": wave.latest_start_time and wave.latest_start_time.isoformat(),
        "task_count": wave.task_count,
        "unit_count": wave.unit_count,
        "walk_m": wave.walk_m,
        "order_by_order_walk_m": wave.order_by_order_walk_m,
        "s_shape_walk_m": wave.s_shape_walk_m,
        "routing_method": wave.routing_method.value,
    }


async def get(conn: Conn, wave_id: UUID) -> Wave:
    """Raises WaveNotFound."""
    row = await fetch_one(conn, _GET, {"wave_id": wave_id})
    if row is None:
        raise WaveNotFound(metadata={"wave_id": str(wave_id)})
    return _wave(row)


async def lock(conn: Conn, wave_id: UUID) -> Wave:
    """Locked until the end of the transaction. Raises WaveNotFound."""
    await execute(conn, _LOCK, {"wave_id": wave_id})
    return await get(conn, wave_id)


async def page(conn: Conn, narrowed: WaveFilter, before: tuple[datetime, UUID], limit: int) -> list[Wave]:
    """Waves newest first, before a place in that order."""
    parameters = {
        "before_time": before[0],
        "before_id": before[1],
        "warehouse_code": narrowed.warehouse_code,
        "states": [state.value for state in narrowed.states],
        "plan_id": narrowed.plan_id,
        "limit": limit,
    }
    return [_wave(row) for row in await fetch(conn, _PAGE, parameters)]


async def of_plan(conn: Conn, plan_id: UUID) -> list[Wave]:
    """Waves of a plan in the order in which terminals are given them."""
    return [_wave(row) for row in await fetch(conn, _OF_PLAN, {"plan_id": plan_id})]


async def of_session(conn: Conn, session_id: UUID) -> UUID | None:
    """The wave that a session works on, locked."""
    row = await fetch_one(conn, _OF_SESSION, {"session_id": session_id})
    return row["wave_id"] if row else None


async def cart_taken(conn: Conn, warehouse_code: str, cart_code: str, session_id: UUID) -> bool:
    """Whether another session works with this cart."""
    parameters = {"warehouse_code": warehouse_code, "cart_code": cart_code, "session_id": session_id}
    return await fetch_one(conn, _CART_TAKEN, parameters) is not None


async def choose(conn: Conn, warehouse_code: str, cart_code: str, wave_id: UUID | None) -> UUID | None:
    """The next wave for a cart, or none; locked."""
    parameters = {"warehouse_code": warehouse_code, "cart_code": cart_code, "wave_id": wave_id}
    row = await fetch_one(conn, _CHOOSE, parameters)
    return row["wave_id"] if row else None


async def claim(
    conn: Conn, wave_id: UUID, session_id: UUID, terminal_code: str, cart_code: str, lease: timedelta
) -> None:
    """Gives a wave to a session. Raises CartInUse when another wave is on the cart."""
    parameters = {
        "wave_id": wave_id,
        "session_id": session_id,
        "terminal_code": terminal_code,
        "cart_code": cart_code,
        "lease": lease,
    }
    try:
        await execute(conn, _CLAIM, parameters)
        await execute(conn, _END_CLAIM, parameters)
        await execute(conn, _BEGIN_CLAIM, parameters)
    except UniqueViolation as error:
        if constraint_of(error) == "wave_one_per_cart":
            raise CartInUse(metadata={"cart_code": cart_code}) from error
        raise


async def reopen(conn: Conn, wave: Wave, session_id: UUID, lease: timedelta) -> None:
    """A wave that was done is its last session's again; both are locked. Raises CartInUse."""
    parameters = {"wave_id": wave.wave_id, "session_id": session_id, "lease": lease}
    try:
        await execute(conn, _REOPEN, parameters)
        await execute(conn, _BEGIN_CLAIM, parameters)
    except UniqueViolation as error:
        if constraint_of(error) == "wave_one_per_cart":
            raise CartInUse(metadata={"cart_code": wave.cart_code}) from error
        raise


async def claims(conn: Conn, wave_id: UUID, session_id: UUID) -> list[Claim]:
    """When a session worked on a wave, newest first."""
    parameters = {"wave_id": wave_id, "session_id": session_id, "limit": CLAIMS_MAX}
    return [Claim(**row) for row in await fetch(conn, _CLAIMS, parameters)]


async def renew(conn: Conn, wave_id: UUID, session_id: UUID, lease: timedelta) -> tuple[datetime, int] | None:
    """When the lease ends now, and the wave's revision; none when the session does not have the wave."""
    row = await fetch_one(conn, _RENEW, {"wave_id": wave_id, "session_id": session_id, "lease": lease})
    return (row["lease_expire_time"], row["revision"]) if row else None


async def touch(conn: Conn, wave_id: UUID) -> int:
    """Counts a change of its tasks; the new revision."""
    (row,) = await fetch(conn, _TOUCH, {"wave_id": wave_id})
    return int(row["revision"])


async def pause_of(conn: Conn, session_id: UUID) -> None:
    """The session's wave waits for the next claim, if it has one."""
    await execute(conn, _PAUSE, {"session_id": session_id})
    await execute(conn, _END_CLAIMS_OF, {"session_id": session_id})


async def finish(conn: Conn, wave_id: UUID, state: WaveState) -> None:
    """The wave is over: done or cancelled."""
    await execute(conn, _FINISH, {"wave_id": wave_id, "state": state.value})
    await execute(conn, _END_CLAIM, {"wave_id": wave_id})
