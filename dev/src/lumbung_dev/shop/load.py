"""Fills an empty Lumbung with the shop, through the same RPCs that staff would use.

Every step looks first whether it was done before, so that loading again changes nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import grpc
from google.protobuf.duration_pb2 import Duration

from lumbung.catalog.v1 import imports_pb2, skus_pb2
from lumbung.channel_sync.v1 import channels_pb2, listings_pb2, sync_status_pb2
from lumbung.fulfillment.v1 import couriers_pb2
from lumbung.stock.v1 import availability_pb2, inventory_pb2
from lumbung_dev.local.patience import eventually, patiently
from lumbung_dev.local.services import Services
from lumbung_dev.local.trouble import Trouble
from lumbung_dev.shop import warehouse
from lumbung_dev.shop.catalogue_file import catalogue_csv
from lumbung_dev.shop.goods import BUNDLES, all_goods
from lumbung_dev.shop.listings import Account, put_up_for_sale
from lumbung_dev.shop.outlets import COURIERS, MARKETPLACES, Courier, Marketplace
from lumbung_dev.shop.stocking import Lot, opening_stock, safety_stock

T = TypeVar("T")

LINES_PER_RECEIPT = 120
_SKUS_PER_LOOK = 500
_SETTLE_S_MAX = 60.0
_REQUESTS_PER_SECOND = 200

_BIN_KINDS = {
    warehouse.Use.PICK: inventory_pb2.BIN_KIND_PICK,
    warehouse.Use.BULK: inventory_pb2.BIN_KIND_BULK,
    warehouse.Use.FORWARD: inventory_pb2.BIN_KIND_FORWARD,
}


async def load_shop(staff: Services, account_of: Callable[[Marketplace], Account]) -> None:
    """Goods, warehouse, stock, couriers and channels; returns when every listing shows its figure."""
    await load_catalogue(staff)
    await load_warehouse(staff)
    await load_stock(staff)
    await load_couriers(staff)
    for marketplace in MARKETPLACES:
        await put_up_for_sale(marketplace, account_of(marketplace))
        await load_channel(staff, marketplace, account_of(marketplace).base_url)
    for marketplace in MARKETPLACES:
        await until_in_sync(staff, marketplace)


async def load_catalogue(staff: Services) -> None:
    """Imports the whole file at once; a report with an error in any row stops the run."""
    present = await patiently(staff.skus.ListSkus, skus_pb2.ListSkusRequest(page_size=1))
    if present.skus:
        return
    request = imports_pb2.ImportCatalogRequest(
        request_id="shop:catalogue",
        format=imports_pb2.FILE_FORMAT_CSV,
        content=catalogue_csv(),
        mode=imports_pb2.IMPORT_MODE_CREATE,
    )
    report = (await staff.imports.ImportCatalog(request, timeout=30)).report
    if not report.applied:
        problems = [*report.errors, *report.warnings][:5]
        raise Trouble(
            "The shop's catalogue was not imported: "
            + "; ".join(f"row {each.row} {each.column}: {each.message}" for each in problems)
        )


async def load_warehouse(staff: Services) -> None:
    """The building with its walking layout, then its bins."""
    try:
        await patiently(staff.warehouses.CreateWarehouse, _warehouse_request())
    except grpc.aio.AioRpcError as error:
        if error.code() is not grpc.StatusCode.ALREADY_EXISTS:
            raise
    await patiently(
        staff.warehouses.PutBins,
        inventory_pb2.PutBinsRequest(
            request_id="shop:bins",
            warehouse_code=warehouse.CODE,
            bins=map(_bin, warehouse.places()),
        ),
    )


async def load_stock(staff: Services) -> None:
    """Receives every lot into its bin, and says what is kept back."""
    await _until_stock_knows_the_goods(staff)
    for number, lots in enumerate(chunks(opening_stock(), LINES_PER_RECEIPT), start=1):
        document = f"PO-2026-11-{number:03d}"
        if not await _is_received(staff, document):
            await patiently(staff.inventory.ReceiveStock, _receipt(document, lots))
    for sku_code, units in safety_stock().items():
        await patiently(
            staff.inventory.SetReplenishment,
            inventory_pb2.SetReplenishmentRequest(
                request_id=f"shop:safety:{sku_code}",
                replenishment=inventory_pb2.Replenishment(
                    warehouse_code=warehouse.CODE,
                    sku_code=sku_code,
                    safety_stock=units,
                    reorder_point=4 * units,
                    reorder_quantity=60,
                ),
            ),
        )


async def load_couriers(staff: Services) -> None:
    """When each courier comes, and who is on shift."""
    for courier in COURIERS:
        await patiently(staff.couriers.SetPickupSchedule, _schedule_request(courier))
    await patiently(
        staff.couriers.SetTeam,
        couriers_pb2.SetTeamRequest(
            request_id="shop:team",
            team=couriers_pb2.Team(
                warehouse_code=warehouse.CODE,
                picker_count=4,
                packer_count=2,
                per_line=Duration(seconds=15),
                per_cart=Duration(seconds=120),
                per_pack=Duration(seconds=60),
                walk_speed_mps=1.2,
            ),
        ),
    )


async def load_channel(staff: Services, marketplace: Marketplace, base_url: str) -> None:
    """Connects a marketplace, lists the goods on it, and trusts it with all of them."""
    channel = await _connected(staff, marketplace, base_url)
    if channel.stage == channels_pb2.STAGE_ALL:
        await _show_again(staff, marketplace)
        return
    await patiently(staff.listings.BatchSetListings, _listings_request(marketplace))
    for stage in (channels_pb2.STAGE_SHADOW, channels_pb2.STAGE_SOME):
        await patiently(
            staff.channels.AdvanceStage,
            channels_pb2.AdvanceStageRequest(
                request_id=f"shop:{marketplace.code}:advance:{stage}",
                channel_code=marketplace.code,
                from_stage=stage,
                accept_disagreement=True,
            ),
        )


async def until_in_sync(staff: Services, marketplace: Marketplace) -> None:
    """Returns when the marketplace has confirmed the desired figure of every listing."""
    request = sync_status_pb2.GetChannelHealthRequest(channel_code=marketplace.code)

    async def all_confirmed() -> bool:
        health = await patiently(staff.sync_status.GetChannelHealth, request)
        counts = {each.state: each.count for each in health.listings if each.count}
        return counts == {sync_status_pb2.SYNC_STATE_IN_SYNC: len(marketplace.listings())}

    await eventually(all_confirmed, f"{marketplace.code} shows every figure", within_s=_SETTLE_S_MAX)


async def _show_again(staff: Services, marketplace: Marketplace) -> None:
    """The demo's marketplaces forget when they are stopped: what they show is compared and pushed again."""
    request = sync_status_pb2.RepairListingsRequest(
        request_id=f"shop:{marketplace.code}:repair:{secrets.token_hex(8)}",
        channel_code=marketplace.code,
        listing_refs=list(marketplace.listings()),
    )
    await patiently(staff.sync_status.RepairListings, request)


