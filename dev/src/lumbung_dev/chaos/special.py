"""Rows that need a tool of the machine: a library that fakes faults or time, or a small disk.

Each has a world of its own. `missing` says what the machine lacks; nothing here installs anything.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from lumbung_dev.chaos.buyers import Buyers
from lumbung_dev.chaos.trial import Play
from lumbung_dev.chaos.world import PATIENCE_S, Setting, World, open_world
from lumbung_kit.embedded import ServerName
from lumbung_kit.embedded.account import Account, account_for
from lumbung_kit.embedded.binaries import valkey_server

FIU = (Path("/usr/lib/fiu/fiu_run_preload.so"), Path("/usr/lib/fiu/fiu_posix_preload.so"))
LIBRARIES = Path("/usr/lib")
STEP_S = 600
SMALL_BYTES = 20 * 1024 * 1024
POSTGRES_BYTES = 220 * 1024 * 1024
FAULT_S = 1.5
SERVERS: tuple[ServerName, ...] = ("postgres", "valkey")


def lacks_fiu() -> str:
    """Why faults of system calls cannot be faked here, or nothing."""
    there = shutil.which("fiu-ctrl") and all(library.exists() for library in FIU)
    return "" if there else "needs Debian's fiu-utils"


def faketime_library() -> Path | None:
    """The library that fakes time, if it is there."""
    return next(iter(sorted(LIBRARIES.glob("*/faketime/libfaketimeMT.so.1"))), None)


def lacks_faketime() -> str:
    """Why clocks cannot be stepped here, or nothing."""
    return "" if faketime_library() else "needs Debian's libfaketime"


def lacks_mounts() -> str:
    """Why no small disk can be had here, or nothing."""
    return "" if os.geteuid() == 0 and shutil.which("mount") else "needs root, to mount a small tmpfs"


# Disks that fail


@asynccontextmanager
async def failing_disk(folder: Path, append_fsync: str) -> AsyncIterator[World]:
    """A world whose Valkey can be told that fdatasync fails."""
    account = account_for(folder)
    preload = ":".join(map(str, FIU))
    wrapper = _wrapper(folder, account, {"LD_PRELOAD": preload, "FIU_CTRL_FIFO": str(_fifo(folder))})
    setting = Setting(valkey_bin=wrapper, valkey_append_fsync=append_fsync)
    async with open_world(folder, setting) as world:
        yield world


async def sync_fails(world: World, buyers: Buyers) -> None:
    """Rows 5 and 6: the server must end rather than go on without a disk; whoever watches starts it again."""
    pid = world.servers.pid("valkey")
    await asyncio.to_thread(
        subprocess.run,
        ["fiu-ctrl", "-f", str(_fifo(world.folder)), "-c", "enable name=posix/io/sync/fdatasync,failinfo=5", str(pid)],
        check=True,
        capture_output=True,
        timeout=PATIENCE_S,
    )  # fmt: skip
    await asyncio.sleep(FAULT_S)
    if world.servers.pid("valkey") == pid:  # under everysec it may go on, and says so on every write
        await world.servers.kill("valkey")
        await world.servers.start("valkey")
    world.hurt()


def _fifo(folder: Path) -> Path:
    return folder / "fiu"


def _wrapper(folder: Path, account: Account, environment: dict[str, str]) -> Path:
    """valkey-server with an environment, which the supervisor gives to nobody."""
    words = " ".join(f"{name}='{value}'" for name, value in environment.items())
    path = folder / "valkey-server"
    path.write_text(f'#!/bin/sh\nexec env {words} {valkey_server(account, None)} "$@"\n')
    path.chmod(0o755)
    folder.chmod(0o777)  # the library makes its pipes here, as another user
    return path


# Clocks that step


@asynccontextmanager
async def wandering_clock(folder: Path, *, whose: str) -> AsyncIterator[World]:
    """A world in which the clock of `valkey` or of `stock` can be stepped; that of Postgres is true."""
    clock = folder / "clock"
    clock.write_text("+0")
    clock.chmod(0o644)
    environment = {
        "LD_PRELOAD": str(faketime_library()),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    if whose == "valkey":
        setting = Setting(valkey_bin=_wrapper(folder, account_for(folder), environment))
    else:
        setting = Setting(stock_environment=environment)
    async with open_world(folder, setting) as world:
        yield world


async def clock_steps(world: World, buyers: Buyers) -> None:
    """Rows 30 and 31: ten minutes ahead, ten minutes back, and right again."""
    for step_s in (STEP_S, -STEP_S, 0):
        await asyncio.to_thread((world.folder / "clock").write_text, f"{step_s:+d}")
        await buyers.more(40)
    world.hurt()


# Disks that are full


@asynccontextmanager
async def small_disk(folder: Path, *, whose: str) -> AsyncIterator[World]:
    """A world whose Valkey, or whose servers, have a disk of some megabytes."""
    place = folder / "servers" / "valkey" if whose == "valkey" else folder / "servers"
    account = account_for(folder)
    await asyncio.to_thread(_mount, place, account, SMALL_BYTES if whose == "valkey" else POSTGRES_BYTES)
    try:
        async with open_world(folder) as world:
            yield world
    finally:
        await asyncio.to_thread(subprocess.run, ["umount", str(place)], check=True, timeout=PATIENCE_S)


def _mount(place: Path, account: Account, size: int) -> None:
    place.mkdir(parents=True)
    options = f"size={size},uid={account.uid},gid={account.gid},mode=0755"
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "lumbung-chaos", str(place)], check=True, timeout=PATIENCE_S
    )


def disk_full(whose: str) -> Play:
    """Rows 7 and 8: nothing more can be written for a while."""

    async def play(world: World, buyers: Buyers) -> None:
        filler = world.folder / "servers" / ("valkey" if whose == "valkey" else ".") / "filler"
        await asyncio.to_thread(_fill, filler)
        try:
            await asyncio.sleep(FAULT_S)
        finally:
            filler.unlink()

        for name in SERVERS:  # the supervisor has given up: a server that cannot write dies again and again
            await world.servers.start(name)
        world.hurt()

    return play


def _fill(path: Path) -> None:
    block = bytes(64 * 1024)
    with path.open("wb", buffering=0) as file:
        try:
            while file.write(block) == len(block):
                pass
        except OSError:  # full, which is what was wanted
            return


@dataclass(frozen=True, slots=True)
class SpecialRow:
    """A row with the world that it needs."""

    number: int
    fault: str
    promised: str
    missing: Callable[[], str]
    open: Callable[[Path], AbstractAsyncContextManager[World]]
    play: Play


SPECIAL_ROWS = (
    SpecialRow(
        5,
        "fsync fails (always)",
        "the server ends; S C D L",
        lacks_fiu,
        lambda at: failing_disk(at, "always"),
        sync_fails,
    ),
    SpecialRow(
        6,
        "fsync fails (everysec)",
        "the server ends or is ended; S C D L",
        lacks_fiu,
        lambda at: failing_disk(at, "everysec"),
        sync_fails,
    ),
    SpecialRow(
        7,
        "disk full, Valkey",
        "writes refused; S C D L",
        lacks_mounts,
        lambda at: small_disk(at, whose="valkey"),
        disk_full("valkey"),
    ),
    SpecialRow(
        8,
        "disk full, Postgres",
        "nothing acknowledged is lost; S C D L",
        lacks_mounts,
        lambda at: small_disk(at, whose="both"),
        disk_full("both"),
    ),
    SpecialRow(
        30,
        "Valkey's clock steps",
        "no hold ends early; S C D L",
        lacks_faketime,
        lambda at: wandering_clock(at, whose="valkey"),
        clock_steps,
    ),
    SpecialRow(
        31,
        "stock's clock steps",
        "no hold ends early; S C D L",
        lacks_faketime,
        lambda at: wandering_clock(at, whose="stock"),
        clock_steps,
    ),
)
