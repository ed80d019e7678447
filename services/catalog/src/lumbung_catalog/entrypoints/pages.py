"""Pages: a token says where the next one begins, and of which list it is."""

import binascii
import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from typing import TypeVar

from lumbung_catalog.domain.limits import PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX
from lumbung_kit.validate import Check

T = TypeVar("T")
Place = tuple[str | int, ...]

_TOKEN_LENGTH_MAX = 512
_NUMBER_MAX = 2**31 - 1
NEWEST = _NUMBER_MAX
"""Where a list begins that counts versions down."""


class Pages:
    """One list with its filters, read page by page from a place in its order."""

    def __init__(self, check: Check, list_name: str, *filters: str | int) -> None:
        self._check = check
        self._scope = hashlib.sha256(json.dumps([list_name, *filters]).encode()).hexdigest()[:12]
        self.size = PAGE_SIZE_DEFAULT
        self.after: Place = ()

    def begin(self, page_size: int, page_token: str, start: Place) -> None:
        """Takes what the request says; `start` is the place before the first page."""
        self.size = self._check.page_size(page_size, default=PAGE_SIZE_DEFAULT, maximum=PAGE_SIZE_MAX)
        place = _place(page_token, self._scope, start) if page_token else start
        if place is None:
            self._check.add("page_token", "must be the next_page_token of this list with the same filters")
        self.after = place or start

    def cut(self, found: Sequence[T], place_of: Callable[[T], Place]) -> tuple[Sequence[T], str]:
        """What belongs on this page of `size` + 1 found, and the token for the next."""
        if len(found) <= self.size:
            return found, ""
        page = found[: self.size]
        return page, self._token(place_of(page[-1]))

    def _token(self, place: Place) -> str:
        return urlsafe_b64encode(json.dumps([self._scope, *place]).encode()).decode().rstrip("=")


def _place(token: str, scope: str, start: Place) -> Place | None:
    """The place that a token of this scope names: as many and the same kinds of parts as `start`."""
    if len(token) > _TOKEN_LENGTH_MAX:
        return None
    try:
        parts = json.loads(urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (binascii.Error, ValueError):
        return None
    if not isinstance(parts, list) or parts[:1] != [scope]:
        return None
    place = tuple(parts[1:])
    same_kinds = [type(part) for part in place] == [type(part) for part in start]
    return place if same_kinds and all(_is_storable(part) for part in place) else None


def _is_storable(part: str | int) -> bool:
    return part.isprintable() if isinstance(part, str) else abs(part) <= _NUMBER_MAX
