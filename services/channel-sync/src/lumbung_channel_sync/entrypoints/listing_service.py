"""ListingService: what is sold where, and how much of the stock it may show."""

from __future__ import annotations

from collections.abc import Sequence

import grpc

from lumbung.channel_sync.v1 import listings_pb2 as pb
from lumbung.channel_sync.v1 import listings_pb2_grpc as rpc
from lumbung_channel_sync import wire
from lumbung_channel_sync.clients.stock import Stock
from lumbung_channel_sync.domain.failures import ListingNotFound
from lumbung_channel_sync.domain.listings import ListingSpec
from lumbung_channel_sync.entrypoints import requests
from lumbung_channel_sync.entrypoints.channel_service import Mutations
from lumbung_channel_sync.stores import listings
from lumbung_channel_sync.usecases.pause_listing import pause_listing, resume_listing
from lumbung_channel_sync.usecases.remove_listing import remove_listing
from lumbung_channel_sync.usecases.set_listings import require_known_skus, set_listings
from lumbung_kit.postgres import Conn
from lumbung_kit.validate import Check

BATCH_MAX = 500


class ListingService(rpc.ListingServiceServicer):
    """Listings over gRPC."""

    def __init__(self, mutations: Mutations, stock: Stock) -> None:
        self._mutations = mutations
        self._postgres = mutations.postgres
        self._stock = stock

    async def SetListing(
        self,
        request: pb.SetListingRequest,
        context: grpc.aio.ServicerContext[pb.SetListingRequest, pb.SetListingResponse],
    ) -> pb.SetListingResponse:
        """Makes a listing or replaces its rules."""
        check = Check()
        check.request_id(request.request_id)
        code = requests.channel_code(check, request.channel_code)
        spec = requests.listing_spec(check, "listing", request.listing)
        check.done()
        await require_known_skus(self._stock, code, [spec])

        async def work(conn: Conn) -> pb.SetListingResponse:
            stored = await set_listings(conn, code, [spec])
            return pb.SetListingResponse(listing=wire.listing(stored[0]))

        return await self._mutations.once("SetListing", request, pb.SetListingResponse, work)

    async def BatchSetListings(
        self,
        request: pb.BatchSetListingsRequest,
        context: grpc.aio.ServicerContext[pb.BatchSetListingsRequest, pb.BatchSetListingsResponse],
    ) -> pb.BatchSetListingsResponse:
        """Makes or replaces many listings, all or none."""
        check = Check()
        check.request_id(request.request_id)
        code = requests.channel_code(check, request.channel_code)
        items = check.items("listings", request.listings, maximum=BATCH_MAX)
        specs = [requests.listing_spec(check, f"listings[{index}]", item) for index, item in enumerate(items)]
        _refuse_twins(check, specs)
        check.done()
        await require_known_skus(self._stock, code, specs)

        async def work(conn: Conn) -> pb.BatchSetListingsResponse:
            stored = await set_listings(conn, code, specs)
            return pb.BatchSetListingsResponse(listings=[wire.listing(one) for one in stored])

        return await self._mutations.once("BatchSetListings", request, pb.BatchSetListingsResponse, work)

    async def GetListing(
        self,
        request: pb.GetListingRequest,
        context: grpc.aio.ServicerContext[pb.GetListingRequest, pb.GetListingResponse],
    ) -> pb.GetListingResponse:
        """Reads one listing."""
        check = Check()
        code = requests.channel_code(check, request.channel_code)
        ref = requests.listing_ref(check, request.listing_ref)
        check.done()
        async with self._postgres.connection() as conn:
            found = await listings.get(conn, code, ref)
        if found is None:
            raise ListingNotFound(metadata={"channel_code": code, "listing_ref": ref})
        return pb.GetListingResponse(listing=wire.listing(found))

    async def ListListings(
        self,
        request: pb.ListListingsRequest,
        context: grpc.aio.ServicerContext[pb.ListListingsRequest, pb.ListListingsResponse],
    ) -> pb.ListListingsResponse:
        """Listings by channel and reference."""
        check = Check()
        size = check.page_size(request.page_size, default=100, maximum=500)
        after = requests.pair_token(check, request.page_token)
        code = requests.channel_code(check, request.channel_code, required=False)
        sku_code = requests.optional_sku(check, request.sku_code)
        check.done()
        async with self._postgres.connection() as conn:
            found = await listings.list_page(conn, after, size + 1, channel_code=code, sku_code=sku_code)
        last = found[size - 1] if len(found) > size else None
        return pb.ListListingsResponse(
            listings=[wire.listing(one) for one in found[:size]],
            next_page_token=requests.next_token(last.channel_code, last.listing_ref) if last else "",
        )

    async def PauseListing(
        self,
        request: pb.PauseListingRequest,
        context: grpc.aio.ServicerContext[pb.PauseListingRequest, pb.PauseListingResponse],
    ) -> pb.PauseListingResponse:
        """Stops one listing's figure."""
        check = Check()
        check.request_id(request.request_id)
        code = requests.channel_code(check, request.channel_code)
        ref = requests.listing_ref(check, request.listing_ref)
        mode = requests.pause_mode(check, request.mode)
        check.done()

        async def work(conn: Conn) -> pb.PauseListingResponse:
            return pb.PauseListingResponse(listing=wire.listing(await pause_listing(conn, code, ref, mode)))

        return await self._mutations.once("PauseListing", request, pb.PauseListingResponse, work)

    async def ResumeListing(
        self,
        request: pb.ResumeListingRequest,
        context: grpc.aio.ServicerContext[pb.ResumeListingRequest, pb.ResumeListingResponse],
    ) -> pb.ResumeListingResponse:
        """Lets one listing's figure follow again."""
        check = Check()
        check.request_id(request.request_id)
        code = requests.channel_code(check, request.channel_code)
        ref = requests.listing_ref(check, request.listing_ref)
        check.done()

        async def work(conn: Conn) -> pb.ResumeListingResponse:
            return pb.ResumeListingResponse(listing=wire.listing(await resume_listing(conn, code, ref)))

        return await self._mutations.once("ResumeListing", request, pb.ResumeListingResponse, work)

    async def RemoveListing(
        self,
        request: pb.RemoveListingRequest,
        context: grpc.aio.ServicerContext[pb.RemoveListingRequest, pb.RemoveListingResponse],
    ) -> pb.RemoveListingResponse:
        """Forgets a listing."""
        check = Check()
        check.request_id(request.request_id)
        code = requests.channel_code(check, request.channel_code)
        ref = requests.listing_ref(check, request.listing_ref)
        check.done()

        async def work(conn: Conn) -> pb.RemoveListingResponse:
            await remove_listing(conn, code, ref)
            return pb.RemoveListingResponse()

        return await self._mutations.once("RemoveListing", request, pb.RemoveListingResponse, work)


def _refuse_twins(check: Check, specs: Sequence[ListingSpec]) -> None:
    first: dict[str, int] = {}
    for index, spec in enumerate(specs):
        before = first.setdefault(spec.listing_ref, index)
        if before != index:
            check.add(f"listings[{index}].listing_ref", f"is the same as that of listings[{before}]")
