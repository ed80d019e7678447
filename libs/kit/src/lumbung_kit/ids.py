"""Ids that we make ourselves."""

from __future__ import annotations

import uuid
from uuid import UUID

import uuid_utils


def new_id() -> UUID:
    """A new UUID, version 7: unique everywhere, and ordered by time, so that new rows lie together."""
    return uuid.UUID(int=uuid_utils.uuid7().int)
