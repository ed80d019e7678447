"""Labels as files: SVG of one, PDF of many."""

import io
from collections.abc import Sequence
from xml.sax.saxutils import escape

from reportlab.pdfgen.canvas import Canvas

from lumbung_catalog.domain.label_sizes import Sheet
from lumbung_catalog.domain.label_text import FONT, font, shown
from lumbung_catalog.domain.labels import Drawing

POINTS_PER_MM = 72 / 25.4


def svg(label: Drawing, sheet: Sheet) -> bytes:
    """One label on white ground. The text is in the viewer's font where it has no Noto Sans, and is kept inside."""
    width, height = f"{sheet.label_width_mm:g}", f"{sheet.label_height_mm:g}"
    path = "".join(
        f"M{box.left:.4f} {box.top:.4f}h{box.width:.4f}v{box.height:.4f}h{-box.width:.4f}z"
        for box in label.boxes
    )
    texts = "".join(
        f'<text x="{line.left:.3f}" y="{line.baseline:.3f}" font-size="{line.size:g}">{escape(line.text)}</text>'
        for line in label.lines
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}mm" height="{height}mm" '
        f'viewBox="0 0 {width} {height}"><rect width="{width}" height="{height}" fill="#fff"/>'
        f'<path d="{path}" shape-rendering="crispEdges"/>'
        f'<g font-family="Noto Sans, Arial, sans-serif">{texts}</g></svg>\n'
    ).encode()


def pdf(labels: Sequence[Drawing], sheet: Sheet, used_places: int) -> bytes:
    """Every label in its place, page after page. The same labels make the same bytes."""
    font()
    file = io.BytesIO()
    size = (sheet.page_width_mm * POINTS_PER_MM, sheet.page_height_mm * POINTS_PER_MM)
    canvas = Canvas(file, pagesize=size, invariant=1)
    canvas.setTitle("Label")
    for page in sheet.pages(len(labels), used_places):
        canvas.scale(POINTS_PER_MM, POINTS_PER_MM)
        first_place = used_places if page.start == 0 else 0
        for place, number in enumerate(page, first_place):
            _draw(canvas, labels[number], sheet, place)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def _draw(canvas: Canvas, label: Drawing, sheet: Sheet, place: int) -> None:
    """Millimetres from the page's lower edge, as PDF counts."""
    left, top = sheet.corner(place)
    up = sheet.page_height_mm - top
    for box in label.boxes:
        canvas.rect(left + box.left, up - box.top - box.height, box.width, box.height, stroke=0, fill=1)
    for line in label.lines:
        canvas.setFont(FONT, line.size)
        canvas.drawString(left + line.left, up - line.baseline, shown(line.text))
