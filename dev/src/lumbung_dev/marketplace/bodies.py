"""Request bodies: bounded, JSON, and checked before they are believed."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request

BODY_MAX_BYTES = 512 * 1024
TEXT_MAX = 200


class BadBody(Exception):  # noqa: N818 - an answer to the caller
    """The body cannot be accepted."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.status = status


async def read_object(request: Request) -> dict[str, Any]:
    """The body as a JSON object; an empty one when there is none."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_MAX_BYTES:
            raise BadBody(f"the body is longer than {BODY_MAX_BYTES} bytes", 413)
    if not body:
        return {}
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadBody("the body is not JSON") from error
    if not isinstance(found, dict):
        raise BadBody("the body is not an object")
    return found


def rows(body: dict[str, Any], name: str, maximum: int) -> list[dict[str, Any]]:
    """A list of objects, at least one, at most `maximum`."""
    found = body.get(name)
    if not isinstance(found, list) or not found or not all(isinstance(row, dict) for row in found):
        raise BadBody(f"{name} must be a list of objects, at least one")
    if len(found) > maximum:
        raise BadBody(f"{name} must have at most {maximum} rows, not {len(found)}", 413)
    return found


def text(row: dict[str, Any], name: str, *, required: bool = True) -> str:
    """A short text."""
    found = row.get(name, "")
    if not isinstance(found, str) or len(found) > TEXT_MAX or (required and not found):
        raise BadBody(f"{name} must be a text of {'1' if required else '0'} to {TEXT_MAX} characters")
    return found


def whole(row: dict[str, Any], name: str, *, minimum: int = 0, default: int | None = None) -> int:
    """A whole number from `minimum` on."""
    found = row.get(name, default)
    if not isinstance(found, int) or isinstance(found, bool) or not minimum <= found < 2**62:
        raise BadBody(f"{name} must be a whole number from {minimum}")
    return found
