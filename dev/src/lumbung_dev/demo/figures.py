"""How fast each marketplace's figure followed a sale elsewhere: stock's clock against the marketplace's own."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from google.protobuf.timestamp_pb2 import Timestamp

from lumbung.stock.v1 import reservations_pb2
from lumbung_dev.demo.cast import Wish
from lumbung_dev.demo.diary import Ending, Purchase
from lumbung_dev.demo.marketplaces import MarketplaceShop, Shown
from lumbung_dev.demo.play import Play
from lumbung_dev.demo.reservations import read_reservations
from lumbung_dev.shop.goods import FLASH_SKU

_PERCENTILES = 20


@dataclass(frozen=True, slots=True)
class Followed:
    """Seconds from stock's decision to the marketplace's shown figure."""

    channel: str
    samples: int
    p50_s: float
    p95_s: float
    last_s: float
    """From the last change of the sale's SKU to the last figure shown of it."""

    def sentence(self) -> str:
        """For the closing table."""
        return (
            f"followed a sale elsewhere in {self.p50_s * 1000:.0f} ms (p50), {self.p95_s * 1000:.0f} ms (p95), "
            f"{self.samples} sales; the sale's last change in {self.last_s * 1000:.0f} ms"
        )


async def measure(play: Play) -> tuple[Followed, ...]:
    """Each ordinary basket holds goods that nobody else bought, so each change of their figures has one cause.

    Read before the sale is closed, when the figures are at rest.
    """
    pages = [page for page in play.diary.ended(Ending.SOLD) if page.reservation_id]
    reservations = await read_reservations(play, pages)
    return tuple([await _measure_one(shop, pages, reservations) for shop in play.shops.values()])


async def _measure_one(
    shop: MarketplaceShop, pages: Sequence[Purchase], reservations: Mapping[str, reservations_pb2.Reservation]
) -> Followed:
    history = await shop.history()
    listing_of = {sku_code: listing for listing, sku_code in shop.marketplace.listings().items()}
    lags = sorted(
        lag
        for page in pages
        if page.buyer.wish is Wish.ORDINARY and page.buyer.channel != shop.marketplace.code
        for sku_code, _ in page.buyer.basket
        if sku_code in listing_of
        for lag in _lag(
            history[listing_of[sku_code]], _seconds(reservations[page.reservation_id].create_time)
        )
    )
    last_change = max(
        _seconds(reservations[page.reservation_id].create_time) for page in pages if page.buyer.wants_sale
    )
    last_push = max(shown.at_s for shown in history[listing_of[FLASH_SKU]] if shown.pushed)
    return Followed(
        channel=shop.marketplace.code,
        samples=len(lags),
        p50_s=statistics.median(lags),
        p95_s=statistics.quantiles(lags, n=_PERCENTILES, method="inclusive")[-1],
        last_s=max(0.0, last_push - last_change),
    )


def _lag(history: Sequence[Shown], decided_s: float) -> Iterator[float]:
    """From the decision to the first figure that was pushed after it."""
    after = [shown.at_s - decided_s for shown in history if shown.pushed and shown.at_s >= decided_s]
    yield from after[:1]


def _seconds(moment: Timestamp) -> float:
    return moment.seconds + moment.nanos / 1e9
