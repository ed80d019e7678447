"""The simulation as a command: many seeds, and the whole story of the first that breaks a promise."""

from __future__ import annotations

import logging
import time

import structlog
from rich.console import Console
from rich.progress import track

from lumbung_dev.simulation.schedule import Story, play


def show(console: Console, first_seed: int, seeds: int) -> bool:
    """Plays the seeds in their order; whether every promise was kept."""
    silence()
    started = time.perf_counter()
    numbers = range(first_seed, first_seed + seeds)
    requests = 0
    for seed in track(numbers, "Schedules", console=console, disable=not console.is_terminal):
        story = play(seed)
        requests += story.requests
        if story.broken:
            tell(console, story)
            return False
    took_s = time.perf_counter() - started
    console.print(
        f"{seeds:,} schedules from seed {first_seed}, {requests:,} requests, every promise kept "
        f"({seeds / took_s * 60:,.0f} schedules a minute)"
    )
    return True


def tell(console: Console, story: Story) -> None:
    """What happened, in its order, and how to see it again."""
    console.print(
        f"[red]Seed {story.seed} breaks a promise[/red]; the same again: "
        f"make simulate ARGS='--first-seed {story.seed} --seeds 1'"
    )
    for line in (*story.diary, *story.broken):
        console.print(f"  {line}", markup=False)


def silence() -> None:
    """The services' own words about faults that are meant are no news."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
