"""Why stock refuses to work a shortfall off; docs/status-codes.md has a row for each."""

from lumbung_kit.failures import Failure, Kind


class NotShort(Failure):
    """The reservation lacks none of this SKU there: it never did, or that was worked off, or stock has come."""

    kind = Kind.FAILED_PRECONDITION
    reason = "NOT_SHORT"


class MoreThanShort(Failure):
    """The reservation lacks fewer units there."""

    kind = Kind.FAILED_PRECONDITION
    reason = "MORE_THAN_SHORT"


class AlreadyPicked(Failure):
    """Goods that would have to move to another warehouse are in packing."""

    kind = Kind.FAILED_PRECONDITION
    reason = "ALREADY_PICKED"


class GoodsOfFlashSale(Failure):
    """A flash sale's plan says which warehouse gives its goods: let the buyer wait, or cancel."""

    kind = Kind.FAILED_PRECONDITION
    reason = "GOODS_OF_FLASH_SALE"


class NoWarehouseHasIt(Failure):
    """No other warehouse that may be asked has all of it."""

    kind = Kind.FAILED_PRECONDITION
    reason = "NO_WAREHOUSE_HAS_IT"
