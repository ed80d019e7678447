"""Moves a channel one stage on or back, with what agreed in the stage that ends."""

from __future__ import annotations

from dataclasses import dataclass

from lumbung_channel_sync.domain.channels import Channel, Stage
from lumbung_channel_sync.domain.drift import Agreement, Disagreement
from lumbung_channel_sync.domain.failures import ChannelNotFound, StageNotAgreed
from lumbung_channel_sync.stores import channels, happenings, sync
from lumbung_kit.context import actor
from lumbung_kit.failures import ConcurrentChange
from lumbung_kit.postgres import Conn


@dataclass(frozen=True, slots=True)
class StageReport:
    """What agreed since a stage began. `channel` is as it was in that stage."""

    channel: Channel
    agreement: Agreement
    disagreements: list[Disagreement]


@dataclass(frozen=True, slots=True)
class StageMove:
    """A channel in its new stage, and what agreed in the one before."""

    channel: Channel
    before: StageReport


async def report_agreement(conn: Conn, channel_code: str) -> StageReport:
    """What agreed since the present stage began."""
    channel = await channels.get(conn, channel_code)
    if channel is None:
        raise ChannelNotFound(metadata={"channel_code": channel_code})
    return StageReport(
        channel,
        await channels.get_agreement(conn, channel_code),
        await channels.list_disagreements(conn, channel_code),
    )


async def advance_stage(
    conn: Conn, channel_code: str, from_stage: Stage, *, accept_disagreement: bool
) -> StageMove:
    """One stage on, when something was compared and everything agreed, or a person accepts that it did not."""
    report = await _report_from(conn, channel_code, from_stage)
    to_stage = from_stage.next()
    if not (report.agreement.is_whole or accept_disagreement):
        raise StageNotAgreed(metadata=_counts(report.agreement))
    return await _move(conn, report, to_stage)


async def retreat_stage(conn: Conn, channel_code: str, from_stage: Stage) -> StageMove:
    """One stage back, at any time."""
    report = await _report_from(conn, channel_code, from_stage)
    return await _move(conn, report, from_stage.previous())


async def _report_from(conn: Conn, channel_code: str, from_stage: Stage) -> StageReport:
    report = await report_agreement(conn, channel_code)
    if report.channel.stage is not from_stage:
        raise ConcurrentChange(metadata={"stage": report.channel.stage.value})
    return report


async def _move(conn: Conn, report: StageReport, to_stage: Stage) -> StageMove:
    before = report.channel
    channel = await channels.set_stage(conn, before.channel_code, before.stage, to_stage, actor())
    if channel is None:
        raise ConcurrentChange
    await sync.mark_channel(conn, before.channel_code)
    await happenings.channel_changed(conn, channel)
    return StageMove(channel, report)


def _counts(agreement: Agreement) -> dict[str, str]:
    return {
        "figures": f"{agreement.figures.agreed}/{agreement.figures.compared}",
        "decrements": f"{agreement.decrements.agreed}/{agreement.decrements.compared}",
        "cancellations": f"{agreement.cancellations.agreed}/{agreement.cancellations.compared}",
    }
