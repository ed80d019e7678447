"""Checks of what a caller sent: every violation of one request is collected and named in one answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Protocol, TypeVar
from uuid import UUID

from google.protobuf.duration_pb2 import Duration

from lumbung_kit.failures import BadInput, FieldViolation

T = TypeVar("T")

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/+-]*")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_NIL = UUID(int=0)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_VIOLATIONS_MAX = 100
QUANTITY_MAX = 1_000_000
"""Base units in one line of a request."""


def is_code(value: str, max_length: int = 64) -> bool:
    """Whether `Check.code` has nothing to say, for those who name a field only when it is wrong."""
    return len(value) <= max_length and _CODE.fullmatch(value) is not None


class EnumWrapper(Protocol):
    """What a generated protobuf enum offers and `Check.choice` needs."""

    def Name(self, number: Any) -> str: ...  # noqa: N802 - protobuf's name


class Check:
    """Collects the violations of one request.

    Each method returns the value in its checked form, or a harmless stand-in after noting the violation;
    call `done()` before using what was returned.
    """

    def __init__(self) -> None:
        self._violations: list[FieldViolation] = []

    def add(self, field: str, description: str) -> None:
        """Notes a violation that a rule of the caller's own found. The first hundred are kept."""
        if len(self._violations) < _VIOLATIONS_MAX:
            self._violations.append(FieldViolation(field, description))

    @property
    def violations(self) -> tuple[FieldViolation, ...]:
        """What was noted, for those who tell it otherwise than by a refusal."""
        return tuple(self._violations)

    def done(self) -> None:
        """Raises one BadInput that names every violation, if there is any."""
        if self._violations:
            first = self._violations[0]
            more = len(self._violations) - 1
            rest = f" (and {more} more)" if more else ""
            raise BadInput(f"{first.field} {first.description}{rest}", fields=self._violations)

    def request_id(self, value: str) -> str:
        """1 to 64 of A-Z a-z 0-9 . _ : - made by the client."""
        if not value:
            self.add("request_id", "must be set; make a new one for every new request")
        elif not _REQUEST_ID.fullmatch(value):
            self.add("request_id", "must be 1 to 64 characters of A-Z a-z 0-9 . _ : -")
        return value

    def code(self, field: str, value: str, *, max_length: int = 64) -> str:
        """A code of the business, such as a SKU's or a bin's."""
        if is_code(value, max_length):
            return value
        if not value:
            self.add(field, "must be set")
        elif len(value) > max_length:
            self.add(field, f"must be at most {max_length} characters long, not {len(value)}")
        else:
            self.add(field, "must begin with a letter or digit and hold only letters, digits and . _ / + -")
        return value

    def text(
        self,
        field: str,
        value: str,
        *,
        max_length: int,
        required: bool = True,
        pattern: re.Pattern[str] | None = None,
        hint: str = "",
    ) -> str:
        """Free text without control characters; `pattern` must match all of it, `hint` explains the pattern."""
        if not value.strip():
            if required:
                self.add(field, "must be set")
        elif len(value) > max_length:
            self.add(field, f"must be at most {max_length} characters long, not {len(value)}")
        elif _CONTROL.search(value):
            self.add(field, "must not hold control characters")
        elif pattern is not None and not pattern.fullmatch(value):
            self.add(field, hint or f"must match {pattern.pattern}")
        return value

    def quantity(self, field: str, value: int, *, maximum: int = QUANTITY_MAX) -> int:
        """A number of base units: at least one."""
        return self.whole(field, value, minimum=1, maximum=maximum)

    def whole(self, field: str, value: int, *, minimum: int, maximum: int) -> int:
        """A whole number within bounds, both of which are allowed."""
        if value < minimum:
            self.add(field, f"must be at least {minimum}, not {value}")
        elif value > maximum:
            self.add(field, f"must be at most {maximum}, not {value}")
        return value

    def items(self, field: str, values: Sequence[T], *, maximum: int, minimum: int = 1) -> Sequence[T]:
        """A list of bounded length; returns at most `maximum` of it, so that a hostile list is not walked."""
        if len(values) < minimum:
            self.add(field, f"must have at least {minimum} item(s), not {len(values)}")
        elif len(values) > maximum:
            self.add(field, f"must have at most {maximum} items, not {len(values)}")
            return values[:maximum]
        return values

    def uuid(self, field: str, value: str) -> UUID:
        """A UUID in its usual form of 36 characters."""
        if not value:
            self.add(field, "must be set")
        elif not _UUID.fullmatch(value):
            self.add(field, "must be a UUID like 0198c2f4-5e6f-7a81-9b3c-2d4e5f607182")
        else:
            return UUID(value)
        return _NIL

    def choice(self, field: str, value: int, enum_wrapper: EnumWrapper) -> int:
        """A value of a protobuf enum: neither the unspecified one (0) nor one unknown to this version."""
        if value == 0:
            self.add(field, "must be set")
        else:
            try:
                enum_wrapper.Name(value)
            except ValueError:
                self.add(field, f"has a value that this server does not know: {value}")
        return value

    def span_s(
        self,
        field: str,
        duration: Duration | None,
        *,
        minimum_s: float,
        maximum_s: float,
        default_s: float | None,
    ) -> float:
        """A span of time in seconds. Unset or zero means `default_s`, or is refused when that is None."""
        value = 0.0 if duration is None else duration.seconds + duration.nanos / 1e9
        if value == 0 and default_s is not None:
            return default_s
        if duration is None:
            self.add(field, f"must be set, from {_plain(minimum_s)} to {_plain(maximum_s)} seconds")
        elif not minimum_s <= value <= maximum_s:
            bounds = f"from {_plain(minimum_s)} to {_plain(maximum_s)}"
            self.add(field, f"must be {bounds} seconds, not {_plain(value)}")
        return value

    def page_size(self, value: int, *, default: int, maximum: int) -> int:
        """How many results at once: 0 means the default, above the maximum means the maximum (AIP-158)."""
        if value < 0:
            self.add("page_size", f"must not be negative, not {value}")
        return min(value, maximum) if value > 0 else default


def _plain(seconds: float) -> str:
    """As a person writes it: 31536000 and 0.5, with neither an exponent nor zeros at its end."""
    return f"{seconds:.9f}".rstrip("0").rstrip(".")
