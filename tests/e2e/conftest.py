"""One whole system for all tests that cross services: real servers, four service processes, two marketplaces."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from lumbung_dev.local.addresses import Addresses
from lumbung_dev.local.checkout import DATA
from lumbung_dev.local.system import LocalSystem, Plan, local_system, remove_files
from lumbung_dev.local.traces import TraceCollector
from lumbung_dev.shop.load import load_shop


@pytest.fixture(scope="session")
def collector() -> Iterator[TraceCollector]:
    """Where the services send their spans."""
    with TraceCollector() as listening:
        yield listening


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def system(collector: TraceCollector) -> AsyncIterator[LocalSystem]:
    """Started once, with the shop in it. What is killed in a test is started again by that test."""
    run = secrets.token_hex(4)
    plan = Plan(
        folder=DATA / f"e2e-{run}",
        addresses=Addresses.any_free(),
        database=f"lumbung_e2e_{run}",
        otlp_endpoint=collector.endpoint,
        leaves_nothing=True,
    )
    async with local_system(plan, print) as running:
        async with running.client("staff:test") as staff:
            await load_shop(staff, running.account)
        yield running
    remove_files(running)
