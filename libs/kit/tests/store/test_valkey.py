"""The client repeats nothing by itself, its errors are ours, and scripts survive a forgetful server."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import redis
from pydantic import SecretStr

from lumbung_kit import valkey
from lumbung_kit.embedded import EmbeddedSettings, Supervisor
from lumbung_kit.failures import Overloaded, StoreUnavailable
from lumbung_kit.valkey import Script, Valkey, connect, translated_errors

pytestmark = pytest.mark.store

ADD = (Path(__file__).parent / "scripts" / "add.lua").read_text()
SHA = hashlib.sha1(ADD.encode(), usedforsecurity=False).hexdigest()


@asynccontextmanager
async def client_of(url: str, **options: float) -> AsyncIterator[Valkey]:
    client = connect(url, **options)  # type: ignore[arg-type]
    try:
        yield client
    finally:
        await client.aclose()


async def test_a_script_is_called_by_its_hash_and_loaded_when_the_server_lacks_it(valkey_url: str) -> None:
    async with client_of(valkey_url) as client:
        await client.script_flush()
        add = Script(client, ADD)
        assert await add(["{t}:counter"], [2]) == [2, b"ok"]
        assert await client.script_exists(SHA) == [True]
        assert await add(["{t}:counter"], [3]) == [5, b"ok"]
        await client.script_flush()
        assert await add(["{t}:counter"], [1]) == [6, b"ok"]


async def test_a_mistake_in_a_script_is_not_taken_for_an_outage(valkey_url: str) -> None:
    async with client_of(valkey_url) as client:
        with pytest.raises(redis.ResponseError):
            await Script(client, "return redis.call('NOSUCHCOMMAND')")([])


async def test_the_test_server_is_empty_durable_and_drops_nothing(valkey_url: str) -> None:
    async with client_of(valkey_url) as client:
        assert await client.dbsize() == 0
        assert (await client.config_get("maxmemory-policy"))["maxmemory-policy"] == "noeviction"
        assert (await client.config_get("appendonly"))["appendonly"] == "yes"


async def test_a_command_is_sent_once_even_when_its_answer_does_not_come() -> None:
    received: list[bytes] = []

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            received.append(data)
            if b"INCR" not in data:
                writer.write(b"+OK\r\n" * data.count(b"CLIENT"))
        writer.close()

    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, client_of(f"redis://127.0.0.1:{port}/0?protocol=2", reply_timeout_s=0.1) as client:
        with pytest.raises(StoreUnavailable), translated_errors():
            await client.incr("counter")
    assert b"".join(received).count(b"INCR") == 1


async def test_a_server_that_is_away_is_unavailable_and_is_found_again(server_folder: Path) -> None:
    settings = EmbeddedSettings(postgres_url=SecretStr("postgresql://nowhere"), valkey_url=None)
    async with (
        Supervisor(server_folder, settings=settings) as servers,
        client_of(servers.valkey_url) as client,
    ):
        add = Script(client, ADD)
        assert await add(["{t}:counter"], [2]) == [2, b"ok"]
        await servers.kill("valkey")
        with pytest.raises(StoreUnavailable):
            await add(["{t}:counter"], [1])
        await servers.start("valkey")
        assert await add(["{t}:counter"], [1]) == [3, b"ok"], "what was acknowledged is still there"


async def test_waiting_for_a_connection_is_bounded(valkey_url: str) -> None:
    async with client_of(valkey_url, max_connections=1, wait_timeout_s=0.05) as client:
        holder = await client.connection_pool.get_connection()  # type: ignore[no-untyped-call]
        with pytest.raises(Overloaded), translated_errors():
            await client.ping()
        await client.connection_pool.release(holder)
        await client.ping()


def test_a_script_is_read_beside_its_module() -> None:
    with pytest.raises(FileNotFoundError):
        valkey.load_script(connect("redis://127.0.0.1:1"), "lumbung_kit", "none.lua")
