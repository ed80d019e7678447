"""A standby has what its primary sent, and takes its place."""

import asyncio
from pathlib import Path

import psycopg
import pytest

from lumbung_kit.embedded import EmbeddedSettings, PostgresStandby, Supervisor
from lumbung_kit.embedded.account import account_for
from lumbung_kit.embedded.binaries import postgres_bin

pytestmark = pytest.mark.store


def ask(url: str, statement: str) -> object:
    with psycopg.connect(url, autocommit=True) as conn:
        cursor = conn.execute(statement)  # type: ignore[call-overload]
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


async def test_it_follows_and_then_takes_the_primarys_place(server_folder: Path) -> None:
    settings = EmbeddedSettings(postgres_url=None, valkey_url=None, postgres_standbys_max=1)
    async with Supervisor(server_folder / "servers", settings=settings) as servers:
        ask(servers.postgres_url, "create table kept (number int)")
        place = server_folder / "standby"
        account = account_for(server_folder)
        standby = PostgresStandby(
            place, account, postgres_bin(account, None), primary_url=servers.postgres_url
        )
        await asyncio.to_thread(standby.start)
        try:
            ask(servers.postgres_url, "insert into kept values (1)")
            async with asyncio.timeout(60):
                while ask(standby.url, "select count(*) from kept") != 1:
                    await asyncio.sleep(0.02)
            assert ask(standby.url, "select pg_is_in_recovery()") is True
            await servers.kill("postgres")
            standby.promote()
            ask(standby.url, "insert into kept values (2)")
            assert ask(standby.url, "select sum(number) from kept") == 3
            assert ask(standby.url, "select pg_is_in_recovery()") is False
        finally:
            await asyncio.to_thread(standby.stop)
