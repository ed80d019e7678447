"""`lumbung day`: a day in the warehouse, against the real services and on paper."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from lumbung.fulfillment.v1 import couriers_pb2
from lumbung.stock.v1 import flash_sales_pb2, inventory_pb2
from lumbung_dev.chaos.words import Language
from lumbung_dev.day import report
from lumbung_dev.day.checks import Evening, look
from lumbung_dev.day.clock import Clock
from lumbung_dev.day.first_come import FirstCome, Walk
from lumbung_dev.day.floor import shelves
from lumbung_dev.day.lumbung import SALE_CODE, Callers, Lumbung
from lumbung_dev.day.people import Day
from lumbung_dev.day.script import HOUR, OPENS_S, Script, write
from lumbung_dev.day.service_clock import ServiceClock, prepare_with_clock
from lumbung_dev.day.words import say
from lumbung_dev.demo.stage import Stage
from lumbung_dev.local.addresses import Addresses
from lumbung_dev.local.checkout import DATA
from lumbung_dev.local.patience import patiently
from lumbung_dev.local.services import Services
from lumbung_dev.local.system import LocalSystem, Plan, local_system, remove_files
from lumbung_dev.shop import warehouse
from lumbung_dev.shop.goods import FLASH_SKU
from lumbung_dev.shop.load import (
    LINES_PER_RECEIPT,
    chunks,
    load_catalogue,
    load_couriers,
    load_stock,
    load_warehouse,
)
from lumbung_dev.shop.outlets import COURIERS, WEBSITE
from lumbung_dev.shop.stocking import opening_stock

_WINDOW_S = 10.0
"""People who would do something within so long of each other do it side by side."""
_LAG_S = 60.0
_TOLD_EVERY_S = HOUR


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line said."""

    orders: int
    seed: int
    lang: Language = Language.EN
    summary: Path | None = None
    keep: bool = False


async def perform(options: Options, stage: Stage) -> bool:
    """Plays the day, looks at everything in the evening, plays it on paper. True when every promise was kept."""
    script = write(options.seed, options.orders)
    run = secrets.token_hex(3)
    plan = Plan(
        folder=DATA / f"day-{run}",
        addresses=Addresses.any_free(),
        database=f"lumbung_{run}",
        trace_ratio=0.0,
        prepare=prepare_with_clock,
        leaves_nothing=not options.keep,
    )
    with stage.act(say(options.lang, "starting")):
        async with local_system(plan, stage.say) as system:
            begun = time.monotonic()
            house, evening = await _live(script, options, stage, system)
            wall_s = time.monotonic() - begun
    columns = [("lumbung", report.result(script, house.tally))]
    with stage.act(say(options.lang, "paper")):
        columns += [
            (walk.value, report.result(script, (await on_paper(script, walk)).house.tally)) for walk in Walk
        ]
    stage.console.print(report.table(options.lang, columns))
    stage.console.print(report.findings_table(evening, options.lang))
    if options.summary:
        found = report.as_json(script, house.tally, columns, evening, wall_s)
        options.summary.write_text(json.dumps(found, indent=2))
    if evening.kept and not options.keep:
        remove_files(system)
    else:
        stage.console.print(say(options.lang, "logs", path=plan.logs))
    return evening.kept


async def on_paper(script: Script, walk: Walk) -> Day:
    """The same day, first come, first served. Paper does not die."""
    script = replace(script, pickers=tuple(replace(worker, dies_s=None) for worker in script.pickers))
    house = FirstCome(script, walk)

    async def tell(now_s: float) -> None:
        """Nobody has to be told."""

    day = Day(script, house, Clock(OPENS_S, tell), shelves(script.opening(), script.missing))
    await day.play()
    return day


async def _live(
    script: Script, options: Options, stage: Stage, system: LocalSystem
) -> tuple[Lumbung, Evening]:
    async with AsyncExitStack() as stack:
        callers = Callers(
            await stack.enter_async_context(system.client("storefront:web")),
            await stack.enter_async_context(system.client("terminal:floor")),
            await stack.enter_async_context(system.client("staff:rina")),
        )
        await _open(script, callers.staff)
        _tell_who_comes(script, options.lang, stage)
        service_clock = await ServiceClock.open(system.servers.postgres_url, system.plan.database, _LAG_S)
        stack.push_async_callback(service_clock.close)
        house = Lumbung(callers, service_clock)
        teller = _Teller(stage, options.lang, house)

        async def tell(now_s: float) -> None:
            await service_clock.tell(now_s)
            teller.hear(now_s)

        clock = Clock(OPENS_S, tell, _WINDOW_S)
        day = Day(script, house, clock, shelves(script.opening(), script.missing))
        begun = time.monotonic()
        with stage.act(say(options.lang, "day")):
            await day.play()
        hours = (clock.now_s - OPENS_S) / HOUR
        stage.say(say(options.lang, "done", hours=hours, seconds=time.monotonic() - begun))
        with stage.act(say(options.lang, "evening")):
            return house, await look(script, house, day.shelves, system.runner.unasked_deaths)


