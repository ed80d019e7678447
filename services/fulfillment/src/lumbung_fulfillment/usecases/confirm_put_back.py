"""Confirm that goods of a cancelled order are back in a bin."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from lumbung_fulfillment.clients.catalog import ScannedItem
from lumbung_fulfillment.domain.bookings import BookingKind, BookingState, Step
from lumbung_fulfillment.domain.failures import BookingPending
from lumbung_fulfillment.domain.sessions import PutBack, PutBackState
from lumbung_fulfillment.stores import bookings, clock, journal, orders, put_backs, sessions
from lumbung_kit.postgres import Conn

_RETRY_AFTER_S = 1.0


@dataclass(frozen=True, slots=True)
class PutBackWish:
    """A scan of a bin and an item. `item` is what the catalog says that the barcode is on."""

    request_id: str
    session_id: UUID
    put_back_id: UUID
    bin_code: str
    item: ScannedItem
    scans: int

    @property
    def units(self) -> int:
        """Base units that were scanned."""
        return self.item.base_quantity * self.scans


@dataclass(frozen=True, slots=True)
class PutBackConfirmed:
    """The put-back as it stands; no booking when the ledger has nothing to learn."""

    put_back: PutBack
    units: int
    booking_id: UUID | None


async def confirm_put_back(conn: Conn, wish: PutBackWish) -> PutBackConfirmed:
    """The bin is known to exist.

    Raises SessionNotFound, SessionEnded, PutBackNotFound, PutBackClosed, WrongItem, TooMany, BookingPending.
    """
    (await sessions.find(conn, wish.session_id)).require_heard(await clock.now(conn))
    put_back = await put_backs.lock(conn, wish.put_back_id)
    put_back.require_returnable(wish.item.sku_code, wish.units)
    await _require_settled_picks(conn, put_back)
    unbooked = min(wish.units, put_back.unbooked_quantity)
    booking_ids = [
        await bookings.queue(conn, step, f"ConfirmPutBack/{wish.request_id}")
        for step in _steps(put_back, wish.bin_code, wish.units - unbooked, unbooked)
    ]
    first = booking_ids[0] if booking_ids else None
    await put_backs.insert_scan(conn, wish.request_id, put_back.put_back_id, wish.bin_code, wish.units, first)
    await put_backs.save(conn, put_back.put_back_id, wish.units, unbooked)
    after = await put_backs.get(conn, put_back.put_back_id)
    if after.state is PutBackState.DONE:
        await journal.put_back_done(conn, await orders.get(conn, after.order_id), after)
    return PutBackConfirmed(after, wish.units, first)


async def _require_settled_picks(conn: Conn, put_back: PutBack) -> None:
    """Only then is it known which of the goods left their bin in the ledger."""
    unsettled = (BookingState.QUEUED, BookingState.REFUSED)
    for booking in await bookings.of_order(conn, put_back.order_id):
        if booking.step.kind is BookingKind.PICK and booking.state in unsettled:
            metadata = {"booking_id": str(booking.booking_id), "state": booking.state.name}
            raise BookingPending(metadata=metadata, retry_after_s=_RETRY_AFTER_S)


def _steps(put_back: PutBack, bin_code: str, booked: int, unbooked: int) -> list[Step]:
    """Goods in packing go to the bin; goods that never left theirs, in the ledger, move only to another one."""
    steps = []
    common = (put_back.order_id, put_back.reservation_id, put_back.warehouse_code, put_back.sku_code)
    if booked:
        steps.append(Step(BookingKind.PUT_BACK, *common, to_bin_code=bin_code, quantity=booked))
    if unbooked and bin_code != put_back.suggested_bin_code:
        steps.append(
            Step(
                BookingKind.MOVE,
                *common,
                bin_code=put_back.suggested_bin_code,
                to_bin_code=bin_code,
                quantity=unbooked,
                reason="put back elsewhere than it was picked",
            )
        )
    return steps
