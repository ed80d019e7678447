"""A pool of PostgreSQL connections whose errors are already ours, and transactions that know the deadline."""

from __future__ import annotations

import asyncio
import math
import random
import select
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeAlias, TypeVar

import psycopg
from psycopg import errors, pq
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from lumbung_kit import context
from lumbung_kit.failures import ConcurrentChange, DeadlineExceeded, Overloaded, StoreUnavailable
from lumbung_kit.metrics import counter

Conn: TypeAlias = psycopg.AsyncConnection[TupleRow]
T = TypeVar("T")

RETRY_AFTER_S = 0.5
IDLE_S_MAX = 5
"""How long a process that was paused in the middle of a transaction keeps others from the rows that it has locked."""
TRANSACTION_S_MAX = 30
"""The same for one that was paused between two statements of a pipeline: the server takes that for work, not for rest.
PostgreSQL has this bound from version 17 on."""
_BOUNDED_TRANSACTIONS_VERSION = 170_000
_SESSION_OPTIONS = f"-c timezone=UTC -c idle_in_transaction_session_timeout={IDLE_S_MAX}s"
_WAIT_MAX_S = 5.0
_OPEN_MAX_S = 15.0
_RECONNECT_MAX_S = 2.0
_BACKOFF_FIRST_S = 0.005
_BACKOFF_MAX_S = 0.2
_GOING_DOWN = (
    errors.AdminShutdown,
    errors.CrashShutdown,
    errors.CannotConnectNow,
    errors.IdleInTransactionSessionTimeout,
    errors.TransactionTimeout,
)
_CONFLICTS = (errors.SerializationFailure, errors.DeadlockDetected)
_conflicts = counter(
    "postgres_conflicts", "Transactions that met a deadlock or serialisation failure", ["pool"]
)


class Postgres:
    """Connections of one service to its own schema: autocommit, UTC, at most `max_size`.

    At most `max_waiting` callers wait for a connection, each until its deadline but no longer than 5 s.
    Every call raises Overloaded when no connection comes free in time or too many wait already,
    StoreUnavailable when the server cannot be reached or went away, and DeadlineExceeded when a statement ran
    past the deadline. Other psycopg errors (constraints, conflicts, mistakes in SQL) are passed on as they
    are.
    """

    def __init__(
        self,
        url: str,
        *,
        name: str,
        schema: str,
        min_size: int = 1,
        max_size: int = 8,
        max_waiting: int = 512,
    ) -> None:
        self.name = name
        self.schema = schema
        # Callers queue here and not in the pool, which keeps counting those who gave up: with a bound of its
        # own it would refuse everybody for ever after an outage.
        self._free = asyncio.Semaphore(max_size)
        self._waiting = 0
        self._waiting_max = max_waiting
        self._size_max = max_size
        self._errors_at_last_success = 0
        self._pool: AsyncConnectionPool[Conn] = AsyncConnectionPool(
            url,
            kwargs={
                "autocommit": True,
                "application_name": name,
                "options": f"-c search_path={schema} {_SESSION_OPTIONS}",
                "connect_timeout": 5,
                "prepare_threshold": 2,  # statements come from files and are few: prepare them early
            },
            min_size=min_size,
            max_size=max_size,
            timeout=_WAIT_MAX_S,
            reconnect_timeout=_RECONNECT_MAX_S,  # afterwards, each caller that waits starts a new attempt
            configure=self._prepare,
            name=name,
            open=False,
        )

    async def open(self) -> None:
        """Connects. Raises StoreUnavailable when the server cannot be reached within 15 s."""
        try:
            await self._pool.open(wait=True, timeout=_OPEN_MAX_S)
        except PoolTimeout as error:
            await self._pool.close()
            raise StoreUnavailable(retry_after_s=RETRY_AFTER_S) from error

    async def close(self) -> None:
        """Waits for nothing: connections in use are closed when they come back."""
        await self._pool.close()

    async def ping(self) -> None:
        """Raises unless the server answers a query."""
        async with self.connection() as conn:
            await conn.execute("select 1")

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Conn]:
        """A connection for single statements, each a transaction of its own."""
        wait_s = min(_WAIT_MAX_S, context.deadline_remaining_s())
        with self._translated_errors():
            await self._wait_in_line(wait_s)
            try:
                conn = await self._take(wait_s)
                try:
                    yield conn
                finally:
                    await self._pool.putconn(conn)
            finally:
                self._free.release()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Conn]:
        """A connection inside a transaction: committed at the end, rolled back when the block raises.

        Statements may take as long as the call's deadline allows. Raises
        psycopg.errors.InFailedSqlTransaction when a statement's error was swallowed, for there is nothing to
        commit then.
        """
        begin = _begin(context.deadline_remaining_s())
        async with self.connection() as conn:
            try:
                await conn.execute(begin, prepare=False)
                yield conn
                _require_no_failed_statement(conn)
            except BaseException:
                if not conn.broken:
                    await conn.rollback()
                raise
            await conn.commit()

    async def run(self, work: Callable[[Conn], Awaitable[T]], *, attempts: int = 5) -> T:
        """Runs the whole of `work` in one transaction, and again if it lost a deadlock or serialisation
        conflict.

        `work` must have no effect outside of the transaction. Raises ConcurrentChange after `attempts`
        conflicts.
        """
        for attempt in range(attempts):
            try:
                async with self.transaction() as conn:
                    return await work(conn)
            except _CONFLICTS as error:
                _conflicts.labels(self.name).inc()
                if attempt == attempts - 1:
                    raise ConcurrentChange(retry_after_s=_BACKOFF_MAX_S) from error
            await asyncio.sleep(random.uniform(0, min(_BACKOFF_MAX_S, _BACKOFF_FIRST_S * 2**attempt)))
        raise ValueError("attempts must be at least 1")

    async def _wait_in_line(self, wait_s: float) -> None:
        """Returns when at most `max_size` callers, with us, have a connection or are being given one."""
        if not self._free.locked():
            await self._free.acquire()
            return
        if self._waiting >= self._waiting_max:
            raise Overloaded(retry_after_s=RETRY_AFTER_S)
        self._waiting += 1
        try:
            async with asyncio.timeout(wait_s):
                await self._free.acquire()
        except TimeoutError:
            raise PoolTimeout(f"{self.name}: no connection within {wait_s:.2f} s") from None
        finally:
            self._waiting -= 1

    async def _take(self, wait_s: float) -> Conn:
        """A connection that the server has not closed: after its restart, those in the pool are dead."""
        for _ in range(self._size_max):
            conn = await self._pool.getconn(wait_s)
            if not _hung_up(conn):
                return conn
            await conn.close()
            await self._pool.putconn(conn)
        return await self._pool.getconn(wait_s)

    async def _prepare(self, conn: Conn) -> None:
        """A new connection: it works, and its transactions are bounded."""
        self._errors_at_last_success = self._connection_errors()
        if conn.info.server_version >= _BOUNDED_TRANSACTIONS_VERSION:
            await conn.execute(f"set transaction_timeout = '{TRANSACTION_S_MAX}s'")

    def _connection_errors(self) -> int:
        return self._pool.get_stats().get("connections_errors", 0)

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        """The one place where the driver's and the pool's errors become ours."""
        try:
            yield
        except PoolTimeout as error:
            failing = self._connection_errors() > self._errors_at_last_success
            raise (StoreUnavailable if failing else Overloaded)(retry_after_s=RETRY_AFTER_S) from error
        except errors.TooManyConnections as error:
            raise Overloaded(retry_after_s=RETRY_AFTER_S) from error
        except errors.QueryCanceled as error:
            raise DeadlineExceeded from error
        except (psycopg.OperationalError, *_GOING_DOWN) as error:
            if _connection_lost(error):
                raise StoreUnavailable(retry_after_s=RETRY_AFTER_S) from error
            raise


