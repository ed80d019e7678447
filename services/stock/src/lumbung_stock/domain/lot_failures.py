"""Why stock refuses goods for the sake of their lots; docs/status-codes.md has a row for each."""

from lumbung_kit.failures import Failure, Kind


class LotRequired(Failure):
    """The SKU is tracked by lot, and the request does not say which lot it is."""

    kind = Kind.FAILED_PRECONDITION
    reason = "LOT_REQUIRED"


class LotNotTracked(Failure):
    """The SKU is not tracked by lot, so nothing of it has one."""

    kind = Kind.FAILED_PRECONDITION
    reason = "LOT_NOT_TRACKED"


class LotNotFound(Failure):
    """Nobody has received this lot of the SKU."""

    kind = Kind.NOT_FOUND
    reason = "LOT_NOT_FOUND"


class LotExpiryRequired(Failure):
    """The lot is new, and the SKU's lots need their last day."""

    kind = Kind.FAILED_PRECONDITION
    reason = "LOT_EXPIRY_REQUIRED"


class LotExpiryDiffers(Failure):
    """The lot is known with another last day; one lot has one."""

    kind = Kind.FAILED_PRECONDITION
    reason = "LOT_EXPIRY_DIFFERS"


class LotExpired(Failure):
    """The lot may not be sold any more."""

    kind = Kind.FAILED_PRECONDITION
    reason = "LOT_EXPIRED"
