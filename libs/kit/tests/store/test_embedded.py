"""The embedded servers keep what was acknowledged, come back after any death, and never outlive their run."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import redis
from pydantic import SecretStr

from lumbung_kit.embedded import EmbeddedServerError, EmbeddedSettings, ServerName, Supervisor
from lumbung_kit.embedded.account import Account, account_for
from lumbung_kit.embedded.home import Home, spare_folder
from lumbung_kit.valkey import connect

pytestmark = pytest.mark.store

NAMES: tuple[ServerName, ...] = ("postgres", "valkey")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs servers under another account")


@pytest.fixture(autouse=True)
def embedded_servers_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also in a run that is told to use other servers."""
    for name in EmbeddedSettings.model_fields:
        monkeypatch.delenv(f"LUMBUNG_{name.upper()}", raising=False)


async def query(url: str, statement: str) -> object:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as conn:
        cursor = await conn.execute(statement)
        row = await cursor.fetchone() if cursor.description else None
        return row[0] if row else None


async def remember(servers: Supervisor, value: str) -> None:
    await query(servers.postgres_url, "create table if not exists kept (value text)")
    await query(servers.postgres_url, f"insert into kept values ('{value}')")  # noqa: S608 - ours
    client = connect(servers.valkey_url)
    await client.rpush("kept", value)
    await client.aclose()


async def remembered(servers: Supervisor) -> tuple[object, list[bytes | str]]:
    client = connect(servers.valkey_url)
    in_valkey = await client.lrange("kept", 0, -1)
    await client.aclose()
    return await query(servers.postgres_url, "select string_agg(value, ' ') from kept"), in_valkey


async def until_alive(servers: Supervisor, name: ServerName, old_pid: int) -> None:
    async with asyncio.timeout(60):
        while True:
            pid = servers.pid(name)
            if pid not in (None, old_pid):
                with suppress(psycopg.OperationalError, redis.RedisError):  # not back yet
                    await remembered(servers)
                    return
            await asyncio.sleep(0.02)


async def until_nothing_listens(url: str) -> None:
    address = urlsplit(url)
    async with asyncio.timeout(60):
        while await listens(address.hostname, address.port):
            await asyncio.sleep(0.02)


async def listens(host: str | None, port: int | None) -> bool:
    try:
        _, writer = await asyncio.open_connection(host, port)
        writer.close()
        await writer.wait_closed()
    except ConnectionRefusedError:
        return False
    except ConnectionResetError:  # it is just ending
        return True
    return True


async def test_data_outlive_an_orderly_stop(server_folder: Path) -> None:
    async with Supervisor(server_folder / "data") as servers:
        await remember(servers, "a")
        urls = servers.postgres_url, servers.valkey_url
    for url in urls:
        await until_nothing_listens(url)
    async with Supervisor(server_folder / "data") as servers:
        assert await remembered(servers) == ("a", [b"a"])


async def test_a_killed_server_comes_back_with_everything_at_the_same_address(server_folder: Path) -> None:
    async with Supervisor(server_folder) as servers:
        urls = servers.postgres_url, servers.valkey_url
        for name in NAMES:
            await remember(servers, name)
            await servers.kill(name)
            assert servers.pid(name) is None
            await servers.start(name)
        assert await remembered(servers) == ("postgres valkey", [b"postgres", b"valkey"])
        assert (servers.postgres_url, servers.valkey_url) == urls


@pytest.mark.parametrize("name", NAMES)
async def test_a_server_that_dies_unasked_is_started_again(server_folder: Path, name: ServerName) -> None:
    async with Supervisor(server_folder) as servers:
        await remember(servers, "a")
        pid = servers.pid(name)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await until_alive(servers, name, pid)
        assert await remembered(servers) == ("a", [b"a"])


