"""Requests as the domain's things. Each function notes everything that is wrong in a Check."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from lumbung.catalog.v1 import products_pb2, skus_pb2
from lumbung_catalog.domain import gs1, limits
from lumbung_catalog.domain.barcodes import Barcode, BarcodeKind, check_barcodes
from lumbung_catalog.domain.corrections import Correction
from lumbung_catalog.domain.failures import FieldImmutable
from lumbung_catalog.domain.products import Axis, NewProduct, Option, repeated
from lumbung_catalog.domain.skus import Component, Description, LotTracking, NewSku, SkuKind, SkuState
from lumbung_catalog.domain.units import UNIT_CODE, UNIT_CODE_HINT, Unit
from lumbung_kit.failures import FieldViolation
from lumbung_kit.validate import Check

_ONE_LINE = re.compile(r"[^\t\n\r\u2028\u2029]*")
_ONE_LINE_HINT = "must be one line"
_AXIS_NAME = re.compile(r"[^=;|\t\n\r]+")
_AXIS_NAME_HINT = "must be one line without = ; |"
_MEASURES = {
    "weight_g": limits.WEIGHT_G_MAX,
    "length_mm": limits.LENGTH_MM_MAX,
    "width_mm": limits.LENGTH_MM_MAX,
    "height_mm": limits.LENGTH_MM_MAX,
    "volume_ml": limits.VOLUME_ML_MAX,
}
_DESCRIPTION_FIELDS = ("name", *_MEASURES, "fast_mover", "lot_tracking", "shelf_life_days_min")


def name(check: Check, field: str, value: str) -> str:
    """A name for people."""
    return check.text(
        field, value, max_length=limits.NAME_LENGTH_MAX, pattern=_ONE_LINE, hint=_ONE_LINE_HINT
    ).strip()


def reason(check: Check, field: str, value: str, *, required: bool) -> str:
    """Why somebody does something."""
    return check.text(
        field,
        value,
        max_length=limits.REASON_LENGTH_MAX,
        required=required,
        pattern=_ONE_LINE,
        hint=_ONE_LINE_HINT,
    ).strip()


def etag(check: Check, field: str, value: str) -> str:
    """The etag of what the caller has seen."""
    return check.text(field, value, max_length=limits.CODE_LENGTH_MAX)


def state_filter(check: Check, value: skus_pb2.SkuState.ValueType) -> SkuState | None:
    """Unspecified lets every state pass."""
    if value:
        check.choice("state", value, skus_pb2.SkuState)
    return SkuState(value) if int(value) in list(SkuState) else None


def kind_filter(check: Check, value: skus_pb2.SkuKind.ValueType) -> SkuKind | None:
    """Unspecified lets every kind pass."""
    if value:
        check.choice("kind", value, skus_pb2.SkuKind)
    return SkuKind(value) if int(value) in list(SkuKind) else None


def new_product(request: products_pb2.CreateProductRequest) -> NewProduct:
    """A product to be created. Raises BadInput."""
    check = Check()
    check.request_id(request.request_id)
    axes = check.items("option_axes", request.option_axes, minimum=0, maximum=limits.AXES_MAX)
    new = NewProduct(
        product_code=check.code("product_code", request.product_code),
        name=name(check, "name", request.name),
        description=check.text(
            "description", request.description, max_length=limits.DESCRIPTION_LENGTH_MAX, required=False
        ),
        axes=tuple(_axis(check, f"option_axes[{i}]", axis) for i, axis in enumerate(axes)),
    )
    for i in repeated([axis.name for axis in new.axes]):
        check.add(f"option_axes[{i}].name", "is given twice")
    check.done()
    return new


def _axis(check: Check, field: str, axis: products_pb2.OptionAxis) -> Axis:
    axis_name = check.text(
        f"{field}.name",
        axis.name,
        max_length=limits.AXIS_NAME_LENGTH_MAX,
        pattern=_AXIS_NAME,
        hint=_AXIS_NAME_HINT,
    )
    return Axis(axis_name.strip(), option_values(check, f"{field}.values", axis.values, minimum=0))


def option_values(check: Check, field: str, given: Sequence[str], *, minimum: int = 1) -> tuple[str, ...]:
    """Values to allow on one axis, each once."""
    values = check.items(field, given, minimum=minimum, maximum=limits.AXIS_VALUES_MAX)
    for i, value in enumerate(values):
        _option_value(check, f"{field}[{i}]", value)
    for i in repeated(values):
        check.add(f"{field}[{i}]", "is given twice")
    return tuple(value.strip() for value in values)


def _option_value(check: Check, field: str, value: str) -> str:
    return check.text(
        field,
        value,
        max_length=limits.OPTION_VALUE_LENGTH_MAX,
        pattern=_AXIS_NAME,
        hint=_AXIS_NAME_HINT,
    ).strip()


def new_sku(request: skus_pb2.CreateSkuRequest) -> NewSku:
    """A SKU to be created. Raises BadInput, BarcodeInvalid."""
    check = Check()
    check.request_id(request.request_id)
    reason(check, "force_reason", request.force_reason, required=False)
    kind = check.choice("kind", request.kind, skus_pb2.SkuKind)
    units = _units(check, request)
    barcodes = [
        (f"barcodes[{i}]", barcode)
        for i, barcode in enumerate(
            check.items("barcodes", request.barcodes, minimum=0, maximum=limits.BARCODES_MAX)
        )
    ]
    for field, barcode in barcodes:
        _barcode_problems(check, field, barcode, [unit.unit_code for unit in units])
    sku_code = check.code("sku_code", request.sku_code)
    product_code = check.code("product_code", request.product_code)
    about = _description(check, request)
    chosen = _options(check, request.options)
    parts = _new_components(check, request)
    check.done()
    return NewSku(
        sku_code=sku_code,
        product_code=product_code,
        options=chosen,
        kind=SkuKind(kind),
        base_unit=request.base_unit,
        description=about,
        units=units,
        barcodes=_read_barcodes(check, barcodes),
        components=parts,
    )


def _description(check: Check, request: skus_pb2.CreateSkuRequest) -> Description:
    measures = {
        field: check.whole(field, getattr(request, field), minimum=0, maximum=maximum)
        for field, maximum in _MEASURES.items()
    }
    if request.kind == skus_pb2.SKU_KIND_BUNDLE and request.lot_tracking > skus_pb2.LOT_TRACKING_NONE:
        check.add("lot_tracking", "must be none for a bundle")
    return Description(
        name=name(check, "name", request.name),
        fast_mover=request.fast_mover,
        lot_tracking=_lot_tracking(check, "lot_tracking", request.lot_tracking),
        shelf_life_days_min=_shelf_life(check, "shelf_life_days_min", request.shelf_life_days_min),
        **measures,
    )


def _lot_tracking(check: Check, field: str, value: int) -> LotTracking:
    if value and check.choice(field, value, skus_pb2.LotTracking) in set(LotTracking):
        return LotTracking(value)
    return LotTracking.NONE


def _shelf_life(check: Check, field: str, days: int) -> int:
    return check.whole(field, days, minimum=0, maximum=limits.SHELF_LIFE_DAYS_MAX)


def _options(check: Check, options: Sequence[skus_pb2.Option], field: str = "options") -> tuple[Option, ...]:
    given = check.items(field, options, minimum=0, maximum=limits.AXES_MAX)
    for i, option in enumerate(given):
        check.text(f"{field}[{i}].axis", option.axis, max_length=limits.AXIS_NAME_LENGTH_MAX)
        _option_value(check, f"{field}[{i}].value", option.value)
    return tuple(Option(option.axis.strip(), option.value.strip()) for option in given)


def _units(check: Check, request: skus_pb2.CreateSkuRequest) -> tuple[Unit, ...]:
    """The base unit and the further ones."""
    unit_code(check, "base_unit", request.base_unit)
    units = [Unit(request.base_unit, 1)]
    further = check.items("units", request.units, minimum=0, maximum=limits.UNITS_MAX - 1)
    for i, message in enumerate(further):
        unit = further_unit(check, f"units[{i}]", message)
        if any(unit.unit_code == earlier.unit_code for earlier in units):
            check.add(f"units[{i}].unit_code", "is given twice; the base unit is there without being listed")
        units.append(unit)
    return tuple(units)


def further_unit(check: Check, field: str, unit: skus_pb2.Unit) -> Unit:
    """A unit that is not the base unit."""
    unit_code(check, f"{field}.unit_code", unit.unit_code)
    check.whole(f"{field}.base_quantity", unit.base_quantity, minimum=2, maximum=limits.UNIT_QUANTITY_MAX)
    return Unit(unit.unit_code, unit.base_quantity)


def unit_code(check: Check, field: str, value: str) -> str:
    """The short name of a unit."""
    return check.text(field, value, max_length=limits.CODE_LENGTH_MAX, pattern=UNIT_CODE, hint=UNIT_CODE_HINT)


def barcode_to_add(check: Check, field: str, barcode: skus_pb2.Barcode) -> Barcode:
    """One barcode. Raises BadInput for everything in the check, BarcodeInvalid."""
    unit_code(check, f"{field}.unit_code", barcode.unit_code)
    _barcode_problems(check, field, barcode, [barcode.unit_code])
    check.done()
    return _read_barcodes(check, [(field, barcode)])[0]


def scanned(check: Check, field: str, value: str) -> str:
    """What a scanner sent: it may hold the separators of GS1 messages, and no other control character."""
    check.text(field, value.replace(gs1.SEPARATOR, " "), max_length=limits.SCAN_LENGTH_MAX)
    return value


def _barcode_problems(check: Check, field: str, barcode: skus_pb2.Barcode, unit_codes: Sequence[str]) -> None:
    check.text(f"{field}.code", barcode.code, max_length=limits.BARCODE_LENGTH_MAX)
    check.choice(f"{field}.kind", barcode.kind, skus_pb2.BarcodeKind)
    if barcode.unit_code not in unit_codes:
        check.add(f"{field}.unit_code", f"must be one of {', '.join(unit_codes)}")


def _read_barcodes(check: Check, messages: Sequence[tuple[str, skus_pb2.Barcode]]) -> tuple[Barcode, ...]:
    """Barcodes of the right form, each once."""
    fields = [f"{field}.code" for field, _ in messages]
    barcodes = tuple(Barcode(m.code, BarcodeKind(m.kind), m.unit_code) for _, m in messages)
    check_barcodes(barcodes, fields)
    keys = [barcode.key for barcode in barcodes]
    for place, key in enumerate(keys):
        if key in keys[:place]:
            check.add(fields[place], "is given twice")
    check.done()
    return barcodes


def _new_components(check: Check, request: skus_pb2.CreateSkuRequest) -> tuple[Component, ...]:
    if request.kind == skus_pb2.SKU_KIND_BUNDLE:
        return components(check, request.components)
    if request.components:
        check.add("components", "must be empty unless kind is SKU_KIND_BUNDLE")
    return ()


def components(check: Check, messages: Sequence[skus_pb2.Component]) -> tuple[Component, ...]:
    """What a bundle consumes: 1 to 20 components, each once."""
    given = check.items("components", messages, maximum=limits.COMPONENTS_MAX)
    codes: set[str] = set()
    for i, component in enumerate(given):
        check.code(f"components[{i}].sku_code", component.sku_code)
        check.quantity(f"components[{i}].quantity", component.quantity, maximum=limits.COMPONENT_QUANTITY_MAX)
        if component.sku_code in codes:
            check.add(f"components[{i}].sku_code", "is given twice")
        codes.add(component.sku_code)
    return tuple(Component(component.sku_code, component.quantity) for component in given)


def sku_changes(check: Check, sku: skus_pb2.Sku, paths: Sequence[str]) -> Mapping[str, Any]:
    """The fields of a description that change. Raises FieldImmutable."""
    _require_mutable(check, paths, _DESCRIPTION_FIELDS)
    changes: dict[str, Any] = {}
    for path in paths:
        if path == "name":
            changes[path] = name(check, "sku.name", sku.name)
        elif path == "fast_mover":
            changes[path] = sku.fast_mover
        elif path == "lot_tracking":
            changes[path] = _lot_tracking(check, "sku.lot_tracking", sku.lot_tracking)
        elif path == "shelf_life_days_min":
            changes[path] = _shelf_life(check, "sku.shelf_life_days_min", sku.shelf_life_days_min)
        else:
            maximum = _MEASURES[path]
            changes[path] = check.whole(f"sku.{path}", getattr(sku, path), minimum=0, maximum=maximum)
    return changes


def correction(check: Check, sku: skus_pb2.Sku, paths: Sequence[str]) -> Correction:
    """What is set right of a SKU. Raises FieldImmutable."""
    _require_mutable(check, paths, ("product_code", "options", "base_unit"))
    return Correction(
        product_code=check.code("sku.product_code", sku.product_code) if "product_code" in paths else None,
        options=_options(check, sku.options, "sku.options") if "options" in paths else None,
        base_unit=unit_code(check, "sku.base_unit", sku.base_unit) if "base_unit" in paths else None,
    )


def product_changes(check: Check, product: products_pb2.Product, paths: Sequence[str]) -> dict[str, str]:
    """The fields of a product that change. Raises FieldImmutable."""
    _require_mutable(check, paths, ("name", "description"))
    changes = {}
    if "name" in paths:
        changes["name"] = name(check, "product.name", product.name)
    if "description" in paths:
        changes["description"] = check.text(
            "product.description",
            product.description,
            max_length=limits.DESCRIPTION_LENGTH_MAX,
            required=False,
        )
    return changes


def _require_mutable(check: Check, paths: Sequence[str], mutable: Sequence[str]) -> None:
    if not paths:
        check.add("update_mask", f"must name at least one of {', '.join(mutable)}")
    fixed = [path for path in paths if path not in mutable]
    if fixed:
        raise FieldImmutable(
            f"{fixed[0]} cannot be changed; {', '.join(mutable)} can.",
            metadata={"field": fixed[0]},
            fields=[FieldViolation("update_mask", f"must not name {path}") for path in fixed[:20]],
        )
