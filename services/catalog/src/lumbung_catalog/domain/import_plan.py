"""What a whole file would create and change, and everything that speaks against it, in it and in the catalog."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from lumbung_catalog.domain.barcodes import Barcode, Owner
from lumbung_catalog.domain.failures import OptionsMismatch
from lumbung_catalog.domain.import_changes import (
    Compared,
    SkuChange,
    barcode_column,
    problem,
    shown_options,
    taken,
)
from lumbung_catalog.domain.import_columns import COLUMNS
from lumbung_catalog.domain.import_rows import (
    A_NAME,
    DEFAULT_BASE_UNIT,
    EMPTY,
    Draft,
    Problem,
    ReadRow,
    with_base_unit,
)
from lumbung_catalog.domain.limits import BARCODES_MAX, CELL_SHOWN_LENGTH_MAX
from lumbung_catalog.domain.products import Axis, NewProduct, Product, matched_options, option_key
from lumbung_catalog.domain.recipes import Standing, component_problem, resolved_together
from lumbung_catalog.domain.said import Said
from lumbung_catalog.domain.similarity import Fingerprint, Neighbourhood, Similar, fingerprint
from lumbung_catalog.domain.skus import Component, NewSku, SkuKind, SkuState
from lumbung_catalog.domain.text import folded, shortened
from lumbung_kit.failures import Failure

_SIMILAR_NAMED_PER_ROW_MAX = 3
_COLUMN_PLACE = {column: place for place, column in enumerate(COLUMNS)}
_INDONESIAN = {
    "COMPONENT_NOT_FOUND": "tidak ada, baik di berkas ini maupun di katalog",
    "SKU_RETIRED": "sudah pensiun",
    "RECIPE_CYCLE": "membuat paket berisi dirinya sendiri",
    "RECIPE_TOO_DEEP": "membuat paket lebih dari tiga tingkat",
    "RECIPE_TOO_LARGE": "membuat satu paket terlalu besar",
    "OPTIONS_MISMATCH": "tidak cocok dengan pilihan produknya",
}
"""What a failure of the domain means, for staff."""


@dataclass(frozen=True, slots=True)
class Existing:
    """What the catalog holds already of what a file mentions.

    `compared` are rows whose SKU exists, beside it, when they may change it; `around` are the bundles that consume
    those whose recipes would change, with their components.
    """

    skus: Mapping[str, Standing] = field(default_factory=dict)
    products: Mapping[str, Product] = field(default_factory=dict)
    option_owners: Mapping[tuple[str, str], str] = field(default_factory=dict)
    barcode_owners: Mapping[str, Owner] = field(default_factory=dict)
    look_alikes: Sequence[Fingerprint] = ()
    compared: Mapping[str, Compared] = field(default_factory=dict)
    around: Mapping[str, tuple[Component, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be created and changed, and what speaks against it. Errors forbid it; warnings ask for a reason."""

    products: tuple[NewProduct, ...]
    skus: tuple[NewSku, ...]
    errors: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    product_changes: tuple[Product, ...] = ()
    changes: tuple[SkuChange, ...] = ()
    compared_with: frozenset[str] = frozenset()
    """SKUs of the catalog that were looked at for look-alikes."""


def plan_import(rows: Sequence[ReadRow], existing: Existing, *, upsert: bool = False) -> Plan:
    """The plan for all rows that could be read; the problems of all rows."""
    planner = _Planner(rows, existing, upsert=upsert)
    repeated = list(planner.repeated_codes())
    errors = [problem for row in rows for problem in row.problems] + repeated
    doubles = {problem.row for problem in repeated}
    drafts = [draft for draft in planner.drafts if draft.row not in doubles]
    skus, changes = [], []
    for draft in drafts:
        found = list(planner.problems(draft))
        errors += found
        if found:
            continue
        if draft.sku_code not in existing.compared:
            skus.append(planner.new_sku(draft))
        elif change := existing.compared[draft.sku_code].change:
            changes.append(change)
    warnings = [warning for row in rows for warning in row.warnings if planner.is_news(row.sku_code)]
    warnings += _look_alikes(drafts, existing)
    return Plan(
        products=tuple(planner.new_products.values()),
        skus=tuple(skus),
        errors=tuple(sorted(errors, key=_place)),
        warnings=tuple(sorted(warnings, key=_place)),
        product_changes=tuple(planner.product_changes()),
        changes=tuple(changes),
        compared_with=frozenset(one.sku_code for one in existing.look_alikes),
    )


