"""Orders in PostgreSQL. Every change of state is written down with its actor, in the same statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from lumbung_fulfillment.domain.failures import OrderNotFound
from lumbung_fulfillment.domain.orders import (
    ConfirmedReservation,
    Order,
    OrderLine,
    OrderPart,
    OrderState,
    SaleLine,
)
from lumbung_fulfillment.stores.query import Row, execute, fetch
from lumbung_kit import context, sql
from lumbung_kit.postgres import Conn

_SQL = sql.load(__package__, "orders.sql")
_INSERT_ORDER, _INSERT_LINES = _SQL["insert_order"], _SQL["insert_lines"]
_INSERT_SALE_LINES, _RECORD_ACCEPTANCE = _SQL["insert_sale_lines"], _SQL["record_acceptance"]
_GET, _LOCK, _OF_RESERVATION = _SQL["get"], _SQL["lock"], _SQL["of_reservation"]
_PAGE, _WAITING, _UNSHIPPED = _SQL["page"], _SQL["waiting"], _SQL["unshipped"]
_SET_PICKUPS, _TO_RESCHEDULE, _MISSED = _SQL["set_pickups"], _SQL["to_reschedule"], _SQL["missed"]
_CHANGE_STATE, _ADD_PICKED, _NOTE_SHORT = _SQL["change_state"], _SQL["add_picked"], _SQL["note_short"]
_SHIPPED_QUANTITIES = _SQL["shipped_quantities"]
_SET_QUANTITIES = _SQL["set_quantities"]


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """What a page of orders is narrowed to; empty fields narrow nothing."""

    warehouse_code: str = ""
    states: tuple[OrderState, ...] = ()
    reservation_id: UUID | None = None
    channel_code: str = ""
    order_reference: str = ""
    wave_id: UUID | None = None


def _order(row: Row) -> Order:
    fields = dict(row)
    del fields["wanted_courier"]
    return Order(
        **fields
        | {
            "state": OrderState(row["state"]),
            "lines": tuple(OrderLine(*line) for line in row["lines"]),
            "sale_lines": tuple(SaleLine(*line) for line in row["sale_lines"]),
        }
    )


async def insert(
    conn: Conn,
    sale: ConfirmedReservation,
    part: OrderPart,
    courier_service: str,
    pickup_time: datetime | None,
) -> bool:
    """Takes an order in; False when it is there already."""
    row = {
        "order_id": part.order_id,
        "reservation_id": sale.reservation_id,
        "warehouse_code": part.warehouse_code,
        "channel_code": sale.channel_code,
        "order_reference": sale.order_reference,
        "wanted_courier": sale.courier_service,
        "courier_service": courier_service,
        "pickup_time": pickup_time,
        "priority": sale.priority,
        "note": sale.note,
        "place_time": sale.place_time,
    }
    if not await execute(conn, _INSERT_ORDER, row):
        return False
    await execute(conn, _INSERT_LINES, {"order_id": part.order_id, **_columns(part.quantities)})
    asked = {
        "sku_codes": [line.sku_code for line in sale.sale_lines],
        "quantities": [line.quantity for line in sale.sale_lines],
    }
    await execute(conn, _INSERT_SALE_LINES, {"order_id": part.order_id, **asked})
    await execute(conn, _RECORD_ACCEPTANCE, {"order_id": part.order_id, "actor": context.actor()})
    return True


def _columns(quantities: Mapping[str, int]) -> dict[str, object]:
    return {"sku_codes": list(quantities), "quantities": list(quantities.values())}


async def get(conn: Conn, order_id: UUID) -> Order:
    """Raises OrderNotFound."""
    found = await get_all(conn, [order_id])
    if not found:
        raise OrderNotFound(metadata={"order_id": str(order_id)})
    return found[0]


async def get_all(conn: Conn, order_ids: Sequence[UUID]) -> list[Order]:
    """Those that are known, by order_id."""
    return [_order(row) for row in await fetch(conn, _GET, {"order_ids": list(order_ids)})]


async def lock_all(conn: Conn, order_ids: Sequence[UUID]) -> list[Order]:
    """Locked until the end of the transaction, by order_id. The wave that they ride in is locked before them."""
    await execute(conn, _LOCK, {"order_ids": list(order_ids)})
    return await get_all(conn, order_ids)


async def lock(conn: Conn, order_id: UUID) -> Order:
    """One order, locked. Raises OrderNotFound."""
    await execute(conn, _LOCK, {"order_ids": [order_id]})
    return await get(conn, order_id)


async def of_reservation(conn: Conn, reservation_id: UUID) -> list[tuple[UUID, UUID | None]]:
    """Orders of a reservation, each with the wave that it rides in."""
    rows = await fetch(conn, _OF_RESERVATION, {"reservation_id": reservation_id})
    return [(row["order_id"], row["wave_id"]) for row in rows]


async def page(conn: Conn, narrowed: OrderFilter, after: tuple[datetime, UUID], limit: int) -> list[Order]:
    """Orders by acceptance, after a place in that order."""
    parameters = {
        "after_time": after[0],
        "after_id": after[1],
        "warehouse_code": narrowed.warehouse_code,
        "states": [state.value for state in narrowed.states],
        "reservation_id": narrowed.reservation_id,
        "channel_code": narrowed.channel_code,
        "order_reference": narrowed.order_reference,
        "wave_id": narrowed.wave_id,
        "limit": limit,
    }
    return [_order(row) for row in await fetch(conn, _PAGE, parameters)]


async def waiting(conn: Conn, warehouse_code: str, pickup_until: datetime | None, limit: int) -> list[Order]:
    """The queue of a warehouse, most urgent first."""
    parameters = {"warehouse_code": warehouse_code, "pickup_until": pickup_until, "limit": limit}
    return [_order(row) for row in await fetch(conn, _WAITING, parameters)]


async def unshipped(conn: Conn, warehouse_code: str, limit: int) -> list[Order]:
    """Orders that have not left a warehouse, earliest pickup first."""
    parameters = {"warehouse_code": warehouse_code, "limit": limit}
    return [_order(row) for row in await fetch(conn, _UNSHIPPED, parameters)]


async def to_reschedule(conn: Conn, warehouse_code: str, courier_service: str) -> list[tuple[UUID, str]]:
    """Waiting orders that a courier's schedule may concern, locked: order and the courier that was wanted."""
    parameters = {"warehouse_code": warehouse_code, "courier_service": courier_service}
    rows = await fetch(conn, _TO_RESCHEDULE, parameters)
    return [(row["order_id"], row["wanted_courier"]) for row in rows]


