"""Goods of cancelled orders that go back to their bins, in PostgreSQL."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from lumbung_fulfillment.domain.failures import PutBackNotFound
from lumbung_fulfillment.domain.orders import Order
from lumbung_fulfillment.domain.sessions import PutBack, PutBackState
from lumbung_fulfillment.stores.query import Row, execute, fetch, fetch_one
from lumbung_fulfillment.stores.scans import PickedGoods
from lumbung_kit import context, sql
from lumbung_kit.ids import new_id
from lumbung_kit.postgres import Conn

_SQL = sql.load(__package__, "put_backs.sql")
_INSERT, _GET, _LOCK, _NOTE_UNBOOKED = (_SQL[name] for name in ("insert", "get", "lock", "note_unbooked"))
_SAVE, _INSERT_SCAN, _PAGE = _SQL["save"], _SQL["insert_scan"], _SQL["page"]


def _put_back(row: Row) -> PutBack:
    fields = dict(row)
    del fields["done_time"]
    return PutBack(**fields | {"state": PutBackState(row["state"])})


async def insert(conn: Conn, order: Order, goods: PickedGoods) -> UUID:
    """Goods of a cancelled order, or stray ones, have to go back; more of the same from a bin are one put-back."""
    row = {
        "put_back_id": new_id(),
        "order_id": order.order_id,
        "reservation_id": order.reservation_id,
        "warehouse_code": order.warehouse_code,
        "sku_code": goods.sku_code,
        "suggested_bin_code": goods.bin_code,
        "quantity": goods.quantity,
        "unbooked_quantity": goods.unbooked_quantity,
    }
    (kept,) = await fetch(conn, _INSERT, row)
    return UUID(str(kept["put_back_id"]))


async def get(conn: Conn, put_back_id: UUID) -> PutBack:
    """Raises PutBackNotFound."""
    row = await fetch_one(conn, _GET, {"put_back_id": put_back_id})
    if row is None:
        raise PutBackNotFound(metadata={"put_back_id": str(put_back_id)})
    return _put_back(row)


async def lock(conn: Conn, put_back_id: UUID) -> PutBack:
    """Locked until the end of the transaction. Raises PutBackNotFound."""
    await execute(conn, _LOCK, {"put_back_id": put_back_id})
    return await get(conn, put_back_id)


async def note_unbooked(conn: Conn, order_id: UUID, sku_code: str, bin_code: str, units: int) -> None:
    """Stock never saw this pick leave its bin; no effect when nothing has to go back there."""
    row = {"order_id": order_id, "sku_code": sku_code, "bin_code": bin_code, "units": units}
    await execute(conn, _NOTE_UNBOOKED, row)


async def save(conn: Conn, put_back_id: UUID, units: int, unbooked_units: int) -> None:
    """So many are back, of which so many never left in the ledger."""
    row = {"put_back_id": put_back_id, "units": units, "unbooked_units": unbooked_units}
    await execute(conn, _SAVE, row)


async def insert_scan(
    conn: Conn, request_id: str, put_back_id: UUID, bin_code: str, quantity: int, booking_id: UUID | None
) -> None:
    """Writes down a put-back that counted."""
    row = {
        "request_id": request_id,
        "put_back_id": put_back_id,
        "bin_code": bin_code,
        "quantity": quantity,
        "booking_id": booking_id,
        "actor": context.actor(),
    }
    await execute(conn, _INSERT_SCAN, row)


async def page(
    conn: Conn,
    warehouse_code: str,
    state: PutBackState,
    order_id: UUID | None,
    after: tuple[datetime, UUID],
    limit: int,
) -> list[PutBack]:
    """Oldest first, after a place in that order."""
    parameters = {
        "warehouse_code": warehouse_code,
        "state": state.value,
        "order_id": order_id,
        "after_time": after[0],
        "after_id": after[1],
        "limit": limit,
    }
    return [_put_back(row) for row in await fetch(conn, _PAGE, parameters)]