@dataclass(slots=True)
class _Teller:
    """Says each hour how far the day is."""

    stage: Stage
    lang: Language
    house: Lumbung
    next_s: float = OPENS_S

    def hear(self, now_s: float) -> None:
        if now_s < self.next_s:
            return
        self.next_s = now_s - now_s % _TOLD_EVERY_S + _TOLD_EVERY_S
        tally = self.house.tally
        self.stage.say(
            say(
                self.lang,
                "time",
                clock=f"{int(now_s // 3600) % 24:02}:{int(now_s // 60) % 60:02}",
                sold=len(tally.sold),
                packed=len(tally.packed_s),
                left=len(tally.left_s),
                tours=tally.tours,
                km=tally.walked_m / 1000,
            )
        )


def _tell_who_comes(script: Script, lang: Language, stage: Stage) -> None:
    opening = script.opening()
    stage.say(
        say(lang, "opening", bins=len(opening), units=sum(opening.values()), missing=len(script.missing))
    )
    stage.say(
        say(
            lang,
            "cast",
            orders=len(script.orders),
            pickers=len(script.pickers),
            packers=len(script.packers),
            couriers=len(COURIERS),
            sale=sum(order.on_sale for order in script.orders),
            quota=script.quota,
        )
    )


async def _open(script: Script, staff: Services) -> None:
    """Goods, bins, stock enough for the day, couriers, the team, and the sale."""
    await load_catalogue(staff)
    await load_warehouse(staff)
    await load_stock(staff)
    for receipt in _more_stock(script):
        await patiently(staff.inventory.ReceiveStock, receipt)
    await load_couriers(staff)
    await patiently(staff.couriers.SetTeam, _team(script))
    await patiently(staff.flash_sales.PlanFlashSale, _sale(script))
    opened = flash_sales_pb2.OpenFlashSaleRequest(request_id="day:open-sale", flash_sale_code=SALE_CODE)
    await patiently(staff.flash_sales.OpenFlashSale, opened)


def _more_stock(script: Script) -> Iterator[inventory_pb2.ReceiveStockRequest]:
    """What the day needs beyond what the shop has."""
    there = {(lot.bin_code, lot.sku_code): lot.quantity for lot in opening_stock()}
    lines = [
        inventory_pb2.ReceiptLine(
            sku_code=sku_code, bin_code=bin_code, quantity=units - there[bin_code, sku_code]
        )
        for (bin_code, sku_code), units in script.opening().items()
        if units > there[bin_code, sku_code]
    ]
    for number, some in enumerate(chunks(lines, LINES_PER_RECEIPT), start=1):
        yield inventory_pb2.ReceiveStockRequest(
            request_id=f"day:receipt:{number}",
            warehouse_code=warehouse.CODE,
            document=f"PO-HARI-{number:02}",
            lines=some,
        )


def _team(script: Script) -> couriers_pb2.SetTeamRequest:
    """As a shop would say it: rounded means."""
    pickers = script.pickers
    mean = {
        name: sum(getattr(worker, name) for worker in pickers) / len(pickers)
        for name in ("per_line_s", "per_cart_s", "speed_mps")
    }
    return couriers_pb2.SetTeamRequest(
        request_id="day:team",
        team=couriers_pb2.Team(
            warehouse_code=warehouse.CODE,
            picker_count=len(pickers),
            packer_count=len(script.packers),
            per_line=Duration(seconds=round(mean["per_line_s"])),
            per_cart=Duration(seconds=round(mean["per_cart_s"])),
            per_pack=Duration(
                seconds=round(sum(worker.per_pack_s for worker in script.packers) / len(script.packers))
            ),
            walk_speed_mps=round(mean["speed_mps"], 2),
        ),
    )


def _sale(script: Script) -> flash_sales_pb2.PlanFlashSaleRequest:
    """By stock's own clock, which is not the day's: it lasts as long as the day is played."""
    now = time.time()
    return flash_sales_pb2.PlanFlashSaleRequest(
        request_id="day:plan-sale",
        flash_sale_code=SALE_CODE,
        title="Obral kilat pukul satu",
        items=[
            flash_sales_pb2.FlashSaleItem(
                sku_code=FLASH_SKU, warehouse_code=warehouse.CODE, quota=script.quota, limit_per_customer=1
            )
        ],
        channel_codes=[WEBSITE],
        start_time=Timestamp(seconds=int(now)),
        end_time=Timestamp(seconds=int(now + 4 * HOUR)),
    )
