"""What a whole file would create, and everything that speaks against it: in other rows and in the catalog."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from lumbung_catalog.domain.barcodes import Owner
from lumbung_catalog.domain.failures import OptionsMismatch
from lumbung_catalog.domain.import_rows import COLUMNS, Draft, Problem, ReadRow
from lumbung_catalog.domain.limits import CELL_SHOWN_LENGTH_MAX
from lumbung_catalog.domain.products import Axis, NewProduct, Option, Product, matched_options, option_key
from lumbung_catalog.domain.recipes import Standing, component_problem, resolved_together
from lumbung_catalog.domain.similarity import Fingerprint, Neighbourhood, fingerprint
from lumbung_catalog.domain.skus import NewSku, SkuState
from lumbung_catalog.domain.text import folded, shortened

_SIMILAR_NAMED_PER_ROW_MAX = 3
_COLUMN_PLACE = {column: place for place, column in enumerate(COLUMNS)}


@dataclass(frozen=True, slots=True)
class Existing:
    """What the catalog holds already of what a file mentions."""

    skus: Mapping[str, Standing] = field(default_factory=dict)
    products: Mapping[str, Product] = field(default_factory=dict)
    option_owners: Mapping[tuple[str, str], str] = field(default_factory=dict)
    barcode_owners: Mapping[str, Owner] = field(default_factory=dict)
    look_alikes: Sequence[Fingerprint] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be created, and what speaks against it. Errors forbid it; warnings ask for a reason."""

    products: tuple[NewProduct, ...]
    skus: tuple[NewSku, ...]
    errors: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


def plan_import(rows: Sequence[ReadRow], existing: Existing) -> Plan:
    """The plan for all rows that could be read; the problems of all rows."""
    planner = _Planner(rows, existing)
    repeated = list(planner.repeated_codes())
    errors = [problem for row in rows for problem in row.problems] + repeated
    doubles = {problem.row for problem in repeated}
    drafts = [row.draft for row in rows if row.draft is not None and row.row.number not in doubles]
    skus = []
    for draft in drafts:
        found = list(planner.problems(draft))
        errors += found
        if not found:
            skus.append(planner.new_sku(draft))
    return Plan(
        products=tuple(planner.new_products.values()),
        skus=tuple(skus),
        errors=tuple(sorted(errors, key=_place)),
        warnings=tuple(_look_alikes(drafts, existing.look_alikes)),
    )


def _place(problem: Problem) -> tuple[int, int]:
    return problem.row, _COLUMN_PLACE.get(problem.column, -1)


