"""Reservation rows: written in batches, locked in the order of their ids, read with their draws."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, astuple
from datetime import datetime
from itertools import chain
from typing import Any
from uuid import UUID

from psycopg.rows import dict_row, tuple_row

from lumbung_kit import arrays
from lumbung_kit.postgres import Conn
from lumbung_kit.sql import load
from lumbung_stock.domain.flash_sales import Taken
from lumbung_stock.domain.reservations import (
    Draw,
    Durability,
    Held,
    Line,
    OrderDetails,
    Refusal,
    RefusedLine,
    Reservation,
    ReservationState,
    Resolution,
)
from lumbung_stock.domain.resolve import Declined, Earlier

_SQL = load(__package__, "reservations.sql")
TAKEN_READ_BATCH = 2_000
REQUEST_ONCE = "reservation_request_once"
"""P3: one answer per request."""
_json = json.JSONEncoder(separators=(",", ":")).encode


async def find_by_request(conn: Conn, request_ids: Sequence[str]) -> dict[str, Reservation]:
    """Answers given before, by request_id."""
    found = await _fetch(conn, "find_by_request", {"request_ids": arrays.texts(request_ids)})
    return {reservation.request_id: reservation for reservation in found}


async def find_by_id(conn: Conn, reservation_ids: Iterable[UUID]) -> dict[UUID, Reservation]:
    """Reservations by id; unknown ones are absent."""
    found = await _fetch(conn, "find_by_id", {"reservation_ids": list(reservation_ids)})
    return {reservation.reservation_id: reservation for reservation in found}


async def lock_reservations(conn: Conn, reservation_ids: Iterable[UUID]) -> dict[UUID, Reservation]:
    """Locks reservations until the transaction ends and reads them; unknown ones are absent.

    One that is written between the two statements is seen by the second, and nobody has locked it: it is unknown, too.
    """
    locked = await _ids(conn, "lock", {"reservation_ids": list(reservation_ids)})
    return await find_by_id(conn, locked) if locked else {}


async def find_due(conn: Conn, limit: int) -> list[UUID]:
    """Up to `limit` holds whose deadline has passed, the oldest."""
    return await _ids(conn, "find_due", {"limit": limit})


async def lock_unclaimed(conn: Conn, reservation_ids: Sequence[UUID]) -> list[UUID]:
    """Locks those of these holds that nobody resolves at this moment."""
    return await _ids(conn, "lock_unclaimed", {"reservation_ids": list(reservation_ids)})


async def lock_unresolved_of_sale(conn: Conn, flash_sale_code: str) -> list[UUID]:
    """Locks everything that a sale still has held or sold and not shipped."""
    return await _ids(conn, "lock_unresolved_of_sale", {"flash_sale_code": flash_sale_code})


async def taken_of_sale(conn: Conn, flash_sale_code: str) -> list[Taken]:
    """What a sale has held, sold or shipped. Read in parts, in the caller's transaction: others have their turn."""
    taken: list[Taken] = []
    async with conn.cursor(name="taken_of_sale", row_factory=tuple_row) as cursor:
        await cursor.execute(_SQL["taken_of_sale"], {"flash_sale_code": flash_sale_code}, binary=True)
        while rows := await cursor.fetchmany(TAKEN_READ_BATCH):
            taken += map(Taken._make, rows)
    return taken


async def has_other_answers(conn: Conn, flash_sale_code: str) -> bool:
    """Whether the sale has reservations that are not among `taken_of_sale`."""
    cursor = await conn.execute(_SQL["has_other_answers"], {"flash_sale_code": flash_sale_code})
    row = await cursor.fetchone()
    return bool(row and row[0])


async def clock(conn: Conn) -> datetime:
    """Postgres' clock: the only one that deadlines are judged by."""
    cursor = await conn.execute(_SQL["clock"])
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101 - a SELECT of one expression has one row
    now: datetime = row[0]
    return now


async def insert(conn: Conn, made: Sequence[Reservation]) -> None:
    """Writes new reservations, held and refused, without their draws.

    Raises UniqueViolation of REQUEST_ONCE when another transaction wrote one of the requests first.
    """
    await conn.execute(_SQL["insert_reservations"], _reservation_arrays(made))


