"""Scans at terminals and packing: what the catalog says they are, and wrong ones counted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

from google.protobuf.message import Message

from lumbung_fulfillment.clients.catalog import Catalog, ScannedItem
from lumbung_fulfillment.domain.weights import SkuSize
from lumbung_fulfillment.entrypoints.desk import Desk
from lumbung_fulfillment.usecases.refuse_scan import WRONG, ScanId, recall_wrong_scan, record_wrong_scan
from lumbung_kit.idempotency import content_hash


class Scanner:
    """One method's scans. Inside `scanned`, wrong scans are refused, counted once, and refused the same way again."""

    def __init__(self, desk: Desk, catalog: Catalog) -> None:
        self._desk = desk
        self._catalog = catalog

    async def resolve(self, barcode: str) -> ScannedItem:
        """What a barcode is on. Raises UnknownBarcode."""
        return await self._catalog.resolve(barcode)

    async def sizes(self, sku_codes: Sequence[str]) -> dict[str, SkuSize]:
        """What a base unit of each SKU weighs; those that the catalog does not know are absent."""
        return await self._catalog.sizes(sku_codes)

    @asynccontextmanager
    async def scanned(
        self, method: str, request: Message, warehouse_code: str, order_id: UUID | None
    ) -> AsyncIterator[None]:
        """`request` has a checked request_id."""
        request_id: str = request.request_id  # type: ignore[attr-defined]
        scan = ScanId(method, request_id, content_hash(request), _session_of(request))
        async with self._desk.reading() as conn:
            await recall_wrong_scan(conn, scan)
        try:
            yield
        except WRONG as refusal:
            async with self._desk.reading() as conn:
                await record_wrong_scan(conn, scan, warehouse_code, order_id, refusal)
            raise


def _session_of(request: Message) -> UUID | None:
    """The terminal's session, of methods that have one; it was checked before."""
    has_one = "session_id" in request.DESCRIPTOR.fields_by_name
    return UUID(request.session_id) if has_one else None  # type: ignore[attr-defined]
