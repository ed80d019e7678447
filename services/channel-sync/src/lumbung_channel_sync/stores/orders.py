"""Orders of channels in Postgres."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from lumbung_channel_sync.domain.orders import (
    ChannelOrder,
    ExpectedReturn,
    OrderLine,
    OrderState,
    ReturnAnnounced,
)
from lumbung_kit import sql
from lumbung_kit.postgres import Conn

_SQL = sql.load(__package__, "orders.sql")
_OPEN = _SQL["open_orders"]
_INSERT_LINES = _SQL["insert_lines"]
_RELEARN_LINES = _SQL["relearn_lines"]
_LOCK = _SQL["lock_orders"]
_DECIDE = _SQL["decide"]
_STICK = _SQL["stick"]
_UNSTICK = _SQL["unstick"]
_SET_ROUND = _SQL["set_round"]
_CANCEL = _SQL["cancel"]
_INSERT_TOMBSTONE = _SQL["insert_tombstone"]
_NOTE_LATE_CANCELLATION = _SQL["note_late_cancellation"]
_CANCEL_BY_RESERVATION = _SQL["cancel_by_reservation"]
_NOTE_ANSWERED = _SQL["note_answered"]
_GET = _SQL["get_orders"]
_LIST = _SQL["list_orders"]
_INSERT_RETURN = _SQL["insert_return"]
_LIST_RETURNS = _SQL["list_returns"]


class OrderKey(NamedTuple):
    """An order's name in the whole system."""

    channel_code: str
    order_ref: str


@dataclass(frozen=True, slots=True)
class NewOrder:
    """An order to be written down."""

    key: OrderKey
    state: OrderState
    lines: tuple[OrderLine, ...]
    customer_reference: str
    courier_service: str
    place_time: datetime | None
    receive_time: datetime
    traceparent: str


@dataclass(frozen=True, slots=True)
class Decision:
    """Stock's answer for one order."""

    key: OrderKey
    state: OrderState
    reservation_id: str = ""
    reason: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """Which orders to show; empty means any."""

    channel_code: str = ""
    state: OrderState | None = None
    reservation_id: UUID | None = None


async def open_new(conn: Conn, orders: Sequence[NewOrder]) -> set[OrderKey]:
    """Writes down those that are new, with their lines, and names them."""
    cursor = await conn.execute(
        _OPEN,
        {
            **_keys(order.key for order in orders),
            "states": [order.state.value for order in orders],
            "customer_references": [order.customer_reference for order in orders],
            "courier_services": [order.courier_service for order in orders],
            "place_times": [order.place_time for order in orders],
            "receive_times": [order.receive_time for order in orders],
            "traceparents": [order.traceparent for order in orders],
        },
    )
    opened = {OrderKey(*row) for row in await cursor.fetchall()}
    lines = [
        (order.key, number, line)
        for order in orders
        if order.key in opened
        for number, line in enumerate(order.lines)
    ]
    if lines:
        await conn.execute(_INSERT_LINES, _line_columns(lines))
    return opened


def _line_columns(lines: Sequence[tuple[OrderKey, int, OrderLine]]) -> dict[str, list[Any]]:
    return {
        **_keys(key for key, _, _ in lines),
        "line_numbers": [number for _, number, _ in lines],
        "listing_refs": [line.listing_ref for _, _, line in lines],
        "sku_codes": [line.sku_code for _, _, line in lines],
        "item_quantities": [line.item_quantity for _, _, line in lines],
        "unit_quantities": [line.unit_quantity for _, _, line in lines],
        "flash_sale_codes": [line.flash_sale_code for _, _, line in lines],
    }


async def relearn_lines(conn: Conn, key: OrderKey) -> None:
    """Looks again for listings that were unknown when the order came."""
    await conn.execute(_RELEARN_LINES, key._asdict())


async def lock(conn: Conn, keys: Iterable[OrderKey]) -> None:
    """Nobody else changes these orders until the transaction ends."""
    await conn.execute(_LOCK, _keys(keys))


async def decide(conn: Conn, decisions: Sequence[Decision]) -> set[OrderKey]:
    """Writes down stock's answers; names the orders that were still waiting for one."""
    cursor = await conn.execute(
        _DECIDE,
        {
            **_keys(decision.key for decision in decisions),
            "states": [decision.state.value for decision in decisions],
            "reservation_ids": [decision.reservation_id or None for decision in decisions],
            "reasons": [decision.reason for decision in decisions],
            "messages": [decision.message for decision in decisions],
        },
    )
    return {OrderKey(*row) for row in await cursor.fetchall()}


async def stick(conn: Conn, key: OrderKey, reason: str, message: str, *, answered: bool) -> None:
    """The order waits for a person. `answered`: stock said no for good, so the next try needs a new id."""
    await conn.execute(_STICK, {**key._asdict(), "reason": reason, "message": message, "answered": answered})


async def unstick(conn: Conn, key: OrderKey) -> None:
    """The order waits for stock again."""
    await conn.execute(_UNSTICK, key._asdict())


async def set_round(conn: Conn, key: OrderKey, reserve_round: int) -> None:
    """From now on, stock is asked under this round's id."""
    await conn.execute(_SET_ROUND, {**key._asdict(), "reserve_round": reserve_round})


