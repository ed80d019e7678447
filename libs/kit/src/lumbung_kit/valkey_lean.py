"""A lean Valkey client for the scripts of a hot path: one connection, and every call joins the pipeline.

Commands are packed and replies parsed by hiredis, straight on an asyncio Protocol. What the calls of one turn of the
event loop have to say leaves in one write, replies are matched by their order. Nothing is ever repeated: when the
connection breaks, everything in flight fails, and only the caller knows whether it may ask again.

It speaks to one node. Another node's slot raises Moved or Ask, for a router above. No command that blocks (BLPOP,
XREAD BLOCK) and none that changes the connection (SELECT, SUBSCRIBE, MULTI) may go through it: it is shared.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn, Protocol, TypeAlias, cast

import hiredis
from redis.asyncio.connection import SSLConnection, parse_url
from redis.exceptions import NoScriptError, ResponseError

from lumbung_kit.failures import Overloaded, StoreUnavailable

Part: TypeAlias = "str | bytes | int"

RETRY_AFTER_S: Final = 0.5
BACKOFF_FIRST_S: Final = 0.02
BACKOFF_MAX_S: Final = 0.5
_NOTHING: Final = object()
_UNAVAILABLE: Final = frozenset(
    {
        "LOADING",
        "READONLY",
        "CLUSTERDOWN",
        "MASTERDOWN",
        "TRYAGAIN",
        "MISCONF",
        "NOREPLICAS",
        "NOAUTH",
        "WRONGPASS",
    }
)


class Moved(ResponseError):  # noqa: N818 - as the server names it
    """Another node has this slot; the command was not run."""

    def __init__(self, slot: int, host: str, port: int) -> None:
        super().__init__(f"slot {slot} is served by {host}:{port}")
        self.slot, self.host, self.port = slot, host, port


class Ask(Moved):
    """Another node has this slot's key for the moment: send ASKING and the command there, once."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is and how it wants to be greeted, from a redis:// or rediss:// URL."""

    host: str
    port: int
    options: dict[str, Any] = field(repr=False)

    @classmethod
    def of(cls, url: str) -> Address:
        """Raises ValueError for a URL that redis-py would not take either, and for unix sockets."""
        options: dict[str, Any] = dict(parse_url(url))
        if "path" in options:
            raise ValueError("the lean client speaks TCP: give a redis:// or rediss:// URL")
        return cls(options.get("host", "localhost"), options.get("port", 6379), options)

    def greeting(self, name: str) -> list[tuple[Part, ...]]:
        """What is said before the first command."""
        said: list[tuple[Part, ...]] = []
        if self.options.get("password"):
            username = self.options.get("username")
            said.append(
                ("AUTH", *((username,) if username else ()), self.options["password"]),
            )
        if self.options.get("db"):
            said.append(("SELECT", self.options["db"]))
        said.append(("CLIENT", "SETNAME", name))
        return said

    def tls(self) -> Any:
        """The TLS context that the URL asks for (ssl_ca_certs and so on, as redis-py reads them), or None."""
        if self.options.get("connection_class") is not SSLConnection:
            return None
        named = {key: value for key, value in self.options.items() if key.startswith("ssl_")}
        return SSLConnection(**named).ssl_context.get()


