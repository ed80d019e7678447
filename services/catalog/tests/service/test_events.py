"""EventService over a socket: every change once, in order, and from wherever one left off."""

import asyncio
from typing import Any

import pytest

from lumbung.catalog.v1 import barcodes_pb2, imports_pb2, skus_pb2
from lumbung.catalog.v1 import events_pb2 as pb
from lumbung_kit.failures import Kind


async def read(catalog: Any, after: int, count: int) -> list[pb.Event]:
    call = catalog.events.Subscribe(pb.SubscribeRequest(after_position=after, limit=count))
    async with asyncio.timeout(60):
        return [event async for message in call for event in message.events]


async def test_each_change_is_an_event_with_the_whole_sku(catalog: Any) -> None:
    created = await catalog.sku("TEH")
    changed = (
        await catalog.barcodes.AddBarcode(
            barcodes_pb2.AddBarcodeRequest(
                request_id="add",
                sku_code="TEH",
                barcode=skus_pb2.Barcode(
                    code="8991234567891", kind=skus_pb2.BARCODE_KIND_GTIN, unit_code="pcs"
                ),
            )
        )
    ).sku
    product, first, second = await read(catalog, 0, 3)
    assert product.product_changed.product.product_code == "TEH"
    assert (first.sku_changed.sku, second.sku_changed.sku) == (created, changed)
    assert first.sku_changed.actor == "staff:ani"
    assert [event.position for event in (product, first, second)] == [1, 2, 3]
    assert len({event.event_id for event in (product, first, second)}) == 3


async def test_a_follower_gets_every_event_once_in_order_and_resumes(catalog: Any) -> None:
    rows = "".join(f"SKU-{i:03},Barang nomor {i}\n" for i in range(250))
    await catalog.imports.ImportCatalog(
        imports_pb2.ImportCatalogRequest(
            request_id="import",
            format=imports_pb2.FILE_FORMAT_CSV,
            mode=imports_pb2.IMPORT_MODE_CREATE,
            content=f"sku_code,sku_name\n{rows}".encode(),
        )
    )
    whole = await read(catalog, 0, 500)
    assert [event.position for event in whole] == list(range(1, 501))
    skus = [e.sku_changed.sku.sku_code for e in whole if e.WhichOneof("payload") == "sku_changed"]
    assert skus == [f"SKU-{i:03}" for i in range(250)]
    resumed = [event for after in range(0, 500, 100) for event in await read(catalog, after, 100)]
    assert resumed == whole


async def test_a_message_holds_at_most_a_hundred_events(catalog: Any) -> None:
    rows = "".join(f"SKU-{i:03},Barang nomor {i}\n" for i in range(60))
    await catalog.imports.ImportCatalog(
        imports_pb2.ImportCatalogRequest(
            request_id="import",
            format=imports_pb2.FILE_FORMAT_CSV,
            mode=imports_pb2.IMPORT_MODE_CREATE,
            content=f"sku_code,sku_name\n{rows}".encode(),
        )
    )
    assert len(await read(catalog, 0, 120)) == 120
    call = catalog.events.Subscribe(pb.SubscribeRequest())
    first = await call.read()
    call.cancel()
    assert len(first.events) == 100
    assert first.head_position == 120


async def test_a_follower_that_waits_is_told_at_once(catalog: Any) -> None:
    call = catalog.events.Subscribe(pb.SubscribeRequest(limit=2))
    waiting = asyncio.create_task(call.read())
    await catalog.sku("TEH")
    async with asyncio.timeout(60):
        message = await waiting
    assert message.events[0].position == 1
    call.cancel()


async def test_events_of_one_sku_come_in_the_order_of_its_versions(catalog: Any) -> None:
    await catalog.sku("TEH")
    calls = [
        catalog.skus.AddUnit(
            skus_pb2.AddUnitRequest(
                request_id=f"u{i}", sku_code="TEH", unit=skus_pb2.Unit(unit_code=f"u{i}", base_quantity=i + 2)
            )
        )
        for i in range(7)
    ]
    await asyncio.gather(*calls)
    versions = [event.sku_changed.sku.version for event in await read(catalog, 1, 8)]
    assert versions == list(range(1, 9))


@pytest.mark.parametrize(
    ("fields", "named"),
    [({"after_position": -1}, "after_position"), ({"limit": -1}, "limit"), ({"limit": 1_000_001}, "limit")],
)
async def test_a_bad_subscription_is_named(
    catalog: Any, refusal: Any, fields: dict[str, int], named: str
) -> None:
    refused = await refusal(catalog.events.Subscribe(pb.SubscribeRequest(**fields)).read())
    assert (refused.reason, refused.fields[0].field) == ("BAD_INPUT", named)


async def test_a_checkpoint_of_another_log_is_refused(catalog: Any, refusal: Any) -> None:
    await catalog.sku("TEH")
    await read(catalog, 0, 2)
    refused = await refusal(catalog.events.Subscribe(pb.SubscribeRequest(after_position=99)).read())
    assert (refused.kind, refused.reason) == (Kind.FAILED_PRECONDITION, "POSITION_AHEAD")
    assert refused.metadata["head_position"] == "2"
