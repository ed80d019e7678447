"""Say what scanned texts are."""

from collections.abc import Sequence

from lumbung_catalog.domain.resolved import (
    Answer,
    Resolved,
    keys_of,
    read_scan,
    read_scans,
    resolve,
    unresolved,
)
from lumbung_catalog.stores import barcodes
from lumbung_kit.postgres import Conn


async def resolve_barcodes(conn: Conn, codes: Sequence[str]) -> Answer:
    """What is known, and what nobody has."""
    scans = read_scans(codes)
    return resolve(scans, await barcodes.resolve(conn, keys_of(scans)))


async def resolve_barcode(conn: Conn, code: str) -> Resolved:
    """What one text is. Raises BarcodeUnknown, or BarcodeInvalid for one that was read or made wrongly."""
    answer = await resolve_barcodes(conn, [code])
    if not answer.known:
        raise unresolved(read_scan(code))
    return answer.known[0]
