"""The few HTTP/2 frames (RFC 9113) that a client of unary and streaming gRPC needs."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

import hpack

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEAD_BYTES = 9

DATA, HEADERS, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = (
    *(0, 1, 3, 4, 5, 6, 7, 8, 9),
)
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITY = 0x1, 0x1, 0x4, 0x8, 0x20

HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE = 1, 2, 3, 4, 5

REFUSED_STREAM = 7
"""The error code of a stream that the server did not touch."""
WINDOW_BYTES_MAX = 2**31 - 1
DEFAULT_WINDOW_BYTES = 65_535
DEFAULT_FRAME_BYTES_MAX = 16_384

parse_head = struct.Struct("!HBBBL").unpack_from
"""(length / 256, length % 256, kind, flags, stream) of the frame at an offset."""

_SETTING = struct.Struct("!HL")


def head(length: int, kind: int, flags: int) -> bytes:
    """The first five bytes of a frame's head; the stream's number follows."""
    return length.to_bytes(3, "big") + bytes((kind, flags))


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """A whole frame."""
    return head(len(payload), kind, flags) + stream.to_bytes(4, "big") + payload


def settings(values: Mapping[int, int]) -> bytes:
    """A SETTINGS frame."""
    return frame(SETTINGS, 0, 0, b"".join(_SETTING.pack(name, value) for name, value in values.items()))


def parse_settings(payload: bytes) -> dict[int, int]:
    """Setting -> value."""
    return dict(_SETTING.iter_unpack(payload))


def window_update(stream: int, size: int) -> bytes:
    """Allows the peer to send `size` bytes more."""
    return frame(WINDOW_UPDATE, 0, stream, size.to_bytes(4, "big"))


def header_block(headers: Sequence[tuple[str, str]]) -> bytes:
    """Headers as literals that are never indexed: the same bytes are right for every request and connection."""
    return hpack.Encoder().encode([(name, value, True) for name, value in headers], huffman=False)
