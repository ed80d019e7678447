"""Sizes are asked for once in a while, and as soon as there are any."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from lumbung_fulfillment.clients import sizes as remembered
from lumbung_fulfillment.clients.sizes import Sizes
from lumbung_fulfillment.domain.weights import SkuSize

FULL = SkuSize(100, 200)


class Asked:
    """A catalog, and what it was asked for."""

    def __init__(self, **known: SkuSize) -> None:
        self.known = known
        self.calls: list[list[str]] = []

    async def __call__(self, sku_codes: Sequence[str]) -> dict[str, SkuSize]:
        self.calls.append(list(sku_codes))
        return {code: self.known[code] for code in sku_codes if code in self.known}


async def test_known_sizes_are_asked_for_again_when_they_are_old() -> None:
    now, asked = [0.0], Asked(A=FULL, B=FULL)
    sizes = Sizes(asked, clock=lambda: now[0])
    assert await sizes.of(["A"]) == {"A": FULL}
    assert await sizes.of(["A", "B"]) == {"A": FULL, "B": FULL}
    now[0] = 600.0
    await sizes.of(["A"])
    assert asked.calls == [["A"], ["B"], ["A"]]


async def test_what_has_no_figures_yet_is_asked_for_each_time() -> None:
    asked = Asked(A=SkuSize(100, 0))
    sizes = Sizes(asked)
    assert await sizes.of(["A", "NEW"]) == {"A": SkuSize(100, 0)}
    asked.known = {"A": FULL, "NEW": FULL}
    assert await sizes.of(["A", "NEW"]) == {"A": FULL, "NEW": FULL}


async def test_those_asked_for_longest_ago_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "REMEMBERED_MAX", 2)
    asked = Asked(A=FULL, B=FULL, C=FULL)
    sizes = Sizes(asked)
    for code in "ABCCBA":
        await sizes.of([code])
    assert asked.calls == [["A"], ["B"], ["C"], ["A"]]
