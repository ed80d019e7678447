"""Every way in which the catalog refuses a request, each with one code and one reason."""

from lumbung_kit.failures import Failure, Kind


class ProductNotFound(Failure):
    """There is no product with this code."""

    kind = Kind.NOT_FOUND
    reason = "PRODUCT_NOT_FOUND"


class ProductExists(Failure):
    """A product has this code already, perhaps in other letter case."""

    kind = Kind.ALREADY_EXISTS
    reason = "PRODUCT_EXISTS"


class SkuNotFound(Failure):
    """There is no SKU with this code."""

    kind = Kind.NOT_FOUND
    reason = "SKU_NOT_FOUND"


class SkuExists(Failure):
    """A SKU has this code already, perhaps in other letter case."""

    kind = Kind.ALREADY_EXISTS
    reason = "SKU_EXISTS"


class SkuNearlyEqual(Failure):
    """The code or the name nearly equals another SKU's; give force_reason to create it all the same."""

    kind = Kind.FAILED_PRECONDITION
    reason = "SKU_NEARLY_EQUAL"


class SkuRetired(Failure):
    """The SKU is retired; retired SKUs are not changed and not consumed."""

    kind = Kind.FAILED_PRECONDITION
    reason = "SKU_RETIRED"


class SkuInUse(Failure):
    """The SKU is used: what is fixed of it stays; retire it and create another one."""

    kind = Kind.FAILED_PRECONDITION
    reason = "SKU_IN_USE"


class UseUnknown(Failure):
    """This catalog has not been told where stock is, so that nobody knows whether the SKU is used."""

    kind = Kind.FAILED_PRECONDITION
    reason = "USE_UNKNOWN"


class SkuNotRetired(Failure):
    """The SKU is in use; there is nothing to reinstate."""

    kind = Kind.FAILED_PRECONDITION
    reason = "SKU_NOT_RETIRED"


class SkuInBundle(Failure):
    """Active bundles consume this SKU; change or retire them first."""

    kind = Kind.FAILED_PRECONDITION
    reason = "SKU_IN_BUNDLE"


class OptionsMismatch(Failure):
    """The options are not the product's axes, each once, with a value that it allows."""

    kind = Kind.INVALID_ARGUMENT
    reason = "OPTIONS_MISMATCH"


class AxisNotFound(Failure):
    """The product has no axis of this name."""

    kind = Kind.NOT_FOUND
    reason = "AXIS_NOT_FOUND"


class AxisOpen(Failure):
    """The axis has no list of values: every value is allowed on it already."""

    kind = Kind.FAILED_PRECONDITION
    reason = "AXIS_OPEN"


class OptionValueExists(Failure):
    """The axis allows this value already, perhaps in other letter case or spacing."""

    kind = Kind.ALREADY_EXISTS
    reason = "OPTION_VALUE_EXISTS"


class OptionValueLimit(Failure):
    """The axis would have more values than it may have."""

    kind = Kind.FAILED_PRECONDITION
    reason = "OPTION_VALUE_LIMIT"


class OptionsTaken(Failure):
    """Another SKU of the product has this combination of options."""

    kind = Kind.ALREADY_EXISTS
    reason = "OPTIONS_TAKEN"


class FieldImmutable(Failure):
    """The update names a field that is fixed once the thing is created."""

    kind = Kind.INVALID_ARGUMENT
    reason = "FIELD_IMMUTABLE"


class UnitNotFound(Failure):
    """The SKU has no such unit."""

    kind = Kind.NOT_FOUND
    reason = "UNIT_NOT_FOUND"


class UnitExists(Failure):
    """The SKU has this unit already."""

    kind = Kind.ALREADY_EXISTS
    reason = "UNIT_EXISTS"


class UnitLimit(Failure):
    """The SKU has as many units as it may have."""

    kind = Kind.FAILED_PRECONDITION
    reason = "UNIT_LIMIT"


class UnitHasBarcodes(Failure):
    """The unit still has barcodes; remove them first."""

    kind = Kind.FAILED_PRECONDITION
    reason = "UNIT_HAS_BARCODES"


class UnitIsBase(Failure):
    """The base unit stays as long as the SKU."""

    kind = Kind.FAILED_PRECONDITION
    reason = "UNIT_IS_BASE"


class BarcodeInvalid(Failure):
    """The barcode cannot be read as what it is said to be."""

    kind = Kind.INVALID_ARGUMENT
    reason = "BARCODE_INVALID"


class BarcodeTaken(Failure):
    """The barcode belongs to another unit or SKU."""

    kind = Kind.ALREADY_EXISTS
    reason = "BARCODE_TAKEN"


class BarcodeUnknown(Failure):
    """Nobody has this barcode."""

    kind = Kind.NOT_FOUND
    reason = "BARCODE_UNKNOWN"


class BarcodeLimit(Failure):
    """The SKU has as many barcodes as it may have."""

    kind = Kind.FAILED_PRECONDITION
    reason = "BARCODE_LIMIT"


class LabelTooSmall(Failure):
    """The code does not fit on a label of this size; choose a larger one."""

    kind = Kind.FAILED_PRECONDITION
    reason = "LABEL_TOO_SMALL"


class NotABundle(Failure):
    """The SKU is not a bundle and has no recipe."""

    kind = Kind.FAILED_PRECONDITION
    reason = "NOT_A_BUNDLE"


class ComponentNotFound(Failure):
    """A component of the bundle does not exist."""

    kind = Kind.NOT_FOUND
    reason = "COMPONENT_NOT_FOUND"


class RecipeTooDeep(Failure):
    """Bundles would stand in bundles on more than three levels."""

    kind = Kind.FAILED_PRECONDITION
    reason = "RECIPE_TOO_DEEP"


class RecipeTooLarge(Failure):
    """One bundle would consume too many units or SKUs, with the bundles in it resolved."""

    kind = Kind.FAILED_PRECONDITION
    reason = "RECIPE_TOO_LARGE"


class RecipeTooWide(Failure):
    """More bundles than can follow at once consume this one; make a new bundle and use it in its place."""

    kind = Kind.FAILED_PRECONDITION
    reason = "RECIPE_TOO_WIDE"


class RecipeCycle(Failure):
    """The bundle would consume itself."""

    kind = Kind.FAILED_PRECONDITION
    reason = "RECIPE_CYCLE"


class RecipeUnchanged(Failure):
    """This is the bundle's current recipe already."""

    kind = Kind.FAILED_PRECONDITION
    reason = "RECIPE_UNCHANGED"


class RecipeNotFound(Failure):
    """The bundle has no recipe of this version."""

    kind = Kind.NOT_FOUND
    reason = "RECIPE_NOT_FOUND"


class ImportUnreadable(Failure):
    """The file cannot be read as a table of SKUs."""

    kind = Kind.INVALID_ARGUMENT
    reason = "IMPORT_UNREADABLE"


class ImportTooLarge(Failure):
    """The file has more rows than one import takes."""

    kind = Kind.INVALID_ARGUMENT
    reason = "IMPORT_TOO_LARGE"


class PositionAhead(Failure):
    """The position is beyond the end of the log: the checkpoint belongs to another log."""

    kind = Kind.FAILED_PRECONDITION
    reason = "POSITION_AHEAD"
