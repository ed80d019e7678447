"""Pick faces, and what is carried to them, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import NAMESPACE_OID, UUID, uuid5

from lumbung_fulfillment.domain.faces import PickFace
from lumbung_fulfillment.domain.failures import ReplenishmentNotFound
from lumbung_fulfillment.domain.moves import Move, MoveReason
from lumbung_fulfillment.domain.replenishment import Demand, Replenishment, ReplenishmentState
from lumbung_fulfillment.domain.sessions import Session
from lumbung_fulfillment.stores.query import Row, execute, fetch, fetch_one
from lumbung_kit import context, sql, telemetry
from lumbung_kit.ids import new_id
from lumbung_kit.postgres import Conn

FIRST_ATTEMPT_GRACE = timedelta(seconds=2)
FACES_MAX = 100_000
"""Faces set by hand that are read at once."""

_SQL = sql.load(__package__, "replenishments.sql")
_DEMANDS, _LAST_PICKED, _LIVE, _FACES = (_SQL[name] for name in ("demands", "last_picked", "live", "faces"))
_RELEASE_LAPSED, _OF_SESSION, _INSERT = (_SQL[name] for name in ("release_lapsed", "of_session", "insert"))
_RENEW, _GET, _LOCK, _CARRIED = (_SQL[name] for name in ("renew", "get", "lock", "carried"))
_RELEASE, _TAKE, _DUE, _POSTPONE = (_SQL[name] for name in ("release", "take", "due", "postpone"))
_SETTLE, _PAGE_OF_FACES, _PUT_FACE, _REMOVE_FACE = (
    _SQL[name] for name in ("settle", "page_of_faces", "put_face", "remove_face")
)
_ALL_FACES, _UNBOOKED = _SQL["all_faces"], _SQL["unbooked"]
_ENUMS = {"state": ReplenishmentState, "reason": MoveReason}


def _replenishment(row: Row) -> Replenishment:
    known = {name: row[name] for name in Replenishment.__slots__}
    return Replenishment(**known | {name: kind(row[name]) for name, kind in _ENUMS.items()})


async def demands(conn: Conn, warehouse_code: str, sku_codes: Sequence[str]) -> list[Demand]:
    """What will be taken of SKUs, by planned waves and by orders that wait."""
    parameters = {"warehouse_code": warehouse_code, "sku_codes": list(sku_codes)}
    return [Demand(**row) for row in await fetch(conn, _DEMANDS, parameters)]


async def last_picked(
    conn: Conn, warehouse_code: str, sku_codes: Sequence[str], face_codes: Sequence[str]
) -> dict[str, str]:
    """The face from which each SKU was picked last."""
    parameters = {
        "warehouse_code": warehouse_code,
        "sku_codes": list(sku_codes),
        "face_codes": list(face_codes),
    }
    return {row["sku_code"]: row["bin_code"] for row in await fetch(conn, _LAST_PICKED, parameters)}


async def live(conn: Conn, warehouse_code: str, read_time: datetime) -> list[Replenishment]:
    """What is carried now, or was since stock's figures were read."""
    parameters = {"warehouse_code": warehouse_code, "read_time": read_time}
    return [_replenishment(row) for row in await fetch(conn, _LIVE, parameters)]


async def release_lapsed(conn: Conn, warehouse_code: str, session_id: UUID) -> None:
    """Others' claims that are nobody's any more."""
    parameters = {"warehouse_code": warehouse_code, "session_id": session_id}
    await execute(conn, _RELEASE_LAPSED, parameters)


async def of_session(conn: Conn, session_id: UUID) -> Replenishment | None:
    """What a session has claimed, locked."""
    row = await fetch_one(conn, _OF_SESSION, {"session_id": session_id})
    return _replenishment(row) if row else None


async def insert(conn: Conn, session: Session, move: Move, lease: timedelta) -> UUID:
    """Claims a move for a session (constraints replenishment_claimed_once, replenishment_one_per_session)."""
    replenishment_id = new_id()
    row = {
        "replenishment_id": replenishment_id,
        "warehouse_code": session.warehouse_code,
        "sku_code": move.sku_code,
        "lot_code": move.lot_code,
        "quantity": move.quantity,
        "from_bin_code": move.from_bin_code,
        "to_bin_code": move.to_bin_code,
        "reason": move.reason.value,
        "needed_time": move.needed_time,
        "session_id": session.session_id,
        "terminal_code": session.terminal_code,
        "lease": lease,
        "actor": context.actor(),
    }
    await execute(conn, _INSERT, row)
    return replenishment_id


