"""Waiting rooms and their tickets in Postgres."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg.rows import class_row, dict_row

from lumbung_kit import arrays
from lumbung_kit.postgres import Conn
from lumbung_kit.sql import load
from lumbung_stock.domain.waiting_room import AdmissionOrder, RoomFigures, Ticket, TicketState, WaitingRoom

_SQL = load(__package__, "waiting_rooms.sql")


@dataclass(frozen=True, slots=True)
class Joining:
    """One customer's wish for a place. `lot` is empty where there is no draw to come."""

    request_id: str
    content_hash: bytes
    flash_sale_code: str
    customer_reference: str
    channel_code: str
    actor: str
    lot: bytes


@dataclass(frozen=True, slots=True)
class RoomReport:
    """What became of those who joined."""

    joined: int
    waiting: int
    admitted: int
    used: int
    lapsed: int


def room_of(row: Mapping[str, Any]) -> WaitingRoom:
    """The room of a row that has one."""
    return WaitingRoom(
        order=AdmissionOrder(row["admission_order"]),
        demand_multiple=row["demand_multiple"],
        admission_s=row["admission_s"],
        lottery_window_s=row["lottery_window_s"],
        secret=bytes(row["secret"]),
        seed=bytes(row["lottery_seed"]),
        awake=row["awake"],
        drawn=row["drawn"],
    )


async def insert_room(conn: Conn, flash_sale_code: str, room: WaitingRoom) -> None:
    """Writes a planned sale's room."""
    await conn.execute(
        _SQL["insert_room"],
        {
            "flash_sale_code": flash_sale_code,
            "admission_order": int(room.order),
            "demand_multiple": room.demand_multiple,
            "admission_s": room.admission_s,
            "lottery_window_s": room.lottery_window_s,
            "secret": room.secret,
            "lottery_seed": room.seed,
        },
    )


async def lock_room(conn: Conn, flash_sale_code: str) -> None:
    """Locks the room until the transaction ends."""
    await conn.execute(_SQL["lock_room"], {"flash_sale_code": flash_sale_code})


async def lock_room_unless_busy(conn: Conn, flash_sale_code: str) -> bool:
    """The same, unless somebody has it."""
    cursor = await conn.execute(_SQL["lock_room_unless_busy"], {"flash_sale_code": flash_sale_code})
    return cursor.rowcount == 1


async def read_figures(conn: Conn, flash_sale_code: str) -> RoomFigures:
    """How the room of a sale stands."""
    async with conn.cursor(row_factory=class_row(RoomFigures)) as cursor:
        await cursor.execute(_SQL["figures"], {"flash_sale_code": flash_sale_code})
        figures = await cursor.fetchone()
    assert figures is not None  # noqa: S101 - only asked of a sale with a room, which stays
    return figures


async def wake(conn: Conn, flash_sale_code: str) -> None:
    """Wakes the room, or notes that it is still pressed."""
    await conn.execute(_SQL["wake"], {"flash_sale_code": flash_sale_code})


async def fall_asleep(conn: Conn, flash_sale_code: str, *, quiet_s: float) -> None:
    """Lets the room sleep, if nobody needs it and none has pressed for so long."""
    await conn.execute(_SQL["fall_asleep"], {"flash_sale_code": flash_sale_code, "quiet_s": quiet_s})


async def awake_rooms(conn: Conn) -> list[str]:
    """Open sales whose rooms are awake."""
    cursor = await conn.execute(_SQL["awake_rooms"])
    return [row[0] async for row in cursor]


async def find_tickets(
    conn: Conn, flash_sale_code: str, wishes: Sequence[Joining]
) -> tuple[dict[str, Ticket], dict[str, Ticket]]:
    """The tickets of these customers on the sale, by customer; and those that these requests took, by request."""
    parameters = {
        "flash_sale_code": flash_sale_code,
        "customers": arrays.texts(wish.customer_reference for wish in wishes),
        "request_ids": arrays.texts(wish.request_id for wish in wishes),
    }
    by_customer: dict[str, Ticket] = {}
    by_request: dict[str, Ticket] = {}
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_SQL["find_tickets"], parameters)
        async for row in cursor:
            code = row.pop("flash_sale_code")
            row["content_hash"], row["lot"] = bytes(row["content_hash"]), bytes(row["lot"])
            ticket = Ticket(**row | {"state": TicketState(row["state"])})
            by_request[ticket.request_id] = ticket
            if code == flash_sale_code:
                by_customer[ticket.customer_reference] = ticket
    return by_customer, by_request


async def give_places(conn: Conn, flash_sale_code: str, joining: Sequence[Joining], *, in_draw: bool) -> None:
    """Places in a locked room, in this order, or in its draw. A request that took a place on another sale meanwhile:
    UniqueViolation of waiting_ticket_request_once."""
    parameters = {
        "flash_sale_code": flash_sale_code,
        "placed": 0 if in_draw else len(joining),
        "drawing": len(joining) if in_draw else 0,
        "customers": arrays.texts(each.customer_reference for each in joining),
        "channel_codes": arrays.texts(each.channel_code for each in joining),
        "request_ids": arrays.texts(each.request_id for each in joining),
        "content_hashes": arrays.blobs(each.content_hash for each in joining),
        "actors": arrays.texts(each.actor for each in joining),
        "lots": arrays.blobs(each.lot if in_draw else b"" for each in joining),
    }
    await conn.execute(_SQL["give_places"], parameters)


async def draw(conn: Conn, flash_sale_code: str) -> None:
    """Gives everybody in the draw of a locked room a place, by their lots."""
    await conn.execute(_SQL["draw"], {"flash_sale_code": flash_sale_code})


async def note_used(conn: Conn, flash_sale_code: str) -> None:
    """Notes which admissions have led to a hold."""
    await conn.execute(_SQL["note_used"], {"flash_sale_code": flash_sale_code})


async def note_lapsed(conn: Conn, flash_sale_code: str, *, grace_s: float) -> None:
    """Notes which admissions have passed, so long ago that what they led to would be known."""
    await conn.execute(_SQL["note_lapsed"], {"flash_sale_code": flash_sale_code, "grace_s": grace_s})


async def admit(conn: Conn, flash_sale_code: str, count: int, rate: float) -> None:
    """Admits so many in the order of their places, into a locked room, and notes the rate of admissions."""
    await conn.execute(_SQL["admit"], {"flash_sale_code": flash_sale_code, "count": count, "rate": rate})


async def admissions(conn: Conn, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], float]:
    """For how many seconds each (flash_sale_code, customer_reference) is still admitted; others are absent."""
    parameters = {
        "flash_sale_codes": arrays.texts(code for code, _ in keys),
        "customers": arrays.texts(customer for _, customer in keys),
    }
    cursor = await conn.execute(_SQL["admissions"], parameters)
    return {(row[0], row[1]): row[2] async for row in cursor}


async def report(conn: Conn, flash_sale_code: str) -> RoomReport | None:
    """What became of those who joined; None when the sale has no room."""
    cursor = await conn.execute(_SQL["report"], {"flash_sale_code": flash_sale_code})
    row = await cursor.fetchone()
    return RoomReport(*row) if row else None


async def forget_tickets(conn: Conn, limit: int) -> int:
    """Forgets tickets of sales that are long over; how many."""
    return (await conn.execute(_SQL["forget_tickets"], {"limit": limit})).rowcount
