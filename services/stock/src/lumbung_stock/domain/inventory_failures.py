"""Why stock refuses to move goods, or what it does not know; docs/status-codes.md has a row for each."""

from lumbung_kit.failures import Failure, Kind


class SkuNotFound(Failure):
    """Stock has never heard of this SKU."""

    kind = Kind.NOT_FOUND
    reason = "SKU_NOT_FOUND"


class SkuIsBundle(Failure):
    """A bundle has no stock of its own; name its components."""

    kind = Kind.FAILED_PRECONDITION
    reason = "SKU_IS_BUNDLE"


class SkuRetired(Failure):
    """This SKU is no longer sold."""

    kind = Kind.FAILED_PRECONDITION
    reason = "SKU_RETIRED"


class PositionAhead(Failure):
    """The position is beyond the end of the log: it belongs to another log."""

    kind = Kind.FAILED_PRECONDITION
    reason = "POSITION_AHEAD"


class WarehouseNotFound(Failure):
    """No warehouse has this code."""

    kind = Kind.NOT_FOUND
    reason = "WAREHOUSE_NOT_FOUND"


class WarehouseExists(Failure):
    """A warehouse with this code exists already."""

    kind = Kind.ALREADY_EXISTS
    reason = "WAREHOUSE_EXISTS"


class BinNotFound(Failure):
    """The warehouse has no bin with this code."""

    kind = Kind.NOT_FOUND
    reason = "BIN_NOT_FOUND"


class NotEnoughInBin(Failure):
    """The place holds fewer units than are to leave it."""

    kind = Kind.FAILED_PRECONDITION
    reason = "NOT_ENOUGH_IN_BIN"


class MoreThanReserved(Failure):
    """The reservation has fewer units of this SKU left to pick in this warehouse."""

    kind = Kind.FAILED_PRECONDITION
    reason = "MORE_THAN_RESERVED"


class MoreThanPicked(Failure):
    """Fewer units of this SKU are picked for the reservation and still in packing."""

    kind = Kind.FAILED_PRECONDITION
    reason = "MORE_THAN_PICKED"


class NotPicked(Failure):
    """Units of the reservation are missing in packing; pick them first."""

    kind = Kind.FAILED_PRECONDITION
    reason = "NOT_PICKED"


class NotShipped(Failure):
    """The reservation has not left the warehouse, so nothing of it can come back."""

    kind = Kind.FAILED_PRECONDITION
    reason = "NOT_SHIPPED"


class MoreThanShipped(Failure):
    """Fewer units of this SKU were shipped with the reservation and have not come back yet."""

    kind = Kind.FAILED_PRECONDITION
    reason = "MORE_THAN_SHIPPED"


class LedgerTampered(Failure):
    """An entry of the ledger is not as it was written; figures would follow what was tampered with."""

    kind = Kind.FAILED_PRECONDITION
    reason = "LEDGER_TAMPERED"


class MoreThanReplaceable(Failure):
    """Fewer units of this SKU can be replaced: those that the customer has, each once until a wrong one came back."""

    kind = Kind.FAILED_PRECONDITION
    reason = "MORE_THAN_REPLACEABLE"
