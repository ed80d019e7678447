"""Why a reservation, or a flash sale, refuses. Each has one reason and a row in docs/status-codes.md."""

from __future__ import annotations

from lumbung_kit.failures import Failure, Kind


class OutOfStock(Failure):
    """Not enough units are left for every line; nothing is held."""

    kind = Kind.FAILED_PRECONDITION
    reason = "OUT_OF_STOCK"


class CustomerLimitReached(Failure):
    """With these, the customer would have more units in this flash sale than one may."""

    kind = Kind.FAILED_PRECONDITION
    reason = "CUSTOMER_LIMIT_REACHED"


class FlashSaleNotOpen(Failure):
    """This flash sale takes no reservations now."""

    kind = Kind.FAILED_PRECONDITION
    reason = "FLASH_SALE_NOT_OPEN"


class ChannelNotOnSale(Failure):
    """This flash sale is not for this channel."""

    kind = Kind.FAILED_PRECONDITION
    reason = "CHANNEL_NOT_ON_SALE"


class CustomerRequired(Failure):
    """This flash sale counts by customer: customer_reference must say who buys."""

    kind = Kind.INVALID_ARGUMENT
    reason = "CUSTOMER_REQUIRED"


class ReservationNotFound(Failure):
    """There is no such reservation."""

    kind = Kind.NOT_FOUND
    reason = "RESERVATION_NOT_FOUND"


class WasRefused(Failure):
    """This reservation was refused when it was asked for: nothing is held under it."""

    kind = Kind.FAILED_PRECONDITION
    reason = "RESERVATION_WAS_REFUSED"


class HoldExpired(Failure):
    """The hold's deadline has passed; reserve again with a new request_id."""

    kind = Kind.FAILED_PRECONDITION
    reason = "HOLD_EXPIRED"


class HoldTooLong(Failure):
    """A hold lives at most 24 hours from its making; the new deadline would be later."""

    kind = Kind.FAILED_PRECONDITION
    reason = "HOLD_TOO_LONG"


class MoreThanHeld(Failure):
    """The reservation holds fewer units than are to be confirmed; nothing is sold."""

    kind = Kind.FAILED_PRECONDITION
    reason = "MORE_THAN_HELD"


class AlreadyResolved(Failure):
    """This reservation was resolved already."""

    kind = Kind.FAILED_PRECONDITION
    reason = "ALREADY_RESOLVED"


class NotConfirmed(Failure):
    """This reservation is not a confirmed sale."""

    kind = Kind.FAILED_PRECONDITION
    reason = "NOT_CONFIRMED"


class AlreadyShipped(Failure):
    """This reservation has left the warehouse; take a return instead."""

    kind = Kind.FAILED_PRECONDITION
    reason = "ALREADY_SHIPPED"


class NothingToShip(Failure):
    """No share of this reservation is left to leave this warehouse."""

    kind = Kind.FAILED_PRECONDITION
    reason = "NOTHING_TO_SHIP"


class OrderReferenceTaken(Failure):
    """Another reservation of this channel has this order_reference."""

    kind = Kind.FAILED_PRECONDITION
    reason = "ORDER_REFERENCE_TAKEN"


class FlashSaleNotFound(Failure):
    """There is no such flash sale."""

    kind = Kind.NOT_FOUND
    reason = "FLASH_SALE_NOT_FOUND"


class FlashSaleExists(Failure):
    """There is a flash sale with this code already."""

    kind = Kind.ALREADY_EXISTS
    reason = "FLASH_SALE_EXISTS"


class FlashSaleWrongState(Failure):
    """The flash sale's state does not allow this."""

    kind = Kind.FAILED_PRECONDITION
    reason = "FLASH_SALE_WRONG_STATE"


class FlashSaleEnded(Failure):
    """The flash sale's end has passed: it cannot be opened any more."""

    kind = Kind.FAILED_PRECONDITION
    reason = "FLASH_SALE_ENDED"


class FlashSaleHalted(Failure):
    """The ledger has lost commits, so the sale waits for a person; the same request can be answered after that."""

    kind = Kind.UNAVAILABLE
    reason = "FLASH_SALE_HALTED"


class QuotaNotAvailable(Failure):
    """Not enough units are available to set the whole quota aside; nothing was set aside."""

    kind = Kind.FAILED_PRECONDITION
    reason = "QUOTA_NOT_AVAILABLE"


class SkuNotOnSale(Failure):
    """This flash sale does not take this SKU from this warehouse."""

    kind = Kind.FAILED_PRECONDITION
    reason = "SKU_NOT_ON_SALE"


class InWaitingRoom(Failure):
    """Too many want this sale at once: join its waiting room, and repeat the request with the ticket once admitted."""

    kind = Kind.RESOURCE_EXHAUSTED
    reason = "WAITING_ROOM"


class WaitingTicketInvalid(Failure):
    """This ticket is not this customer's for this flash sale."""

    kind = Kind.INVALID_ARGUMENT
    reason = "WAITING_TICKET_INVALID"


class NoWaitingRoom(Failure):
    """This flash sale was planned without a waiting room."""

    kind = Kind.FAILED_PRECONDITION
    reason = "NO_WAITING_ROOM"


class WaitingRoomFull(Failure):
    """As many customers wait for this flash sale as its waiting room takes; try again a little later."""

    kind = Kind.RESOURCE_EXHAUSTED
    reason = "WAITING_ROOM_FULL"


class GateUnsafe(Failure):
    """Valkey is set up so that it may forget: it must persist and never evict before a sale opens."""

    kind = Kind.FAILED_PRECONDITION
    reason = "GATE_UNSAFE"


class GateNotReady(Failure):
    """The flash sale's gate is being set up again; the same request will be answered shortly."""

    kind = Kind.UNAVAILABLE
    reason = "GATE_NOT_READY"


class HoldPending(Failure):
    """The hold is not yet durable; ask again with the same request_id for its answer."""

    kind = Kind.UNAVAILABLE
    reason = "HOLD_PENDING"


class JournalFull(Failure):
    """Too many holds wait to be made durable; try again a little later."""

    kind = Kind.RESOURCE_EXHAUSTED
    reason = "JOURNAL_FULL"


class HoldLost(Failure):
    """This soft hold was lost before it was durable, and its units are gone; nothing is held under it."""

    kind = Kind.FAILED_PRECONDITION
    reason = "HOLD_LOST"


class HoldParked(Failure):
    """This hold could not be written down and was put aside for a person; nothing is held. Use a new request_id."""

    kind = Kind.INTERNAL
    reason = "HOLD_PARKED"
