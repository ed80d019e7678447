"""A database whose clock the day sets.

fulfillment asks PostgreSQL what time it is, for all its processes alike. So it gets a database in which `now()` and
`clock_timestamp()` say the day's time: pickups come near, leases run out and orders become late as on a real day, while
the service is the very same program (docs/decisions/0067).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import psycopg

from lumbung_dev.local.databases import prepare, prepare_one
from lumbung_dev.local.patience import Waited
from lumbung_dev.local.trouble import Trouble
from lumbung_dev.shop import warehouse
from lumbung_kit.provision import ensure_database, url_to

MIDNIGHT = datetime(2026, 11, 11, tzinfo=ZoneInfo(warehouse.TIME_ZONE))
"""The day: a Wednesday, and no holiday."""
_SUFFIX = "_day"
_CAUGHT_UP_S_MAX = 60.0
_LOOK_S = 0.01

_READ = "select timestamptz 'epoch' + last_value * interval '1 microsecond' from day_clock.microseconds"
_MAKE = (
    "create schema day_clock",
    "create sequence day_clock.microseconds",
    "alter function pg_catalog.now() rename to real_now",
    "alter function pg_catalog.clock_timestamp() rename to real_clock_timestamp",
    f"create function pg_catalog.now() returns timestamptz stable security definer language sql as $${_READ}$$",
    "create function pg_catalog.clock_timestamp() returns timestamptz volatile security definer language sql"
    f" as $${_READ}$$",
)


async def prepare_with_clock(server_url: str, database: str) -> Mapping[str, str]:
    """As for the other commands, but that fulfillment's database is one with a clock of the day."""
    urls = dict(await prepare(server_url, database))
    admin_url = await ensure_database(server_url, database + _SUFFIX)
    async with await psycopg.AsyncConnection.connect(admin_url, autocommit=True) as conn:
        try:
            for statement in _MAKE:
                await conn.execute(statement.encode())
        except psycopg.errors.InsufficientPrivilege as error:
            raise Trouble(
                "A day needs a PostgreSQL server on which it is superuser, since it sets a database's clock. "
                "Leave LUMBUNG_POSTGRES_URL away, and one is started."
            ) from error
        await _set(conn, 0.0)
    urls["fulfillment"] = await prepare_one(admin_url, "fulfillment")
    return urls


def instant(seconds: float) -> datetime:
    """So long after midnight."""
    return (MIDNIGHT + timedelta(seconds=seconds)).astimezone(UTC)


class ServiceClock:
    """Sets the clock of fulfillment's database, and waits for orders that are on their way to it."""

    def __init__(self, conn: psycopg.AsyncConnection, lag_s: float) -> None:
        self._conn = conn
        self._lag_s = lag_s
        self._bought: list[float] = []

    @staticmethod
    async def open(server_url: str, database: str, lag_s: float) -> ServiceClock:
        """`lag_s` is how much of the day may pass before an order that was bought is in the warehouse's queue."""
        url = url_to(server_url, database=database + _SUFFIX)
        return ServiceClock(await psycopg.AsyncConnection.connect(url, autocommit=True), lag_s)

    async def close(self) -> None:
        """Leaves the clock as it stands."""
        await self._conn.close()

    def bought(self, at_s: float) -> None:
        """An order is on its way, one for each call."""
        self._bought.append(at_s)

    async def tell(self, now_s: float) -> None:
        """It is so late. Raises Waited when orders do not arrive."""
        due = sum(at_s < now_s - self._lag_s for at_s in self._bought)
        until = asyncio.get_running_loop().time() + _CAUGHT_UP_S_MAX
        while await self._arrived() < due:
            if asyncio.get_running_loop().time() > until:
                raise Waited(f"waited {_CAUGHT_UP_S_MAX:g} s in vain for {due} orders to reach the warehouse")
            await asyncio.sleep(_LOOK_S)
        await _set(self._conn, now_s)

    async def _arrived(self) -> int:
        cursor = await self._conn.execute("select count(*) from fulfillment.customer_order")
        ((count,),) = await cursor.fetchall()
        return int(count)


async def _set(conn: psycopg.AsyncConnection, now_s: float) -> None:
    microseconds = round(instant(now_s).timestamp() * 1_000_000)
    await conn.execute("select setval('day_clock.microseconds', %s)", [microseconds])
