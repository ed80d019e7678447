"""What fulfillment refuses, and why. docs/status-codes.md lists every reason."""

from __future__ import annotations

from lumbung_kit.failures import Failure, Kind


class OrderNotFound(Failure):
    """There is no such order."""

    kind = Kind.NOT_FOUND
    reason = "ORDER_NOT_FOUND"


class OrderWrongState(Failure):
    """The order's state does not allow this."""

    kind = Kind.FAILED_PRECONDITION
    reason = "ORDER_WRONG_STATE"


class OrderCancelled(Failure):
    """The order was cancelled: unpack it and put its goods back."""

    kind = Kind.FAILED_PRECONDITION
    reason = "ORDER_CANCELLED"


class ScheduleNotFound(Failure):
    """No pickup schedule is known for this courier service at this warehouse."""

    kind = Kind.NOT_FOUND
    reason = "SCHEDULE_NOT_FOUND"


class EtagMismatch(Failure):
    """Someone else has changed it since it was read; read it again."""

    kind = Kind.ABORTED
    reason = "ETAG_MISMATCH"


class WarehouseNotFound(Failure):
    """Stock knows no such warehouse."""

    kind = Kind.NOT_FOUND
    reason = "WAREHOUSE_NOT_FOUND"


class SkuNotFound(Failure):
    """The catalog knows no such SKU."""

    kind = Kind.NOT_FOUND
    reason = "SKU_NOT_FOUND"


class SkuIsBundle(Failure):
    """A bundle has no stock of its own; name its components."""

    kind = Kind.FAILED_PRECONDITION
    reason = "SKU_IS_BUNDLE"


class LayoutUnusable(Failure):
    """The warehouse's layout cannot be walked."""

    kind = Kind.FAILED_PRECONDITION
    reason = "LAYOUT_UNUSABLE"


class PlanContended(Failure):
    """Others kept changing the queue while waves were planned; try again."""

    kind = Kind.ABORTED
    reason = "PLAN_CONTENDED"


class PlanNotFound(Failure):
    """There is no such plan."""

    kind = Kind.NOT_FOUND
    reason = "PLAN_NOT_FOUND"


class WaveNotFound(Failure):
    """There is no such wave."""

    kind = Kind.NOT_FOUND
    reason = "WAVE_NOT_FOUND"


class WaveWrongState(Failure):
    """The wave's state does not allow this."""

    kind = Kind.FAILED_PRECONDITION
    reason = "WAVE_WRONG_STATE"


class WaveNotYours(Failure):
    """This session does not have the wave: its lease ran out, or it was never claimed."""

    kind = Kind.ABORTED
    reason = "WAVE_NOT_YOURS"


class NoWaveWaiting(Failure):
    """No wave waits for a picker in this warehouse, and none can be planned."""

    kind = Kind.FAILED_PRECONDITION
    reason = "NO_WAVE_WAITING"


class CartInUse(Failure):
    """Another session works with this cart."""

    kind = Kind.FAILED_PRECONDITION
    reason = "CART_IN_USE"


class SessionNotFound(Failure):
    """There is no such session; sign in."""

    kind = Kind.NOT_FOUND
    reason = "SESSION_NOT_FOUND"


class SessionEnded(Failure):
    """The session has ended, or the terminal was signed in anew; sign in again."""

    kind = Kind.FAILED_PRECONDITION
    reason = "SESSION_ENDED"


class TaskNotFound(Failure):
    """There is no such task."""

    kind = Kind.NOT_FOUND
    reason = "TASK_NOT_FOUND"


class TaskClosed(Failure):
    """The task is closed: picked, short or cancelled."""

    kind = Kind.FAILED_PRECONDITION
    reason = "TASK_CLOSED"


class WrongBin(Failure):
    """This is not the bin to take it from."""

    kind = Kind.FAILED_PRECONDITION
    reason = "WRONG_BIN"


class WrongItem(Failure):
    """This is not the item that is wanted."""

    kind = Kind.FAILED_PRECONDITION
    reason = "WRONG_ITEM"


class WrongLot(Failure):
    """This is not the lot that is wanted."""

    kind = Kind.FAILED_PRECONDITION
    reason = "WRONG_LOT"


class LotExpired(Failure):
    """This lot may not be sold any more."""

    kind = Kind.FAILED_PRECONDITION
    reason = "LOT_EXPIRED"


class UnknownBarcode(Failure):
    """Nobody knows this barcode."""

    kind = Kind.FAILED_PRECONDITION
    reason = "UNKNOWN_BARCODE"


class UnknownBin(Failure):
    """The warehouse has no such bin."""

    kind = Kind.FAILED_PRECONDITION
    reason = "UNKNOWN_BIN"


