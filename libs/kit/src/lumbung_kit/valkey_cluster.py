"""A Valkey Cluster behind the same two clients as a single server: commands go to the primary of their key's slot.

A redirection (MOVED, ASK) is followed, since a node that redirects has run nothing. Nothing else is repeated: after
a time-out or a broken connection only the caller knows whether it may ask again. Why not redis-py's own cluster
client: docs/decisions/0029.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from redis import exceptions
from redis.asyncio import Redis
from redis.crc import key_slot

from lumbung_kit.failures import StoreUnavailable
from lumbung_kit.logs import get_logger
from lumbung_kit.loops import end
from lumbung_kit.valkey_lean import Ask, LeanScript, LeanValkey, Moved, Part

T = TypeVar("T")
Address = tuple[str, int]
"""(host, port) of a node."""

REDIRECTS_MAX: Final = 5
LOOK_TIMEOUT_S: Final = 1.0
LOOK_AGAIN_S: Final = 0.1
RETRY_AFTER_S: Final = 0.5

_KEY_AT: Final = {"EVAL": 3, "EVALSHA": 3}
_ON_EVERY_NODE: Final = frozenset({"CONFIG SET", "SCRIPT FLUSH"})
_ON_EVERY_PRIMARY: Final = frozenset({"FLUSHDB", "KEYS"})
_DOUBTFUL: Final = (
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    exceptions.ClusterDownError,
    exceptions.ReadOnlyError,
)
_log = get_logger(__name__)


def node_urls(url: str) -> list[str]:
    """A URL for each host of `redis://user:password@host1:port,host2:port/0?cluster=true`."""
    parts = urlsplit(url)
    credentials, at, hosts = parts.netloc.rpartition("@")
    query = urlencode([pair for pair in parse_qsl(parts.query) if pair[0] != "cluster"])
    return [
        urlunsplit(parts._replace(netloc=f"{credentials}{at}{host}", query=query))
        for host in hosts.split(",")
    ]


def is_cluster(url: str) -> bool:
    """Whether a URL names a cluster: by several hosts, or by `?cluster=true`."""
    parts = urlsplit(url)
    return "," in parts.netloc or dict(parse_qsl(parts.query)).get("cluster") == "true"


def slot_of(command: Sequence[Any]) -> int:
    """The slot of a command's first key. Raises ValueError for a command without one."""
    name = _word(command[0])
    if name in ("XREAD", "XREADGROUP"):
        at = next((index + 1 for index, part in enumerate(command) if _word(part) == "STREAMS"), 0)
    else:
        at = _KEY_AT.get(name, 1)
    if not 0 < at < len(command) or " " in name:
        raise ValueError(f"{name} names no key: a cluster does not know which node to ask")
    key = command[at]
    return key_slot(key if isinstance(key, bytes) else str(key).encode())


def _word(part: Any) -> str:
    return (part.decode(errors="replace") if isinstance(part, bytes) else str(part)).upper()


