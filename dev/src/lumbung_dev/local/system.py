"""The whole of Lumbung, started and stopped in order."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from lumbung_dev.local.addresses import Addresses
from lumbung_dev.local.databases import drop, prepare
from lumbung_dev.local.lock import sole_user_of
from lumbung_dev.local.marketplace_programs import marketplace_programs
from lumbung_dev.local.runner import OnDeath, Runner
from lumbung_dev.local.secrets_file import MarketplaceSecret, new_secrets, write_secrets
from lumbung_dev.local.service_programs import Wiring, service_programs
from lumbung_dev.local.services import Services
from lumbung_dev.local.trouble import Trouble
from lumbung_dev.shop.listings import Account
from lumbung_dev.shop.outlets import MARKETPLACES, Marketplace
from lumbung_kit.embedded import EmbeddedServerError, Supervisor
from lumbung_kit.migrations import MigrationError


@dataclass(frozen=True, slots=True)
class Plan:
    """How a system is to be run."""

    folder: Path
    """Where servers keep their data and programs their logs."""
    addresses: Addresses
    database: str = "lumbung"
    on_death: OnDeath = OnDeath.RESTART
    otlp_endpoint: str = ""
    trace_ratio: float = 1.0
    prepare: Callable[[str, str], Awaitable[Mapping[str, str]]] = prepare
    """Makes each service's database on a server, by the database's name."""
    leaves_nothing: bool = False
    """Drops the database at the end, also on a server that is not ours."""

    @property
    def logs(self) -> Path:
        return self.folder / "logs"


@dataclass(frozen=True, slots=True)
class LocalSystem:
    """A running system."""

    plan: Plan
    servers: Supervisor
    runner: Runner
    secrets: Mapping[str, MarketplaceSecret]
    servers_folder: Path | None
    """Where the embedded servers' files are: not always below the plan's folder."""

    @property
    def addresses(self) -> Addresses:
        return self.plan.addresses

    def account(self, marketplace: Marketplace) -> Account:
        """How the shop reaches a marketplace, and where buyers find it."""
        base_url = f"http://{self.addresses.of(marketplace.code)}"
        return Account(base_url, self.secrets[marketplace.code].api_key)

    def client(self, actor: str) -> Services:
        """All four services, called as one actor."""
        return Services(self.addresses, actor=actor)

    def pids(self) -> dict[str, int]:
        """Every process of ours that runs now, the embedded servers too."""
        servers = {name: pid for name in ("postgres", "valkey") if (pid := self._server_pid(name))}
        return {**servers, **self.runner.pids}

    def _server_pid(self, name: str) -> int | None:
        try:
            return self.servers.pid("postgres" if name == "postgres" else "valkey")
        except EmbeddedServerError:  # named by URL: not ours
            return None


@asynccontextmanager
async def local_system(plan: Plan, tell: Callable[[str], None]) -> AsyncIterator[LocalSystem]:
    """Servers, then services, then marketplaces; stopped in reverse. Raises Trouble with a sentence that helps.

    `tell` hears of each step. Nothing that was started outlives the block, nor this process.
    """
    with sole_user_of(plan.folder):
        tell("starting PostgreSQL and Valkey")
        try:
            async with Supervisor(plan.folder / "servers") as servers:
                tell("migrating four schemas")
                wiring = _wiring(plan, servers, await plan.prepare(servers.postgres_url, plan.database))
                async with Runner(plan.logs, plan.on_death) as runner:
                    tell("starting four services and two marketplaces")
                    await runner.run([*service_programs(wiring), *marketplace_programs(wiring)])
                    yield LocalSystem(plan, servers, runner, wiring.secrets, servers.folder)
                    tell("stopping")
                if plan.leaves_nothing:
                    await drop(servers.postgres_url, plan.database)
        except (EmbeddedServerError, MigrationError) as error:
            raise Trouble(str(error)) from error


def remove_files(system: LocalSystem) -> None:
    """Removes the data and logs of a system that has stopped."""
    for folder in (system.servers_folder, system.plan.folder):
        if folder is not None and folder.exists():
            shutil.rmtree(folder)


def _wiring(plan: Plan, servers: Supervisor, postgres_urls: Mapping[str, str]) -> Wiring:
    secrets = new_secrets(marketplace.code for marketplace in MARKETPLACES)
    secrets_file = plan.folder / "channel-secrets.json"
    write_secrets(secrets_file, secrets)
    return Wiring(
        addresses=plan.addresses,
        postgres_urls=postgres_urls,
        valkey_url=servers.valkey_url,
        secrets=secrets,
        secrets_file=secrets_file,
        otlp_endpoint=plan.otlp_endpoint,
        trace_ratio=plan.trace_ratio,
    )
