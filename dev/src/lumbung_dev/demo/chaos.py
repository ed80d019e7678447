"""A service is killed in the middle of the sale and started again."""

from __future__ import annotations

import time
from dataclasses import dataclass

from lumbung_dev.demo.diary import Ending
from lumbung_dev.demo.play import Play
from lumbung_dev.local.patience import eventually

_SOLD_BEFORE = 0.25
"""Share of the quota."""
_WAIT_S_MAX = 60.0


@dataclass(frozen=True, slots=True)
class Mishap:
    """What happened to the service."""

    service: str
    sold_before: int
    down_s: float


async def kill_and_revive(play: Play) -> Mishap | None:
    """SIGKILL once enough has been sold that there is something to lose; then a new process on the same data."""
    if not play.chaos:
        return None

    async def something_to_lose() -> int | None:
        sold = sum(1 for _ in play.diary.ended(Ending.SOLD))
        return sold if sold >= _SOLD_BEFORE * play.cast.quota else None

    sold = await eventually(
        something_to_lose, "there is something to lose", within_s=_WAIT_S_MAX, every_s=0.01
    )
    begun = time.monotonic()
    await play.system.runner.kill(play.chaos)
    await play.system.runner.start(play.chaos)
    mishap = Mishap(play.chaos, sold, time.monotonic() - begun)
    play.stage.say(
        f"[yellow]{play.chaos} was killed after {sold} sales and is back after {mishap.down_s:.1f} s"
    )
    return mishap