class _Planner:
    """Walks the drafts in order; the first of two rows that want the same thing has it."""

    def __init__(self, rows: Sequence[ReadRow], existing: Existing) -> None:
        self._existing = existing
        self._rows = rows
        self._sku_by_fold = {code.casefold(): code for code in existing.skus}
        self._product_by_fold = {code.casefold(): code for code in existing.products}
        self._standing: dict[str, Standing] = {
            row.sku_code: Standing(row.kind, SkuState.ACTIVE) for row in rows if row.sku_code
        } | dict(existing.skus)
        self._product_names = _product_names(rows)
        self._combinations: dict[tuple[str, str], str] = dict(existing.option_owners)
        bundles = {
            row.draft.sku_code: row.draft.components for row in rows if row.draft and row.draft.components
        }
        self._recipe_failures = resolved_together(bundles, self._standing).failures
        self._barcodes: dict[str, str] = {}
        self.new_products: dict[str, NewProduct] = {}

    def repeated_codes(self) -> Iterator[Problem]:
        """Rows whose code an earlier row has, in whatever letter case."""
        first: dict[str, int] = {}
        for row in self._rows:
            if not row.sku_code:
                continue
            earlier = first.setdefault(row.sku_code.casefold(), row.row.number)
            if earlier != row.row.number:
                yield Problem(
                    row=row.row.number,
                    column="sku_code",
                    value=shortened(row.sku_code, CELL_SHOWN_LENGTH_MAX),
                    reason="SKU_REPEATED",
                    message=f"is already on row {earlier}",
                    expected="each SKU on one row",
                )

    def problems(self, draft: Draft) -> Iterator[Problem]:
        """Everything that speaks against one draft."""
        yield from self._code_problems(draft)
        product_problems = list(self._product_problems(draft))
        yield from product_problems
        if not product_problems:
            yield from self._option_problems(draft)
        yield from self._barcode_problems(draft)
        yield from self._component_problems(draft)

    def new_sku(self, draft: Draft) -> NewSku:
        """The SKU that a draft without problems makes."""
        return NewSku(
            sku_code=draft.sku_code,
            product_code=draft.product_code,
            options=matched_options(self._axes(draft.product_code), draft.options),
            kind=draft.kind,
            base_unit=draft.base_unit,
            description=draft.description,
            units=draft.units,
            barcodes=draft.barcodes,
            components=draft.components,
        )

    def _code_problems(self, draft: Draft) -> Iterator[Problem]:
        known = self._sku_by_fold.get(draft.sku_code.casefold())
        if known is not None:
            yield _problem(
                draft,
                "sku_code",
                draft.sku_code,
                reason="SKU_EXISTS",
                message=f"exists already as {known}",
                expected="a code that is free",
            )

    def _product_problems(self, draft: Draft) -> Iterator[Problem]:
        code = draft.product_code
        known = self._product_by_fold.setdefault(code.casefold(), code)
        if known != code:
            yield _problem(
                draft,
                "product_code",
                code,
                reason="PRODUCT_EXISTS",
                message=f"differs from {known} in letter case only",
                expected=known,
            )
        elif name := self._product_name(draft):
            yield from self._product_name_problems(draft, name)
            if code not in self._existing.products and code not in self.new_products:
                axes = tuple(Axis(option.axis) for option in draft.options)
                self.new_products[code] = NewProduct(code, name, axes=axes)
        else:
            yield _problem(
                draft,
                "product_name",
                "",
                reason="REQUIRED",
                message=f"is empty for the new product {code}",
                expected="its name, on one of its rows",
            )

    def _product_name_problems(self, draft: Draft, name: str) -> Iterator[Problem]:
        if draft.product_name and folded(draft.product_name) != folded(name):
            yield _problem(
                draft,
                "product_name",
                draft.product_name,
                reason="PRODUCT_NAME_DIFFERS",
                message=f"differs from the name of the product {draft.product_code}",
                expected=name,
            )

    def _product_name(self, draft: Draft) -> str:
        existing = self._existing.products.get(draft.product_code)
        if existing is not None:
            return existing.name
        own_name = draft.description.name if draft.product_code == draft.sku_code else ""
        return self._product_names.get(draft.product_code, own_name)

    def _axes(self, product_code: str) -> tuple[Axis, ...]:
        existing = self._existing.products.get(product_code)
        return self.new_products[product_code].axes if existing is None else existing.axes

    def _option_problems(self, draft: Draft) -> Iterator[Problem]:
        shown = _shown(draft.options)
        try:
            options = matched_options(self._axes(draft.product_code), draft.options)
        except OptionsMismatch as failure:
            expected = failure.metadata["expected"] or "an empty cell"
            yield _problem(
                draft, "options", shown, reason=failure.reason, message=failure.message, expected=expected
            )
            return
        combination = (draft.product_code, option_key(options))
        owner = self._combinations.setdefault(combination, draft.sku_code)
        if owner != draft.sku_code:
            yield _problem(
                draft,
                "options",
                shown,
                reason="OPTIONS_TAKEN",
                message=f"is the combination of {owner}, of the same product",
                expected="another combination",
            )

    def _barcode_problems(self, draft: Draft) -> Iterator[Problem]:
        for barcode in draft.barcodes:
            column = "barcode" if barcode.unit_code == draft.base_unit else "carton_barcode"
            place = f"row {draft.row}, {column}"
            earlier = self._barcodes.setdefault(barcode.key, place)
            owner = self._existing.barcode_owners.get(barcode.key)
            if owner is not None:
                message = f"belongs to {owner.sku_code} ({owner.unit_code})"
            elif earlier != place:
                message = f"is already on {earlier}"
            else:
                continue
            yield _problem(
                draft,
                column,
                barcode.code,
                reason="BARCODE_TAKEN",
                message=message,
                expected="a barcode of its own",
            )

    def _component_problems(self, draft: Draft) -> Iterator[Problem]:
        found = list(self._wrong_components(draft))
        failure = self._recipe_failures.get(draft.sku_code)
        if failure is not None and not found:
            yield _problem(
                draft,
                "components",
                "+".join(f"{part.sku_code}*{part.quantity}" for part in draft.components),
                reason=failure.reason,
                message=failure.message,
                expected="bundles of at most 3 levels that do not consume each other",
            )
        yield from found

    def _wrong_components(self, draft: Draft) -> Iterator[Problem]:
        for component in draft.components:
            failure = component_problem(draft.sku_code, component.sku_code, self._standing, "components")
            if failure is not None:
                yield _problem(
                    draft,
                    "components",
                    component.sku_code,
                    reason=failure.reason,
                    message=failure.message,
                    expected="SKUs in use, from this file or the catalog",
                )


def _product_names(rows: Sequence[ReadRow]) -> dict[str, str]:
    """The first name that the file gives to each product; one row with a name is enough."""
    names: dict[str, str] = {}
    for row in rows:
        if row.draft is not None and row.draft.product_name:
            names.setdefault(row.draft.product_code, row.draft.product_name)
    return names


def _shown(options: Sequence[Option]) -> str:
    return ";".join(f"{option.axis}={option.value}" for option in options)


def _problem(draft: Draft, column: str, value: str, *, reason: str, message: str, expected: str) -> Problem:
    return Problem(draft.row, column, shortened(value, CELL_SHOWN_LENGTH_MAX), reason, message, expected)


def _look_alikes(drafts: Sequence[Draft], known: Sequence[Fingerprint]) -> Iterator[Problem]:
    """Rows that look like SKUs of the catalog or like earlier rows."""
    neighbours = Neighbourhood(known)
    rows: defaultdict[str, int] = defaultdict(int, {draft.sku_code: draft.row for draft in drafts})
    for draft in drafts:
        own = fingerprint(draft.sku_code, draft.description.name, draft.product_code)
        for similar in neighbours.similar_to(own, _SIMILAR_NAMED_PER_ROW_MAX):
            place = f"on row {rows[similar.sku_code]}" if rows[similar.sku_code] else "in the catalog"
            column = "sku_code" if similar.field == "sku_code" else "sku_name"
            value = draft.sku_code if similar.field == "sku_code" else draft.description.name
            yield _problem(
                draft,
                column,
                value,
                reason="SKU_NEARLY_EQUAL",
                message=f"looks like {similar.sku_code} ({similar.name}) {place}, {similar.score} of 100",
                expected="another SKU, or force_reason to have both",
            )
        neighbours.add(own)
