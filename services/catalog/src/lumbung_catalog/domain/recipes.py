"""Recipes: what a bundle may consume."""

from collections.abc import Mapping, Sequence

from lumbung_catalog.domain.failures import (
    ComponentIsBundle,
    ComponentNotFound,
    RecipeCycle,
    RecipeUnchanged,
    SkuRetired,
)
from lumbung_catalog.domain.skus import Component, Recipe, SkuKind, SkuState
from lumbung_kit.failures import Failure, FieldViolation

# What is known of a possible component: its kind and state.
Standing = tuple[SkuKind, SkuState]


def ordered(components: Sequence[Component]) -> tuple[Component, ...]:
    """Components have no order of their own; by code, two recipes can be compared."""
    return tuple(sorted(components, key=lambda component: component.sku_code))


def check_components(
    bundle_code: str, components: Sequence[Component], known: Mapping[str, Standing]
) -> None:
    """Every component must be another SKU that is there, active and not a bundle."""
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
    kind, state = known[component_code]
    if kind is SkuKind.BUNDLE:
        return ComponentIsBundle(
            f"The component {component_code} is itself a bundle.",
            metadata=details,
            fields=[FieldViolation(field, "is a bundle; a bundle in a bundle is not served yet")],
        )
    if state is SkuState.RETIRED:
        return SkuRetired(
            f"The component {component_code} is retired.",
            metadata=details,
            fields=[FieldViolation(field, "is retired")],
        )
    return None


def check_changed(current: Recipe, components: Sequence[Component]) -> None:
    """A new version must say something new."""
    if ordered(components) == current.components:
        raise RecipeUnchanged(metadata={"version": str(current.version)})
