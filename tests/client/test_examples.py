"""The examples, run as their readers run them, against a real service."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.client.conftest import Stock

pytestmark = pytest.mark.store

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
NODE = EXAMPLES / "node"


async def run(*command: str | Path, cwd: Path = EXAMPLES, **environment: str) -> list[str]:
    """The lines that a program prints; it must succeed."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=cwd, env={**os.environ, **environment}, stdout=PIPE, stderr=STDOUT
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return output.decode().splitlines()


def figures(lines: list[str]) -> dict[str, int]:
    """The last one under each name."""
    return {name: int(count) for name, _, count in (line.partition(": ") for line in lines)}


@pytest.mark.parametrize("sale", ["", "SALE"], ids=["ordinary", "flash sale"])
async def test_python_a_storefront_with_many_buyers(stock: Stock, sale: str) -> None:
    await stock.serve()
    await stock.put("A", 60)
    if sale:
        await stock.sale(sale, {"A": 60}, limit=1)
    program = EXAMPLES / "python" / "flash_sale.py"
    asked = ["--sku", "A", "--buyers", "100", *(["--sale", sale] if sale else [])]
    said = figures(await run(sys.executable, program, stock.address, *asked))
    assert said["sold"] + said.get("given back", 0) >= 60
    assert said["left"] == 60 - said["sold"]
    assert said["watching"] in range(61)
    assert said["sold"] + said.get("given back", 0) + said["sold out"] == 100
    assert await stock.scalar("SELECT count(*) FROM reservation WHERE state = 2") == said["sold"]


@pytest.fixture
async def node_modules(pytestconfig: pytest.Config) -> Path:
    """What the lock file names, installed once per lock file into the run's cache."""
    missing = [program for program in ("node", "npm") if shutil.which(program) is None]
    if missing:
        pytest.skip(f"the Node example needs {' and '.join(missing)}, which this machine does not have")
    lock = (NODE / "package-lock.json").read_bytes()
    assert pytestconfig.cache is not None
    folder = pytestconfig.cache.mkdir(f"node-{hashlib.sha256(lock).hexdigest()[:12]}")
    done = folder / "installed"
    if not done.exists():
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(NODE / name, folder)
        await run("npm", "ci", "--no-audit", "--no-fund", "--prefer-offline", cwd=folder)
        done.touch()
    return folder / "node_modules"


async def test_node_a_storefront_holds_sells_and_reads_a_refusal(stock: Stock, node_modules: Path) -> None:
    await stock.serve()
    await stock.put("A", 9)
    await stock.sale("SALE", {"A": 5})
    said = await run(
        "node", "flash_sale.js", stock.address, "A", "SALE", cwd=NODE, NODE_PATH=str(node_modules)
    )
    assert said[0] == "watching: 9 x A"
    held, sold, refused = (line for line in said if not line.startswith("watching"))
    assert held.startswith("held: 2 x A until ")
    assert sold.startswith("sold: NODE-")
    assert sold.endswith(" is RESERVATION_STATE_CONFIRMED")
    assert refused == "refused: 1000000 x A, 3 left"
    assert (
        await stock.scalar("SELECT count(*) FROM reservation WHERE state = 2 AND actor = 'storefront:web'")
        == 1
    )


def test_the_lock_file_names_no_registry() -> None:
    packages = json.loads((NODE / "package-lock.json").read_text())["packages"]
    assert packages
    assert not [name for name, package in packages.items() if "resolved" in package]
