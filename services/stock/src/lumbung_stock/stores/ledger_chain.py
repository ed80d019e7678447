"""The ledger's chain: read in stretches, laid beside its heads and its seals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lumbung_kit.postgres import Conn
from lumbung_kit.sql import load
from lumbung_stock.domain.ledger_chain import Seal, Stretch

_SQL = load(__package__, "ledger_chain.sql")
_HEADS, _STRETCH, _BEYOND_HEAD = (_SQL[name] for name in ("heads", "stretch", "beyond_head"))
_SEALS, _HASHES, _SEAL = (_SQL[name] for name in ("seals", "hashes", "seal"))


@dataclass(frozen=True, slots=True)
class Head:
    """Where a warehouse's ledger ends: the sequence that was given last, and the entry that was chained last."""

    warehouse_code: str
    sequence: int
    chained: int
    hash: bytes


async def find_heads(conn: Conn, warehouse_code: str = "") -> list[Head]:
    """Of one warehouse, or of all."""
    cursor = await conn.execute(_HEADS, {"warehouse_code": warehouse_code})
    return [Head(*row) async for row in cursor]


async def read_stretch(conn: Conn, warehouse_code: str, after: int, before: bytes, through: int) -> Stretch:
    """Entries behind `after`, which has the hash `before`, up to `through`."""
    asked = {"warehouse_code": warehouse_code, "after": after, "hash": before, "through": through}
    row = await (await conn.execute(_STRETCH, asked)).fetchone()
    if row is None:
        raise AssertionError("an aggregate without GROUP BY gives one row")
    return Stretch(*row)


async def first_beyond_head(conn: Conn, warehouse_code: str) -> int | None:
    """The first entry behind the last one that was chained, if there is one."""
    row = await (await conn.execute(_BEYOND_HEAD, {"warehouse_code": warehouse_code})).fetchone()
    return row[0] if row else None


async def find_seals(conn: Conn, warehouse_code: str, after: int, limit: int) -> list[Seal]:
    """Seals behind a sequence, in order."""
    asked = {"warehouse_code": warehouse_code, "after": after, "limit": limit}
    return [Seal(*row) async for row in await conn.execute(_SEALS, asked)]


async def find_hashes(conn: Conn, warehouse_code: str, sequences: Sequence[int]) -> dict[int, bytes]:
    """Hashes of entries by their sequences; those that are not there are left out."""
    asked = {"warehouse_code": warehouse_code, "sequences": list(sequences)}
    return {sequence: entry_hash async for sequence, entry_hash in await conn.execute(_HASHES, asked)}


async def write_seal(conn: Conn, seal: Seal, interval_s: float) -> bool:
    """Writes a head down, unless one was within the interval; whether it did."""
    asked = {
        "warehouse_code": seal.warehouse_code,
        "sequence": seal.sequence,
        "hash": seal.hash,
        "interval_s": interval_s,
    }
    return await (await conn.execute(_SEAL, asked)).fetchone() is not None