async def renew(conn: Conn, replenishment_id: UUID, lease: timedelta) -> None:
    """A sign of life."""
    await execute(conn, _RENEW, {"replenishment_id": replenishment_id, "lease": lease})


async def get(conn: Conn, replenishment_id: UUID) -> Replenishment:
    """Raises ReplenishmentNotFound."""
    row = await fetch_one(conn, _GET, {"replenishment_id": replenishment_id})
    if row is None:
        raise ReplenishmentNotFound(metadata={"replenishment_id": str(replenishment_id)})
    return _replenishment(row)


async def lock(conn: Conn, replenishment_id: UUID) -> Replenishment:
    """Locked until the end of the transaction. Raises ReplenishmentNotFound."""
    await execute(conn, _LOCK, {"replenishment_id": replenishment_id})
    return await get(conn, replenishment_id)


async def note_carried(conn: Conn, replenishment_id: UUID, units: int) -> None:
    """So many were carried, and stock is to be told: under an id that is the same every time."""
    row = {
        "replenishment_id": replenishment_id,
        "moved_quantity": units,
        "stock_request_id": f"replenish.{uuid5(NAMESPACE_OID, str(replenishment_id))}",
        "grace": FIRST_ATTEMPT_GRACE,
        "actor": context.actor(),
        "traceparent": telemetry.current_traceparent(),
    }
    await execute(conn, _CARRIED, row)


async def release(conn: Conn, replenishment_id: UUID) -> None:
    """Given back."""
    await execute(conn, _RELEASE, {"replenishment_id": replenishment_id})


async def take(conn: Conn, replenishment_id: UUID, attempt_time: timedelta) -> Replenishment | None:
    """The right to send it to stock now; none when somebody else has it, it is not due, or it was sent."""
    row = await fetch_one(conn, _TAKE, {"replenishment_id": replenishment_id, "attempt_time": attempt_time})
    return _replenishment(row) if row else None


async def due(conn: Conn, limit: int) -> list[UUID]:
    """What is to be sent to stock."""
    return [row["replenishment_id"] for row in await fetch(conn, _DUE, {"limit": limit})]


async def unbooked(conn: Conn) -> tuple[int, float]:
    """How many were carried and are not in stock's ledger, and the age of the oldest in seconds."""
    (row,) = await fetch(conn, _UNBOOKED, {})
    return row["carried"], row["oldest_s"]


async def postpone(conn: Conn, replenishment_id: UUID, last_error: str, wait: timedelta) -> None:
    """To be sent again later."""
    row = {"replenishment_id": replenishment_id, "last_error": last_error, "wait": wait}
    await execute(conn, _POSTPONE, row)


async def settle(conn: Conn, replenishment_id: UUID, state: ReplenishmentState, last_error: str) -> None:
    """Stock has answered for good; no effect when that was known already."""
    row = {"replenishment_id": replenishment_id, "state": state.value, "last_error": last_error}
    await execute(conn, _SETTLE, row)


async def faces(conn: Conn, warehouse_code: str, sku_codes: Sequence[str]) -> list[PickFace]:
    """Those that were set by hand."""
    parameters = {"warehouse_code": warehouse_code, "sku_codes": list(sku_codes)}
    return [PickFace(**row) for row in await fetch(conn, _FACES, parameters)]


async def all_faces(conn: Conn, warehouse_code: str) -> list[PickFace]:
    """Those that were set by hand in a warehouse, of all SKUs."""
    parameters = {"warehouse_code": warehouse_code, "limit": FACES_MAX}
    return [PickFace(**row) for row in await fetch(conn, _ALL_FACES, parameters)]


async def page_of_faces(
    conn: Conn, warehouse_code: str, after: tuple[str, str], limit: int
) -> list[PickFace]:
    """By SKU and bin, after a place in that order."""
    parameters = {
        "warehouse_code": warehouse_code,
        "after_sku": after[0],
        "after_bin": after[1],
        "limit": limit,
    }
    return [PickFace(**row) for row in await fetch(conn, _PAGE_OF_FACES, parameters)]


async def put_face(conn: Conn, warehouse_code: str, face: PickFace) -> None:
    """Sets a face; one without a maximum is by velocity again."""
    row = {name: getattr(face, name) for name in PickFace.__slots__}
    row |= {"warehouse_code": warehouse_code, "actor": context.actor()}
    await execute(conn, _PUT_FACE if face.max_quantity else _REMOVE_FACE, row)
