"""What is printed on a parcel. The recipient is not known here: the courier's own label has the address."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo


def sort_code(courier_service: str, pickup_time: datetime | None, time_zone: str) -> str:
    """What the parcels of one pickup have in common, for sorting them onto its pallet: courier, local day and time."""
    courier = courier_service.upper() or "NO-COURIER"
    if pickup_time is None:
        return courier
    local = pickup_time.astimezone(ZoneInfo(time_zone or "UTC"))
    return f"{courier} {local:%d-%H%M}"
