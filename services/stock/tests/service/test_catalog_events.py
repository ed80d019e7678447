"""Stock's picture of the catalog, from events over real gRPC: each takes effect once, the newest snapshot wins."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from lumbung.catalog.v1 import events_pb2 as pb
from lumbung.catalog.v1 import events_pb2_grpc as rpc
from lumbung.catalog.v1 import skus_pb2
from lumbung.stock.v1 import events_pb2 as stock_events_pb
from lumbung_kit import serving
from lumbung_kit.clients import open_channel
from lumbung_kit.events import EventLog
from lumbung_kit.settings import ServiceSettings
from lumbung_stock.entrypoints.catalog_events import follow_catalog
from lumbung_stock.stores.sellables import affected
from lumbung_stock.stores.sku_book import SkuBook

pytestmark = pytest.mark.store

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"


def sku(code: str, version: int = 1, **fields: Any) -> pb.Event:
    snapshot = skus_pb2.Sku(
        **{
            "sku_code": code,
            "name": code,
            "kind": skus_pb2.SKU_KIND_PLAIN,
            "state": skus_pb2.SKU_STATE_ACTIVE,
            "version": version,
            **fields,
        }
    )
    return pb.Event(sku_changed=pb.SkuChanged(sku=snapshot, actor="staff:ani"))


def bundle(code: str, components: dict[str, int], version: int = 1, **fields: Any) -> pb.Event:
    parts = [skus_pb2.Component(sku_code=each, quantity=units) for each, units in components.items()]
    recipe = skus_pb2.Recipe(version=version, components=parts, draws=parts)
    return sku(code, version, kind=skus_pb2.SKU_KIND_BUNDLE, recipe=recipe, **fields)


class Log(rpc.EventServiceServicer):
    """A catalog's log with these events, which ends each call after `cut` of them."""

    def __init__(self, events: Sequence[pb.Event], cut: int) -> None:
        self.events = events
        self.cut = cut
        for position, event in enumerate(events, start=1):
            event.position = position

    async def Subscribe(  # noqa: N802
        self, request: pb.SubscribeRequest, _call: Any
    ) -> AsyncIterator[pb.SubscribeResponse]:
        """Two events a response, from the position asked for."""
        rest = self.events[request.after_position :][: self.cut]
        for index in range(0, len(rest), 2):
            yield pb.SubscribeResponse(events=rest[index : index + 2], head_position=len(self.events))
        if not rest:
            await asyncio.Event().wait()


@asynccontextmanager
async def followed(
    make_postgres, events: Sequence[pb.Event], *, cut: int = 100
) -> AsyncIterator[tuple[Any, SkuBook]]:
    """Stock's database and book once all the events have taken effect."""
    postgres = await make_postgres("stock", MIGRATIONS)
    book = SkuBook(postgres, max_age_s=3_600)
    service = serving.Service(
        rpc.add_EventServiceServicer_to_server, Log(events, cut), "lumbung.catalog.v1.EventService"
    )
    settings = ServiceSettings(postgres_url="postgresql://unused", log_level="WARNING")
    server = await serving.start("catalog", settings, serving.App(services=[service]))
    channel = open_channel(server.address, actor="service:stock")
    consumer = follow_catalog(postgres, channel, book, EventLog(postgres))
    running = asyncio.create_task(consumer.run())
    try:
        async with asyncio.timeout(60):
            while await consumer.position() < len(events):
                assert not running.done()
        yield postgres, book
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await channel.close()
        await server.stop(0)


async def changed(postgres) -> list[list[str]]:
    """What AvailabilityChanged told, in order."""
    async with postgres.connection() as conn:
        rows = await conn.execute("SELECT payload FROM event_outbox ORDER BY outbox_id")
        events = [stock_events_pb.Event.FromString(payload) for (payload,) in await rows.fetchall()]
    return [list(event.availability_changed.sku_codes) for event in events]


