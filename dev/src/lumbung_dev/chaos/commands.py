"""`lumbung chaos`: seeds, one after the other, and what came of them."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from lumbung_dev.chaos import report
from lumbung_dev.chaos.schedule import Run, run


@dataclass(frozen=True, slots=True)
class Options:
    """What to do, and where to write of it."""

    seed: int
    minutes: float
    runs: int
    page: Path | None
    figures: Path | None


async def chaos(options: Options, console: Console) -> bool:
    """Runs seed, seed + 1, ...; whether every promise was kept in all of them."""
    runs: list[Run] = []
    for seed in range(options.seed, options.seed + options.runs):
        console.print(f"[bold]seed {seed}[/], {options.minutes:g} minutes")
        folder = Path(tempfile.mkdtemp(prefix="lumbung-chaos-"))
        folder.chmod(0o755)  # noqa: ASYNC240 - nothing else runs yet
        done = await run(seed, options.minutes, folder, lambda said: console.print(f"  {said}", markup=False))
        runs.append(done)
        if done.content:
            shutil.rmtree(folder)
        else:
            console.print(f"[red]files and logs are kept in {folder}")
        _write(options, runs)
    report.show(console, runs)
    return all(each.content for each in runs)


def _write(options: Options, runs: list[Run]) -> None:
    if options.page is not None:
        options.page.write_text(report.markdown(runs, options.minutes))
    if options.figures is not None:
        options.figures.write_text(report.as_json(runs))
