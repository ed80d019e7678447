"""The figure of every listing on both sides, in Postgres."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg.rows import class_row, dict_row, scalar_row
from psycopg.types.json import Jsonb

from lumbung_channel_sync.domain.channels import PauseMode
from lumbung_channel_sync.domain.drift import Belief
from lumbung_channel_sync.domain.figures import Figure, FigureReason
from lumbung_channel_sync.domain.listings import ListingRules
from lumbung_channel_sync.domain.statuses import ListingStatus
from lumbung_kit import sql
from lumbung_kit.postgres import Conn

_SQL = sql.load(__package__, "sync.sql")
_BEGIN = _SQL["begin_sync"]
_MARK_SKUS = _SQL["mark_skus"]
_MARK_CHANNEL = _SQL["mark_channel"]
_DOUBT_CHANNEL = _SQL["doubt_channel"]
_MOVE = _SQL["move_listings"]
_DUE_CHANNELS = _SQL["due_channels"]
_READ_DUE = _SQL["read_due"]
_UNDECIDED = _SQL["undecided_units"]
_DESIRE = _SQL["desire"]
_CONFIRM = _SQL["confirm_figures"]
_FAIL = _SQL["fail_figures"]
_READ_BELIEFS = _SQL["read_beliefs"]
_NOTE_LOOKS = _SQL["note_looks"]
_REPAIR = _SQL["repair"]
_OBSERVE = _SQL["observe"]
_LIST_STATUSES = _SQL["list_statuses"]
_COUNT_STATES = _SQL["count_states"]


@dataclass(frozen=True, slots=True)
class DueListing:
    """One listing whose figure has to be considered."""

    listing_ref: str
    sku_code: str
    rules: ListingRules
    live: bool
    pause_mode: PauseMode | None
    marks: int
    failures_in_row: int


@dataclass(frozen=True, slots=True)
class Desired:
    """A figure for one listing; `pushed` says whether the channel is told."""

    listing: DueListing
    figure: Figure
    pushed: bool


@dataclass(frozen=True, slots=True)
class Push:
    """A figure to be sent, with what has to be known when the answer comes."""

    listing_ref: str
    needs_push: bool
    quantity: int
    sale_code: str
    version: int
    moves: int
    marks: int
    failures_in_row: int


@dataclass(frozen=True, slots=True)
class FailedPush:
    """A figure that the channel did not take."""

    listing_ref: str
    reason: str
    message: str
    delay_s: float
    parked: bool
    newest_version: int


@dataclass(frozen=True, slots=True)
class BelievedListing:
    """What we think that one listing shows, and at which marks and moves."""

    listing_ref: str
    sku_code: str
    belief: Belief
    marks: int
    moves: int
    parked: bool


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen of one listing."""

    listing_ref: str
    observed_quantity: int
    marks: int
    moves: int
    says_nothing: bool
    suspect: bool
    drift: bool
    keeps_baseline: bool


@dataclass(frozen=True, slots=True)
class Moved:
    """The channel itself moved a listing's figure."""

    channel_code: str
    listing_ref: str
    items_ordered: int = 0
    items_cancelled: int = 0


@dataclass(frozen=True, slots=True)
class StateCount:
    """Listings of one channel in one state, and the longest wait among them."""

    state: str
    count: int
    lag_s: float


async def begin(conn: Conn, channel_code: str, listing_refs: Sequence[str]) -> None:
    """New listings, or listings whose rules changed: due now."""
    await conn.execute(_BEGIN, {"channel_code": channel_code, "listing_refs": list(listing_refs)})


async def mark_skus(conn: Conn, sku_codes: Sequence[str]) -> bool:
    """Every listing of these SKUs is due; False when there is none."""
    return (await conn.execute(_MARK_SKUS, {"sku_codes": list(sku_codes)})).rowcount > 0


async def mark_channel(conn: Conn, channel_code: str) -> None:
    """Every listing of this channel is due."""
    await conn.execute(_MARK_CHANNEL, {"channel_code": channel_code})