async def _until_stock_knows_the_goods(staff: Services) -> None:
    codes = [good.sku_code for good in all_goods()] + [bundle.sku_code for bundle in BUNDLES]

    async def all_known() -> bool:
        for some in chunks(codes, _SKUS_PER_LOOK):
            request = availability_pb2.BatchGetAvailabilityRequest(sku_codes=some)
            if (await patiently(staff.availability.BatchGetAvailability, request)).unknown_sku_codes:
                return False
        return True

    await eventually(all_known, "stock has heard of every SKU of the catalogue", within_s=_SETTLE_S_MAX)


async def _is_received(staff: Services, document: str) -> bool:
    request = inventory_pb2.ListLedgerEntriesRequest(
        warehouse_code=warehouse.CODE, document=document, page_size=1
    )
    return bool((await patiently(staff.inventory.ListLedgerEntries, request)).entries)


async def _connected(staff: Services, marketplace: Marketplace, base_url: str) -> channels_pb2.Channel:
    """The channel as it is, or newly made; one that was made for another address is told the new one."""
    present = channels_pb2.GetChannelRequest(channel_code=marketplace.code)
    try:
        channel = (await patiently(staff.channels.GetChannel, present)).channel
    except grpc.aio.AioRpcError as error:
        if error.code() is not grpc.StatusCode.NOT_FOUND:
            raise
        made = await patiently(staff.channels.CreateChannel, _channel_request(marketplace, base_url))
        return made.channel
    if channel.base_url == base_url:
        return channel
    return (await patiently(staff.channels.UpdateChannel, _moved_request(channel, base_url))).channel


