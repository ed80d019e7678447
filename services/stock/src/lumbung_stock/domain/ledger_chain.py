"""The ledger as a chain: each entry carries a hash over itself and over the hash before it, per warehouse.

Whoever changes, removes, inserts or swaps entries of the past breaks it, and the first entry that does not fit can be
named. Who rewrites everything from there to the end, the head too, is found out by a seal: a head that was written down
before, in the database and in the log. Source: S. Haber and W. S. Stornetta, "How to time-stamp a digital document",
Journal of Cryptology 3 (1991).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Final

from lumbung_stock.domain.ledger import LedgerEntry

BEGINNING: Final = b""
"""What the first entry follows."""
FORM: Final = "1"
"""The form that is hashed of an entry without a lot."""
FORM_WITH_LOT: Final = "2"
"""The same with the lot at the end."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class ChainProblem(IntEnum):
    """What is wrong with a chain; numbers as in the contract."""

    MISSING = 1
    """There is no entry with this sequence, and there was one."""
    CHANGED = 2
    """The entry does not follow from the one before it: one of the two was changed, or came from elsewhere."""
    BEYOND_HEAD = 3
    """There is an entry behind the last one that was written."""
    HEAD = 4
    """Every entry fits, and the last one is not what the head says: they were written anew from some point on."""
    SEAL = 5
    """The entry is not what it was when it was sealed: something at or before it, and behind the seal before, was
    written anew."""


@dataclass(frozen=True, slots=True)
class ChainBreak:
    """The first entry of a warehouse that is not as it was written."""

    warehouse_code: str
    sequence: int
    problem: ChainProblem


@dataclass(frozen=True, slots=True)
class Seal:
    """A warehouse's last entry at some moment: its sequence and hash."""

    warehouse_code: str
    sequence: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Stretch:
    """Consecutive entries as they were found: up to where they go, the first gap, the first that does not fit."""

    count: int
    through: int
    hash: bytes
    missing: int | None
    changed: int | None


def entry_hash(before: bytes, entry: LedgerEntry) -> bytes:
    """The hash that an entry must carry behind one with the hash `before`; as the database's ledger_hash."""
    fields = (
        FORM_WITH_LOT if entry.lot_code else FORM,
        entry.warehouse_code,
        str(entry.sequence),
        entry.sku_code,
        str(entry.quantity),
        entry.from_place,
        entry.to_place,
        str(int(entry.kind)),
        entry.reason,
        entry.document,
        str(entry.reservation_id or ""),
        entry.actor,
        entry.request_id,
        _microseconds(entry.record_time),
        _microseconds(entry.effective_time),
        *((entry.lot_code,) if entry.lot_code else ()),
    )
    return hashlib.sha256(before + b"".join(map(_netstring, fields))).digest()


def break_in(stretch: Stretch, warehouse_code: str) -> ChainBreak | None:
    """The first thing that is wrong with these entries. What follows a gap cannot fit either."""
    found = [
        (sequence, problem)
        for sequence, problem in (
            (stretch.missing, ChainProblem.MISSING),
            (stretch.changed, ChainProblem.CHANGED),
        )
        if sequence is not None
    ]
    return ChainBreak(warehouse_code, *min(found)) if found else None


def broken_seal(seals: Sequence[Seal], hashes: dict[int, bytes]) -> ChainBreak | None:
    """The first seal that the entries, by sequence, do not bear out."""
    for seal in sorted(seals, key=lambda seal: seal.sequence):
        if hashes.get(seal.sequence) != seal.hash:
            return ChainBreak(seal.warehouse_code, seal.sequence, ChainProblem.SEAL)
    return None


def _netstring(content: str) -> bytes:
    data = content.encode()
    return b"%d:%s," % (len(data), data)


def _microseconds(moment: datetime) -> str:
    return str((moment - _EPOCH) // timedelta(microseconds=1))
