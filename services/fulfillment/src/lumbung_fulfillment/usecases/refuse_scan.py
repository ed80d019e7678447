"""Refuse a wrong scan: it changes nothing, and is counted once however often it is sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from lumbung_fulfillment.domain.failures import (
    LotExpired,
    TooMany,
    UnknownBarcode,
    UnknownBin,
    WrongBin,
    WrongItem,
    WrongLot,
)
from lumbung_fulfillment.stores import scans
from lumbung_fulfillment.stores.scans import WrongScan
from lumbung_kit import telemetry
from lumbung_kit.failures import Failure, RequestIdReused
from lumbung_kit.postgres import Conn

WRONG: Final = (WrongBin, WrongItem, WrongLot, LotExpired, UnknownBarcode, UnknownBin, TooMany)
_BY_REASON: dict[str, type[Failure]] = {failure.reason: failure for failure in WRONG}
_wrong_scans = telemetry.counter("wrong_scans", "Scans refused, by reason", ["method", "reason"])


@dataclass(frozen=True, slots=True)
class ScanId:
    """Which scan this is: of which method, under which id, with what content, and in which terminal's session."""

    method: str
    request_id: str
    content_hash: bytes
    session_id: UUID | None = None


async def recall_wrong_scan(conn: Conn, scan: ScanId) -> None:
    """Raises the refusal that this scan got before, if it did, and RequestIdReused for other content."""
    known = await scans.get_wrong_scan(conn, scan.method, scan.request_id)
    if known is None:
        return
    content_hash, reason, message, metadata = known
    if content_hash != scan.content_hash:
        raise RequestIdReused
    raise _BY_REASON[reason](message, metadata=metadata)


async def record_wrong_scan(
    conn: Conn, scan: ScanId, warehouse_code: str, order_id: UUID | None, refusal: Failure
) -> None:
    """Counts it."""
    wrong = WrongScan(
        scan.method,
        scan.request_id,
        scan.content_hash,
        warehouse_code,
        order_id,
        scan.session_id,
        refusal.reason,
        refusal.message,
        refusal.metadata,
    )
    await scans.insert_wrong_scan(conn, wrong)
    _wrong_scans.labels(scan.method, refusal.reason).inc()
