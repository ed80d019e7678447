"""Set the replenishment figures of many SKUs, all or none."""

from __future__ import annotations

from collections.abc import Sequence

from lumbung_kit.postgres import Conn
from lumbung_stock.domain.ledger import Author
from lumbung_stock.domain.replenishment import Replenishment
from lumbung_stock.usecases.set_replenishment import set_replenishment


async def batch_set_replenishment(
    conn: Conn, author: Author, figures: Sequence[Replenishment], *, reason: str
) -> None:
    """In the order in which levels are locked. Raises what `set_replenishment` raises."""
    for index, each in sorted(enumerate(figures), key=lambda pair: pair[1].key):
        await set_replenishment(conn, author, each, reason=reason, field=f"replenishments[{index}]")
