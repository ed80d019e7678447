"""A failure as `google.rpc.Status`, there and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, PreconditionFailure, RetryInfo
from google.rpc.status_pb2 import Status

from lumbung_kit.failures import Failure, FieldViolation, Kind, PreconditionViolation

DETAILS_KEY: Final = "grpc-status-details-bin"
CODES: Final = {kind: grpc.StatusCode[kind.name] for kind in Kind}
_KINDS: Final = {code: kind for kind, code in CODES.items()} | {
    grpc.StatusCode.CANCELLED: Kind.DEADLINE_EXCEEDED,
    grpc.StatusCode.OUT_OF_RANGE: Kind.INVALID_ARGUMENT,
}

DETAILS_BYTES_MAX: Final = 4096
"""A client takes 8 KiB of trailing metadata, in base64; violations beyond this much text are left out."""
TEXT_LENGTH_MAX: Final = 512


@dataclass(frozen=True, slots=True)
class Details:
    """What a `google.rpc.Status` says beyond its code."""

    reason: str = ""
    domain: str = ""
    message: str = ""
    metadata: Mapping[str, str] | None = None
    fields: tuple[FieldViolation, ...] = ()
    preconditions: tuple[PreconditionViolation, ...] = ()
    retry_after_s: float | None = None


def encode(failure: Failure, domain: str) -> bytes:
    """The status with exactly one ErrorInfo; BadRequest, PreconditionFailure, RetryInfo where they apply."""
    status = Status(code=failure.kind.value, message=failure.message[:TEXT_LENGTH_MAX])
    if failure.metadata:
        info = ErrorInfo(reason=failure.reason, domain=domain)
        for key, value in failure.metadata.items():
            info.metadata[key] = value[:TEXT_LENGTH_MAX]
        status.details.add().Pack(info)
    else:
        status.details.append(_plain_info(failure.reason, domain))
    if failure.fields:
        status.details.add().Pack(_bad_request(failure.fields))
    if failure.preconditions:
        status.details.add().Pack(_precondition_failure(failure.preconditions))
    if failure.retry_after_s is not None:
        status.details.append(_retry_info(int(failure.retry_after_s * 1e9)))
    for detail in failure.details:
        status.details.add().Pack(detail)  # type: ignore[arg-type]  # the pure failures know no protobuf
    return status.SerializeToString()


@lru_cache(256)
def _plain_info(reason: str, domain: str) -> Any:
    """What nearly every refusal says of itself: packed once for each reason, as packing takes its time."""
    packed = Any()
    packed.Pack(ErrorInfo(reason=reason, domain=domain))
    return packed


@lru_cache(256)
def _retry_info(nanoseconds: int) -> Any:
    """Packed once for each delay; those that are drawn by lot push each other out."""
    delay, packed = Duration(), Any()
    delay.FromNanoseconds(nanoseconds)
    packed.Pack(RetryInfo(retry_delay=delay))
    return packed


def _bad_request(fields: Iterable[FieldViolation]) -> BadRequest:
    detail = BadRequest()
    room = DETAILS_BYTES_MAX
    for violation in fields:
        field, description = violation.field[:TEXT_LENGTH_MAX], violation.description[:TEXT_LENGTH_MAX]
        room -= len(field.encode()) + len(description.encode()) + 8
        if room < 0:
            break
        detail.field_violations.add(field=field, description=description)
    return detail


def _precondition_failure(preconditions: Iterable[PreconditionViolation]) -> PreconditionFailure:
    detail = PreconditionFailure()
    room = DETAILS_BYTES_MAX
    for violation in preconditions:
        kind, subject = violation.type[:TEXT_LENGTH_MAX], violation.subject[:TEXT_LENGTH_MAX]
        description = violation.description[:TEXT_LENGTH_MAX]
        room -= len(kind.encode()) + len(subject.encode()) + len(description.encode()) + 12
        if room < 0:
            break
        detail.violations.add(type=kind, subject=subject, description=description)
    return detail


def kind_of(code: grpc.StatusCode) -> Kind:
    """The kind of a status that another server answered with; what has no kind of its own is INTERNAL."""
    return _KINDS.get(code, Kind.INTERNAL)


def decode(serialized: bytes) -> Details:
    """Reads what `encode`, or any other server that follows google.rpc, has written."""
    status = Status.FromString(serialized)
    info, bad_request = ErrorInfo(), BadRequest()
    preconditions, retry = PreconditionFailure(), RetryInfo()
    delayed = False
    for detail in status.details:
        detail.Unpack(info)
        detail.Unpack(bad_request)
        detail.Unpack(preconditions)
        delayed = detail.Unpack(retry) or delayed
    return Details(
        reason=info.reason,
        domain=info.domain,
        message=status.message,
        metadata=dict(info.metadata),
        fields=tuple(FieldViolation(v.field, v.description) for v in bad_request.field_violations),
        preconditions=tuple(
            PreconditionViolation(v.type, v.subject, v.description) for v in preconditions.violations
        ),
        retry_after_s=retry.retry_delay.ToNanoseconds() / 1e9 if delayed else None,
    )
