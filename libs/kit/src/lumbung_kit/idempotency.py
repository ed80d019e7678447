"""The same request twice takes effect once, and gets the same answer."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from google.protobuf.message import Message
from psycopg.errors import UniqueViolation

from lumbung_kit import sql
from lumbung_kit.failures import ConcurrentChange, FieldViolation, RequestIdReused, RequestInFlight
from lumbung_kit.postgres import Conn, Postgres, constraint_of

RETRY_AFTER_S = 0.1
_ATTEMPTS_MAX = 3

M = TypeVar("M", bound=Message)
_SQL = sql.load("lumbung_kit", "idempotency.sql")
_CLAIM, _RECALL, _REMEMBER = _SQL["claim"], _SQL["recall"], _SQL["remember"]


def content_hash(message: Message, *, without: Sequence[str] = ("request_id",)) -> bytes:
    """SHA-256 of what the request asks for: its type and all its fields but those `without` which it is the same."""
    content = type(message)()
    content.CopyFrom(message)
    for field in without:
        content.ClearField(field)
    digest = hashlib.sha256(message.DESCRIPTOR.full_name.encode())
    digest.update(b"\0" + content.SerializeToString(deterministic=True))
    return digest.digest()


async def once(
    postgres: Postgres,
    method: str,
    request: Message,
    response_type: type[M],
    work: Callable[[Conn], Awaitable[M]],
) -> M:
    """Runs `work` and stores its response in one transaction; a repeated request gets the stored response.

    `request` has a checked request_id, which counts within `method` alone. Whatever `work` raises rolls
    everything back, and the id stays free. `work` runs again after a deadlock or serialisation conflict, so
    it has no effect outside of the transaction. Raises RequestIdReused when the id came with other content
    before, RequestInFlight while the same request is being handled, and what `Postgres.run` raises.
    """
    keys = {"method": method, "request_id": request.request_id}  # type: ignore[attr-defined]
    digest = content_hash(request)

    async def attempt(conn: Conn) -> M:
        stored = await _stored_answer(conn, keys, digest)
        if stored is not None:
            return response_type.FromString(stored)
        response = await work(conn)
        row = {**keys, "content_hash": digest, "response": response.SerializeToString()}
        await conn.execute(_REMEMBER, row)
        return response

    for _ in range(_ATTEMPTS_MAX):
        try:
            return await postgres.run(attempt)
        except UniqueViolation as error:
            # Another transaction committed the record after our look and before our claim: look again.
            if constraint_of(error) != "request_record_pkey":
                raise
    raise ConcurrentChange(retry_after_s=RETRY_AFTER_S)


async def answer_before(
    postgres: Postgres, method: str, request: Message, response_type: type[M]
) -> M | None:
    """What `once` has answered the same request, for a method that asks others before it takes effect: they may say
    something else by now. Raises RequestIdReused.
    """
    keys = {"method": method, "request_id": request.request_id}  # type: ignore[attr-defined]
    async with postgres.connection() as conn:
        row = await (await conn.execute(_RECALL, keys, binary=True)).fetchone()
    if row is None:
        return None
    return response_type.FromString(_same_content(bytes(row[0]), content_hash(request), row[1]))


async def _stored_answer(conn: Conn, keys: dict[str, str], digest: bytes) -> bytes | None:
    row = await (await conn.execute(_CLAIM, keys, binary=True)).fetchone()
    free, hash_before, response = row or (False, None, None)
    if hash_before is not None:
        return _same_content(hash_before, digest, response)
    if not free:
        raise RequestInFlight(retry_after_s=RETRY_AFTER_S)
    return None


def _same_content(hash_before: bytes, digest: bytes, response: bytes) -> bytes:
    if hash_before != digest:
        raise RequestIdReused(
            fields=[FieldViolation("request_id", "was used for a request with other content")]
        )
    return bytes(response)
