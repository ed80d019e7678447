"""Lock what a reservation lacks, so that it stays what it is while somebody works it off."""

from __future__ import annotations

from collections.abc import Collection

from lumbung_kit.postgres import Conn
from lumbung_stock.domain.levels import Level, LevelKey
from lumbung_stock.domain.shortfalls import Lack, PromiseHit
from lumbung_stock.stores import levels, shortfalls


async def lock_lack(
    conn: Conn, lack: Lack, keys: Collection[LevelKey]
) -> tuple[PromiseHit, dict[LevelKey, Level]]:
    """Locks these levels and that of the lack; the caller has locked the reservation before. Returns the hit, with
    nothing missing when there is none, and the levels.
    """
    locked = await levels.lock_levels(conn, {lack.key, *keys})
    found = await shortfalls.find_hits(conn, [lack.key], reservation_id=lack.reservation_id)
    nothing = PromiseHit(*lack.key, lack.reservation_id, missing=0, older=0)
    return (found[0] if found else nothing), locked
