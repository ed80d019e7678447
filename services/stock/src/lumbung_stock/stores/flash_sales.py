"""Flash sales and their escrow in Postgres."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import class_row, dict_row

from lumbung_kit.postgres import Conn
from lumbung_kit.sql import load
from lumbung_stock.domain.flash_sales import FlashSale, FlashSaleItem, FlashSaleState, shown_code
from lumbung_stock.domain.pools import whole
from lumbung_stock.domain.reckoning import Standing
from lumbung_stock.domain.resolve import CreditDue, EscrowChange
from lumbung_stock.stores.sku_seals import first_uses
from lumbung_stock.stores.waiting_rooms import insert_room, room_of

_SQL = load(__package__, "flash_sales.sql")

ERROR_LENGTH_MAX = 2_000

ItemKey = tuple[str, str]
"""(flash_sale_code, sku_code): items are locked in this order."""


@dataclass(frozen=True, slots=True)
class Credit:
    """Units given back in Postgres that the gate has not been told of: the hold keeps just `kept`, by SKU."""

    credit_id: int
    flash_sale_code: str
    reservation_id: UUID
    kept: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Extension:
    """Units added to a sale's or pool's escrow that its gate, under `epoch`, has not been told of."""

    extension_id: UUID
    flash_sale_code: str
    epoch: int
    sku_code: str
    quantity: int


async def insert_sale(conn: Conn, sale: FlashSale, actor: str) -> None:
    """Writes down a planned sale and its pools. A code that is taken: UniqueViolation of flash_sale_pkey."""
    await conn.execute(
        _SQL["insert_sale"],
        {
            "flash_sale_code": sale.flash_sale_code,
            "title": sale.title,
            "channel_codes": list(sale.channel_codes),
            "start_time": sale.start_time,
            "end_time": sale.end_time,
            "pool_count": sale.pool_count,
            "actor": actor,
        },
    )
    if sale.pools:
        codes = [pool.flash_sale_code for pool in sale.pools]
        await conn.execute(
            _SQL["insert_pools"], {"flash_sale_code": sale.flash_sale_code, "pool_codes": codes}
        )
    if sale.waiting_room is not None:
        await insert_room(conn, sale.flash_sale_code, sale.waiting_room)
    items = [(gated.flash_sale_code, item) for gated in sale.gated for item in gated.items]
    with first_uses():
        await conn.execute(
            _SQL["insert_items"],
            {
                "flash_sale_codes": [code for code, _ in items],
                "sku_codes": [item.sku_code for _, item in items],
                "warehouse_codes": [item.warehouse_code for _, item in items],
                "quotas": [item.quota for _, item in items],
                "limits": [item.limit_per_customer for _, item in items],
            },
        )


async def find_sales(conn: Conn, flash_sale_codes: Sequence[str]) -> dict[str, FlashSale]:
    """Sales with their items and pools, or pools by their own codes; unknown ones are absent."""
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_SQL["find_sales"], {"flash_sale_codes": list(flash_sale_codes)})
        rows = await cursor.fetchall()
    pools: dict[str, list[FlashSale]] = {}
    for row in rows:
        pools.setdefault(row["parent_code"], []).append(_sale(row))
    asked = set(flash_sale_codes)
    return {
        row["flash_sale_code"]: whole(_sale(row), pools.get(row["flash_sale_code"], ()))
        for row in rows
        if row["flash_sale_code"] in asked
    }


async def running_sales(conn: Conn) -> list[str]:
    """Sales and pools with a gate that are open or being closed."""
    cursor = await conn.execute(_SQL["running_sales"])
    return [row[0] async for row in cursor]


async def ended_sales(conn: Conn) -> list[str]:
    """Sales that are open although their end has passed, by Postgres' clock."""
    cursor = await conn.execute(_SQL["ended_sales"])
    return [row[0] async for row in cursor]


async def page_of_sales(conn: Conn, state: int, after_code: str, limit: int) -> list[str]:
    """Codes of sales, newest first, after one of them."""
    before: datetime | None = None
    if after_code:
        cursor = await conn.execute(_SQL["plan_time"], {"flash_sale_code": after_code})
        before = row[0] if (row := await cursor.fetchone()) else None
    cursor = await conn.execute(
        _SQL["page_of_sales"],
        {"state": state, "before_time": before, "before_code": after_code, "limit": limit},
    )
    return [row[0] async for row in cursor]