async def cancel(conn: Conn, key: OrderKey, reason: str, from_states: Sequence[OrderState]) -> bool:
    """Cancels an order that is in one of these states; False when it is not."""
    states = [state.value for state in from_states]
    cursor = await conn.execute(_CANCEL, {**key._asdict(), "reason": reason, "from_states": states})
    return await cursor.fetchone() is not None


async def insert_tombstone(
    conn: Conn, key: OrderKey, reason: str, receive_time: datetime, traceparent: str
) -> bool:
    """An order that was cancelled before it came; False when it has come meanwhile."""
    cursor = await conn.execute(
        _INSERT_TOMBSTONE,
        {**key._asdict(), "reason": reason, "receive_time": receive_time, "traceparent": traceparent},
    )
    return await cursor.fetchone() is not None


async def note_late_cancellation(conn: Conn, key: OrderKey, reason: str) -> None:
    """The channel cancelled what had shipped."""
    await conn.execute(_NOTE_LATE_CANCELLATION, {**key._asdict(), "reason": reason})


async def cancel_by_reservation(conn: Conn, reservation_id: UUID, reason: str) -> OrderKey | None:
    """Stock took it back by itself; None when it is no order of ours, or was cancelled already."""
    cursor = await conn.execute(_CANCEL_BY_RESERVATION, {"reservation_id": reservation_id, "reason": reason})
    row = await cursor.fetchone()
    return None if row is None else OrderKey(*row)


async def note_answered(conn: Conn, keys: Iterable[OrderKey]) -> None:
    """The channel has taken our last answer."""
    await conn.execute(_NOTE_ANSWERED, _keys(keys))


async def get_many(conn: Conn, keys: Iterable[OrderKey]) -> dict[OrderKey, ChannelOrder]:
    """Whole orders; those that are unknown are missing."""
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_GET, _keys(keys))
        found = [_order(row) for row in await cursor.fetchall()]
    return {OrderKey(order.channel_code, order.order_ref): order for order in found}


async def get(conn: Conn, key: OrderKey) -> ChannelOrder | None:
    """One whole order."""
    return (await get_many(conn, [key])).get(key)


async def list_page(
    conn: Conn, before: int, limit: int, wanted: OrderFilter
) -> list[tuple[int, ChannelOrder]]:
    """Orders with their running number, newest first; those before `before`, or all when it is 0."""
    cursor = await conn.execute(
        _LIST,
        {
            "before": before,
            "limit": limit,
            "channel_code": wanted.channel_code,
            "state": wanted.state.value if wanted.state else "",
            "reservation_id": wanted.reservation_id,
        },
    )
    rows = [(int(order_id), OrderKey(*key)) for order_id, *key in await cursor.fetchall()]
    orders = await get_many(conn, [key for _, key in rows])
    return [(number, orders[key]) for number, key in rows]


async def insert_return(
    conn: Conn,
    channel_code: str,
    announced: ReturnAnnounced,
    lines: Sequence[OrderLine],
    receive_time: datetime,
) -> bool:
    """Goods that will come back; False when that is known already."""
    cursor = await conn.execute(
        _INSERT_RETURN,
        {
            "channel_code": channel_code,
            "return_ref": announced.return_ref,
            "order_ref": announced.order_ref,
            "lines": Jsonb([astuple(line) for line in lines]),
            "reason": announced.reason,
            "receive_time": receive_time,
        },
    )
    return await cursor.fetchone() is not None


async def list_returns(
    conn: Conn, before: int, limit: int, *, channel_code: str = "", return_ref: str = ""
) -> list[ExpectedReturn]:
    """Expected returns, newest first."""
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            _LIST_RETURNS,
            {"before": before, "limit": limit, "channel_code": channel_code, "return_ref": return_ref},
        )
        return [
            ExpectedReturn(**{**row, "lines": tuple(OrderLine(*line) for line in row["lines"])})
            for row in await cursor.fetchall()
        ]


def _keys(keys: Iterable[OrderKey]) -> dict[str, list[str]]:
    listed = list(keys)
    return {
        "channel_codes": [key.channel_code for key in listed],
        "order_refs": [key.order_ref for key in listed],
    }


def _order(row: Mapping[str, Any]) -> ChannelOrder:
    return ChannelOrder(
        channel_code=row["channel_code"],
        order_ref=row["order_ref"],
        state=OrderState(row["state"]),
        lines=tuple(OrderLine(*line) for line in row["lines"]),
        customer_reference=row["customer_reference"],
        courier_service=row["courier_service"],
        place_time=row["place_time"],
        receive_time=row["receive_time"],
        reserve_round=row["reserve_round"],
        decide_time=row["decide_time"],
        reservation_id=str(row["reservation_id"] or ""),
        reason=row["reason"],
        message=row["message"],
        cancel_time=row["cancel_time"],
        cancel_reason=row["cancel_reason"],
        cancel_came_too_late=row["cancel_came_too_late"],
        answer_time=row["answer_time"],
        duplicate_count=row["duplicate_count"],
        traceparent=row["traceparent"],
    )
