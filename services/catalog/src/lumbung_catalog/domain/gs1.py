"""GS1 element strings: what GS1-128, GS1 DataMatrix, GS1 QR and GS1 DataBar symbols say besides a GTIN.

Three forms of one message are read: as a scanner sends it (with GS characters, and perhaps the symbology's
identifier), as people type it with the identifiers in brackets, and as a GS1 Digital Link URI.
Sources: GS1 General Specifications, sections 3 (application identifiers), 4.14 (which belong together) and 7.8
(how a symbol's data is read); ISO/IEC 15424 (symbology identifiers); GS1 Digital Link: URI Syntax.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from urllib.parse import parse_qsl, unquote, urlsplit

from biip import ParseError
from biip.gs1_element_strings import GS1ElementString

SEPARATOR = "\x1d"
COUNT_MAX = 99_999_999
"""AI 30 and 37 have at most eight digits."""

YEARS_BACK_MAX, YEARS_AHEAD_MAX = 49, 50
LOT_FORM = r"[!\"%&'*+,\-./0-9:;<=>?A-Z_a-z]{1,20}"
"""What a lot on a label may consist of: GS1's character set 82 without brackets: those stand around identifiers."""

_GTIN, _CONTENT, _COUNT, _VARIABLE_COUNT = "01", "02", "37", "30"
_LOT, _SERIAL, _EXPIRY, _BEST_BEFORE = "10", "21", "17", "15"
_SYMBOLOGY = re.compile(r"\]([A-Za-z])([0-9A-Za-z])")
_GS1_SYMBOLOGIES = ("]C1", "]d2", "]Q3", "]e0", "]J1")
_BRACKETED = re.compile(r"\(([0-9]{2,4})\)")
_UNMARKED = re.compile(r"0[12][0-9]{14}|00[0-9]{18}")
_LINK_QUALIFIERS = ("22", "10", "21", "235")


