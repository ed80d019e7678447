"""What Lumbung refused, as exceptions: one class per status code, and per reason that a storefront acts on.

Decide by class or by `reason`; `message` is for people and may change.
"""

# ruff: noqa: N818 - a refusal is an answer, named after what it says

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import grpc
from google.protobuf.message import DecodeError, Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, PreconditionFailure, RetryInfo
from google.rpc.status_pb2 import Status

from lumbung.stock.v1.reservations_pb2 import Refusal, RefusedLine

_DETAILS_KEY: Final = "grpc-status-details-bin"
_CODES: Final[Mapping[int, grpc.StatusCode]] = {code.value[0]: code for code in grpc.StatusCode}


@dataclass(frozen=True, slots=True)
class Details:
    """Everything that came with a refusal."""

    code: grpc.StatusCode
    reason: str = ""
    message: str = ""
    domain: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    fields: tuple[tuple[str, str], ...] = ()
    preconditions: tuple[tuple[str, str, str], ...] = ()
    retry_after_s: float | None = None
    lines: tuple[RefusedLine, ...] = ()


class LumbungError(Exception):
    """A call that did not do what was asked."""

    def __init__(self, details: Details) -> None:
        super().__init__(f"{details.reason or details.code.name}: {details.message}")
        self.code = details.code
        """The gRPC status code."""
        self.reason = details.reason
        """UPPER_SNAKE; docs/status-codes.md lists them. Empty when no server of Lumbung's answered."""
        self.message = details.message
        """One sentence for people."""
        self.domain = details.domain
        """Who says so, such as `stock.lumbung`."""
        self.metadata = details.metadata
        """What the reason is about, such as `sku_code` or `winner`."""
        self.fields = details.fields
        """(path, what is wrong) of each field that cannot be accepted, such as `lines[0].quantity`."""
        self.preconditions = details.preconditions
        """(type, subject, description) of each thing whose state forbids it."""
        self.retry_after_s = details.retry_after_s
        """Of trouble that passes: when to send the same request again. Of a refusal: when a new one may succeed."""
        self.lines = details.lines
        """Of a Reserve: each line that could not be had, with what was asked and what was available."""


class InvalidRequest(LumbungError):
    """The request can never succeed as it is; `fields` says why. Nothing was changed."""


class NotFound(LumbungError):
    """Something that the request names does not exist."""


class Refused(LumbungError):
    """Decided, and it stays so for this request_id; ask anew with a new one."""


class OutOfStock(Refused):
    """Not enough is left; `lines` says of what, and how many could have been had."""


class CustomerLimitReached(Refused):
    """The customer has as many as the sale allows."""


class FlashSaleNotOpen(Refused):
    """The sale has not begun, or is over."""


class HoldExpired(Refused):
    """The hold's deadline had passed."""


class HoldLost(Refused):
    """A soft hold that was lost, and its units are gone."""


class AlreadyResolved(Refused):
    """Something else was first; `winner` says what: confirm, release, expire or cancel."""

    @property
    def winner(self) -> str:
        """What became of the reservation."""
        return self.metadata.get("winner", "")


class Conflict(LumbungError):
    """Somebody else was changing the same thing."""


class Overloaded(LumbungError):
    """The service has too much to do, or the message was too large."""


class InWaitingRoom(LumbungError):
    """Too many want the sale at once. Nothing was decided: wait for a turn, then send the same request with its ticket
    (`LumbungClient.reserve_in_turn` does both)."""


class Unavailable(LumbungError):
    """Nobody answered. It may have taken effect: the same request_id gets the first answer."""


class DeadlineExceeded(LumbungError):
    """Time ran out. It may have taken effect: the same request_id gets the first answer."""


class NotServed(LumbungError):
    """This server does not serve that yet."""


class NotAllowed(LumbungError):
    """Nobody, or not the one, who may."""


