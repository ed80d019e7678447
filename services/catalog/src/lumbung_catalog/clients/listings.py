"""Channel-sync, asked who sells a SKU."""

import grpc

from lumbung.channel_sync.v1 import listings_pb2 as pb
from lumbung.channel_sync.v1 import listings_pb2_grpc as rpc
from lumbung_catalog.domain.corrections import Use
from lumbung_catalog.domain.limits import USES_NAMED_MAX


class Listings:
    """Asks channel-sync; without a channel to it there are no listings."""

    def __init__(self, channel: grpc.aio.Channel | None) -> None:
        self._stub: rpc.ListingServiceAsyncStub | None = (
            rpc.ListingServiceStub(channel) if channel is not None else None
        )

    async def of(self, sku_code: str) -> list[Use]:
        """The first listings that sell a SKU, or none."""
        if self._stub is None:
            return []
        request = pb.ListListingsRequest(page_size=USES_NAMED_MAX, sku_code=sku_code)
        found = await self._stub.ListListings(request)
        return [Use(sku_code, "LISTING", f"{one.channel_code} {one.listing_ref}") for one in found.listings]
