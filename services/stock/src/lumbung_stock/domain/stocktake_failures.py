"""Why a count is refused, or something because of a count; docs/status-codes.md has a row for each."""

from lumbung_kit.failures import Failure, Kind


class StocktakeNotFound(Failure):
    """There is no such stocktake."""

    kind = Kind.NOT_FOUND
    reason = "STOCKTAKE_NOT_FOUND"


class StocktakeWrongState(Failure):
    """The stocktake is not in a state in which this can be done."""

    kind = Kind.FAILED_PRECONDITION
    reason = "STOCKTAKE_WRONG_STATE"


class StocktakeIncomplete(Failure):
    """Lines of this round were not counted yet."""

    kind = Kind.FAILED_PRECONDITION
    reason = "STOCKTAKE_INCOMPLETE"


class StocktakeLocked(Failure):
    """The bin is being counted, and changes by hand wait until that has ended."""

    kind = Kind.FAILED_PRECONDITION
    reason = "STOCKTAKE_LOCKED"


class ScopeAlreadyCounted(Failure):
    """Another stocktake that has not ended counts a part of this scope."""

    kind = Kind.FAILED_PRECONDITION
    reason = "SCOPE_ALREADY_COUNTED"


class ScopeTooLarge(Failure):
    """The scope has more bins or lines than one stocktake takes; count it in parts."""

    kind = Kind.INVALID_ARGUMENT
    reason = "SCOPE_TOO_LARGE"


class SamePerson(Failure):
    """Whoever has opened a stocktake or counted for it does not approve it."""

    kind = Kind.PERMISSION_DENIED
    reason = "SAME_PERSON"


class CountUncertain(Failure):
    """Of some lines nobody can say what is there: count them again, or leave them as the book has them."""

    kind = Kind.FAILED_PRECONDITION
    reason = "COUNT_UNCERTAIN"


class TooManyDifferences(Failure):
    """More lines differ than are booked in one transaction; count a smaller scope."""

    kind = Kind.FAILED_PRECONDITION
    reason = "TOO_MANY_DIFFERENCES"