def _channel_request(marketplace: Marketplace, base_url: str) -> channels_pb2.CreateChannelRequest:
    return channels_pb2.CreateChannelRequest(
        request_id=f"shop:{marketplace.code}:connect",
        channel_code=marketplace.code,
        title=marketplace.title,
        platform=channels_pb2.PLATFORM_DEMO_MARKETPLACE,
        base_url=base_url,
        secret_reference=marketplace.code,
        account_reference=marketplace.account,
        max_requests_per_second=_REQUESTS_PER_SECOND,
    )


def _moved_request(channel: channels_pb2.Channel, base_url: str) -> channels_pb2.UpdateChannelRequest:
    return channels_pb2.UpdateChannelRequest(
        request_id=f"shop:{channel.channel_code}:move:{channel.etag}",
        channel_code=channel.channel_code,
        etag=channel.etag,
        title=channel.title,
        base_url=base_url,
        secret_reference=channel.secret_reference,
        account_reference=channel.account_reference,
        max_requests_per_second=channel.max_requests_per_second,
    )


def _warehouse_request() -> inventory_pb2.CreateWarehouseRequest:
    return inventory_pb2.CreateWarehouseRequest(
        request_id="shop:warehouse",
        warehouse=inventory_pb2.Warehouse(
            warehouse_code=warehouse.CODE,
            name=warehouse.NAME,
            time_zone=warehouse.TIME_ZONE,
            priority=1,
            aisle_x_m=warehouse.AISLE_X_M,
            cross_aisle_y_m=warehouse.CROSS_AISLE_Y_M,
            depot_x_m=warehouse.DEPOT_X_M,
        ),
    )


def _bin(place: warehouse.Place) -> inventory_pb2.Bin:
    return inventory_pb2.Bin(
        bin_code=place.code,
        kind=_BIN_KINDS[place.use],
        zone=place.zone,
        aisle_index=place.aisle,
        y_m=place.y_m,
        bay=place.bay,
        level=place.level,
    )


def _receipt(document: str, lots: Sequence[Lot]) -> inventory_pb2.ReceiveStockRequest:
    return inventory_pb2.ReceiveStockRequest(
        request_id=f"shop:{document}",
        warehouse_code=warehouse.CODE,
        document=document,
        lines=[
            inventory_pb2.ReceiptLine(sku_code=lot.sku_code, bin_code=lot.bin_code, quantity=lot.quantity)
            for lot in lots
        ],
    )


def _schedule_request(courier: Courier) -> couriers_pb2.SetPickupScheduleRequest:
    return couriers_pb2.SetPickupScheduleRequest(
        request_id=f"shop:courier:{courier.service}",
        schedule=couriers_pb2.PickupSchedule(
            warehouse_code=warehouse.CODE,
            courier_service=courier.service,
            time_zone=warehouse.TIME_ZONE,
            pickups=[
                couriers_pb2.Pickup(weekday=day, hour=hour)
                for day in couriers_pb2.Weekday.values()
                if day != couriers_pb2.WEEKDAY_UNSPECIFIED
                for hour in courier.hours
            ],
            ready_before=Duration(seconds=60 * courier.ready_before_min),
            is_default=courier.is_default,
        ),
    )


def _listings_request(marketplace: Marketplace) -> listings_pb2.BatchSetListingsRequest:
    return listings_pb2.BatchSetListingsRequest(
        request_id=f"shop:{marketplace.code}:listings",
        channel_code=marketplace.code,
        listings=[
            listings_pb2.ListingSpec(listing_ref=listing, sku_code=sku_code, live=True)
            for listing, sku_code in marketplace.listings().items()
        ],
    )


def chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """So many at a time."""
    return (items[start : start + size] for start in range(0, len(items), size))
