"""Pushes what is due on one channel: reads the newest availability, writes down what should be shown, tells the
platform, and writes down what it answered."""

from __future__ import annotations

import random
from collections.abc import Sequence

from lumbung.channel_sync.v1.events_pb2 import ListingParked
from lumbung_channel_sync.clients.stock import SKUS_PER_CALL_MAX, AvailabilityNow, Stock
from lumbung_channel_sync.connectors.contract import FigurePush, RowOutcome, RowResult
from lumbung_channel_sync.connectors.registry import PLATFORMS
from lumbung_channel_sync.domain.channels import Channel, freezes, sells_nothing
from lumbung_channel_sync.domain.figures import figure_of
from lumbung_channel_sync.domain.retries import ROW_BACKOFF
from lumbung_channel_sync.stores import channels, happenings, sync
from lumbung_channel_sync.stores.sync import Desired, DueListing, FailedPush, Push
from lumbung_channel_sync.usecases.call_platform import PlatformCaller, batches
from lumbung_kit import telemetry
from lumbung_kit.postgres import Conn, Postgres

STALE_AT_ONCE_MAX = 3
"""A row that is behind the platform's version is pushed again at once so often; then it waits like any other."""

_pushed = telemetry.counter(
    "figures_pushed", "Figures sent to channels by what became of them", ["channel", "outcome"]
)
_lag = telemetry.histogram("figure_lag_seconds", "From due to confirmed by the channel", ["channel"])


class FigurePusher:
    """Brings one channel up to date. Two of them on one channel at once would waste calls, and do no harm:
    versions only grow, and older availability never replaces newer."""

    def __init__(self, postgres: Postgres, stock: Stock, caller: PlatformCaller) -> None:
        self._postgres = postgres
        self._stock = stock
        self._caller = caller

    async def push_due(self, channel_code: str) -> int:
        """One pass over at most 500 listings; how many were considered. Raises StockRefusal when availability
        cannot be read, PlatformTrouble when the platform cannot be called: then all stays due."""
        read = await self._read(channel_code)
        if read is None:
            return 0
        channel, due, undecided = read
        available = await self._stock.availability(sorted({one.sku_code for one in due}), channel_code)
        desired = [_desired(channel, one, available, undecided) for one in due]
        pushes = await self._postgres.run(
            lambda conn: sync.desire(conn, channel_code, available.position, desired)
        )
        sku_codes = {one.listing_ref: one.sku_code for one in due}
        limits = PLATFORMS[channel.platform].limits
        for batch in batches([push for push in pushes if push.needs_push], limits.figures_per_call):
            await self._send(channel, batch, sku_codes)
        return len(pushes)

    async def _read(self, channel_code: str) -> tuple[Channel, list[DueListing], dict[str, int]] | None:
        """Undecided orders are read before availability: then a unit can be counted as gone twice for a moment, but
        never as there twice."""
        async with self._postgres.connection() as conn:
            channel = await channels.get(conn, channel_code)
            due = await sync.read_due(conn, channel_code, SKUS_PER_CALL_MAX)
            if channel is None or not due:
                return None
            return channel, due, await sync.undecided_units(conn, [one.sku_code for one in due])

    async def _send(self, channel: Channel, batch: Sequence[Push], sku_codes: dict[str, str]) -> None:
        figures = [FigurePush(one.listing_ref, one.quantity, one.version, one.sale_code) for one in batch]
        outcomes = await self._caller.call(
            channel, "push_figures", lambda platform: platform.push_figures(figures)
        )
        applied = [push for push, out in zip(batch, outcomes, strict=True) if out.result is RowResult.APPLIED]
        failed = [
            _failed(push, out)
            for push, out in zip(batch, outcomes, strict=True)
            if out.result is not RowResult.APPLIED
        ]
        for out in outcomes:
            _pushed.labels(channel.channel_code, out.result.name).inc()

        async def settle(conn: Conn) -> list[float]:
            lags_s = await sync.confirm(conn, channel.channel_code, applied)
            await sync.fail(conn, channel.channel_code, failed)
            await happenings.listings_parked(conn, _parked(channel, failed, sku_codes))
            return lags_s

        for lag_s in await self._postgres.run(settle):
            _lag.labels(channel.channel_code).observe(lag_s)


def _desired(
    channel: Channel, due: DueListing, available: AvailabilityNow, undecided: dict[str, int]
) -> Desired:
    figure = figure_of(
        due.rules,
        available.by_sku.get(due.sku_code),
        undecided_quantity=undecided.get(due.sku_code, 0),
        sells_nothing=sells_nothing(channel.pause_mode, due.pause_mode),
    )
    frozen = freezes(channel.pause_mode, due.pause_mode)
    return Desired(due, figure, pushed=channel.works_for(live=due.live) and not frozen)


def _failed(push: Push, outcome: RowOutcome) -> FailedPush:
    failures = push.failures_in_row + 1
    stale = outcome.result is RowResult.STALE
    at_once = stale and failures <= STALE_AT_ONCE_MAX
    return FailedPush(
        push.listing_ref,
        reason=outcome.reason or outcome.result.name,
        message=outcome.message,
        delay_s=0.0 if at_once else ROW_BACKOFF.delay_s(failures, jitter=random.random()),
        parked=outcome.result is RowResult.REFUSED,
        newest_version=max(outcome.newest_version, push.version) if stale else 0,
    )


def _parked(channel: Channel, failed: Sequence[FailedPush], sku_codes: dict[str, str]) -> list[ListingParked]:
    return [
        ListingParked(
            channel_code=channel.channel_code,
            listing_ref=one.listing_ref,
            sku_code=sku_codes[one.listing_ref],
            reason=one.reason,
            message=one.message,
        )
        for one in failed
        if one.parked
    ]