@dataclass(slots=True)
class SlotMap:
    """Which primary serves which slot, as the cluster said last.

    A doubt (a redirection, a node that does not answer) has it looked up again: by one task at a time, of any node
    that answers, and no more often than every LOOK_AGAIN_S.
    """

    url: str
    _owners: dict[int, Address] = field(default_factory=dict)
    _nodes: set[Address] = field(default_factory=set)
    _look: asyncio.Task[None] | None = None
    _closed: bool = False

    def url_of(self, node: Address) -> str:
        """How to connect to one node: as to the cluster."""
        parts = urlsplit(node_urls(self.url)[0])
        credentials, at, _ = parts.netloc.rpartition("@")
        host = f"[{node[0]}]" if ":" in node[0] else node[0]
        return urlunsplit(parts._replace(netloc=f"{credentials}{at}{host}:{node[1]}"))

    async def primary_of(self, slot: int) -> Address:
        """The slot's primary. Raises StoreUnavailable when no node that can be asked knows one."""
        if slot not in self._owners:
            self.doubt()
            if self._look is not None:
                await asyncio.shield(self._look)
        if slot not in self._owners:
            raise StoreUnavailable(retry_after_s=RETRY_AFTER_S)
        return self._owners[slot]

    async def primaries(self) -> list[Address]:
        """Every node that serves slots."""
        await self.primary_of(0)
        return sorted(set(self._owners.values()))

    async def nodes(self) -> list[Address]:
        """Every node, the replicas too, of which each may be a primary soon."""
        await self.primary_of(0)
        return sorted(self._nodes)

    def learn(self, slot: int, node: Address) -> None:
        """What a redirection says of one slot; the others are in doubt."""
        self._owners[slot] = node
        self.doubt()

    def doubt(self) -> None:
        """Has the map looked up again, unless that is under way."""
        if (self._look is None or self._look.done()) and not self._closed:
            self._look = asyncio.create_task(self._look_up(), name="look up the slots")

    async def close(self) -> None:
        """Looks no more."""
        self._closed = True
        if self._look is not None:
            await end([self._look])

    async def _look_up(self) -> None:
        for url in self._candidates():
            try:
                async with asyncio.timeout(LOOK_TIMEOUT_S):
                    rows = await _slots(url)
            except (exceptions.RedisError, OSError, TimeoutError) as trouble:
                _log.info("a cluster node cannot be asked", trouble=repr(trouble))
                continue
            if rows:
                self._take(rows, str(urlsplit(url).hostname))
                break
        if self._owners:  # those who wait for the first map are told at once
            await asyncio.sleep(LOOK_AGAIN_S)

    def _candidates(self) -> Iterator[str]:
        """The nodes of the last map in any order, then those that the URL names."""
        known = [self.url_of(node) for node in self._nodes]
        random.shuffle(known)
        return itertools.chain(known, node_urls(self.url))

    def _take(self, rows: Sequence[Any], asked_host: str) -> None:
        owners: dict[int, Address] = {}
        nodes: set[Address] = set()
        for first, last, *members in rows:
            addresses = [_address(member, asked_host) for member in members]
            nodes.update(addresses)
            owners.update(dict.fromkeys(range(first, last + 1), addresses[0]))
        self._owners, self._nodes = owners, nodes


async def _slots(url: str) -> list[Any]:
    """CLUSTER SLOTS as one node answers it, by a connection of its own."""
    lean = LeanValkey(url, name="slots", reply_timeout_s=LOOK_TIMEOUT_S)
    try:
        rows: list[Any] = await lean.call("CLUSTER", "SLOTS")
    except StoreUnavailable as error:
        raise exceptions.ConnectionError(error.message) from error
    finally:
        await lean.aclose()
    return rows


def _address(member: Sequence[Any], asked_host: str) -> Address:
    """An empty or unknown host means the one that was asked."""
    host = member[0].decode() if isinstance(member[0], bytes) else str(member[0] or "")
    return (host if host not in ("", "?") else asked_host, int(member[1]))


async def routed(slots: SlotMap, slot: int, send: Callable[[Address, bool], Awaitable[T]]) -> T:
    """What the slot's primary answers; `send` is told the node and whether to ask for a key on its way there.

    Raises as `send`, and StoreUnavailable when the redirections do not come to an end.
    """
    node, asking = await slots.primary_of(slot), False
    for _ in range(REDIRECTS_MAX):
        try:
            return await send(node, asking)
        except Ask as there:
            node, asking = (there.host, there.port), True
        except Moved as there:
            node, asking = (there.host, there.port), False
            slots.learn(slot, node)
        except (StoreUnavailable, *_DOUBTFUL):
            slots.doubt()
            raise
    raise StoreUnavailable(retry_after_s=RETRY_AFTER_S)


