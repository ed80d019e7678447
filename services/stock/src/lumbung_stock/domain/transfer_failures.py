"""Why stock refuses to send or to receive a transfer; docs/status-codes.md has a row for each."""

from lumbung_kit.failures import Failure, Kind


class TransferNotFound(Failure):
    """No transfer has this id."""

    kind = Kind.NOT_FOUND
    reason = "TRANSFER_NOT_FOUND"


class TransferClosed(Failure):
    """The transfer is finished: all of it has arrived, or it was given up or cancelled."""

    kind = Kind.FAILED_PRECONDITION
    reason = "TRANSFER_CLOSED"


class TransferNotSent(Failure):
    """Nothing of the transfer was sent yet, so nothing can arrive or be lost; it can be cancelled."""

    kind = Kind.FAILED_PRECONDITION
    reason = "TRANSFER_NOT_SENT"


class NothingToCancel(Failure):
    """All of the transfer was sent; what does not arrive can be given up."""

    kind = Kind.FAILED_PRECONDITION
    reason = "NOTHING_TO_CANCEL"


class MoreThanPlanned(Failure):
    """Fewer units of this SKU are still to be sent with the transfer."""

    kind = Kind.FAILED_PRECONDITION
    reason = "MORE_THAN_PLANNED"


class MoreThanSent(Failure):
    """More has arrived than is in transit; say why it is accepted."""

    kind = Kind.FAILED_PRECONDITION
    reason = "MORE_THAN_SENT"


class NotEnoughAvailable(Failure):
    """Fewer units are unpromised than are to leave the warehouse; promised units do not travel."""

    kind = Kind.FAILED_PRECONDITION
    reason = "NOT_ENOUGH_AVAILABLE"
