"""Both clients that call scripts, under the same faults: what is said of one holds for the other."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvloop
from pydantic import SecretStr
from redis import ResponseError

from lumbung_kit.embedded import EmbeddedSettings, Supervisor
from lumbung_kit.failures import Overloaded, StoreUnavailable
from lumbung_kit.loops import end
from lumbung_kit.valkey import RedisScripts, ScriptClient, connect
from lumbung_kit.valkey_lean import Ask, LeanValkey, Moved

pytestmark = pytest.mark.store

ADD = (Path(__file__).parent / "scripts" / "add.lua").read_text()
SHA = hashlib.sha1(ADD.encode(), usedforsecurity=False).hexdigest()
ECHO = "return {ARGV[1], #ARGV[1], false, {1, 'two'}}"
PATIENCE_S = 20.0

Open = Callable[..., Awaitable[ScriptClient]]


@pytest.fixture(params=["lean", "redis-py"])
async def open_client(request: pytest.FixtureRequest) -> AsyncIterator[Open]:
    """`await open_client(url, reply_timeout_s=...)`: a client of this kind, closed at the end."""
    async with AsyncExitStack() as stack:

        async def open_one(url: str, **options: Any) -> ScriptClient:
            if request.param == "lean":
                lean = LeanValkey(url, **options)
                stack.push_async_callback(lean.aclose)
                return lean
            client = connect(url, **options)
            stack.push_async_callback(client.aclose)
            return RedisScripts(client)

        yield open_one


@pytest.fixture
async def open_lean() -> AsyncIterator[Callable[..., LeanValkey]]:
    """`open_lean(url, ...)`: a lean client, closed at the end."""
    async with AsyncExitStack() as stack:

        def open_one(url: str, **options: Any) -> LeanValkey:
            lean = LeanValkey(url, **options)
            stack.push_async_callback(lean.aclose)
            return lean

        yield open_one


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(serve: Serve, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """The port of a server that serves each connection so; all of them end with it."""
    serving: set[asyncio.Task[None]] = set()

    async def serve_and_close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        finally:
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.create_task(serve_and_close(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    try:
        async with server:
            yield server.sockets[0].getsockname()[1]
    finally:
        await end(serving)


@dataclass
class Proxy:
    """A TCP proxy before a server. `cut_after` bytes of answers it breaks the connection; while `held` is clear it
    passes no answer on."""

    target: tuple[str, int]
    tls: ssl.SSLContext | None = None
    cut_after: int | None = None
    held: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0
    connections: int = 0
    received: bytes = b""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Proxy]:
        """The proxy, listening."""
        self.held.set()
        async with listening(self._serve, self.tls) as self.port:
            yield self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        there, back = await asyncio.open_connection(*self.target)
        pumps = [
            asyncio.create_task(self._ask(reader, back)),
            asyncio.create_task(self._answer(there, writer)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await end(pumps)
            back.transport.abort()
            with suppress(OSError):
                await back.wait_closed()

    async def _ask(self, reader: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            self.received += data
            to.write(data)

    async def _answer(self, reader: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            await self.held.wait()
            if self.cut_after is not None:
                data, self.cut_after = data[: self.cut_after], max(0, self.cut_after - len(data))
            to.write(data)
            await to.drain()
            if self.cut_after == 0:
                return


def target_of(url: str) -> tuple[str, int]:
    """Host and port of a URL."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or 6379


def through(url: str, proxy: Proxy, scheme: str = "redis", query: str = "") -> str:
    """The same URL by way of the proxy."""
    parts = urlsplit(url)
    user = f"{parts.username or ''}:{parts.password}@" if parts.password else ""
    return f"{scheme}://{user}127.0.0.1:{proxy.port}{parts.path}?protocol=2{query}"