async def test_a_server_that_keeps_dying_is_given_up_and_that_is_told(server_folder: Path) -> None:
    settings = EmbeddedSettings(postgres_url=SecretStr("postgresql://nowhere"))
    async with Supervisor(server_folder, settings=settings) as servers, asyncio.timeout(60):
        while not servers.failed.is_set():
            pid = servers.pid("valkey")
            if pid is not None:
                kill(pid)
            await asyncio.sleep(0.01)


def kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


RUNNER = """
import asyncio, sys
from pathlib import Path
from lumbung_kit.embedded import Supervisor

async def main():
    async with Supervisor(Path(sys.argv[1])) as servers:
        print(servers.postgres_url, servers.valkey_url, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
async def test_servers_end_with_their_run_and_the_next_run_finds_everything(
    server_folder: Path, end: signal.Signals
) -> None:
    runner = await asyncio.create_subprocess_exec(
        sys.executable, "-c", RUNNER, str(server_folder), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert runner.stdout is not None
    postgres_url, valkey_url = (await runner.stdout.readline()).decode().split()
    await query(postgres_url, "create table kept as select 'a' as value")
    runner.send_signal(end)
    await runner.wait()
    for url in (postgres_url, valkey_url):
        await until_nothing_listens(url)
    async with Supervisor(server_folder) as servers:
        assert await query(servers.postgres_url, "select value from kept") == "a"


@contextmanager
def process_of(account: Account, *, zombie: bool) -> Iterator[int]:
    """A live process of the servers' account that is no server, or one that ended and was not collected."""
    user = {} if account.is_ourselves else {"user": account.uid, "group": account.gid, "extra_groups": []}
    program = ["/bin/sh", "-c", "exit"] if zombie else ["/bin/sleep", "60"]
    process = subprocess.Popen(program, cwd="/", **user)  # type: ignore[call-overload]
    if zombie:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("zombie", [False, True], ids=["another program", "a zombie"])
async def test_a_stale_lock_file_does_not_block_the_start(server_folder: Path, zombie: bool) -> None:
    async with Supervisor(server_folder) as servers:
        await remember(servers, "a")
        await servers.kill("postgres")
        with process_of(account_for(server_folder), zombie=zombie) as pid:
            lock = server_folder / "postgres" / "postmaster.pid"
            _, *rest = lock.read_text().splitlines(keepends=True)
            with lock.open("r+") as file:
                file.writelines([f"{pid}\n", *rest])
                file.truncate()
            await servers.start("postgres")
        assert await remembered(servers) == ("a", [b"a"])


async def test_a_run_killed_during_initdb_does_not_block_the_start(server_folder: Path) -> None:
    half_made = server_folder / "initdb-abc" / "data"
    half_made.mkdir(parents=True)
    (half_made / "PG_VERSION").write_text("18\n")
    async with Supervisor(server_folder) as servers:
        assert await query(servers.postgres_url, "select 1") == 1
    assert not half_made.exists()


async def test_two_runs_cannot_share_a_folder(server_folder: Path) -> None:
    async with Supervisor(server_folder):
        with pytest.raises(EmbeddedServerError, match="another run is using"):
            async with Supervisor(server_folder):
                pytest.fail("was started")


async def test_the_servers_are_durable_private_and_on_this_machine_alone(server_folder: Path) -> None:
    async with Supervisor(server_folder) as servers:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            assert await query(servers.postgres_url, f"show {setting}") == "on"
        assert await query(servers.postgres_url, "show listen_addresses") == "127.0.0.1"
        assert (
            await query(servers.postgres_url, "select datlocprovider::text from pg_database limit 1") == "b"
        )
        client = connect(servers.valkey_url)
        expected = {
            "appendonly": "yes",
            "appendfsync": "always",
            "save": "",
            "maxmemory-policy": "noeviction",
        }
        for name, value in expected.items():
            assert (await client.config_get(name))[name] == value
        await client.aclose()
        for secret in ("postgres.password", "valkey.password", "valkey.conf"):
            assert (server_folder / secret).stat().st_mode & 0o077 == 0