async def in_one_trip(conn: Conn, *works: Awaitable[Any]) -> list[Any]:
    """Results of works that each run one statement on `conn`, sent together, in this order, and awaited together.

    The server runs them one after another, each after the one before has taken its locks. When one fails, those
    behind it are not run, and its error is raised: not PipelineAborted, which is what those behind it meet, and
    which the pipeline's own end may raise in its place.
    """
    results: list[Any] = []
    aborted: errors.PipelineAborted | None = None
    try:
        async with conn.pipeline():
            results = await asyncio.gather(*works, return_exceptions=True)
    except errors.PipelineAborted as error:
        aborted = error
    failures = [result for result in results if isinstance(result, BaseException)]
    if cause := next((each for each in failures if not isinstance(each, errors.PipelineAborted)), None):
        raise cause
    if aborted or failures:
        raise aborted or failures[0]
    return results


def constraint_of(error: psycopg.Error) -> str | None:
    """The name of the constraint that a statement violated, if that is what went wrong."""
    return error.diag.constraint_name


def _begin(remaining_s: float) -> str:
    """Begins and sets the time limit in one round trip."""
    if math.isinf(remaining_s):
        return "begin"
    if remaining_s <= 0:
        raise DeadlineExceeded
    return f"begin; set local statement_timeout = {max(1, int(remaining_s * 1000))}"


def _require_no_failed_statement(conn: Conn) -> None:
    """COMMIT after a failed statement rolls back without an error; nobody may take that for a commit."""
    if conn.info.transaction_status == pq.TransactionStatus.INERROR:
        raise errors.InFailedSqlTransaction("a statement failed and its error was swallowed")


def _connection_lost(error: psycopg.Error) -> bool:
    """No SQLSTATE: libpq lost the connection, or the pool is closed. Else the server says what the matter is:
    class 08 the connection, 53 disk or memory full.
    """
    sqlstate = error.sqlstate
    return isinstance(error, _GOING_DOWN) or sqlstate is None or sqlstate.startswith(("08", "53"))


def _hung_up(conn: psycopg.AsyncConnection[Any]) -> bool:
    """Whether the server has closed an idle connection. Looks at the socket; costs no round trip."""
    if conn.closed:
        return True
    poll = select.poll()
    poll.register(conn.fileno(), select.POLLIN)
    return bool(poll.poll(0))
