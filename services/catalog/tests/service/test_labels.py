"""RenderLabels over a socket."""

import io
from typing import Any

import pypdfium2
import resvg_py
import zxingcpp
from PIL import Image

from lumbung.catalog.v1 import barcodes_pb2 as pb
from lumbung.catalog.v1 import skus_pb2
from lumbung_kit.failures import Kind

GTIN, INTERNAL = skus_pb2.BARCODE_KIND_GTIN, skus_pb2.BARCODE_KIND_INTERNAL
SVG, PDF = pb.LABEL_FORMAT_SVG, pb.LABEL_FORMAT_PDF_SHEET
KAOS = pb.Label(sku_code="KAOS", copies=1)


async def stocked(catalog: Any) -> None:
    """A SKU with barcodes on two of its three units, and one without any."""
    await catalog.sku(
        "KAOS",
        name="Kaos Polos Hitam",
        units=[
            skus_pb2.Unit(unit_code="carton", base_quantity=24),
            skus_pb2.Unit(unit_code="pack", base_quantity=6),
        ],
        barcodes=[
            skus_pb2.Barcode(code="01-KAOS", kind=INTERNAL, unit_code="pcs"),
            skus_pb2.Barcode(code="8991234567891", kind=GTIN, unit_code="pcs"),
            skus_pb2.Barcode(code="18991234567898", kind=GTIN, unit_code="carton"),
        ],
    )
    await catalog.sku("TAS", name="Sesuatu yang lain")


async def rendered(catalog: Any, *labels: pb.Label, **fields: Any) -> bytes:
    """The file; no piece of it is larger than promised."""
    request = pb.RenderLabelsRequest(labels=labels, **{"format": PDF, **fields})
    chunks = [answer.chunk async for answer in catalog.barcodes.RenderLabels(request)]
    assert all(0 < len(chunk) <= 65_536 for chunk in chunks)
    return b"".join(chunks)


def scanned(file: bytes) -> list[list[str]]:
    """What a scanner reads on each page."""
    document = pypdfium2.PdfDocument(file)
    images = [document[i].render(scale=300 / 72).to_pil().convert("L") for i in range(len(document))]
    document.close()
    return [sorted(one.text for one in zxingcpp.read_barcodes(image)) for image in images]


async def test_what_is_printed_resolves_to_what_it_was_printed_for(catalog: Any) -> None:
    await stocked(catalog)
    cases = [
        (KAOS, ("KAOS", "pcs", 1)),
        (pb.Label(sku_code="KAOS", unit_code="carton", copies=1), ("KAOS", "carton", 24)),
        (pb.Label(sku_code="KAOS", barcode="01-KAOS", copies=1), ("KAOS", "pcs", 1)),
        (pb.Label(sku_code="KAOS", copies=1, symbol=pb.LABEL_SYMBOL_QR), ("KAOS", "pcs", 1)),
    ]
    for label, expected in cases:
        file = await rendered(catalog, label, format=SVG)
        image = Image.open(io.BytesIO(bytes(resvg_py.svg_to_bytes(svg_string=file.decode(), dpi=300))))
        (found,) = zxingcpp.read_barcodes(image.convert("L"))
        answer = await catalog.barcodes.ResolveBarcode(pb.ResolveBarcodeRequest(code=found.text))
        barcode = answer.barcode
        assert (barcode.sku_code, barcode.unit_code, barcode.base_quantity) == expected


