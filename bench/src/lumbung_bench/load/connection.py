"""One HTTP/2 connection, as little of it as gRPC needs, made to cost little.

A request is bytes prepared beforehand, and an answer is read by its frames' heads alone: no header is decoded twice,
no object is made per frame. It gives itself a receive window that never fills, and keeps to the server's windows,
its largest frame and its number of streams.
"""

from __future__ import annotations

import socket
from collections import deque
from dataclasses import dataclass

from lumbung_bench.load import frames
from lumbung_bench.load.statuses import UNAVAILABLE, Statuses

RECEIVE_BYTES = 262_144
"""Twice the largest frame that the server may send, so that what is left of one never fills the buffer."""
STREAMS_MAX = 2**30
CONNECT_S_MAX = 5.0
NOT_TAKEN = -1
"""Instead of a status: the server says that it never looked at the call, which may be sent again (RFC 9113, 8.7)."""
_TOP_UP_BYTES = 2**30

Answer = tuple[int, bytes | None, int | None]
"""(stream, message, None) for a message when bodies are kept; (stream, None, gRPC status) at the stream's end."""


class ProtocolError(Exception):
    """The server sent what this client does not understand, or closed the connection unasked."""


@dataclass(slots=True)
class _Outgoing:
    """A message that waits for the server's flow control."""

    stream: int
    message: bytes
    ends_stream: bool
    sent: int = 0


