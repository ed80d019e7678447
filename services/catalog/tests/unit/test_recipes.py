"""Nested recipes, against a plain recursion: draws are exact, circles and heights are found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumbung_catalog.domain import failures
from lumbung_catalog.domain.limits import DRAW_UNITS_MAX, DRAWS_MAX, RECIPE_LEVELS_MAX
from lumbung_catalog.domain.recipes import Standing, resolved, resolved_together
from lumbung_catalog.domain.skus import Component, SkuKind, SkuState

PLAIN = Standing(SkuKind.PLAIN, SkuState.ACTIVE)
KNOWN = {f"P{i}": PLAIN for i in range(DRAWS_MAX + 1)}
BUNDLES = [f"B{i}" for i in range(5)]

recipes_of_any_kind = st.dictionaries(
    st.sampled_from(BUNDLES),
    st.dictionaries(st.sampled_from([*BUNDLES, "P0", "P1"]), st.integers(1, 9), min_size=1, max_size=3),
    min_size=1,
).map(
    lambda recipes: {
        code: {part: n for part, n in parts.items() if part in recipes or part in KNOWN} or {"P0": 1}
        for code, parts in recipes.items()
    }
)
Recipes = dict[str, dict[str, int]]


def level_of(code: str, recipes: Recipes, path: tuple[str, ...] = ()) -> float:
    """By the definition; infinite in a circle or above one."""
    if code in path:
        return float("inf")
    return 1 + max(level_of(part, recipes, (*path, code)) for part in recipes[code]) if code in recipes else 0


def units_of(code: str, recipes: Recipes) -> dict[str, int]:
    """By the definition."""
    units: dict[str, int] = {}
    for part, quantity in recipes[code].items():
        for plain, times in (units_of(part, recipes) if part in recipes else {part: 1}).items():
            units[plain] = units.get(plain, 0) + quantity * times
    return units


def parts_of(recipe: dict[str, int]) -> list[Component]:
    return [Component(code, quantity) for code, quantity in recipe.items()]


@given(recipes_of_any_kind)
def test_what_stands_together_is_what_plain_recursion_says(recipes: Recipes) -> None:
    found = resolved_together({code: parts_of(recipe) for code, recipe in recipes.items()}, KNOWN)
    assert {code: one.level for code, one in found.recipes.items()} == {
        code: level for code in recipes if (level := level_of(code, recipes)) <= RECIPE_LEVELS_MAX
    }
    for code, one in found.recipes.items():
        assert {draw.sku_code: draw.quantity for draw in one.draws} == units_of(code, recipes)
    if len(found.recipes) < len(recipes):
        assert found.failures
    for code, failure in found.failures.items():
        expected = failures.RecipeCycle if level_of(code, recipes) == float("inf") else failures.RecipeTooDeep
        assert type(failure) is expected


def test_the_largest_recipes_and_one_more() -> None:
    widest = [Component(f"P{i}", 1) for i in range(DRAWS_MAX)]
    assert len(resolved("B", widest, KNOWN).draws) == DRAWS_MAX
    with pytest.raises(failures.RecipeTooLarge):
        resolved("B", [*widest, Component(f"P{DRAWS_MAX}", 1)], KNOWN)
    assert resolved("B", [Component("P0", DRAW_UNITS_MAX)], KNOWN).draws[0].quantity == DRAW_UNITS_MAX
    with pytest.raises(failures.RecipeTooLarge):
        resolved("B", [Component("P0", DRAW_UNITS_MAX), Component("P1", 1)], KNOWN)
