"""What can be done to files and processes, each in a few lines."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from lumbung_dev.chaos.proxy import Moment, Proxy, Trap
from lumbung_dev.chaos.world import PATIENCE_S, World, signal_all
from lumbung_dev.local.patience import eventually
from lumbung_kit.embedded import EmbeddedServerError, ServerName

ZEROED_BYTES = 20


def append_only_file(folder: Path) -> Path:
    """The file that a Valkey appends to now."""
    return max(folder.glob("appendonlydir/*.incr.aof"), key=lambda path: path.stat().st_mtime)


def cut_tail(folder: Path, chance: random.Random, bytes_max: int = 65_536) -> None:
    """The last bytes never reached the disk."""
    path = append_only_file(folder)
    size = path.stat().st_size
    os.truncate(path, max(0, size - chance.randint(1, min(bytes_max, max(1, size // 2)))))


def zero_bytes_in_the_middle(folder: Path) -> None:
    """A bad sector, where a command begins."""
    path = append_only_file(folder)
    with path.open("r+b") as file:
        content = file.read()
        at = content.index(b"\r\n*", len(content) // 2)
        file.seek(at)
        file.write(bytes(ZEROED_BYTES))


def empty(folder: Path) -> None:
    """The disk is a new one."""
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def kill_unasked(world: World, name: ServerName) -> None:
    """SIGKILL from outside: whoever watches over the server has to notice."""
    pid = world.servers.pid(name)
    if pid is not None:
        os.kill(pid, signal.SIGKILL)


async def start_or_rebuild(world: World) -> bool:
    """Starts Valkey; when it refuses its own files, on an empty folder. Whether it refused."""
    try:
        await world.servers.start("valkey")
    except EmbeddedServerError:
        empty(world.valkey_folder())
        await world.servers.start("valkey")
        return True
    return False


@asynccontextmanager
async def paused(world: World, name: ServerName) -> AsyncIterator[None]:
    """A server and all its processes stand still."""
    pid = world.servers.pid(name)
    if pid is None:
        raise RuntimeError(f"{name} does not run")
    signal_all(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        signal_all(pid, signal.SIGCONT)


async def cut_commits(proxy: Proxy, moment: Moment, times: int) -> None:
    """Returns when so many COMMITs were cut off."""
    trap = proxy.set(Trap(b"COMMIT", moment, times))
    async with asyncio.timeout(PATIENCE_S):
        await trap.sprung.wait()


async def kill_replica_when(world: World, proxy: Proxy, word: bytes) -> None:
    """SIGKILLs the first replica at the moment when a store has done what it was asked by one with `word`, and starts
    it again."""

    def kill() -> None:
        os.kill(world.runner.pids["stock-1"], signal.SIGKILL)

    pid = world.runner.pids["stock-1"]
    trap = proxy.set(Trap(word, Moment.AFTER, spring=kill))
    async with asyncio.timeout(PATIENCE_S):
        await trap.sprung.wait()

    async def back() -> bool:
        return world.runner.pids.get("stock-1", pid) != pid

    await eventually(back, "the replica is started again", within_s=PATIENCE_S)


async def paused_replica(world: World, meanwhile: Callable[[], object]) -> None:
    """The first replica sleeps while something happens."""
    pid = world.runner.pids["stock-1"]
    os.kill(pid, signal.SIGSTOP)
    try:
        await asyncio.to_thread(meanwhile)
    finally:
        os.kill(pid, signal.SIGCONT)
