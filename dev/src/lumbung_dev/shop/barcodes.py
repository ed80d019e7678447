"""GTINs as GS1 Indonesia gives them out: 899, a company, an item, a check digit."""

from __future__ import annotations

from stdnum import ean

_COMPANY = "8990001"
_CARTON_INDICATOR = "1"


def piece_gtin(item_number: int) -> str:
    """The GTIN-13 of the company's n-th item."""
    return _with_check_digit(f"{_COMPANY}{item_number:05d}")


def carton_gtin(item_number: int) -> str:
    """The GTIN-14 of a carton of the company's n-th item: an indicator before the same digits."""
    return _with_check_digit(f"{_CARTON_INDICATOR}{_COMPANY}{item_number:05d}")


def data_matrix_scan(gtin: str, lot: str, count: int) -> str:
    """What a scanner sends of a GS1 DataMatrix with a GTIN, a lot and a count of pieces (AI 01, 10, 30)."""
    return f"]d201{gtin.zfill(14)}10{lot}\x1d30{count}"


def _with_check_digit(digits: str) -> str:
    return digits + str(ean.calc_check_digit(digits))
