"""A whole process: what SIGTERM does to calls in flight, and what a start that cannot be says."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
import pytest_asyncio
from google.protobuf.wrappers_pb2 import StringValue

from lumbung_kit.settings import Engine

PROGRAM = Path(__file__).with_name("process.py")


class Process:
    """The program, and what it says line by line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.said: list[dict[str, Any]] = []

    async def until(self, event: str) -> dict[str, Any]:
        """Reads its log up to this event."""
        assert self.process.stdout
        async with asyncio.timeout(60):
            async for line in self.process.stdout:
                self.said.append(json.loads(line))
                if self.said[-1]["event"] == event:
                    return self.said[-1]
        raise AssertionError(f"it ended without saying {event!r}: {self.said}")

    async def rest(self) -> tuple[list[str], str]:
        """The events up to its end, and what it wrote on standard error."""
        out, err = await self.process.communicate()
        return [json.loads(line)["event"] for line in out.splitlines()], err.decode()


StartProcess = Callable[..., Awaitable[Process]]


@pytest_asyncio.fixture
async def start_process(engine: Engine) -> AsyncIterator[StartProcess]:
    started: list[asyncio.subprocess.Process] = []

    async def start(**settings: str) -> Process:
        settings = {"server_engine": engine, **settings}
        environment = {f"LUMBUNG_PROBE_{name.upper()}": value for name, value in settings.items()}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-W",
            "error",
            str(PROGRAM),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={
                **os.environ,
                "LUMBUNG_PROBE_POSTGRES_URL": "unused",
                **environment,
            },
        )
        started.append(process)
        return Process(process)

    yield start
    for process in started:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_sigterm_under_load_loses_no_accepted_call(start_process: StartProcess) -> None:
    running = await start_process()
    address = (await running.until("serving"))["address"]
    async with grpc.aio.insecure_channel(address) as channel:
        ask: Any = channel.unary_unary(
            "/probe.v1.ProbeService/Ask", StringValue.SerializeToString, StringValue.FromString
        )
        calls = [asyncio.ensure_future(ask(StringValue(value=str(n)), timeout=60)) for n in range(100)]
        for _ in calls:
            await running.until("accepted")
        running.process.send_signal(signal.SIGTERM)
        await running.until("stopping")
        running.process.send_signal(signal.SIGUSR1)
        answers = await asyncio.gather(*calls)
    assert [answer.value for answer in answers] == [str(n) for n in range(100)]
    events, errors = await running.rest()
    assert events == ["loop ended", "resources closed", "stopped"]
    assert (running.process.returncode, errors) == (0, "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_an_idle_service_stops_at_once(start_process: StartProcess, number: signal.Signals) -> None:
    running = await start_process()
    await running.until("serving")
    running.process.send_signal(number)
    async with asyncio.timeout(60):
        _, errors = await running.rest()
    assert (running.process.returncode, errors) == (0, "")


async def test_a_call_that_outlives_the_drain_is_given_up(start_process: StartProcess) -> None:
    running = await start_process(drain_s="0.1")
    address = (await running.until("serving"))["address"]
    async with grpc.aio.insecure_channel(address) as channel:
        ask: Any = channel.unary_unary("/probe.v1.ProbeService/Ask")
        call = ask(b"", timeout=60)
        await running.until("accepted")
        running.process.send_signal(signal.SIGTERM)
        with pytest.raises((grpc.aio.AioRpcError, asyncio.CancelledError)):
            await call
    await running.rest()
    assert running.process.returncode == 0


async def test_a_port_in_use_is_one_sentence_and_exit_code_2(start_process: StartProcess) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        running = await start_process(listen=address)
        _, errors = await running.rest()
    assert running.process.returncode == 2
    ours = [line for line in errors.splitlines() if "add_port" not in line]
    assert ours == [f"probe: Nothing can be served at {address}: is another program listening there?"]


async def test_a_metrics_port_in_use_is_one_sentence_and_exit_code_2(start_process: StartProcess) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        running = await start_process(metrics_listen=address)
        _, errors = await running.rest()
    assert running.process.returncode == 2
    assert errors == f"probe: Metrics cannot be served at {address}: Address already in use.\n"


async def test_bad_settings_are_a_sentence_each_and_exit_code_2(start_process: StartProcess) -> None:
    running = await start_process(drain_s="-1")
    _, errors = await running.rest()
    assert running.process.returncode == 2
    assert errors == ("LUMBUNG_PROBE_DRAIN_S cannot be used: Input should be greater than or equal to 0.\n")


async def test_a_store_that_is_down_at_the_start_is_one_sentence(start_process: StartProcess) -> None:
    running = await start_process(store_down="true")
    _, errors = await running.rest()
    assert (running.process.returncode, errors) == (2, "probe: PostgreSQL cannot be reached.\n")