async def test_skus_and_recipes_come_to_be_known(make_postgres) -> None:
    events = [sku("CUP", name="Cangkir"), sku("SAUCER"), bundle("SET", {"CUP": 2, "SAUCER": 1})]
    async with followed(make_postgres, events) as (postgres, book):
        known = await book.find(["CUP", "SET", "NO-SUCH"])
        assert known.keys() == {"CUP", "SET"}
        assert (known["CUP"].name, known["CUP"].is_bundle, known["CUP"].active) == ("Cangkir", False, True)
        assert (known["SET"].is_bundle, known["SET"].components) == (True, (("CUP", 2), ("SAUCER", 1)))
        async with postgres.connection() as conn:
            assert await affected(conn, ["CUP"]) == ["CUP", "SET"]
        assert await changed(postgres) == [["CUP"], ["SAUCER"], ["SET"]]


async def test_a_new_recipe_replaces_the_old_one_and_is_told(make_postgres) -> None:
    events = [bundle("SET", {"CUP": 2, "BOX": 1}), bundle("SET", {"CUP": 3}, version=2)]
    async with followed(make_postgres, events) as (postgres, book):
        record = (await book.find(["SET"]))["SET"]
        assert (record.components, record.recipe_version) == ((("CUP", 3),), 2)
        async with postgres.connection() as conn:
            assert await affected(conn, ["BOX"]) == ["BOX"]
        assert await changed(postgres) == [["SET"], ["SET"]]


async def test_nested_bundles_are_drawn_as_plain_skus(make_postgres) -> None:
    event = bundle("CRATE", {"SET": 2})
    del event.sku_changed.sku.recipe.draws[:]
    event.sku_changed.sku.recipe.draws.add(sku_code="CUP", quantity=4)
    async with followed(make_postgres, [event]) as (_, book):
        assert (await book.find(["CRATE"]))["CRATE"].components == (("CUP", 4),)


async def test_an_older_snapshot_changes_nothing(make_postgres) -> None:
    events = [sku("CUP", version=7, name="New"), sku("CUP", version=6, name="Old")]
    async with followed(make_postgres, events) as (postgres, book):
        assert (await book.find(["CUP"]))["CUP"].name == "New"
        assert await changed(postgres) == [["CUP"]]


async def test_retiring_is_told_and_a_new_name_is_not(make_postgres) -> None:
    retired = sku("CUP", version=3, state=skus_pb2.SKU_STATE_RETIRED)
    events = [sku("CUP"), sku("CUP", version=2, name="Cangkir"), retired]
    async with followed(make_postgres, events) as (postgres, book):
        assert not (await book.find(["CUP"]))["CUP"].active
        assert await changed(postgres) == [["CUP"], ["CUP"]]


async def test_a_component_that_changes_tells_of_the_bundles_around_it(make_postgres) -> None:
    retired = sku("CUP", version=2, state=skus_pb2.SKU_STATE_RETIRED)
    events = [
        bundle("SET", {"CUP": 2}),
        bundle("CRATE", {"CUP": 8}),
        sku("CUP"),
        retired,
        sku("CUP", version=3),
    ]
    async with followed(make_postgres, events) as (postgres, _):
        assert await changed(postgres) == [["SET"], ["CRATE"], *[["CRATE", "CUP", "SET"]] * 3]


async def test_events_of_no_concern_are_passed_over(make_postgres) -> None:
    events = [pb.Event(product_changed=pb.ProductChanged()), sku("CUP")]
    async with followed(make_postgres, events) as (_, book):
        assert (await book.find(["CUP"])).keys() == {"CUP"}


async def test_a_subscription_that_breaks_off_is_resumed_without_loss(make_postgres) -> None:
    events = [sku(f"SKU-{n}") for n in range(9)]
    async with followed(make_postgres, events, cut=3) as (postgres, book):
        assert len(await book.find([f"SKU-{n}" for n in range(9)])) == 9
        assert len(await changed(postgres)) == 9


async def test_what_was_remembered_is_forgotten_when_the_catalog_changes_it(make_postgres) -> None:
    postgres = await make_postgres("stock", MIGRATIONS)
    book = SkuBook(postgres, max_age_s=3_600)
    async with postgres.connection() as conn:
        await conn.execute("INSERT INTO sku VALUES ('CUP', 'Old', false, true)")
        assert (await book.find(["CUP"]))["CUP"].name == "Old"
        await conn.execute("UPDATE sku SET name = 'New'")
        assert (await book.find(["CUP"]))["CUP"].name == "Old"
        book.forget(["CUP"])
        assert (await book.find(["CUP"]))["CUP"].name == "New"
