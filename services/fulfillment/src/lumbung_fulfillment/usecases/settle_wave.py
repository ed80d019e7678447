"""Settle what a change of its tasks makes of a wave: it goes on, or it is over."""

from __future__ import annotations

from dataclasses import dataclass

from lumbung_fulfillment.domain.waves import LIVE, Wave, WaveState, WaveTask
from lumbung_fulfillment.stores import clock, journal, tasks, waves
from lumbung_kit import telemetry
from lumbung_kit.postgres import Conn

_done = telemetry.counter("waves_done", "Waves that were picked, by whether before their pickup", ["on_time"])


@dataclass(frozen=True, slots=True)
class WaveProgress:
    """The next open task, none when the wave is over; and the count of changes."""

    next_task: WaveTask | None
    revision: int

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to pick."""
        return self.next_task is None


async def settle_wave(conn: Conn, wave: Wave) -> WaveProgress:
    """The wave is locked. One that nobody ever began and that has nothing left is cancelled, not done."""
    next_task = await tasks.next_open(conn, wave.wave_id)
    if next_task is not None or wave.state not in LIVE:
        return WaveProgress(next_task, await waves.touch(conn, wave.wave_id))
    if wave.start_time is None:
        await waves.finish(conn, wave.wave_id, WaveState.CANCELLED)
        await journal.wave_cancelled(conn, wave, [])
    else:
        await waves.finish(conn, wave.wave_id, WaveState.DONE)
        await journal.wave_done(conn, wave.wave_id, wave.warehouse_code)
        is_on_time = wave.pickup_time is None or await clock.now(conn) <= wave.pickup_time
        _done.labels("yes" if is_on_time else "no").inc()
    return WaveProgress(None, await waves.touch(conn, wave.wave_id))
