"""What a scanned text turned out to be."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from lumbung_catalog.domain import gs1
from lumbung_catalog.domain.barcodes import gtin_key, internal_key, is_misread_gtin, lookup_keys
from lumbung_catalog.domain.failures import BarcodeInvalid, BarcodeUnknown
from lumbung_catalog.domain.skus import SkuState
from lumbung_kit.failures import Failure, FieldViolation

_BLANKS = " \t\r\n"
"""What scanners add at the ends. GS is not among them, though Python takes it for a blank."""


@dataclass(frozen=True, slots=True)
class Match:
    """The SKU and unit that own a barcode."""

    sku_code: str
    sku_name: str
    unit_code: str
    base_quantity: int
    state: SkuState


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a text that nobody has, and what would be right."""

    description: str
    expected: str


@dataclass(frozen=True, slots=True)
class Scan:
    """A scanned text, as far as it can be read without knowing who owns what.

    `own_keys` are those of the text as a whole; only when nobody has it, `message` says what it is.
    """

    code: str
    own_keys: tuple[str, ...]
    message: gs1.Message | None = None
    problem: Problem | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        """Every key under which it may be stored, the surest first."""
        return (*self.own_keys, *([gtin_key(self.message.gtin)] if self.message else []))


@dataclass(frozen=True, slots=True)
class Resolved:
    """A scanned text with its owner; `message` when it said more than whose it is."""

    code: str
    match: Match
    message: gs1.Message | None = None

    @property
    def base_quantity(self) -> int:
        """Base units that one scan stands for."""
        return self.match.base_quantity * (self.message.count if self.message else 1)


@dataclass(frozen=True, slots=True)
class Answer:
    """Several texts, each once, in the order asked: those that have an owner, and those that have none."""

    known: list[Resolved] = field(default_factory=list)
    unknown: list[Scan] = field(default_factory=list)


def read_scan(code: str) -> Scan:
    """Reads a text: as a code of its own, and as a GS1 message where it has that form."""
    text = code.strip(_BLANKS)
    data, marked = gs1.without_symbology(text)
    own = (*dict.fromkeys((internal_key(code), internal_key(text), *lookup_keys(data))),)
    if not marked and not gs1.claims_to_be_gs1(data):
        wrong = Problem("has a wrong check digit", "scan it again") if is_misread_gtin(data) else None
        return Scan(code, own, problem=wrong)
    try:
        return Scan(code, own, message=gs1.read(data))
    except gs1.UnreadableError as error:
        return Scan(code, own, problem=Problem(error.problem, error.expected))


def read_scans(codes: Iterable[str]) -> list[Scan]:
    """Each text once, in the order asked."""
    return [read_scan(code) for code in dict.fromkeys(codes)]


def keys_of(scans: Iterable[Scan]) -> list[str]:
    """Every key under which one of the texts may be stored."""
    return [key for scan in scans for key in scan.keys]


def resolve(scans: Sequence[Scan], owners: Mapping[str, Match]) -> Answer:
    """What is known and what nobody has."""
    answer = Answer()
    for scan in scans:
        key = next((key for key in scan.keys if key in owners), None)
        if key is None:
            answer.unknown.append(scan)
        else:
            message = None if key in scan.own_keys else scan.message
            answer.known.append(Resolved(scan.code, owners[key], message))
    return answer


def unresolved(scan: Scan) -> Failure:
    """Why a text is nobody's barcode: read wrongly, or truly unknown."""
    if scan.problem is not None:
        return BarcodeInvalid(
            f"The barcode {scan.problem.description}; expected {scan.problem.expected}.",
            fields=[FieldViolation("code", f"{scan.problem.description}; expected {scan.problem.expected}")],
            metadata={"code": scan.code, "expected": scan.problem.expected},
        )
    gtin = {"gtin": scan.message.gtin} if scan.message else {}
    return BarcodeUnknown(
        metadata={"code": scan.code, **gtin}, fields=[FieldViolation("code", "belongs to no SKU")]
    )
