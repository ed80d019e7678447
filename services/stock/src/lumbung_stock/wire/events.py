"""What happened in stock, as the events that others subscribe to."""

from __future__ import annotations

from collections.abc import Sequence

from lumbung.stock.v1 import events_pb2 as pb
from lumbung_kit.events import NewEvent
from lumbung_stock.domain.flash_sales import FlashSale
from lumbung_stock.domain.reservations import Reservation, ReservationState, Resolution
from lumbung_stock.wire.flash_sales import flash_sale_message
from lumbung_stock.wire.reservations import reservation_message, write_reservation


def reservation_held(reservation: Reservation) -> NewEvent:
    """A hold was made."""
    event = pb.Event()
    write_reservation(event.reservation_held.reservation, reservation)
    subject = event.reservation_held.reservation.reservation_id
    return _event("reservation_held", subject, event, reservation.traceparent)


def reservation_resolved(reservation: Reservation, wish: Resolution) -> NewEvent:
    """A reservation came to a new state."""
    message = reservation_message(reservation)
    match reservation.state:
        case ReservationState.CONFIRMED:
            event = pb.Event(reservation_confirmed=pb.ReservationConfirmed(reservation=message))
        case ReservationState.RELEASED:
            event = pb.Event(reservation_released=pb.ReservationReleased(reservation=message))
        case ReservationState.EXPIRED:
            event = pb.Event(reservation_expired=pb.ReservationExpired(reservation=message))
        case ReservationState.CANCELLED:
            cancelled = pb.ReservationCancelled(reservation=message, reason=wish.reason)
            event = pb.Event(reservation_cancelled=cancelled)
        case ReservationState.SHIPPED:
            shipped = pb.ReservationShipped(reservation=message, document=wish.document)
            event = pb.Event(reservation_shipped=shipped)
        case _:
            raise ValueError(f"no event tells of state {reservation.state.name}")
    kind = f"reservation_{reservation.state.name.lower()}"
    return _event(kind, str(reservation.reservation_id), event, wish.traceparent or reservation.traceparent)


def reservation_resourced(reservation: Reservation, source: str, target: str) -> NewEvent:
    """Another warehouse gives units of a sale."""
    resourced = pb.ReservationResourced(
        reservation=reservation_message(reservation), from_warehouse_code=source, to_warehouse_code=target
    )
    event = pb.Event(reservation_resourced=resourced)
    return _event("reservation_resourced", str(reservation.reservation_id), event)


AVAILABILITY_CHANGED = "availability_changed"


def availability_changed(sku_codes: Sequence[str]) -> NewEvent:
    """What can be promised of these SKUs and bundles has changed."""
    changed = pb.AvailabilityChanged(sku_codes=sku_codes)
    return _event(AVAILABILITY_CHANGED, sku_codes[0], pb.Event(availability_changed=changed))


def changed_skus(payload: bytes) -> Sequence[str]:
    """The SKUs and bundles that an AVAILABILITY_CHANGED event names."""
    return pb.Event.FromString(payload).availability_changed.sku_codes


def flash_sale_changed(sale: FlashSale) -> NewEvent:
    """A sale was planned, opened, recovered or closed."""
    changed = pb.FlashSaleChanged(flash_sale=flash_sale_message(sale))
    return _event("flash_sale_changed", sale.flash_sale_code, pb.Event(flash_sale_changed=changed))


def _event(kind: str, subject: str, event: pb.Event, traceparent: str | None = None) -> NewEvent:
    return NewEvent(kind=kind, payload=event.SerializeToString(), subject=subject, traceparent=traceparent)