class TooMany(Failure):
    """That is more than is wanted."""

    kind = Kind.FAILED_PRECONDITION
    reason = "TOO_MANY"


class ScanNotFound(Failure):
    """There is no such scan in this wave."""

    kind = Kind.NOT_FOUND
    reason = "SCAN_NOT_FOUND"


class ScanUndone(Failure):
    """This scan was taken back before."""

    kind = Kind.FAILED_PRECONDITION
    reason = "SCAN_UNDONE"


class PutBackNotFound(Failure):
    """There is no such put-back."""

    kind = Kind.NOT_FOUND
    reason = "PUT_BACK_NOT_FOUND"


class PutBackClosed(Failure):
    """Everything of this put-back is back in a bin."""

    kind = Kind.FAILED_PRECONDITION
    reason = "PUT_BACK_CLOSED"


class NoReplenishmentWaiting(Failure):
    """No pick face needs goods from bulk that nobody carries yet."""

    kind = Kind.FAILED_PRECONDITION
    reason = "NO_REPLENISHMENT_WAITING"


class ReplenishmentNotFound(Failure):
    """There is no such replenishment."""

    kind = Kind.NOT_FOUND
    reason = "REPLENISHMENT_NOT_FOUND"


class ReplenishmentNotYours(Failure):
    """Another session has this replenishment."""

    kind = Kind.ABORTED
    reason = "REPLENISHMENT_NOT_YOURS"


class ReplenishmentClosed(Failure):
    """The replenishment was carried, given back, or lost to its lease's end."""

    kind = Kind.FAILED_PRECONDITION
    reason = "REPLENISHMENT_CLOSED"


class BookingPending(Failure):
    """Stock has not answered an earlier step of this order yet; try again in a moment."""

    kind = Kind.ABORTED
    reason = "BOOKING_PENDING"


class BookingNotFound(Failure):
    """There is no such booking."""

    kind = Kind.NOT_FOUND
    reason = "BOOKING_NOT_FOUND"


class BookingWrongState(Failure):
    """Only a refused booking can be sent again."""

    kind = Kind.FAILED_PRECONDITION
    reason = "BOOKING_WRONG_STATE"


class PackageNotFound(Failure):
    """There is no such parcel."""

    kind = Kind.NOT_FOUND
    reason = "PACKAGE_NOT_FOUND"


class PackageClosed(Failure):
    """The parcel is closed, or its order was cancelled."""

    kind = Kind.FAILED_PRECONDITION
    reason = "PACKAGE_CLOSED"


class PackageIncomplete(Failure):
    """Items of the order have not been checked into the parcel."""

    kind = Kind.FAILED_PRECONDITION
    reason = "PACKAGE_INCOMPLETE"


class PackageNotClosed(Failure):
    """The parcel is still being packed, or has to be unpacked."""

    kind = Kind.FAILED_PRECONDITION
    reason = "PACKAGE_NOT_CLOSED"


class WeightImplausible(Failure):
    """The parcel does not weigh what its contents weigh."""

    kind = Kind.FAILED_PRECONDITION
    reason = "WEIGHT_IMPLAUSIBLE"


class ShipmentNotFound(Failure):
    """There is no such shipment."""

    kind = Kind.NOT_FOUND
    reason = "SHIPMENT_NOT_FOUND"


class ShipmentRefused(Failure):
    """Stock refuses to book it out; the order is packed as before."""

    kind = Kind.FAILED_PRECONDITION
    reason = "SHIPMENT_REFUSED"


class ManifestChanged(Failure):
    """Not all of these parcels can be handed over; read the list again."""

    kind = Kind.ABORTED
    reason = "MANIFEST_CHANGED"


class ReturnNotFound(Failure):
    """There is no such return."""

    kind = Kind.NOT_FOUND
    reason = "RETURN_NOT_FOUND"


class PositionAhead(Failure):
    """The position is beyond the end of the log: the checkpoint belongs to another log."""

    kind = Kind.FAILED_PRECONDITION
    reason = "POSITION_AHEAD"


class ReturnExceedsOrder(Failure):
    """More would have come back than was sent."""

    kind = Kind.FAILED_PRECONDITION
    reason = "RETURN_EXCEEDS_ORDER"


class InspectionExceedsReturn(Failure):
    """More would be decided about than has come back."""

    kind = Kind.FAILED_PRECONDITION
    reason = "INSPECTION_EXCEEDS_RETURN"


class PickerMeasuresOff(Failure):
    """This shop gives no figures by person; metadata names the setting that would."""

    kind = Kind.FAILED_PRECONDITION
    reason = "PICKER_MEASURES_OFF"