class LeanValkey:
    """A connection made on first use and again after a break, with at most `max_in_flight` calls in it.

    A reply that takes longer than `reply_timeout_s` breaks the connection: those behind it would wait as long.
    """

    def __init__(
        self,
        url: str,
        *,
        name: str = "lumbung",
        max_in_flight: int = 10_000,
        connect_timeout_s: float = 1.0,
        reply_timeout_s: float = 2.0,
    ) -> None:
        self.address = Address.of(url)
        self._tls = self.address.tls()
        self._name = name
        self._max_in_flight = max_in_flight
        self._connect_timeout_s = connect_timeout_s
        self._reply_timeout_s = reply_timeout_s
        self._connection: _Connection | None = None
        self._connecting: asyncio.Task[_Connection] | None = None
        self._waiting = 0
        self._failures = 0
        self._closed = False

    async def call(self, *parts: Part) -> Any:
        """One command's reply, as bytes, int, None and lists of them.

        Raises StoreUnavailable (the command may have taken effect), Overloaded (it was not sent), Moved, Ask
        and ResponseError. A caller that is cancelled leaves its reply to nobody; the others keep theirs.
        """
        connection = await self._ready()
        reply = await connection.send(_packed(parts))
        if isinstance(reply, hiredis.ReplyError):
            raise _error_of(str(reply))
        return reply

    async def call_all(self, commands: Sequence[Sequence[Part]]) -> list[Any]:
        """The replies to commands that leave together, each as `call` gives it; what the server complained about is an
        exception in its place.

        Raises StoreUnavailable and Overloaded, as `call`.
        """
        connection = await self._ready(len(commands))
        replies = await asyncio.gather(*[connection.send(_packed(tuple(parts))) for parts in commands])
        return [_error_of(str(each)) if isinstance(each, hiredis.ReplyError) else each for each in replies]

    async def call_asking(self, *parts: Part) -> Any:
        """As `call`, for a key that is on its way to this node: what Ask wants."""
        connection = await self._ready()
        allowed, answer = connection.send(_packed(("ASKING",))), connection.send(_packed(parts))
        _, reply = await asyncio.gather(allowed, answer)
        if isinstance(reply, hiredis.ReplyError):
            raise _error_of(str(reply))
        return reply

    def script(self, source: str) -> LeanScript:
        """A script to be called by its hash."""
        return LeanScript(self, source)

    async def aclose(self) -> None:
        """Takes no more calls, and returns when those in flight have their replies, or have run out of time."""
        self._closed = True
        if self._connecting is not None:
            self._connecting.cancel()
        if self._connection is not None:
            await self._connection.drain_and_close()

    async def _ready(self, commands: int = 1) -> _Connection:
        connection = self._connection
        if connection is None or connection.broken or self._closed:
            connection = await self._connected()
        if connection.in_flight + commands > self._max_in_flight:
            raise Overloaded(retry_after_s=RETRY_AFTER_S)
        return connection

    async def _connected(self) -> _Connection:
        """The connection; those who find none share one attempt."""
        if self._closed:
            raise StoreUnavailable("This client of the store has been closed.")
        if self._waiting >= self._max_in_flight:
            raise Overloaded(retry_after_s=RETRY_AFTER_S)
        if self._connecting is None or self._connecting.done():
            self._connecting = asyncio.create_task(self._connect(), name="connect to valkey")
            self._connecting.add_done_callback(_look_at_error)
        self._waiting += 1
        try:
            return await asyncio.shield(self._connecting)
        except asyncio.CancelledError as error:
            if self._attempt_was_ended():
                _unavailable(error)
            raise
        finally:
            self._waiting -= 1

    def _attempt_was_ended(self) -> bool:
        """Whether a close cancelled the attempt, and nobody its caller."""
        task = asyncio.current_task()
        return self._closed and not (task is not None and task.cancelling())

    async def _connect(self) -> _Connection:
        """Waits a little after failures, so that a server that comes up is not run over."""
        if self._failures:
            longest_s = min(BACKOFF_MAX_S, BACKOFF_FIRST_S * 2.0 ** min(self._failures, 10))
            await asyncio.sleep(random.uniform(longest_s / 2, longest_s))
        connection = _Connection(self._reply_timeout_s)
        try:
            async with asyncio.timeout(self._connect_timeout_s):
                await self._greet(connection)
        except (OSError, TimeoutError, StoreUnavailable) as error:
            self._failures += 1
            connection.break_off()
            _unavailable(error)
        except BaseException:
            connection.break_off()
            raise
        self._failures = 0
        self._connection = connection
        return connection

    async def _greet(self, connection: _Connection) -> None:
        await asyncio.get_running_loop().create_connection(
            lambda: connection, self.address.host, self.address.port, ssl=self._tls
        )
        said = [connection.send(_packed(parts)) for parts in self.address.greeting(self._name)]
        for reply in await asyncio.gather(*said):
            if isinstance(reply, hiredis.ReplyError):
                raise _error_of(str(reply))


class Calls(Protocol):
    """Whatever sends one command: a LeanValkey, or a router over several."""

    async def call(self, *parts: Part) -> Any:
        """The command's reply."""

    async def call_all(self, commands: Sequence[Sequence[Part]]) -> list[Any]:
        """Their replies, in order; an exception in the place of what the server complained about."""


class LeanScript:
    """A Lua script; called as `lumbung_kit.valkey.Script` is, with raw replies."""

    def __init__(self, client: Calls, source: str) -> None:
        self._client = client
        self._source = source
        self._sha = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()

    async def __call__(self, keys: Sequence[str], args: Sequence[Part] = ()) -> Any:
        """What the script returns. Raises as `LeanValkey.call`, and ResponseError for a mistake in it."""
        try:
            return await self._client.call("EVALSHA", self._sha, len(keys), *keys, *args)
        except NoScriptError:  # nothing was run: a restarted or promoted server, or the first call
            return await self._client.call("EVAL", self._source, len(keys), *keys, *args)

    async def many(self, keys: Sequence[str], calls: Sequence[Sequence[Part]]) -> list[Any]:
        """What the script returns to each, in one exchange with the server. Raises as `__call__`, if one fails."""
        said = await self._client.call_all(
            [("EVALSHA", self._sha, len(keys), *keys, *args) for args in calls]
        )
        for index, reply in enumerate(said):
            if isinstance(reply, NoScriptError):
                said[index] = await self(keys, calls[index])
            elif isinstance(reply, Exception):
                raise reply
        return said


