"""One HTTP call to a platform: bounded in time and size, spaced out, and its failure put in a connector's words."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import httpx

from lumbung_channel_sync.connectors.contract import KeyRefused, PlatformError, RateLimited, Unreachable

ANSWER_MAX_BYTES = 4 * 1024 * 1024
RETRY_AFTER_MAX_S = 3600.0


class Spacing:
    """At most so many calls a second towards one channel, and none while it has asked us to wait; shared by everything
    that calls it."""

    def __init__(self, calls_per_second: int) -> None:
        self._gap_s = 1.0 / calls_per_second
        self._next_s = 0.0
        self._closed_until_s = 0.0

    async def turn(self) -> None:
        """Waits for the next free slot. Raises RateLimited, with what is left, while the platform wants no calls."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        slot = max(now, self._next_s)
        self._next_s = slot + self._gap_s
        if slot > now:
            await asyncio.sleep(slot - now)
        left_s = self._closed_until_s - loop.time()
        if left_s > 0:
            raise RateLimited("the platform has asked us to wait", left_s)

    def close(self, seconds: float) -> None:
        """The platform wants no calls for so long."""
        self._closed_until_s = max(self._closed_until_s, asyncio.get_running_loop().time() + seconds)


class PlatformHttp:
    """JSON over HTTP to one base URL."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        base_url: str,
        headers: Mapping[str, str],
        spacing: Spacing,
        timeout_s: float,
    ) -> None:
        self._client = client
        self._base_url = base_url.rstrip("/")
        self._headers = dict(headers)
        self._spacing = spacing
        self._timeout_s = timeout_s

    async def call(
        self, method: str, path: str, *, body: object | None = None, query: Mapping[str, Any] | None = None
    ) -> Any:
        """The decoded answer of a 2xx; anything else is a PlatformTrouble."""
        await self._spacing.turn()
        request = self._client.build_request(
            method, self._base_url + path, json=body, params=query, headers=self._headers
        )
        try:
            async with asyncio.timeout(self._timeout_s):
                response = await self._client.send(request, stream=True)
                try:
                    raw = await _read_bounded(response)
                finally:
                    await response.aclose()
        except (httpx.HTTPError, TimeoutError) as error:
            raise Unreachable(f"{method} {path}: {type(error).__name__}") from error
        stated_s = None if response.is_success else retry_after_s(response.headers)
        if stated_s is not None:
            self._spacing.close(stated_s)
        return _decode(response, raw, f"{method} {path}")


async def _read_bounded(response: httpx.Response) -> bytes:
    chunks = bytearray()
    async for chunk in response.aiter_bytes():
        chunks += chunk
        if len(chunks) > ANSWER_MAX_BYTES:
            raise PlatformError(f"the answer is longer than {ANSWER_MAX_BYTES} bytes")
    return bytes(chunks)


def _decode(response: httpx.Response, raw: bytes, what: str) -> Any:
    status = response.status_code
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        raise RateLimited(f"{what}: HTTP 429", retry_after_s(response.headers))
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        raise KeyRefused(f"{what}: HTTP {status}")
    if not response.is_success:
        raise PlatformError(f"{what}: HTTP {status}", retry_after_s=retry_after_s(response.headers))
    try:
        return json.loads(raw)
    except ValueError as error:
        raise PlatformError(f"{what}: the answer is not JSON") from error


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Retry-After in seconds, from either of its two forms; bounded, so that nonsense does not stop a channel."""
    stated = headers.get("retry-after", "").strip()
    if not stated:
        return None
    try:
        seconds = float(stated)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(stated) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return None
    if math.isnan(seconds):
        return None
    return min(max(0.0, seconds), RETRY_AFTER_MAX_S)
