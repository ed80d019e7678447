"""Row 22: Postgres fails over to a standby that was never sent the last commits.

Nothing is promised there but that it is noticed, and that nothing is sold on until a person has looked.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from lumbung_dev.chaos.buyers import Buyers
from lumbung_dev.chaos.proxy import Proxy
from lumbung_dev.chaos.world import PATIENCE_S, REPLICAS, Setting, World, open_world
from lumbung_dev.local.patience import eventually
from lumbung_kit.embedded import PostgresStandby
from lumbung_kit.embedded.account import account_for
from lumbung_kit.embedded.binaries import postgres_bin

LOOKS = 2 * len(REPLICAS)
"""So many marks after which each replica must have seen one that the standby was not sent."""


@dataclass(slots=True)
class Pair:
    """A primary, which the world uses, and its standby behind a link that can be cut."""

    world: World
    standby: PostgresStandby
    link: Proxy

    async def lose(self, buyers: Buyers, answers: int) -> None:
        """The standby hears nothing more, so many more requests are answered, each replica has looked at the primary
        once more (less than that may be lost unseen: 0041), and the primary is gone for good."""
        await self._caught_up()
        await self.link.stop()
        mark = await self._mark()
        await buyers.more(answers)

        async def looked() -> bool:
            return await self._mark() > mark + LOOKS

        await eventually(looked, "each replica has looked", within_s=PATIENCE_S)
        await self.world.servers.kill("postgres")

    async def promote(self) -> None:
        """The standby takes the primary's place, and its address."""
        await asyncio.to_thread(self.standby.promote)
        there = urlsplit(self.standby.url)
        self.world.postgres_url = self.standby.url
        self.world.to_postgres.turn_to(str(there.hostname), int(there.port or 0))

    async def _mark(self) -> int:
        return await self.world.scalar("SELECT number FROM ledger_mark")

    async def _caught_up(self) -> None:
        """Returns when it has all that there is now: buyers go on writing, and it is always a little behind."""
        ((now,),) = await self.world.rows("SELECT pg_current_wal_lsn()::text")

        async def look() -> bool:
            has_it = "SELECT count(*) FROM pg_stat_replication WHERE replay_lsn >= %s::pg_lsn"
            return await self.world.scalar(has_it, now) == 1

        await eventually(look, "the standby has caught up", within_s=PATIENCE_S)


@asynccontextmanager
async def open_pair(folder: Path) -> AsyncIterator[Pair]:
    """A world with an open sale whose Postgres has a standby; nothing that was started outlives the block."""
    async with open_world(folder, Setting(postgres_standbys_max=1)) as world:
        primary = urlsplit(world.postgres_url)
        link = Proxy(str(primary.hostname), int(primary.port or 0))
        await link.start()
        credentials = primary.netloc.rpartition("@")[0]
        behind_link = urlunsplit(primary._replace(netloc=f"{credentials}@127.0.0.1:{link.port}"))
        account = account_for(folder)
        standby = PostgresStandby(
            folder / "standby", account, postgres_bin(account, None), primary_url=behind_link
        )
        try:
            await asyncio.to_thread(standby.start)
            yield Pair(world, standby, link)
        finally:
            await asyncio.to_thread(standby.stop)
            await link.stop()
