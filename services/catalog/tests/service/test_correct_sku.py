"""What is fixed of a SKU is corrected while nothing uses it, under a seal of stock's, and never afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
import pytest_asyncio
from pydantic import SecretStr

from lumbung.catalog.v1 import barcodes_pb2, bundles_pb2, events_pb2, skus_pb2
from lumbung.channel_sync.v1 import listings_pb2, listings_pb2_grpc
from lumbung.stock.v1 import sku_use_pb2, sku_use_pb2_grpc
from lumbung_catalog.domain.corrections import Sealed
from lumbung_catalog.stores import skus
from lumbung_kit import serving
from lumbung_kit.failures import ConcurrentChange, Failure, Kind, PreconditionViolation, StoreUnavailable
from lumbung_kit.settings import ServiceSettings

BARCODE = "8991234567891"
CALLERS = 8


class InUse(Failure):
    """As stock says it."""

    kind = Kind.FAILED_PRECONDITION
    reason = "SKU_IN_USE"


class NotHeardOf(Failure):
    """As stock says it."""

    kind = Kind.NOT_FOUND
    reason = "SKU_NOT_FOUND"


class Stock(sku_use_pb2_grpc.SkuUseServiceServicer):
    """Stock, which seals what it is asked to, or answers what the test says."""

    def __init__(self) -> None:
        self.asked: list[sku_use_pb2.SealForCorrectionRequest] = []
        self.actors: list[tuple[str, str]] = []
        self.answer: Failure | None = None
        self.seal_ms = 60_000

    async def SealForCorrection(self, request: Any, context: Any) -> sku_use_pb2.SealForCorrectionResponse:  # noqa: N802
        self.asked.append(request)
        told = dict(context.invocation_metadata())
        self.actors.append((told["lumbung-actor"], told.get("lumbung-caller", "")))
        if self.answer is not None:
            raise self.answer
        return sku_use_pb2.SealForCorrectionResponse(seal_ms=self.seal_ms)


class Listings(listings_pb2_grpc.ListingServiceServicer):
    """Channel-sync, with these listings."""

    def __init__(self) -> None:
        self.listings: list[listings_pb2.Listing] = []

    async def ListListings(self, request: Any, _call: Any) -> listings_pb2.ListListingsResponse:  # noqa: N802
        found = [one for one in self.listings if one.sku_code == request.sku_code]
        return listings_pb2.ListListingsResponse(listings=found)


class Shop:
    """A catalog with a product of two axes, and the services that it asks."""

    def __init__(self, catalog: Any, stock: Stock, channels: Listings) -> None:
        self.catalog, self.stock, self.channels = catalog, stock, channels

    async def kaos(self, code: str, **options: str) -> skus_pb2.Sku:
        """A SKU of the product KAOS."""
        chosen = [skus_pb2.Option(axis=axis, value=value) for axis, value in options.items()]
        return await self.catalog.sku(  # type: ignore[no-any-return]
            code, product_code="KAOS", name=f"Kaos {code}", options=chosen, force_reason="varian"
        )

    def request(self, sku: skus_pb2.Sku, mask: list[str], **fields: Any) -> skus_pb2.CorrectSkuRequest:
        """A correction of what `mask` names, to what `fields` say."""
        right = skus_pb2.Sku(sku_code=sku.sku_code, etag=sku.etag, **fields)
        return skus_pb2.CorrectSkuRequest(
            request_id="correct-1", sku=right, update_mask={"paths": mask}, reason="salah ketik"
        )

    async def correct(self, sku: skus_pb2.Sku, mask: list[str], **fields: Any) -> skus_pb2.Sku:
        """The SKU as corrected."""
        return (await self.catalog.skus.CorrectSku(self.request(sku, mask, **fields))).sku  # type: ignore[no-any-return]


def options(**chosen: str) -> list[skus_pb2.Option]:
    return [skus_pb2.Option(axis=axis, value=value) for axis, value in chosen.items()]


@pytest_asyncio.fixture
async def shop(open_catalog: Any) -> AsyncIterator[Shop]:
    stock, channels = Stock(), Listings()
    settings = ServiceSettings(postgres_url=SecretStr("postgresql://unused"), log_level="WARNING")
    services = [
        serving.Service(
            sku_use_pb2_grpc.add_SkuUseServiceServicer_to_server, stock, "lumbung.stock.v1.SkuUseService"
        ),
        serving.Service(
            listings_pb2_grpc.add_ListingServiceServicer_to_server,
            channels,
            "lumbung.channel_sync.v1.ListingService",
        ),
    ]
    others = await serving.start("others", settings, serving.App(services=services))
    catalog = await open_catalog(stock_target=others.address, channel_sync_target=others.address)
    await catalog.product("KAOS", "color", "size")
    yield Shop(catalog, stock, channels)
    await others.stop(0)


async def test_options_are_corrected_and_free_the_wrong_ones(shop: Shop) -> None:
    sku = await shop.kaos("K-1", color="Hitan", size="M")
    right = await shop.correct(sku, ["options"], options=options(color="Hitam", size="M"))
    assert [one.value for one in right.options] == ["Hitam", "M"]
    assert (right.version, right.etag) == (2, "2")
    await shop.kaos("K-2", color="Hitan", size="M")


async def test_stock_is_asked_for_the_version_that_is_corrected_on_behalf_of_who_corrects(shop: Shop) -> None:
    sku = await shop.kaos("K-1", color="Hitan", size="M")
    await shop.correct(sku, ["options"], options=options(color="Hitam", size="M"))
    (asked,) = shop.stock.asked
    assert (asked.sku_code, asked.sku_version, list(asked.drawn_sku_codes)) == ("K-1", 1, [])
    assert shop.stock.actors == [("staff:ani", "service:catalog")]


async def test_the_history_keeps_who_and_why_and_an_event_tells_it(shop: Shop) -> None:
    sku = await shop.kaos("K-1", color="Hitan", size="M")
    await shop.correct(sku, ["options"], options=options(color="Hitam", size="M"))
    history = await shop.catalog.skus.ListSkuHistory(skus_pb2.ListSkuHistoryRequest(sku_code="K-1"))
    newest = history.entries[0]
    assert (newest.action, newest.actor, newest.reason) == ("correct_sku", "staff:ani", "salah ketik")
    assert history.entries[1].sku.options[0].value == "Hitan"
    async for told in shop.catalog.events.Subscribe(events_pb2.SubscribeRequest()):
        changes = [one.sku_changed.sku for one in told.events if one.HasField("sku_changed")]
        if changes and changes[-1].version == 2:
            assert changes[-1].options[0].value == "Hitam"
            break


async def test_a_base_unit_takes_the_place_of_the_wrong_one_with_its_barcodes(shop: Shop) -> None:
    barcodes = [skus_pb2.Barcode(code=BARCODE, kind=skus_pb2.BARCODE_KIND_GTIN, unit_code="pcs")]
    units = [skus_pb2.Unit(unit_code="carton", base_quantity=24)]
    sku = await shop.catalog.sku("BAUT", units=units, barcodes=barcodes)
    right = await shop.correct(sku, ["base_unit"], base_unit="pack")
    assert right.base_unit == "pack"
    assert [(unit.unit_code, unit.base_quantity) for unit in right.units] == [("pack", 1), ("carton", 24)]
    assert [(one.code, one.unit_code) for one in right.barcodes] == [(BARCODE, "pack")]


async def test_a_unit_of_several_base_units_cannot_be_the_base_unit(shop: Shop, refusal: Any) -> None:
    units = [skus_pb2.Unit(unit_code="carton", base_quantity=24)]
    sku = await shop.catalog.sku("BAUT", units=units)
    refused = await refusal(shop.correct(sku, ["base_unit"], base_unit="carton"))
    assert (refused.reason, refused.metadata["unit_code"]) == ("UNIT_EXISTS", "carton")
    assert shop.stock.asked == []


async def test_a_sku_goes_to_another_product_when_its_options_are_of_it(shop: Shop, refusal: Any) -> None:
    sku = await shop.catalog.sku("K-1")
    refused = await refusal(shop.correct(sku, ["product_code"], product_code="KAOS"))
    assert (refused.reason, refused.metadata["expected"]) == ("OPTIONS_MISMATCH", "color=...; size=...")
    right = await shop.correct(
        sku, ["product_code", "options"], product_code="KAOS", options=options(size="M", color="Hitam")
    )
    assert right.product_code == "KAOS"
    assert [one.axis for one in right.options] == ["color", "size"]


async def test_what_it_nearly_equals_among_its_new_neighbours_is_named(shop: Shop) -> None:
    await shop.catalog.sku("TEH", name="Teh botol manis")
    await shop.catalog.product("MINUM", "rasa")
    sku = await shop.catalog.sku(
        "TEH-2", name="Teh botol  manis", product_code="KAOS", options=options(color="a", size="b"),
        force_reason="memang lain",
    )  # fmt: skip
    answer = await shop.catalog.skus.CorrectSku(
        shop.request(sku, ["product_code", "options"], product_code="MINUM", options=options(rasa="manis"))
    )
    assert [(one.sku_code, one.field) for one in answer.warnings] == [("TEH", "name")]


async def test_what_a_retired_sku_of_a_wrong_code_holds_goes_to_the_right_one(shop: Shop) -> None:
    sku = await shop.kaos("K-1", color="Hitam", size="M")
    barcode = skus_pb2.Barcode(code=BARCODE, kind=skus_pb2.BARCODE_KIND_GTIN, unit_code="pcs")
    await shop.catalog.barcodes.AddBarcode(
        barcodes_pb2.AddBarcodeRequest(request_id="b", sku_code="K-1", barcode=barcode)
    )
    sku = await shop.catalog.get("K-1")
    gone = await shop.catalog.skus.RetireSku(
        skus_pb2.RetireSkuRequest(request_id="r", sku_code="K-1", etag=sku.etag, reason="kode salah")
    )
    await shop.correct(gone.sku, ["options"], options=options(color="salah", size="M"))
    await shop.catalog.barcodes.RemoveBarcode(
        barcodes_pb2.RemoveBarcodeRequest(request_id="b-2", sku_code="K-1", code=BARCODE)
    )
    right = skus_pb2.CreateSkuRequest(
        request_id="right",
        sku_code="K-HTM-M",
        product_code="KAOS",
        name="Kaos hitam M",
        options=options(color="Hitam", size="M"),
        kind=skus_pb2.SKU_KIND_PLAIN,
        base_unit="pcs",
        barcodes=[barcode],
    )
    assert (await shop.catalog.skus.CreateSku(right)).sku.barcodes[0].code == BARCODE


async def test_what_the_catalog_can_refuse_itself_is_refused_before_stock_seals(
    shop: Shop, refusal: Any
) -> None:
    sku = await shop.kaos("K-1", color="Hitam", size="M")
    await shop.kaos("K-2", color="Putih", size="M")
    taken = await refusal(shop.correct(sku, ["options"], options=options(color="putih", size="m")))
    assert (taken.reason, taken.metadata["sku_code"]) == ("OPTIONS_TAKEN", "K-2")
    sku.etag = "7"
    stale = await refusal(shop.correct(sku, ["options"], options=options(color="Merah", size="M")))
    assert (stale.reason, stale.metadata["etag"]) == ("CONCURRENT_CHANGE", "1")
    sku.sku_code = "NO-SUCH"
    assert (await refusal(shop.correct(sku, ["base_unit"], base_unit="box"))).reason == "SKU_NOT_FOUND"
    unknown = skus_pb2.Sku(sku_code="K-1", etag="1")
    refused = await refusal(shop.correct(unknown, ["product_code"], product_code="NO-SUCH"))
    assert refused.reason == "PRODUCT_NOT_FOUND"
    assert shop.stock.asked == []


@pytest.mark.parametrize(
    ("mask", "fields", "reason"),
    [
        ([], {}, "BAD_INPUT"),
        (["name"], {"name": "x"}, "FIELD_IMMUTABLE"),
        (["sku_code"], {}, "FIELD_IMMUTABLE"),
        (["base_unit"], {"base_unit": "PCS!"}, "BAD_INPUT"),
        (["product_code"], {"product_code": ""}, "BAD_INPUT"),
        (["options"], {"options": options(color="")}, "BAD_INPUT"),
    ],
)
async def test_bad_corrections_are_refused(
    shop: Shop, refusal: Any, mask: list[str], fields: dict[str, Any], reason: str
) -> None:
    sku = await shop.kaos("K-1", color="Hitam", size="M")
    assert (await refusal(shop.correct(sku, mask, **fields))).reason == reason


async def test_a_correction_says_why(shop: Shop, refusal: Any) -> None:
    request = shop.request(await shop.kaos("K-1", color="Hitam", size="M"), ["base_unit"], base_unit="box")
    request.reason = ""
    refused = await refusal(shop.catalog.skus.CorrectSku(request))
    assert [one.field for one in refused.fields] == ["reason"]


async def test_what_stock_uses_stays_as_it_is(shop: Shop, refusal: Any) -> None:
    sku = await shop.kaos("K-1", color="Hitan", size="M")
    shop.stock.answer = InUse(
        metadata={"sku_code": "K-1", "used_by": "LEVEL"},
        preconditions=[PreconditionViolation("LEVEL", "K-1", "used by JKT1")],
    )
    refused = await refusal(shop.correct(sku, ["base_unit"], base_unit="box"))
    assert (refused.kind, refused.reason) == (Kind.FAILED_PRECONDITION, "SKU_IN_USE")
    assert (refused.metadata["used_by"], refused.preconditions[0].description) == ("LEVEL", "used by JKT1")
    assert (await shop.catalog.get("K-1")).base_unit == "pcs"


async def test_what_a_listing_sells_stays_as_it_is(shop: Shop, refusal: Any) -> None:
    sku = await shop.kaos("K-1", color="Hitan", size="M")
    shop.channels.listings = [
        listings_pb2.Listing(channel_code="tokoria", listing_ref="4711", sku_code="K-1")
    ]
    refused = await refusal(shop.correct(sku, ["base_unit"], base_unit="box"))
    assert (refused.reason, refused.metadata) == ("SKU_IN_USE", {"sku_code": "K-1", "used_by": "LISTING"})
    assert refused.preconditions[0].description == "used by tokoria 4711"
    assert shop.stock.asked == []


async def test_what_a_bundle_consumes_or_has_consumed_stays_as_it_is(shop: Shop, refusal: Any) -> None:
    sku = await shop.kaos("K-1", color="Hitan", size="M")
    await shop.kaos("K-2", color="Putih", size="M")
    part = skus_pb2.Component(sku_code="K-1", quantity=1)
    await shop.catalog.sku("SET", kind=skus_pb2.SKU_KIND_BUNDLE, components=[part])
    for _ in range(2):
        refused = await refusal(shop.correct(sku, ["base_unit"], base_unit="box"))
        assert refused.metadata == {"sku_code": "K-1", "used_by": "BUNDLE"}
        assert refused.preconditions[0].description == "used by SET"
        other = [skus_pb2.Component(sku_code="K-2", quantity=1)]
        etag = (await shop.catalog.get("SET")).etag
        if etag == "1":
            await shop.catalog.bundles.SetRecipe(
                bundles_pb2.SetRecipeRequest(request_id="s", sku_code="SET", etag=etag, components=other)
            )


async def test_a_bundle_is_sealed_with_all_that_it_has_ever_drawn(shop: Shop) -> None:
    for code, color in (("K-1", "Hitam"), ("K-2", "Putih"), ("K-3", "Merah")):
        await shop.kaos(code, color=color, size="M")
    bundle = skus_pb2.SKU_KIND_BUNDLE
    parts = {code: [skus_pb2.Component(sku_code=code, quantity=1)] for code in ("K-1", "K-2", "INNER")}
    await shop.catalog.sku("INNER", name="Isi", kind=bundle, components=parts["K-1"])
    sku = await shop.catalog.sku("OUTER", name="Luar", kind=bundle, components=parts["INNER"])
    changed = await shop.catalog.bundles.SetRecipe(
        bundles_pb2.SetRecipeRequest(request_id="s", sku_code="OUTER", etag=sku.etag, components=parts["K-2"])
    )
    assert changed is not None
    await shop.correct(await shop.catalog.get("OUTER"), ["base_unit"], base_unit="set")
    assert list(shop.stock.asked[0].drawn_sku_codes) == ["K-1", "K-2"]


async def test_a_repeated_request_is_told_the_same_whatever_stock_says_by_then(
    shop: Shop, refusal: Any
) -> None:
    sku = await shop.kaos("K-1", color="Hitan", size="M")
    request = shop.request(sku, ["base_unit"], base_unit="box")
    first = await shop.catalog.skus.CorrectSku(request)
    shop.stock.answer = InUse(metadata={"sku_code": "K-1", "used_by": "LEVEL"})
    before = await shop.catalog.everything()
    assert await shop.catalog.skus.CorrectSku(request) == first
    request.reason = "lain"
    assert (await refusal(shop.catalog.skus.CorrectSku(request))).reason == "REQUEST_ID_REUSED"
    assert await shop.catalog.everything() == before
    assert len(shop.stock.asked) == 1


@pytest.mark.parametrize(
    ("answer", "kind", "reason"),
    [
        (StoreUnavailable(), Kind.UNAVAILABLE, "DEPENDENCY_UNAVAILABLE"),
        (NotHeardOf(metadata={"sku_code": "K-1"}), Kind.ABORTED, "CONCURRENT_CHANGE"),
    ],
)
async def test_nothing_is_corrected_while_stock_cannot_say(
    shop: Shop, refusal: Any, answer: Failure, kind: Kind, reason: str
) -> None:
    sku = await shop.kaos("K-1", color="Hitan", size="M")
    shop.stock.answer = answer
    request = shop.request(sku, ["base_unit"], base_unit="box")
    refused = await refusal(shop.catalog.skus.CorrectSku(request))
    assert (refused.kind, refused.reason) == (kind, reason)
    shop.stock.answer = None
    assert (await shop.catalog.skus.CorrectSku(request)).sku.base_unit == "box"


async def test_nothing_is_corrected_under_a_seal_that_may_end_before(shop: Shop, refusal: Any) -> None:
    sku = await shop.kaos("K-1", color="Hitan", size="M")
    shop.stock.seal_ms = 30_000
    refused = await refusal(shop.correct(sku, ["base_unit"], base_unit="box"))
    assert refused.reason == "CONCURRENT_CHANGE"
    assert (await shop.catalog.get("K-1")).base_unit == "pcs"


def test_a_change_must_begin_so_early_that_it_ends_before_the_seal() -> None:
    sealed = Sealed.asked_at(100.0, 60.0, 30.0)
    sealed.require_time(120.0)
    with pytest.raises(ConcurrentChange):
        sealed.require_time(120.1)


async def test_a_catalog_that_has_not_been_told_where_stock_is_says_so(catalog: Any, refusal: Any) -> None:
    sku = await catalog.sku("TEH")
    right = skus_pb2.Sku(sku_code="TEH", etag=sku.etag, base_unit="box")
    request = skus_pb2.CorrectSkuRequest(
        request_id="c", sku=right, update_mask={"paths": ["base_unit"]}, reason="salah"
    )
    refused = await refusal(catalog.skus.CorrectSku(request))
    assert (refused.kind, refused.reason) == (Kind.FAILED_PRECONDITION, "USE_UNKNOWN")


async def test_of_corrections_at_once_under_one_etag_one_wins(shop: Shop) -> None:
    sku = await shop.kaos("K-1", color="Hitan", size="M")

    async def attempt(number: int) -> str:
        request = shop.request(sku, ["base_unit"], base_unit=f"unit{number}")
        request.request_id = f"c-{number}"
        try:
            return (await shop.catalog.skus.CorrectSku(request)).sku.base_unit  # type: ignore[no-any-return]
        except grpc.aio.AioRpcError:
            return ""

    won = [unit for unit in await asyncio.gather(*map(attempt, range(CALLERS))) if unit]
    assert won == [(await shop.catalog.get("K-1")).base_unit]
    assert (await shop.catalog.get("K-1")).version == 2


async def test_a_recipe_that_is_being_written_is_waited_for(shop: Shop, refusal: Any) -> None:
    sku = await shop.kaos("K-1", color="Hitan", size="M")
    await shop.kaos("K-2", color="Putih", size="M")
    part = skus_pb2.Component(sku_code="K-2", quantity=1)
    await shop.catalog.sku("SET", kind=skus_pb2.SKU_KIND_BUNDLE, components=[part])
    async with shop.catalog.postgres.transaction() as conn:
        await skus.lock_components(conn, ["K-1"])
        await conn.execute("insert into recipe_component values ('SET', 1, 'K-1', 1)")
        correcting = asyncio.create_task(refusal(shop.correct(sku, ["base_unit"], base_unit="box")))
        async with asyncio.timeout(60):
            while not await _somebody_waits(shop):
                await asyncio.sleep(0.005)
    assert (await correcting).metadata == {"sku_code": "K-1", "used_by": "BUNDLE"}
    assert len(shop.stock.asked) == 1


async def _somebody_waits(shop: Shop) -> bool:
    async with shop.catalog.postgres.connection() as conn:
        found = await conn.execute(
            "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
        )
        return await found.fetchone() is not None