def _place(problem: Problem) -> tuple[int, int]:
    return problem.row, _COLUMN_PLACE.get(problem.column, -1)


@dataclass(slots=True)
class _ProductTexts:
    """What the file says of one product: the first row that fills a cell says it for all."""

    name: str = ""
    description: str = ""
    axes: tuple[Axis, ...] = ()


class _Planner:
    """Walks the drafts in order; the first of two rows that want the same thing has it."""

    def __init__(self, rows: Sequence[ReadRow], existing: Existing, *, upsert: bool) -> None:
        self._existing = existing
        self._rows = rows
        self._upsert = upsert
        self.drafts = [self._completed(row.draft) for row in rows if row.draft is not None]
        self._sku_by_fold = {code.casefold(): code for code in existing.skus}
        self._product_by_fold = {code.casefold(): code for code in existing.products}
        self._standing: dict[str, Standing] = {
            row.sku_code: Standing(row.kind, SkuState.ACTIVE) for row in rows if row.sku_code
        } | dict(existing.skus)
        self._texts = _product_texts(self.drafts)
        self._combinations: dict[tuple[str, str], str] = dict(existing.option_owners)
        self._recipe_failures = resolved_together(self._bundles(), self._standing).failures
        self._barcodes: dict[str, tuple[int, str]] = {}
        self.new_products: dict[str, NewProduct] = {}
        self._products_seen: set[str] = set()

    def _completed(self, draft: Draft) -> Draft:
        known = self._existing.compared.get(draft.sku_code)
        if known is None:
            return with_base_unit(draft, draft.base_unit or DEFAULT_BASE_UNIT)
        return replace(
            with_base_unit(draft, known.base_unit), product_code=known.product_code, kind=known.kind
        )

    def _bundles(self) -> dict[str, Sequence[Component]]:
        """Every bundle whose recipe the file writes, and those that consume one of them."""
        bundles: dict[str, Sequence[Component]] = dict(self._existing.around)
        for draft in self.drafts:
            if draft.components and (change := self._change_or_new(draft)):
                bundles[draft.sku_code] = change.components
        return {code: parts for code, parts in bundles.items() if parts}

    def _change_or_new(self, draft: Draft) -> Draft | SkuChange | None:
        known = self._existing.compared.get(draft.sku_code)
        return draft if known is None else known.change

    def is_news(self, sku_code: str) -> bool:
        """Whether a row says something that the catalog does not have."""
        known = self._existing.compared.get(sku_code)
        return known is None or known.change is not None

    def product_changes(self) -> Iterator[Product]:
        """Products of the catalog whose name or description the file has otherwise."""
        for code in sorted(self._products_seen & self._existing.products.keys()):
            product, texts = self._existing.products[code], self._texts[code]
            name, description = texts.name or product.name, texts.description or product.description
            if self._upsert and (name, description) != (product.name, product.description):
                yield replace(product, name=name, description=description)

    def repeated_codes(self) -> Iterator[Problem]:
        """Rows whose code an earlier row has, in whatever letter case."""
        first: dict[str, int] = {}
        for row in self._rows:
            if not row.sku_code:
                continue
            earlier = first.setdefault(row.sku_code.casefold(), row.number)
            if earlier != row.number:
                yield Problem(
                    row=row.number,
                    column="sku_code",
                    value=shortened(row.sku_code, CELL_SHOWN_LENGTH_MAX),
                    reason="SKU_REPEATED",
                    message=Said(f"is already on row {earlier}", f"sudah ada di baris {earlier}"),
                    expected=Said("each SKU on one row", "setiap SKU di satu baris"),
                )

    def problems(self, draft: Draft) -> Iterator[Problem]:
        """Everything that speaks against one draft."""
        known = self._existing.compared.get(draft.sku_code)
        if known is not None:
            yield from self._change_problems(draft, known)
            return
        code_problems = list(self._code_problems(draft))
        if code_problems:
            yield from code_problems
            yield from self._barcode_problems(draft, draft.barcodes)
            return
        yield from self._new_problems(draft)
        product_problems = list(self._product_problems(draft))
        yield from product_problems
        if not product_problems and self._has_product(draft.product_code):
            yield from self._option_problems(draft)
        yield from self._barcode_problems(draft, draft.barcodes)
        yield from self._component_problems(draft, draft.components)

    def _change_problems(self, draft: Draft, known: Compared) -> Iterator[Problem]:
        yield from known.problems
        yield from self._product_text_problems(draft)
        self._products_seen.add(draft.product_code)
        if known.change is not None:
            yield from self._barcode_problems(draft, known.change.barcodes)
            yield from self._component_problems(draft, known.change.components)

    def _new_problems(self, draft: Draft) -> Iterator[Problem]:
        """What a SKU needs that does not exist yet."""
        if not draft.description.name:
            yield problem(draft, "sku_name", "", "REQUIRED", EMPTY, A_NAME)
        if draft.kind is SkuKind.BUNDLE and not draft.components:
            yield problem(
                draft,
                "components",
                "",
                "BAD_COMPONENTS",
                Said("is empty for a bundle", "kosong untuk paket"),
                Said("such as PB-10K*1+KBL-C*2", "misalnya PB-10K*1+KBL-C*2"),
            )
        if draft.state is SkuState.RETIRED:
            yield problem(
                draft,
                "state",
                "retired",
                "SKU_RETIRED",
                Said("is retired and not in the catalog", "sudah pensiun dan tidak ada di katalog"),
                Said("leave out the row", "hapus barisnya"),
            )
        if len(draft.barcodes) > BARCODES_MAX:
            count = len(draft.barcodes)
            yield problem(
                draft,
                "more_barcodes",
                "",
                "OUT_OF_RANGE",
                Said(f"makes {count} barcodes", f"menjadi {count} barkode"),
                Said(f"at most {BARCODES_MAX}", f"paling banyak {BARCODES_MAX}"),
            )
        units = [unit.unit_code for unit in draft.units]
        for barcode in draft.barcodes:
            if barcode.unit_code not in units:
                yield problem(
                    draft,
                    barcode_column(draft, barcode),
                    barcode.code,
                    "UNIT_NOT_FOUND",
                    Said(
                        f"is of the unit {barcode.unit_code}, which the row does not have",
                        f"untuk satuan {barcode.unit_code}, yang tidak ada di barisnya",
                    ),
                    Said(", ".join(units)),
                )

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
            yield problem(
                draft,
                "sku_code",
                draft.sku_code,
                reason="SKU_EXISTS",
                message=Said(f"exists already as {known}", f"sudah ada sebagai {known}"),
                expected=Said(known)
                if self._upsert
                else Said("a code that is free", "kode yang belum dipakai"),
            )

    def _product_problems(self, draft: Draft) -> Iterator[Problem]:
        code = draft.product_code
        known = self._product_by_fold.setdefault(code.casefold(), code)
        self._products_seen.add(code)
        if known != code:
            yield problem(
                draft,
                "product_code",
                code,
                reason="PRODUCT_EXISTS",
                message=Said(
                    f"differs from {known} in letter case only",
                    f"hanya berbeda huruf besar-kecil dari {known}",
                ),
                expected=Said(known),
            )
        elif self._product_name(draft):
            yield from self._product_text_problems(draft)
            self._note_new_product(draft)
        elif draft.product_code != draft.sku_code:
            yield problem(
                draft,
                "product_name",
                "",
                reason="REQUIRED",
                message=Said(f"is empty for the new product {code}", f"kosong untuk produk baru {code}"),
                expected=Said("its name, on one of its rows", "namanya, di salah satu barisnya"),
            )

    def _note_new_product(self, draft: Draft) -> None:
        code = draft.product_code
        if code not in self._existing.products and code not in self.new_products:
            texts = self._texts[code]
            axes = texts.axes or tuple(Axis(option.axis) for option in draft.options)
            self.new_products[code] = NewProduct(code, self._product_name(draft), texts.description, axes)

    def _product_text_problems(self, draft: Draft) -> Iterator[Problem]:
        """A product has one name, one description and the same axes for ever."""
        texts, product = self._texts[draft.product_code], self._existing.products.get(draft.product_code)
        fixed = product is not None and not self._upsert
        name = product.name if product and fixed else self._product_name(draft)
        description = product.description if product and fixed else texts.description
        if draft.product_name and folded(draft.product_name) != folded(name):
            yield _product_differs(draft, "product_name", draft.product_name, name)
        if draft.product_description and folded(draft.product_description) != folded(description):
            yield _product_differs(draft, "product_description", draft.product_description, description)
        axes = product.axes if product else texts.axes
        if draft.product_axes and draft.product_axes != axes:
            yield _product_differs(draft, "product_axes", shown_axes(draft.product_axes), shown_axes(axes))

    def _product_name(self, draft: Draft) -> str:
        existing = self._existing.products.get(draft.product_code)
        given = self._texts[draft.product_code].name
        if existing is not None and not (self._upsert and given):
            return existing.name
        own_name = draft.description.name if draft.product_code == draft.sku_code else ""
        return given or own_name

    def _has_product(self, product_code: str) -> bool:
        return product_code in self._existing.products or product_code in self.new_products

    def _axes(self, product_code: str) -> tuple[Axis, ...]:
        existing = self._existing.products.get(product_code)
        return self.new_products[product_code].axes if existing is None else existing.axes

    def _option_problems(self, draft: Draft) -> Iterator[Problem]:
        shown = shown_options(draft.options)
        try:
            options = matched_options(self._axes(draft.product_code), draft.options)
        except OptionsMismatch as failure:
            expected = failure.metadata["expected"]
            yield problem(
                draft,
                "options",
                shown,
                reason=failure.reason,
                message=Said(failure.message, _INDONESIAN[failure.reason]),
                expected=Said(expected) if expected else Said("an empty cell", "sel kosong"),
            )
            return
        combination = (draft.product_code, option_key(options))
        owner = self._combinations.setdefault(combination, draft.sku_code)
        if owner != draft.sku_code:
            yield problem(
                draft,
                "options",
                shown,
                reason="OPTIONS_TAKEN",
                message=Said(
                    f"is the combination of {owner}, of the same product",
                    f"adalah kombinasi {owner}, dari produk yang sama",
                ),
                expected=Said("another combination", "kombinasi lain"),
            )

    def _barcode_problems(self, draft: Draft, barcodes: Sequence[Barcode]) -> Iterator[Problem]:
        for place, barcode in enumerate(barcodes):
            column = barcode_column(draft, barcode)
            owner = self._existing.barcode_owners.get(barcode.key)
            row, where = self._barcodes.setdefault(barcode.key, (draft.row, f"{column} {place}"))
            if owner is not None:
                yield taken(draft, barcode, owner.sku_code, owner.unit_code)
            elif (row, where) != (draft.row, f"{column} {place}"):
                column_before = where.split(" ")[0]
                yield problem(
                    draft,
                    column,
                    barcode.code,
                    reason="BARCODE_TAKEN",
                    message=Said(
                        f"is already on row {row}, {column_before}",
                        f"sudah ada di baris {row}, {column_before}",
                    ),
                    expected=Said("a barcode of its own", "barkode tersendiri"),
                )

    def _component_problems(self, draft: Draft, components: Sequence[Component]) -> Iterator[Problem]:
        if not components:
            return
        found = list(self._wrong_components(draft, components))
        failure = self._recipe_failures.get(draft.sku_code) or self._failure_around(draft)
        if failure is not None and not found:
            yield problem(
                draft,
                "components",
                "+".join(f"{part.sku_code}*{part.quantity}" for part in components),
                reason=failure.reason,
                message=Said(failure.message, _INDONESIAN[failure.reason]),
                expected=Said(
                    "bundles of at most 3 levels that do not consume each other",
                    "paket paling banyak 3 tingkat yang tidak saling berisi",
                ),
            )
        yield from found

    def _failure_around(self, draft: Draft) -> Failure | None:
        """What becomes of a bundle that is not in the file and consumes one whose recipe changes."""
        if draft.sku_code not in self._existing.compared:
            return None
        return next(
            (self._recipe_failures[code] for code in self._existing.around if code in self._recipe_failures),
            None,
        )

    def _wrong_components(self, draft: Draft, components: Sequence[Component]) -> Iterator[Problem]:
        for component in components:
            failure = component_problem(draft.sku_code, component.sku_code, self._standing, "components")
            if failure is not None:
                yield problem(
                    draft,
                    "components",
                    component.sku_code,
                    reason=failure.reason,
                    message=Said(failure.message, _INDONESIAN[failure.reason]),
                    expected=Said(
                        "SKUs in use, from this file or the catalog",
                        "SKU yang dipakai, dari berkas ini atau katalog",
                    ),
                )


