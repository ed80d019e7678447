"""A SKU is corrected while its first goods come in, through the running services: either it is too late for the
correction, or the goods come in after it, and neither waits for long."""

from __future__ import annotations

import asyncio
import secrets

import grpc
import pytest

from lumbung.catalog.v1 import imports_pb2, skus_pb2
from lumbung.channel_sync.v1 import listings_pb2
from lumbung.stock.v1 import availability_pb2, inventory_pb2, sku_use_pb2, sku_use_pb2_grpc
from lumbung_dev.local.patience import eventually, patiently
from lumbung_dev.local.services import Services
from lumbung_dev.local.system import LocalSystem
from lumbung_dev.shop import warehouse
from lumbung_dev.shop.outlets import TOKORIA
from lumbung_dev.shop.stocking import opening_stock
from lumbung_kit.clients import failure_from, open_channel

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

RACES = 12
KNOWN_S_MAX = 30.0
SEAL_S = 60.0


async def new_skus(staff: Services, count: int) -> list[str]:
    """SKUs that stock has heard of, and nothing else."""
    run = secrets.token_hex(3).upper()
    codes = [f"RALAT-{run}-{number}" for number in range(count)]
    rows = "\n".join(f"{code},Barang ralat {code},pcs" for code in codes)
    await staff.imports.ImportCatalog(
        imports_pb2.ImportCatalogRequest(
            request_id=f"ralat-{run}",
            content=f"sku_code,sku_name,base_unit\n{rows}\n".encode(),
            format=imports_pb2.FILE_FORMAT_CSV,
            mode=imports_pb2.IMPORT_MODE_CREATE,
            force_reason="ralat",
        )
    )

    async def known() -> bool:
        try:
            for code in codes:
                await staff.availability.GetAvailability(
                    availability_pb2.GetAvailabilityRequest(sku_code=code)
                )
        except grpc.aio.AioRpcError as error:
            if failure_from(error).reason != "SKU_NOT_FOUND":
                raise
            return False
        return True

    await eventually(known, "stock to hear of the new SKUs", within_s=KNOWN_S_MAX)
    return codes


def correction(code: str) -> skus_pb2.CorrectSkuRequest:
    right = skus_pb2.Sku(sku_code=code, etag="1", base_unit="pack")
    return skus_pb2.CorrectSkuRequest(
        request_id=f"correct-{code}",
        sku=right,
        update_mask={"paths": ["base_unit"]},  # type: ignore[arg-type]
        reason="salah satuan",
    )


def receipt(code: str) -> inventory_pb2.ReceiveStockRequest:
    line = inventory_pb2.ReceiptLine(sku_code=code, bin_code=opening_stock()[0].bin_code, quantity=1)
    return inventory_pb2.ReceiveStockRequest(
        request_id=f"receipt-{code}", warehouse_code=warehouse.CODE, document="PO-RALAT", lines=[line]
    )


async def corrected(staff: Services, code: str) -> bool:
    """Whether the correction was made; else the SKU was in use."""
    try:
        await patiently(staff.skus.CorrectSku, correction(code))
    except grpc.aio.AioRpcError as error:
        refused = failure_from(error)
        assert (refused.reason, refused.metadata["used_by"]) == ("SKU_IN_USE", "LEVEL")
        return False
    return True


async def test_first_goods_and_a_correction_at_once_come_one_after_the_other(system: LocalSystem) -> None:
    async with system.client("staff:test") as staff:
        codes = await new_skus(staff, RACES)
        receipts = [patiently(staff.inventory.ReceiveStock, receipt(code)) for code in codes]
        corrections = [corrected(staff, code) for code in codes]
        interleaved = [one for pair in zip(receipts, corrections, strict=True) for one in pair]
        outcomes = (await asyncio.gather(*interleaved))[1::2]
        for code, was_corrected in zip(codes, outcomes, strict=True):
            sku = (await staff.skus.GetSku(skus_pb2.GetSkuRequest(sku_code=code))).sku
            assert sku.base_unit == ("pack" if was_corrected else "pcs")
            if was_corrected:
                entry = (
                    await staff.inventory.ListLedgerEntries(
                        inventory_pb2.ListLedgerEntriesRequest(warehouse_code=warehouse.CODE, sku_code=code)
                    )
                ).entries[0]
                assert entry.record_time.ToNanoseconds() > sku.update_time.ToNanoseconds()


async def test_a_correction_whose_catalog_died_after_the_seal_is_made_by_repeating_it(
    system: LocalSystem,
) -> None:
    async with (
        system.client("staff:test") as staff,
        open_channel(system.addresses.stock, actor="service:catalog") as channel,
    ):
        (code,) = await new_skus(staff, 1)
        await sku_use_pb2_grpc.SkuUseServiceStub(channel).SealForCorrection(
            sku_use_pb2.SealForCorrectionRequest(request_id=f"died-{code}", sku_code=code, sku_version=1)
        )
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await staff.inventory.ReceiveStock(receipt(code))
        assert failure_from(refused.value).reason == "SKU_SEALED"
        assert await corrected(staff, code)
        await patiently(staff.inventory.ReceiveStock, receipt(code), within_s=SEAL_S / 2)


async def test_what_a_listing_sells_is_not_corrected(system: LocalSystem) -> None:
    async with system.client("staff:test") as staff:
        (code,) = await new_skus(staff, 1)
        spec = listings_pb2.ListingSpec(listing_ref=f"ref-{code}", sku_code=code)
        await patiently(
            staff.listings.SetListing,
            listings_pb2.SetListingRequest(
                request_id=f"listing-{code}", channel_code=TOKORIA.code, listing=spec
            ),
        )
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await staff.skus.CorrectSku(correction(code))
        assert failure_from(refused.value).metadata == {"sku_code": code, "used_by": "LISTING"}
        await staff.listings.RemoveListing(
            listings_pb2.RemoveListingRequest(
                request_id=f"gone-{code}", channel_code=TOKORIA.code, listing_ref=f"ref-{code}"
            )
        )
        assert await corrected(staff, code)
