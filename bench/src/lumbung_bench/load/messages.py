"""gRPC messages prepared beforehand, in which every reservation gets a number of its own."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

DIGITS = 10
PREFIX_BYTES = 5
_FORMAT = f"%0{DIGITS}d"


def placeholder(reservation: int) -> str:
    """What stands in a message where the number of its reservation (0, 1, ...) will be."""
    return f"9{reservation:0{DIGITS - 1}d}"


@dataclass(frozen=True, slots=True)
class Template:
    """A length-prefixed message, and where in it the digits of each reservation's number stand."""

    data: bytes
    places: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, serialized: bytes, reservations: int = 1) -> Template:
        """From a serialised message that has `placeholder(n)` wherever the n-th reservation's number belongs."""
        data = b"\0" + len(serialized).to_bytes(4, "big") + serialized
        return cls(data, tuple(_find(data, placeholder(each).encode()) for each in range(reservations)))

    def numbered(self, first: int) -> bytearray:
        """The message with the numbers `first`, `first + 1`, ... in it."""
        message = bytearray(self.data)
        for number, places in enumerate(self.places, first):
            digits = (_FORMAT % number).encode()
            for place in places:
                message[place : place + DIGITS] = digits
        return message

    def to_json(self) -> dict[str, object]:
        """For another process."""
        return {"data": base64.b64encode(self.data).decode(), "places": self.places}

    @classmethod
    def from_json(cls, values: dict[str, object]) -> Template:
        """What `to_json` wrote."""
        places = values["places"]
        assert isinstance(places, list)  # noqa: S101 - written by ourselves
        return cls(base64.b64decode(str(values["data"])), tuple(map(tuple, places)))


def _find(data: bytes, mark: bytes) -> tuple[int, ...]:
    places: list[int] = []
    at = data.find(mark)
    while at >= 0:
        places.append(at)
        at = data.find(mark, at + 1)
    if not places:
        raise ValueError(f"the message has no {mark!r}")
    return tuple(places)


def together(messages: Sequence[bytes | bytearray]) -> bytes:
    """One message that says what these say: repeated fields one after the other are one repeated field."""
    body = b"".join(memoryview(message)[PREFIX_BYTES:] for message in messages)
    return b"\0" + len(body).to_bytes(4, "big") + body


def total_reservations(templates: Sequence[Template]) -> int:
    """How many reservations each message of these asks for; all alike."""
    (count,) = {len(template.places) for template in templates}
    return count
