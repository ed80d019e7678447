"""Stock, asked whether it uses a SKU."""

import time
from collections.abc import Sequence

import grpc

from lumbung.stock.v1 import sku_use_pb2 as pb
from lumbung.stock.v1 import sku_use_pb2_grpc as rpc
from lumbung_catalog.domain.corrections import RETRY_AFTER_S, Sealed
from lumbung_catalog.domain.failures import SkuInUse
from lumbung_kit.clients import RemoteFailure, failure_from
from lumbung_kit.failures import ConcurrentChange
from lumbung_kit.ids import new_id
from lumbung_kit.postgres import TRANSACTION_S_MAX


class StockUse:
    """Seals SKUs at stock; each call has the caller's deadline, less a margin."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub: rpc.SkuUseServiceAsyncStub = rpc.SkuUseServiceStub(channel)

    async def seal(self, sku_code: str, version: int, drawn: Sequence[str]) -> Sealed:
        """Lets nothing begin to use a SKU, and what a bundle has drawn. Raises SkuInUse, ConcurrentChange.

        Each time a seal of its own: one that a repeated request was told of before might be over.
        """
        request = pb.SealForCorrectionRequest(
            request_id=str(new_id()), sku_code=sku_code, sku_version=version, drawn_sku_codes=drawn
        )
        asked_s = time.monotonic()
        try:
            sealed = await self._stub.SealForCorrection(request)
        except grpc.aio.AioRpcError as error:
            raise _translated(failure_from(error)) from error
        return Sealed.asked_at(asked_s, sealed.seal_ms / 1000, TRANSACTION_S_MAX)


def _translated(remote: RemoteFailure) -> Exception:
    if remote.reason == "SKU_IN_USE":
        return SkuInUse(remote.message, metadata=remote.metadata, preconditions=remote.preconditions)
    if remote.reason == "SKU_NOT_FOUND":
        return ConcurrentChange(
            f"Stock has not heard of {remote.metadata.get('sku_code', 'the SKU')} yet; try again in a moment.",
            retry_after_s=RETRY_AFTER_S,
        )
    return remote