async def doubt_channel(conn: Conn, channel_code: str) -> None:
    """Nothing is known any more of what this channel shows."""
    await conn.execute(_DOUBT_CHANNEL, {"channel_code": channel_code})


async def move(conn: Conn, moved: Sequence[Moved]) -> None:
    """What these channels show is no longer what they confirmed."""
    if not moved:
        return
    await conn.execute(
        _MOVE,
        {
            "channel_codes": [one.channel_code for one in moved],
            "listing_refs": [one.listing_ref for one in moved],
            "ordered": [one.items_ordered for one in moved],
            "cancelled": [one.items_cancelled for one in moved],
        },
    )


async def due_channels(conn: Conn) -> list[str]:
    """Channels that have something due and may be called."""
    async with conn.cursor(row_factory=scalar_row) as cursor:
        await cursor.execute(_DUE_CHANNELS)
        return [str(code) for code in await cursor.fetchall()]


async def read_due(conn: Conn, channel_code: str, limit: int) -> list[DueListing]:
    """What is due on a channel, longest waiting first."""
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_READ_DUE, {"channel_code": channel_code, "limit": limit})
        return [_due(row) for row in await cursor.fetchall()]


async def undecided_units(conn: Conn, sku_codes: Sequence[str]) -> dict[str, int]:
    """Base units that channels have sold and stock has not answered for, by SKU."""
    cursor = await conn.execute(_UNDECIDED, {"sku_codes": list(sku_codes)})
    return {str(sku_code): int(units) for sku_code, units in await cursor.fetchall()}


async def desire(
    conn: Conn, channel_code: str, stock_position: int, desired: Sequence[Desired]
) -> list[Push]:
    """Writes down what listings should show; those with `needs_push` have to be told to the channel."""
    parameters = {
        "channel_code": channel_code,
        "stock_position": stock_position,
        "listing_refs": [one.listing.listing_ref for one in desired],
        "quantities": [one.figure.quantity for one in desired],
        "sale_codes": [one.figure.flash_sale_code for one in desired],
        "reasons": [Jsonb(one.figure.reason.as_json()) for one in desired],
        "marks": [one.listing.marks for one in desired],
        "pushed": [one.pushed for one in desired],
    }
    async with conn.cursor(row_factory=class_row(Push)) as cursor:
        await cursor.execute(_DESIRE, parameters)
        return await cursor.fetchall()


async def confirm(conn: Conn, channel_code: str, pushes: Sequence[Push]) -> list[float]:
    """The channel shows these figures; for each, the seconds since it was due."""
    if not pushes:
        return []
    parameters = {
        "channel_code": channel_code,
        "listing_refs": [push.listing_ref for push in pushes],
        "quantities": [push.quantity for push in pushes],
        "sale_codes": [push.sale_code for push in pushes],
        "versions": [push.version for push in pushes],
        "marks": [push.marks for push in pushes],
        "moves": [push.moves for push in pushes],
    }
    async with conn.cursor(row_factory=scalar_row) as cursor:
        await cursor.execute(_CONFIRM, parameters)
        return [float(lag_s) for lag_s in await cursor.fetchall()]


async def fail(conn: Conn, channel_code: str, failed: Sequence[FailedPush]) -> None:
    """The channel did not take these figures."""
    if not failed:
        return
    await conn.execute(
        _FAIL,
        {
            "channel_code": channel_code,
            "listing_refs": [one.listing_ref for one in failed],
            "reasons": [one.reason for one in failed],
            "messages": [one.message for one in failed],
            "delays_s": [one.delay_s for one in failed],
            "parked": [one.parked for one in failed],
            "newest_versions": [one.newest_version for one in failed],
        },
    )


async def read_beliefs(
    conn: Conn, channel_code: str, after: str, limit: int, only: Sequence[str] | None = None
) -> list[BelievedListing]:
    """What we think that listings show."""
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            _READ_BELIEFS,
            {
                "channel_code": channel_code,
                "after": after,
                "limit": limit,
                "only": None if only is None else list(only),
            },
        )
        return [_believed(row) for row in await cursor.fetchall()]


