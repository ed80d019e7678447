"""Starts a rival on a database of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal

import psycopg

from lumbung_bench.contenders import Server
from lumbung_bench.contestants.rival import URL_VARIABLE
from lumbung_bench.reservations import REQUEST_PREFIX, sku
from lumbung_bench.stage import Stage

Design = Literal["for-update", "skip-locked"]
UNITS = 1_000_000
"""Of each SKU, where a counter says so."""
ROWS, ROWS_OF_A_SKU_MIN = 240_000, 5_000
"""A row per unit has its price before the first sale too: so many rows over all SKUs, enough for a run."""


@dataclass(frozen=True, slots=True)
class RivalBooks:
    """What a rival has in Postgres."""

    url: str
    stock: Mapping[str, int]

    async def held(self) -> set[str]:
        async with await psycopg.AsyncConnection.connect(self.url) as conn:
            rows = await conn.execute(
                "SELECT request_id FROM reservation WHERE request_id LIKE %s", [REQUEST_PREFIX + "%"]
            )
            return {request_id async for (request_id,) in rows}


@asynccontextmanager
async def rival(stage: Stage, design: Design, *, skus: int, units: int = 0) -> AsyncIterator[Server]:
    """A running rival with `units` of each SKU."""
    name = f"rival {design}"
    stage.tell(f"starting {name}")
    url = await stage.empty_database()
    units = units or (UNITS if design == "for-update" else max(ROWS_OF_A_SKU_MIN, ROWS // skus))
    goods = {sku(number): units for number in range(skus)}
    await _fill(url, design, goods)
    target = await stage.serve(
        name, "lumbung_bench.contestants.rival", {URL_VARIABLE: url}, "{address}", design
    )
    try:
        yield Server(name, target, RivalBooks(url, goods))
    finally:
        await stage.end(name)
        await stage.drop_database(url)


async def _fill(url: str, design: Design, goods: Mapping[str, int]) -> None:
    schema = files(__package__).joinpath("rivals.sql").read_text(encoding="utf-8")
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as conn:
        await conn.execute(schema)
        columns = (list(goods), list(goods.values()))
        if design == "for-update":
            await conn.execute(
                "INSERT INTO stock SELECT * FROM unnest(%s::text[], %s::bigint[])",
                columns,
            )
        else:
            await conn.execute(
                "INSERT INTO unit (sku_code)"
                " SELECT code FROM unnest(%s::text[], %s::bigint[]) AS goods (code, units),"
                " LATERAL generate_series(1, units)",
                columns,
            )
        await conn.execute("ANALYZE")
        await conn.execute("CHECKPOINT")
