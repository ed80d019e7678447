"""What a row would change of a SKU that exists, and what it may not.

Only cells that are filled say something: an empty one leaves what is there (0 makes a measure unknown). Units and
barcodes are added, never taken away.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

from lumbung_catalog.domain.barcodes import Barcode
from lumbung_catalog.domain.import_rows import (
    NO_LOTS_OF_BUNDLES,
    NONE_OF_LOTS,
    Draft,
    Problem,
    at_most,
    with_base_unit,
)
from lumbung_catalog.domain.limits import BARCODES_MAX, CELL_SHOWN_LENGTH_MAX, UNITS_MAX
from lumbung_catalog.domain.products import Option, option_key
from lumbung_catalog.domain.recipes import ordered
from lumbung_catalog.domain.said import Said
from lumbung_catalog.domain.similarity import Fingerprint, fingerprint
from lumbung_catalog.domain.skus import (
    Component,
    Description,
    LotTracking,
    Sku,
    SkuKind,
    SkuState,
    unit_codes,
)
from lumbung_catalog.domain.text import shortened
from lumbung_catalog.domain.units import Unit, find

_NAMES = {SkuKind.PLAIN: Said("plain", "tunggal"), SkuKind.BUNDLE: Said("bundle", "paket")}
_STATES = {SkuState.ACTIVE: Said("active", "aktif"), SkuState.RETIRED: Said("retired", "pensiun")}


@dataclass(frozen=True, slots=True)
class SkuChange:
    """What becomes of a SKU, as it was at `version`. Without components its recipe stays."""

    sku_code: str
    product_code: str
    version: int
    description: Description
    described: bool
    name_before: str
    units: tuple[Unit, ...]
    barcodes: tuple[Barcode, ...]
    components: tuple[Component, ...]

    @property
    def renamed(self) -> bool:
        """Whether its name is compared with others'."""
        return self.description.name != self.name_before

    @property
    def fingerprint(self) -> Fingerprint:
        """What of it is compared, as it will be."""
        return fingerprint(self.sku_code, self.description.name, self.product_code)

    @property
    def fingerprint_before(self) -> Fingerprint:
        """The same, as it was."""
        return fingerprint(self.sku_code, self.name_before, self.product_code)


@dataclass(frozen=True, slots=True)
class Compared:
    """A row beside the SKU that it means: the row completed, the change if there is one, and what forbids it."""

    product_code: str
    base_unit: str
    kind: SkuKind
    change: SkuChange | None
    problems: tuple[Problem, ...]


def compared(draft: Draft, sku: Sku) -> Compared:
    """What the row would change."""
    draft = with_base_unit(draft, draft.base_unit or sku.base_unit)
    description = _description(draft, sku)
    further = [unit for unit in draft.units if unit.base_quantity > 1]
    units = tuple(unit for unit in further if find(sku.units, unit.unit_code) is None)
    own = {barcode.key for barcode in sku.barcodes}
    barcodes = tuple(barcode for barcode in draft.barcodes if barcode.key not in own)
    components = _components(draft, sku)
    change = None
    if description != sku.description or units or barcodes or components:
        change = SkuChange(
            sku_code=sku.sku_code,
            product_code=sku.product_code,
            version=sku.version,
            description=description,
            described=description != sku.description,
            name_before=sku.description.name,
            units=units,
            barcodes=barcodes,
            components=components,
        )
    problems = [*_fixed(draft, sku), *_lots_of_bundle(draft, sku), *_unit_problems(draft, sku, change)]
    if change and sku.state is SkuState.RETIRED:
        problems.append(_retired(draft))
    return Compared(sku.product_code, sku.base_unit, sku.kind, change, tuple(problems))


def _description(draft: Draft, sku: Sku) -> Description:
    given = {
        field.name: getattr(draft.description, field.name)
        for field in fields(Description)
        if ("sku_name" if field.name == "name" else field.name) in draft.given
    }
    return replace(sku.description, **given)


def _components(draft: Draft, sku: Sku) -> tuple[Component, ...]:
    if sku.recipe is None or not draft.components:
        return ()
    return () if ordered(draft.components) == sku.recipe.components else draft.components


def _fixed(draft: Draft, sku: Sku) -> Iterator[Problem]:
    """What the row says otherwise although it never changes."""
    kind_given = "kind" in draft.given or "components" in draft.given
    if kind_given and draft.kind is not sku.kind:
        yield _immutable(draft, "kind", _NAMES[draft.kind], _NAMES[sku.kind])
    if "product_code" in draft.given and draft.product_code != sku.product_code:
        yield _immutable(draft, "product_code", draft.product_code, Said(sku.product_code))
    if "base_unit" in draft.given and draft.base_unit != sku.base_unit:
        yield _immutable(draft, "base_unit", draft.base_unit, Said(sku.base_unit))
    if "options" in draft.given and option_key(draft.options) != option_key(sku.options):
        yield _immutable(draft, "options", shown_options(draft.options), Said(shown_options(sku.options)))
    if "state" in draft.given and draft.state is not sku.state:
        yield _immutable(draft, "state", _STATES[draft.state], _STATES[sku.state])


