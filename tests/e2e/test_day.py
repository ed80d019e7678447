"""A small day against the real services, as `lumbung day` plays it; `make day` plays a whole one."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e

COMMAND = Path(sys.executable).with_name("lumbung")
DAY_S_MAX = 170.0


async def test_a_day_keeps_every_promise(tmp_path: Path, seed: int) -> None:
    summary = tmp_path / "day.json"
    arguments = ("day", "--orders", "40", "--seed", str(seed), "--summary", str(summary), "--lang", "id")
    process = await asyncio.create_subprocess_exec(str(COMMAND), *arguments, stdout=PIPE, stderr=STDOUT)
    async with asyncio.timeout(DAY_S_MAX):
        out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    assert "tepat waktu" in out.decode()
    told = json.loads(summary.read_text())
    assert told["kept"]
    assert len(told["findings"]) == 9
    lumbung, *on_paper = told["results"].values()
    assert lumbung["shipped"] + lumbung["cancelled"] + told["reported"] >= lumbung["due"] > 0
    assert all(found["walked_m"] > 0 for found in (lumbung, *on_paper))
    assert told["wall_s"] < 12 * 3600, "faster than the day itself"