class _Connection(asyncio.Protocol):
    """Commands out, replies in, in the same order."""

    def __init__(self, reply_timeout_s: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader(notEnoughData=_NOTHING)
        self._transport: asyncio.Transport | None = None
        self._outgoing: list[bytes] = []
        self._waiting: deque[tuple[asyncio.Future[Any], float]] = deque()
        self._reply_timeout_s = reply_timeout_s
        self._timer: asyncio.TimerHandle | None = None
        self._drained: asyncio.Future[None] | None = None
        self.broken = False

    @property
    def in_flight(self) -> int:
        """Commands whose reply has not come."""
        return len(self._waiting)

    def send(self, packed: bytes) -> asyncio.Future[Any]:
        """The reply to come. Everything sent in this turn of the event loop leaves together."""
        reply: asyncio.Future[Any] = self._loop.create_future()
        if self.broken:
            reply.set_exception(StoreUnavailable(retry_after_s=RETRY_AFTER_S))
            return reply
        self._waiting.append((reply, self._loop.time()))
        self._outgoing.append(packed)
        if len(self._outgoing) == 1:
            self._loop.call_soon(self._flush)
        if self._timer is None:
            self._timer = self._loop.call_later(self._reply_timeout_s, self._look_for_late_replies)
        return reply

    async def drain_and_close(self) -> None:
        """Waits for the replies in flight, which come or run out of time."""
        if self._waiting and not self.broken:
            self._drained = self._loop.create_future()
            await self._drained
        self.break_off()

    def break_off(self) -> None:
        """Ends the connection; whoever waits hears that the store is away."""
        self.broken = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._transport is not None:
            self._transport.abort()
        while self._waiting:
            reply, _ = self._waiting.popleft()
            if not reply.done():
                reply.set_exception(StoreUnavailable(retry_after_s=RETRY_AFTER_S))
        self._note_drained()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        self._transport = cast(asyncio.Transport, transport)
        if self.broken:  # given up while it was being made
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Called by the loop: hands each reply to whoever waits longest."""
        try:
            self._reader.feed(data)
            while (reply := self._reader.gets()) is not _NOTHING:
                waiting, _ = self._waiting.popleft()
                if not waiting.done():  # else its caller was cancelled
                    waiting.set_result(reply)
        except (hiredis.ProtocolError, IndexError):  # no RESP, or more replies than commands
            self.break_off()
        if not self._waiting:
            self._note_drained()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the loop passes it
        """Called by the loop."""
        self.break_off()

    def _flush(self) -> None:
        outgoing, self._outgoing = self._outgoing, []
        if self._transport is not None and not self.broken:
            self._transport.writelines(outgoing)

    def _look_for_late_replies(self) -> None:
        """One timer for all: the oldest command is the first whose reply can be late."""
        self._timer = None
        if not self._waiting:
            return
        left_s = self._waiting[0][1] + self._reply_timeout_s - self._loop.time()
        if left_s <= 0:
            self.break_off()
        else:
            self._timer = self._loop.call_later(left_s, self._look_for_late_replies)

    def _note_drained(self) -> None:
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)


def _packed(parts: tuple[Part, ...]) -> bytes:
    packed: bytes = hiredis.pack_command(parts)  # type: ignore[arg-type]  # its stub knows tuples of one only
    return packed


def _error_of(text: str) -> Exception:
    """The server's complaint as one of ours, by its first word."""
    code, _, rest = text.partition(" ")
    if code == "NOSCRIPT":
        return NoScriptError(text)
    if code in ("MOVED", "ASK"):
        slot, _, node = rest.partition(" ")
        host, _, port = node.rpartition(":")
        return (Moved if code == "MOVED" else Ask)(int(slot), host, int(port))
    if code in _UNAVAILABLE:
        return StoreUnavailable(retry_after_s=RETRY_AFTER_S)
    if code == "OOM":  # a script meets it at its first write, so nothing was written
        return Overloaded(retry_after_s=RETRY_AFTER_S)
    return ResponseError(text)


def _unavailable(cause: BaseException | None) -> NoReturn:
    raise StoreUnavailable(retry_after_s=RETRY_AFTER_S) from cause


def _look_at_error(task: asyncio.Task[Any]) -> None:
    """Whoever waited has it; asyncio must not complain when all of them have gone."""
    if not task.cancelled():
        task.exception()
