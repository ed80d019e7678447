"""Goods that came back, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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

_EXPECT, _EXPECT_LINES, _EXPECTED_OF_ORDER, _ARRIVE, _GET_EXPECTED, _EXPECTED_PAGE = (
    _SQL[name]
    for name in ("expect", "expect_lines", "expected_of_order", "arrive", "get_expected", "expected_page")
)


@dataclass(frozen=True, slots=True)
class ReturnFilter:
    """Which returns are wanted. `late_by_zone`: only those that were not decided about on the day they arrived."""

    warehouse_code: str = ""
    state: ReturnState | None = None
    order_id: UUID | None = None
    late_by_zone: str = ""

    def parameters(self) -> dict[str, object]:
        """For the pages."""
        return {
            "warehouse_code": self.warehouse_code,
            "state": self.state.value if self.state else "",
            "order_id": self.order_id,
            "is_late": bool(self.late_by_zone),
            "zone": self.late_by_zone or "UTC",
        }


def _expected(row: Row) -> Return:
    return Return(
        row["return_id"],
        row["order_id"],
        row["warehouse_code"],
        ReturnState.EXPECTED,
        ReturnReason(row["reason"]),
        "",
        None,
        None,
        tuple(ReturnLine(*line) for line in row["lines"]),
        row["announce_time"],
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
    if row is not None:
        return _return(row)
    announced = await fetch_one(conn, _GET_EXPECTED, {"return_id": return_id})
    if announced is None:
        raise ReturnNotFound(metadata={"return_id": str(return_id)})
    return _expected(announced)


async def lock(conn: Conn, return_id: UUID) -> Return:
    """One that has arrived, locked until the end of the transaction. Raises ReturnNotFound."""
    if not await fetch(conn, _LOCK, {"return_id": return_id}):
        raise ReturnNotFound(metadata={"return_id": str(return_id)})
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


async def page(conn: Conn, wanted: ReturnFilter, before: tuple[datetime, UUID], limit: int) -> list[Return]:
    """What has arrived, newest first, before a place in that order."""
    place = {"before_time": before[0], "before_id": before[1], "limit": limit}
    return [_return(row) for row in await fetch(conn, _PAGE, wanted.parameters() | place)]


async def expect(
    conn: Conn, return_id: UUID, order: Order, lines: Mapping[str, int], reason: ReturnReason
) -> None:
    """Goods are said to come back."""
    row = {
        "return_id": return_id,
        "order_id": order.order_id,
        "warehouse_code": order.warehouse_code,
        "reason": reason.value,
        "actor": context.actor(),
    }
    await execute(conn, _EXPECT, row)
    columns = {"sku_codes": list(lines), "quantities": list(lines.values())}
    await execute(conn, _EXPECT_LINES, {"return_id": return_id, **columns})


async def expected_of_order(conn: Conn, order_id: UUID) -> dict[str, int]:
    """What is announced of an order and has not come, by SKU."""
    rows = await fetch(conn, _EXPECTED_OF_ORDER, {"order_id": order_id})
    return {row["sku_code"]: row["quantity"] for row in rows}


async def arrive(conn: Conn, order_id: UUID) -> UUID | None:
    """The return that was announced first for an order and has come now; none when none was."""
    row = await fetch_one(conn, _ARRIVE, {"order_id": order_id})
    return row["return_id"] if row else None


async def expected_page(
    conn: Conn, wanted: ReturnFilter, before: tuple[datetime, UUID], limit: int
) -> list[Return]:
    """What is announced and has not come, newest first, before a place in that order."""
    place = {"before_time": before[0], "before_id": before[1], "limit": limit}
    return [_expected(row) for row in await fetch(conn, _EXPECTED_PAGE, wanted.parameters() | place)]