def _lots_of_bundle(draft: Draft, sku: Sku) -> Iterator[Problem]:
    tracking = draft.description.lot_tracking
    if "lot_tracking" in draft.given and sku.kind is SkuKind.BUNDLE and tracking is not LotTracking.NONE:
        name = tracking.name.lower()
        yield problem(draft, "lot_tracking", name, "BAD_CHOICE", NO_LOTS_OF_BUNDLES, NONE_OF_LOTS)


def _immutable(draft: Draft, column: str, value: str, expected: Said) -> Problem:
    return problem(
        draft,
        column,
        value,
        "FIELD_IMMUTABLE",
        Said("is not what the SKU has, and an import does not change it",
             "berbeda dari yang dimiliki SKU, dan impor tidak mengubahnya"),
        expected,
    )  # fmt: skip


def _unit_problems(draft: Draft, sku: Sku, change: SkuChange | None) -> Iterator[Problem]:
    for unit in draft.units:
        known = find(sku.units, unit.unit_code)
        if known and known.base_quantity != unit.base_quantity and "base_unit" not in draft.given:
            column = "carton_quantity" if unit.unit_code == "carton" else "more_units"
            yield _immutable(draft, column, str(unit.base_quantity), Said(str(known.base_quantity)))
    units = (*sku.units, *(change.units if change else ()))
    if len(units) > UNITS_MAX:
        yield _too_many(draft, "more_units", len(units), UNITS_MAX)
    if change and len(sku.barcodes) + len(change.barcodes) > BARCODES_MAX:
        yield _too_many(draft, "more_barcodes", len(sku.barcodes) + len(change.barcodes), BARCODES_MAX)
    for barcode in draft.barcodes:
        if find(units, barcode.unit_code) is None:
            yield problem(
                draft,
                barcode_column(draft, barcode),
                barcode.code,
                "UNIT_NOT_FOUND",
                Said(f"is of the unit {barcode.unit_code}, which the SKU does not have",
                     f"untuk satuan {barcode.unit_code}, yang tidak dimiliki SKU"),
                Said(unit_codes(units)),
            )  # fmt: skip
        owned = next((own for own in sku.barcodes if own.key == barcode.key), None)
        if owned is not None and owned.unit_code != barcode.unit_code:
            yield taken(draft, barcode, sku.sku_code, owned.unit_code)


def _too_many(draft: Draft, column: str, count: int, count_max: int) -> Problem:
    return problem(
        draft,
        column,
        "",
        "OUT_OF_RANGE",
        Said(f"would make it {count}", f"akan menjadi {count}"),
        at_most(count_max),
    )


def _retired(draft: Draft) -> Problem:
    return problem(
        draft,
        "sku_code",
        draft.sku_code,
        "SKU_RETIRED",
        Said("is retired, and the row changes it", "sudah pensiun, dan baris ini mengubahnya"),
        Said("reinstate it first, or leave out the row", "aktifkan dahulu, atau hapus barisnya"),
    )


def taken(draft: Draft, barcode: Barcode, sku_code: str, unit_code: str) -> Problem:
    """A barcode that somebody has."""
    return problem(
        draft,
        barcode_column(draft, barcode),
        barcode.code,
        "BARCODE_TAKEN",
        Said(f"belongs to {sku_code} ({unit_code})", f"milik {sku_code} ({unit_code})"),
        Said("a barcode of its own", "barkode tersendiri"),
    )


def barcode_column(draft: Draft, barcode: Barcode) -> str:
    """Where a row has a barcode."""
    simple = next((own for own in draft.barcodes if own.unit_code == barcode.unit_code), None)
    column = {draft.base_unit: "barcode", "carton": "carton_barcode"}.get(barcode.unit_code, "")
    return column if simple == barcode and column in draft.given else "more_barcodes"


def shown_options(options: tuple[Option, ...]) -> str:
    """Options as a cell has them."""
    return ";".join(f"{option.axis}={option.value}" for option in options)


def problem(draft: Draft, column: str, value: str, reason: str, message: Said, expected: Said) -> Problem:
    """Something wrong with a row that could be read."""
    return Problem(draft.row, column, shortened(value, CELL_SHOWN_LENGTH_MAX), reason, message, expected)
