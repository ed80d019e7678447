"""A change, its history and its event are written together or not at all."""

import pytest

from lumbung.catalog.v1 import events_pb2, skus_pb2
from lumbung_catalog.domain.acts import Act
from lumbung_catalog.domain.products import NewProduct
from lumbung_catalog.domain.skus import Description, NewSku, SkuKind
from lumbung_catalog.domain.units import Unit
from lumbung_catalog.stores import journal
from lumbung_catalog.usecases.create_product import create_product
from lumbung_catalog.usecases.create_sku import create_sku
from lumbung_kit.postgres import Conn, Postgres

ACT = Act("create_sku", "staff:ani", "r-1")
TEH = NewSku(
    sku_code="TEH",
    product_code="TEH",
    options=(),
    kind=SkuKind.PLAIN,
    base_unit="pcs",
    description=Description("Teh botol"),
    units=(Unit("pcs", 1),),
)


class PowerCutError(Exception):
    """Something that ends a transaction before its commit."""


async def create(conn: Conn) -> None:
    await create_product(conn, NewProduct("TEH", "Teh botol"), ACT)
    await create_sku(conn, TEH, ACT)


async def create_and_lose_power(conn: Conn) -> None:
    await create(conn)
    raise PowerCutError


async def counts(postgres: Postgres) -> tuple[int, ...]:
    """How many SKUs, history entries and events there are."""
    async with postgres.connection() as conn:
        rows = await conn.execute(
            "select (select count(*) from sku), (select count(*) from sku_history), "
            "(select count(*) from product_history), (select count(*) from event_outbox)"
        )
        (found,) = await rows.fetchall()
    return tuple(found)


async def test_a_transaction_that_ends_early_leaves_nothing(postgres: Postgres) -> None:
    with pytest.raises(PowerCutError):
        await postgres.run(create_and_lose_power)
    assert await counts(postgres) == (0, 0, 0, 0)


async def test_a_transaction_that_commits_leaves_all(postgres: Postgres) -> None:
    await postgres.run(create)
    assert await counts(postgres) == (1, 1, 1, 2)


async def test_history_and_event_hold_the_same_sku(postgres: Postgres) -> None:
    await postgres.run(create)
    async with postgres.connection() as conn:
        (entry,) = await journal.page(conn, "TEH", 2**31 - 1, 10)
        rows = await conn.execute(
            "select payload from event_outbox where subject = 'TEH' and kind = 'sku_changed'"
        )
        ((payload,),) = await rows.fetchall()
    event = events_pb2.SkuChanged.FromString(payload)
    assert skus_pb2.Sku.FromString(entry.snapshot) == event.sku
    assert (entry.actor, event.actor, event.sku.name) == ("staff:ani", "staff:ani", "Teh botol")
