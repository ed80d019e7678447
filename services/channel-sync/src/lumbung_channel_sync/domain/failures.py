"""Why channel-sync refuses something; docs/status-codes.md has a row for each."""

from lumbung_kit.failures import Failure, Kind


class ChannelNotFound(Failure):
    """No channel has this code."""

    kind = Kind.NOT_FOUND
    reason = "CHANNEL_NOT_FOUND"


class ChannelExists(Failure):
    """A channel with this code exists already."""

    kind = Kind.ALREADY_EXISTS
    reason = "CHANNEL_EXISTS"


class TooManyChannels(Failure):
    """No more channels can be connected."""

    kind = Kind.FAILED_PRECONDITION
    reason = "TOO_MANY_CHANNELS"


class TooManyListings(Failure):
    """The channel has as many listings as one channel can have."""

    kind = Kind.FAILED_PRECONDITION
    reason = "TOO_MANY_LISTINGS"


class SecretNotFound(Failure):
    """The secrets file has no entry under this reference."""

    kind = Kind.FAILED_PRECONDITION
    reason = "SECRET_NOT_FOUND"


class StageIsLast(Failure):
    """The channel is in its last stage: every listing is pushed and every order taken."""

    kind = Kind.FAILED_PRECONDITION
    reason = "STAGE_IS_LAST"


class StageIsFirst(Failure):
    """The channel is in its first stage: nothing is pushed and no order taken."""

    kind = Kind.FAILED_PRECONDITION
    reason = "STAGE_IS_FIRST"


class StageNotAgreed(Failure):
    """Something was compared in this stage and disagreed, or nothing was compared yet."""

    kind = Kind.FAILED_PRECONDITION
    reason = "STAGE_NOT_AGREED"


class ListingNotFound(Failure):
    """The channel has no listing with this reference."""

    kind = Kind.NOT_FOUND
    reason = "LISTING_NOT_FOUND"


class SkuNotFound(Failure):
    """Stock has never heard of this SKU."""

    kind = Kind.NOT_FOUND
    reason = "SKU_NOT_FOUND"


class ChannelUnavailable(Failure):
    """The channel's platform cannot be reached now."""

    kind = Kind.UNAVAILABLE
    reason = "CHANNEL_UNAVAILABLE"


class StockUnavailable(Failure):
    """The stock service cannot be reached now."""

    kind = Kind.UNAVAILABLE
    reason = "STOCK_UNAVAILABLE"


class ChannelOrderNotFound(Failure):
    """The channel has sent no order with this reference."""

    kind = Kind.NOT_FOUND
    reason = "CHANNEL_ORDER_NOT_FOUND"


class OrderNotCancellable(Failure):
    """The order holds nothing that could be given back."""

    kind = Kind.FAILED_PRECONDITION
    reason = "ORDER_NOT_CANCELLABLE"


class OrderInFlight(Failure):
    """Stock has not answered for this order yet."""

    kind = Kind.ABORTED
    reason = "ORDER_IN_FLIGHT"


class AlreadyShipped(Failure):
    """The order has left the warehouse; take a return instead."""

    kind = Kind.FAILED_PRECONDITION
    reason = "ALREADY_SHIPPED"


class DeadLetterNotFound(Failure):
    """No dead letter has this number."""

    kind = Kind.NOT_FOUND
    reason = "DEAD_LETTER_NOT_FOUND"
