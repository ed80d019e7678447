"""Channels in Postgres: what a person set, whether the platform can be called, what agreed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from psycopg.rows import class_row, dict_row, scalar_row

from lumbung_channel_sync.domain.channels import Channel, ChannelSpec, Health, PauseMode, Platform, Stage
from lumbung_channel_sync.domain.drift import Agreement, Compared, Count, Disagreement, Finding, Judgement
from lumbung_kit import sql
from lumbung_kit.postgres import Conn

_SQL = sql.load(__package__, "channels.sql")
_INSERT = _SQL["insert_channel"]
_INSERT_SIDE_ROWS = _SQL["insert_channel_side_rows"]
_COUNT = _SQL["count_channels"]
_UPDATE = _SQL["update_channel"]
_SET_PAUSE_MODE = _SQL["set_pause_mode"]
_SET_STAGE = _SQL["set_stage"]
_GET = _SQL["get_channel"]
_LIST = _SQL["list_channels"]
_GET_HEALTH = _SQL["get_health"]
_NOTE_SUCCESS = _SQL["note_success"]
_NOTE_TROUBLE = _SQL["note_trouble"]
_FORGIVE = _SQL["forgive"]
_IS_CALLABLE = _SQL["is_callable"]
_GET_AGREEMENT = _SQL["get_agreement"]
_ADD_AGREEMENT = _SQL["add_agreement"]
_RESET_AGREEMENT = _SQL["reset_agreement"]
_ADD_DISAGREEMENTS = _SQL["add_disagreements"]
_TRIM_DISAGREEMENTS = _SQL["trim_disagreements"]
_LIST_DISAGREEMENTS = _SQL["list_disagreements"]


async def insert(
    conn: Conn, channel_code: str, platform: Platform, spec: ChannelSpec, actor: str
) -> Channel | None:
    """The new channel, in stage SHADOW; None when its code is taken."""
    row = await _one(
        conn,
        _INSERT,
        {"channel_code": channel_code, "platform": platform.value, "actor": actor, **asdict(spec)},
    )
    if row is not None:
        await conn.execute(_INSERT_SIDE_ROWS, {"channel_code": channel_code})
    return row


async def count(conn: Conn) -> int:
    """How many there are."""
    async with conn.cursor(row_factory=scalar_row) as cursor:
        await cursor.execute(_COUNT)
        return int(await cursor.fetchone() or 0)


async def update(
    conn: Conn, channel_code: str, row_version: int, spec: ChannelSpec, actor: str
) -> Channel | None:
    """The channel with its new spec; None when it is unknown or `row_version` is not its newest."""
    keys = {"channel_code": channel_code, "row_version": row_version, "actor": actor}
    return await _one(conn, _UPDATE, {**keys, **asdict(spec)})


async def set_pause_mode(conn: Conn, channel_code: str, mode: PauseMode | None, actor: str) -> Channel | None:
    """The channel with its new pause mode; None when it is unknown."""
    value = mode.value if mode else None
    return await _one(
        conn, _SET_PAUSE_MODE, {"channel_code": channel_code, "pause_mode": value, "actor": actor}
    )


async def set_stage(conn: Conn, channel_code: str, old: Stage, new: Stage, actor: str) -> Channel | None:
    """The channel in its new stage, counting anew; None when it is not in `old`."""
    keys = {"channel_code": channel_code, "from_stage": old.value, "to_stage": new.value, "actor": actor}
    changed = await _one(conn, _SET_STAGE, keys)
    if changed is not None:
        await conn.execute(_RESET_AGREEMENT, {"channel_code": channel_code})
    return changed


async def get(conn: Conn, channel_code: str) -> Channel | None:
    """One channel."""
    return await _one(conn, _GET, {"channel_code": channel_code})


async def list_page(conn: Conn, after: str, limit: int) -> list[Channel]:
    """Channels whose code comes after `after`."""
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_LIST, {"after": after, "limit": limit})
        return [_channel(row) for row in await cursor.fetchall()]


async def get_health(conn: Conn, channel_code: str) -> Health:
    """Whether the platform can be called."""
    async with conn.cursor(row_factory=class_row(Health)) as cursor:
        await cursor.execute(_GET_HEALTH, {"channel_code": channel_code})
        return await cursor.fetchone() or Health(0, "", "", None, None)


async def forgive(conn: Conn, channel_code: str) -> None:
    """The platform may be called at once, unless it has named a time itself."""
    await conn.execute(_FORGIVE, {"channel_code": channel_code})


async def is_callable(conn: Conn, channel_code: str) -> bool:
    """Whether the platform may be called now."""
    async with conn.cursor(row_factory=scalar_row) as cursor:
        await cursor.execute(_IS_CALLABLE, {"channel_code": channel_code})
        return bool(await cursor.fetchone())


async def note_success(conn: Conn, channel_code: str, elapsed_s: float) -> None:
    """The platform answered a call that began `elapsed_s` ago."""
    await conn.execute(_NOTE_SUCCESS, {"channel_code": channel_code, "elapsed_s": elapsed_s})


async def note_trouble(conn: Conn, channel_code: str, reason: str, message: str, delay_s: float) -> None:
    """The platform could not be called; nothing is sent before `delay_s` has passed."""
    await conn.execute(
        _NOTE_TROUBLE,
        {"channel_code": channel_code, "reason": reason, "message": message, "delay_s": delay_s},
    )


async def get_agreement(conn: Conn, channel_code: str) -> Agreement:
    """What agreed since the stage began."""
    cursor = await conn.execute(_GET_AGREEMENT, {"channel_code": channel_code})
    numbers = await cursor.fetchone() or (0,) * 6
    return Agreement(Count(*numbers[0:2]), Count(*numbers[2:4]), Count(*numbers[4:6]))


async def list_disagreements(conn: Conn, channel_code: str) -> list[Disagreement]:
    """The newest fifty."""
    async with conn.cursor(row_factory=class_row(Disagreement)) as cursor:
        await cursor.execute(_LIST_DISAGREEMENTS, {"channel_code": channel_code})
        return await cursor.fetchall()


@dataclass(frozen=True, slots=True)
class JudgedListing:
    """One listing, looked at."""

    listing_ref: str
    sku_code: str
    judgement: Judgement
    observed_quantity: int


async def count_judgements(conn: Conn, channel_code: str, judged: Sequence[JudgedListing]) -> None:
    """Adds what was compared to the stage's counts, and keeps what disagreed."""
    counts = {f"{kind}_{what}": 0 for kind in _COUNT_NAMES.values() for what in ("compared", "agreed")}
    differing: list[JudgedListing] = []
    for one in judged:
        if one.judgement.finding in (Finding.AGREES, Finding.DIFFERS):
            name = _COUNT_NAMES[one.judgement.compared]
            counts[f"{name}_compared"] += 1
            counts[f"{name}_agreed"] += one.judgement.finding is Finding.AGREES
        if one.judgement.finding is Finding.DIFFERS:
            differing.append(one)
    if any(counts.values()):
        await conn.execute(_ADD_AGREEMENT, {"channel_code": channel_code, **counts})
    if differing:
        await _keep(conn, channel_code, differing)


