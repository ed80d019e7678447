"""How fast each marketplace's figure followed a sale elsewhere: stock's clock against the marketplace's own."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from google.protobuf.timestamp_pb2 import Timestamp

from lumbung.stock.v1 import reservations_pb2
from lumbung_dev.demo.cast import Wish
from lumbung_dev.demo.diary import Ending, Purchase
from lumbung_dev.demo.marketplaces import Shown
from lumbung_dev.demo.play import Play
from lumbung_dev.demo.reservations import read_reservations
from lumbung_dev.shop.goods import FLASH_SKU
from lumbung_dev.shop.outlets import Marketplace

Known = tuple[Purchase, reservations_pb2.Reservation]
"""What a buyer wrote down, and what stock says about it."""


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
    pages = [page for page in play.diary.purchases if page.ending in (Ending.SOLD, Ending.GIVEN_BACK)]
    reservations = await read_reservations(play, pages)
    known = [
        (page, reservations[page.reservation_id]) for page in pages if page.reservation_id in reservations
    ]
    return tuple([_followed(shop.marketplace, await shop.history(), known) for shop in play.shops.values()])


def _followed(
    marketplace: Marketplace, history: Mapping[str, Sequence[Shown]], known: Sequence[Known]
) -> Followed:
    lags = sorted(_lags(marketplace, history, known))
    pushes = [shown.at_s for shown in history[marketplace.listing_of(FLASH_SKU)] if shown.pushed]
    changes = [_last_change_s(found) for page, found in known if page.buyer.wants_sale]
    return Followed(
        channel=marketplace.code,
        samples=len(lags),
        p50_s=percentile(lags, 50),
        p95_s=percentile(lags, 95),
        last_s=max(0.0, max(pushes, default=0.0) - max(changes, default=0.0)),
    )


def _lags(
    marketplace: Marketplace, history: Mapping[str, Sequence[Shown]], known: Sequence[Known]
) -> Iterator[float]:
    """From each decision about ordinary goods elsewhere to the first figure that was pushed here after it."""
    listing_of = {sku_code: listing for listing, sku_code in marketplace.listings().items()}
    for page, found in known:
        if page.buyer.wish is not Wish.ORDINARY or page.buyer.channel == marketplace.code:
            continue
        decided_s = _seconds(found.create_time)
        for sku_code, _ in page.buyer.basket:
            shown = history.get(listing_of.get(sku_code, ""), ())
            pushed = (one.at_s for one in shown if one.pushed and one.at_s >= decided_s)
            yield from (at_s - decided_s for at_s in islice(pushed, 1))


def percentile(ordered: Sequence[float], percent: int) -> float:
    """By nearest rank; 0 of nothing."""
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)] if ordered else 0.0


def _last_change_s(found: reservations_pb2.Reservation) -> float:
    """When it changed what could be sold for the last time: when it was held, or given back."""
    released = found.state == reservations_pb2.RESERVATION_STATE_RELEASED
    return _seconds(found.resolve_time if released else found.create_time)


def _seconds(moment: Timestamp) -> float:
    return moment.seconds + moment.nanos / 1e9
