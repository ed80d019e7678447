"""A recipe that changes in the catalog, also of a bundle in a bundle, touches no reservation that is there already."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lumbung.catalog.v1 import skus_pb2
from lumbung_stock.entrypoints.catalog_events import sku_of
from lumbung_stock.usecases.apply_catalog_event import apply_catalog_event

if TYPE_CHECKING:
    from services.stock.tests.conftest import Shop

pytestmark = pytest.mark.store


def crate(version: int, **draws: int) -> skus_pb2.Sku:
    """CRATE consumes a SET, and what that draws is what one CRATE draws."""
    recipe = skus_pb2.Recipe(
        version=version,
        components=[skus_pb2.Component(sku_code="SET", quantity=2)],
        draws=[skus_pb2.Component(sku_code=code, quantity=quantity) for code, quantity in draws.items()],
    )
    return skus_pb2.Sku(
        sku_code="CRATE",
        name="Peti",
        kind=skus_pb2.SKU_KIND_BUNDLE,
        state=skus_pb2.SKU_STATE_ACTIVE,
        recipe=recipe,
        version=version,
    )


async def learn(shop: Shop, snapshot: skus_pb2.Sku) -> None:
    async with shop.postgres.transaction() as conn:
        assert await apply_catalog_event(conn, sku_of(snapshot), snapshot.version)


async def test_reservations_keep_the_draws_that_they_were_made_with(shop: Shop) -> None:
    await shop.put("CUP", 20)
    await shop.put("BOX", 20)
    await learn(shop, crate(1, CUP=4))
    sold, held = await shop.hold({"CRATE": 2}), await shop.hold({"CRATE": 1})
    drawn = [(draw.sku_code, draw.quantity) for draw in sold.draws]
    assert drawn == [("CUP", 8)]

    await learn(shop, crate(2, BOX=6))
    assert (await shop.free("CUP"), await shop.free("BOX")) == (8, 20)
    sold = await shop.confirm(sold)
    assert [(draw.sku_code, draw.quantity) for draw in (await shop.get(sold)).draws] == drawn
    await shop.release(held)
    assert (await shop.free("CUP"), await shop.free("BOX")) == (12, 20)
    await shop.cancel(sold)
    assert (await shop.free("CUP"), await shop.free("BOX")) == (20, 20)