class Connection:
    """Send with `open_stream`, `flush` what was sent, and `receive` when the socket is readable."""

    def __init__(self, host: str, port: int, *, keep_messages: bool = False) -> None:
        self.streams_max = STREAMS_MAX
        self.going_away = False
        self.message_bytes = 0
        self._keep_messages = keep_messages
        self._parts: dict[int, bytearray] = {}
        self._statuses = Statuses()
        self._answers: list[Answer] = []
        self._blocks: dict[int, bytearray] = {}
        self._next_stream = 1
        self._open: set[int] = set()
        self._heads: dict[int, bytes] = {}
        self._out = bytearray()
        self._waiting: deque[_Outgoing] = deque()
        self._window = frames.DEFAULT_WINDOW_BYTES
        self._stream_window = frames.DEFAULT_WINDOW_BYTES
        self._windows: dict[int, int] = {}
        self._frame_max = frames.DEFAULT_FRAME_BYTES_MAX
        self._since_top_up = 0
        self._in = bytearray(RECEIVE_BYTES)
        self._in_end = 0
        self._greeted = False
        self._socket = socket.create_connection((host, port), timeout=CONNECT_S_MAX)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._greet()

    def fileno(self) -> int:
        """For `select`."""
        return self._socket.fileno()

    @property
    def wants_to_write(self) -> bool:
        """Whether the socket took less than there is."""
        return bool(self._out)

    @property
    def has_room(self) -> bool:
        """Whether another stream may be opened."""
        return len(self._open) < self.streams_max and not self.going_away

    def close(self) -> None:
        """Ends the connection; streams that are open are lost."""
        self._socket.close()

    # Sending

    def open_stream(
        self, block: bytes, message: bytes | bytearray | None, *, ends_stream: bool = True
    ) -> int:
        """Opens a stream with these headers, and sends the message; returns the stream's number.

        `ends_stream=False` leaves it open for `send`.
        """
        stream = self._next_stream
        self._next_stream += 2
        self._open.add(stream)
        number = stream.to_bytes(4, "big")
        self._out += self._head(len(block), frames.HEADERS, frames.END_HEADERS) + number + block
        if message is None:
            self._windows[stream] = self._stream_window
        elif ends_stream and not self._waiting and self._fits(size := len(message)):
            self._window -= size
            self._out += self._head(size, frames.DATA, frames.END_STREAM) + number + message
        else:
            self._windows[stream] = self._stream_window
            self.send(stream, message, ends_stream=ends_stream)
        return stream

    def send(self, stream: int, message: bytes | bytearray, *, ends_stream: bool = False) -> None:
        """Sends a message on a stream that was left open, as the server's windows allow."""
        self._waiting.append(_Outgoing(stream, bytes(message), ends_stream))
        self._send_waiting()

    def flush(self) -> None:
        """Hands the socket what it takes."""
        if not self._out:
            return
        try:
            taken = self._socket.send(self._out)
        except BlockingIOError:
            return
        del self._out[:taken]

    def _fits(self, size: int) -> bool:
        return size <= self._window and size <= self._stream_window and size <= self._frame_max

    def _head(self, size: int, kind: int, flags: int) -> bytes:
        key = size << 16 | kind << 8 | flags
        known = self._heads.get(key)
        if known is None:
            known = self._heads[key] = frames.head(size, kind, flags)
        return known

    def _send_waiting(self) -> None:
        """Sends what the windows allow; one whose own window is shut lets those behind it pass."""
        still: deque[_Outgoing] = deque()
        while self._waiting and self._window > 0:
            outgoing = self._waiting.popleft()
            if not self._send_some(outgoing):
                still.append(outgoing)
        self._waiting = still + self._waiting

    def _send_some(self, outgoing: _Outgoing) -> bool:
        """True when all of it is sent, or nobody wants it any more."""
        stream, total = outgoing.stream, len(outgoing.message)
        while outgoing.sent < total:
            if stream not in self._windows:
                return True
            size = min(total - outgoing.sent, self._frame_max, self._window, self._windows[stream])
            if size <= 0:
                return False
            part = outgoing.message[outgoing.sent : outgoing.sent + size]
            outgoing.sent += size
            self._window -= size
            self._windows[stream] -= size
            ends = frames.END_STREAM if outgoing.ends_stream and outgoing.sent == total else 0
            self._out += frames.frame(frames.DATA, ends, stream, part)
        return True

    # Receiving

    def receive(self) -> list[Answer]:
        """What came in. Raises ProtocolError when the server is gone or speaks what we do not understand."""
        try:
            received = self._socket.recv_into(memoryview(self._in)[self._in_end :])
        except BlockingIOError:
            return []
        if not received:
            if self.going_away and not self._open:
                return []
            raise ProtocolError(f"the server closed the connection with {len(self._open)} calls in flight")
        self._parse(self._in_end + received)
        self._top_up(received)
        answers, self._answers = self._answers, []
        return answers

    def _parse(self, end: int) -> None:
        buffer, at = self._in, 0
        while end - at >= frames.HEAD_BYTES:
            high, low, kind, flags, stream = frames.parse_head(buffer, at)
            start = at + frames.HEAD_BYTES
            stop = start + (high << 8) + low
            if stop > end:
                break
            at = stop
            if kind == frames.DATA:
                self._take_data(stream, flags, start, stop)
            elif kind == frames.HEADERS and flags & frames.END_STREAM and flags & frames.END_HEADERS:
                self._end_stream(stream, flags, start, stop)
            else:
                self._take_other(kind, flags, stream, bytes(buffer[start:stop]))
        if at:
            buffer[: end - at] = buffer[at:end]
        self._in_end = end - at

    def _take_data(self, stream: int, flags: int, start: int, stop: int) -> None:
        if flags & frames.PADDED:
            raise ProtocolError("padded frames are not understood")
        self.message_bytes += stop - start
        if self._keep_messages:
            self._collect(stream, start, stop)
        if flags & frames.END_STREAM:  # the server owes trailers; without them the call has no status
            self._answer(stream, UNAVAILABLE)

    def _collect(self, stream: int, start: int, stop: int) -> None:
        """Adds to the stream's messages, and hands on those that are whole."""
        parts = self._parts.setdefault(stream, bytearray())
        parts += memoryview(self._in)[start:stop]
        at = 0
        while len(parts) - at >= 5:
            end = at + 5 + int.from_bytes(parts[at + 1 : at + 5], "big")
            if end > len(parts):
                break
            self._answers.append((stream, bytes(parts[at + 5 : end]), None))
            at = end
        del parts[:at]

    def _end_stream(self, stream: int, flags: int, start: int, stop: int) -> None:
        if flags & (frames.PADDED | frames.PRIORITY):
            raise ProtocolError("padded frames and priorities are not understood")
        self._answer(stream, self._statuses.of(bytes(self._in[start:stop])))

    def _answer(self, stream: int, status: int) -> None:
        if stream not in self._open:  # a reset may follow the answer
            return
        self._open.remove(stream)
        self._parts.pop(stream, None)
        self._windows.pop(stream, None)
        self._answers.append((stream, None, status))

    def _take_other(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == frames.WINDOW_UPDATE:
            self._grow_window(stream, int.from_bytes(payload, "big"))
        elif kind == frames.PING and not flags & frames.ACK:
            self._out += frames.frame(frames.PING, frames.ACK, 0, payload)
        elif kind == frames.SETTINGS and not flags & frames.ACK:
            self._take_settings(frames.parse_settings(payload))
        elif kind == frames.RST_STREAM:
            untouched = int.from_bytes(payload, "big") == frames.REFUSED_STREAM
            self._answer(stream, NOT_TAKEN if untouched else UNAVAILABLE)
        elif kind == frames.GOAWAY:
            self._go_away(int.from_bytes(payload[:4], "big"))
        elif kind == frames.CONTINUATION or (kind == frames.HEADERS and not flags & frames.END_HEADERS):
            raise ProtocolError("headers of more than one frame are not understood")

    def _grow_window(self, stream: int, size: int) -> None:
        if stream == 0:
            self._window += size
        elif stream in self._windows:
            self._windows[stream] += size
        self._send_waiting()

    def _take_settings(self, values: dict[int, int]) -> None:
        self._greeted = True
        self.streams_max = values.get(frames.MAX_CONCURRENT_STREAMS, self.streams_max)
        self._frame_max = values.get(frames.MAX_FRAME_SIZE, self._frame_max)
        window = values.get(frames.INITIAL_WINDOW_SIZE, self._stream_window)
        for stream in self._windows:
            self._windows[stream] += window - self._stream_window
        self._stream_window = window
        self._out += frames.frame(frames.SETTINGS, frames.ACK, 0)
        self._send_waiting()

    def _go_away(self, last_stream: int) -> None:
        """The server finishes streams up to `last_stream`; it never looked at later ones."""
        self.going_away = True
        for stream in [stream for stream in self._open if stream > last_stream]:
            self._answer(stream, NOT_TAKEN)

    def _top_up(self, received: int) -> None:
        """The receive window is two gigabytes; it is filled again after the first."""
        self._since_top_up += received
        if self._since_top_up > _TOP_UP_BYTES:
            self._out += frames.window_update(0, self._since_top_up)
            self._since_top_up = 0

    def _greet(self) -> None:
        """Exchanges settings; from then on the socket never blocks."""
        self._out += frames.PREFACE
        self._out += frames.settings(
            {
                frames.HEADER_TABLE_SIZE: 0,
                frames.ENABLE_PUSH: 0,
                frames.INITIAL_WINDOW_SIZE: frames.WINDOW_BYTES_MAX,
                frames.MAX_FRAME_SIZE: RECEIVE_BYTES // 2,
            }
        )
        self._out += frames.window_update(0, frames.WINDOW_BYTES_MAX - frames.DEFAULT_WINDOW_BYTES)
        while not self._greeted:
            self.flush()
            self.receive()
        self.flush()
        self._socket.setblocking(False)