async def lock_sale(conn: Conn, flash_sale_code: str) -> tuple[FlashSaleState, int] | None:
    """Locks the sale until the transaction ends; its state and epoch, or None when there is no such sale."""
    cursor = await conn.execute(_SQL["lock_sale"], {"flash_sale_code": flash_sale_code})
    row = await cursor.fetchone()
    return (FlashSaleState(row[0]), row[1]) if row else None


async def lock_family(conn: Conn, flash_sale_code: str) -> dict[str, tuple[FlashSaleState, int]]:
    """Locks a sale and its pools until the transaction ends; (state, epoch) of each, in the order of their codes."""
    cursor = await conn.execute(_SQL["lock_family"], {"flash_sale_code": flash_sale_code})
    return {row[0]: (FlashSaleState(row[1]), row[2]) async for row in cursor}


async def lock_sales(conn: Conn, codes: Sequence[str]) -> dict[str, tuple[FlashSaleState, int]]:
    """Locks sales or pools until the transaction ends, in the order of their codes; (state, epoch) of each."""
    cursor = await conn.execute(_SQL["lock_sales"], {"flash_sale_codes": list(codes)})
    return {row[0]: (FlashSaleState(row[1]), row[2]) async for row in cursor}


async def lock_without_gate(conn: Conn, flash_sale_code: str) -> list[str]:
    """Locks a sale and its pools until the transaction ends; those of them that Postgres serves, in order."""
    cursor = await conn.execute(_SQL["lock_without_gate"], {"flash_sale_code": flash_sale_code})
    return [row[0] async for row in cursor]


async def go_without_gate(conn: Conn, flash_sale_code: str, seen_epoch: int) -> bool | None:
    """Has Postgres serve an open sale or pool, under a new epoch, or go on with that; whether it is new, None when the
    sale is not open or has another epoch."""
    parameters = {"flash_sale_code": flash_sale_code, "seen_epoch": seen_epoch}
    row = await (await conn.execute(_SQL["go_without_gate"], parameters)).fetchone()
    return bool(row[0]) if row else None


async def gate_missed_within(conn: Conn, flash_sale_code: str, seconds: float) -> bool:
    """Whether somebody has missed the gate in the last seconds, by Postgres' clock."""
    parameters = {"flash_sale_code": flash_sale_code, "seconds": seconds}
    return await _one(await conn.execute(_SQL["gate_missed_within"], parameters)) > 0


async def go_back_to_gate(conn: Conn, flash_sale_code: str) -> None:
    """Postgres no longer serves this locked sale or pool."""
    await conn.execute(_SQL["go_back_to_gate"], {"flash_sale_code": flash_sale_code})


async def limited_skus(conn: Conn, code: str) -> tuple[list[str], dict[str, int]]:
    """The pools of the sale that this pool belongs to, and the limit per customer of each SKU that has one."""
    parameters = {"flash_sale_code": code, "shown_code": shown_code(code)}
    row = await (await conn.execute(_SQL["limited_skus"], parameters)).fetchone()
    assert row is not None  # noqa: S101 - a SELECT of two expressions has one row
    return row[0], row[1]


async def bought(
    conn: Conn, codes: Sequence[str], customers: Sequence[str], sku_codes: Sequence[str]
) -> dict[tuple[str, str], int]:
    """What customers hold or have bought of SKUs in a sale or these pools, by (customer_reference, sku_code); nothing
    when the sale limits none of its SKUs."""
    if not customers:
        return {}
    parameters = {
        "flash_sale_codes": list(codes),
        "customers": list(customers),
        "sku_codes": list(sku_codes),
    }
    cursor = await conn.execute(_SQL["bought"], parameters)
    return {(row[0], row[1]): row[2] async for row in cursor}


async def lock_items(conn: Conn, keys: Sequence[ItemKey]) -> dict[ItemKey, FlashSaleItem]:
    """Locks items until the transaction ends."""
    ordered = sorted(set(keys))
    arrays = {"flash_sale_codes": [key[0] for key in ordered], "sku_codes": [key[1] for key in ordered]}
    cursor = await conn.execute(_SQL["lock_items"], arrays)
    return {(row[0], row[1]): FlashSaleItem(*row[1:]) async for row in cursor}


