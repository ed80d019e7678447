"""Barcodes: how a text is read, and when two texts are the same barcode."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from stdnum import ean

from lumbung_catalog.domain import gs1
from lumbung_catalog.domain.failures import BarcodeInvalid
from lumbung_catalog.domain.limits import BARCODE_LENGTH_MAX
from lumbung_kit.failures import FieldViolation

GTIN_LENGTHS = (8, 12, 13, 14)
_DIGITS = re.compile(r"[0-9]+")
_PRINTABLE = re.compile(r"[!-~]([ -~]*[!-~])?")
_SPREADSHEET_NUMBER = re.compile(r"[0-9]+([.,][0-9]+)?[eE]\+?[0-9]+")


class BarcodeKind(IntEnum):
    """How a barcode's text is read. The numbers are those of the contract."""

    GTIN = 1
    INTERNAL = 2


@dataclass(frozen=True, slots=True)
class Barcode:
    """A text printed on one unit of a SKU."""

    code: str
    kind: BarcodeKind
    unit_code: str

    @property
    def key(self) -> str:
        """What must be unique in the catalog."""
        return gtin_key(self.code) if self.kind is BarcodeKind.GTIN else internal_key(self.code)


@dataclass(frozen=True, slots=True)
class Owner:
    """Who has a barcode."""

    sku_code: str
    unit_code: str


def gtin_key(digits: str) -> str:
    """A GTIN is a number: a UPC-12 is the EAN-13 with a zero before it that a scanner makes of it."""
    return "G" + digits.zfill(14)


def internal_key(code: str) -> str:
    """The shop's own codes are compared exactly, and are never a GTIN."""
    return "I" + code


def lookup_keys(scanned: str) -> tuple[str, ...]:
    """The keys under which a scanned text may be stored."""
    if is_gtin(scanned):
        return (gtin_key(scanned), internal_key(scanned))
    return (internal_key(scanned),)


def is_gtin(text: str) -> bool:
    """Whether the text is digits of a GTIN's length with the right check digit."""
    return _has_gtin_form(text) and ean.calc_check_digit(text[:-1]) == text[-1]


def is_misread_gtin(text: str) -> bool:
    """Whether the text has a GTIN's form and a wrong check digit."""
    return _has_gtin_form(text) and not is_gtin(text)


def guessed_kind(text: str) -> BarcodeKind:
    """What a text is meant to be where nobody says: digits of a GTIN's length are a GTIN, right or wrong."""
    return BarcodeKind.GTIN if _has_gtin_form(text) else BarcodeKind.INTERNAL


def check_barcodes(barcodes: Sequence[Barcode], fields: Sequence[str]) -> None:
    """Raises one failure that names every barcode that cannot be read, by the field it came in."""
    wrong = [(field, found) for field, b in zip(fields, barcodes, strict=True) if (found := _problem(b))]
    if wrong:
        field, (description, expected) = wrong[0]
        raise BarcodeInvalid(
            f"{field} {description}",
            fields=[FieldViolation(name, f"{text}; expected {right}") for name, (text, right) in wrong],
            metadata={"expected": expected},
        )


def _has_gtin_form(text: str) -> bool:
    return len(text) in GTIN_LENGTHS and _DIGITS.fullmatch(text) is not None


def _problem(barcode: Barcode) -> tuple[str, str] | None:
    """What is wrong with a barcode and what would be right."""
    if barcode.kind is BarcodeKind.GTIN:
        return _gtin_problem(barcode.code)
    return _internal_problem(barcode.code)


def _gtin_problem(code: str) -> tuple[str, str] | None:
    if _SPREADSHEET_NUMBER.fullmatch(code):
        return "was turned into a rounded number by a spreadsheet", "all digits; format the column as text"
    if not _DIGITS.fullmatch(code):
        return "must hold only digits", "8, 12, 13 or 14 digits"
    if len(code) not in GTIN_LENGTHS:
        return f"has {len(code)} digits", "8, 12, 13 or 14 digits"
    if not code.strip("0"):
        return "is only zeros", "the number that the maker of the goods has for them"
    if not is_gtin(code):
        return "has a wrong check digit", code[:-1] + ean.calc_check_digit(code[:-1])
    return None


def _internal_problem(code: str) -> tuple[str, str] | None:
    if len(code) > BARCODE_LENGTH_MAX:
        return f"has {len(code)} characters", f"at most {BARCODE_LENGTH_MAX}"
    if not _PRINTABLE.fullmatch(code):
        return "must be printable ASCII without spaces at its ends", "letters, digits and signs"
    if _SPREADSHEET_NUMBER.fullmatch(code):
        return "was turned into a rounded number by a spreadsheet", "all digits; format the column as text"
    if is_gtin(code):
        return "reads as a GTIN", "kind GTIN"
    return _two_meanings(code)


def _two_meanings(code: str) -> tuple[str, str] | None:
    """A scanned text must not be one SKU's own code and, read as the symbol's data, another SKU's barcode."""
    if gs1.without_symbology(code)[0] != code:
        return (
            "begins like a scanner's symbology identifier",
            "a code that does not begin with ] and two signs",
        )
    if not gs1.claims_to_be_gs1(code):
        return None
    try:
        gs1.read(code)
    except gs1.UnreadableError:
        return None
    return "reads as a GS1 message", "its GTIN, with kind GTIN"
