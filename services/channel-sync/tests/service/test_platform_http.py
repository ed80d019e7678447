"""Calls to a platform that hangs, breaks off, babbles or forbids: each failure has its word."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
import pytest_asyncio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lumbung_channel_sync.connectors.contract import (
    FigurePush,
    KeyRefused,
    PlatformError,
    PlatformTrouble,
    RateLimited,
    RowResult,
    Unreachable,
)
from lumbung_channel_sync.connectors.demo_marketplace.client import DemoMarketplace
from lumbung_channel_sync.connectors.http_client import PlatformHttp, Spacing, retry_after_s
from lumbung_channel_sync.entrypoints.http_server import HttpServer

FIGURE = FigurePush("A", 1, 1, "")


class Platform:
    """Answers as it is told."""

    def __init__(self) -> None:
        self.answer = Response()
        self.hangs = False
        self.forever = asyncio.Event()

    async def handle(self, _request: Request) -> Response:
        """Any call."""
        if self.hangs:
            await self.forever.wait()
        return self.answer


@pytest_asyncio.fixture
async def platform() -> AsyncIterator[tuple[Platform, DemoMarketplace]]:
    """A platform over a real socket, and its connector."""
    platform = Platform()
    routes = [Route("/{path:path}", platform.handle, methods=["GET", "PUT", "POST"])]
    server = HttpServer("platform", Starlette(routes=routes), "127.0.0.1:0")
    await server.start()
    async with httpx.AsyncClient(trust_env=False) as client:
        http = PlatformHttp(client, f"http://{server.address}/", {}, Spacing(1000), 0.3)
        yield platform, DemoMarketplace(http)
        platform.forever.set()
    await server.stop()


async def test_a_platform_that_never_answers_is_unreachable(
    platform: tuple[Platform, DemoMarketplace],
) -> None:
    platform[0].hangs = True
    with pytest.raises(Unreachable):
        await platform[1].push_figures([FIGURE])


async def test_a_platform_that_is_not_there_is_unreachable() -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        http = PlatformHttp(client, "http://127.0.0.1:9", {}, Spacing(1000), 1.0)
        with pytest.raises(Unreachable):
            await DemoMarketplace(http).check()


@pytest.mark.parametrize(
    ("answer", "trouble"),
    [
        (Response(status_code=500), PlatformError),
        (Response(status_code=302, headers={"location": "http://127.0.0.1:9"}), PlatformError),
        (Response(status_code=401), KeyRefused),
        (Response(status_code=403), KeyRefused),
        (Response(status_code=429), RateLimited),
        (Response("not JSON"), PlatformError),
        (Response("x" * (4 * 1024 * 1024 + 1)), PlatformError),
        (JSONResponse({}), PlatformError),
        (JSONResponse({"results": []}), PlatformError),
        (JSONResponse({"results": [{"status": "perhaps"}]}), PlatformError),
        (JSONResponse({"results": [None]}), PlatformError),
    ],
    ids=[
        "500",
        "redirect",
        "401",
        "403",
        "429",
        "babble",
        "huge",
        "empty",
        "too few rows",
        "unknown word",
        "no row",
    ],
)
async def test_failures_have_their_word(
    platform: tuple[Platform, DemoMarketplace], answer: Response, trouble: type[PlatformTrouble]
) -> None:
    platform[0].answer = answer
    with pytest.raises(trouble):
        await platform[1].push_figures([FIGURE])


async def test_row_results_come_in_the_order_asked(platform: tuple[Platform, DemoMarketplace]) -> None:
    rows = [
        {"status": "refused", "code": "listing_unknown", "message": "gone"},
        {"status": "applied"},
        {"status": "stale", "version": 9},
        {"status": "busy"},
    ]
    platform[0].answer = JSONResponse({"results": rows})
    outcomes = await platform[1].push_figures([FIGURE] * 4)
    assert [outcome.result for outcome in outcomes] == [
        RowResult.REFUSED,
        RowResult.APPLIED,
        RowResult.STALE,
        RowResult.TRY_AGAIN,
    ]
    assert (outcomes[0].reason, outcomes[2].newest_version) == ("LISTING_UNKNOWN", 9)


@pytest.mark.parametrize(
    ("stated", "seconds"),
    [("7", 7.0), ("0.5", 0.5), ("", None), ("soon", None), ("nan", None), ("-3", 0.0), ("999999", 3600.0)],
)
def test_retry_after_in_seconds(stated: str, seconds: float | None) -> None:
    assert retry_after_s({"retry-after": stated}) == seconds


def test_retry_after_as_a_date() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    assert 55 < (retry_after_s({"retry-after": later}) or 0) <= 60


async def test_calls_are_spaced_over_all_that_make_them() -> None:
    spacing = Spacing(calls_per_second=50)
    started = time.monotonic()
    await asyncio.gather(*(spacing.turn() for _ in range(11)))
    assert time.monotonic() - started >= 10 / 50
