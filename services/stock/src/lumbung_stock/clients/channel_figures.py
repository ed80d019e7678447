"""What channels show, asked of the channel service in this service's words."""

from __future__ import annotations

from datetime import UTC

import grpc

from lumbung.channel_sync.v1 import sync_status_pb2 as pb
from lumbung.channel_sync.v1 import sync_status_pb2_grpc as rpc
from lumbung_stock.domain.explanation import Answer, ChannelFigures, Listing, ListingReason, listing_node

LISTINGS_MAX = 20

_NOT_GIVEN = {
    grpc.StatusCode.DEADLINE_EXCEEDED: Answer.TOO_SLOW,
    grpc.StatusCode.UNAVAILABLE: Answer.AWAY,
    grpc.StatusCode.CANCELLED: Answer.AWAY,
}


class AskChannels:
    """Asks the channel service; without a channel to it, says that none is set up."""

    def __init__(self, channel: grpc.aio.Channel | None, *, deadline_s: float) -> None:
        self._deadline_s = deadline_s
        self._stub: rpc.SyncStatusServiceAsyncStub | None = (
            rpc.SyncStatusServiceStub(channel) if channel is not None else None
        )

    async def __call__(self, channel_code: str, sku_code: str) -> ChannelFigures:
        """What the channel's listings of a SKU or bundle show; fails nothing."""
        if self._stub is None:
            return ChannelFigures(Answer.NOT_SET_UP)
        request = pb.ListSyncStatusesRequest(
            page_size=LISTINGS_MAX, channel_code=channel_code, sku_code=sku_code
        )
        try:
            response = await self._stub.ListSyncStatuses(request, timeout=self._deadline_s)
        except grpc.aio.AioRpcError as error:
            return ChannelFigures(_NOT_GIVEN.get(error.code(), Answer.REFUSED))
        return ChannelFigures(
            Answer.GIVEN, tuple(map(_listing, response.statuses)), bool(response.next_page_token)
        )


def _listing(status: pb.SyncStatus) -> Listing:
    desired = None
    if status.HasField("desired_quantity") and status.HasField("reason"):
        desired = listing_node(_reason(status.reason), status.desired_quantity)
    return Listing(
        listing_ref=status.listing_ref,
        state=pb.SyncState.Name(status.state).removeprefix("SYNC_STATE_"),
        desired=desired,
        pushed=status.pushed_quantity if status.HasField("pushed_quantity") else None,
        push_time=status.push_time.ToDatetime(UTC) if status.HasField("push_time") else None,
        confirmed=status.confirmed_quantity if status.HasField("confirmed_quantity") else None,
        confirm_time=status.confirm_time.ToDatetime(UTC) if status.HasField("confirm_time") else None,
        problem=status.problem.message,
    )


def _reason(reason: pb.FigureReason) -> ListingReason:
    on_sale = reason.flash_sale_code
    return ListingReason(
        available=reason.flash_sale_available if on_sale else reason.available_to_promise,
        flash_sale_code=on_sale,
        undecided=reason.undecided_quantity,
        buffer=reason.buffer_quantity,
        share_percent=reason.share_percent,
        cap=reason.cap_quantity if reason.HasField("cap_quantity") else None,
        units_per_item=reason.units_per_item,
        sells_nothing=reason.decided_by == "PAUSED",
    )
