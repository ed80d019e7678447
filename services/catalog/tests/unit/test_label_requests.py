"""What RenderLabels refuses before it looks anything up."""

from typing import Any

import pytest

from lumbung.catalog.v1 import barcodes_pb2 as pb
from lumbung_catalog.entrypoints.labels import order
from lumbung_kit.failures import BadInput

SVG, PDF = pb.LABEL_FORMAT_SVG, pb.LABEL_FORMAT_PDF_SHEET
KAOS = pb.Label(sku_code="KAOS", copies=1)


@pytest.mark.parametrize(
    ("labels", "fields", "named"),
    [
        ([], {}, ["labels"]),
        ([KAOS] * 201, {}, ["labels"]),
        ([pb.Label(sku_code="KAOS", copies=101)] * 2, {}, ["labels"]),
        ([pb.Label(sku_code="KAOS")], {}, ["labels[0].copies"]),
        ([pb.Label(sku_code="KAOS", copies=-1)], {}, ["labels[0].copies"]),
        ([pb.Label(sku_code="KAOS", copies=201)], {}, ["labels[0].copies", "labels"]),
        ([pb.Label(copies=1)], {}, ["labels[0].sku_code"]),
        ([KAOS, pb.Label(sku_code="KA OS", copies=1)], {}, ["labels[1].sku_code"]),
        ([pb.Label(sku_code="KAOS", unit_code="PCS", copies=1)], {}, ["labels[0].unit_code"]),
        ([pb.Label(sku_code="KAOS", barcode="x" * 65, copies=1)], {}, ["labels[0].barcode"]),
        ([pb.Label(sku_code="KAOS", bin_code="A-1", copies=1)], {}, ["labels[0].sku_code"]),
        ([pb.Label(bin_code="A 1", copies=1)], {}, ["labels[0].bin_code"]),
        ([pb.Label(sku_code="KAOS", copies=1, symbol=9)], {}, ["labels[0].symbol"]),
        ([pb.Label(sku_code="KAOS", copies=1, lot_code="A(1)")], {}, ["labels[0].lot_code"]),
        ([pb.Label(sku_code="KAOS", copies=1, lot_code="x" * 21)], {}, ["labels[0].lot_code"]),
        ([pb.Label(sku_code="KAOS", copies=1, expires_on="2199-01-01")], {}, ["labels[0].expires_on"]),
        ([pb.Label(sku_code="KAOS", copies=1, expires_on="31.3.2027")], {}, ["labels[0].expires_on"]),
        ([pb.Label(sku_code="KAOS", copies=1, lot_code="A", symbol=1)], {}, ["labels[0].symbol"]),
        ([pb.Label(bin_code="A-1", copies=1, lot_code="A")], {}, ["labels[0].lot_code"]),
        ([pb.Label(bin_code="A-1", copies=1, symbol=2)], {}, ["labels[0].symbol"]),
        ([KAOS], {"format": 0}, ["format"]),
        ([KAOS], {"format": 9}, ["format"]),
        ([KAOS], {"size": 99}, ["size"]),
        ([KAOS], {"used_places": 24}, ["used_places"]),
        ([KAOS], {"used_places": -1}, ["used_places"]),
        ([KAOS], {"size": pb.LABEL_SIZE_ROLL_50X30, "used_places": 1}, ["used_places"]),
        ([KAOS, KAOS], {"format": SVG}, ["labels"]),
        ([KAOS], {"format": SVG, "used_places": 1}, ["used_places"]),
    ],
)
def test_bad_input_is_named(labels: list[pb.Label], fields: dict[str, Any], named: list[str]) -> None:
    with pytest.raises(BadInput) as refused:
        order(pb.RenderLabelsRequest(labels=labels, **{"format": PDF, **fields}))
    assert [field.field for field in refused.value.fields] == named
