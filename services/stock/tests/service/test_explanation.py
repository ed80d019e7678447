"""Why a figure is what it is, over real gRPC: the tree adds up, and a channel that says nothing takes nothing away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from lumbung.channel_sync.v1 import sync_status_pb2 as sync_pb
from lumbung.channel_sync.v1 import sync_status_pb2_grpc as sync_rpc
from lumbung.stock.v1 import availability_pb2 as pb
from lumbung.stock.v1 import availability_pb2_grpc, inventory_pb2, quarantine_pb2, quarantine_pb2_grpc
from lumbung_kit import serving
from lumbung_kit.settings import ServiceSettings

pytestmark = pytest.mark.store


def require_adding_up(node: pb.FigureNode) -> None:
    """Every figure of the tree follows from its children by the formula that it names."""
    for child in node.children:
        require_adding_up(child)
    figures = [child.quantity for child in node.children]
    by_formula: dict[int, Callable[[], int]] = {
        pb.FIGURE_FORMULA_READ: lambda: node.quantity,
        pb.FIGURE_FORMULA_SUM: lambda: sum(figures) + node.more_quantity,
        pb.FIGURE_FORMULA_MIN: lambda: min(figures, default=0),
        pb.FIGURE_FORMULA_LESS: lambda: max(0, figures[0] - sum(figures[1:])),
        pb.FIGURE_FORMULA_QUOTIENT: lambda: figures[0] // node.factor,
        pb.FIGURE_FORMULA_PERCENT: lambda: figures[0] * node.factor // 100,
        pb.FIGURE_FORMULA_ZERO: lambda: 0,
    }
    assert by_formula[node.formula]() == node.quantity, node
    assert bool(figures) <= (node.formula != pb.FIGURE_FORMULA_READ)


def nodes(tree: pb.FigureNode, kind: int) -> Iterator[pb.FigureNode]:
    """Nodes of one kind, from the top."""
    if tree.kind == kind:
        yield tree
    for child in tree.children:
        yield from nodes(child, kind)


def figures(tree: pb.FigureNode, kind: int) -> list[int]:
    return [node.quantity for node in nodes(tree, kind)]


async def explain(house: Any, sku_code: str, **fields: Any) -> pb.ExplainAvailabilityResponse:
    response = await house.availability.ExplainAvailability(
        pb.ExplainAvailabilityRequest(sku_code=sku_code, **fields)
    )
    for tree in (response.tree, response.quarantine, response.shortfall):
        require_adding_up(tree)
    assert response.tree.quantity == response.total.available_to_promise
    return response


async def busy(house: Any) -> None:
    """CUP in three bins, held, sold, kept back, on sale, in quarantine; SET is two of it with a BOX."""
    await house.stocked("CUP", 20)
    await house.receive("CUP", 5, "B-01")
    await house.receive("CUP", 3, "A-02")
    await house.stocked("BOX", 4)
    await house.know("SET", {"BOX": 1, "CUP": 2})
    await house.shop.open_sale("SALE", {"CUP": 6})
    await house.shop.hold({"CUP": 1}, sale="SALE")
    await house.sell({"CUP": 2}, sale="SALE")
    await house.shop.hold({"CUP": 2})
    await house.pick(await house.sell({"CUP": 3}), "CUP", 3)
    kept = inventory_pb2.Replenishment(warehouse_code="JKT1", sku_code="CUP", safety_stock=4)
    await house.inventory.SetReplenishment(
        inventory_pb2.SetReplenishmentRequest(request_id=house.new_id(), replenishment=kept)
    )
    quarantine: Any = quarantine_pb2_grpc.QuarantineServiceStub(house.shop.channel)
    await quarantine.MoveToQuarantine(
        quarantine_pb2.MoveToQuarantineRequest(
            request_id=house.new_id(),
            warehouse_code="JKT1",
            sku_code="CUP",
            bin_code="B-01",
            quantity=2,
            reason="wet",
        )
    )


async def test_a_plain_sku_down_to_the_place(house: Any) -> None:
    await busy(house)
    told = await explain(house, "CUP")
    (level,) = told.tree.children
    assert level.warehouse_code == "JKT1"
    assert [child.quantity for child in level.children] == [26, 2, 3, 4, 6]
    assert level.quantity == 26 - 2 - 3 - 4 - 6
    places = [(place.place_code, place.quantity) for place in nodes(told.tree, pb.FIGURE_KIND_PLACE)]
    assert places == [("A-01", 17), ("A-02", 3), ("B-01", 3), ("PACKING", 3)]
    (sale,) = nodes(told.tree, pb.FIGURE_KIND_FLASH_SALE)
    assert (sale.flash_sale_code, [child.quantity for child in sale.children]) == ("SALE", [3, 1, 2])
    assert [(each.warehouse_code, each.quantity) for each in told.quarantine.children] == [("JKT1", 2)]
    assert not told.HasField("channel")


async def test_a_bundle_with_its_components_and_what_is_short(house: Any) -> None:
    await busy(house)
    told = await explain(house, "SET")
    assert told.tree.quantity == 4
    (warehouse,) = told.tree.children
    shares = {share.sku_code: (share.factor, share.quantity) for share in warehouse.children}
    assert shares == {"BOX": (1, 4), "CUP": (2, 5)}
    await house.inventory.AdjustStock(
        inventory_pb2.AdjustStockRequest(
            request_id=house.new_id(),
            warehouse_code="JKT1",
            sku_code="CUP",
            bin_code="A-01",
            difference=-17,
            reason="counted",
        )
    )
    short = await explain(house, "SET")
    assert (short.tree.quantity, short.shortfall.quantity) == (0, 2)
    await house.shop.sql.execute("UPDATE sku SET active = false WHERE sku_code = 'BOX'")
    retired = await explain(house, "BOX")
    assert (retired.tree.formula, retired.tree.quantity) == (pb.FIGURE_FORMULA_ZERO, 0)
    assert figures(retired.tree, pb.FIGURE_KIND_ON_HAND) == [4]


async def test_what_is_left_out_is_counted(house: Any) -> None:
    await busy(house)
    told = await explain(house, "CUP", children_max=1)
    (on_hand,) = nodes(told.tree, pb.FIGURE_KIND_ON_HAND)
    assert [place.place_code for place in on_hand.children] == ["A-01"]
    assert (on_hand.more_count, on_hand.more_quantity) == (3, 9)
    for bad in (-1, 101):
        request = pb.ExplainAvailabilityRequest(sku_code="CUP", children_max=bad)
        failure = await house.refused(house.availability.ExplainAvailability(request))
        assert [field.field for field in failure.fields] == ["children_max"]


class SmallChannelSync(sync_rpc.SyncStatusServiceServicer):
    """Says what one listing shows; waits for `answers` first."""

    def __init__(self) -> None:
        self.answers = asyncio.Event()
        self.asked: list[tuple[str, str]] = []

    async def ListSyncStatuses(  # noqa: N802
        self, request: sync_pb.ListSyncStatusesRequest, _context: Any
    ) -> sync_pb.ListSyncStatusesResponse:
        self.asked.append((request.channel_code, request.sku_code))
        await self.answers.wait()
        status = sync_pb.SyncStatus(
            channel_code=request.channel_code,
            listing_ref="L-1",
            sku_code=request.sku_code,
            state=sync_pb.SYNC_STATE_IN_SYNC,
            desired_quantity=3,
            pushed_quantity=3,
            confirmed_quantity=2,
            reason=sync_pb.FigureReason(
                available_to_promise=11,
                undecided_quantity=1,
                buffer_quantity=2,
                share_percent=80,
                cap_quantity=9,
                units_per_item=2,
                decided_by="SHARE",
            ),
        )
        status.push_time.FromJsonString("2026-11-01T10:00:00Z")
        never = sync_pb.SyncStatus(listing_ref="L-2", state=sync_pb.SYNC_STATE_COMPARED)
        return sync_pb.ListSyncStatusesResponse(statuses=[status, never])


@asynccontextmanager
async def asking(house: Any, target: str, **settings: Any) -> AsyncIterator[Any]:
    """A client of a replica of stock that asks this channel service."""
    async with house.shop.replica(channel_sync_target=target, **settings) as shop:
        yield availability_pb2_grpc.AvailabilityServiceStub(shop.channel)


@asynccontextmanager
async def channel_sync(small: SmallChannelSync) -> AsyncIterator[str]:
    """Where it answers."""
    service = serving.Service(
        sync_rpc.add_SyncStatusServiceServicer_to_server, small, "lumbung.channel_sync.v1.SyncStatusService"
    )
    settings = ServiceSettings(postgres_url="postgresql://unused", log_level="WARNING")  # type: ignore[arg-type]
    server = await serving.start("channel-sync", settings, serving.App(services=[service]))
    try:
        yield server.address
    finally:
        small.answers.set()
        await server.stop(0)


WITH_CHANNEL = pb.ExplainAvailabilityRequest(sku_code="CUP", channel_code="tokoria")


async def test_what_the_channel_shows_and_how_it_comes_about(house: Any) -> None:
    await busy(house)
    small = SmallChannelSync()
    small.answers.set()
    async with (
        channel_sync(small) as target,
        asking(house, target, channel_sync_deadline_s=60.0) as availability,
    ):
        told = await availability.ExplainAvailability(WITH_CHANNEL, timeout=60)
    assert small.asked == [("tokoria", "CUP")]
    assert (told.channel.channel_code, told.channel.answer) == ("tokoria", pb.CHANNEL_ANSWER_GIVEN)
    listing, never = told.channel.listings
    require_adding_up(listing.desired)
    assert (listing.listing_ref, listing.state, listing.desired.quantity) == ("L-1", "IN_SYNC", 3)
    assert figures(listing.desired, pb.FIGURE_KIND_CAP) == [9]
    assert figures(listing.desired, pb.FIGURE_KIND_HEARD_AVAILABLE) == [11]
    assert (listing.pushed_quantity, listing.confirmed_quantity) == (3, 2)
    assert listing.push_time.ToJsonString() == "2026-11-01T10:00:00Z"
    assert not listing.HasField("confirm_time")
    assert (never.listing_ref, never.HasField("desired"), never.HasField("pushed_quantity")) == (
        "L-2",
        False,
        False,
    )


async def test_a_channel_service_that_is_slow_away_or_not_set_up_takes_nothing_away(house: Any) -> None:
    await busy(house)
    small = SmallChannelSync()
    async with channel_sync(small) as slow, asking(house, slow) as availability:
        told = await availability.ExplainAvailability(WITH_CHANNEL, timeout=60)
        assert (told.channel.answer, told.tree.quantity) == (pb.CHANNEL_ANSWER_TOO_SLOW, 11)
    async with asking(house, "127.0.0.1:9") as availability:
        told = await availability.ExplainAvailability(WITH_CHANNEL, timeout=60)
        assert told.channel.answer in (pb.CHANNEL_ANSWER_AWAY, pb.CHANNEL_ANSWER_TOO_SLOW)
        assert told.tree.quantity == 11
    told = await house.availability.ExplainAvailability(WITH_CHANNEL)
    assert (told.channel.answer, told.tree.quantity) == (pb.CHANNEL_ANSWER_NOT_SET_UP, 11)
