"""What RenderLabels is asked, as the domain's things."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime

from lumbung.catalog.v1 import barcodes_pb2 as pb
from lumbung_catalog.domain import limits
from lumbung_catalog.domain.gs1 import LOT_FORM, YEARS_AHEAD_MAX, YEARS_BACK_MAX, LotLabel, is_year_said
from lumbung_catalog.domain.label_sizes import SHEETS, LabelSize, Sheet
from lumbung_catalog.entrypoints import requests
from lumbung_catalog.usecases.render_labels import NO_LOT, Wanted
from lumbung_kit.validate import Check

_GS1 = (pb.LABEL_SYMBOL_GS1_128, pb.LABEL_SYMBOL_GS1_DATA_MATRIX)


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be drawn, and on what."""

    wanted: tuple[Wanted, ...]
    sheet: Sheet
    as_svg: bool
    used_places: int


def order(request: pb.RenderLabelsRequest) -> Order:
    """The labels that were asked for. Raises BadInput."""
    check = Check()
    labels = check.items("labels", request.labels, maximum=limits.LABELS_MAX)
    wanted = tuple(_wanted(check, f"labels[{i}]", label) for i, label in enumerate(labels))
    check.choice("format", request.format, pb.LabelFormat)
    if request.size:
        check.choice("size", request.size, pb.LabelSize)
    known = int(request.size) in list(LabelSize)
    sheet = SHEETS[LabelSize(request.size) if known else LabelSize.A4_70X37]
    as_svg = request.format == pb.LABEL_FORMAT_SVG
    _check_count(check, sum(one.copies for one in wanted), as_svg=as_svg)
    places_max = 0 if as_svg else sheet.places - 1
    check.whole("used_places", request.used_places, minimum=0, maximum=places_max)
    check.done()
    return Order(wanted, sheet, as_svg, request.used_places)


def _check_count(check: Check, count: int, *, as_svg: bool) -> None:
    if as_svg and count > 1:
        check.add("labels", "must be one label, once, for LABEL_FORMAT_SVG")
    elif count > limits.LABELS_MAX:
        check.add("labels", f"must be at most {limits.LABELS_MAX} with copies counted")


def _wanted(check: Check, field: str, label: pb.Label) -> Wanted:
    if label.bin_code:
        check.code(f"{field}.bin_code", label.bin_code)
        for name in ("sku_code", "unit_code", "barcode"):
            if getattr(label, name):
                check.add(f"{field}.{name}", "must be empty for the label of a bin")
    else:
        check.code(f"{field}.sku_code", label.sku_code)
        if label.unit_code:
            requests.unit_code(check, f"{field}.unit_code", label.unit_code)
        if label.barcode:
            check.text(f"{field}.barcode", label.barcode, max_length=limits.BARCODE_LENGTH_MAX)
    check.whole(f"{field}.copies", label.copies, minimum=1, maximum=limits.LABELS_MAX)
    if label.symbol:
        check.choice(f"{field}.symbol", label.symbol, pb.LabelSymbol)
    says_lot = bool(label.lot_code or label.expires_on)
    said = _said(check, field, label) if says_lot else NO_LOT
    as_gs1 = label.symbol in _GS1 or (says_lot and not label.symbol)
    if as_gs1 and label.bin_code and not says_lot:
        check.add(f"{field}.symbol", "must not be a GS1 symbol for the label of a bin")
    return Wanted(
        sku_code=label.sku_code,
        unit_code=label.unit_code,
        barcode=label.barcode,
        bin_code=label.bin_code,
        copies=label.copies,
        as_qr=label.symbol in (pb.LABEL_SYMBOL_QR, pb.LABEL_SYMBOL_GS1_DATA_MATRIX),
        as_gs1=as_gs1,
        said=said,
    )


def _said(check: Check, field: str, label: pb.Label) -> LotLabel:
    """What a label says besides the GTIN, in the form in which GS1 has it."""
    for name in ("lot_code", "expires_on"):
        if label.bin_code and getattr(label, name):
            check.add(f"{field}.{name}", "must be empty for the label of a bin")
    if label.symbol and label.symbol not in _GS1:
        check.add(f"{field}.symbol", "must be a GS1 symbol, or unspecified, for a label with a lot")
    if label.lot_code and not re.fullmatch(LOT_FORM, label.lot_code):
        check.add(
            f"{field}.lot_code", "must be 1-20 of A-Z a-z 0-9 and the signs of GS1's lots, without brackets"
        )
    return LotLabel(label.lot_code, _day(check, f"{field}.expires_on", label.expires_on))


def _day(check: Check, field: str, text: str) -> date | None:
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = date.min
    this_year = datetime.now(UTC).year
    if day.isoformat() != text or not is_year_said(day.year, this_year):
        first, last = this_year - YEARS_BACK_MAX, this_year + YEARS_AHEAD_MAX
        check.add(field, f"must be a day such as 2027-03-31, of the years {first} to {last}")
        return None
    return day
