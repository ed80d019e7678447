"""Which gRPC status a block of trailers says."""

from __future__ import annotations

import hpack

REMEMBERED_MAX = 4096
UNKNOWN = 2
UNAVAILABLE = 14
BLOCK_BYTES_MAX = 65_536
_NAME = b"\x0bgrpc-status"
"""The name as a literal: its length, and its letters as they are."""
_HUFFMAN = 0x80


class Statuses:
    """Finds the status without decoding the rest, which in a refusal is long and never the same.

    The server was told to keep no header table (SETTINGS_HEADER_TABLE_SIZE 0), so a name is a literal in every block.
    One whose letters are compressed is decoded, each distinct block once; when too many were distinct, they are
    forgotten.
    """

    def __init__(self) -> None:
        self._decoded: dict[bytes, int] = {}

    def of(self, block: bytes) -> int:
        """The number of the status; UNKNOWN when the block has none, as gRPC's clients say."""
        at = block.find(_NAME) + len(_NAME)
        if at >= len(_NAME) and not block[at] & _HUFFMAN:
            return int(block[at + 1 : at + 1 + block[at]])
        status = self._decoded.get(block)
        if status is None:
            status = self._decode(block)
        return status

    def _decode(self, block: bytes) -> int:
        headers = dict(hpack.Decoder(max_header_list_size=BLOCK_BYTES_MAX).decode(block, raw=True))
        status = int(headers.get(b"grpc-status", UNKNOWN))
        if len(self._decoded) >= REMEMBERED_MAX:
            self._decoded.clear()
        self._decoded[block] = status
        return status
