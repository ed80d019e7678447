"""Goods on their way from one warehouse to another: what may be sent, what may arrive, what is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import IntEnum
from uuid import UUID

from lumbung_kit.failures import FieldViolation
from lumbung_stock.domain.ledger import NO_LOT, LotName
from lumbung_stock.domain.levels import Level, LevelChange
from lumbung_stock.domain.transfer_failures import (
    MoreThanPlanned,
    MoreThanSent,
    NotEnoughAvailable,
    NothingToCancel,
    TransferClosed,
    TransferNotSent,
)


class TransferState(IntEnum):
    """Where a transfer stands; numbers as in the contract and the table."""

    DRAFT = 1
    IN_TRANSIT = 2
    RECEIVED = 3
    CLOSED_SHORT = 4
    CANCELLED = 5


UNFINISHED = frozenset({TransferState.DRAFT, TransferState.IN_TRANSIT})


@dataclass(frozen=True, slots=True)
class TransferLine:
    """Base units of one SKU. `received` and `lost` are of those sent; `over` came beyond them."""

    sku_code: str
    planned: int
    sent: int = 0
    received: int = 0
    lost: int = 0
    over: int = 0
    cancelled: int = 0

    @property
    def unsent(self) -> int:
        """What is still to be sent."""
        return self.planned - self.sent - self.cancelled

    @property
    def in_transit(self) -> int:
        """What is on its way."""
        return self.sent - self.received - self.lost


@dataclass(frozen=True, slots=True)
class Route:
    """From where to where, and by which paper of the shop's own."""

    from_warehouse_code: str
    to_warehouse_code: str
    document: str


@dataclass(frozen=True, slots=True)
class Transfer:
    """A transfer as stored. `lines` by SKU; empty where many are listed, which have the sums alone."""

    transfer_id: UUID
    route: Route
    state: TransferState
    lines: tuple[TransferLine, ...]
    close_reason: str
    planned: int
    sent: int
    in_transit: int
    actor: str
    create_time: datetime
    update_time: datetime


@dataclass(frozen=True, slots=True)
class TransferFilter:
    """Which ones a list is restricted to; empty and 0 restrict nothing."""

    from_warehouse_code: str = ""
    to_warehouse_code: str = ""
    state: int = 0


@dataclass(frozen=True, slots=True)
class Parcel:
    """Units of one line of a request, out of a bin or into one; `field` is its place there, such as `lines[0]`."""

    field: str
    sku_code: str
    bin_code: str
    quantity: int
    lot: LotName = NO_LOT


@dataclass(frozen=True, slots=True)
class Arrival:
    """A transfer's lines after goods have arrived, and each parcel parted in what was in transit and what was not."""

    lines: tuple[TransferLine, ...]
    sent: tuple[Parcel, ...]
    over: tuple[Parcel, ...]


def state_of(lines: Iterable[TransferLine]) -> TransferState:
    """Open as long as anything is to be sent or on its way."""
    some = list(lines)
    unsent = any(line.unsent for line in some)
    if not any(line.sent for line in some):
        return TransferState.DRAFT if unsent else TransferState.CANCELLED
    if unsent or any(line.in_transit for line in some):
        return TransferState.IN_TRANSIT
    return TransferState.CLOSED_SHORT if any(line.lost for line in some) else TransferState.RECEIVED


def send(transfer: Transfer, parcels: Sequence[Parcel]) -> tuple[TransferLine, ...]:
    """The lines after parcels have left. Raises TransferClosed, MoreThanPlanned."""
    _require_unfinished(transfer)
    leaving = _units(parcels)
    lines = {line.sku_code: line for line in transfer.lines}
    unsent = {sku: lines[sku].unsent if sku in lines else 0 for sku in leaving}
    beyond = [sku for sku, units in leaving.items() if units > unsent[sku]]
    if beyond:
        sku = beyond[0]
        raise MoreThanPlanned(
            f"{unsent[sku]} of {sku} are still to be sent with the transfer, not {leaving[sku]}.",
            metadata=_asked_and_there(sku, leaving[sku], unsent[sku]),
            fields=_named(parcels, beyond, "more than is to be sent"),
        )
    return tuple(replace(line, sent=line.sent + leaving[line.sku_code]) for line in transfer.lines)


