"""Programs start, are watched, come back, and end with whoever started them."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lumbung_dev.local.health import http_answers
from lumbung_dev.local.patience import eventually
from lumbung_dev.local.program import Program
from lumbung_dev.local.runner import OnDeath, Runner
from lumbung_dev.local.trouble import Trouble
from lumbung_kit.embedded.ports import free_port


def web_server(name: str = "pages", *, module: str = "http.server", start_s_max: float = 20) -> Program:
    port = free_port()
    return Program(
        name=name,
        module=module,
        environment={},
        arguments=(str(port), "--bind", "127.0.0.1"),
        is_ready=http_answers(f"http://127.0.0.1:{port}/"),
        start_s_max=start_s_max,
    )


def alive(pid: int) -> bool:
    """Whether it runs; one that ended and that nobody has collected yet does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.fixture
async def runner(tmp_path: Path) -> AsyncIterator[Runner]:
    async with Runner(tmp_path / "logs", OnDeath.RESTART) as running:
        yield running


async def test_program_serves_until_the_end_of_the_block(tmp_path: Path) -> None:
    program = web_server()
    async with Runner(tmp_path / "logs", OnDeath.RESTART) as runner:
        await runner.run([program])
        assert await program.is_ready()
        pid = runner.pids["pages"]
    assert not alive(pid)
    assert not await program.is_ready()


async def test_program_that_dies_unasked_comes_back_and_is_told_of(runner: Runner) -> None:
    program = web_server()
    await runner.run([program])
    first = runner.pids["pages"]
    os.kill(first, signal.SIGKILL)

    async def is_back() -> bool:
        return runner.pids.get("pages", first) != first and await program.is_ready()

    assert await eventually(is_back, "another process serves", within_s=20)
    assert runner.unasked_deaths == ["pages ended with exit code -9"]


async def test_program_that_dies_unasked_is_left_when_that_is_the_policy(tmp_path: Path) -> None:
    async with Runner(tmp_path / "logs", OnDeath.LEAVE) as runner:
        await runner.run([web_server()])
        os.kill(runner.pids["pages"], signal.SIGKILL)
        await runner.gave_up.wait()
        assert runner.pids == {}


async def test_killed_on_purpose_stays_down_until_it_is_started(runner: Runner) -> None:
    program = web_server()
    await runner.run([program])
    await runner.kill("pages")
    assert runner.pids == {}
    assert not await program.is_ready()
    await runner.start("pages")
    assert await program.is_ready()
    assert runner.unasked_deaths == []


async def test_program_that_cannot_start_shows_the_end_of_its_log(runner: Runner) -> None:
    with pytest.raises(Trouble, match=r"(?s)pages ended with exit code 1.*No module named no_such_module"):
        await runner.run([web_server(module="no_such_module")])


async def test_program_that_never_serves_is_given_up(runner: Runner) -> None:
    silent = Program(
        name="silent",
        module="http.server",
        environment={},
        arguments=(str(free_port()), "--bind", "127.0.0.1"),
        is_ready=http_answers(f"http://127.0.0.1:{free_port()}/"),
        start_s_max=0.5,
    )
    with pytest.raises(Trouble, match=r"silent did not serve within 0\.5 s"):
        await runner.run([silent])
    assert runner.pids == {}


async def test_unknown_name_is_refused_with_those_that_there_are(runner: Runner) -> None:
    await runner.run([web_server("one")])
    with pytest.raises(Trouble, match="There is no two here; there are one"):
        await runner.kill("two")


_RUNNER_THAT_WAITS = """
import asyncio, sys
from pathlib import Path
from lumbung_dev.local.health import http_answers
from lumbung_dev.local.program import Program
from lumbung_dev.local.runner import OnDeath, Runner

async def main() -> None:
    port = sys.argv[2]
    ready = http_answers(f"http://127.0.0.1:{port}/")
    program = Program("pages", "http.server", {}, ready, (port, "--bind", "127.0.0.1"))
    async with Runner(Path(sys.argv[1]), OnDeath.RESTART) as runner:
        await runner.run([program])
        print(runner.pids["pages"], flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_program_dies_with_a_runner_that_is_killed(tmp_path: Path) -> None:
    command = ["-c", _RUNNER_THAT_WAITS, str(tmp_path), str(free_port())]
    process = await asyncio.create_subprocess_exec(sys.executable, *command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    pid = int(await process.stdout.readline())
    assert alive(pid)
    process.kill()
    await process.wait()

    async def is_gone() -> bool:
        return not alive(pid)

    assert await eventually(is_gone, "the program is gone", within_s=10)