def _product_texts(drafts: Sequence[Draft]) -> defaultdict[str, _ProductTexts]:
    texts: defaultdict[str, _ProductTexts] = defaultdict(_ProductTexts)
    for draft in drafts:
        own = texts[draft.product_code]
        own.name = own.name or draft.product_name
        own.description = own.description or draft.product_description
        own.axes = own.axes or draft.product_axes
    return texts


def _product_differs(draft: Draft, column: str, value: str, expected: str) -> Problem:
    reasons = {"product_name": "PRODUCT_NAME_DIFFERS", "product_axes": "FIELD_IMMUTABLE"}
    said = column.replace("_", " ").removeprefix("product ")
    return problem(
        draft,
        column,
        value,
        reason=reasons.get(column, "PRODUCT_DIFFERS"),
        message=Said(
            f"differs from the {said} of the product {draft.product_code}",
            f"berbeda dari yang dimiliki produk {draft.product_code}",
        ),
        expected=Said(shortened(expected, CELL_SHOWN_LENGTH_MAX)),
    )


def shown_axes(axes: Sequence[Axis]) -> str:
    """Axes as a cell has them."""
    return "|".join(axis.name + ("=" + ";".join(axis.values) if axis.values else "") for axis in axes)


def _look_alikes(drafts: Sequence[Draft], existing: Existing) -> Iterator[Problem]:
    """New SKUs, and new names, that look like others of the catalog or like earlier rows."""
    neighbours = Neighbourhood(existing.look_alikes)
    rows: defaultdict[str, int] = defaultdict(int, {draft.sku_code: draft.row for draft in drafts})
    for draft in drafts:
        change = _renaming(draft, existing)
        if change is not None:
            own = change.fingerprint
            similar = neighbours.newly_similar(change.fingerprint_before, own, _SIMILAR_NAMED_PER_ROW_MAX)
        elif draft.sku_code not in existing.skus:
            own = fingerprint(draft.sku_code, draft.description.name, draft.product_code)
            similar = neighbours.similar_to(own, _SIMILAR_NAMED_PER_ROW_MAX)
        else:
            continue
        for one in similar:
            yield _look_alike(draft, one, rows[one.sku_code])
        neighbours.add(own)


def _renaming(draft: Draft, existing: Existing) -> SkuChange | None:
    """What the row changes, when it names a SKU otherwise."""
    beside = existing.compared.get(draft.sku_code)
    return (
        beside.change if beside is not None and beside.change is not None and beside.change.renamed else None
    )


def _look_alike(draft: Draft, similar: Similar, row: int) -> Problem:
    column = "sku_code" if similar.field == "sku_code" else "sku_name"
    named = f"{similar.sku_code} ({similar.name})"
    return problem(
        draft,
        column,
        draft.sku_code if similar.field == "sku_code" else draft.description.name,
        reason="SKU_NEARLY_EQUAL",
        message=Said(
            f"looks like {named} {f'on row {row}' if row else 'in the catalog'}, {similar.score} of 100",
            f"mirip {named} {f'di baris {row}' if row else 'di katalog'}, {similar.score} dari 100",
        ),
        expected=Said(
            "another SKU, or force_reason to have both",
            "SKU lain, atau alasan untuk memiliki keduanya",
        ),
    )
