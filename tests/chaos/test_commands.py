"""The drill and the seeded run as an operator starts them."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e

COMMAND = Path(sys.executable).with_name("lumbung")


async def lumbung(*arguments: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(str(COMMAND), *arguments, stdout=PIPE, stderr=STDOUT)
    said, _ = await process.communicate()
    return process.returncode, said.decode()


async def test_the_drill_tells_in_indonesian_what_became_of_every_promise() -> None:
    code, said = await lumbung("drill", "--lang", "id")
    assert code == 0, said
    assert "Latihan kehilangan: Valkey kehilangan seluruh datanya" in said
    assert said.count("ditepati") == 6
    assert "▲" in said
    assert "△" in said


@pytest.mark.chaos
async def test_a_seeded_run_ends_with_a_content_checker(tmp_path: Path) -> None:
    figures, page = tmp_path / "chaos.json", tmp_path / "chaos.md"
    code, said = await lumbung(
        "chaos", "--seed", "3", "--minutes", "1.5", "--figures", str(figures), "--page", str(page)
    )
    assert code == 0, said
    ((run),) = json.loads(figures.read_text())
    assert (run["oversold_units"], run["lost_acknowledgements"], run["leaked_units"]) == (0, 0, 0)
    assert run["acknowledged_confirms"] > 0
    assert "| 3 |" in page.read_text()