async def insert_draws(conn: Conn, made: Sequence[Reservation]) -> None:
    """Writes what reservations draw."""
    if any(reservation.draws for reservation in made):
        await conn.execute(_SQL["insert_draws"], _draw_arrays(made))


async def set_states(conn: Conn, resolved: Sequence[Reservation], now: datetime) -> None:
    """Writes the states, and the orders, that locked reservations have come to; each at most once."""
    orders = [reservation.order for reservation in resolved]
    columns = {
        "resolve_time": now,
        "reservation_ids": [reservation.reservation_id for reservation in resolved],
        "states": [int(reservation.state) for reservation in resolved],
        "order_references": [order.order_reference if order else None for order in orders],
        "order_details": [_order_json(order) for order in orders],
    }
    await conn.execute(_SQL["set_states"], columns)


async def move_deadlines(conn: Conn, extended: Sequence[Reservation]) -> None:
    """Writes the deadlines of locked holds; of several for one hold, the last."""
    last = {reservation.reservation_id: reservation.deadline for reservation in extended}
    columns = {"reservation_ids": list(last), "deadlines": list(last.values())}
    await conn.execute(_SQL["move_deadlines"], columns)


async def keep_parts(conn: Conn, reduced: Sequence[Reservation]) -> None:
    """Leaves locked reservations just their lines and draws, and writes down what was held before."""
    columns = {
        "reservation_ids": [reservation.reservation_id for reservation in reduced],
        "lines": [json.dumps(stored_lines(reservation.lines)) for reservation in reduced],
        "held": [json.dumps(_stored_held(reservation.held)) for reservation in reduced],
    }
    await conn.execute(_SQL["keep_lines"], columns)
    draws = _draw_arrays(reduced)
    await conn.execute(_SQL["keep_draws"], draws)
    await conn.execute(_SQL["drop_draws"], {**draws, "reduced_ids": columns["reservation_ids"]})


async def move_draws(conn: Conn, moved: Reservation) -> None:
    """Writes the draws of a locked sale of which another warehouse gives some now, and what was sold at first."""
    draws = _draw_arrays([moved])
    await conn.execute(_SQL["keep_draws"], draws)
    await conn.execute(_SQL["drop_draws"], {**draws, "reduced_ids": [moved.reservation_id]})
    await conn.execute(_SQL["add_draws"], draws)
    first = [[*astuple(draw)[:4], 0, 0, False, draw.left_escrow] for draw in moved.first_draws or ()]
    row = {"reservation_id": moved.reservation_id, "first_draws": _json(first)}
    await conn.execute(_SQL["keep_first_draws"], row)


async def mark_shipped(conn: Conn, shares: Sequence[tuple[UUID, str]]) -> None:
    """Notes that the shares, as (reservation, warehouse), have left."""
    columns = {
        "reservation_ids": [reservation_id for reservation_id, _ in shares],
        "warehouse_codes": [warehouse_code for _, warehouse_code in shares],
    }
    await conn.execute(_SQL["mark_shipped"], columns)


async def find_resolutions(conn: Conn, request_ids: Sequence[str]) -> dict[str, Earlier]:
    """What these requests were answered before, also when they asked for a Reserve: ids are one space."""
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_SQL["find_resolutions"], {"request_ids": list(request_ids)})
        return {row["request_id"]: _earlier(row) async for row in cursor}


async def ids_of_resolutions(conn: Conn, request_ids: Sequence[str]) -> set[str]:
    """Those of these ids under which something other than a Reserve was asked."""
    cursor = await conn.execute(_SQL["ids_of_resolutions"], {"request_ids": arrays.texts(request_ids)})
    return {row[0] async for row in cursor}


async def insert_resolutions(
    conn: Conn, answered: Sequence[tuple[Resolution, Earlier]], now: datetime
) -> None:
    """Remembers what each request was answered, and who asked."""
    columns = {
        "record_time": now,
        "request_ids": [wish.request_id for wish, _ in answered],
        "reservation_ids": [wish.reservation_id for wish, _ in answered],
        "verbs": [wish.verb.value for wish, _ in answered],
        "states": [answer.state for _, answer in answered],
        "content_hashes": [wish.content_hash for wish, _ in answered],
        "actors": [wish.actor for wish, _ in answered],
        "reasons": [wish.reason for wish, _ in answered],
        "refusals": [
            json.dumps(asdict(answer.declined)) if answer.declined else None for _, answer in answered
        ],
        "deadlines": [answer.deadline for _, answer in answered],
    }
    await conn.execute(_SQL["insert_resolutions"], columns)


