"""Say what scanned texts are."""

from collections.abc import Sequence

from lumbung_catalog.domain.resolved import Resolved, keys_of, resolve, unresolved
from lumbung_catalog.stores import barcodes
from lumbung_kit.postgres import Conn


async def resolve_barcodes(conn: Conn, codes: Sequence[str]) -> tuple[list[Resolved], list[str]]:
    """What is known, and what nobody has."""
    return resolve(codes, await barcodes.resolve(conn, keys_of(codes)))


async def resolve_barcode(conn: Conn, code: str) -> Resolved:
    """What one text is. Raises BarcodeUnknown, or BarcodeInvalid for a GTIN with a wrong check digit."""
    known, _ = await resolve_barcodes(conn, [code])
    if not known:
        raise unresolved(code)
    return known[0]