async def note_looks(conn: Conn, channel_code: str, looks: Sequence[Look]) -> set[str]:
    """Keeps what was seen; the references of those looks that still meant something."""
    parameters = {
        "channel_code": channel_code,
        "listing_refs": [look.listing_ref for look in looks],
        "observed": [look.observed_quantity for look in looks],
        "marks": [look.marks for look in looks],
        "moves": [look.moves for look in looks],
        "say_nothing": [look.says_nothing for look in looks],
        "suspects": [look.suspect for look in looks],
        "drifts": [look.drift for look in looks],
        "keeps_baseline": [look.keeps_baseline for look in looks],
    }
    async with conn.cursor(row_factory=scalar_row) as cursor:
        await cursor.execute(_NOTE_LOOKS, parameters)
        return {str(ref) for ref in await cursor.fetchall()}


async def repair(conn: Conn, channel_code: str, listing_refs: Sequence[str]) -> None:
    """These are pushed again at once, whatever was believed."""
    await conn.execute(_REPAIR, {"channel_code": channel_code, "listing_refs": list(listing_refs)})


async def observe(conn: Conn, channel_code: str, quantities: Mapping[str, int]) -> None:
    """What the channel shows, for people to see."""
    await conn.execute(
        _OBSERVE,
        {
            "channel_code": channel_code,
            "listing_refs": list(quantities),
            "quantities": list(quantities.values()),
        },
    )


@dataclass(frozen=True, slots=True)
class StatusFilter:
    """Which listings to show; empty means any."""

    channel_code: str = ""
    listing_refs: tuple[str, ...] | None = None
    sku_code: str = ""
    state: str = ""
    drifted_only: bool = False


async def list_statuses(
    conn: Conn, wanted: StatusFilter, after: tuple[str, str], limit: int
) -> list[ListingStatus]:
    """Figures on both sides, by channel and reference."""
    parameters = {
        "after_channel": after[0],
        "after_ref": after[1],
        "limit": limit,
        "channel_code": wanted.channel_code,
        "listing_refs": None if wanted.listing_refs is None else list(wanted.listing_refs),
        "sku_code": wanted.sku_code,
        "state": wanted.state,
        "drifted_only": wanted.drifted_only,
    }
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_LIST_STATUSES, parameters)
        return [_status(row) for row in await cursor.fetchall()]


async def count_states(conn: Conn, channel_code: str) -> list[StateCount]:
    """Listings of a channel by state."""
    cursor = await conn.execute(_COUNT_STATES, {"channel_code": channel_code})
    return [StateCount(*row) for row in await cursor.fetchall()]


def _due(row: Mapping[str, Any]) -> DueListing:
    return DueListing(
        listing_ref=row["listing_ref"],
        sku_code=row["sku_code"],
        rules=ListingRules(
            row["units_per_item"], row["buffer_quantity"], row["share_percent"], row["cap_quantity"]
        ),
        live=row["live"],
        pause_mode=PauseMode(row["pause_mode"]) if row["pause_mode"] else None,
        marks=row["marks"],
        failures_in_row=row["failures_in_row"],
    )


def _believed(row: Mapping[str, Any]) -> BelievedListing:
    belief = Belief(
        pushed=row["pushed"],
        at_rest=row["at_rest"],
        desired_quantity=row["desired_quantity"],
        confirmed_quantity=row["confirmed_quantity"],
        observed_quantity=row["observed_quantity"],
        items_ordered=row["items_ordered"],
        items_cancelled=row["items_cancelled"],
        suspect=row["suspect"],
    )
    return BelievedListing(
        row["listing_ref"], row["sku_code"], belief, row["marks"], row["moves"], row["parked"]
    )


_STATUS_COLUMNS = tuple(name for name in ListingStatus.__dataclass_fields__ if name != "reason")


def _status(row: Mapping[str, Any]) -> ListingStatus:
    reason = row["figure_reason"]
    return ListingStatus(
        **{name: row[name] for name in _STATUS_COLUMNS},
        reason=None if reason is None else FigureReason.from_json(reason),
    )
