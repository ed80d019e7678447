"""The loss drill: a sale, the loss of what its gate stands on, and an account of what became of every promise."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from rich.console import Group, RenderableType
from rich.text import Text

from lumbung_dev.chaos import rows
from lumbung_dev.chaos.buyers import Buyers
from lumbung_dev.chaos.checker import Promise, Verdict, check
from lumbung_dev.chaos.history import History, Verb
from lumbung_dev.chaos.timeline import COLUMN_S, picture, rates
from lumbung_dev.chaos.trial import Play, settle
from lumbung_dev.chaos.words import WORDS, Language
from lumbung_dev.chaos.world import World, open_world
from lumbung_dev.demo.stage import Stage

BUYERS = 16
COLUMNS_BEFORE = 20
COLUMNS_AFTER = 20
PROMISES = {
    "P1": (Promise.OVERSOLD,),
    "P2": (Promise.LOST_CONFIRM, Promise.LOST_HOLD),
    "P3": (Promise.CHANGED_ANSWER,),
    "P4": (Promise.LEAKED,),
    "P7": (Promise.TWO_WINNERS,),
}


class Loss(StrEnum):
    """What is lost."""

    DATA = "data"
    KILL = "kill"
    TRUNCATE = "truncate"


PLAYS: dict[Loss, Play] = {
    Loss.DATA: rows.data_gone,
    Loss.KILL: rows.valkey_killed,
    Loss.TRUNCATE: rows.tail_lost,
}


@dataclass(frozen=True, slots=True)
class Options:
    """Which drill, and in whose words."""

    loss: Loss
    language: Language
    seed: int


@dataclass(slots=True)
class Drill:
    """One drill while it goes on."""

    world: World
    buyers: Buyers
    history: History
    words: dict[str, str]
    loss: str
    begun_s: float
    lost_s: float | None = None
    back_s: float | None = None
    ended_s: float | None = None

    def picture(self) -> RenderableType:
        """Holds a second until now, or until the end."""
        end_s = self.ended_s or time.time()
        held = {each.request_id: each.answered_s for each in self.history.told(Verb.RESERVE, "HELD")}
        columns = rates(list(held.values()), self.begun_s, end_s)
        parts: list[RenderableType] = [
            Text(self.words["picture"], "dim"),
            picture(columns, self._column(self.lost_s), self._column(self.back_s)),
        ]
        if self.lost_s is not None:
            parts.append(Text(self.words["now"].format(loss=self.loss), "bold red"))
        if self.lost_s is not None and self.back_s is not None:
            back = self.words["back"].format(seconds=self.back_s - self.lost_s)
            parts.append(Text(back, "bold cyan"))
        return Group(*parts)

    def _column(self, moment_s: float | None) -> int | None:
        return None if moment_s is None else int((moment_s - self.begun_s) / COLUMN_S)


async def perform(options: Options, stage: Stage) -> bool:
    """Plays the drill; whether every promise was kept."""
    words = WORDS[options.language]
    loss = words[options.loss]
    stage.console.print(f"\n[bold]{words['title'].format(loss=loss)}[/]\n")
    stage.console.print(f"[dim]{words['promises']}[/]")
    for promise in PROMISES:
        stage.console.print(f"  {promise}  {words[promise]}")
    stage.console.print()
    folder = Path(tempfile.mkdtemp(prefix="lumbung-drill-"))
    folder.chmod(0o755)  # noqa: ASYNC240 - nothing else runs yet
    stage.say(words["starting"])
    async with open_world(folder) as world:
        verdict, seconds = await _drill(world, options, words, loss, stage)
    _account(stage, words, verdict)
    if verdict.content:
        stage.console.print(f"\n[bold green]{words['good'].format(seconds=seconds)}[/]")
        shutil.rmtree(folder)
    else:
        stage.console.print(f"\n[bold red]{words['bad'].format(folder=folder)}[/]")
    return verdict.content


async def _drill(
    world: World, options: Options, words: dict[str, str], loss: str, stage: Stage
) -> tuple[Verdict, float]:
    history = History()
    buyers = Buyers(world, history, options.seed, count=BUYERS, rest_s=0.02)
    drill = Drill(world, buyers, history, words, loss, time.time())
    stage.say(words["selling"].format(buyers=BUYERS))
    async with buyers.shopping():
        await buyers.more(BUYERS)
        drill.begun_s = time.time()
        with stage.moving(drill.picture):
            await asyncio.sleep(COLUMNS_BEFORE * COLUMN_S)
            drill.lost_s = time.time()
            world.hurt()
            await PLAYS[options.loss](world, buyers)
            drill.back_s = world.hurt_at_s + await buyers.until_held_since(world.hurt_at_s)
            await asyncio.sleep(COLUMNS_AFTER * COLUMN_S)
            drill.ended_s = time.time()
    seconds = drill.back_s - drill.lost_s
    stage.say(words["again"].format(seconds=seconds))
    stage.say(words["counting"])
    return check(history, await settle(world, buyers)), seconds


def _account(stage: Stage, words: dict[str, str], verdict: Verdict) -> None:
    told = words["told"].format(holds=verdict.acknowledged_holds, confirms=verdict.acknowledged_confirms)
    stage.console.print(f"\n{told}\n")
    for name, promises in PROMISES.items():
        broken = [breach.what for breach in verdict.breaches if breach.promise in promises]
        said = words["broken"].format(what="; ".join(broken[:3])) if broken else words["kept"]
        stage.console.print(f"  {name}  {words[name]}: {said}")
