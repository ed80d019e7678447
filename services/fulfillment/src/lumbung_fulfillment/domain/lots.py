"""Lots of a pick: with which it was planned, and whether a label's lot is one of them.

A label says its lot (GS1 AI 10) and its last day (AI 17). A pick is planned with the lots that expire first, and the
others are promised to other picks; so a scan of another lot is a wrong one, as of another item is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final

from lumbung_fulfillment.domain.failures import LotExpired, WrongLot

DAY_IS_OVER_EVERYWHERE: Final = timedelta(hours=12)
"""Behind UTC: where a day ends last."""


@dataclass(frozen=True, slots=True)
class PlannedLot:
    """So many units of one lot, which may be sold until an instant. An empty code: units without a lot, which came
    before the first one."""

    lot_code: str
    quantity: int
    expires_on: date | None = None
    sale_end: datetime | None = None


@dataclass(frozen=True, slots=True)
class LabelledLot:
    """What a scanned label says of the lot; empty when it says nothing."""

    lot_code: str = ""
    expires_on: date | None = None


NO_LABEL: Final = LabelledLot()


def lot_to_book(planned: Sequence[PlannedLot], label: LabelledLot, now: datetime) -> str:
    """The lot that was taken, or nothing where stock is to say which it was: the label says none, the bin had none when
    the pick was planned, or only units of before are wanted, whose labels nobody has written down.

    Raises LotExpired and WrongLot.
    """
    if not planned or not label.lot_code:
        return ""
    by_code = {lot.lot_code: lot for lot in planned}
    lot = by_code.get(label.lot_code)
    if _is_over(lot, label, now):
        raise LotExpired(
            f"lot {label.lot_code} may not be sold any more",
            metadata={"expected": _named(other for other in planned if other is not lot), **_scanned(label)},
        )
    if lot is not None:
        return lot.lot_code
    if "" in by_code:
        return ""
    raise WrongLot(
        f"wanted is lot {_named(planned)}", metadata={"expected": _named(planned), **_scanned(label)}
    )


def together(lots: Iterable[PlannedLot]) -> tuple[PlannedLot, ...]:
    """Each lot once, in the order in which they come."""
    found: dict[str, PlannedLot] = {}
    for lot in lots:
        before = found.get(lot.lot_code)
        found[lot.lot_code] = replace(lot, quantity=lot.quantity + before.quantity) if before else lot
    return tuple(found.values())


def _is_over(lot: PlannedLot | None, label: LabelledLot, now: datetime) -> bool:
    if lot is not None and lot.sale_end is not None:
        return now >= lot.sale_end
    return label.expires_on is not None and label.expires_on < (now - DAY_IS_OVER_EVERYWHERE).date()


def _named(lots: Iterable[PlannedLot]) -> str:
    return ",".join(lot.lot_code for lot in lots if lot.lot_code)


def _scanned(label: LabelledLot) -> dict[str, str]:
    return {"scanned": label.lot_code}