_COUNT_NAMES = {
    Compared.FIGURE: "figures",
    Compared.DECREMENT: "decrements",
    Compared.CANCELLATION: "cancellations",
}


async def _keep(conn: Conn, channel_code: str, differing: Sequence[JudgedListing]) -> None:
    await conn.execute(
        _ADD_DISAGREEMENTS,
        {
            "channel_code": channel_code,
            "listing_refs": [one.listing_ref for one in differing],
            "sku_codes": [one.sku_code for one in differing],
            "kinds": [one.judgement.compared.value for one in differing],
            "expected": [one.judgement.expected_quantity for one in differing],
            "observed": [one.observed_quantity for one in differing],
        },
    )
    await conn.execute(_TRIM_DISAGREEMENTS, {"channel_code": channel_code})


async def _one(conn: Conn, statement: str, parameters: Mapping[str, object]) -> Channel | None:
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(statement, parameters)
        row = await cursor.fetchone()
    return None if row is None else _channel(row)


def _channel(row: Mapping[str, Any]) -> Channel:
    return Channel(
        channel_code=row["channel_code"],
        platform=Platform(row["platform"]),
        spec=ChannelSpec(
            title=row["title"],
            base_url=row["base_url"],
            secret_reference=row["secret_reference"],
            account_reference=row["account_reference"],
            max_requests_per_second=row["max_requests_per_second"],
        ),
        stage=Stage(row["stage"]),
        stage_begin_time=row["stage_begin_time"],
        pause_mode=PauseMode(row["pause_mode"]) if row["pause_mode"] else None,
        row_version=row["row_version"],
        create_time=row["create_time"],
        update_time=row["update_time"],
    )