async def test_nobody_gets_in_without_the_password(server_folder: Path) -> None:
    async with Supervisor(server_folder) as servers:
        address = urlsplit(servers.postgres_url)
        with pytest.raises(psycopg.OperationalError, match="password"):
            await query(f"postgresql://{address.username}@127.0.0.1:{address.port}/postgres", "select 1")
        client = connect(f"redis://127.0.0.1:{urlsplit(servers.valkey_url).port}")
        with pytest.raises(redis.AuthenticationError):
            await client.ping()
        await client.aclose()


async def test_named_servers_are_used_as_they_are(server_folder: Path) -> None:
    settings = EmbeddedSettings(
        postgres_url=SecretStr("postgresql://their.example/db"), valkey_url=SecretStr("redis://their.example")
    )
    async with Supervisor(server_folder / "data", settings=settings) as servers:
        assert servers.postgres_url == "postgresql://their.example/db"
        assert servers.valkey_url == "redis://their.example"
        with pytest.raises(EmbeddedServerError, match="not run by us"):
            await servers.kill("postgres")
    assert not (server_folder / "data").exists()


def test_the_environment_names_servers_and_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUMBUNG_POSTGRES_URL", "postgresql://their.example/db")
    monkeypatch.setenv("LUMBUNG_VALKEY_BIN", "/opt/valkey/valkey-server")
    monkeypatch.setenv("LUMBUNG_VALKEY_APPEND_FSYNC", "everysec")
    settings = EmbeddedSettings()
    assert settings.postgres_url is not None
    assert "their.example" not in repr(settings)
    assert settings.valkey_bin == Path("/opt/valkey/valkey-server")
    assert settings.valkey_append_fsync == "everysec"


@pytest.mark.parametrize("setting", ["postgres_bin", "valkey_bin"])
async def test_a_program_that_is_not_there_is_named(server_folder: Path, setting: str) -> None:
    settings = EmbeddedSettings.model_validate({setting: Path("/no/such/place")})
    with pytest.raises(EmbeddedServerError, match=r"LUMBUNG_(POSTGRES|VALKEY)_BIN.*/no/such/place"):
        async with Supervisor(server_folder, settings=settings):
            pytest.fail("was started")


async def test_a_server_that_cannot_start_says_why(server_folder: Path) -> None:
    async with Supervisor(server_folder):
        pass
    (server_folder / "postgres" / "PG_VERSION").write_text("9\n")
    with pytest.raises(EmbeddedServerError, match="incompatible"):
        async with Supervisor(server_folder):
            pytest.fail("was started")


@as_root
async def test_root_runs_the_servers_as_the_owner_of_the_folder_and_leaves_them_everything(
    server_folder: Path,
) -> None:
    os.chown(server_folder, 65534, 65534)
    async with Supervisor(server_folder / "data") as servers:
        for name in NAMES:
            assert uid_of(servers.pid(name)) == 65534
    assert owners_in(server_folder / "data") == {65534}


def uid_of(pid: int | None) -> int:
    return Path(f"/proc/{pid}").stat().st_uid


def owners_in(folder: Path) -> set[int]:
    return {path.stat().st_uid for path in folder.rglob("*")}


@as_root
def test_where_the_servers_account_cannot_enter_their_files_live_elsewhere(server_folder: Path) -> None:
    server_folder.chmod(0o700)
    wanted = server_folder / "checkout" / ".lumbung"
    home = Home(wanted, Account(65534, 65534, "nobody"))
    try:
        assert home.folder.parent == spare_folder()
        assert str(home.folder) in (wanted / "MOVED.txt").read_text()
        assert server_folder.stat().st_mode & 0o777 == 0o700, "a folder that was there keeps its mode"
    finally:
        home.release()
        (home.folder / "supervisor.lock").unlink()
        home.folder.rmdir()
