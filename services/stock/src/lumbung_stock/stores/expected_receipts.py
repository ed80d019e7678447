"""Expected receipts, their lines and deliveries."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from psycopg.errors import UniqueViolation
from psycopg.rows import TupleRow

from lumbung_kit.postgres import Conn, constraint_of
from lumbung_kit.sql import load
from lumbung_stock.domain.expected_receipts import (
    Delivery,
    Expectation,
    ExpectedLine,
    ExpectedReceipt,
    ExpectedReceiptFilter,
    ExpectedReceiptState,
)
from lumbung_stock.domain.ledger import Author, LedgerEntry
from lumbung_stock.domain.receiving_failures import ExpectedReceiptExists, ExpectedReceiptNotFound
from lumbung_stock.stores.sku_seals import first_uses

_SQL = load(__package__, "expected_receipts.sql")
_INSERT, _CHANGE, _DROP_LINES, _PUT_LINES = (
    _SQL[name] for name in ("insert", "change", "drop_lines", "put_lines")
)
_SET_STATE, _ADD_DELIVERY, _LOCK, _FIND, _LIST, _DELIVERIES = (
    _SQL[name] for name in ("set_state", "add_delivery", "lock", "find", "list", "deliveries")
)


async def insert(conn: Conn, expected_receipt_id: UUID, expectation: Expectation, actor: str) -> None:
    """Writes a new one with its lines. Raises ExpectedReceiptExists."""
    cursor = await conn.execute(_INSERT, {**_fields(expected_receipt_id, expectation), "actor": actor})
    if await cursor.fetchone() is None:
        raise _exists(expectation)
    await put_lines(conn, expected_receipt_id, expectation.lines)


async def change(conn: Conn, expected_receipt_id: UUID, expectation: Expectation) -> None:
    """Replaces all of it. The caller has locked it. Raises ExpectedReceiptExists."""
    try:
        await conn.execute(_CHANGE, _fields(expected_receipt_id, expectation))
    except UniqueViolation as error:
        if constraint_of(error) == "expected_receipt_once":
            raise _exists(expectation) from error
        raise
    await conn.execute(_DROP_LINES, {"expected_receipt_id": expected_receipt_id})
    await put_lines(conn, expected_receipt_id, expectation.lines)


async def put_lines(conn: Conn, expected_receipt_id: UUID, lines: Sequence[ExpectedLine]) -> None:
    """Writes lines with what was received of them. The caller has locked the document."""
    with first_uses():
        await conn.execute(
            _PUT_LINES,
            {
                "expected_receipt_id": expected_receipt_id,
                "sku_codes": [line.sku_code for line in lines],
                "expected": [line.expected for line in lines],
                "received": [line.received for line in lines],
            },
        )


async def set_state(
    conn: Conn, expected_receipt_id: UUID, state: ExpectedReceiptState, close_reason: str = ""
) -> None:
    """Where it stands now. The caller has locked it."""
    change = {"state": int(state), "close_reason": close_reason, "expected_receipt_id": expected_receipt_id}
    await conn.execute(_SET_STATE, change)


async def add_delivery(
    conn: Conn,
    expected_receipt_id: UUID,
    entries: Sequence[LedgerEntry],
    author: Author,
    *,
    delivery_note: str,
    accept_reason: str,
) -> None:
    """Writes down what came, with the ledger's times. The caller has locked the document."""
    await conn.execute(
        _ADD_DELIVERY,
        {
            "expected_receipt_id": expected_receipt_id,
            "delivery_note": delivery_note,
            "quantity": sum(entry.quantity for entry in entries),
            "accept_reason": accept_reason,
            "actor": author.actor,
            "request_id": author.request_id,
            "record_time": entries[0].record_time,
            "effective_time": entries[0].effective_time,
        },
    )


async def lock(conn: Conn, expected_receipt_id: UUID) -> ExpectedReceipt:
    """It with its lines, locked until the transaction ends; read after the lock. Raises ExpectedReceiptNotFound."""
    await conn.execute(_LOCK, {"expected_receipt_id": expected_receipt_id})
    return await find(conn, expected_receipt_id)


async def find(conn: Conn, expected_receipt_id: UUID) -> ExpectedReceipt:
    """It with its lines. Raises ExpectedReceiptNotFound."""
    cursor = await conn.execute(_FIND, {"expected_receipt_id": expected_receipt_id})
    row = await cursor.fetchone()
    if row is None:
        raise ExpectedReceiptNotFound(metadata={"expected_receipt_id": str(expected_receipt_id)})
    return _receipt(row)


async def list_some(
    conn: Conn, wanted: ExpectedReceiptFilter, after: tuple[datetime | str, UUID], limit: int
) -> list[ExpectedReceipt]:
    """By expected time, then id, those behind `after`, without their lines; `infinity` is the time of those without."""
    cursor = await conn.execute(
        _LIST,
        {
            "warehouse_code": wanted.warehouse_code,
            "state": wanted.state,
            "overdue_only": wanted.overdue_only,
            "supplier": wanted.supplier,
            "document": wanted.document,
            "sku_code": wanted.sku_code,
            "after_time": after[0],
            "after_id": after[1],
            "limit": limit,
        },
    )
    return [_receipt(row) async for row in cursor]


async def newest_deliveries(conn: Conn, expected_receipt_id: UUID, limit: int) -> list[Delivery]:
    """The newest first."""
    asked = {"expected_receipt_id": expected_receipt_id, "limit": limit}
    return [Delivery(*row) async for row in await conn.execute(_DELIVERIES, asked)]


def _fields(expected_receipt_id: UUID, expectation: Expectation) -> dict[str, object]:
    return {
        "expected_receipt_id": expected_receipt_id,
        "warehouse_code": expectation.warehouse_code,
        "supplier": expectation.supplier,
        "document": expectation.document,
        "expected_time": expectation.expected_time,
        "over_delivery_percent": expectation.over_delivery_percent,
    }


def _exists(expectation: Expectation) -> ExpectedReceiptExists:
    return ExpectedReceiptExists(
        metadata={"supplier": expectation.supplier, "document": expectation.document}
    )


def _receipt(row: TupleRow) -> ExpectedReceipt:
    receipt_id, warehouse, supplier, document, expected_time, percent, state, *rest, lines = row
    expectation = Expectation(
        supplier, document, warehouse, expected_time, percent, tuple(ExpectedLine(*line) for line in lines)
    )
    return ExpectedReceipt(receipt_id, expectation, ExpectedReceiptState(state), *rest)
