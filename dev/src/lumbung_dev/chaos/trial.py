"""One fault under load: what was promised, what was seen, and how long until units were given again."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from lumbung_dev.chaos.buyers import Buyers
from lumbung_dev.chaos.checker import Truth, Verdict, check
from lumbung_dev.chaos.history import History
from lumbung_dev.chaos.world import PATIENCE_S, World

WARM_UP_ANSWERS = 30

Play = Callable[[World, Buyers], Awaitable[None]]
"""Does the damage, and returns when it is over; calls `world.hurt()` when recovery begins to count."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one fault."""

    verdict: Verdict
    recovery_s: float
    surprises: tuple[str, ...]


async def try_out(world: World, play: Play, seed: int) -> Finding:
    """Buyers before, during and after the fault; then everything is counted."""
    history = History()
    buyers = Buyers(world, history, seed)
    async with buyers.shopping():
        await buyers.more(WARM_UP_ANSWERS)
        await world.reach_valkey()
        world.hurt()
        await play(world, buyers)
        recovery_s = await buyers.until_held_since(world.hurt_at_s)
        await buyers.more(WARM_UP_ANSWERS)
    truth = await settle(world, buyers)
    return Finding(check(history, truth), recovery_s, tuple(buyers.surprises))


async def settle(world: World, buyers: Buyers) -> Truth:
    """Everything is bought that Postgres says is free: what nobody can be given within a minute has leaked.

    One unit more must be refused then, or the gate gives what is not there. The units are given back at the end, for
    whoever comes next.
    """
    until_s = time.time() + PATIENCE_S
    bought = []
    while True:
        while (remaining := await world.remaining()) and time.time() < until_s:
            bought.append(await buyers.reserve(remaining))
        await buyers.reserve(1)
        truth = await world.truth()
        if not truth.remaining or time.time() > until_s:
            break
    for held in bought:
        if held.told == "HELD":
            await buyers.release(held)
    return truth
