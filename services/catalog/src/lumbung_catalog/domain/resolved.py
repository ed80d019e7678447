"""What a scanned text turned out to be."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lumbung_catalog.domain.barcodes import is_misread_gtin, lookup_keys
from lumbung_catalog.domain.failures import BarcodeInvalid, BarcodeUnknown
from lumbung_catalog.domain.skus import SkuState
from lumbung_kit.failures import Failure, FieldViolation


@dataclass(frozen=True, slots=True)
class Match:
    """The SKU and unit that own a barcode."""

    sku_code: str
    sku_name: str
    unit_code: str
    base_quantity: int
    state: SkuState


@dataclass(frozen=True, slots=True)
class Resolved:
    """A scanned text with its owner."""

    code: str
    sku_code: str
    sku_name: str
    unit_code: str
    base_quantity: int
    state: SkuState


def keys_of(codes: Iterable[str]) -> list[str]:
    """Every key under which one of the texts may be stored."""
    return [key for code in codes for key in lookup_keys(code)]


def resolve(codes: Sequence[str], owners: Mapping[str, Match]) -> tuple[list[Resolved], list[str]]:
    """What is known and what nobody has, each text once, in the order asked."""
    known, unknown = [], []
    for code in dict.fromkeys(codes):
        match = next((owners[key] for key in lookup_keys(code) if key in owners), None)
        if match is None:
            unknown.append(code)
        else:
            known.append(
                Resolved(
                    code, match.sku_code, match.sku_name, match.unit_code, match.base_quantity, match.state
                )
            )
    return known, unknown


def unresolved(code: str) -> Failure:
    """Why a text is nobody's barcode: read wrongly, or truly unknown."""
    if is_misread_gtin(code):
        return BarcodeInvalid(
            "The barcode has a wrong check digit; scan it again.",
            fields=[FieldViolation("code", "has a wrong check digit")],
            metadata={"code": code},
        )
    return BarcodeUnknown(metadata={"code": code}, fields=[FieldViolation("code", "belongs to no SKU")])
