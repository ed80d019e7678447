"""A Valkey client that never repeats a command by itself, and scripts that live in files of their own."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from typing import Any, Protocol, TypeAlias

from redis import exceptions
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from lumbung_kit.failures import Overloaded, StoreUnavailable
from lumbung_kit.valkey_cluster import ClusterValkey, is_cluster

Valkey: TypeAlias = "Redis"
RETRY_AFTER_S = 0.5
_UNAVAILABLE = (
    exceptions.ConnectionError,  # also BusyLoadingError: still reading its file
    exceptions.TimeoutError,
    exceptions.ReadOnlyError,
    exceptions.ClusterDownError,
    exceptions.TryAgainError,  # in the middle of a slot's move
)


def connect(
    url: str,
    *,
    name: str = "lumbung",
    max_connections: int = 16,
    connect_timeout_s: float = 1.0,
    reply_timeout_s: float = 2.0,
    wait_timeout_s: float = 2.0,
) -> Valkey:
    """A client with at most `max_connections` (to each node); callers wait up to `wait_timeout_s` for one. Connects on
    first use. A URL with several hosts or `?cluster=true` is a cluster's (`lumbung_kit.valkey_cluster`).

    Retries are off: after a time-out nobody knows whether the command took effect, and only the caller knows
    whether it may be repeated. Close it with `aclose()`.
    """

    def connect_node(url: str) -> Valkey:
        pool = _Pool.from_url(
            url,
            max_connections=max_connections,
            timeout=wait_timeout_s,
            client_name=name,
            socket_connect_timeout=connect_timeout_s,
            socket_timeout=reply_timeout_s,
            retry=Retry(NoBackoff(), 0),
            retry_on_error=[],
            health_check_interval=0,
        )
        return Redis.from_pool(pool)

    return ClusterValkey(url, connect_node) if is_cluster(url) else connect_node(url)


async def settings_of(client: Valkey, name: str) -> set[str]:
    """A server's value of one CONFIG setting; of a cluster those of all its nodes, since each may lead soon."""
    nodes = await client.each_node() if isinstance(client, ClusterValkey) else [client]
    return {str((await node.config_get(name)).get(name)) for node in nodes}


class _Pool(BlockingConnectionPool):
    """Tells apart a pool with nothing free from a server that cannot be reached."""

    async def get_connection(self, *args: Any, **options: Any) -> AbstractConnection:
        try:
            return await super().get_connection(*args, **options)  # type: ignore[no-any-return,no-untyped-call]
        except exceptions.ConnectionError as error:
            if isinstance(error.__cause__, TimeoutError):
                raise exceptions.MaxConnectionsError(str(error)) from error
            raise


@contextmanager
def translated_errors() -> Iterator[None]:
    """The one place where the driver's errors become ours.

    Overloaded: no connection came free in time, or Valkey is full (a script meets that at its first write, so nothing
    was written). StoreUnavailable: not reachable, timed out (the command may have
    taken effect), starting, or a replica that takes no writes.
    """
    try:
        yield
    except (exceptions.MaxConnectionsError, exceptions.OutOfMemoryError) as error:
        raise Overloaded(retry_after_s=RETRY_AFTER_S) from error
    except _UNAVAILABLE as error:
        raise StoreUnavailable(retry_after_s=RETRY_AFTER_S) from error


class ScriptCall(Protocol):
    """A script that can be called, by whichever client."""

    async def __call__(self, keys: Sequence[str], args: Sequence[str | bytes | int] = ()) -> Any:
        """What the script returns. Raises StoreUnavailable (it may have taken effect), Overloaded (it was not sent)
        and redis.ResponseError for a mistake in it."""

    async def many(self, keys: Sequence[str], calls: Sequence[Sequence[str | bytes | int]]) -> list[Any]:
        """What the script returns to each of these arguments, called one after the other in their order.

        Raises as a single call, if one of them fails; the others may have taken effect all the same.
        """


class ScriptClient(Protocol):
    """Whatever calls scripts: redis-py by `RedisScripts`, or `lumbung_kit.valkey_lean.LeanValkey`."""

    def script(self, source: str) -> ScriptCall:
        """A script to be called by its hash; the server is given the source when it lacks it."""


class RedisScripts:
    """Calls scripts by redis-py."""

    def __init__(self, client: Valkey) -> None:
        self._client = client

    def script(self, source: str) -> ScriptCall:
        """A script to be called by its hash."""
        return Script(self._client, source)


class Script:
    """A Lua script of one file. Call it with keys and arguments; it is loaded when the server lacks it."""

    def __init__(self, client: Valkey, source: str) -> None:
        self._client = client
        self._source = source
        self._sha = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()

    async def __call__(self, keys: Sequence[str], args: Sequence[str | bytes | int] = ()) -> Any:
        """What the script returns. Raises as `translated_errors` says, and ResponseError for a mistake in it."""
        with translated_errors():
            try:
                return await self._client.evalsha(self._sha, len(keys), *keys, *args)
            except (
                exceptions.NoScriptError
            ):  # nothing was run: a restarted or promoted server, or the first call
                return await self._client.eval(self._source, len(keys), *keys, *args)

    async def many(self, keys: Sequence[str], calls: Sequence[Sequence[str | bytes | int]]) -> list[Any]:
        """As ScriptCall says; one by one, since connections of a pool keep no order."""
        return [await self(keys, args) for args in calls]


def load_script(client: Valkey, package: str, filename: str) -> Script:
    """Reads the script `filename` beside the modules of `package`."""
    return Script(client, files(package).joinpath(filename).read_text(encoding="utf-8"))
