"""Why stock refuses to expect or to receive goods; docs/status-codes.md has a row for each."""

from lumbung_kit.failures import Failure, Kind


class ExpectedReceiptNotFound(Failure):
    """No expected receipt has this id."""

    kind = Kind.NOT_FOUND
    reason = "EXPECTED_RECEIPT_NOT_FOUND"


class ExpectedReceiptExists(Failure):
    """The supplier has an expected receipt with this document already."""

    kind = Kind.ALREADY_EXISTS
    reason = "EXPECTED_RECEIPT_EXISTS"


class ExpectedReceiptClosed(Failure):
    """The expected receipt is finished: it was cancelled or closed, or all of it has come."""

    kind = Kind.FAILED_PRECONDITION
    reason = "EXPECTED_RECEIPT_CLOSED"


class ReceiptBegun(Failure):
    """Goods of it were received, so it is neither changed nor cancelled; it can be closed short."""

    kind = Kind.FAILED_PRECONDITION
    reason = "RECEIPT_BEGUN"


class NothingReceived(Failure):
    """Nothing of it has come, so there is nothing to close; it can be cancelled."""

    kind = Kind.FAILED_PRECONDITION
    reason = "NOTHING_RECEIVED"


class OverDelivery(Failure):
    """More has come than is expected and tolerated; say why it is accepted."""

    kind = Kind.FAILED_PRECONDITION
    reason = "OVER_DELIVERY"


class UnexpectedSku(Failure):
    """The document does not name this SKU; say why it is accepted."""

    kind = Kind.FAILED_PRECONDITION
    reason = "UNEXPECTED_SKU"
