"""Verify the ledger's chain: find the first entry of each warehouse that is not as it was written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lumbung_kit.postgres import Postgres
from lumbung_stock.domain.ledger_chain import (
    BEGINNING,
    ChainBreak,
    ChainProblem,
    Seal,
    break_in,
    broken_seal,
)
from lumbung_stock.stores.ledger_chain import (
    Head,
    find_hashes,
    find_heads,
    find_seals,
    first_beyond_head,
    read_stretch,
)
from lumbung_stock.stores.warehouses import find_warehouse

STRETCH = 5_000
"""Entries read together."""
SEALS_PAGE = 500


@dataclass(frozen=True, slots=True)
class ChainReport:
    """What was found: where each chain ends now, to be kept elsewhere, and the first break of each that has one."""

    entry_count: int
    heads: tuple[Seal, ...]
    breaks: tuple[ChainBreak, ...]


Progress = Callable[[str, int, int], None]
"""Told of a warehouse how far one is, and how far it goes."""


def _unheard(_warehouse_code: str, _through: int, _of: int) -> None:
    """Nobody wants to know."""


async def verify_chain(
    postgres: Postgres, warehouse_code: str, seals: Sequence[Seal] = (), progress: Progress = _unheard
) -> ChainReport:
    """Of one warehouse, or of all when empty. `seals` are heads that somebody has kept elsewhere.

    Locks nothing, and reads a stretch at a time; what is appended meanwhile is left for the next time.
    Raises WarehouseNotFound.
    """
    async with postgres.connection() as conn:
        if warehouse_code:
            await find_warehouse(conn, warehouse_code)
        heads = await find_heads(conn, warehouse_code)
    breaks = []
    for head in heads:
        kept = [seal for seal in seals if seal.warehouse_code == head.warehouse_code]
        if found := await _break_of(postgres, head, kept, progress):
            breaks.append(found)
    strangers = {seal.warehouse_code for seal in seals} - {head.warehouse_code for head in heads}
    breaks += [ChainBreak(code, 1, ChainProblem.MISSING) for code in sorted(strangers) if not warehouse_code]
    ends = tuple(Seal(head.warehouse_code, head.chained, head.hash) for head in heads)
    return ChainReport(sum(head.chained for head in heads), ends, tuple(breaks))


async def _break_of(
    postgres: Postgres, head: Head, kept: Sequence[Seal], progress: Progress
) -> ChainBreak | None:
    """The first one, by the chain itself, then by its end, then by what was written down of it."""
    code, after, before = head.warehouse_code, 0, BEGINNING
    while after < head.chained:
        through = min(after + STRETCH, head.chained)
        async with postgres.connection() as conn:
            stretch = await read_stretch(conn, code, after, before, through)
        if found := break_in(stretch, code):
            return found
        if stretch.through < through:
            return ChainBreak(code, stretch.through + 1, ChainProblem.MISSING)
        after, before = through, stretch.hash
        progress(code, after, head.chained)
    return await _break_at_end(postgres, head, before) or await _unsealed(postgres, head, kept)


async def _break_at_end(postgres: Postgres, head: Head, last_hash: bytes) -> ChainBreak | None:
    code = head.warehouse_code
    async with postgres.connection() as conn:
        if beyond := await first_beyond_head(conn, code):
            return ChainBreak(code, beyond, ChainProblem.BEYOND_HEAD)
    if last_hash != head.hash or head.sequence != head.chained:
        return ChainBreak(code, head.chained, ChainProblem.HEAD)
    return None


async def _unsealed(postgres: Postgres, head: Head, kept: Sequence[Seal]) -> ChainBreak | None:
    """The first seal that is not borne out, of those in the database and those kept elsewhere."""
    page, after = list(kept), 0
    while True:
        async with postgres.connection() as conn:
            stored = await find_seals(conn, head.warehouse_code, after, SEALS_PAGE)
            page += stored
            hashes = await find_hashes(conn, head.warehouse_code, [seal.sequence for seal in page])
        if found := broken_seal(page, hashes):
            return found
        if len(stored) < SEALS_PAGE:
            return None
        page, after = [], stored[-1].sequence
