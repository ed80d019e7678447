"""`make bench` as one starts it: it measures on servers of its own, writes, ends, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from pathlib import Path

import psutil
import pytest

from lumbung_bench.report.page import PAGE, RESULTS

pytestmark = pytest.mark.e2e
COMMAND = Path(sys.executable).with_name("lumbung-bench")


async def start(data: Path, *words: str) -> Process:
    command = (str(COMMAND), "--quick", "--rounds", "1", "--seconds", "0.5", "--data", str(data), *words)
    return await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=STDOUT)


async def said(bench: Process, words: str) -> str:
    """All lines up to the first with these words."""
    assert bench.stdout is not None
    lines = []
    while line := (await bench.stdout.readline()).decode():
        lines.append(line)
        if words in line:
            return "".join(lines)
    raise AssertionError(f"it never said {words!r}:\n{''.join(lines)}")


@pytest.fixture
def data(server_folder: Path) -> Path:
    """A folder that the account of the servers can enter."""
    return server_folder / "bench"


async def test_sell_out_promises_what_there_is_and_leaves_no_process(data: Path) -> None:
    bench = await start(data, "--cases", "sell-out")
    heard = await said(bench, "sell-out 1/1")
    started = psutil.Process(bench.pid).children(recursive=True)
    assert started
    assert bench.stdout is not None
    heard += (await bench.stdout.read()).decode()
    assert await bench.wait() == 0, heard
    case = json.loads((data / "quick" / RESULTS).read_text())["cases"]["sell-out"]
    assert len(case["samples"]) == 4
    for name, (sample,) in case["samples"].items():
        assert (name, sample["held"], sample["refused"], sample["failed"]) == (name, 300, 1200, 0)
    assert {tuple(each.values()) for each in case["promised"].values()} == {(300, 0, 0)}
    assert "| stock, on sale | 300 | 0 | 0 |" in (data / "quick" / PAGE).read_text()
    assert not [process for process in started if process.is_running()]


async def test_ctrl_c_ends_everything(data: Path) -> None:
    bench = await start(data, "--cases", "durable-1-line", "--seconds", "60")
    await said(bench, "starting stock")
    started = psutil.Process(bench.pid).children(recursive=True)
    assert started
    bench.send_signal(signal.SIGINT)
    assert bench.stdout is not None
    heard = (await bench.stdout.read()).decode()
    assert await bench.wait() == 130, heard
    assert "Stopped" in heard
    assert not [process for process in started if process.is_running()]


async def test_a_case_that_nobody_has_is_said(data: Path) -> None:
    bench = await start(data, "--cases", "nonsense")
    assert bench.stdout is not None
    heard = (await bench.stdout.read()).decode()
    assert await bench.wait() == 1
    assert "no case" in heard