def receive(transfer: Transfer, parcels: Sequence[Parcel], accept_reason: str) -> Arrival:
    """What arrival does to a transfer.

    Raises TransferNotSent, TransferClosed and, without a reason to accept it, MoreThanSent.
    """
    _require_sent(transfer)
    coming = {line.sku_code: line.in_transit for line in transfer.lines}
    sent, over = _part(parcels, coming)
    if over and not accept_reason:
        raise _more_than_sent(parcels, over, coming)
    received, beyond = _units(sent), _units(over)
    known = {line.sku_code: line for line in transfer.lines}
    unknown = {sku: TransferLine(sku, 0) for sku in beyond if sku not in known}
    lines = tuple(
        replace(line, received=line.received + received[sku], over=line.over + beyond[sku])
        for sku, line in {**known, **unknown}.items()
    )
    return Arrival(lines, tuple(sent), tuple(over))


def cancel(transfer: Transfer) -> tuple[TransferLine, ...]:
    """The lines once nothing more is to be sent. Raises TransferClosed, NothingToCancel."""
    _require_unfinished(transfer)
    if not any(line.unsent for line in transfer.lines):
        raise NothingToCancel(metadata={"in_transit_quantity": str(transfer.in_transit)})
    return tuple(replace(line, cancelled=line.cancelled + line.unsent) for line in transfer.lines)


def close(transfer: Transfer) -> tuple[TransferLine, ...]:
    """The lines once what is in transit is lost, and nothing more sent. Raises TransferNotSent, TransferClosed."""
    _require_sent(transfer)
    return tuple(
        replace(line, lost=line.lost + line.in_transit, cancelled=line.cancelled + line.unsent)
        for line in transfer.lines
    )


def require_unpromised(levels: Mapping[str, Level], changes: Iterable[LevelChange]) -> None:
    """Units that somebody was promised stay, held, sold or set aside for a sale; safety stock may travel, and so may
    what has expired, which was promised to nobody.

    `levels` by SKU, locked, as they were before the changes. Raises NotEnoughAvailable.
    """
    leaving: Counter[str] = Counter()
    for change in changes:
        leaving[change.sku_code] += change.expired - change.on_hand
    for sku, units in leaving.items():
        level = levels[sku]
        free = max(0, level.on_hand - level.held - level.sold - level.escrow - level.expired)
        if free < units:
            raise NotEnoughAvailable(
                f"{free} of {sku} are not promised in {level.warehouse_code}, fewer than the {units} that are to "
                "leave it.",
                metadata={
                    **_asked_and_there(sku, units, free),
                    "warehouse_code": level.warehouse_code,
                },
            )


def _part(parcels: Sequence[Parcel], coming: Mapping[str, int]) -> tuple[list[Parcel], list[Parcel]]:
    """Parcels parted in what is coming, first come, and what is beyond it."""
    left = dict(coming)
    within, beyond = [], []
    for parcel in parcels:
        units = min(parcel.quantity, left.get(parcel.sku_code, 0))
        if units:
            left[parcel.sku_code] -= units
            within.append(replace(parcel, quantity=units))
        if parcel.quantity > units:
            beyond.append(replace(parcel, quantity=parcel.quantity - units))
    return within, beyond


def _more_than_sent(
    parcels: Sequence[Parcel], over: Sequence[Parcel], coming: Mapping[str, int]
) -> MoreThanSent:
    sku = over[0].sku_code
    asked, there = _units(parcels)[sku], coming.get(sku, 0)
    return MoreThanSent(
        f"{there} of {sku} are in transit with the transfer, not {asked}; say why they are accepted.",
        metadata=_asked_and_there(sku, asked, there),
        fields=_named(parcels, {parcel.sku_code for parcel in over}, "more than is in transit"),
    )


def _units(parcels: Iterable[Parcel]) -> Counter[str]:
    units: Counter[str] = Counter()
    for parcel in parcels:
        units[parcel.sku_code] += parcel.quantity
    return units


def _named(parcels: Sequence[Parcel], skus: Iterable[str], text: str) -> list[FieldViolation]:
    wrong = set(skus)
    return [
        FieldViolation(f"{parcel.field}.quantity", f"{text} of {parcel.sku_code}")
        for parcel in parcels
        if parcel.sku_code in wrong
    ]


def _asked_and_there(sku_code: str, asked: int, there: int) -> dict[str, str]:
    return {"sku_code": sku_code, "asked_quantity": str(asked), "available_quantity": str(there)}


def _require_unfinished(transfer: Transfer) -> None:
    if transfer.state not in UNFINISHED:
        raise TransferClosed(metadata={"state": transfer.state.name})


def _require_sent(transfer: Transfer) -> None:
    if transfer.state is TransferState.DRAFT:
        raise TransferNotSent
    _require_unfinished(transfer)
