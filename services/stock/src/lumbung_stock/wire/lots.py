"""Lots as messages."""

from __future__ import annotations

from datetime import date

from lumbung.stock.v1 import lots_pb2 as pb
from lumbung_stock.domain.lots import Corrected, ExpiringLot, ExpiryCorrection
from lumbung_stock.wire.reservations import timestamp


def corrected_message(day: date | None, corrected: Corrected) -> pb.CorrectLotExpiryResponse:
    """A lot's last day was corrected."""
    return pb.CorrectLotExpiryResponse(
        expires_on_before=day_text(corrected.before),
        expires_on=day_text(day),
        marks=[
            pb.LotMark(warehouse_code=code, expired=marked.expired, quantity=marked.units)
            for code, marked in corrected.marks
        ],
    )


def correction_message(correction: ExpiryCorrection) -> pb.LotExpiryCorrection:
    """One correction."""
    return pb.LotExpiryCorrection(
        expires_on_before=day_text(correction.before),
        expires_on=day_text(correction.after),
        reason=correction.reason,
        actor=correction.actor,
        record_time=timestamp(correction.record_time),
    )


def expiring_message(lot: ExpiringLot) -> pb.ExpiringLot:
    """A lot that expires soon, or has."""
    return pb.ExpiringLot(
        sku_code=lot.sku_code,
        lot_code=lot.lot_code,
        expires_on=lot.expires_on.isoformat(),
        last_sale_day=lot.last_sale_day.isoformat(),
        days_left=lot.days_left,
        quantity=lot.quantity,
        places=[
            pb.LotPlace(bin_code=code, quantity=quantity)
            for code, quantity in zip(lot.place_codes, lot.quantities, strict=True)
        ],
        place_count=lot.place_count,
    )


def day_text(day: date | None) -> str:
    """A day as contracts write it; empty when there is none."""
    return day.isoformat() if day else ""
