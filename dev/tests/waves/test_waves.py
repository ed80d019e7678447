"""Waves from files: plans and pictures are checked by code that shares nothing with the planner."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from statistics import mean
from typing import Any

import pytest
from typer.testing import CliRunner

from lumbung_dev.chaos.words import Language
from lumbung_dev.local.trouble import Trouble
from lumbung_dev.waves import draw, instances, pickwave, plan
from lumbung_dev.waves.commands import app
from lumbung_dev.waves.words import _ENGLISH, _INDONESIAN
from lumbung_fulfillment.domain.layout import Stop

Content = dict[str, Any]


def written(folder: Path, content: Content) -> Path:
    path = folder / "instance.json"
    path.write_text(json.dumps(content))
    return path


def planned(folder: Path, content: Content, *more: str) -> Content:
    out = folder / "plan.json"
    ran = CliRunner().invoke(app, ["plan-waves", str(written(folder, content)), str(out), *more])
    assert ran.exit_code == 0, ran.output
    content_of_plan: Content = json.loads(out.read_text())
    return content_of_plan


def walk_of(content: Content, picks: list[str]) -> float:
    """The format's distance, from the depot through the picks and back."""
    warehouse = content["warehouse"]
    xs, crossings = warehouse["aisle_x"], warehouse["cross_aisle_y"]
    at = {place["id"]: (xs[place["aisle"]], place["y"]) for place in warehouse["locations"]}
    depot = (xs[warehouse["depot"]["aisle"]], crossings[0])
    walk = 0.0
    for (x, y), (to_x, to_y) in pairwise([depot, *(at[pick] for pick in picks), depot]):
        if x == to_x:
            walk += abs(y - to_y)
        else:
            walk += abs(x - to_x) + min(abs(y - c) + abs(to_y - c) for c in crossings)
    return walk


def assert_plan_of(content: Content, plan: Content) -> None:
    orders = {order["id"]: order for order in content["orders"]}
    riding = [order for cart in plan["carts"] for order in cart["orders"]]
    assert sorted(riding) == sorted(orders)
    for cart in plan["carts"]:
        lines = [line for order in cart["orders"] for line in orders[order]["lines"]]
        assert sum(line["qty"] for line in lines) <= content["cart"]["capacity_units"]
        assert Counter(cart["picks"]) == Counter(line["loc"] for line in lines)
        assert cart["walk"] == pytest.approx(walk_of(content, cart["picks"]), abs=1e-3)
    assert plan["walk"] == pytest.approx(sum(cart["walk"] for cart in plan["carts"]), abs=1e-2)


def late(content: Content, carts: list[tuple[list[str], float]]) -> tuple[int, float]:
    """Late orders and minutes, when free pickers take the carts in order."""
    labour = content["labour"]
    orders = {order["id"]: order for order in content["orders"]}
    free = [0.0] * labour["pickers"]
    found = []
    for ids, walk in carts:
        picker = free.index(min(free))
        lines = sum(len(orders[order]["lines"]) for order in ids)
        work = labour["setup_s_per_cart"] + lines * labour["pick_s_per_line"] + walk / labour["walk_m_per_s"]
        free[picker] += work
        found += [free[picker] / 60 - orders[order]["cutoff_min"] for order in ids]
    over = [minutes for minutes in found if minutes > 1e-6]
    return len(over), sum(over)


@pytest.mark.parametrize("blocks", [1, 2, 3])
def test_a_plan_is_whole_feasible_and_walks_what_it_says(tmp_path: Path, seed: int, blocks: int) -> None:
    content = instances.web_shop(seed, 120, 25, instances.Floor(8, 3.0, 30, blocks))
    assert_plan_of(content, planned(tmp_path, content, "--budget-s", "0.1"))


@pytest.mark.parametrize(("by_class", "cut"), [(False, 0.24), (True, 0.29)], ids=["uniform", "class"])
def test_first_come_in_s_shape_is_cut_by_as_much_as_is_promised(by_class: bool, cut: float) -> None:
    """The mean over carts of every size of the literature; no clock, so that the plans are always the same."""
    cuts = []
    for orders, capacity in [(60, 30), (60, 45), (80, 60), (80, 75)]:
        content = instances.literature(orders * capacity, orders, capacity, by_class=by_class)
        found = plan.plan(pickwave.read_content(content), 0.5, clock=lambda: 0.0)
        assert_plan_of(content, found.content())
        cuts.append(1 - found.walk_m / first_come_in_s_shape(content))
    assert mean(cuts) >= cut


