"""Pytest plugin: real servers for tests, started by the run itself, and a seed that makes a failure
repeatable.

Each xdist worker starts its own servers, on first use, in a temporary folder, on free ports;
LUMBUNG_POSTGRES_URL and LUMBUNG_VALKEY_URL name servers to use instead. LUMBUNG_TEST_SEED repeats a run.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit, urlunsplit

import grpc
import pytest
import pytest_asyncio
import structlog
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import MethodDescriptor

from lumbung_kit import access, context, valkey
from lumbung_kit.clients import OPTIONS, OurChannel, failure_from
from lumbung_kit.embedded.account import Account, account_for
from lumbung_kit.embedded.binaries import postgres_bin
from lumbung_kit.embedded.binaries import valkey_server as valkey_program
from lumbung_kit.embedded.postgres import PostgresServer
from lumbung_kit.embedded.server import EmbeddedServer
from lumbung_kit.embedded.settings import EmbeddedSettings
from lumbung_kit.embedded.valkey import ValkeyServer
from lumbung_kit.embedded.valkey_cluster import ValkeyCluster
from lumbung_kit.postgres import Postgres
from lumbung_kit.serving import RunningServer
from lumbung_kit.testing_databases import Templates

_SEED = pytest.StashKey[int]()
_SEED_VARIABLE = "LUMBUNG_TEST_SEED"


class Server(Protocol):
    """A server that tests may use. `start`, `stop` and `kill` exist only on those that the run started."""

    @property
    def url(self) -> str: ...


Started = TypeVar("Started", bound=EmbeddedServer | ValkeyCluster)
MakeDatabase = Callable[[str, Path], Awaitable[str]]
MakePostgres = Callable[[str, Path], Awaitable[Postgres]]


def pytest_configure(config: pytest.Config) -> None:
    given = getattr(config, "workerinput", {}).get(_SEED_VARIABLE) or os.environ.get(_SEED_VARIABLE)
    config.stash[_SEED] = int(given) if given else random.SystemRandom().randrange(2**32)
    # As a service does: structlog's own default shows the locals of every frame, which can hold a loop up for seconds.
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    processors = structlog.get_config()["processors"]
    structlog.configure(processors=[*processors[:-1], plain])


def pytest_report_header(config: pytest.Config) -> str:
    return f"lumbung: {_SEED_VARIABLE}={config.stash[_SEED]} repeats this run"


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: object) -> None:
    """Every xdist worker draws from the seed that the header shows."""
    config: pytest.Config = node.config  # type: ignore[attr-defined]
    node.workerinput[_SEED_VARIABLE] = str(config.stash[_SEED])  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    """What one test changes of the logs does not silence the next."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed and "seed" in getattr(item, "fixturenames", ()):
        report.sections.append(("lumbung", f"repeat with {_SEED_VARIABLE}={item.config.stash[_SEED]}"))
    return report


@pytest.fixture(scope="session")
def seed(pytestconfig: pytest.Config) -> int:
    """Random, or LUMBUNG_TEST_SEED; the report of a failed test shows it."""
    return pytestconfig.stash[_SEED]


@pytest.fixture
def server_folder() -> Iterator[Path]:
    """An empty folder for a server of the test's own, which the account that runs it can enter."""
    folder = _make_folder()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """A PostgreSQL server for the whole run; `url` is the superuser's. What it has ends with the run, so nobody waits
    for the disk.
    """
    settings = EmbeddedSettings()
    if settings.postgres_url:
        yield _Named(settings.postgres_url.get_secret_value())
        return
    yield from _running(
        lambda folder, account: PostgresServer(
            folder, account, postgres_bin(account, settings.postgres_bin), fsync=False
        )
    )


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[Server]:
    """A Valkey server for the whole run."""
    settings = EmbeddedSettings()
    if settings.valkey_url:
        yield _Named(_database_of_worker(settings.valkey_url.get_secret_value()))
        return
    yield from _running(
        lambda folder, account: ValkeyServer(
            folder, account, valkey_program(account, settings.valkey_bin), settings.valkey_append_fsync
        )
    )


@pytest.fixture
def own_valkey() -> Iterator[ValkeyServer]:
    """A Valkey server of the test's own, to be killed, paused and started again."""
    settings = EmbeddedSettings()
    yield from _running(
        lambda folder, account: ValkeyServer(
            folder, account, valkey_program(account, settings.valkey_bin), settings.valkey_append_fsync
        )
    )


@pytest.fixture(scope="session")
def valkey_cluster() -> Iterator[ValkeyCluster]:
    """Three primaries and three replicas for the whole run; started only when a test asks for them.

    What a test kills, pauses or moves it brings back itself.
    """
    settings = EmbeddedSettings()
    yield from _running(
        lambda folder, account: ValkeyCluster(
            folder, account, valkey_program(account, settings.valkey_bin), settings.valkey_append_fsync
        )
    )


@pytest_asyncio.fixture
async def valkey_url(valkey_server: Server) -> str:
    """URL of an empty Valkey database."""
    client = valkey.connect(valkey_server.url)
    await client.flushdb()
    await client.aclose()
    return valkey_server.url