async def missed(conn: Conn, warehouse_code: str) -> list[tuple[UUID, str]]:
    """Waiting orders whose pickup has passed, locked: order and courier."""
    rows = await fetch(conn, _MISSED, {"warehouse_code": warehouse_code})
    return [(row["order_id"], row["courier_service"]) for row in rows]


async def set_pickups(conn: Conn, pickups: Sequence[tuple[UUID, datetime | None, str]]) -> None:
    """Gives waiting orders another pickup and courier."""
    parameters = {
        "order_ids": [order_id for order_id, _, _ in pickups],
        "pickup_times": [pickup_time for _, pickup_time, _ in pickups],
        "courier_services": [courier for _, _, courier in pickups],
    }
    await execute(conn, _SET_PICKUPS, parameters)


async def change_state(
    conn: Conn,
    order_id: UUID,
    state: OrderState,
    *,
    before: Sequence[OrderState],
    reason: str | None = None,
    place: tuple[UUID, int] | None = None,
) -> bool:
    """Brings an order into a state if it is in one of those before; whether it was.

    `place` is its wave and tote position, where it rides in one again.
    """
    wave_id, tote = place or (None, None)
    changed = await _change(conn, [(order_id, wave_id, tote)], state, before, reason)
    return bool(changed)


async def ride(
    conn: Conn, places: Sequence[tuple[UUID, UUID, int]], before: Sequence[OrderState]
) -> set[UUID]:
    """Orders with their wave and tote position are planned; those of them that still waited."""
    return set(await _change(conn, places, OrderState.PLANNED, before, None))


async def _change(
    conn: Conn,
    places: Sequence[tuple[UUID, UUID | None, int | None]],
    state: OrderState,
    before: Sequence[OrderState],
    reason: str | None,
) -> list[UUID]:
    parameters = {
        "order_ids": [order_id for order_id, _, _ in places],
        "wave_ids": [wave_id for _, wave_id, _ in places],
        "totes": [tote for _, _, tote in places],
        "state": state.value,
        "from_states": [each.value for each in before],
        "reason": reason,
        "actor": context.actor(),
    }
    return [row["order_id"] for row in await fetch(conn, _CHANGE_STATE, parameters)]


async def add_picked(conn: Conn, order_id: UUID, sku_code: str, units: int) -> None:
    """Units picked; negative when they went back."""
    await execute(conn, _ADD_PICKED, {"order_id": order_id, "sku_code": sku_code, "units": units})


async def set_quantities(conn: Conn, order_id: UUID, quantities: Mapping[str, int]) -> None:
    """What is needed now of some SKUs of a locked order; 0: nothing. Never less than was picked."""
    await execute(conn, _SET_QUANTITIES, {"order_id": order_id, **_columns(quantities)})


async def note_short(conn: Conn, order_id: UUID) -> None:
    """Everything not picked is short."""
    await execute(conn, _NOTE_SHORT, {"order_id": order_id})


async def shipped_quantities(conn: Conn, order_id: UUID) -> dict[str, int]:
    """What an order consists of, by SKU."""
    rows = await fetch(conn, _SHIPPED_QUANTITIES, {"order_id": order_id})
    return {row["sku_code"]: row["quantity"] for row in rows}