async def change_items(conn: Conn, changes: Sequence[EscrowChange]) -> None:
    """Books differences; flash_sale_item_never_oversold and _conserved bound them."""
    sums: dict[ItemKey, list[int]] = {}
    for change in changes:
        total = sums.setdefault((change.flash_sale_code, change.sku_code), [0, 0, 0, 0])
        parts = (change.quota, change.remaining, change.shipped, change.returned)
        for index, difference in enumerate(parts):
            total[index] += difference
    if not sums:
        return
    keys = sorted(sums)
    await conn.execute(
        _SQL["change_items"],
        {
            "flash_sale_codes": [key[0] for key in keys],
            "sku_codes": [key[1] for key in keys],
            "quota": [sums[key][0] for key in keys],
            "remaining": [sums[key][1] for key in keys],
            "shipped": [sums[key][2] for key in keys],
            "returned": [sums[key][3] for key in keys],
        },
    )


async def next_epoch(conn: Conn, flash_sale_code: str, state: FlashSaleState | None = None) -> int:
    """Fences off whoever works under the present epoch, and marks the gate as not armed."""
    parameters = {"flash_sale_code": flash_sale_code, "state": None if state is None else int(state)}
    cursor = await conn.execute(_SQL["next_epoch"], parameters)
    return await _one(cursor)


async def halt_open(conn: Conn) -> dict[str, int]:
    """Halts all open sales and pools; their new epochs by code."""
    cursor = await conn.execute(_SQL["halt_open"])
    return {row[0]: row[1] async for row in cursor}


async def resume(conn: Conn, flash_sale_code: str) -> None:
    """The sale, with its pools, is halted no more."""
    await conn.execute(_SQL["resume"], {"flash_sale_code": flash_sale_code})


async def close_sale(conn: Conn, flash_sale_code: str) -> None:
    """Closes a locked sale or pool, whose gate is left to be removed."""
    await conn.execute(_SQL["close_sale"], {"flash_sale_code": flash_sale_code})


async def gates_left(conn: Conn, limit: int) -> list[str]:
    """Closed sales and pools of which Valkey may still have something."""
    cursor = await conn.execute(_SQL["gates_left"], {"limit": limit})
    return [row[0] async for row in cursor]


async def note_removed(conn: Conn, flash_sale_code: str) -> None:
    """Valkey has nothing more of this closed sale or pool."""
    await conn.execute(_SQL["note_removed"], {"flash_sale_code": flash_sale_code})


async def close_parent(conn: Conn, flash_sale_code: str) -> None:
    """Closes a locked sale whose pools are all closed."""
    await conn.execute(_SQL["close_parent"], {"flash_sale_code": flash_sale_code})


async def set_armed(conn: Conn, flash_sale_code: str, epoch: int) -> None:
    """Notes that the gate is armed, unless somebody has begun a newer epoch."""
    await conn.execute(_SQL["set_armed"], {"flash_sale_code": flash_sale_code, "epoch": epoch})


async def insert_credits(conn: Conn, credits_due: Sequence[CreditDue]) -> None:
    """Remembers, in the change's own transaction, what the gate has to be told."""
    if not credits_due:
        return
    arrays = {
        "flash_sale_codes": [credit.flash_sale_code for credit in credits_due],
        "reservation_ids": [credit.reservation_id for credit in credits_due],
        "kept": [json.dumps(dict(credit.kept)) if credit.kept else None for credit in credits_due],
    }
    await conn.execute(_SQL["insert_credits"], arrays)


async def due_credits(conn: Conn, limit: int) -> list[Credit]:
    """The oldest credits that an armed gate, or that of a closed sale, has not been told of."""
    async with conn.cursor(row_factory=class_row(Credit)) as cursor:
        await cursor.execute(_SQL["due_credits"], {"limit": limit})
        return await cursor.fetchall()


async def delete_credits(conn: Conn, credit_ids: Sequence[int]) -> None:
    """Forgets credits that the gate has, or that nobody needs any more."""
    await conn.execute(_SQL["delete_credits"], {"credit_ids": list(credit_ids)})