@pytest.fixture(scope="session")
def database_templates(postgres_server: Server) -> Iterator[Templates]:
    """One migrated database per schema, to be copied."""
    templates = Templates(postgres_server.url)
    yield templates
    templates.drop_all()


@pytest_asyncio.fixture
async def make_database(database_templates: Templates) -> AsyncIterator[MakeDatabase]:
    """`await make_database(schema, migrations)`: the URL, with the service's own role, of a migrated database that
    is as new.
    """
    made: list[str] = []

    async def make(schema: str, folder: Path) -> str:
        role = await database_templates.copy(schema, folder)
        made.append(role.database)
        return role.url

    yield make
    for database in made:
        await database_templates.give_back(database)


@pytest_asyncio.fixture
async def make_postgres(make_database: MakeDatabase) -> AsyncIterator[MakePostgres]:
    """`await make_postgres(schema, migrations)`: an open pool on a database of `make_database`."""
    async with AsyncExitStack() as stack:

        async def make(schema: str, folder: Path) -> Postgres:
            postgres = Postgres(await make_database(schema, folder), name=f"test-{schema}", schema=schema)
            await postgres.open()
            stack.push_async_callback(postgres.close)
            return postgres

        yield make


@dataclass(frozen=True, slots=True)
class _Named:
    """A server that the environment names."""

    url: str


def _database_of_worker(url: str) -> str:
    """Workers that share a Valkey server each empty a logical database of their own: 0 to 15."""
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 16
    return urlunsplit(urlsplit(url)._replace(path=f"/{number}"))


def _running(make: Callable[[Path, Account], Started]) -> Iterator[Started]:
    folder = _make_folder()
    server = make(folder, account_for(folder))
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


def _make_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="lumbung-test-"))
    folder.chmod(0o755)
    return folder


class _CastChannel(OurChannel):
    """Calls each method as the first of its actors who may."""

    def __init__(self, channel: grpc.aio.Channel, actors: Sequence[str]) -> None:
        super().__init__(channel, actors[0])
        self._actors = actors

    def _actor_for(self, method: str) -> str:
        service, name = method.removeprefix("/").split("/")
        allowed = access.callers_of(service).get(name, access.NOBODY)
        return next((actor for actor in self._actors if access.role_of(actor) in allowed), self._actor)


HEARD_WITHIN_S = 60.0
CAST = ("storefront:web", "staff:test", "terminal:test", "service:test", "operator:test")


def open_cast_channel(target: str, *actors: str) -> grpc.aio.Channel:
    """As `open_channel`, for tests that play everybody: each method is called by the first of `actors`, and then of
    CAST, who has a role for it."""
    return _CastChannel(grpc.aio.insecure_channel(target, options=OPTIONS), (*actors, *CAST))


async def wrongly_answered(server: RunningServer) -> list[str]:
    """What is wrong with who may call what on a running server: each of its methods is called, empty, by one of each
    role and by nobody.

    Whoever has no role for it must hear WRONG_ROLE or CALLER_MISSING. The others must hear anything else; of streams
    that is not asked, since they may have no end.
    """
    found: list[str] = []
    async with grpc.aio.insecure_channel(server.address) as channel:
        for service_name in server.service_names:
            for name, allowed in access.callers_of(service_name).items():
                found += await _wrongly_answered(channel, service_name, name, allowed)
    return found


async def _wrongly_answered(
    channel: grpc.aio.Channel, service_name: str, name: str, allowed: access.Roles
) -> list[str]:
    found: list[str] = []
    method = descriptor_pool.Default().FindServiceByName(service_name).methods_by_name[name]
    for caller in (*CAST, "channel:test", "stranger:test", ""):
        may = access.role_of(caller) in allowed
        if may and (method.client_streaming or method.server_streaming):
            continue
        heard = await heard_of(partial(_ask, channel, method, caller))
        wanted = "WRONG_ROLE" if caller else "CALLER_MISSING"
        if (heard == wanted) is may or (heard in ("WRONG_ROLE", "CALLER_MISSING")) is may:
            found.append(f"{method.full_name} tells {caller or 'nobody'}: {heard or 'all is well'}")
    return found


async def heard_of(ask: Callable[[], Awaitable[object]]) -> str:
    """The reason of the failure of a call; empty when there is none.

    grpc's client says INTERNAL by itself, without a reason, in place of a refusal that comes while it still sends: then
    the call is made again, as docs/status-codes.md tells clients.
    """
    async with asyncio.timeout(HEARD_WITHIN_S):
        while True:
            try:
                await ask()
            except grpc.aio.AioRpcError as error:
                reason = failure_from(error).reason
                if reason or error.code() is not grpc.StatusCode.INTERNAL:
                    return reason
            else:
                return ""
            await asyncio.sleep(0.01)


async def _ask(channel: grpc.aio.Channel, method: MethodDescriptor, caller: str) -> None:
    """Calls it, empty."""
    path = f"/{method.containing_service.full_name}/{method.name}"
    metadata = [(context.ACTOR_KEY, caller)] if caller else []
    asks, answers = (
        "stream" if each else "unary" for each in (method.client_streaming, method.server_streaming)
    )
    make: Any = getattr(channel, f"{asks}_{answers}")
    call = make(path)([b""] if method.client_streaming else b"", metadata=metadata, timeout=60.0)
    await (call.read() if method.server_streaming else call)
