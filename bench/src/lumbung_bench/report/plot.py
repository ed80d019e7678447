"""Rates of all contenders as one picture: a dot for the median, a line from the lowest round to the highest."""

from __future__ import annotations

import math
from collections.abc import Sequence

import svg

from lumbung_bench import names
from lumbung_bench.results import CaseResult, Results, Spread

WIDTH, LEFT, RIGHT = 900, 330, 110
ROW, HEAD, TOP, BOTTOM = 20, 30, 24, 30
OURS, OTHERS, INK, FAINT = "#0f766e", "#94a3b8", "#1e293b", "#e2e8f0"
_FONT = "system-ui, sans-serif"


class _Axis:
    """Reservations a second, on a logarithmic scale."""

    def __init__(self, rates: Sequence[float]) -> None:
        self.low = math.floor(math.log10(min(rates)))
        self.high = max(self.low + 1, math.ceil(math.log10(max(rates))))

    def x(self, rate: float) -> float:
        share = (math.log10(rate) - self.low) / (self.high - self.low)
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    def ticks(self) -> list[int]:
        return [10**power for power in range(self.low, self.high + 1)]


def draw(results: Results) -> str:
    """An SVG; empty when nothing was compared."""
    cases = [case for case in results.cases.values() if case.samples]
    rates = [sample.rate_per_s for case in cases for runs in case.samples.values() for sample in runs]
    rates = [rate for rate in rates if rate > 0]
    if not rates:
        return ""
    axis, at = _Axis(rates), float(TOP)
    elements: list[svg.Element] = []
    for case in cases:
        elements += _case(case, axis, at)
        at += HEAD + ROW * len(case.samples)
    height = at + BOTTOM
    background = svg.Rect(x=0, y=0, width=WIDTH, height=height, fill="white")
    view_box = svg.ViewBoxSpec(0, 0, WIDTH, height)
    drawing = svg.SVG(viewBox=view_box, elements=[background, *_grid(axis, height), *elements])
    return drawing.as_str() + "\n"


def _grid(axis: _Axis, height: float) -> list[svg.Element]:
    elements: list[svg.Element] = []
    for tick in axis.ticks():
        x = axis.x(tick)
        elements.append(svg.Line(x1=x, x2=x, y1=TOP, y2=height - BOTTOM + 6, stroke=FAINT, stroke_width=1))
        elements.append(_text(x, height - 10, f"{tick:,}/s", anchor="middle", size=11))
    return elements


def _case(case: CaseResult, axis: _Axis, top: float) -> list[svg.Element]:
    elements: list[svg.Element] = [_text(12, top + HEAD - 12, case.title, weight="600")]
    for row, (name, samples) in enumerate(case.samples.items()):
        spread = Spread.of([sample.rate_per_s for sample in samples])
        elements += _dot(name, spread, axis, top + HEAD + row * ROW + ROW / 2)
    return elements


def _dot(name: str, spread: Spread, axis: _Axis, y: float) -> list[svg.Element]:
    colour = OURS if names.is_ours(name) else OTHERS
    label = _text(LEFT - 12, y + 4, name, anchor="end", size=12)
    if spread.median <= 0:
        return [label]
    low, high = axis.x(max(spread.low, 1e-3)), axis.x(spread.high)
    return [
        label,
        svg.Line(x1=low, x2=high, y1=y, y2=y, stroke=colour, stroke_width=3, stroke_linecap="round"),
        svg.Circle(cx=axis.x(spread.median), cy=y, r=5, fill=colour),
        _text(high + 10, y + 4, f"{spread.median:,.0f}", size=11),
    ]


def _text(
    x: float, y: float, words: str, *, anchor: str = "start", size: int = 13, weight: str = "400"
) -> svg.Text:
    return svg.Text(
        x=x,
        y=y,
        text=words,
        fill=INK,
        font_family=_FONT,
        font_size=size,
        font_weight=weight,  # type: ignore[arg-type]
        text_anchor=anchor,  # type: ignore[arg-type]
    )
