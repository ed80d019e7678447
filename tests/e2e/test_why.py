"""Why a figure is what it is, through stock and the channel service: every node adds up, for a SKU and for a bundle."""

from __future__ import annotations

import pytest

from lumbung.stock.v1 import availability_pb2 as pb
from lumbung_dev.local.patience import eventually, patiently
from lumbung_dev.local.system import LocalSystem
from lumbung_dev.shop.goods import BUNDLES
from lumbung_dev.shop.outlets import TOKORIA

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

PUSHED_S_MAX = 60.0


def reckoned(node: pb.FigureNode) -> int:
    """A node's figure, by its formula alone."""
    figures = [reckoned(child) for child in node.children]
    return {
        pb.FIGURE_FORMULA_READ: lambda: node.quantity,
        pb.FIGURE_FORMULA_SUM: lambda: sum(figures) + node.more_quantity,
        pb.FIGURE_FORMULA_MIN: lambda: min(figures, default=0),
        pb.FIGURE_FORMULA_LESS: lambda: max(0, figures[0] - sum(figures[1:])),
        pb.FIGURE_FORMULA_QUOTIENT: lambda: figures[0] // node.factor,
        pb.FIGURE_FORMULA_PERCENT: lambda: figures[0] * node.factor // 100,
        pb.FIGURE_FORMULA_ZERO: lambda: 0,
    }[node.formula]()


def sold_there(bundles: bool) -> str:
    """A bundle, or a SKU that is none, with a listing on the marketplace."""
    codes = {bundle.sku_code for bundle in BUNDLES}
    return next(sku for sku in reversed(TOKORIA.listings().values()) if (sku in codes) is bundles)


@pytest.mark.parametrize("bundles", [False, True], ids=["a plain SKU", "a bundle"])
async def test_a_figure_is_explained_down_to_what_the_channel_was_sent(
    system: LocalSystem, bundles: bool
) -> None:
    sku_code = sold_there(bundles)
    async with system.client("staff:test") as staff:

        async def pushed() -> pb.ExplainAvailabilityResponse | None:
            request = pb.ExplainAvailabilityRequest(sku_code=sku_code, channel_code=TOKORIA.code)
            told = await patiently(staff.availability.ExplainAvailability, request)
            shown = told.channel.listings
            return told if shown and shown[0].HasField("push_time") else None

        told = await eventually(pushed, "a listing that was pushed", within_s=PUSHED_S_MAX)
    assert reckoned(told.tree) == told.tree.quantity == told.total.available_to_promise
    (listing,) = told.channel.listings
    assert told.channel.answer == pb.CHANNEL_ANSWER_GIVEN
    assert listing.listing_ref == TOKORIA.listing_of(sku_code)
    assert reckoned(listing.desired) == listing.desired.quantity
    kinds = {child.kind for warehouse in told.tree.children for child in warehouse.children}
    assert (pb.FIGURE_KIND_COMPONENT in kinds) is bundles
