"""What the catalog knows: what a scanned barcode is on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import grpc

from lumbung.catalog.v1 import barcodes_pb2 as pb
from lumbung.catalog.v1 import barcodes_pb2_grpc as rpc
from lumbung.catalog.v1 import skus_pb2, skus_pb2_grpc
from lumbung_fulfillment.domain.failures import SkuIsBundle, SkuNotFound, UnknownBarcode
from lumbung_fulfillment.domain.lots import NO_LABEL, LabelledLot
from lumbung_fulfillment.domain.weights import SkuSize
from lumbung_kit.clients import RemoteFailure, failure_from
from lumbung_kit.failures import Kind

SKUS_PER_CALL_MAX = 100
_UNKNOWN = ("BARCODE_UNKNOWN", "BARCODE_INVALID")


@dataclass(frozen=True, slots=True)
class ScannedItem:
    """What a barcode is on: a SKU, how many base units of it one scan stands for, and the lot that its label names."""

    sku_code: str
    base_quantity: int
    lot: LabelledLot = NO_LABEL


class Catalog:
    """Asks the catalog; every call has a deadline (the caller's, less a margin)."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._barcodes: rpc.BarcodeServiceAsyncStub = rpc.BarcodeServiceStub(channel)
        self._skus: skus_pb2_grpc.SkuServiceAsyncStub = skus_pb2_grpc.SkuServiceStub(channel)

    async def resolve(self, barcode: str) -> ScannedItem:
        """Raises UnknownBarcode when nobody has it, or it was misread."""
        try:
            response = await self._barcodes.ResolveBarcode(pb.ResolveBarcodeRequest(code=barcode))
        except grpc.aio.AioRpcError as error:
            remote = failure_from(error)
            if remote.reason in _UNKNOWN or remote.kind is Kind.INVALID_ARGUMENT:
                raise _unknown(barcode, remote) from error
            raise
        found = response.barcode
        day = date.fromisoformat(found.expiry_date) if found.expiry_date else None
        return ScannedItem(found.sku_code, found.base_quantity, LabelledLot(found.lot, day))

    async def fast_movers(self, sku_codes: Sequence[str]) -> frozenset[str]:
        """Those of at most 100 SKUs that were announced as fast movers. Raises SkuNotFound, SkuIsBundle."""
        try:
            response = await self._skus.BatchGetSkus(
                skus_pb2.BatchGetSkusRequest(sku_codes=sorted(set(sku_codes)))
            )
        except grpc.aio.AioRpcError as error:
            raise failure_from(error) from error
        if response.missing_sku_codes:
            codes = list(response.missing_sku_codes)
            raise SkuNotFound(f"{codes[0]} is not in the catalog", metadata={"sku_codes": ",".join(codes)})
        bundles = [sku.sku_code for sku in response.skus if sku.kind == skus_pb2.SKU_KIND_BUNDLE]
        if bundles:
            raise SkuIsBundle(f"{bundles[0]} is a bundle", metadata={"sku_codes": ",".join(bundles)})
        return frozenset(sku.sku_code for sku in response.skus if sku.fast_mover)

    async def sizes(self, sku_codes: Sequence[str]) -> dict[str, SkuSize]:
        """What one base unit of each SKU weighs and takes in room; those that the catalog does not know are absent."""
        wanted = sorted(set(sku_codes))
        found: dict[str, SkuSize] = {}
        for start in range(0, len(wanted), SKUS_PER_CALL_MAX):
            request = skus_pb2.BatchGetSkusRequest(sku_codes=wanted[start : start + SKUS_PER_CALL_MAX])
            try:
                response = await self._skus.BatchGetSkus(request)
            except grpc.aio.AioRpcError as error:
                raise failure_from(error) from error
            found |= {sku.sku_code: SkuSize(sku.weight_g, sku.volume_ml) for sku in response.skus}
        return found


def _unknown(barcode: str, remote: RemoteFailure) -> UnknownBarcode:
    """Says what is wrong with the barcode where the catalog does."""
    metadata = {"scanned": barcode}
    if remote.reason != "BARCODE_INVALID":
        return UnknownBarcode(metadata=metadata)
    expected = {"expected": remote.metadata["expected"]} if "expected" in remote.metadata else {}
    return UnknownBarcode(remote.message, metadata=metadata | expected)
