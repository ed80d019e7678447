"""Transfers between warehouses, and their lines."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from psycopg.rows import TupleRow

from lumbung_kit.postgres import Conn
from lumbung_kit.sql import load
from lumbung_stock.domain.transfer_failures import TransferNotFound
from lumbung_stock.domain.transfers import (
    Route,
    Transfer,
    TransferFilter,
    TransferLine,
    TransferState,
    state_of,
)
from lumbung_stock.stores.sku_seals import first_uses

_SQL = load(__package__, "transfers.sql")
_INSERT, _PUT_LINES, _SET_STATE = (_SQL[name] for name in ("insert", "put_lines", "set_state"))
_LOCK, _FIND, _LIST = (_SQL[name] for name in ("lock", "find", "list"))


async def insert(
    conn: Conn, transfer_id: UUID, route: Route, lines: Sequence[TransferLine], actor: str
) -> None:
    """Writes a new draft with its lines."""
    await conn.execute(_INSERT, {**_fields(transfer_id, route), "document": route.document, "actor": actor})
    await _put_lines(conn, transfer_id, route, lines)


async def change(
    conn: Conn, transfer: Transfer, lines: Sequence[TransferLine], close_reason: str = ""
) -> Transfer:
    """Writes what has become of its lines, and where it stands by them. The caller has locked it."""
    await _put_lines(conn, transfer.transfer_id, transfer.route, lines)
    state = {
        "transfer_id": transfer.transfer_id,
        "state": int(state_of(lines)),
        "close_reason": close_reason or transfer.close_reason,
    }
    await conn.execute(_SET_STATE, state)
    return await find(conn, transfer.transfer_id)


async def lock(conn: Conn, transfer_id: UUID) -> Transfer:
    """It with its lines, locked until the transaction ends; read after the lock. Raises TransferNotFound."""
    await conn.execute(_LOCK, {"transfer_id": transfer_id})
    return await find(conn, transfer_id)


async def find(conn: Conn, transfer_id: UUID) -> Transfer:
    """It with its lines. Raises TransferNotFound."""
    row = await (await conn.execute(_FIND, {"transfer_id": transfer_id})).fetchone()
    if row is None:
        raise TransferNotFound(metadata={"transfer_id": str(transfer_id)})
    return _transfer(row)


async def list_some(conn: Conn, wanted: TransferFilter, before: UUID, limit: int) -> list[Transfer]:
    """The newest first, those older than `before`, without their lines."""
    asked = {
        "from_warehouse_code": wanted.from_warehouse_code,
        "to_warehouse_code": wanted.to_warehouse_code,
        "state": wanted.state,
        "before_id": before,
        "limit": limit,
    }
    return [_transfer(row) async for row in await conn.execute(_LIST, asked)]


async def _put_lines(conn: Conn, transfer_id: UUID, route: Route, lines: Sequence[TransferLine]) -> None:
    with first_uses():
        await conn.execute(
            _PUT_LINES,
            {
                **_fields(transfer_id, route),
                "sku_codes": [line.sku_code for line in lines],
                "planned": [line.planned for line in lines],
                "sent": [line.sent for line in lines],
                "received": [line.received for line in lines],
                "lost": [line.lost for line in lines],
                "over": [line.over for line in lines],
                "cancelled": [line.cancelled for line in lines],
            },
        )


def _fields(transfer_id: UUID, route: Route) -> dict[str, object]:
    return {
        "transfer_id": transfer_id,
        "from_warehouse_code": route.from_warehouse_code,
        "to_warehouse_code": route.to_warehouse_code,
    }


def _transfer(row: TupleRow) -> Transfer:
    transfer_id, source, target, document, state, *rest, lines = row
    return Transfer(
        transfer_id,
        Route(source, target, document),
        TransferState(state),
        tuple(TransferLine(*line) for line in lines),
        *rest,
    )