class UnreadableError(Exception):
    """The text claims to be a GS1 message and is not one; the message completes "the barcode ..."."""

    def __init__(self, problem: str, expected: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.expected = expected


@dataclass(frozen=True, slots=True)
class Message:
    """What a GS1 symbol says about goods. Dates with day 00 mean the last day of the month."""

    gtin: str
    count: int = 1
    lot: str = ""
    serial: str = ""
    expiry_date: date | None = None
    best_before_date: date | None = None


def without_symbology(text: str) -> tuple[str, bool]:
    """The data behind a symbology identifier, and whether that says that it is a GS1 message."""
    if _SYMBOLOGY.match(text):
        return text[3:], text.startswith(_GS1_SYMBOLOGIES)
    return text, False


def claims_to_be_gs1(data: str) -> bool:
    """Whether a text without symbology identifier has the form of a GS1 message, right or wrong."""
    return (
        SEPARATOR in data
        or _BRACKETED.match(data) is not None
        or _UNMARKED.match(data) is not None
        or _link_path(data) is not None
    )


def read(data: str) -> Message:
    """The message that a text holds. Raises UnreadableError with what is wrong."""
    if _BRACKETED.match(data):
        elements = [_whole(ai, value) for ai, value in _bracketed(data)]
    elif (path := _link_path(data)) is not None:
        elements = [_whole(ai, value) for ai, value in _linked(path, urlsplit(data).query)]
    else:
        elements = list(_scanned(data))
    return _message(_each_once(elements))


def _bracketed(data: str) -> Iterator[tuple[str, str]]:
    """(01)0899...(10)A1 in pairs, with the spaces that people put between."""
    parts = _BRACKETED.split(data)[1:]
    for ai, value in zip(parts[::2], parts[1::2], strict=True):
        yield ai, value.strip(" ")


def _link_path(data: str) -> list[str] | None:
    """The path of a Digital Link from its GTIN on, still encoded; none when the text is no such link."""
    if not data.lower().startswith(("https://", "http://")):
        return None
    try:
        segments = urlsplit(data).path.split("/")
    except ValueError:
        return None
    return segments[segments.index(_GTIN) :] if _GTIN in segments else None


def _linked(path: Sequence[str], query: str) -> Iterator[tuple[str, str]]:
    """The pairs of a Digital Link. A GTIN may have lost its leading zeros there; other parameters are the site's."""
    if len(path) % 2:
        raise UnreadableError("is a link that breaks off", "https://.../01/GTIN")
    yield _GTIN, path[1].zfill(14)
    for ai, value in zip(path[2::2], path[3::2], strict=True):
        if ai not in _LINK_QUALIFIERS:
            raise UnreadableError(
                f"is a link with {ai[:20]!r} in its path",
                f"one of {', '.join(_LINK_QUALIFIERS)} after the GTIN",
            )
        yield ai, unquote(value)
    for ai, value in parse_qsl(query, keep_blank_values=True):
        if re.fullmatch("[0-9]{2,4}", ai):
            yield ai, value


def _scanned(data: str) -> Iterator[GS1ElementString]:
    """The elements one after the other: those of variable length end with a separator or with the data."""
    rest = data.lstrip(SEPARATOR)
    while rest:
        element = _element(rest)
        rest = rest[len(element.ai.ai) + len(element.value) :]
        if element.ai.separator_required and rest and not rest.startswith(SEPARATOR):
            raise UnreadableError(
                f"has too many or forbidden characters in ({element.ai.ai})",
                f"{element.ai.data_title} in the form {element.ai.format}, then a separator",
            )
        yield element
        rest = rest.lstrip(SEPARATOR)


def _whole(ai: str, value: str) -> GS1ElementString:
    """An element whose end is known."""
    element = _element(ai + value)
    if (element.ai.ai, element.value) != (ai, value):
        raise UnreadableError(
            f"has a wrong value in ({ai})", f"{element.ai.data_title} in the form {element.ai.format}"
        )
    return element


def _element(text: str) -> GS1ElementString:
    """The first element of a text, checked by itself."""
    unreadable = UnreadableError(
        f"cannot be read at {text[:20]!r}", "a known application identifier with a value of its form"
    )
    if not text.isascii():  # other scripts have digits too
        raise unreadable
    try:
        element = GS1ElementString.extract(text)
    except ParseError as error:
        raise unreadable from error
    if element.gtin_error is not None:
        raise UnreadableError(f"has a wrong GTIN in ({element.ai.ai})", "14 digits with their check digit")
    if element.sscc_error is not None:
        raise UnreadableError(f"has a wrong SSCC in ({element.ai.ai})", "18 digits with their check digit")
    return element


def _each_once(elements: Sequence[GS1ElementString]) -> dict[str, GS1ElementString]:
    """By identifier; one that is repeated must say the same."""
    found: dict[str, GS1ElementString] = {}
    for element in elements:
        earlier = found.setdefault(element.ai.ai, element)
        if earlier.value != element.value:
            raise UnreadableError(f"says two things in ({element.ai.ai})", "each identifier once")
    return found


def _message(found: dict[str, GS1ElementString]) -> Message:
    """What the elements say together."""
    _require_associated(found)
    goods = found.get(_GTIN) or found[_CONTENT]
    counted = found.get(_COUNT) or found.get(_VARIABLE_COUNT)
    count = int(counted.value) if counted else 1
    if count < 1:
        raise UnreadableError("counts no unit", "a count of at least 1")
    expiry, best_before = found.get(_EXPIRY), found.get(_BEST_BEFORE)
    return Message(
        gtin=goods.value,
        count=count,
        lot=found[_LOT].value if _LOT in found else "",
        serial=found[_SERIAL].value if _SERIAL in found else "",
        expiry_date=expiry.date if expiry else None,
        best_before_date=best_before.date if best_before else None,
    )


def _require_associated(found: dict[str, GS1ElementString]) -> None:
    """Which identifiers need or exclude each other, as far as they say what the goods are and how many."""
    if _GTIN in found and _CONTENT in found:
        raise UnreadableError("is both a trade item (01) and its content (02)", "one of (01) and (02)")
    if _GTIN not in found and _CONTENT not in found:
        raise UnreadableError("holds no GTIN", "(01) with a GTIN, or (02) with (37)")
    if (_CONTENT in found) != (_COUNT in found):
        raise UnreadableError("has only one of (02) and (37)", "the content (02) with its count (37)")
    if _VARIABLE_COUNT in found and _COUNT in found:
        raise UnreadableError("counts twice, in (30) and (37)", "one count")


@dataclass(frozen=True, slots=True)
class LotLabel:
    """What a label says of goods besides their GTIN. An empty lot and no last day: nothing."""

    lot: str = ""
    expiry_date: date | None = None


def elements_of(gtin: str, said: LotLabel) -> list[tuple[str, str]]:
    """The pairs of a label, what has a fixed length first, so that nothing has to be parted."""
    pairs = [(_GTIN, gtin.zfill(14))]
    if said.expiry_date is not None:
        pairs.append((_EXPIRY, said.expiry_date.strftime("%y%m%d")))
    if said.lot:
        pairs.append((_LOT, said.lot))
    return pairs


def is_year_said(year: int, this_year: int) -> bool:
    """Whether two digits of a year mean this one (GS1 General Specifications, section 7.12)."""
    return this_year - YEARS_BACK_MAX <= year <= this_year + YEARS_AHEAD_MAX
