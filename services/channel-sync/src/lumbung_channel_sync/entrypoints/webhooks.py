"""Webhooks over HTTP: `POST /webhooks/<channel code>`.

A delivery is answered 200 when it is committed, and never before. An unknown channel, a missing or wrong signature and
one that is too old get the same 401: nobody learns which channels exist.
"""

from __future__ import annotations

import asyncio
import math
from datetime import UTC, datetime

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lumbung_channel_sync.clients.secrets import BadSecretsFile, Secrets
from lumbung_channel_sync.connectors.contract import WebhookReader
from lumbung_channel_sync.connectors.registry import PLATFORMS
from lumbung_channel_sync.domain.channels import ChannelSecret, Platform
from lumbung_channel_sync.stores.channel_directory import ChannelDirectory
from lumbung_channel_sync.stores.inbox import Delivery
from lumbung_channel_sync.usecases.receive_delivery import DeliveryReceiver
from lumbung_kit import telemetry
from lumbung_kit.failures import Failure
from lumbung_kit.logs import get_logger

BODY_S_MAX = 10.0
NOBODY = ChannelSecret("nobody signs with this", "")

_log = get_logger(__name__)
_refused = telemetry.counter("deliveries_refused", "Deliveries that were not taken", ["reason"])


class TooLong(Exception):  # noqa: N818 - an answer, not an error of ours
    """The body is longer than a delivery may be."""


class Webhooks:
    """Takes deliveries in."""

    def __init__(
        self,
        directory: ChannelDirectory,
        secrets: Secrets,
        receiver: DeliveryReceiver,
        body_max_bytes: int,
    ) -> None:
        self._directory = directory
        self._secrets = secrets
        self._receiver = receiver
        self._body_max_bytes = body_max_bytes

    def app(self) -> Starlette:
        """The ASGI application."""
        return Starlette(routes=[Route("/webhooks/{channel_code}", self.take, methods=["POST"])])

    async def take(self, request: Request) -> Response:
        """One delivery."""
        try:
            return await self._take(request)
        except TooLong:
            return _refusal(413, "TOO_LONG")
        except TimeoutError:
            return _refusal(408, "TOO_SLOW")
        except ClientDisconnect:
            return _refusal(400, "GONE")
        except Failure as failure:
            return _unavailable(failure)

    async def _take(self, request: Request) -> Response:
        raw_body = await self._body(request)
        channel_code = request.path_params["channel_code"]
        reader, secret, known = await self._who(channel_code)
        authentic = reader.is_authentic(secret, request.headers, raw_body, datetime.now(UTC))
        if not (authentic and known):
            return _refusal(401, "NOT_AUTHENTIC")
        # Only now: nobody else can make us record, or join a trace.
        parent = request.headers.get("traceparent")
        with telemetry.span("webhook", kind=telemetry.SpanKind.SERVER, parent=parent, channel=channel_code):
            await self._receiver.receive(
                Delivery(
                    channel_code,
                    reader.read(raw_body, request.headers),
                    raw_body,
                    reader.delivery_ref(request.headers),
                    telemetry.current_traceparent(),
                )
            )
        return JSONResponse({"taken": True})

    async def _body(self, request: Request) -> bytes:
        """Never reads more than is allowed, whatever Content-Length says."""
        stated = request.headers.get("content-length", "")
        if stated.isdecimal() and int(stated[:20]) > self._body_max_bytes:
            raise TooLong
        body = bytearray()
        async with asyncio.timeout(BODY_S_MAX):
            async for chunk in request.stream():
                body += chunk
                if len(body) > self._body_max_bytes:
                    raise TooLong
        return bytes(body)

    async def _who(self, channel_code: str) -> tuple[WebhookReader, ChannelSecret, bool]:
        """Whose signature to expect. Nobody's is checked as well, and takes as long."""
        nobody = PLATFORMS[Platform.DEMO_MARKETPLACE].webhooks
        channel = await self._directory.get(channel_code)
        if channel is None:
            return nobody, NOBODY, False
        reader = PLATFORMS[channel.platform].webhooks
        try:
            secret = self._secrets.get(channel.spec.secret_reference)
        except BadSecretsFile as problem:
            _log.error("secrets file cannot be used", problem=str(problem))
            secret = None
        return reader, secret or NOBODY, secret is not None


def _refusal(status: int, reason: str) -> Response:
    _refused.labels(reason).inc()
    return JSONResponse({"error": reason}, status_code=status)


def _unavailable(failure: Failure) -> Response:
    """The channel sends it again later."""
    _refused.labels(failure.reason).inc()
    retry_after_s = math.ceil(failure.retry_after_s or 1.0)
    return JSONResponse(
        {"error": failure.reason}, status_code=503, headers={"retry-after": str(retry_after_s)}
    )