async def orders_taken(conn: Conn, orders: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
    """Those of these (channel, order reference) that a reservation has already."""
    columns = {
        "channel_codes": [channel for channel, _ in orders],
        "order_references": [ref for _, ref in orders],
    }
    cursor = await conn.execute(_SQL["orders_taken"], columns)
    return {(row[0], row[1]) async for row in cursor}


async def draws_leave_escrow(conn: Conn, reservation_ids: Sequence[UUID]) -> None:
    """Makes draws on a sale's escrow ordinary ones."""
    await conn.execute(_SQL["draws_leave_escrow"], {"reservation_ids": list(reservation_ids)})


async def add_picked(
    conn: Conn, reservation_id: UUID, warehouse_code: str, sku_code: str, difference: int
) -> int:
    """Counts picked units of a draw, bounded by reservation_draw_picked_within; returns how many draws that was."""
    return await _add(conn, "add_picked", reservation_id, warehouse_code, sku_code, difference)


async def add_returned(
    conn: Conn, reservation_id: UUID, warehouse_code: str, sku_code: str, difference: int
) -> int:
    """Likewise for units that came back after shipping, bounded by reservation_draw_returned_within."""
    return await _add(conn, "add_returned", reservation_id, warehouse_code, sku_code, difference)


async def add_replaced(
    conn: Conn, reservation_id: UUID, warehouse_code: str, sku_code: str, difference: int
) -> int:
    """Likewise for units sent in place of wrong ones, bounded by reservation_draw_replaced_within."""
    return await _add(conn, "add_replaced", reservation_id, warehouse_code, sku_code, difference)


async def _add(
    conn: Conn, statement: str, reservation_id: UUID, warehouse_code: str, sku_code: str, difference: int
) -> int:
    cursor = await conn.execute(
        _SQL[statement],
        {
            "reservation_id": reservation_id,
            "warehouse_code": warehouse_code,
            "sku_code": sku_code,
            "difference": difference,
        },
    )
    return cursor.rowcount


async def _ids(conn: Conn, statement: str, parameters: Mapping[str, Any]) -> list[UUID]:
    cursor = await conn.execute(_SQL[statement], parameters)
    return [row[0] async for row in cursor]


async def _fetch(conn: Conn, statement: str, parameters: Mapping[str, Any]) -> list[Reservation]:
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_SQL[statement], parameters)
        return [_reservation(row) for row in await cursor.fetchall()]


def _reservation(row: Mapping[str, Any]) -> Reservation:
    return Reservation(
        reservation_id=row["reservation_id"],
        request_id=row["request_id"],
        content_hash=bytes(row["content_hash"]),
        state=ReservationState(row["state"]),
        lines=lines_of(row["lines"]),
        channel_code=row["channel_code"],
        customer_reference=row["customer_reference"],
        flash_sale_code=row["flash_sale_code"],
        durability=Durability(row["durability"]),
        deadline=row["expire_time"],
        create_time=row["create_time"],
        resolve_time=row["resolve_time"],
        order=_order(row["order_details"]),
        refusal=_refusal(row["refusal"]),
        actor=row["actor"],
        traceparent=row["traceparent"],
        draws=tuple(Draw(*draw) for draw in row["draws"]),
        first_deadline=row["first_expire_time"],
        held=_held(row["held"]),
        first_draws=_draws(row["first_draws"]),
    )


def lines_of(stored: Sequence[Any]) -> tuple[Line, ...]:
    """Lines out of their stored form: [sku_code, quantity, [[component, per unit], ...]]."""
    return tuple(
        Line(sku, quantity, tuple((part[0], part[1]) for part in parts)) for sku, quantity, parts in stored
    )


