"""SyncStatusService: what each listing should show, what it shows, and why these differ."""

from __future__ import annotations

import grpc

from lumbung.channel_sync.v1 import sync_status_pb2 as pb
from lumbung.channel_sync.v1 import sync_status_pb2_grpc as rpc
from lumbung_channel_sync import wire
from lumbung_channel_sync.domain.failures import ChannelNotFound, ListingNotFound
from lumbung_channel_sync.domain.statuses import BEHIND, ListingStatus
from lumbung_channel_sync.entrypoints import requests
from lumbung_channel_sync.entrypoints.channel_service import Mutations
from lumbung_channel_sync.stores import answers, channels, inbox, sync
from lumbung_channel_sync.stores.sync import StatusFilter
from lumbung_channel_sync.usecases.reconcile_figures import Reconciler
from lumbung_channel_sync.usecases.repair_listings import read_channel_figures, repair_listings
from lumbung_kit.postgres import Conn
from lumbung_kit.validate import Check

REPAIR_MAX = 500


class SyncStatusService(rpc.SyncStatusServiceServicer):
    """Sync status over gRPC."""

    def __init__(self, mutations: Mutations, reconciler: Reconciler) -> None:
        self._mutations = mutations
        self._postgres = mutations.postgres
        self._reconciler = reconciler

    async def GetSyncStatus(
        self,
        request: pb.GetSyncStatusRequest,
        context: grpc.aio.ServicerContext[pb.GetSyncStatusRequest, pb.GetSyncStatusResponse],
    ) -> pb.GetSyncStatusResponse:
        """One listing."""
        check = Check()
        code = requests.channel_code(check, request.channel_code)
        ref = requests.listing_ref(check, request.listing_ref)
        check.done()
        found = await self._list(StatusFilter(channel_code=code, listing_refs=(ref,)), ("", ""), 1)
        if not found:
            raise ListingNotFound(metadata={"channel_code": code, "listing_ref": ref})
        return pb.GetSyncStatusResponse(status=wire.status(found[0]))

    async def ListSyncStatuses(
        self,
        request: pb.ListSyncStatusesRequest,
        context: grpc.aio.ServicerContext[pb.ListSyncStatusesRequest, pb.ListSyncStatusesResponse],
    ) -> pb.ListSyncStatusesResponse:
        """Listings by channel and reference."""
        check = Check()
        size = check.page_size(request.page_size, default=100, maximum=500)
        after = requests.pair_token(check, request.page_token)
        wanted = StatusFilter(
            channel_code=requests.channel_code(check, request.channel_code, required=False),
            sku_code=requests.optional_sku(check, request.sku_code),
            state=_state(check, request.state),
        )
        check.done()
        found = await self._list(wanted, after, size + 1)
        return pb.ListSyncStatusesResponse(
            statuses=[wire.status(one) for one in found[:size]], next_page_token=_token(found, size)
        )

    async def ListDrift(
        self,
        request: pb.ListDriftRequest,
        context: grpc.aio.ServicerContext[pb.ListDriftRequest, pb.ListDriftResponse],
    ) -> pb.ListDriftResponse:
        """Listings that showed another figure than confirmed, and are not repaired yet."""
        check = Check()
        size = check.page_size(request.page_size, default=100, maximum=500)
        after = requests.pair_token(check, request.page_token)
        code = requests.channel_code(check, request.channel_code, required=False)
        check.done()
        found = await self._list(StatusFilter(channel_code=code, drifted_only=True), after, size + 1)
        return pb.ListDriftResponse(
            statuses=[wire.status(one) for one in found[:size]], next_page_token=_token(found, size)
        )

    async def RepairListings(
        self,
        request: pb.RepairListingsRequest,
        context: grpc.aio.ServicerContext[pb.RepairListingsRequest, pb.RepairListingsResponse],
    ) -> pb.RepairListingsResponse:
        """Reads the channel now, and pushes again what differs or was parked."""
        check = Check()
        check.request_id(request.request_id)
        code = requests.channel_code(check, request.channel_code)
        refs = check.items("listing_refs", request.listing_refs, maximum=REPAIR_MAX)
        for index, ref in enumerate(refs):
            requests.listing_ref(check, ref, f"listing_refs[{index}]")
        wanted = list(dict.fromkeys(refs))
        if len(wanted) < len(refs):
            check.add("listing_refs", "must name each listing once")
        check.done()
        shown = await read_channel_figures(self._postgres, self._reconciler, code, wanted)

        async def work(conn: Conn) -> pb.RepairListingsResponse:
            statuses, repaired = await repair_listings(conn, code, wanted, shown)
            return pb.RepairListingsResponse(
                statuses=[wire.status(one) for one in statuses], repaired_count=repaired
            )

        return await self._mutations.once("RepairListings", request, pb.RepairListingsResponse, work)

    async def GetChannelHealth(
        self,
        request: pb.GetChannelHealthRequest,
        context: grpc.aio.ServicerContext[pb.GetChannelHealthRequest, pb.GetChannelHealthResponse],
    ) -> pb.GetChannelHealthResponse:
        """One channel in numbers."""
        check = Check()
        code = requests.channel_code(check, request.channel_code)
        check.done()
        async with self._postgres.connection() as conn:
            if await channels.get(conn, code) is None:
                raise ChannelNotFound(metadata={"channel_code": code})
            states = await sync.count_states(conn, code)
            deliveries, oldest_s = await inbox.count_waiting(conn, code)
            return pb.GetChannelHealthResponse(
                listings=[
                    pb.StateCount(state=pb.SyncState.Value(f"SYNC_STATE_{one.state}"), count=one.count)
                    for one in states
                ],
                greatest_lag=wire.duration(
                    max((one.lag_s for one in states if one.state in BEHIND), default=0.0)
                ),
                waiting_delivery_count=deliveries,
                oldest_delivery_age=wire.duration(oldest_s),
                waiting_answer_count=await answers.count_waiting(conn, code),
                dead_letter_count=await inbox.count_dead_letters(conn, code),
                problem=wire.channel_problem(await channels.get_health(conn, code)),
            )

    async def _list(self, wanted: StatusFilter, after: tuple[str, str], limit: int) -> list[ListingStatus]:
        async with self._postgres.connection() as conn:
            return await sync.list_statuses(conn, wanted, after, limit)


def _state(check: Check, value: pb.SyncState.ValueType) -> str:
    if value == pb.SYNC_STATE_UNSPECIFIED:
        return ""
    check.choice("state", value, pb.SyncState)
    known = value in pb.SyncState.values()
    return pb.SyncState.Name(value).removeprefix("SYNC_STATE_") if known else ""


def _token(found: list[ListingStatus], size: int) -> str:
    if len(found) <= size:
        return ""
    return requests.next_token(found[size - 1].channel_code, found[size - 1].listing_ref)
