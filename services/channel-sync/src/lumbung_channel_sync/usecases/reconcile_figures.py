"""Reads what a channel itself shows, and compares: drift of pushed listings is repaired, and what is only compared is
counted for the stage's report."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from lumbung.channel_sync.v1.events_pb2 import DriftFound
from lumbung_channel_sync import wire
from lumbung_channel_sync.connectors.registry import PLATFORMS
from lumbung_channel_sync.domain.channels import Channel
from lumbung_channel_sync.domain.drift import Finding, Judgement, judge
from lumbung_channel_sync.stores import channels, happenings, sync
from lumbung_channel_sync.stores.channels import JudgedListing
from lumbung_channel_sync.stores.sync import BelievedListing, Look
from lumbung_channel_sync.usecases.call_platform import PlatformCaller, batches
from lumbung_kit import telemetry
from lumbung_kit.logs import get_logger
from lumbung_kit.postgres import Conn, Postgres

PAGE = 500

_log = get_logger(__name__)
_looked = telemetry.counter(
    "figures_compared", "Looks at channels' own figures by finding", ["channel", "finding"]
)
_drifted = telemetry.counter(
    "figures_drifted", "Pushed listings found with another figure than confirmed", ["channel"]
)


class Reconciler:
    """Compares one channel's figures with what we believe."""

    def __init__(self, postgres: Postgres, caller: PlatformCaller, second_look_s: float) -> None:
        self._postgres = postgres
        self._caller = caller
        self._second_look_s = second_look_s

    async def reconcile(self, channel: Channel) -> int:
        """Looks at every listing; those that differ are looked at a second time. How many had drifted.
        Raises PlatformTrouble when the platform cannot be read."""
        suspects: list[str] = []
        drifted = 0
        after = ""
        while believed := await self._beliefs(channel, after):
            after = believed[-1].listing_ref
            findings = await self._look(channel, believed)
            suspects += [ref for ref, finding in findings.items() if finding is Finding.SUSPECT]
            drifted += _count_differing(findings)
        if suspects:
            await asyncio.sleep(self._second_look_s)
        for page in batches(suspects, PAGE):
            drifted += _count_differing(await self._look(channel, await self._beliefs(channel, "", page)))
        return drifted

    async def _beliefs(
        self, channel: Channel, after: str, only: Sequence[str] | None = None
    ) -> list[BelievedListing]:
        async with self._postgres.connection() as conn:
            return await sync.read_beliefs(conn, channel.channel_code, after, PAGE, only)

    async def _look(self, channel: Channel, believed: Sequence[BelievedListing]) -> dict[str, Finding]:
        """Believed first, then read: what moves in between makes the look say nothing."""
        shown = await self.read_shown(channel, [one.listing_ref for one in believed])
        seen = [one for one in believed if one.listing_ref in shown]
        judged = [judge(one.belief, shown[one.listing_ref]) for one in seen]
        looks = [_look(one, found, shown[one.listing_ref]) for one, found in zip(seen, judged, strict=True)]
        meant = await self._postgres.run(lambda conn: self._store(conn, channel, seen, judged, looks))
        return {
            one.listing_ref: found.finding
            for one, found in zip(seen, judged, strict=True)
            if one.listing_ref in meant
        }

    async def read_shown(self, channel: Channel, listing_refs: Sequence[str]) -> dict[str, int]:
        """The channel's own figures; listings that it does not know are missing."""
        limits = PLATFORMS[channel.platform].limits
        shown: dict[str, int] = {}
        for batch in batches(listing_refs, limits.readings_per_call):
            shown |= await self._read(channel, batch)
        return shown

    async def _read(self, channel: Channel, batch: Sequence[str]) -> dict[str, int]:
        readings = await self._caller.call(
            channel, "read_figures", lambda platform: platform.read_figures(batch)
        )
        return {reading.listing_ref: reading.quantity for reading in readings}

    async def _store(
        self,
        conn: Conn,
        channel: Channel,
        seen: Sequence[BelievedListing],
        judged: Sequence[Judgement],
        looks: Sequence[Look],
    ) -> set[str]:
        meant = await sync.note_looks(conn, channel.channel_code, looks)
        meaningful = [
            JudgedListing(one.listing_ref, one.sku_code, found, look.observed_quantity)
            for one, found, look in zip(seen, judged, looks, strict=True)
            if one.listing_ref in meant
        ]
        await channels.count_judgements(conn, channel.channel_code, meaningful)
        drift = {look.listing_ref for look in looks if look.drift}
        found = [one for one in meaningful if one.listing_ref in drift]
        await happenings.drift_found(conn, [_drift_event(channel, one) for one in found])
        for one in meaningful:
            _looked.labels(channel.channel_code, one.judgement.finding.name).inc()
        if found:
            _drifted.labels(channel.channel_code).inc(len(found))
            _log.warning(
                "channel shows other figures than it confirmed",
                channel=channel.channel_code,
                listings=[one.listing_ref for one in found[:20]],
                count=len(found),
            )
        return meant


def _look(believed: BelievedListing, judgement: Judgement, observed: int) -> Look:
    """What to keep of one look. While something is on its way, a listing that is only compared keeps what it was last
    seen with, and what was ordered since, so that the next look can judge both together."""
    finding, pushed = judgement.finding, believed.belief.pushed
    says_nothing = finding is Finding.NOT_AT_REST
    return Look(
        believed.listing_ref,
        observed,
        believed.marks,
        believed.moves,
        says_nothing=says_nothing,
        suspect=finding is Finding.SUSPECT,
        drift=pushed and finding is Finding.DIFFERS,
        keeps_baseline=not pushed and (says_nothing or finding is Finding.SUSPECT),
    )


def _drift_event(channel: Channel, one: JudgedListing) -> DriftFound:
    return DriftFound(
        channel_code=channel.channel_code,
        listing_ref=one.listing_ref,
        sku_code=one.sku_code,
        confirmed_quantity=one.judgement.expected_quantity,
        observed_quantity=one.observed_quantity,
        observe_time=wire.timestamp(datetime.now(UTC)),
    )


def _count_differing(findings: Mapping[str, Finding]) -> int:
    return sum(finding is Finding.DIFFERS for finding in findings.values())
