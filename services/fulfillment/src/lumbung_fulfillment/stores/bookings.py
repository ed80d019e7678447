"""Steps on their way to stock's ledger, in PostgreSQL: written with the change that they belong to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import NAMESPACE_OID, UUID, uuid5

from lumbung_fulfillment.domain.bookings import Booking, BookingKind, BookingState, Condition, Step
from lumbung_fulfillment.domain.failures import BookingNotFound
from lumbung_fulfillment.stores.query import Row, execute, fetch, fetch_one
from lumbung_kit import context, sql, telemetry
from lumbung_kit.ids import new_id
from lumbung_kit.postgres import Conn

FIRST_ATTEMPT_GRACE = timedelta(seconds=2)

_SQL = sql.load(__package__, "bookings.sql")
_INSERT, _GET, _OF_ORDER, _HEAD = (_SQL[name] for name in ("insert", "get", "of_order", "head"))
_TAKE, _DUE, _SETTLE, _POSTPONE = (_SQL[name] for name in ("take", "due", "settle", "postpone"))
_LOCK, _SEND_AGAIN, _PAGE, _PLACE_OF = (_SQL[name] for name in ("lock", "send_again", "page", "place_of"))
_BACKLOG = _SQL["backlog"]
_STEP_FIELDS = (
    "order_id",
    "reservation_id",
    "warehouse_code",
    "sku_code",
    "bin_code",
    "to_bin_code",
    "quantity",
    "document",
    "reason",
    "lot_code",
)
_BOOKING_FIELDS = (
    "booking_id",
    "stock_request_id",
    "undoes_booking_id",
    "attempt_count",
    "last_error",
    "create_time",
    "next_attempt_time",
    "done_time",
    "actor",
    "traceparent",
)


@dataclass(frozen=True, slots=True)
class Backlog:
    """Bookings in one unfinished state."""

    state: BookingState
    count: int
    oldest_s: float


def stock_request_id(kind: BookingKind, source: str) -> str:
    """The id under which stock knows a step: made from what caused it, so that it is the same every time."""
    return f"{kind.value.replace('_', '-')}.{uuid5(NAMESPACE_OID, source)}"


def _booking(row: Row) -> Booking:
    step = Step(
        kind=BookingKind(row["kind"]),
        condition=Condition(row["condition"]) if row["condition"] else None,
        **{name: row[name] for name in _STEP_FIELDS},
    )
    return Booking(
        step=step, state=BookingState(row["state"]), **{name: row[name] for name in _BOOKING_FIELDS}
    )


async def queue(conn: Conn, step: Step, source: str, undoes: UUID | None = None) -> UUID:
    """Writes a step down in the caller's transaction. `source` names what caused it, such as a scan's id."""
    booking_id = new_id()
    row = {name: getattr(step, name) for name in _STEP_FIELDS} | {
        "booking_id": booking_id,
        "kind": step.kind.value,
        "condition": step.condition and step.condition.value,
        "stock_request_id": stock_request_id(step.kind, source),
        "undoes_booking_id": undoes,
        "grace": FIRST_ATTEMPT_GRACE,
        "actor": context.actor(),
        "traceparent": telemetry.current_traceparent(),
    }
    await execute(conn, _INSERT, row)
    return booking_id


async def get(conn: Conn, booking_id: UUID) -> Booking:
    """Raises BookingNotFound."""
    found = await get_all(conn, [booking_id])
    if not found:
        raise BookingNotFound(metadata={"booking_id": str(booking_id)})
    return found[0]


async def get_all(conn: Conn, booking_ids: Sequence[UUID]) -> list[Booking]:
    """Those that are known, oldest first."""
    return [_booking(row) for row in await fetch(conn, _GET, {"booking_ids": list(booking_ids)})]


async def of_order(conn: Conn, order_id: UUID) -> list[Booking]:
    """All of an order, oldest first."""
    return [_booking(row) for row in await fetch(conn, _OF_ORDER, {"order_id": order_id})]


async def head(conn: Conn, order_id: UUID) -> Booking | None:
    """The first unfinished one of an order."""
    row = await fetch_one(conn, _HEAD, {"order_id": order_id})
    return _booking(row) if row else None


async def take(conn: Conn, booking_id: UUID, attempt_time: timedelta) -> Booking | None:
    """The right to send it now; none when somebody else has it, or it is not due."""
    row = await fetch_one(conn, _TAKE, {"booking_id": booking_id, "attempt_time": attempt_time})
    return _booking(row) if row else None


async def due(conn: Conn, limit: int) -> list[UUID]:
    """Orders with something to send."""
    return [row["order_id"] for row in await fetch(conn, _DUE, {"limit": limit})]


async def settle(conn: Conn, booking_id: UUID, state: BookingState, last_error: str) -> Booking | None:
    """Stock has answered for good; none when that was known already."""
    row = await fetch_one(
        conn, _SETTLE, {"booking_id": booking_id, "state": state.value, "last_error": last_error}
    )
    return _booking(row) if row else None


async def postpone(conn: Conn, booking_id: UUID, last_error: str, wait: timedelta) -> None:
    """To be sent again later."""
    await execute(conn, _POSTPONE, {"booking_id": booking_id, "last_error": last_error, "wait": wait})


async def lock(conn: Conn, booking_id: UUID) -> Booking:
    """Locked until the end of the transaction. Raises BookingNotFound."""
    row = await fetch_one(conn, _LOCK, {"booking_id": booking_id})
    if row is None:
        raise BookingNotFound(metadata={"booking_id": str(booking_id)})
    return _booking(row)


async def send_again(conn: Conn, booking: Booking, source: str) -> None:
    """A refused one is queued once more."""
    request_id = stock_request_id(booking.step.kind, f"{booking.stock_request_id}/{source}")
    await execute(conn, _SEND_AGAIN, {"booking_id": booking.booking_id, "stock_request_id": request_id})


async def page(
    conn: Conn, state: BookingState | None, order_id: UUID | None, after: int, limit: int
) -> list[Booking]:
    """Oldest first, after a place in that order; unfinished ones when no state is named."""
    parameters = {
        "state": state.value if state else "",
        "order_id": order_id,
        "after": after,
        "limit": limit,
    }
    return [_booking(row) for row in await fetch(conn, _PAGE, parameters)]


async def place_of(conn: Conn, booking_id: UUID) -> int:
    """Its place in the order of writing."""
    (row,) = await fetch(conn, _PLACE_OF, {"booking_id": booking_id})
    return int(row["place"])


async def backlog(conn: Conn) -> list[Backlog]:
    """What is unfinished, by state."""
    return [
        Backlog(BookingState(row["state"]), row["bookings"], row["oldest_s"])
        for row in await fetch(conn, _BACKLOG, {})
    ]