async def standing(conn: Conn, flash_sale_code: str, hold_ids: Sequence[UUID]) -> Standing:
    """A sale's or pool's escrow, and which of these holds have a row, at one instant."""
    parameters = {"flash_sale_code": flash_sale_code, "hold_ids": list(hold_ids)}
    row = await (await conn.execute(_SQL["standing"], parameters)).fetchone()
    assert row is not None  # noqa: S101 - a SELECT of expressions has one row
    remaining, credits_due, additions, known = row
    return Standing(
        remaining=remaining,
        credits=[(UUID(hold), kept) for hold, kept in credits_due],
        additions=[(UUID(addition), sku, units) for addition, sku, units in additions],
        known=frozenset(known),
    )


async def insert_extensions(conn: Conn, extensions: Sequence[Extension], actor: str) -> None:
    """Remembers, in the change's own transaction, by how much the gates have to be extended."""
    arrays = {
        "extension_ids": [extension.extension_id for extension in extensions],
        "flash_sale_codes": [extension.flash_sale_code for extension in extensions],
        "sku_codes": [extension.sku_code for extension in extensions],
        "quantities": [extension.quantity for extension in extensions],
    }
    await conn.execute(_SQL["insert_extensions"], {**arrays, "actor": actor})


async def due_extensions(conn: Conn, limit: int) -> list[Extension]:
    """The oldest extensions that an armed gate has not been told of."""
    async with conn.cursor(row_factory=class_row(Extension)) as cursor:
        await cursor.execute(_SQL["due_extensions"], {"limit": limit})
        return await cursor.fetchall()


async def note_told(conn: Conn, extension_ids: Sequence[UUID]) -> None:
    """The gates have these extensions."""
    await conn.execute(_SQL["note_told"], {"extension_ids": list(extension_ids)})


async def note_all_told(conn: Conn, flash_sale_code: str) -> None:
    """The sale's gate is made anew out of what is free now, or it is removed: it need not be told of extensions."""
    await conn.execute(_SQL["note_all_told"], {"flash_sale_code": flash_sale_code})


async def park(conn: Conn, *, code: str, hold_id: str, entry: Mapping[str, str], error: str) -> None:
    """Puts a journal entry that cannot be committed aside, and owes the gate its units."""
    parameters = {
        "flash_sale_code": code,
        "reservation_id": _storable(hold_id),
        "entry": json.dumps({_storable(name): _storable(value) for name, value in entry.items()}),
    }
    await conn.execute(_SQL["park"], {**parameters, "error": _storable(error[:ERROR_LENGTH_MAX])})
    with suppress(ValueError):  # an entry without a hold took no units
        await insert_credits(conn, [CreditDue(code, UUID(hold_id))])


async def is_parked(conn: Conn, hold_id: UUID) -> bool:
    """Whether a journal entry with this hold was put aside."""
    return await _one(await conn.execute(_SQL["is_parked"], {"hold_id": str(hold_id)})) > 0


async def units_by_state(conn: Conn, flash_sale_code: str) -> dict[tuple[str, str, int], int]:
    """Units of the sale's SKUs in holds and in sales not shipped, by (warehouse_code, sku_code, state)."""
    cursor = await conn.execute(_SQL["units_by_state"], {"flash_sale_code": flash_sale_code})
    return {(row[0], row[1], row[2]): int(row[3]) async for row in cursor}


async def answers(conn: Conn, flash_sale_code: str) -> list[tuple[str, str, int]]:
    """How often each (reason, channel) was answered."""
    cursor = await conn.execute(_SQL["answers"], {"flash_sale_code": flash_sale_code})
    return [(row[0], row[1], row[2]) async for row in cursor]


def _storable(text: str) -> str:
    """Postgres takes every character but one."""
    return text.replace("\0", "\\0")


async def _one(cursor: Any) -> int:
    row = await cursor.fetchone()
    return int(row[0])


def _sale(row: Mapping[str, Any]) -> FlashSale:
    return FlashSale(
        flash_sale_code=row["flash_sale_code"],
        title=row["title"],
        state=FlashSaleState(row["state"]),
        channel_codes=tuple(row["channel_codes"]),
        start_time=row["start_time"],
        end_time=row["end_time"],
        epoch=row["epoch"],
        gate_armed=row["gate_armed"],
        items=tuple(FlashSaleItem(*item) for item in row["items"] or ()),
        pool_count=row["pool_count"],
        halted_since=row["halted_since"],
        on_postgres_since=row["on_postgres_since"],
        waiting_room=room_of(row) if row["admission_order"] else None,
    )
