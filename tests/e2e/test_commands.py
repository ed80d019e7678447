"""The two commands as a newcomer runs them: `lumbung demo` and `lumbung up`, each a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lumbung_dev.local.health import grpc_serves
from lumbung_dev.local.patience import eventually
from lumbung_kit.embedded.ports import free_port, free_row

pytestmark = pytest.mark.e2e

COMMAND = Path(sys.executable).with_name("lumbung")
DEMO_S_MAX = 170.0


async def lumbung(*arguments: str) -> Process:
    return await asyncio.create_subprocess_exec(str(COMMAND), *arguments, stdout=PIPE, stderr=STDOUT)


def processes_that_mention(word: str) -> list[str]:
    """Command lines and environments of processes of this machine that hold the word."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            told = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        except OSError:  # it ended meanwhile, or is somebody else's
            continue
        if word.encode() in told and int(process.name) != os.getpid():
            found.append(f"{process.name}: {told[:200]!r}")
    return found


async def test_demo_ends_with_every_promise_kept_and_leaves_nothing(
    server_folder: Path, tmp_path: Path, seed: int
) -> None:
    folder, summary = server_folder / "data", tmp_path / "summary.json"
    process = await lumbung("demo", "--seed", str(seed), "--data", str(folder), "--summary", str(summary))
    async with asyncio.timeout(DEMO_S_MAX):
        out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    told = json.loads(summary.read_text())
    assert all(told["promises"].values()), told["promises"]
    assert told["oversold"] == 0
    assert 0 < told["sold_on_sale"] <= told["quota"] == 500
    assert set(told["sold"]) == {"web", "tokoria", "belanjago"}
    assert {row["reason"] for row in told["refused"]} >= {"OUT_OF_STOCK"}
    assert told["ledger_differences"] == 0
    assert told["wrong_scans"] == ["WRONG_ITEM"]
    assert told["replacement_bins"]
    assert told["parcels"] > 0
    assert told["units_put_back"] > 0
    assert told["units_restocked"] > 0
    assert told["wave_walk_m"] < told["wave_order_by_order_walk_m"]
    assert all(row["samples"] > 0 and row["p95_s"] >= row["p50_s"] > 0 for row in told["figures"])
    assert set(told["trace_services"]) >= {"channel-sync", "stock", "fulfillment"}
    assert re.fullmatch("[0-9a-f]{32}", told["trace_id"])
    assert not folder.exists()
    assert processes_that_mention(str(folder)) == []


@pytest.fixture
async def up(server_folder: Path) -> AsyncIterator[tuple[Process, int, Path]]:
    """`lumbung up`, whose base port and folder a test needs to know."""
    base, folder = free_row(10), server_folder / "up"
    process = await lumbung("up", "--base-port", str(base), "--data", str(folder))
    yield process, base, folder
    if process.returncode is None:
        process.kill()
    await process.communicate()


async def read_until(process: Process, text: str) -> str:
    """What the command says up to a line with `text`."""
    assert process.stdout is not None
    said = ""
    async with asyncio.timeout(90):
        while text not in said:
            line = await process.stdout.readline()
            assert line, said
            said += line.decode()
    return said


async def test_up_prints_a_call_that_works_and_stops_cleanly(up: tuple[Process, int, Path]) -> None:
    process, base, folder = up
    said = await read_until(process, "ReservationService/Reserve")
    assert f"127.0.0.1:{base + 2}" in said
    assert str(folder) in said
    call = next(line for line in said.splitlines() if "buf curl" in line)
    pasted = await asyncio.create_subprocess_shell(call, stdout=PIPE, stderr=PIPE)
    answer, problem = await pasted.communicate()
    assert pasted.returncode == 0, problem.decode()
    assert json.loads(answer)["reservation"]["state"] == "RESERVATION_STATE_HELD"

    second = await lumbung("up", "--base-port", str(free_port()), "--data", str(folder))
    refusal, _ = await second.communicate()
    assert second.returncode == 1
    assert f"already running in {folder} (process {process.pid})" in " ".join(refusal.decode().split())

    process.send_signal(signal.SIGINT)
    rest, _ = await process.communicate()
    assert "Stopped." in rest.decode()
    assert process.returncode == 0
    assert processes_that_mention(str(folder)) == []


async def test_nothing_outlives_a_command_that_is_killed(up: tuple[Process, int, Path]) -> None:
    process, base, folder = up
    await read_until(process, "ReservationService/Reserve")
    assert len(processes_that_mention(str(folder))) > 1
    process.kill()
    await process.wait()

    async def nothing_is_left() -> bool:
        return not processes_that_mention(str(folder))

    await eventually(nothing_is_left, "every process ends", within_s=60)
    assert not await grpc_serves(f"127.0.0.1:{base + 2}")()
