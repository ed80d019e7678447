"""Scans that are sent later than they were made: what a terminal says happened on the floor, in time.

A terminal without Wi-Fi goes on scanning. When its scans arrive, its session may have ended and its wave may be
somebody else's; the goods are in the tote all the same. So a scan is judged by when it was made, and by who worked on
the wave then. What it says was taken and is no longer wanted is stray: it has to go back to its bin.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from lumbung_fulfillment.domain.picking import PickState, PickTask, check_item, check_place, counted
from lumbung_kit.failures import BadInput, FieldViolation

LATE_MAX: Final = timedelta(hours=24)
"""A scan older than this is not believed: nobody can say any more what has become of its goods."""
CLOCK_SKEW_MAX: Final = timedelta(minutes=2)
"""How far a terminal's clock may be from the database's."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A session worked on a wave, from when to when; no end while it still does."""

    begin_time: datetime
    end_time: datetime | None


@dataclass(frozen=True, slots=True)
class Judged:
    """The pick after a scan; of its units so many count, and so many are stray."""

    pick: PickTask
    counted: int
    stray: int


def require_plausible(scan_time: datetime, now: datetime) -> None:
    """Refuses a time that cannot be when the scan was made. Raises BadInput."""
    if not now - LATE_MAX <= scan_time <= now + CLOCK_SKEW_MAX:
        said = (
            f"must lie in the {LATE_MAX.days * 24} hours before now, {now.isoformat(timespec='seconds')}"
            f" (set the terminal's clock, or leave it out of a scan that is made now)"
        )
        raise BadInput(fields=[FieldViolation("scan_time", said)])


def was_working(claims: Sequence[Claim], scan_time: datetime) -> bool:
    """Whether a session had the wave when it scanned, as far as its clock can be believed."""
    return any(
        claim.begin_time - CLOCK_SKEW_MAX <= scan_time
        and (claim.end_time is None or scan_time <= claim.end_time + CLOCK_SKEW_MAX)
        for claim in claims
    )


def was_dropped_since(pick: PickTask, close_time: datetime | None, scan_time: datetime | None) -> bool:
    """Whether a pick was still wanted when its picker scanned, and was closed by something else before we heard."""
    dropped = pick.state in (PickState.CANCELLED, PickState.SHORT)
    return dropped and scan_time is not None and close_time is not None and scan_time <= close_time


def judge_late(pick: PickTask, bin_barcode: str, sku_code: str, units: int) -> Judged:
    """A scan of somebody who had the wave when it was made: what is still wanted counts, the rest is stray.

    Raises WrongBin, WrongItem.
    """
    check_place(pick, bin_barcode)
    check_item(pick, sku_code)
    wanted = min(units, pick.open_quantity)
    after = counted(pick, bin_barcode, sku_code, wanted) if wanted else pick
    return Judged(after, wanted, units - wanted)