def first_come_in_s_shape(content: Content) -> float:
    """Carts filled as orders come; aisles with picks are walked through, the last of an odd number to and fro."""
    place = {entry["id"]: (entry["aisle"], entry["y"]) for entry in content["warehouse"]["locations"]}
    xs, (front, back) = content["warehouse"]["aisle_x"], content["warehouse"]["cross_aisle_y"]
    carts: list[tuple[int, list[tuple[int, float]]]] = []
    for order in content["orders"]:
        units = sum(line["qty"] for line in order["lines"])
        stops = [place[line["loc"]] for line in order["lines"]]
        if carts and carts[-1][0] + units <= content["cart"]["capacity_units"]:
            carts[-1] = (carts[-1][0] + units, carts[-1][1] + stops)
        else:
            carts.append((units, stops))
    total = 0.0
    for _, stops in carts:
        aisles = sorted({aisle for aisle, _ in stops})
        through = len(aisles) - len(aisles) % 2
        total += 2 * xs[aisles[-1]] + through * (back - front)
        if len(aisles) % 2:
            total += 2 * (max(y for aisle, y in stops if aisle == aisles[-1]) - front)
    return total


def test_a_plan_with_times_is_less_late_and_shorter_than_by_due_time(tmp_path: Path, seed: int) -> None:
    content = instances.web_shop(seed, 150, 40, instances.Floor(20, 4.0, 40), timed=True)
    plan = planned(tmp_path, content, "--budget-s", "1")
    assert_plan_of(content, plan)
    ours = late(content, [(cart["orders"], cart["walk"]) for cart in plan["carts"]])
    assert (plan["late_orders"], plan["total_tardiness_min"]) == (ours[0], pytest.approx(ours[1], abs=0.01))
    due_lateness, due_walk = by_due_time(content)
    assert ours[0] <= due_lateness[0]
    assert ours[1] <= due_lateness[1]
    assert plan["walk"] < due_walk


def by_due_time(content: Content) -> tuple[tuple[int, float], float]:
    """Carts filled by due time, each walked the shortest way."""
    instance = pickwave.read_content(content)
    carts: list[list[str]] = []
    left = 0
    for order in sorted(content["orders"], key=lambda order: order["cutoff_min"]):
        units = sum(line["qty"] for line in order["lines"])
        if not carts or units > left:
            carts.append([])
            left = content["cart"]["capacity_units"]
        carts[-1].append(order["id"])
        left -= units
    by_id = {job.order_id: job for job in instance.jobs()}
    walks = [draw.walk_m(instance.layout, draw._stops_of([by_id[order] for order in cart])) for cart in carts]
    return late(content, list(zip(carts, walks, strict=True))), sum(walks)


def test_the_same_seed_gives_the_same_plan(tmp_path: Path, seed: int) -> None:
    content = instances.web_shop(seed, 60, 25)
    assert planned(tmp_path, content, "--budget-s", "0.02") == planned(
        tmp_path, content, "--budget-s", "0.02"
    )


def test_an_order_larger_than_a_cart_is_named_and_the_others_ride(tmp_path: Path) -> None:
    content = instances.web_shop(1, 20, 25)
    content["orders"][0]["lines"][0]["qty"] = 26
    plan = planned(tmp_path, content, "--budget-s", "0.02")
    assert plan["left_out"] == ["O0001"]
    content["orders"] = content["orders"][1:]
    assert_plan_of(content, plan)


def _cut(*path: str | int) -> Callable[[Content], None]:
    def change(content: Content) -> None:
        *way, last = path
        target: Any = content
        for step in way:
            target = target[step]
        del target[last]

    return change


