"""The two rivals: what a competent team writes first, and one row per unit.

`python -m lumbung_bench.contestants.rival HOST:PORT for-update|skip-locked`, with the database's URL in
LUMBUNG_BENCH_RIVAL_URL. Both run on the same grpc.aio, uvloop, psycopg and Postgres as ours, are idempotent by
request_id, answer from one transaction, and lock in a fixed order. Neither checks its input, sets a deadline, knows
a limit per customer, writes an event or a trace, or remembers a refusal.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeAlias
from uuid import UUID, uuid4

import grpc
import psycopg
from psycopg_pool import AsyncConnectionPool

from lumbung.stock.v1 import reservations_pb2 as pb
from lumbung.stock.v1 import reservations_pb2_grpc as rpc
from lumbung_bench.contestants.serve import main
from lumbung_bench.reservations import WAREHOUSE

URL_VARIABLE = "LUMBUNG_BENCH_RIVAL_URL"
CONNECTIONS = 16

_Conn: TypeAlias = psycopg.AsyncConnection[tuple[Any, ...]]
Take: TypeAlias = Callable[[_Conn, UUID, dict[str, int]], Awaitable[bool]]
"""Takes units of each SKU for a reservation, all or none; False when there are not enough."""

_FIND = """
SELECT reservation_id, content_hash, create_time, expire_time FROM reservation WHERE request_id = %s
"""
_LOCK_STOCK = """
SELECT sku_code, on_hand - held FROM stock WHERE sku_code = ANY (%s) ORDER BY sku_code FOR UPDATE
"""
_TAKE_STOCK = """
UPDATE stock SET held = held + asked.units
  FROM unnest(%s::text[], %s::bigint[]) AS asked (sku_code, units)
 WHERE stock.sku_code = asked.sku_code
"""
_TAKE_UNITS = """
UPDATE unit SET reservation_id = %s
 WHERE unit_id IN (
    SELECT free.unit_id
      FROM unnest(%s::text[], %s::bigint[]) AS asked (sku_code, units)
     CROSS JOIN LATERAL (
        SELECT unit_id FROM unit
         WHERE unit.sku_code = asked.sku_code AND reservation_id IS NULL
         ORDER BY unit_id LIMIT asked.units FOR UPDATE SKIP LOCKED
     ) AS free
 )
"""
_INSERT = """
INSERT INTO reservation
    (reservation_id, request_id, content_hash, channel_code, customer_reference, expire_time)
VALUES (%s, %s, %s, %s, %s, now() + make_interval(secs => %s))
RETURNING reservation_id, content_hash, create_time, expire_time
"""
_INSERT_LINES = """
INSERT INTO reservation_line SELECT %s, * FROM unnest(%s::text[], %s::bigint[])
"""


async def take_from_counters(conn: _Conn, reservation_id: UUID, demand: dict[str, int]) -> bool:  # noqa: ARG001
    """One row per SKU, locked with FOR UPDATE, looked at, and written."""
    rows = await (await conn.execute(_LOCK_STOCK, [list(demand)])).fetchall()
    available: dict[str, int] = dict(rows)
    if any(available.get(sku, 0) < units for sku, units in demand.items()):
        return False
    await conn.execute(_TAKE_STOCK, [list(demand), list(demand.values())])
    return True


async def take_units(conn: _Conn, reservation_id: UUID, demand: dict[str, int]) -> bool:
    """One row per unit; those that others are taking are skipped."""
    taken = await conn.execute(_TAKE_UNITS, [reservation_id, list(demand), list(demand.values())])
    return taken.rowcount == sum(demand.values())


class _SoldOutError(Exception):
    """Rolls the transaction back."""


class Rival(rpc.ReservationServiceServicer):
    """One transaction a call."""

    def __init__(self, pool: AsyncConnectionPool[_Conn], take: Take) -> None:
        self._pool = pool
        self._take = take

    async def Reserve(  # noqa: N802 - the contract's name
        self,
        request: pb.ReserveRequest,
        context: grpc.aio.ServicerContext[pb.ReserveRequest, pb.ReserveResponse],
    ) -> pb.ReserveResponse:
        """Holds all lines, or none; the same request_id gets the same hold."""
        content_hash = _content_hash(request)
        try:
            row = await self._reserve(request, content_hash)
        except _SoldOutError:
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "out of stock")
        except psycopg.errors.UniqueViolation:  # the same request, at the same time
            row = await self._find(request)
        if bytes(row[1]) != content_hash:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "request_id was used with other content")
        return pb.ReserveResponse(reservation=_held(request, row))

    async def _reserve(self, request: pb.ReserveRequest, content_hash: bytes) -> tuple[Any, ...]:
        async with self._pool.connection() as conn, conn.transaction():
            found = await (await conn.execute(_FIND, [request.request_id])).fetchone()
            if found is not None:
                return found
            reservation_id, demand = uuid4(), _demand(request)
            if not await self._take(conn, reservation_id, demand):
                raise _SoldOutError
            buyer = (request.channel_code, request.customer_reference, request.ttl.seconds)
            inserted = await conn.execute(_INSERT, [reservation_id, request.request_id, content_hash, *buyer])
            row = await inserted.fetchone()
            await conn.execute(_INSERT_LINES, [reservation_id, list(demand), list(demand.values())])
            assert row is not None  # noqa: S101 - INSERT ... RETURNING
            return row

    async def _find(self, request: pb.ReserveRequest) -> tuple[Any, ...]:
        async with self._pool.connection() as conn:
            row = await (await conn.execute(_FIND, [request.request_id])).fetchone()
            assert row is not None  # noqa: S101 - its id was refused as taken
            return row


def _demand(request: pb.ReserveRequest) -> dict[str, int]:
    demand: dict[str, int] = {}
    for line in sorted(request.lines, key=lambda line: line.sku_code):
        demand[line.sku_code] = demand.get(line.sku_code, 0) + line.quantity
    return demand


def _content_hash(request: pb.ReserveRequest) -> bytes:
    content = pb.ReserveRequest()
    content.CopyFrom(request)
    content.ClearField("request_id")
    return hashlib.sha256(content.SerializeToString(deterministic=True)).digest()


def _held(request: pb.ReserveRequest, row: tuple[Any, ...]) -> pb.Reservation:
    reservation_id, _, create_time, expire_time = row
    held = pb.Reservation(
        reservation_id=str(reservation_id),
        request_id=request.request_id,
        state=pb.RESERVATION_STATE_HELD,
        lines=request.lines,
        draws=[
            pb.Draw(warehouse_code=WAREHOUSE, sku_code=line.sku_code, quantity=line.quantity)
            for line in request.lines
        ],
        channel_code=request.channel_code,
        customer_reference=request.customer_reference,
        flash_sale_code=request.flash_sale_code,
        durability=pb.DURABILITY_DURABLE,
        actor="storefront:bench",
    )
    held.create_time.FromDatetime(create_time)
    held.expire_time.FromDatetime(expire_time)
    return held


TAKE_BY_NAME: dict[str, Take] = {"for-update": take_from_counters, "skip-locked": take_units}


@asynccontextmanager
async def opened(take: Take) -> AsyncIterator[Rival]:
    """With a pool of connections."""
    pool: AsyncConnectionPool[_Conn] = AsyncConnectionPool(
        os.environ[URL_VARIABLE],
        min_size=CONNECTIONS,
        max_size=CONNECTIONS,
        open=False,
        kwargs={"autocommit": True},
    )
    async with pool:
        await pool.wait()
        yield Rival(pool, take)


if __name__ == "__main__":
    main(partial(opened, TAKE_BY_NAME[sys.argv[2]]), sys.argv[1])