async def until_answered(call: Callable[[], Awaitable[Any]]) -> Any:
    """Asks until the store is back."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                return await call()
            except StoreUnavailable:
                await asyncio.sleep(0.01)


class TestBoth:
    """Whatever the client."""

    async def test_a_script_is_loaded_when_the_server_lacks_it(
        self, valkey_url: str, open_client: Open
    ) -> None:
        add = (await open_client(valkey_url)).script(ADD)
        async with aclosing(connect(valkey_url)) as admin:
            for expected in (2, 4):
                await admin.script_flush()
                assert await add(["{t}:counter"], [2]) == [expected, b"ok"]
            assert await admin.script_exists(SHA) == [True]

    async def test_replies_keep_their_shape(self, valkey_url: str, open_client: Open) -> None:
        echo = (await open_client(valkey_url)).script(ECHO)
        for text in ("", "ñ😀", "x" * 200_000, "a\r\nb\0c"):
            length = len(text.encode())
            assert await echo([], [text]) == [text.encode(), length, None, [1, b"two"]]

    async def test_a_mistake_in_a_script_is_its_callers_alone(
        self, valkey_url: str, open_client: Open
    ) -> None:
        client = await open_client(valkey_url)
        broken, add = client.script("return redis.call('NOSUCHCOMMAND')"), client.script(ADD)
        answers = await asyncio.gather(
            add(["{t}:counter"], [1]), broken([]), add(["{t}:counter"], [1]), return_exceptions=True
        )
        assert isinstance(answers[1], ResponseError)
        assert sorted([answers[0], answers[2]]) == [[1, b"ok"], [2, b"ok"]]

    async def test_many_calls_of_a_script_run_in_their_order_also_when_it_has_to_be_loaded(
        self, valkey_url: str, open_client: Open
    ) -> None:
        add = (await open_client(valkey_url)).script(ADD)
        async with aclosing(connect(valkey_url)) as admin:
            await admin.script_flush()
        assert await add.many(["{t}:counter"], [[1], [2], [3]]) == [[1, b"ok"], [3, b"ok"], [6, b"ok"]]
        assert await add.many(["{t}:counter"], [[4], [5]]) == [[10, b"ok"], [15, b"ok"]]
        assert await add.many(["{t}:counter"], []) == []

    async def test_a_mistake_that_one_of_many_calls_meets_is_raised(
        self, valkey_url: str, open_client: Open
    ) -> None:
        client = await open_client(valkey_url)
        picky = client.script("if ARGV[1] == 'bad' then return redis.call('NO') end return ARGV[1]")
        with pytest.raises(ResponseError):
            await picky.many([], [["good"], ["bad"], ["good"]])
        assert await picky.many([], [["good"], ["well"]]) == [b"good", b"well"]

    async def test_a_connection_cut_in_the_middle_of_many_replies_fails_the_call(
        self, valkey_url: str, open_client: Open
    ) -> None:
        async with Proxy(target_of(valkey_url)).running() as proxy:
            echo = (await open_client(through(valkey_url, proxy))).script("return ARGV[1]")
            assert await echo([], ["one"]) == b"one"
            proxy.cut_after = 4
            with pytest.raises(StoreUnavailable):
                await echo.many([], [["one"], ["two"]])

    async def test_many_at_once_get_their_own_replies(self, valkey_url: str, open_client: Open) -> None:
        echo = (await open_client(valkey_url)).script("return ARGV[1]")
        said = [f"{number}" * (number % 50) for number in range(500)]
        assert await asyncio.gather(*(echo([], [text]) for text in said)) == [text.encode() for text in said]

    async def test_a_caller_that_goes_away_takes_nobodys_reply(
        self, valkey_url: str, open_client: Open
    ) -> None:
        async with Proxy(target_of(valkey_url)).running() as proxy:
            echo = (await open_client(through(valkey_url, proxy))).script("return ARGV[1]")
            await asyncio.gather(*(echo([], ["connected"]) for _ in range(10)))
            proxy.received = b""
            proxy.held.clear()
            calls = [asyncio.create_task(echo([], [str(number)])) for number in range(10)]
            while proxy.received.count(b"EVALSHA") < 10:
                await asyncio.sleep(0.001)
            for call in calls[::2]:
                call.cancel()
            proxy.held.set()
            answers = await asyncio.gather(*calls, return_exceptions=True)
            assert answers[1::2] == [b"1", b"3", b"5", b"7", b"9"]
            assert all(isinstance(answer, asyncio.CancelledError) for answer in answers[::2])
            assert await echo([], ["next"]) == b"next"

    @pytest.mark.parametrize("cut_after", [0, 1, 40, 199])
    async def test_a_connection_cut_in_the_middle_of_a_reply_fails_who_waits_and_repeats_nothing(
        self, valkey_url: str, open_client: Open, cut_after: int
    ) -> None:
        async with Proxy(target_of(valkey_url)).running() as proxy:
            client = await open_client(through(valkey_url, proxy))
            add, long = client.script(ADD), client.script("return string.rep('x', 200)")
            assert await add(["{t}:counter"], [1]) == [1, b"ok"]
            await long([])
            proxy.received, proxy.cut_after = b"", cut_after
            with pytest.raises(StoreUnavailable):
                await long([])
            assert proxy.received.count(b"EVALSHA") == 1
            proxy.cut_after = None
            assert await until_answered(lambda: add(["{t}:counter"], [1])) == [2, b"ok"]

    async def test_a_reply_that_does_not_come_fails_its_caller_and_is_not_taken_for_the_next(
        self, valkey_url: str, open_client: Open
    ) -> None:
        async with Proxy(target_of(valkey_url)).running() as proxy:
            client = await open_client(through(valkey_url, proxy), reply_timeout_s=0.2)
            echo = client.script("return ARGV[1]")
            assert await echo([], ["first"]) == b"first"
            proxy.held.clear()
            with pytest.raises(StoreUnavailable):
                await echo([], ["late"])
            proxy.held.set()
            assert await until_answered(lambda: echo([], ["next"])) == b"next"

    async def test_a_server_that_was_killed_is_found_again_with_what_it_acknowledged(
        self, server_folder: Path, open_client: Open
    ) -> None:
        settings = EmbeddedSettings(postgres_url=SecretStr("postgresql://nowhere"), valkey_url=None)
        async with Supervisor(server_folder, settings=settings) as servers:
            add = (await open_client(servers.valkey_url)).script(ADD)
            assert await add(["{t}:counter"], [2]) == [2, b"ok"]
            await servers.kill("valkey")
            for _ in range(3):
                with pytest.raises(StoreUnavailable):
                    await add(["{t}:counter"], [1])
            await servers.start("valkey")
            assert await until_answered(lambda: add(["{t}:counter"], [1])) == [3, b"ok"]

    async def test_a_wrong_password_is_a_store_that_cannot_be_used(
        self, valkey_url: str, open_client: Open
    ) -> None:
        host, port = target_of(valkey_url)
        client = await open_client(f"redis://:wrong@{host}:{port}/0")
        with pytest.raises((StoreUnavailable, ResponseError)):
            await client.script(ADD)(["{t}:counter"], [1])

    async def test_users_and_database_numbers_of_the_url_are_used(
        self, valkey_url: str, open_client: Open
    ) -> None:
        host, port = target_of(valkey_url)
        async with aclosing(connect(valkey_url)) as admin:
            await admin.acl_setuser(
                "gate", enabled=True, passwords=["+p%a+ss"], keys=["*"], categories=["+@all"]
            )
            client = await open_client(f"redis://gate:p%25a%2Bss@{host}:{port}/7")
            assert await client.script(ADD)(["{t}:counter"], [5]) == [5, b"ok"]
            seen = [(each["user"], each["db"]) for each in await admin.client_list()]
            assert ("gate", "7") in seen
            assert await admin.exists("{t}:counter") == 0
            await client.script("return redis.call('FLUSHDB')")([])
            await admin.acl_deluser("gate")

    async def test_tls_is_spoken_and_the_server_is_checked(
        self, valkey_url: str, open_client: Open, tmp_path: Path
    ) -> None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(*self_signed(tmp_path))
        async with Proxy(target_of(valkey_url), tls=tls).running() as proxy:
            trusting = through(valkey_url, proxy, "rediss", f"&ssl_ca_certs={tmp_path / 'cert.pem'}")
            add = (await open_client(trusting)).script(ADD)
            assert await add(["{t}:counter"], [5]) == [5, b"ok"]
            strange = (await open_client(through(valkey_url, proxy, "rediss"))).script(ADD)
            with pytest.raises(StoreUnavailable):
                await strange(["{t}:counter"], [5])


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 and its key."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
    ]
    names = ["-days", "2", "-subj", "/CN=valkey", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(
        [*command, *names, "-keyout", key, "-out", certificate], check=True, capture_output=True, timeout=60
    )
    return certificate, key


class TestLean:
    """What only the lean client has to get right."""

    async def test_what_is_asked_in_one_turn_leaves_on_one_connection(
        self, valkey_url: str, open_lean: Callable[..., LeanValkey]
    ) -> None:
        async with Proxy(target_of(valkey_url)).running() as proxy:
            client = open_lean(through(valkey_url, proxy))
            await asyncio.gather(*(client.call("PING") for _ in range(200)))
            assert proxy.connections == 1

    async def test_calls_in_flight_are_bounded(
        self, valkey_url: str, open_lean: Callable[..., LeanValkey]
    ) -> None:
        async with Proxy(target_of(valkey_url)).running() as proxy:
            client = open_lean(through(valkey_url, proxy), max_in_flight=3)
            await client.call("PING")
            proxy.held.clear()
            calls = [asyncio.create_task(client.call("PING")) for _ in range(5)]
            done, _ = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
            assert [type(call.exception()) for call in done] == [Overloaded] * 2
            proxy.held.set()
            answers = await asyncio.gather(*calls, return_exceptions=True)
            assert answers.count(b"PONG") == 3

    async def test_more_commands_than_may_be_in_flight_are_not_sent(
        self, valkey_url: str, open_lean: Callable[..., LeanValkey]
    ) -> None:
        async with Proxy(target_of(valkey_url)).running() as proxy:
            client = open_lean(through(valkey_url, proxy), max_in_flight=3)
            with pytest.raises(Overloaded):
                await client.call_all([("ECHO", "many")] * 4)
            assert await client.call_all([("ECHO", "many")] * 3) == [b"many"] * 3
            assert proxy.received.count(b"ECHO") == 3

    async def test_so_are_those_who_wait_for_a_connection(
        self, valkey_url: str, open_lean: Callable[..., LeanValkey]
    ) -> None:
        client = open_lean(valkey_url, max_in_flight=3)
        answers = await asyncio.gather(*(client.call("PING") for _ in range(5)), return_exceptions=True)
        assert answers.count(b"PONG") == 3
        assert sum(isinstance(answer, Overloaded) for answer in answers) == 2

    async def test_a_broken_connection_fails_all_that_is_in_flight(
        self, valkey_url: str, open_lean: Callable[..., LeanValkey]
    ) -> None:
        async with Proxy(target_of(valkey_url)).running() as proxy:
            client = open_lean(through(valkey_url, proxy))
            await client.call("PING")
            proxy.cut_after = 8  # one +PONG and a piece of the next
            answers = await asyncio.gather(*(client.call("PING") for _ in range(20)), return_exceptions=True)
            assert answers[0] == b"PONG"
            assert {type(answer) for answer in answers[1:]} == {StoreUnavailable}
            assert proxy.received.count(b"PING") == 21

    async def test_answers_that_nobody_asked_for_end_the_connection(
        self, open_lean: Callable[..., LeanValkey]
    ) -> None:
        async def chatter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(65536)
            writer.write(b"+OK\r\n" * 5)
            await reader.read(65536)

        async with listening(chatter) as port:
            client = open_lean(f"redis://127.0.0.1:{port}")
            with pytest.raises(StoreUnavailable):
                await client.call("PING")

    async def test_closing_waits_for_those_in_flight_and_takes_no_more(self, valkey_url: str) -> None:
        async with Proxy(target_of(valkey_url)).running() as proxy:
            client = LeanValkey(through(valkey_url, proxy))
            await client.call("PING")
            proxy.held.clear()
            waiting = asyncio.create_task(client.call("PING"))
            await asyncio.sleep(0)
            closing = asyncio.create_task(client.aclose())
            await asyncio.sleep(0)
            with pytest.raises(StoreUnavailable):
                await client.call("PING")
            proxy.held.set()
            assert await waiting == b"PONG"
            await closing

    async def test_closing_while_connecting_fails_who_waits(self) -> None:
        async def never_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()

        async with listening(never_answer) as port:
            client = LeanValkey(f"redis://127.0.0.1:{port}")
            waiting = asyncio.create_task(client.call("PING"))
            await asyncio.sleep(0)
            await client.aclose()
            with pytest.raises(StoreUnavailable):
                await waiting

    @pytest.mark.parametrize(
        ("reply", "failure"),
        [
            (b"-LOADING Valkey is loading the dataset in memory\r\n", StoreUnavailable),
            (b"-READONLY You can't write against a read only replica.\r\n", StoreUnavailable),
            (b"-MISCONF Errors writing to the AOF file\r\n", StoreUnavailable),
            (b"-OOM command not allowed when used memory > 'maxmemory'.\r\n", Overloaded),
            (b"-MOVED 3999 10.0.0.7:6381\r\n", Moved),
            (b"-ASK 3999 fd00::7:6381\r\n", Ask),
            (b"-ERR unknown\r\n", ResponseError),
        ],
    )
    async def test_what_the_server_complains_of_is_typed(
        self, reply: bytes, failure: type[Exception], open_lean: Callable[..., LeanValkey]
    ) -> None:
        async def complain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while data := await reader.read(65536):
                writer.write(b"+OK\r\n" if b"SETNAME" in data else reply)

        async with listening(complain) as port:
            client = open_lean(f"redis://127.0.0.1:{port}")
            with pytest.raises(failure) as caught:
                await client.call("GET", "key")
        assert type(caught.value) is failure
        if isinstance(caught.value, Moved):
            assert (caught.value.slot, caught.value.port) == (3999, 6381)
            assert caught.value.host in ("10.0.0.7", "fd00::7")

    def test_it_works_on_the_loop_that_services_run_on(self, valkey_url: str) -> None:
        async def use() -> list[Any]:
            async with aclosing(LeanValkey(valkey_url)) as client:
                add = client.script(ADD)
                return await asyncio.gather(*(add(["{t}:counter"], [1]) for _ in range(50)))

        assert sorted(uvloop.run(use())) == [[number, b"ok"] for number in range(1, 51)]

    def test_a_unix_socket_is_refused_at_once(self) -> None:
        with pytest.raises(ValueError, match="TCP"):
            LeanValkey("unix:///tmp/valkey.sock")
