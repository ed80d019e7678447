"""Holds over time as a picture of blocks, with the loss and the recovery marked below."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.text import Text

_BLOCKS = " ▁▂▃▄▅▆▇█"
COLUMN_S = 0.25
HEIGHT = 8


def rates(moments_s: Sequence[float], begin_s: float, end_s: float) -> list[float]:
    """Events a second, column by column."""
    columns = max(1, math.ceil((end_s - begin_s) / COLUMN_S))
    counts = [0] * columns
    for moment_s in moments_s:
        column = int((moment_s - begin_s) / COLUMN_S)
        if 0 <= column < columns:
            counts[column] += 1
    return [count / COLUMN_S for count in counts]


def picture(columns: Sequence[float], lost: int | None, back: int | None) -> Text:
    """`lost` and `back` are the columns of the loss and of the recovery: what lies between is red."""
    top = max([*columns, 1.0])
    drawn = Text()
    for level in range(HEIGHT, 0, -1):
        drawn.append(
            f"{top * level / HEIGHT:7.0f} ┤" if level in (HEIGHT, HEIGHT // 2) else "        │", "dim"
        )
        for number, rate in enumerate(columns):
            drawn.append(_block(rate / top * HEIGHT - (level - 1)), _colour(number, lost, back))
        drawn.append("\n")
    drawn.append("      0 └" + "─" * len(columns) + "\n", "dim")
    drawn.append("         " + _marks(len(columns), lost, back), "bold")
    return drawn


def _block(filled: float) -> str:
    return _BLOCKS[max(0, min(8, round(filled * 8)))]


def _colour(number: int, lost: int | None, back: int | None) -> str:
    if lost is None or number < lost:
        return "green"
    return "red" if back is None or number < back else "cyan"


def _marks(columns: int, lost: int | None, back: int | None) -> str:
    row = [" "] * columns
    for at, mark in ((lost, "▲"), (back, "△")):
        if at is not None and 0 <= at < columns:
            row[at if row[at] == " " else min(columns - 1, at + 1)] = mark
    return "".join(row)