class ClusterValkey(Redis):
    """redis-py's commands on a cluster, over one ordinary client for each node.

    What names a key goes to the primary of its slot. FLUSHDB and KEYS go to every primary, CONFIG SET and SCRIPT FLUSH
    to every node; other commands without a key are refused, since they would speak for one node alone (see
    `each_node`). Transactions and pipelines are not for it.
    """

    def __init__(self, url: str, make: Callable[[str], Redis]) -> None:
        first = make(node_urls(url)[0])
        super().__init__(connection_pool=first.connection_pool)  # for its response callbacks; never connected
        self._slots = SlotMap(url)
        self._make = make
        self._clients: dict[Address, Redis] = {}

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """One command, where it belongs."""
        name = str(args[0]).upper()
        if name in _ON_EVERY_NODE:
            return (await self._on(await self._slots.nodes(), args, options))[0]
        if name in _ON_EVERY_PRIMARY:
            answers = await self._on(await self._slots.primaries(), args, options)
            return list(itertools.chain.from_iterable(answers)) if name == "KEYS" else all(answers)

        async def send(node: Address, asking: bool) -> Any:
            return await _send(self._client(node), args, options, asking=asking)

        return await routed(self._slots, slot_of(args), send)

    async def each_node(self) -> list[Redis]:
        """A client of every node, replicas too."""
        return [self._client(node) for node in await self._slots.nodes()]

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        """Closes the clients of all nodes."""
        await self._slots.close()
        for client in self._clients.values():
            await client.aclose(close_connection_pool)

    async def _on(self, nodes: Sequence[Address], args: Sequence[Any], options: dict[str, Any]) -> list[Any]:
        return [await _send(self._client(node), args, options, asking=False) for node in nodes]

    def _client(self, node: Address) -> Redis:
        if node not in self._clients:
            self._clients[node] = self._make(self._slots.url_of(node))
        return self._clients[node]


async def _send(client: Redis, args: Sequence[Any], options: dict[str, Any], *, asking: bool) -> Any:
    try:
        if not asking:
            return await client.execute_command(*args, **options)  # type: ignore[no-untyped-call]
        pipeline = client.pipeline(transaction=False)  # one connection, one write
        pipeline.execute_command("ASKING")
        pipeline.execute_command(*args, **options)
        return (await pipeline.execute())[1]
    except exceptions.MovedError as there:  # redis-py's is a kind of AskError, so it comes first
        raise Moved(there.slot_id, there.host, there.port) from there
    except exceptions.AskError as there:
        raise Ask(there.slot_id, there.host, there.port) from there


class LeanCluster:
    """The lean client on a cluster: one connection for each primary, made on first use."""

    def __init__(self, url: str, **options: Any) -> None:
        """`options` are those of LeanValkey; `max_in_flight` counts for each node."""
        self._slots = SlotMap(url)
        self._options = options
        self._clients: dict[Address, LeanValkey] = {}

    async def call(self, *parts: Part) -> Any:
        """As `LeanValkey.call`, by the primary of the first key's slot."""

        async def send(node: Address, asking: bool) -> Any:
            client = self._client(node)
            return await (client.call_asking(*parts) if asking else client.call(*parts))

        return await routed(self._slots, slot_of(parts), send)

    async def call_all(self, commands: Sequence[Sequence[Part]]) -> list[Any]:
        """As `LeanValkey.call_all`; each finds its own way to its node."""
        said = await asyncio.gather(*(self.call(*parts) for parts in commands), return_exceptions=True)
        for reply in said:
            if isinstance(reply, BaseException) and not isinstance(reply, exceptions.ResponseError):
                raise reply
        return said

    def script(self, source: str) -> LeanScript:
        """A script to be called by its hash, on whichever node has its first key."""
        return LeanScript(self, source)

    async def aclose(self) -> None:
        """As `LeanValkey.aclose`, of all nodes."""
        await self._slots.close()
        async with AsyncExitStack() as stack:
            for client in self._clients.values():
                stack.push_async_callback(client.aclose)

    def _client(self, node: Address) -> LeanValkey:
        if node not in self._clients:
            self._clients[node] = LeanValkey(self._slots.url_of(node), **self._options)
        return self._clients[node]


def connect_lean(url: str, **options: Any) -> LeanValkey | LeanCluster:
    """The lean client for a URL of a single server or of a cluster."""
    return LeanCluster(url, **options) if is_cluster(url) else LeanValkey(url, **options)
