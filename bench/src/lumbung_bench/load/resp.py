"""A connection to Valkey with the manners of `Connection`: commands prepared beforehand, replies in order."""

from __future__ import annotations

import socket
from typing import Any
from urllib.parse import unquote, urlsplit

import hiredis

from lumbung_bench.load.connection import CONNECT_S_MAX, RECEIVE_BYTES, Answer, ProtocolError

HELD = 1
"""The first outcome of reserve.lua (`lumbung_stock.stores.journal_codec.Outcome`)."""
OK = 0
FAILED_PRECONDITION = 9


def packed(*parts: str | bytes) -> bytes:
    """A command as it goes over the wire."""
    command: Any = parts  # the stub asks for a tuple of one
    return bytes(hiredis.pack_command(command))


class RespConnection:
    """A 'stream' is a command's number on this connection; its status is 0 when the script granted a hold."""

    going_away = False
    has_room = True
    message_bytes = 0

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._socket = socket.create_connection((parts.hostname, parts.port or 6379), timeout=CONNECT_S_MAX)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reader = hiredis.Reader()
        self._out = bytearray()
        self._sent = self._answered = 0
        if parts.password:
            self._ask(packed("AUTH", unquote(parts.password)))
        self._ask(packed("SELECT", parts.path.strip("/") or "0"))
        self._socket.setblocking(False)

    def fileno(self) -> int:
        """For `select`."""
        return self._socket.fileno()

    @property
    def wants_to_write(self) -> bool:
        """Whether the socket took less than there is."""
        return bool(self._out)

    def open_stream(
        self,
        block: bytes,  # noqa: ARG002 - the other kind of connection has headers
        message: bytes | bytearray | None,
        *,
        ends_stream: bool = True,  # noqa: ARG002
    ) -> int:
        """Sends a command; returns its number."""
        self._out += message or b""
        self._sent += 1
        return self._sent

    def send(self, stream: int, message: bytes | bytearray, *, ends_stream: bool = False) -> None:
        """Valkey has no streams."""
        raise NotImplementedError

    def flush(self) -> None:
        """Hands the socket what it takes."""
        if not self._out:
            return
        try:
            taken = self._socket.send(self._out)
        except BlockingIOError:
            return
        del self._out[:taken]

    def receive(self) -> list[Answer]:
        """The outcomes of commands that were answered. Raises ProtocolError when one failed."""
        try:
            data = self._socket.recv(RECEIVE_BYTES)
        except BlockingIOError:
            return []
        if not data:
            raise ProtocolError("Valkey closed the connection")
        self._reader.feed(data)
        answers: list[Answer] = []
        while (reply := self._reader.gets()) is not False:
            self._answered += 1
            answers.append((self._answered, None, OK if _outcome(reply) == HELD else FAILED_PRECONDITION))
        return answers

    def close(self) -> None:
        """Ends the connection."""
        self._socket.close()

    def _ask(self, command: bytes) -> None:
        """One command and its reply, while the socket still blocks."""
        self._socket.sendall(command)
        self._reader.feed(self._socket.recv(RECEIVE_BYTES))
        _outcome(self._reader.gets())


def _outcome(reply: object) -> object:
    if isinstance(reply, hiredis.ReplyError):
        raise ProtocolError(f"Valkey answered {reply}")
    return reply[0] if isinstance(reply, list) and reply else reply