def stored_lines(lines: Sequence[Line]) -> list[Any]:
    """The stored form of lines."""
    return [[line.sku_code, line.quantity, [list(part) for part in line.components]] for line in lines]


def _draws(stored: Sequence[Any] | None) -> tuple[Draw, ...] | None:
    return None if stored is None else tuple(Draw(*draw) for draw in stored)


def _held(stored: Mapping[str, Any] | None) -> Held | None:
    if stored is None:
        return None
    return Held(lines_of(stored["lines"]), tuple(Draw(*draw) for draw in stored["draws"]))


def _stored_held(held: Held | None) -> dict[str, Any] | None:
    if held is None:
        return None
    draws = [
        [draw.warehouse_code, draw.sku_code, draw.quantity, draw.from_escrow or draw.left_escrow]
        for draw in held.draws
    ]
    return {"lines": stored_lines(held.lines), "draws": draws}


def _order(stored: Mapping[str, Any] | None) -> OrderDetails | None:
    if stored is None:
        return None
    placed = stored.get("place_time")
    return OrderDetails(**{**stored, "place_time": datetime.fromisoformat(placed) if placed else None})


def _order_json(order: OrderDetails | None) -> str | None:
    if order is None:
        return None
    placed = order.place_time.isoformat() if order.place_time else None
    return json.dumps({**asdict(order), "place_time": placed})


def _earlier(row: Mapping[str, Any]) -> Earlier:
    return Earlier(
        reservation_id=row["reservation_id"],
        verb=row["verb"],
        state=row["state"],
        content_hash=bytes(row["content_hash"]),
        time=row["record_time"],
        declined=Declined(**row["refusal"]) if row["refusal"] else None,
        deadline=row["expire_time"],
    )


def _refusal(stored: Mapping[str, Any] | None) -> Refusal | None:
    if stored is None:
        return None
    return Refusal(**{**stored, "lines": tuple(RefusedLine(**line) for line in stored["lines"])})


def _reservation_arrays(made: Sequence[Reservation]) -> dict[str, Any]:
    refusals = [each.refusal for each in made]
    return {
        "reservation_ids": arrays.plain([each.reservation_id for each in made]),
        "request_ids": arrays.texts([each.request_id for each in made]),
        "content_hashes": arrays.blobs([each.content_hash for each in made]),
        "states": arrays.plain([int(each.state) for each in made]),
        "lines": arrays.texts([_json(stored_lines(each.lines)) for each in made]),
        "channel_codes": arrays.texts([each.channel_code for each in made]),
        "customer_references": arrays.texts([each.customer_reference for each in made]),
        "flash_sale_codes": arrays.texts([each.flash_sale_code for each in made]),
        "durabilities": arrays.plain([int(each.durability) for each in made]),
        "create_times": arrays.plain([each.create_time.isoformat() for each in made]),
        "deadlines": arrays.plain([each.deadline.isoformat() for each in made]),
        "refusals": arrays.texts([_json(_stored_refusal(each)) if each else None for each in refusals]),
        "actors": arrays.texts([each.actor for each in made]),
        "traceparents": arrays.texts([each.traceparent for each in made]),
    }


def _stored_refusal(refusal: Refusal) -> dict[str, Any]:
    """As `asdict` would, without copying deeply: refusals are many."""
    return {
        "reason": refusal.reason,
        "message": refusal.message,
        "lines": [
            {name: getattr(line, name) for name in RefusedLine.__dataclass_fields__} for line in refusal.lines
        ],
        "retry_delay_s": refusal.retry_delay_s,
    }


def _draw_arrays(drawn: Sequence[Reservation]) -> dict[str, Any]:
    draws = [draw for reservation in drawn for draw in reservation.draws]
    ids = [[str(reservation.reservation_id)] * len(reservation.draws) for reservation in drawn]
    return {
        "reservation_ids": arrays.plain(chain.from_iterable(ids)),
        "warehouse_codes": arrays.texts([draw.warehouse_code for draw in draws]),
        "sku_codes": arrays.texts([draw.sku_code for draw in draws]),
        "quantities": arrays.plain([draw.quantity for draw in draws]),
        "from_escrow": arrays.plain([draw.from_escrow for draw in draws]),
    }
