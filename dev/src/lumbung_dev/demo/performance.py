"""The demo from the first server to the last table."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from lumbung_dev.demo.act1_opening import open_the_shop
from lumbung_dev.demo.act2_sale import hold_the_sale
from lumbung_dev.demo.act3_waves import plan_the_waves
from lumbung_dev.demo.act4_floor import walk_the_waves
from lumbung_dev.demo.act5_second_thoughts import change_minds
from lumbung_dev.demo.act6_parcels import send_the_parcels
from lumbung_dev.demo.act7_return import take_one_back
from lumbung_dev.demo.cast import cast
from lumbung_dev.demo.diary import Diary
from lumbung_dev.demo.marketplaces import MarketplaceShop
from lumbung_dev.demo.play import Play
from lumbung_dev.demo.promises import Finding
from lumbung_dev.demo.reckoning import reckon
from lumbung_dev.demo.stage import Stage
from lumbung_dev.demo.summary import Story, as_json, closing_table
from lumbung_dev.demo.trail import follow
from lumbung_dev.local.addresses import Addresses
from lumbung_dev.local.checkout import DATA
from lumbung_dev.local.system import LocalSystem, Plan, local_system, remove_files
from lumbung_dev.local.traces import TraceCollector
from lumbung_dev.shop.outlets import MARKETPLACES


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line said."""

    seed: int
    chaos: str = ""
    keep: bool = False
    folder: Path | None = None
    summary: Path | None = None


async def perform(options: Options, stage: Stage) -> bool:
    """Plays everything, stops everything, shows what came of it. True when every promise was kept."""
    run = secrets.token_hex(3)
    with TraceCollector() as collector:
        plan = Plan(
            folder=options.folder or DATA / f"demo-{run}",
            addresses=Addresses.any_free(),
            database=f"lumbung_demo_{run}",
            otlp_endpoint=collector.endpoint,
            leaves_nothing=not options.keep,
        )
        try:
            return await _perform(options, stage, plan, run, collector)
        except BaseException:
            stage.console.print(f"\n[red]The demo did not come to its end.[/] The logs are in {plan.logs}")
            raise


async def _perform(options: Options, stage: Stage, plan: Plan, run: str, collector: TraceCollector) -> bool:
    with stage.act("Lumbung starts"):
        async with local_system(plan, stage.say) as system:
            story = await _play(options, stage, system, run, collector)
            pids = system.pids()
    afterwards = (_nothing_is_left(pids),)
    stage.console.print(closing_table(story, afterwards, stage.elapsed_s))
    if options.summary:
        options.summary.write_text(json.dumps(as_json(story, afterwards, stage.elapsed_s), indent=2))
    kept = not story.reckoning.broken and all(finding.kept for finding in afterwards)
    if kept and not options.keep:
        remove_files(system)
    else:
        stage.console.print(f"The logs are in {plan.logs}")
    return kept


async def _play(
    options: Options, stage: Stage, system: LocalSystem, run: str, collector: TraceCollector
) -> Story:
    async with AsyncExitStack() as stack:
        play = Play(
            system=system,
            stage=stage,
            cast=cast(options.seed),
            diary=(diary := Diary()),
            collector=collector,
            run=run,
            strangers=frozenset(),
            chaos=options.chaos,
            staff=await stack.enter_async_context(system.client("staff:rina")),
            storefront=await stack.enter_async_context(system.client("storefront:web")),
            shops={
                each.code: await stack.enter_async_context(
                    MarketplaceShop(each, system.account(each).base_url, diary)
                )
                for each in MARKETPLACES
            },
        )
        return await _tell_the_story(play)


async def _tell_the_story(play: Play) -> Story:
    act = play.stage.act
    with act("1. The shop opens"):
        await open_the_shop(play)
    with act("2. 2,000 buyers come for 500 power banks"):
        sale = await hold_the_sale(play)
    with act("3. Orders become waves"):
        waves = await plan_the_waves(play)
    with act("4. Two people walk"):
        walks = await walk_the_waves(play, waves)
    with act("5. Two buyers change their minds"):
        cancellations = await change_minds(play, walks)
    with act("6. Parcels"):
        parcels = await send_the_parcels(play)
    with act("7. One comes back"):
        homecoming = await take_one_back(play, parcels)
    with act("8. The reckoning"):
        trail = await follow(play, parcels)
        reckoning = await reckon(play)
    return Story(
        play.cast.seed,
        play.cast.quota,
        play.diary,
        sale,
        waves,
        walks,
        cancellations,
        parcels,
        homecoming,
        trail,
        reckoning,
    )


def _nothing_is_left(pids: Mapping[str, int]) -> Finding:
    alive = [f"{name} (process {pid})" for name, pid in pids.items() if _is_alive(pid)]
    detail = "; ".join(alive) if alive else f"{len(pids)} processes ended"
    return Finding("nothing is left running", not alive, detail)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
