"""One whole system for all tests that cross services: real servers, four service processes, two marketplaces."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator

import pytest_asyncio

from lumbung_dev.local.addresses import Addresses
from lumbung_dev.local.checkout import DATA
from lumbung_dev.local.system import LocalSystem, Plan, local_system, remove_files
from lumbung_dev.shop.load import load_shop


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def system() -> AsyncIterator[LocalSystem]:
    """Started once, with the shop in it. What is killed in a test is started again by that test."""
    folder = DATA / f"e2e-{secrets.token_hex(4)}"
    plan = Plan(folder, Addresses.any_free(), leaves_nothing=True)
    async with local_system(plan, print) as running:
        async with running.client("staff:test") as staff:
            await load_shop(staff, running.account)
        yield running
    remove_files(running)
