"""Uses of SKUs, and the seals that keep them from being used for the first time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from psycopg.errors import CheckViolation

from lumbung_kit.postgres import Conn, constraint_of
from lumbung_kit.sql import load
from lumbung_stock.domain.ledger import Author
from lumbung_stock.domain.sku_use import SEAL_TIME, USES_NAMED_MAX, SealWish, SkuSealed, SkuUse

RETRY_AFTER_S = 1.0

_SQL = load(__package__, "sku_seals.sql")
_LOCK, _FIND_USES, _SEAL, _UNSEAL = (_SQL[name] for name in ("lock_skus", "find_uses", "seal", "unseal"))


@contextmanager
def first_uses() -> Iterator[None]:
    """Around what may be the first use of a SKU: raises SkuSealed when the catalog is correcting it."""
    try:
        yield
    except CheckViolation as error:
        if constraint_of(error) != "sku_not_sealed":
            raise
        sku_code = error.diag.message_detail or ""
        raise SkuSealed(
            f"The catalog is correcting {sku_code}; try again in a moment.",
            metadata={"sku_code": sku_code},
            retry_after_s=RETRY_AFTER_S,
        ) from error


async def lock_unused(conn: Conn, sku_codes: Sequence[str]) -> set[str]:
    """Those that stock knows; nobody begins to use one of them until the transaction ends."""
    cursor = await conn.execute(_LOCK, {"sku_codes": list(sku_codes)})
    return {sku_code async for (sku_code,) in cursor}


async def find_uses(conn: Conn, wish: SealWish) -> list[SkuUse]:
    """What uses the SKUs, the one that is to be corrected first; at most 20."""
    asked = {"sku_codes": list(wish.sku_codes), "first": wish.sku_code, "limit": USES_NAMED_MAX}
    return [SkuUse(*row) async for row in await conn.execute(_FIND_USES, asked)]


async def seal(conn: Conn, wish: SealWish, author: Author) -> datetime:
    """Seals them until the time that it returns."""
    cursor = await conn.execute(
        _SEAL,
        {
            "sku_codes": list(wish.sku_codes),
            "for_sku_code": wish.sku_code,
            "sku_version": wish.sku_version,
            "seal_time": SEAL_TIME,
            "actor": author.actor,
            "request_id": author.request_id,
        },
    )
    ends: list[datetime] = [expire_time async for (expire_time,) in cursor]
    return min(ends)


async def unseal(conn: Conn, sku_code: str, sku_version: int) -> None:
    """The catalog has this version: seals for older ones have no more meaning."""
    await conn.execute(_UNSEAL, {"for_sku_code": sku_code, "sku_version": sku_version})
