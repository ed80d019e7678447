"""AvailabilityService: how many can be promised, and why that many."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime

import grpc

from lumbung.stock.v1 import availability_pb2 as pb
from lumbung.stock.v1 import availability_pb2_grpc as rpc
from lumbung_kit.postgres import Postgres
from lumbung_kit.validate import Check
from lumbung_stock.clients.channel_figures import AskChannels
from lumbung_stock.domain.inventory_failures import SkuNotFound
from lumbung_stock.domain.shortfalls import Shortfall
from lumbung_stock.entrypoints.inventory_messages import optional_warehouse_code_of
from lumbung_stock.entrypoints.page_tokens import key_of, page_token
from lumbung_stock.entrypoints.reservation_messages import optional_code
from lumbung_stock.usecases.explain_availability import explain_availability
from lumbung_stock.usecases.get_availability import GetAvailability
from lumbung_stock.usecases.list_shortfalls import list_shortfalls
from lumbung_stock.usecases.watch_availability import WatchAvailability
from lumbung_stock.wire.explanation import channel_message, node_message
from lumbung_stock.wire.inventory import (
    availability_message,
    component_share_message,
    escrow_share_message,
    place_quantity_message,
    shortfall_message,
)

BATCH_MAX = 500
MAX_AGE_S_MAX = 3_600
SHORTFALLS_PAGE, SHORTFALLS_PAGE_MAX = 50, 200
CHILDREN, CHILDREN_MAX = 20, 100
BEFORE_ALL = datetime.min.replace(tzinfo=UTC).isoformat()


class AvailabilityService(rpc.AvailabilityServiceServicer):
    """Translates, and leaves the reading to the use cases."""

    def __init__(
        self,
        postgres: Postgres,
        get_availability: GetAvailability,
        watch: WatchAvailability,
        ask_channels: AskChannels,
    ) -> None:
        self._postgres = postgres
        self._get_availability = get_availability
        self._watch = watch
        self._ask_channels = ask_channels

    async def GetAvailability(
        self,
        request: pb.GetAvailabilityRequest,
        context: grpc.aio.ServicerContext[pb.GetAvailabilityRequest, pb.GetAvailabilityResponse],
    ) -> pb.GetAvailabilityResponse:
        """One SKU or bundle, from memory if that is young enough."""
        check = Check()
        sku_code = check.code("sku_code", request.sku_code)
        warehouse_code = optional_warehouse_code_of(check, request.warehouse_code)
        channel_code = optional_code(check, "channel_code", request.channel_code)
        max_age_s = check.span_s(
            "max_age", request.max_age, minimum_s=0, maximum_s=MAX_AGE_S_MAX, default_s=0
        )
        check.done()
        figures = await self._get_availability([sku_code], warehouse_code=warehouse_code, max_age_s=max_age_s)
        if sku_code not in figures:
            raise SkuNotFound(f"Stock has never heard of SKU {sku_code}.", metadata={"sku_code": sku_code})
        return pb.GetAvailabilityResponse(availability=availability_message(figures[sku_code], channel_code))

    async def BatchGetAvailability(
        self,
        request: pb.BatchGetAvailabilityRequest,
        context: grpc.aio.ServicerContext[pb.BatchGetAvailabilityRequest, pb.BatchGetAvailabilityResponse],
    ) -> pb.BatchGetAvailabilityResponse:
        """Many SKUs or bundles at one instant, in the order asked."""
        check = Check()
        asked = check.items("sku_codes", request.sku_codes, maximum=BATCH_MAX)
        codes = [check.code(f"sku_codes[{index}]", code) for index, code in enumerate(asked)]
        warehouse_code = optional_warehouse_code_of(check, request.warehouse_code)
        channel_code = optional_code(check, "channel_code", request.channel_code)
        check.done()
        figures, position = await self._get_availability.with_position(codes, warehouse_code=warehouse_code)
        return pb.BatchGetAvailabilityResponse(
            availabilities=[
                availability_message(figures[code], channel_code) for code in codes if code in figures
            ],
            unknown_sku_codes=dict.fromkeys(code for code in codes if code not in figures),
            position=position,
        )

    async def WatchAvailability(
        self,
        request: pb.WatchAvailabilityRequest,
        context: grpc.aio.ServicerContext[pb.WatchAvailabilityRequest, pb.WatchAvailabilityResponse],
    ) -> AsyncIterator[pb.WatchAvailabilityResponse]:
        """A snapshot or what was missed, then changes."""
        check = Check()
        asked = check.items("sku_codes", request.sku_codes, maximum=BATCH_MAX)
        codes = [check.code(f"sku_codes[{index}]", code) for index, code in enumerate(asked)]
        channel_code = optional_code(check, "channel_code", request.channel_code)
        after = check.whole("after_position", request.after_position, minimum=0, maximum=2**63 - 1)
        check.done()
        async with aclosing(self._watch.watch(codes, channel_code, after)) as messages:
            async for message in messages:
                yield message

    async def ExplainAvailability(
        self,
        request: pb.ExplainAvailabilityRequest,
        context: grpc.aio.ServicerContext[pb.ExplainAvailabilityRequest, pb.ExplainAvailabilityResponse],
    ) -> pb.ExplainAvailabilityResponse:
        """The whole tree behind a figure; what the channel says is asked after it, outside of the transaction."""
        check = Check()
        sku_code = check.code("sku_code", request.sku_code)
        channel_code = optional_code(check, "channel_code", request.channel_code)
        children_max = check.whole("children_max", request.children_max, minimum=0, maximum=CHILDREN_MAX)
        check.done()
        async with self._postgres.transaction() as conn:
            told = await explain_availability(conn, sku_code, children_max=children_max or CHILDREN)
        response = pb.ExplainAvailabilityResponse(
            total=availability_message(told.total, channel_code),
            warehouses=[availability_message(each, channel_code) for each in told.warehouses],
            places=map(place_quantity_message, told.places),
            escrows=map(escrow_share_message, told.escrows),
            components=map(component_share_message, told.components),
            tree=node_message(told.tree),
            quarantine=node_message(told.quarantine),
            shortfall=node_message(told.shortfall),
        )
        if channel_code:
            shown = await self._ask_channels(channel_code, sku_code)
            response.channel.CopyFrom(channel_message(channel_code, shown))
        return response

    async def ListShortfalls(
        self,
        request: pb.ListShortfallsRequest,
        context: grpc.aio.ServicerContext[pb.ListShortfallsRequest, pb.ListShortfallsResponse],
    ) -> pb.ListShortfallsResponse:
        """Where reality has fallen below what was promised."""
        check = Check()
        warehouse_code = optional_warehouse_code_of(check, request.warehouse_code)
        size = check.page_size(request.page_size, default=SHORTFALLS_PAGE, maximum=SHORTFALLS_PAGE_MAX)
        filters = ["shortfalls", warehouse_code]
        time, warehouse, sku = key_of(check, request.page_token, filters, first=(BEFORE_ALL, "", ""))
        after = (_moment(check, time), warehouse, sku)
        check.done()
        async with self._postgres.connection() as conn:
            found = await list_shortfalls(conn, warehouse_code, after=after, limit=size + 1)
        response = pb.ListShortfallsResponse(shortfalls=map(shortfall_message, found[:size]))
        if len(found) > size:
            response.next_page_token = page_token(filters, _key(found[size - 1]))
        return response


def _key(shortfall: Shortfall) -> list[str | int]:
    return [shortfall.raise_time.isoformat(), shortfall.warehouse_code, shortfall.sku_code]


def _moment(check: Check, text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        check.add("page_token", "holds no time; begin without one")
        return datetime.now(UTC)