_BY_REASON: Final[Mapping[str, type[LumbungError]]] = {
    "OUT_OF_STOCK": OutOfStock,
    "CUSTOMER_LIMIT_REACHED": CustomerLimitReached,
    "FLASH_SALE_NOT_OPEN": FlashSaleNotOpen,
    "HOLD_EXPIRED": HoldExpired,
    "HOLD_LOST": HoldLost,
    "ALREADY_RESOLVED": AlreadyResolved,
    "WAITING_ROOM": InWaitingRoom,
}
_BY_CODE: Final[Mapping[grpc.StatusCode, type[LumbungError]]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidRequest,
    grpc.StatusCode.OUT_OF_RANGE: InvalidRequest,
    grpc.StatusCode.NOT_FOUND: NotFound,
    grpc.StatusCode.ALREADY_EXISTS: Refused,
    grpc.StatusCode.FAILED_PRECONDITION: Refused,
    grpc.StatusCode.ABORTED: Conflict,
    grpc.StatusCode.RESOURCE_EXHAUSTED: Overloaded,
    grpc.StatusCode.UNAVAILABLE: Unavailable,
    grpc.StatusCode.CANCELLED: Unavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceeded,
    grpc.StatusCode.UNIMPLEMENTED: NotServed,
    grpc.StatusCode.PERMISSION_DENIED: NotAllowed,
    grpc.StatusCode.UNAUTHENTICATED: NotAllowed,
}


def error_of(details: Details) -> LumbungError:
    """The exception that these details stand for."""
    if details.code is grpc.StatusCode.INTERNAL and not details.reason:
        return Unavailable(details)  # gRPC's own word for a stream that was reset: no service has answered
    kind = _BY_REASON.get(details.reason) or _BY_CODE.get(details.code, LumbungError)
    return kind(details)


def error_of_call(error: grpc.aio.AioRpcError) -> LumbungError:
    """The exception that the end of a call stands for."""
    serialized = (error.trailing_metadata() or {}).get(_DETAILS_KEY)
    try:
        status = Status.FromString(serialized) if isinstance(serialized, bytes) else Status()
    except DecodeError:  # something between us and the server wrote it
        status = Status()
    return error_of(_details_of(error.code(), status, error.details() or ""))


def error_of_refusal(refusal: Refusal) -> LumbungError:
    """The exception that a refusal among many stands for: the same that the unary form raises."""
    return error_of(
        Details(
            code=_CODES.get(refusal.code or 9, grpc.StatusCode.UNKNOWN),
            reason=refusal.reason,
            message=refusal.message,
            retry_after_s=_delay_of(refusal, refusal.retry_delay.ToNanoseconds()),
            lines=tuple(refusal.lines),
        )
    )


def deadline_exceeded(message: str) -> DeadlineExceeded:
    """Time that ran out here, before any server said so."""
    return DeadlineExceeded(Details(grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", message))


def _details_of(code: grpc.StatusCode, status: Status, message: str) -> Details:
    info, bad_request, refusal = ErrorInfo(), BadRequest(), Refusal()
    preconditions, retry = PreconditionFailure(), RetryInfo()
    found = _unpack(status, (info, bad_request, preconditions, retry, refusal))
    return Details(
        code=code,
        reason=info.reason,
        message=status.message or message,
        domain=info.domain,
        metadata=dict(info.metadata),
        fields=tuple((each.field, each.description) for each in bad_request.field_violations),
        preconditions=tuple((each.type, each.subject, each.description) for each in preconditions.violations),
        retry_after_s=retry.retry_delay.ToNanoseconds() / 1e9 if retry in found else None,
        lines=tuple(refusal.lines),
    )


def _unpack(status: Status, wanted: Sequence[Message]) -> list[Message]:
    """Fills the wanted messages; returns those that were there."""
    return [message for detail in status.details for message in wanted if detail.Unpack(message)]


def _delay_of(refusal: Refusal, nanoseconds: int) -> float | None:
    return nanoseconds / 1e9 if refusal.HasField("retry_delay") else None
