"""Page tokens: where the next page begins, bound to the filters of the list that it belongs to."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from typing import Any

from lumbung_kit.validate import Check

INT_MAX = 2**63 - 1
_WRONG = "is not from a list with these filters; begin without one"


def page_token(filters: Sequence[object], key: Sequence[str | int]) -> str:
    """A token for what comes behind `key`."""
    content = json.dumps([_digest(filters), *key], separators=(",", ":"))
    return base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")


def key_of(check: Check, token: str, filters: Sequence[object], *, first: tuple[Any, ...]) -> tuple[Any, ...]:
    """The key in a token, of the same types as `first`; `first` when there is no token, or a wrong one."""
    if not token:
        return first
    try:
        content = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except ValueError:
        content = None
    if isinstance(content, list) and content[:1] == [_digest(filters)] and _alike(content[1:], first):
        return tuple(content[1:])
    check.add("page_token", _WRONG)
    return first


def _alike(key: Sequence[object], first: tuple[Any, ...]) -> bool:
    return len(key) == len(first) and all(map(_is_like, key, first))


def _is_like(value: object, example: object) -> bool:
    if isinstance(example, int):
        return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= INT_MAX
    return isinstance(value, str) and "\0" not in value


def _digest(filters: Sequence[object]) -> str:
    return hashlib.sha256(repr(filters).encode()).hexdigest()[:8]
