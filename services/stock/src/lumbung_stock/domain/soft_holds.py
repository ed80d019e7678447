"""Soft holds: known by their ids, since there may be nothing else to know them by.

A soft hold that Valkey has lost is nowhere. Its id is a UUID of version 8, all others are of version 7, so that a
lost hold can be told from one that never was.
"""

from __future__ import annotations

from uuid import UUID

_VERSION_SHIFT = 76
_VERSION_BITS = 0xF << _VERSION_SHIFT


def soft_id(made: UUID) -> UUID:
    """The id as that of a soft hold; its order by time stays."""
    return UUID(int=made.int & ~_VERSION_BITS | 8 << _VERSION_SHIFT)


def is_soft(reservation_id: UUID) -> bool:
    """Whether a soft hold may have been made under this id."""
    return reservation_id.version == 8
