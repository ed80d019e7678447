"""Two worlds for all rows, started when the first row needs them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from lumbung_dev.chaos.world import Setting, World, open_world


async def _world(setting: Setting) -> AsyncIterator[World]:
    folder = _folder()
    async with open_world(folder, setting) as world:
        yield world
    shutil.rmtree(folder)


def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="lumbung-chaos-"))
    folder.chmod(0o755)
    return folder


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def world() -> AsyncIterator[World]:
    """One Valkey."""
    async for made in _world(Setting()):
        yield made


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def cluster_world() -> AsyncIterator[World]:
    """A Valkey Cluster of three primaries and three replicas."""
    async for made in _world(Setting(cluster=True)):
        yield made
