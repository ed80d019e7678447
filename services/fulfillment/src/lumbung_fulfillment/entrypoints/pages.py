"""Pages: a token says where the next one begins, and of which list with which filters it is."""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

from lumbung_kit.validate import Check

PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX = 50, 200
FIRST = (datetime(1970, 1, 1, tzinfo=UTC), UUID(int=0))
LAST = (datetime(9999, 1, 1, tzinfo=UTC), UUID(int=2**128 - 1))

T = TypeVar("T")
Place = tuple[datetime, UUID]
_TOKEN_LENGTH_MAX = 256
_NUMBER_LENGTH_MAX = 18


class Pages:
    """One list, read page by page from a place in its order."""

    def __init__(self, check: Check, page_size: int, page_token: str, filters: Sequence[object]) -> None:
        self._check = check
        self._scope = hashlib.sha256(repr(filters).encode()).hexdigest()[:12]
        self._parts = self._read(page_token) if page_token else []
        self.size = check.page_size(page_size, default=PAGE_SIZE_DEFAULT, maximum=PAGE_SIZE_MAX)

    @property
    def limit(self) -> int:
        """One more than belongs on the page, to see whether there is a next one."""
        return self.size + 1

    def place(self, start: Place) -> Place:
        """Where a list by time begins; `start` without a token."""
        if not self._parts:
            return start
        try:
            moment, key = self._parts
            return datetime.fromisoformat(moment).astimezone(UTC), UUID(key)
        except ValueError:
            self._note_wrong()
            return start

    def number(self) -> int:
        """Where a list by number begins; 0 without a token."""
        text = self.text() or "0"
        if not text.isdecimal() or len(text) > _NUMBER_LENGTH_MAX:
            self._note_wrong()
            return 0
        return int(text)

    def text(self) -> str:
        """Where a list by code begins; empty without a token."""
        return self._parts[0] if self._parts else ""

    def texts(self) -> tuple[str, str]:
        """Where a list by two codes begins; both empty without a token."""
        if not self._parts:
            return "", ""
        if len(self._parts) != 2:
            self._note_wrong()
            return "", ""
        return self._parts[0], self._parts[1]

    def cut(self, found: Sequence[T], place_of: Callable[[T], Sequence[object]]) -> tuple[Sequence[T], str]:
        """What belongs on this page of those found, and the token for the next."""
        if len(found) <= self.size:
            return found, ""
        page = found[: self.size]
        parts = [part.isoformat() if isinstance(part, datetime) else str(part) for part in place_of(page[-1])]
        return page, urlsafe_b64encode(json.dumps([self._scope, *parts]).encode()).decode().rstrip("=")

    def _read(self, token: str) -> list[str]:
        content = _content(token)
        if len(content) < 2 or content[0] != self._scope:
            self._note_wrong()
            return []
        return content[1:]

    def _note_wrong(self) -> None:
        self._check.add("page_token", "must be the next_page_token of this list with the same filters")


def _content(token: str) -> list[str]:
    """The texts in a token; none in what is no token."""
    if len(token) > _TOKEN_LENGTH_MAX:
        return []
    try:
        content = json.loads(urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except ValueError:
        return []
    is_ours = isinstance(content, list) and all(
        isinstance(part, str) and "\0" not in part for part in content
    )
    return content if is_ours else []
