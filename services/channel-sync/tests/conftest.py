"""What every test of channel-sync has at hand."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
import pytest_asyncio

from lumbung_channel_sync.app import SCHEMA
from lumbung_kit.clients import RemoteFailure, failure_from
from lumbung_kit.postgres import Postgres
from lumbung_kit.testing import MakePostgres

MIGRATIONS = Path(__file__).parent.parent / "migrations"
LOOK_S = 0.01


@pytest.fixture(scope="session")
def migrations() -> Path:
    """The service's own."""
    return MIGRATIONS


@pytest_asyncio.fixture
async def postgres(make_postgres: MakePostgres) -> Postgres:
    """An empty database, as the service's own role."""
    return await make_postgres(SCHEMA, MIGRATIONS)


@pytest.fixture
def eventually() -> Callable[..., Awaitable[Any]]:
    """`await eventually(look)`: what `look` gives once that is true, within ten seconds."""

    async def wait(look: Callable[[], Awaitable[Any]], within_s: float = 10.0) -> Any:
        async with asyncio.timeout(within_s):
            while not (found := await look()):
                await asyncio.sleep(LOOK_S)
        return found

    return wait


@pytest.fixture
def refusal() -> Callable[[Awaitable[Any]], Awaitable[RemoteFailure]]:
    """`await refusal(call)`: what the service refused, with kind, reason, metadata and fields."""

    async def of(call: Awaitable[Any]) -> RemoteFailure:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call
        return failure_from(refused.value)

    return of
