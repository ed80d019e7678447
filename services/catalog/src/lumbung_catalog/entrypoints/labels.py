"""What RenderLabels is asked, as the domain's things."""

from dataclasses import dataclass

from lumbung.catalog.v1 import barcodes_pb2 as pb
from lumbung_catalog.domain import limits
from lumbung_catalog.domain.label_sizes import SHEETS, LabelSize, Sheet
from lumbung_catalog.entrypoints import requests
from lumbung_catalog.usecases.render_labels import Wanted
from lumbung_kit.validate import Check


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
    return Wanted(
        sku_code=label.sku_code,
        unit_code=label.unit_code,
        barcode=label.barcode,
        bin_code=label.bin_code,
        copies=label.copies,
        as_qr=label.symbol == pb.LABEL_SYMBOL_QR,
    )
