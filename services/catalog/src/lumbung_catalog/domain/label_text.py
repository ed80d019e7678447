"""Text on labels: how wide it is, and cut so that it fits. The font is Noto Sans (SIL Open Font License 1.1)."""

import unicodedata
from functools import cache
from importlib.resources import as_file, files
from typing import Any

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

FONT = "NotoSans"
_FONT_FILE = ("fontpkg_noto_sans", "files", "NotoSans[wdth,wght].ttf")
_ELLIPSIS = "…"
_JOINER = "\u200d"


@cache
def font() -> Any:
    """The font, known to the PDF library from then on."""
    package, *path = _FONT_FILE
    with as_file(files(package).joinpath(*path)) as file:
        pdfmetrics.registerFont(TTFont(FONT, str(file)))
    return pdfmetrics.getFont(FONT)


def width_mm(text: str, size_mm: float) -> float:
    """How wide a text is."""
    return float(font().stringWidth(text, size_mm))


def shown(text: str) -> str:
    """The text with a question mark, which is narrower than the font's blank, for each character that it lacks."""
    known = font().face.charToGlyph
    return "".join(c if ord(c) in known else "?" for c in text)


def lines(text: str, size_mm: float, room_mm: float, lines_max: int) -> list[str]:
    """The text in lines that fit, broken between words where that is possible, with a mark where it was cut."""
    rest = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    found: list[str] = []
    while rest and len(found) < lines_max:
        if len(found) == lines_max - 1:
            return [*found, _cut(rest, size_mm, room_mm)]
        line = _line(rest, size_mm, room_mm)
        found.append(line.rstrip())
        rest = rest[len(line) :].lstrip()
    return found


def _line(text: str, size_mm: float, room_mm: float) -> str:
    if width_mm(text, size_mm) <= room_mm:
        return text
    head = _head(text, size_mm, room_mm)
    if text[len(head)] == " ":
        return head
    space = head.rfind(" ")
    return head[:space] if space > 0 else head


def _cut(text: str, size_mm: float, room_mm: float) -> str:
    if width_mm(text, size_mm) <= room_mm:
        return text
    return _head(text, size_mm, room_mm - width_mm(_ELLIPSIS, size_mm)).rstrip() + _ELLIPSIS


def _head(text: str, size_mm: float, room_mm: float) -> str:
    """As much of a text as fits, at least one character; never a letter without the marks that belong to it."""
    end = 1
    while end < len(text) and width_mm(text[: end + 1], size_mm) <= room_mm:
        end += 1
    while end > 1 and end < len(text) and _belongs_to_the_one_before(text, end):
        end -= 1
    return text[:end]


def _belongs_to_the_one_before(text: str, at: int) -> bool:
    return unicodedata.category(text[at]).startswith("M") or text[at] == _JOINER or text[at - 1] == _JOINER
