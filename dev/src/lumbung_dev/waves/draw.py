"""Draws a cart's walk: the aisles, the stops in order, the way between them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from lumbung_dev.chaos.words import Language
from lumbung_dev.local.trouble import Trouble
from lumbung_dev.waves.pickwave import Instance
from lumbung_dev.waves.words import more_percent, say
from lumbung_fulfillment.domain.batching import first_come
from lumbung_fulfillment.domain.cart import Capacity, Job
from lumbung_fulfillment.domain.layout import Layout, Stop
from lumbung_fulfillment.domain.routing import s_shape_walk_m, walk_m

_WIDTH = 1000.0
_MARGIN = 50.0
_FLOOR_HEIGHT_MAX = 700.0
_LINE_HEIGHT = 22.0

_Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class CartOfPlan:
    """One cart as a plan's file has it."""

    order_ids: tuple[str, ...]
    picks: tuple[str, ...]


def read_plan(path: Path, instance: Instance, lang: Language) -> list[CartOfPlan]:
    """The carts of a plan of this instance. Raises Trouble."""
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
        carts = [CartOfPlan(tuple(cart["orders"]), tuple(cart["picks"])) for cart in content["carts"]]
    except OSError as error:
        raise Trouble(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise Trouble(f"{path} is no plan: {error}") from None
    orders = {order.order_id for order in instance.orders}
    for cart in carts:
        strangers = [*(set(cart.order_ids) - orders), *(set(cart.picks) - set(instance.stops))]
        if strangers:
            raise Trouble(say(lang, "other_instance", what=", ".join(sorted(strangers)[:3])))
    return carts


def drawn(instance: Instance, carts: Sequence[CartOfPlan], number: int, lang: Language) -> str:
    """One cart's walk as SVG, `number` counted from 1. Raises Trouble when there is no such cart."""
    if not 1 <= number <= len(carts):
        raise Trouble(say(lang, "no_cart", carts=len(carts), cart=number))
    return _Sheet(instance, carts, number, lang).svg()


def told(instance: Instance, carts: Sequence[CartOfPlan], number: int, lang: Language) -> list[str]:
    """What is said of the walk: its length, and what other ways would have walked."""
    layout = instance.layout
    cart = carts[number - 1]
    stops = _stops(instance, cart)
    walk = layout.walk_m(stops)
    by_id = {job.order_id: job for job in instance.jobs()}
    alone = sum(walk_m(layout, tuple(by_id[order_id].stops)) for order_id in cart.order_ids)
    s_shape = s_shape_walk_m(layout, stops)
    plain = first_come(list(by_id.values()), Capacity(units=instance.capacity_units, totes=0, picks=0))
    heading = say(
        lang,
        "title",
        cart=number,
        carts=len(carts),
        orders=len(cart.order_ids),
        lines=len(cart.picks),
        walk=walk,
    )
    return [
        heading,
        say(lang, "walk_s_shape", walk=s_shape, more=more_percent(s_shape, walk)),
        say(lang, "walk_alone", walk=alone, more=more_percent(alone, walk)),
        say(
            lang,
            "all_carts",
            carts=len(carts),
            walk=sum(layout.walk_m(_stops(instance, other)) for other in carts),
            plain=sum(walk_m(layout, _stops_of(jobs)) for jobs in plain),
            s_shape=sum(s_shape_walk_m(layout, _stops_of(jobs)) for jobs in plain),
        ),
    ]


def _stops(instance: Instance, cart: CartOfPlan) -> list[Stop]:
    """The stops in the order in which the picks meet them, each once."""
    return list(dict.fromkeys(instance.stops[pick] for pick in cart.picks))


def _stops_of(jobs: Sequence[Job]) -> tuple[Stop, ...]:
    return tuple({stop for job in jobs for stop in job.stops})


def way(layout: Layout, stops: Sequence[Stop]) -> list[_Point]:
    """The points of the shortest walk from the depot through the stops in this order and back, in metres."""
    depot = (layout.depot_x, layout.cross_aisle_y[0])
    points = [depot]
    places = [depot, *((layout.aisle_x[stop.aisle], stop.y) for stop in stops), depot]
    for (x, y), (further_x, further_y) in pairwise(places):
        if x != further_x:
            across = min(layout.cross_aisle_y, key=lambda at: (abs(y - at) + abs(further_y - at), at))
            points += [(x, across), (further_x, across)]
        points.append((further_x, further_y))
    return [point for point, before in zip(points, [None, *points], strict=False) if point != before]


@dataclass(frozen=True, slots=True)
class _Sheet:
    """One drawing; metres become units of the picture by `_scale`, and the front is at the bottom."""

    instance: Instance
    carts: Sequence[CartOfPlan]
    number: int
    lang: Language

    @property
    def _span(self) -> _Point:
        layout = self.instance.layout
        xs = [*layout.aisle_x, layout.depot_x]
        return max(1.0, max(xs) - min(xs)), layout.cross_aisle_y[-1] - layout.cross_aisle_y[0]

    @property
    def _scale(self) -> float:
        width, height = self._span
        return min((_WIDTH - 2 * _MARGIN) / width, _FLOOR_HEIGHT_MAX / height)

    @property
    def _floor_height(self) -> float:
        return self._span[1] * self._scale

    def _at(self, point: _Point) -> _Point:
        layout = self.instance.layout
        left = min(*layout.aisle_x, layout.depot_x)
        x = _MARGIN + (point[0] - left) * self._scale
        y = _MARGIN + self._floor_height - (point[1] - layout.cross_aisle_y[0]) * self._scale
        return round(x, 1), round(y, 1)

    def svg(self) -> str:
        lines = told(self.instance, self.carts, self.number, self.lang)
        height = self._floor_height + 2 * _MARGIN + (len(lines) + 1) * _LINE_HEIGHT
        body = "\n".join([*self._floor(), *self._way(), *self._marks(), *self._legend(lines)])
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH:.0f} {height:.0f}" '
            f'font-family="sans-serif" font-size="12" role="img" aria-label={quoteattr(lines[0])}>\n'
            f'<rect width="100%" height="100%" fill="#fff"/>\n{body}\n</svg>\n'
        )

    def _floor(self) -> Iterator[str]:
        layout = self.instance.layout
        front, back = layout.cross_aisle_y[0], layout.cross_aisle_y[-1]
        ends = min(*layout.aisle_x, layout.depot_x), max(*layout.aisle_x, layout.depot_x)
        for y in layout.cross_aisle_y:
            yield self._line((ends[0], y), (ends[1], y), "#e3e3e3", 8)
        for number, x in enumerate(layout.aisle_x, start=1):
            yield self._line((x, front), (x, back), "#eeeeee", 14)
            at = self._at((x, back))
            label = escape(say(self.lang, "aisle", number=number))
            yield f'<text x="{at[0]}" y="{at[1] - 14}" text-anchor="middle" fill="#777" font-size="9">{label}</text>'

    def _line(self, here: _Point, there: _Point, colour: str, width: float) -> str:
        (x, y), (further_x, further_y) = self._at(here), self._at(there)
        return (
            f'<line x1="{x}" y1="{y}" x2="{further_x}" y2="{further_y}" stroke="{colour}" '
            f'stroke-width="{width}" stroke-linecap="round"/>'
        )

    def _way(self) -> Iterator[str]:
        """Each piece a little to the right of the one who walks it, so that both directions can be seen."""
        yield (
            '<defs><marker id="to" viewBox="0 0 6 6" refX="3" refY="3" markerWidth="4" markerHeight="4" orient="auto">'
            '<path d="M0 0 L6 3 L0 6 z" fill="#c2410c"/></marker></defs>'
        )
        points = way(self.instance.layout, _stops(self.instance, self.carts[self.number - 1]))
        for here, there in pairwise(points):
            (x, y), (further_x, further_y) = self._at(here), self._at(there)
            right_x = 3.0 * ((further_y < y) - (further_y > y))
            right_y = 3.0 * ((further_x > x) - (further_x < x))
            middle = (x + further_x) / 2 + right_x, (y + further_y) / 2 + right_y
            yield (
                f'<path d="M{x + right_x:.1f} {y + right_y:.1f} L{middle[0]:.1f} {middle[1]:.1f} '
                f'L{further_x + right_x:.1f} {further_y + right_y:.1f}" fill="none" stroke="#c2410c" '
                f'stroke-width="2" stroke-opacity="0.75" marker-mid="url(#to)"/>'
            )

    def _marks(self) -> Iterator[str]:
        layout = self.instance.layout
        for number, stop in enumerate(_stops(self.instance, self.carts[self.number - 1]), start=1):
            x, y = self._at((layout.aisle_x[stop.aisle], stop.y))
            yield f'<circle cx="{x}" cy="{y}" r="8" fill="#1d4ed8"/>'
            yield f'<text x="{x}" y="{y + 3}" text-anchor="middle" fill="#fff" font-size="8">{number}</text>'
        x, y = self._at((layout.depot_x, layout.cross_aisle_y[0]))
        yield f'<rect x="{x - 9}" y="{y - 9}" width="18" height="18" rx="3" fill="#15803d"/>'
        depot = escape(say(self.lang, "depot"))
        yield f'<text x="{x}" y="{y + 24}" text-anchor="middle" fill="#15803d">{depot}</text>'

    def _legend(self, lines: Sequence[str]) -> Iterator[str]:
        top = self._floor_height + 2 * _MARGIN
        for number, line in enumerate(lines):
            weight = "bold" if number == 0 else "normal"
            y = top + (number + 0.5) * _LINE_HEIGHT
            yield f'<text x="{_MARGIN}" y="{y:.0f}" font-weight="{weight}" fill="#222">{escape(line)}</text>'
