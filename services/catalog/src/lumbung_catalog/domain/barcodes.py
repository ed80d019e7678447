"""Barcodes: how a text is read, and when two texts are the same barcode."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from stdnum import ean

from lumbung_catalog.domain import gs1
from lumbung_catalog.domain.failures import BarcodeInvalid
from lumbung_catalog.domain.limits import BARCODE_LENGTH_MAX
from lumbung_catalog.domain.said import Said
from lumbung_kit.failures import FieldViolation

GTIN_LENGTHS = (8, 12, 13, 14)
_DIGITS = re.compile(r"[0-9]+")
_PRINTABLE = re.compile(r"[!-~]([ -~]*[!-~])?")
_GTIN_DIGITS = Said("8, 12, 13 or 14 digits", "8, 12, 13, atau 14 angka")
_ROUNDED = (
    Said("was turned into a rounded number by a spreadsheet", "dibulatkan menjadi angka oleh lembar kerja"),
    Said("all digits; format the column as text", "semua angka; format kolom sebagai teks"),
)
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


def zeros_lost(text: str) -> str:
    """The GTIN that a number of 7 or 9 to 11 digits may have been before it lost its zeros in front, if any."""
    if not 6 <= len(text) <= 11 or not _DIGITS.fullmatch(text) or len(text) in GTIN_LENGTHS:
        return ""
    length = 8 if len(text) < 8 else 12
    whole = text.zfill(length)
    return whole if text[0] != "0" and is_gtin(whole) else ""


def guessed_kind(text: str) -> BarcodeKind:
    """What a text is meant to be where nobody says: digits of a GTIN's length are a GTIN, right or wrong."""
    return BarcodeKind.GTIN if _has_gtin_form(text) else BarcodeKind.INTERNAL


def check_barcodes(barcodes: Sequence[Barcode], fields: Sequence[str]) -> None:
    """Raises one failure that names every barcode that cannot be read, by the field it came in."""
    wrong = [
        (field, found) for field, b in zip(fields, barcodes, strict=True) if (found := barcode_problem(b))
    ]
    if wrong:
        field, (description, expected) = wrong[0]
        raise BarcodeInvalid(
            f"{field} {description}",
            fields=[FieldViolation(name, f"{text}; expected {right}") for name, (text, right) in wrong],
            metadata={"expected": expected},
        )


def _has_gtin_form(text: str) -> bool:
    return len(text) in GTIN_LENGTHS and _DIGITS.fullmatch(text) is not None


def barcode_problem(barcode: Barcode) -> tuple[Said, Said] | None:
    """What is wrong with a barcode and what would be right."""
    if barcode.kind is BarcodeKind.GTIN:
        return _gtin_problem(barcode.code)
    return _internal_problem(barcode.code)


def _gtin_problem(code: str) -> tuple[Said, Said] | None:
    if _SPREADSHEET_NUMBER.fullmatch(code):
        return _ROUNDED
    if not _DIGITS.fullmatch(code):
        return Said("must hold only digits", "hanya boleh berisi angka"), _GTIN_DIGITS
    if len(code) not in GTIN_LENGTHS:
        return Said(f"has {len(code)} digits", f"terdiri dari {len(code)} angka"), _GTIN_DIGITS
    if not code.strip("0"):
        return (
            Said("is only zeros", "hanya nol"),
            Said("the number that the maker of the goods has for them", "nomor dari pembuat barang"),
        )
    if not is_gtin(code):
        right = code[:-1] + ean.calc_check_digit(code[:-1])
        return Said("has a wrong check digit", "angka periksanya salah"), Said(right)
    return None


def _internal_problem(code: str) -> tuple[Said, Said] | None:
    if len(code) > BARCODE_LENGTH_MAX:
        return (
            Said(f"has {len(code)} characters", f"terdiri dari {len(code)} karakter"),
            Said(f"at most {BARCODE_LENGTH_MAX}", f"paling banyak {BARCODE_LENGTH_MAX}"),
        )
    if not _PRINTABLE.fullmatch(code):
        return (
            Said("must be printable ASCII without spaces at its ends", "harus ASCII tanpa spasi di ujungnya"),
            Said("letters, digits and signs", "huruf, angka, dan tanda"),
        )
    if _SPREADSHEET_NUMBER.fullmatch(code):
        return _ROUNDED
    if is_gtin(code):
        return Said("reads as a GTIN", "terbaca sebagai GTIN"), Said("kind GTIN", "jenis GTIN")
    return _two_meanings(code)


def _two_meanings(code: str) -> tuple[Said, Said] | None:
    """A scanned text must not be one SKU's own code and, read as the symbol's data, another SKU's barcode."""
    if gs1.without_symbology(code)[0] != code:
        return (
            Said(
                "begins like a scanner's symbology identifier", "diawali seperti penanda simbologi pemindai"
            ),
            Said(
                "a code that does not begin with ] and two signs",
                "kode yang tidak diawali ] dan dua tanda",
            ),
        )
    if not gs1.claims_to_be_gs1(code):
        return None
    try:
        gs1.read(code)
    except gs1.UnreadableError:
        return None
    return (
        Said("reads as a GS1 message", "terbaca sebagai pesan GS1"),
        Said("its GTIN, with kind GTIN", "GTIN-nya, dengan jenis GTIN"),
    )