def _put(value: Any, *path: str | int) -> Callable[[Content], None]:
    def change(content: Content) -> None:
        *way, last = path
        target: Any = content
        for step in way:
            target = target[step]
        target[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_put("pickwave/2", "format"), 'format must be "pickwave/1", not "pickwave/2"'),
        (_cut("warehouse"), "warehouse must be an object"),
        (_put([0.0], "warehouse", "cross_aisle_y"), "at least two cross-aisles"),
        (_put([5.0, 0.0], "warehouse", "aisle_x"), "aisle_x must ascend"),
        (_put("x", "warehouse", "aisle_x", 0), 'warehouse.aisle_x[0] must be a number from -1e+06 to 1000000, not "x"'),
        (_put(1, "warehouse", "depot", "cross_aisle"), "warehouse.depot.cross_aisle (the front) must be a whole"),
        (_put(99, "warehouse", "locations", 0, "aisle"), "locations[0].aisle must be a whole number from 0 to 19"),
        (_put(1e5, "warehouse", "locations", 0, "y"), "lies on no aisle of this layout"),
        (_put("01-001R", "warehouse", "locations", 0, "id"), 'warehouse.locations[1].id "01-001R" is there twice'),
        (_put(0, "cart", "capacity_units"), "cart.capacity_units must be a whole number from 1"),
        (_put(True, "cart", "capacity_units"), "cart.capacity_units must be a whole number from 1"),
        (_put({}, "orders"), "orders must be a list"),
        (_put("O0002", "orders", 0, "id"), 'orders[1].id "O0002" is there twice'),
        (_put([], "orders", 0, "lines"), "orders[0].lines must not be empty"),
        (_put("99-999X", "orders", 0, "lines", 0, "loc"), 'lines[0].loc "99-999X" is none of warehouse.locations'),
        (_put(1.5, "orders", 0, "lines", 0, "qty"), "orders[0].lines[0].qty must be a whole number from 1"),
        (_put(-1, "orders", 0, "cutoff_min"), "orders[0].cutoff_min must be a number from 0"),
        (_put(9, "orders", 0, "cutoff_min"), "labour must say who picks and how fast, since orders have a cutoff_min"),
        (_put({"pickers": 0}, "labour"), "labour.walk_m_per_s must be a number"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named_with_what_would_be_right(
    tmp_path: Path, change: Callable[[Content], None], says: str
) -> None:
    content = instances.web_shop(1, 20, 25)
    change(content)
    path = written(tmp_path, content)
    with pytest.raises(Trouble) as trouble:
        pickwave.read(path)
    assert says in str(trouble.value)
    ran = CliRunner().invoke(app, ["plan-waves", str(path), str(tmp_path / "plan.json")])
    assert ran.exit_code == 1
    assert "Traceback" not in ran.output
    assert not (tmp_path / "plan.json").exists()


@pytest.mark.parametrize("text", ["", "{", "[]", "\x00", "NaN", "[" * 100_000], ids=repr)
def test_what_is_no_instance_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "instance.json"
    path.write_text(text)
    with pytest.raises(Trouble):
        pickwave.read(path)


@pytest.mark.parametrize("lang", list(Language))
def test_a_picture_shows_every_stop_once_and_a_way_as_long_as_the_walk(
    tmp_path: Path, seed: int, lang: Language
) -> None:
    content = instances.web_shop(seed, 80, 25, instances.Floor(8, 3.0, 30, 2))
    plan = planned(tmp_path, content, "--budget-s", "0.05")
    out = tmp_path / "wave.svg"
    command = [
        "draw-wave",
        str(tmp_path / "instance.json"),
        str(tmp_path / "plan.json"),
        str(out),
        "--lang",
        lang,
    ]
    ran = CliRunner().invoke(app, command)
    assert ran.exit_code == 0, ran.output
    picture = ET.fromstring(out.read_text())  # noqa: S314 - ours
    cart = plan["carts"][0]
    instance = pickwave.read(tmp_path / "instance.json")
    stops = list(dict.fromkeys(instance.stops[pick] for pick in cart["picks"]))
    circles = [node for node in picture.iter() if node.tag.endswith("circle")]
    assert len(circles) == len(stops)
    points = draw.way(instance.layout, stops)
    assert all(x == to_x or y == to_y for (x, y), (to_x, to_y) in pairwise(points))
    length = sum(abs(x - to_x) + abs(y - to_y) for (x, y), (to_x, to_y) in pairwise(points))
    assert length == pytest.approx(cart["walk"])
    text = " ".join(node.text or "" for node in picture.iter())
    figures = [int(figure) for figure in re.findall(r"(\d+) m\b", text)]
    assert round(cart["walk"]) in figures
    assert round(plan["walk"]) in figures


def test_a_cart_that_the_plan_has_not_and_a_plan_of_something_else_are_refused(tmp_path: Path) -> None:
    content = instances.web_shop(1, 30, 25)
    planned(tmp_path, content, "--budget-s", "0.02")
    command = [
        "draw-wave",
        str(tmp_path / "instance.json"),
        str(tmp_path / "plan.json"),
        str(tmp_path / "w.svg"),
    ]
    assert "there is no cart 99" in CliRunner().invoke(app, [*command, "--cart", "99"]).output
    content["orders"] = content["orders"][:2]
    written(tmp_path, content)
    assert "not one of this instance" in CliRunner().invoke(app, command).output
    assert not (tmp_path / "w.svg").exists()


def test_both_languages_say_the_same_with_the_same_figures() -> None:
    assert _ENGLISH.keys() == _INDONESIAN.keys()
    for name, sentence in _ENGLISH.items():
        assert set(re.findall(r"{(\w+)", sentence)) == set(re.findall(r"{(\w+)", _INDONESIAN[name])), name


def test_stops_of_both_shelves_at_one_place_are_one_stop() -> None:
    instance = pickwave.read_content(instances.web_shop(1, 20, 25))
    assert instance.stops["01-001L"] == instance.stops["01-001R"] == Stop(0, 1.5)
