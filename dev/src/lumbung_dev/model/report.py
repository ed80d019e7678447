"""The search as a command: what was looked at, and how every known trap snaps shut."""

from __future__ import annotations

from rich.console import Console

from lumbung_dev.model.sale_protocol import Bounds, Variant
from lumbung_dev.model.search import TooManyWorldsError, search

SAFE = (
    ("two callers for one unit, a crash", Bounds(committers=1, attempts=1, recoveries=0)),
    ("two callers for one unit, a recovery", Bounds(committers=1, attempts=1, crashes=0)),
    ("one caller who asks twice, a crash, a recovery", Bounds(requests=1, committers=1)),
    (
        "one caller who asks for the same hold again, a recovery",
        Bounds(requests=1, committers=1, crashes=0, same_hold=True),
    ),
    ("two callers for one unit, a crash, a recovery", Bounds(committers=1, attempts=1)),
    ("two callers for two units, a recovery", Bounds(units=2, attempts=1, committers=1, crashes=0)),
    (
        "two crashes, two recoveries, one after the other",
        Bounds(requests=1, committers=1, crashes=2, recoveries=2),
    ),
    ("two recoveries at once", Bounds(requests=1, committers=1, recoverers=2, recoveries=2)),
    ("two committers, a crash, a recovery", Bounds(requests=1)),
    (
        "two callers for one unit, Postgres alone and back",
        Bounds(committers=1, attempts=1, crashes=0, fallbacks=1),
    ),
    (
        "one caller who asks twice, a crash, Postgres alone and back",
        Bounds(requests=1, committers=1, fallbacks=1),
    ),
    (
        "Postgres alone twice, and two who bring the sale back",
        Bounds(requests=1, committers=1, crashes=0, fallbacks=2, recoverers=2, recoveries=2),
    ),
)
"""Worlds that keep every promise, smallest first."""

_SAME_HOLD = Bounds(requests=1, committers=1, crashes=0, same_hold=True)
_SMALL = Bounds(committers=1)
_QUIET = Bounds(committers=1, crashes=0)
_ALONE = Bounds(committers=1, attempts=1, crashes=0, fallbacks=1)
_ONE = Bounds(requests=1, committers=1)
_SLOW_RECOVERERS = Bounds(requests=1, attempts=1, committers=1, recoverers=2, recoveries=3, crashes=0)

BREAKS_WITHIN = dict.fromkeys(Variant, _SMALL) | {
    Variant.DEDUPE_BY_POSITION: Bounds(committers=1, attempts=1),
    Variant.NO_EPOCH_FENCE: _ONE,
    Variant.FREEZE_WITHOUT_EPOCH: _SLOW_RECOVERERS,
    Variant.RECOVER_WITHOUT_DRAIN: _QUIET,
    Variant.BLIND_CREDIT: _QUIET,
    Variant.CREDIT_ANY_EPOCH: Bounds(requests=1, committers=1, crashes=0),
    Variant.NO_CREDIT_FOR_SECOND_GRANT: Bounds(requests=1, committers=1, crashes=0),
    Variant.NO_CREDIT_UNDER_THE_SAME_ID: _SAME_HOLD,
    Variant.COMMIT_BEFORE_ARMED: _ONE,
    Variant.ALONE_WITHOUT_EPOCH: _ALONE,
    Variant.DECIDE_WHOEVER_SERVES: _ALONE,
    Variant.SELL_WHILE_INSTALLING: _ALONE,
    Variant.COME_BACK_WITHOUT_DRAIN: _ALONE,
}
"""A world in which each trap snaps shut."""


def show(console: Console, worlds_max: int) -> bool:
    """Searches all of them and prints what was found; whether all went as it should."""
    as_it_should = True
    console.print("[bold]The protocol, in every order of its steps[/bold]")
    for name, bounds in SAFE:
        try:
            finding = search(bounds, worlds_max=worlds_max)
        except TooManyWorldsError as too_many:
            console.print(f"  {name}: {too_many}, not looked at to the end")
            continue
        as_it_should &= not finding.broken
        console.print(f"  {name}: {finding}", style="red" if finding.broken else None)
    console.print("\n[bold]With one guard left out[/bold]")
    for variant in Variant:
        finding = search(BREAKS_WITHIN[variant], variant)
        as_it_should &= bool(finding.broken)
        console.print(f"  [bold]{variant.value}[/bold]: {finding}", style=None if finding.broken else "red")
    return as_it_should
