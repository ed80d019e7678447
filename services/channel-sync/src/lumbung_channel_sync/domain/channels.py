"""A sales channel: how far it is trusted, and whether its figures move."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from lumbung_channel_sync.domain.failures import StageIsFirst, StageIsLast

CHANNELS_MAX = 200
LISTINGS_PER_CHANNEL_MAX = 100_000
REQUESTS_PER_SECOND_DEFAULT = 50


class Platform(Enum):
    """Whose interface a channel speaks, of those that have a connector."""

    DEMO_MARKETPLACE = "DEMO_MARKETPLACE"


class Stage(Enum):
    """How far a channel is trusted, in the order in which trust grows."""

    SHADOW = "SHADOW"
    SOME = "SOME"
    ALL = "ALL"

    def next(self) -> Stage:
        """One stage on."""
        if self is Stage.ALL:
            raise StageIsLast
        return Stage.SOME if self is Stage.SHADOW else Stage.ALL

    def previous(self) -> Stage:
        """One stage back."""
        if self is Stage.SHADOW:
            raise StageIsFirst
        return Stage.SHADOW if self is Stage.SOME else Stage.SOME


class PauseMode(Enum):
    """What a pause does to the figure that buyers see."""

    SELL_NOTHING = "SELL_NOTHING"
    FREEZE = "FREEZE"


@dataclass(frozen=True, slots=True)
class ChannelSpec:
    """What a person can say about a channel."""

    title: str
    base_url: str
    secret_reference: str
    account_reference: str
    max_requests_per_second: int


@dataclass(frozen=True, slots=True)
class Channel:
    """A place where the seller's goods are sold."""

    channel_code: str
    platform: Platform
    spec: ChannelSpec
    stage: Stage
    stage_begin_time: datetime
    pause_mode: PauseMode | None
    row_version: int
    create_time: datetime
    update_time: datetime

    def works_for(self, *, live: bool) -> bool:
        """Whether a listing of this channel is pushed and its orders taken, rather than only compared."""
        return self.stage is Stage.ALL or (self.stage is Stage.SOME and live)


def freezes(channel: PauseMode | None, listing: PauseMode | None) -> bool:
    """Whether the figure stays as it is. Selling nothing wins over staying, wherever it was said."""
    modes = {channel, listing}
    return PauseMode.FREEZE in modes and PauseMode.SELL_NOTHING not in modes


def sells_nothing(channel: PauseMode | None, listing: PauseMode | None) -> bool:
    """Whether the figure goes to 0."""
    return PauseMode.SELL_NOTHING in (channel, listing)


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a platform as a whole can be called. No trouble when `failures_in_row` is 0."""

    failures_in_row: int
    reason: str
    message: str
    occur_time: datetime | None
    next_call_time: datetime | None


@dataclass(frozen=True, slots=True)
class ChannelSecret:
    """What signs the channel's webhooks and opens its API. Its text never shows in logs or tracebacks."""

    webhook_secret: str
    api_key: str

    def __repr__(self) -> str:
        return "ChannelSecret(***)"
