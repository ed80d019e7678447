"""Goods that came back, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from lumbung_fulfillment.domain.failures import ReturnNotFound
from lumbung_fulfillment.domain.orders import Order
from lumbung_fulfillment.domain.returns import Decision, Return, ReturnLine, ReturnReason, ReturnState
from lumbung_fulfillment.stores.query import Row, execute, fetch, fetch_one
from lumbung_kit import context, sql
from lumbung_kit.postgres import Conn

_SQL = sql.load(__package__, "returns.sql")
_INSERT, _INSERT_LINES, _RETURNED = (_SQL[name] for name in ("insert", "insert_lines", "returned_of_order"))
_GET, _LOCK, _PAGE = _SQL["get"], _SQL["lock"], _SQL["page"]
_INSERT_DECISION, _DECIDE, _FINISH, _BOOKINGS_OF = (
    _SQL[name] for name in ("insert_decision", "decide", "finish_if_decided", "bookings_of")
)


def _return(row: Row) -> Return:
    fields = {name: value for name, value in row.items() if name != "actor"}
    return Return(
        **fields
        | {
            "state": ReturnState(row["state"]),
            "reason": ReturnReason(row["reason"]),
            "lines": tuple(ReturnLine(*line) for line in row["lines"]),
        }
    )


async def insert(
    conn: Conn, return_id: UUID, order: Order, lines: Mapping[str, int], reason: ReturnReason, note: str
) -> None:
    """Goods came back for an order."""
    row = {
        "return_id": return_id,
        "order_id": order.order_id,
        "warehouse_code": order.warehouse_code,
        "reason": reason.value,
        "note": note,
        "actor": context.actor(),
    }
    await execute(conn, _INSERT, row)
    columns = {"sku_codes": list(lines), "quantities": list(lines.values())}
    await execute(conn, _INSERT_LINES, {"return_id": return_id, **columns})


async def returned_of_order(conn: Conn, order_id: UUID) -> dict[str, int]:
    """What came back of an order before, by SKU."""
    rows = await fetch(conn, _RETURNED, {"order_id": order_id})
    return {row["sku_code"]: row["quantity"] for row in rows}


async def get(conn: Conn, return_id: UUID) -> Return:
    """Raises ReturnNotFound."""
    row = await fetch_one(conn, _GET, {"return_id": return_id})
    if row is None:
        raise ReturnNotFound(metadata={"return_id": str(return_id)})
    return _return(row)


async def lock(conn: Conn, return_id: UUID) -> Return:
    """Locked until the end of the transaction. Raises ReturnNotFound."""
    await execute(conn, _LOCK, {"return_id": return_id})
    return await get(conn, return_id)


async def decide(conn: Conn, return_id: UUID, decision: Decision, booking_id: UUID) -> None:
    """Writes down what becomes of some of the goods."""
    row = {
        "booking_id": booking_id,
        "return_id": return_id,
        "sku_code": decision.sku_code,
        "quantity": decision.quantity,
        "condition": decision.condition.value,
        "bin_code": decision.bin_code,
        "note": decision.note,
        "photo_reference": decision.photo_reference,
        "actor": context.actor(),
    }
    await execute(conn, _INSERT_DECISION, row)
    await execute(conn, _DECIDE, row)


async def finish_if_decided(conn: Conn, return_id: UUID) -> None:
    """A return is inspected when nothing is left to decide."""
    await execute(conn, _FINISH, {"return_id": return_id})


async def bookings_of(conn: Conn, return_ids: list[UUID]) -> list[UUID]:
    """The bookings of these returns' decisions."""
    return [row["booking_id"] for row in await fetch(conn, _BOOKINGS_OF, {"return_ids": return_ids})]


async def page(
    conn: Conn,
    warehouse_code: str,
    state: ReturnState | None,
    order_id: UUID | None,
    before: tuple[datetime, UUID],
    limit: int,
) -> list[Return]:
    """Newest first, before a place in that order."""
    parameters = {
        "warehouse_code": warehouse_code,
        "state": state.value if state else "",
        "order_id": order_id,
        "before_time": before[0],
        "before_id": before[1],
        "limit": limit,
    }
    return [_return(row) for row in await fetch(conn, _PAGE, parameters)]
