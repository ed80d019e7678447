"""Draw labels for units of SKUs and for bins."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lumbung_catalog.domain.barcodes import Barcode, BarcodeKind, lookup_keys
from lumbung_catalog.domain.failures import BarcodeUnknown, SkuNotFound, UnitNotFound
from lumbung_catalog.domain.gs1 import LotLabel, elements_of
from lumbung_catalog.domain.label_files import pdf, svg
from lumbung_catalog.domain.label_sizes import Sheet
from lumbung_catalog.domain.labels import Content, drawn
from lumbung_catalog.domain.skus import Sku, unit_codes
from lumbung_catalog.domain.units import find
from lumbung_catalog.stores import skus
from lumbung_kit.failures import FieldViolation
from lumbung_kit.postgres import Postgres

NO_LOT = LotLabel()


@dataclass(frozen=True, slots=True)
class Wanted:
    """A label as somebody asked for it; empty fields mean what the contract says."""

    sku_code: str
    unit_code: str
    barcode: str
    bin_code: str
    copies: int
    as_qr: bool
    as_gs1: bool = False
    said: LotLabel = NO_LOT


async def render_labels(
    postgres: Postgres, wanted: Sequence[Wanted], sheet: Sheet, *, as_svg: bool, used_places: int = 0
) -> bytes:
    """The file. Raises SkuNotFound, UnitNotFound, BarcodeUnknown, naming every label concerned; LabelTooSmall."""
    async with postgres.connection() as conn:
        known = await skus.load(conn, sorted({one.sku_code for one in wanted if one.sku_code}))
    contents = _contents(wanted, known)
    return await asyncio.to_thread(_file, contents, wanted, sheet, as_svg, used_places)


def _file(
    contents: Sequence[Content], wanted: Sequence[Wanted], sheet: Sheet, as_svg: bool, used_places: int
) -> bytes:
    drawings = [drawn(content, sheet) for content in contents]
    if as_svg:
        return svg(drawings[0], sheet)
    copied = [one for one, asked in zip(drawings, wanted, strict=True) for _ in range(asked.copies)]
    return pdf(copied, sheet, used_places)


def _contents(wanted: Sequence[Wanted], known: Mapping[str, Sku]) -> list[Content]:
    goods = [(i, one) for i, one in enumerate(wanted) if one.sku_code]
    missing = [
        FieldViolation(f"labels[{i}].sku_code", f"{one.sku_code} does not exist")
        for i, one in goods
        if one.sku_code not in known
    ]
    if missing:
        raise SkuNotFound(fields=missing)
    no_unit = [
        FieldViolation(f"labels[{i}].unit_code", f"must be one of {unit_codes(known[one.sku_code].units)}")
        for i, one in goods
        if one.unit_code and not find(known[one.sku_code].units, one.unit_code)
    ]
    if no_unit:
        raise UnitNotFound(fields=no_unit)
    chosen = {i: _barcode(known[one.sku_code], one) for i, one in goods}
    _require_barcodes(wanted, chosen)
    return [
        _goods(known[one.sku_code], barcode, one) if (barcode := chosen.get(i)) else _bin(one)
        for i, one in enumerate(wanted)
    ]


def _require_barcodes(wanted: Sequence[Wanted], chosen: Mapping[int, Barcode | None]) -> None:
    unknown = [
        FieldViolation(f"labels[{i}].barcode", "must be a barcode of this unit")
        if wanted[i].barcode and not wanted[i].as_gs1
        else FieldViolation(f"labels[{i}]", f"is of a unit that has no {_what(wanted[i])}; add one first")
        for i, barcode in chosen.items()
        if barcode is None
    ]
    if unknown:
        raise BarcodeUnknown("A unit to be labelled does not have the barcode.", fields=unknown)


def _what(wanted: Wanted) -> str:
    return "GTIN, which a GS1 symbol needs" if wanted.as_gs1 else "barcode"


def _barcode(sku: Sku, wanted: Wanted) -> Barcode | None:
    """The one that was asked for, or the unit's first GTIN, or its first of all."""
    unit_code = wanted.unit_code or sku.base_unit
    own = [
        barcode
        for barcode in sku.barcodes
        if barcode.unit_code == unit_code and (barcode.kind is BarcodeKind.GTIN or not wanted.as_gs1)
    ]
    if wanted.barcode:
        keys = lookup_keys(wanted.barcode)
        return next((barcode for barcode in own if barcode.key in keys), None)
    return min(own, key=lambda barcode: barcode.kind is not BarcodeKind.GTIN, default=None)


def _goods(sku: Sku, barcode: Barcode, wanted: Wanted) -> Content:
    quantity = next(unit.base_quantity for unit in sku.units if unit.unit_code == barcode.unit_code)
    unit = barcode.unit_code if quantity == 1 else f"{barcode.unit_code} = {quantity} {sku.base_unit}"
    elements = tuple(elements_of(barcode.code, wanted.said)) if wanted.as_gs1 else ()
    return Content(sku.description.name, f"{sku.sku_code} · {unit}", barcode, wanted.as_qr, elements)


def _bin(wanted: Wanted) -> Content:
    code = wanted.bin_code
    return Content(code, "", Barcode(code, BarcodeKind.INTERNAL, ""), wanted.as_qr)
