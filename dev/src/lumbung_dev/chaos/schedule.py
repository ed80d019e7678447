"""A seeded run: faults from the matrix one after the other under load, and one reckoning at the end; then those that
need a world of their own, a few in each run, so that a handful of runs has seen them all."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lumbung_dev.chaos.buyers import Buyers
from lumbung_dev.chaos.checker import Promise, Verdict, check
from lumbung_dev.chaos.history import History
from lumbung_dev.chaos.rows import ROWS, Row, UnexpectedError
from lumbung_dev.chaos.special import SPECIAL_ROWS, SpecialRow
from lumbung_dev.chaos.trial import settle, try_out
from lumbung_dev.chaos.world import Setting, World, open_world
from lumbung_dev.local.patience import Waited

HOLD_S = 30
"""Short, so that holds expire all the time."""
REST_S = 0.04
CLUSTER_SHARE = 0.3
CALM_ANSWERS = 30
SPECIAL_EACH = 2
"""Rows with a world of their own in one run."""


@dataclass(frozen=True, slots=True)
class Played:
    """One fault of a run."""

    row: Row | SpecialRow
    recovery_s: float
    unexpected: str = ""
    """What the system did instead of what the row promises."""


@dataclass(slots=True)
class Run:
    """What came of a seed."""

    seed: int
    played: list[Played] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    surprises: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    """Rows that this machine has no tool for."""

    @property
    def content(self) -> bool:
        """Whether every promise was kept, and every row's own too."""
        return (
            all(verdict.content for verdict in self.verdicts)
            and not any(played.unexpected for played in self.played)
            and not self.surprises
        )

    def units(self, *promises: Promise) -> int:
        """Units that these promises were broken for."""
        return sum(verdict.units(*promises) for verdict in self.verdicts)

    def breaches(self, *promises: Promise) -> int:
        """How often these promises were broken."""
        return sum(each.promise in promises for verdict in self.verdicts for each in verdict.breaches)

    @property
    def holds(self) -> int:
        """Acknowledged."""
        return sum(verdict.acknowledged_holds for verdict in self.verdicts)

    @property
    def confirms(self) -> int:
        """Acknowledged."""
        return sum(verdict.acknowledged_confirms for verdict in self.verdicts)


async def run(seed: int, minutes: float, folder: Path, tell: Callable[[str], None]) -> Run:
    """The faults of this seed, first on a single Valkey, then on a cluster."""
    done = Run(seed)
    for on_cluster, share in ((False, 1 - CLUSTER_SHARE), (True, CLUSTER_SHARE)):
        place = folder / f"seed-{seed}-{'cluster' if on_cluster else 'single'}"
        async with open_world(place, Setting(cluster=on_cluster)) as world:
            rows = [row for row in ROWS if row.on_cluster is on_cluster]
            await _trouble(world, done, rows, share * minutes * 60, tell)
    for special in of_seed(seed):
        await _special(done, special, folder / f"seed-{seed}-row-{special.number}", tell)
    return done


def of_seed(seed: int) -> list[SpecialRow]:
    """The special rows of this run: seeds in a row go through all of them in turn."""
    first = seed * SPECIAL_EACH
    return [SPECIAL_ROWS[place % len(SPECIAL_ROWS)] for place in range(first, first + SPECIAL_EACH)]


async def _special(done: Run, row: SpecialRow, folder: Path, tell: Callable[[str], None]) -> None:
    if missing := row.missing():
        done.left_out.append(f"row {row.number}, {row.fault}: {missing}")
        tell(done.left_out[-1])
        return
    folder.mkdir(mode=0o755)  # noqa: ASYNC240 - nothing else runs now
    async with row.open(folder) as world:
        finding = await try_out(world, row.play, done.seed + row.number)
    done.played.append(Played(row, finding.recovery_s))
    done.verdicts.append(finding.verdict)
    done.surprises += finding.surprises
    tell(f"row {row.number:2}  {row.fault}: {finding.recovery_s:.1f} s")


async def _trouble(
    world: World, done: Run, rows: Sequence[Row], seconds: float, tell: Callable[[str], None]
) -> None:
    history = History()
    buyers = Buyers(world, history, done.seed, ttl_s=HOLD_S, rest_s=REST_S)
    until_s = time.monotonic() + seconds
    async with buyers.shopping():
        for row in _order(rows, random.Random(f"{done.seed}:{rows[0].on_cluster}")):
            if time.monotonic() > until_s:
                break
            await buyers.more(CALM_ANSWERS)
            played = await _play(world, buyers, row)
            done.played.append(played)
            tell(f"row {row.number:2}  {row.fault}: {played.unexpected or f'{played.recovery_s:.1f} s'}")
    tell("reckoning")
    truth = await settle(world, buyers)
    done.verdicts.append(check(history, truth))
    done.surprises += buyers.surprises


async def _play(world: World, buyers: Buyers, row: Row) -> Played:
    await world.reach_valkey()
    world.hurt()
    try:
        await row.play(world, buyers)
        return Played(row, await buyers.until_held_since(world.hurt_at_s))
    except (UnexpectedError, Waited, TimeoutError) as unexpected:
        what = str(unexpected) or "it did not come to an end"
        return Played(row, await buyers.until_held_since(world.hurt_at_s), what)


def _order(rows: Sequence[Row], chance: random.Random) -> Iterator[Row]:
    """Every row in any order, then all of them in another, without an end."""
    while True:
        yield from chance.sample(rows, len(rows))