async def test_a_label_with_a_lot_and_its_last_day_resolves_to_them(catalog: Any) -> None:
    await stocked(catalog)
    cases = [
        (pb.LABEL_SYMBOL_UNSPECIFIED, pb.LABEL_SIZE_ROLL_100X50, "Code128"),
        (pb.LABEL_SYMBOL_UNSPECIFIED, pb.LABEL_SIZE_ROLL_50X30, "DataMatrix"),
        (pb.LABEL_SYMBOL_GS1_128, pb.LABEL_SIZE_A4_99X38, "Code128"),
        (pb.LABEL_SYMBOL_GS1_DATA_MATRIX, pb.LABEL_SIZE_A4_70X37, "DataMatrix"),
    ]
    for symbol, size, drawn in cases:
        label = pb.Label(
            sku_code="KAOS",
            unit_code="carton",
            copies=1,
            symbol=symbol,
            lot_code="L-7/b",
            expires_on="2027-03-31",
        )
        svg = (await rendered(catalog, label, format=SVG, size=size)).decode()
        image = Image.open(io.BytesIO(bytes(resvg_py.svg_to_bytes(svg_string=svg, dpi=300))))
        (document,) = scanned(await rendered(catalog, label, size=size))
        (found,) = zxingcpp.read_barcodes(image.convert("L"))
        assert (found.format.name, found.content_type.name) == (drawn, "GS1")
        assert document == [found.text]
        code = f"{found.symbology_identifier}{found.bytes.decode()}"
        answer = await catalog.barcodes.ResolveBarcode(pb.ResolveBarcodeRequest(code=code))
        barcode = answer.barcode
        assert (barcode.sku_code, barcode.unit_code, barcode.base_quantity) == ("KAOS", "carton", 24)
        assert (barcode.lot, barcode.expiry_date) == ("L-7/b", "2027-03-31")


async def test_a_gs1_symbol_needs_a_gtin(catalog: Any, refusal: Any) -> None:
    await stocked(catalog)
    for barcode in ("", "01-KAOS"):
        label = pb.Label(sku_code="KAOS", unit_code="pcs", barcode=barcode, copies=1, lot_code="L1")
        if not barcode:
            label.sku_code = "TAS"
        refused = await refusal(rendered(catalog, label))
        assert (refused.reason, [one.field for one in refused.fields]) == ("BARCODE_UNKNOWN", ["labels[0]"])


async def test_a_sheet_has_every_copy_in_pages_of_its_size_also_of_what_is_retired(catalog: Any) -> None:
    await stocked(catalog)
    await catalog.skus.RetireSku(
        skus_pb2.RetireSkuRequest(request_id="r", sku_code="KAOS", etag="1", reason="habis")
    )
    before = await catalog.everything()
    bins = pb.Label(bin_code="A-01-3", copies=2)
    file = await rendered(
        catalog, pb.Label(sku_code="KAOS", copies=2), bins, size=pb.LABEL_SIZE_A4_99X38, used_places=12
    )
    assert scanned(file) == [["8991234567891"] * 2, ["A-01-3"] * 2]
    assert scanned(await rendered(catalog, bins, size=pb.LABEL_SIZE_ROLL_50X30)) == [["A-01-3"]] * 2
    assert await catalog.everything() == before


async def test_the_most_labels_at_once_come_in_pieces(catalog: Any) -> None:
    await stocked(catalog)
    file = await rendered(catalog, *[pb.Label(bin_code=f"RAK-{i:03d}", copies=1) for i in range(200)])
    document = pypdfium2.PdfDocument(file)
    assert len(document) == 9
    document.close()


async def test_bad_input_is_refused(catalog: Any, refusal: Any) -> None:
    refused = await refusal(rendered(catalog, KAOS, used_places=24))
    assert (refused.kind, refused.reason) == (Kind.INVALID_ARGUMENT, "BAD_INPUT")
    assert [field.field for field in refused.fields] == ["used_places"]


async def test_what_there_is_not_is_named_for_every_label(catalog: Any, refusal: Any) -> None:
    await stocked(catalog)
    cases = [
        (pb.Label(sku_code="X", copies=1), "SKU_NOT_FOUND", "labels[1].sku_code"),
        (pb.Label(sku_code="KAOS", unit_code="box", copies=1), "UNIT_NOT_FOUND", "labels[1].unit_code"),
        (pb.Label(sku_code="KAOS", unit_code="pack", copies=1), "BARCODE_UNKNOWN", "labels[1]"),
        (pb.Label(sku_code="TAS", copies=1), "BARCODE_UNKNOWN", "labels[1]"),
        (pb.Label(sku_code="KAOS", barcode="LAIN", copies=1), "BARCODE_UNKNOWN", "labels[1].barcode"),
        (
            pb.Label(sku_code="KAOS", barcode="18991234567898", copies=1),
            "BARCODE_UNKNOWN",
            "labels[1].barcode",
        ),
    ]
    for label, reason, field in cases:
        refused = await refusal(rendered(catalog, KAOS, label, KAOS, label))
        assert (refused.kind, refused.reason) == (Kind.NOT_FOUND, reason)
        assert [one.field for one in refused.fields] == [field, field.replace("[1]", "[3]")]
