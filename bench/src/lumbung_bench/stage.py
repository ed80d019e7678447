"""What a run stands on: a PostgreSQL, a Valkey, a collector of traces, a catalog, and room for contestants."""

from __future__ import annotations

import secrets
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from lumbung_dev.local.checkout import DATA, migrations_of
from lumbung_dev.local.health import grpc_serves, http_answers
from lumbung_dev.local.lock import sole_user_of
from lumbung_dev.local.program import Program
from lumbung_dev.local.runner import OnDeath, Runner
from lumbung_dev.local.trouble import Trouble
from lumbung_kit.embedded import EmbeddedServerError, Supervisor
from lumbung_kit.embedded.ports import free_port
from lumbung_kit.migrations import MigrationError, migrate
from lumbung_kit.provision import ensure_database, ensure_role_and_schema, role_of, url_to
from lumbung_kit.valkey import connect

FOLDER = DATA / "bench"
VALKEY_DATABASES_MAX = 15
FLUSH_S_MAX = 30.0


@dataclass(slots=True)
class Stage:
    """Running servers. Contestants come and go with the cases that need them; all end with the stage."""

    servers: Supervisor
    runner: Runner
    otlp_endpoint: str
    tell: Callable[[str], None]
    catalog_target: str = ""
    _password: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    _templates: dict[str, str] = field(default_factory=dict)
    _databases: int = 0
    _valkey_databases: int = 0

    async def serve(self, name: str, module: str, environment: Mapping[str, str], *arguments: str) -> str:
        """Starts a gRPC server of ours on a free port, which replaces {address} in what it is told; returns where
        it answers.
        """
        address = f"127.0.0.1:{free_port()}"
        told = {key: value.replace("{address}", address) for key, value in environment.items()}
        words = tuple(word.replace("{address}", address) for word in arguments)
        await self.runner.run([Program(name, module, told, grpc_serves(address), words)])
        return address

    async def end(self, name: str) -> None:
        """Stops a server that `serve` started."""
        await self.runner.stop(name)

    def pid(self, name: str) -> int:
        """Its process. Raises Trouble when it has died."""
        if name not in self.runner.pids:
            raise Trouble(f"{name} is not running; its log is {self.runner.log_of(name)}")
        return self.runner.pids[name]

    def server_pids(self) -> list[int]:
        """Postgres' and Valkey's first processes, when both are ours."""
        try:
            pids = (self.servers.pid("postgres"), self.servers.pid("valkey"))
        except EmbeddedServerError:  # the settings name them by URL
            return []
        return [pid for pid in pids if pid is not None]

    async def empty_database(self) -> str:
        """A superuser's URL of a database with nothing in it."""
        self._databases += 1
        return await ensure_database(self.servers.postgres_url, f"bench_{self._databases}")

    async def migrated_database(self, service: str) -> tuple[str, str]:
        """(superuser's URL, service's URL) of a fresh database with the service's schema: a copy, which is quick."""
        template = self._templates.get(service) or await self._build_template(service)
        self._databases += 1
        name = f"bench_{self._databases}"
        copy = sql.SQL("create database {} template {}").format(
            sql.Identifier(name), sql.Identifier(template)
        )
        async with await psycopg.AsyncConnection.connect(self.servers.postgres_url, autocommit=True) as conn:
            await conn.execute(copy)
        admin = url_to(self.servers.postgres_url, database=name)
        return admin, url_to(admin, user=role_of(service), password=self._password)

    async def drop_database(self, url: str) -> None:
        """Removes it, so that no vacuum of its rows disturbs the cases that follow."""
        name = urlsplit(url).path.strip("/")
        async with await psycopg.AsyncConnection.connect(self.servers.postgres_url, autocommit=True) as conn:
            await conn.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))

    def valkey_url(self) -> str:
        """A logical database of Valkey that nobody else uses."""
        self._valkey_databases = self._valkey_databases % VALKEY_DATABASES_MAX + 1
        parts = urlsplit(self.servers.valkey_url)
        return urlunsplit(parts._replace(path=f"/{self._valkey_databases}"))

    async def empty_valkey(self, url: str) -> None:
        """Forgets what a logical database has."""
        valkey = connect(url, reply_timeout_s=FLUSH_S_MAX)
        try:
            await valkey.flushdb()
        finally:
            await valkey.aclose()

    async def _build_template(self, service: str) -> str:
        name = self._templates[service] = f"bench_template_{service}"
        url = await ensure_database(self.servers.postgres_url, name)
        await ensure_role_and_schema(url, service, password=self._password)
        await migrate(url, service, [migrations_of(service)])
        return name


@asynccontextmanager
async def open_stage(tell: Callable[[str], None], folder: Path) -> AsyncIterator[Stage]:
    """Nothing that was started outlives the block, and its files neither, but for the logs."""
    with sole_user_of(folder):
        tell("starting PostgreSQL, Valkey, a collector of traces and the catalog")
        servers_folder = folder / "servers"
        shutil.rmtree(servers_folder, ignore_errors=True)
        shutil.rmtree(folder / "logs", ignore_errors=True)
        try:
            async with (
                Supervisor(servers_folder) as servers,
                Runner(folder / "logs", OnDeath.LEAVE) as runner,
            ):
                port = free_port()
                endpoint = f"http://127.0.0.1:{port}"
                await runner.run([_sink(port, endpoint)])
                stage = Stage(servers, runner, endpoint, tell)
                await _serve_catalog(stage)
                yield stage
                tell("stopping")
        except (EmbeddedServerError, MigrationError) as error:
            raise Trouble(str(error)) from error
        finally:
            shutil.rmtree(servers_folder, ignore_errors=True)


def _sink(port: int, endpoint: str) -> Program:
    return Program("trace-sink", "lumbung_bench.trace_sink", {}, http_answers(endpoint), (str(port),))


async def _serve_catalog(stage: Stage) -> None:
    """Stock follows its events; it has none."""
    _, url = await stage.migrated_database("catalog")
    environment = {"LUMBUNG_CATALOG_LISTEN": "{address}", "LUMBUNG_CATALOG_POSTGRES_URL": url}
    stage.catalog_target = await stage.serve("catalog", "lumbung_catalog", environment)


def python(module: str) -> Sequence[str]:
    """The command that runs one of our modules."""
    return (sys.executable, "-m", module)
