"""Set a reason code: make it, name it otherwise, or retire it."""

from __future__ import annotations

from lumbung_kit.postgres import Conn
from lumbung_stock.domain.reason_codes import CODES_MAX, ReasonCode, TooManyReasonCodes
from lumbung_stock.stores import reason_codes


async def set_reason_code(conn: Conn, actor: str, reason: ReasonCode) -> None:
    """Writes nothing when it is so already. Raises TooManyReasonCodes."""
    await reason_codes.lock_reasons(conn)
    known = await reason_codes.find_reasons(conn)
    if known.get(reason.code) == reason:
        return
    if reason.code not in known and len(known) >= CODES_MAX:
        raise TooManyReasonCodes(metadata={"codes_max": str(CODES_MAX)})
    await reason_codes.put_reason(conn, reason, actor)
