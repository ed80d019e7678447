"""Recipes: what a bundle may consume, and what of it comes out of stock when bundles stand in bundles."""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

from lumbung_catalog.domain.failures import (
    ComponentNotFound,
    RecipeCycle,
    RecipeTooDeep,
    RecipeTooLarge,
    RecipeUnchanged,
    SkuRetired,
)
from lumbung_catalog.domain.limits import DRAW_UNITS_MAX, DRAWS_MAX, RECIPE_LEVELS_MAX
from lumbung_catalog.domain.skus import Component, Recipe, SkuKind, SkuState
from lumbung_kit.failures import Failure, FieldViolation


class Standing(NamedTuple):
    """What is known of a possible component: of a bundle also its level and what one of it draws."""

    kind: SkuKind
    state: SkuState
    level: int = 0
    draws: tuple[Component, ...] = ()


@dataclass(frozen=True, slots=True)
class Resolved:
    """A recipe with the bundles in it resolved to plain SKUs, by code. A level counts the bundles on each other."""

    components: tuple[Component, ...]
    draws: tuple[Component, ...]
    level: int

    @property
    def standing(self) -> Standing:
        """The bundle as a component of others."""
        return Standing(SkuKind.BUNDLE, SkuState.ACTIVE, self.level, self.draws)


def ordered(components: Sequence[Component]) -> tuple[Component, ...]:
    """Components have no order of their own; by code, two recipes can be compared."""
    return tuple(sorted(components, key=lambda component: component.sku_code))


def check_components(
    bundle_code: str, components: Sequence[Component], known: Mapping[str, Standing]
) -> None:
    """Every component must be another SKU that is there and active."""
    for i, component in enumerate(components):
        failure = component_problem(bundle_code, component.sku_code, known, f"components[{i}].sku_code")
        if failure is not None:
            raise failure


def component_problem(
    bundle_code: str, component_code: str, known: Mapping[str, Standing], field: str
) -> Failure | None:
    """What keeps a SKU from being a component of a bundle, naming the field it came in."""
    details = {"sku_code": component_code}
    if component_code.casefold() == bundle_code.casefold():
        return RecipeCycle(metadata=details, fields=[FieldViolation(field, "is the bundle itself")])
    if component_code not in known:
        return ComponentNotFound(
            f"The component {component_code} does not exist.",
            metadata=details,
            fields=[FieldViolation(field, "does not exist")],
        )
    if known[component_code].state is SkuState.RETIRED:
        return SkuRetired(
            f"The component {component_code} is retired.",
            metadata=details,
            fields=[FieldViolation(field, "is retired")],
        )
    return None


def check_no_cycle(components: Sequence[Component], around: Mapping[str, object]) -> None:
    """No component may be a bundle that consumes this one, at whatever depth."""
    for i, component in enumerate(components):
        if component.sku_code in around:
            raise RecipeCycle(
                f"{component.sku_code} consumes the bundle itself.",
                metadata={"sku_code": component.sku_code},
                fields=[FieldViolation(f"components[{i}].sku_code", "consumes the bundle itself")],
            )


def resolved(bundle_code: str, components: Sequence[Component], known: Mapping[str, Standing]) -> Resolved:
    """The recipe with its draws, multiplied exactly. Raises RecipeTooDeep, RecipeTooLarge."""
    units: Counter[str] = Counter()
    for part in components:
        for draw in known[part.sku_code].draws or (Component(part.sku_code, 1),):
            units[draw.sku_code] += part.quantity * draw.quantity
    level = 1 + max(known[part.sku_code].level for part in components)
    if level > RECIPE_LEVELS_MAX:
        raise RecipeTooDeep(
            f"{bundle_code} would be a bundle of {level} levels.",
            metadata={"sku_code": bundle_code, "levels_max": str(RECIPE_LEVELS_MAX)},
            fields=[FieldViolation("components", f"make {bundle_code} a bundle of {level} levels")],
        )
    if len(units) > DRAWS_MAX or units.total() > DRAW_UNITS_MAX:
        size = f"{units.total()} units of {len(units)} SKUs"
        raise RecipeTooLarge(
            f"{bundle_code} would consume {size}; at most {DRAW_UNITS_MAX} of {DRAWS_MAX}.",
            metadata={"sku_code": bundle_code},
            fields=[FieldViolation("components", f"make {bundle_code} consume {size}")],
        )
    draws = ordered([Component(code, quantity) for code, quantity in units.items()])
    return Resolved(ordered(components), draws, level)


@dataclass(slots=True)
class ResolvedTogether:
    """Several new recipes that may consume each other: those that stand, and why others do not."""

    recipes: dict[str, Resolved]
    failures: dict[str, Failure]


def resolved_together(
    recipes: Mapping[str, Sequence[Component]], known: Mapping[str, Standing]
) -> ResolvedTogether:
    """Resolves the innermost first. A recipe that consumes one that fails is in neither list."""
    standing = dict(known)
    answer = ResolvedTogether({}, {})
    sorter = TopologicalSorter(
        {code: [p.sku_code for p in parts if p.sku_code in recipes] for code, parts in recipes.items()}
    )
    with suppress(CycleError):  # those outside of the cycle come all the same
        sorter.prepare()
    reached: set[str] = set()
    while sorter.is_active():
        for code in sorter.get_ready():
            reached.add(code)
            if all(p.sku_code in standing and not _fails(p.sku_code, recipes, answer) for p in recipes[code]):
                _resolve_one(code, recipes[code], standing, answer)
            sorter.done(code)
    for code in recipes.keys() - reached:
        answer.failures[code] = RecipeCycle(metadata={"sku_code": code})
    return answer


def _fails(code: str, recipes: Mapping[str, Sequence[Component]], answer: ResolvedTogether) -> bool:
    return code in recipes and code not in answer.recipes


def _resolve_one(
    code: str, components: Sequence[Component], standing: dict[str, Standing], answer: ResolvedTogether
) -> None:
    try:
        answer.recipes[code] = resolved(code, components, standing)
    except (RecipeTooDeep, RecipeTooLarge) as failure:
        answer.failures[code] = failure
    else:
        standing[code] = answer.recipes[code].standing


def following(
    changed: Mapping[str, Standing], around: Mapping[str, Sequence[Component]], known: Mapping[str, Standing]
) -> dict[str, Resolved]:
    """What becomes of the bundles around a changed one. Raises the first failure, which names its bundle."""
    answer = resolved_together(around, {**known, **changed})
    for failure in answer.failures.values():
        raise failure
    return answer.recipes


def check_changed(current: Recipe, components: Sequence[Component]) -> None:
    """A new version must say something new."""
    if ordered(components) == current.components:
        raise RecipeUnchanged(metadata={"version": str(current.version)})
