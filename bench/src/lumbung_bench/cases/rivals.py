"""Ordinary sale, Postgres alone, beside what a team would write first and one row per unit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from lumbung_bench import names, reservations
from lumbung_bench.cases.unary import on_sale
from lumbung_bench.contenders import Contender, Load
from lumbung_bench.contestants.rival_server import rival
from lumbung_bench.contestants.stock_service import SKUS, stock_service
from lumbung_bench.rounds import Comparison
from lumbung_bench.stage import Stage

BATCH = 64
BATCHES_IN_FLIGHT = 8
SOLD_OUT_UNITS = 300


@asynccontextmanager
async def _rivals(stage: Stage, lines: int, skus: int) -> AsyncIterator[list[Contender]]:
    carts = reservations.carts(lines, skus)
    unary = Load(reservations.unary(carts), carts)
    batch = Load(
        reservations.batch(carts, BATCH),
        [carts[each % len(carts)] for each in range(BATCH)],
        path=reservations.BATCH_RESERVE,
        form="batch",
        in_flight=BATCHES_IN_FLIGHT,
    )
    async with (
        rival(stage, "for-update", skus=skus) as for_update,
        rival(stage, "skip-locked", skus=skus) as skip_locked,
        stock_service(stage, "stock, ordinary", skus=skus, sale=False) as ordinary,
        stock_service(stage, "stock, on sale", skus=skus) as ours,
    ):
        yield [
            Contender(names.FOR_UPDATE, for_update, unary),
            Contender(names.SKIP_LOCKED, skip_locked, unary),
            Contender(names.ORDINARY, ordinary.server, unary),
            Contender(names.ORDINARY_BATCH, ordinary.server, batch),
            Contender(names.DURABLE, ours.server, on_sale(carts)),
        ]


@asynccontextmanager
async def _sold_out(stage: Stage) -> AsyncIterator[list[Contender]]:
    carts, units = reservations.carts(1, 1), SOLD_OUT_UNITS
    ask = Load(reservations.unary(carts), carts, calls_max=5 * units)
    ask_on_sale = Load(on_sale(carts).templates, carts, calls_max=5 * units)
    async with (
        rival(stage, "for-update", skus=1, units=units) as for_update,
        rival(stage, "skip-locked", skus=1, units=units) as skip_locked,
        stock_service(stage, "stock, ordinary", skus=1, units=units, sale=False) as ordinary,
        stock_service(stage, "stock, on sale", skus=1, units=units) as ours,
    ):
        yield [
            Contender(names.FOR_UPDATE, for_update, ask),
            Contender(names.SKIP_LOCKED, skip_locked, ask),
            Contender(names.ORDINARY, ordinary.server, ask),
            Contender(names.DURABLE, ours.server, ask_on_sale),
        ]


CASES = [
    Comparison(
        "rivals-1-line", "1 line, the same SKU for all, 64 in flight", partial(_rivals, lines=1, skus=1)
    ),
    Comparison(
        "rivals-3-lines",
        "3 lines, the same 3 SKUs for all, 64 in flight",
        partial(_rivals, lines=3, skus=3),
    ),
    Comparison(
        "rivals-spread",
        f"3 lines over {SKUS} SKUs, 64 in flight",
        partial(_rivals, lines=3, skus=SKUS),
    ),
    Comparison(
        "sell-out",
        f"{SOLD_OUT_UNITS} units, {5 * SOLD_OUT_UNITS} buyers, 64 at a time: how many are promised",
        _sold_out,
        rounds_max=1,
        measure_s_min=30.0,
    ),
]
