"""`plan-waves` and `draw-wave`, for `lumbung` and for `python -m lumbung_dev.waves`, which loads nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from lumbung_dev.chaos.words import Language
from lumbung_dev.local.trouble import Trouble
from lumbung_dev.waves import pickwave
from lumbung_dev.waves.words import more_percent, say

if TYPE_CHECKING:
    from lumbung_dev.waves.plan import FilePlan

# The planner loads a compiler, which takes a second: only who plans or draws waits for it.

_INSTANCE = "A pickwave/1 file."
_BUDGET_S_MAX = 3600.0

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
Lang = Annotated[Language, typer.Option(help="English or Bahasa Indonesia.")]


@app.command("plan-waves")
def plan_waves(
    instance: Annotated[Path, typer.Argument(help=_INSTANCE)],
    out: Annotated[Path, typer.Argument(help="The plan, as JSON.")],
    budget_s: Annotated[
        float, typer.Option(min=0.0, max=_BUDGET_S_MAX, help="Seconds to search at the most.")
    ] = 1.0,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same plan.")] = 1,
    lang: Lang = Language.EN,
) -> None:
    """Which orders share a cart, which cart goes first, and its picks in walking order."""
    from lumbung_dev.waves.plan import plan
    from lumbung_fulfillment.domain.planner.warm import warm_up

    console = Console(stderr=True, highlight=False)
    try:
        asked = pickwave.read(instance)
        lines = sum(len(order.lines) for order in asked.orders)
        console.print(say(lang, "planning", orders=len(asked.orders), lines=lines))
        warm_up()
        made = plan(asked, budget_s, seed)
        _write(made, out)
    except Trouble as trouble:
        _give_up(console, trouble)
    for line in _told(made, lang):
        console.print(line)
    console.print(say(lang, "written", path=out))


@app.command("draw-wave")
def draw_wave(
    instance: Annotated[Path, typer.Argument(help=_INSTANCE)],
    planned: Annotated[Path, typer.Argument(help="A plan of it, as plan-waves writes it.")],
    out: Annotated[Path, typer.Argument(help="The picture, as SVG.")],
    cart: Annotated[int, typer.Option(min=1, help="Which of its carts, from 1.")] = 1,
    lang: Lang = Language.EN,
) -> None:
    """A picture of one cart's walk, and what first come and S-shape would have walked."""
    from lumbung_dev.waves import draw

    console = Console(stderr=True, highlight=False)
    try:
        asked = pickwave.read(instance)
        carts = draw.read_plan(planned, asked, lang)
        picture = draw.drawn(asked, carts, cart, lang)
        _write_text(out, picture)
    except Trouble as trouble:
        _give_up(console, trouble)
    for line in draw.told(asked, carts, cart, lang):
        console.print(line)
    console.print(say(lang, "written", path=out))


def _give_up(console: Console, trouble: Trouble) -> None:
    console.print(str(trouble), style="red", markup=False)
    raise typer.Exit(1)


def _write(made: FilePlan, path: Path) -> None:
    try:
        made.write(path)
    except OSError as error:
        raise Trouble(f"{path} cannot be written: {error.strerror}") from None


def _write_text(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Trouble(f"{path} cannot be written: {error.strerror}") from None


def _told(made: FilePlan, lang: Language) -> list[str]:
    """The plan's figures beside those of the usual ways."""
    walk = made.walk_m
    lines = [say(lang, "planned", carts=len(made.carts), walk=walk, seconds=made.seconds)]
    if made.was_hurried:
        lines.append(say(lang, "hurried"))
    for name, other in (("first_come", made.first_come_m), ("first_come_s_shape", made.first_come_s_shape_m)):
        lines.append(say(lang, name, walk=other, more=more_percent(other, walk)))
    if made.lateness and made.due_first_lateness:
        kept, due = made.lateness, made.due_first_lateness
        lines.append(
            say(lang, "late", late=kept.late_orders, minutes=kept.tardiness_min, makespan=kept.makespan_min)
        )
        lines.append(
            say(lang, "due_first", late=due.late_orders, minutes=due.tardiness_min, walk=made.due_first_m)
        )
    if made.left_out:
        lines.append(say(lang, "left_out", orders=", ".join(made.left_out[:10])))
    return lines
