"""What can go wrong and how it is named: raised by any layer, made a gRPC status in one place (`frame`).

Pure: domain code may import this module and nothing else of the kit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import ClassVar

_REASON = re.compile(r"[A-Z][A-Z0-9_]{0,62}")
_NO_METADATA: Mapping[str, str] = MappingProxyType({})


class Kind(Enum):
    """The family of a failure. Each value is the number of the gRPC status code with the same name."""

    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    UNAUTHENTICATED = 16


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One field of the request that cannot be accepted, by its path (`lines[0].quantity`)."""

    field: str
    description: str


@dataclass(frozen=True, slots=True)
class PreconditionViolation:
    """One thing in the system whose state forbids the request."""

    type: str
    subject: str
    description: str


class Failure(Exception):  # noqa: N818 - a refusal is an answer, named after its reason
    """The request was refused.

    Subclass it once per reason and give the subclass `kind`, `reason` and a docstring: the docstring's first
    line is the default message. The message, the reason and everything passed here reach the caller; `details` are
    protobuf messages of the contract that say more than the rest can.
    """

    kind: ClassVar[Kind]
    reason: ClassVar[str]

    def __init_subclass__(cls) -> None:
        reason = getattr(cls, "reason", None)
        if reason is not None and not _REASON.fullmatch(reason):
            raise TypeError(f"{cls.__name__}.reason must be UPPER_SNAKE, up to 63 characters: {reason!r}")

    def __init__(
        self,
        message: str | None = None,
        *,
        metadata: Mapping[str, str] | None = None,
        fields: Sequence[FieldViolation] = (),
        preconditions: Sequence[PreconditionViolation] = (),
        retry_after_s: float | None = None,
        details: Sequence[object] = (),
    ) -> None:
        self.message = message or _first_line(type(self).__doc__)
        self.metadata = metadata or _NO_METADATA
        self.fields = tuple(fields)
        self.preconditions = tuple(preconditions)
        self.retry_after_s = retry_after_s
        self.details = tuple(details)
        super().__init__(self.message)


def _first_line(doc: str | None) -> str:
    return (doc or "The request was refused.").strip().splitlines()[0]


class BadInput(Failure):
    """The request has fields that cannot be accepted."""

    kind = Kind.INVALID_ARGUMENT
    reason = "BAD_INPUT"


class RequestIdReused(Failure):
    """This request_id was already used for a request with other content."""

    kind = Kind.INVALID_ARGUMENT
    reason = "REQUEST_ID_REUSED"


class CallerMissing(Failure):
    """Nobody said who calls: name yourself in the metadata `lumbung-actor`, such as storefront:web."""

    kind = Kind.UNAUTHENTICATED
    reason = "CALLER_MISSING"


class WrongRole(Failure):
    """This is not for the caller's role; the metadata say for whose it is."""

    kind = Kind.PERMISSION_DENIED
    reason = "WRONG_ROLE"


class RequestInFlight(Failure):
    """The same request is being handled right now; ask again for its answer."""

    kind = Kind.ABORTED
    reason = "REQUEST_IN_FLIGHT"


class ConcurrentChange(Failure):
    """Something else changed the same data first; read it again and retry."""

    kind = Kind.ABORTED
    reason = "CONCURRENT_CHANGE"


class Overloaded(Failure):
    """Too much work is waiting already; try again a little later."""

    kind = Kind.RESOURCE_EXHAUSTED
    reason = "OVERLOADED"


class StoreUnavailable(Failure):
    """A store that this service needs cannot be reached."""

    kind = Kind.UNAVAILABLE
    reason = "STORE_UNAVAILABLE"


class DependencyUnavailable(Failure):
    """Another service that this one needs cannot be reached."""

    kind = Kind.UNAVAILABLE
    reason = "DEPENDENCY_UNAVAILABLE"


class ShuttingDown(Failure):
    """This server is stopping; another one, or this one after its restart, will answer."""

    kind = Kind.UNAVAILABLE
    reason = "SHUTTING_DOWN"


class NotServed(Failure):
    """This method is part of the contract but is not served yet."""

    kind = Kind.UNIMPLEMENTED
    reason = "RPC_NOT_SERVED"


class DeadlineExceeded(Failure):
    """The caller's time, or this server's default, ran out; the call may still have taken effect."""

    kind = Kind.DEADLINE_EXCEEDED
    reason = "DEADLINE_EXCEEDED"


class Internal(Failure):
    """Something went wrong in this service; quote the correlation id to its operators.

    Never raised: it names what the frame answers for every exception that is not a Failure.
    """

    kind = Kind.INTERNAL
    reason = "INTERNAL"


def all_failures() -> list[type[Failure]]:
    """Every failure with a reason among the modules loaded so far, ordered by kind and reason."""
    found: set[type[Failure]] = set()
    unseen: list[type[Failure]] = [Failure]
    while unseen:
        subclasses = unseen.pop().__subclasses__()
        unseen += subclasses
        found.update(subclass for subclass in subclasses if hasattr(subclass, "reason"))
    return sorted(found, key=lambda failure: (failure.kind.value, failure.reason, failure.__module__))
