"""Which gRPC status a block of trailers says."""

from __future__ import annotations

import hpack

REMEMBERED_MAX = 4096
UNKNOWN = 2
UNAVAILABLE = 14
BLOCK_BYTES_MAX = 65_536


class Statuses:
    """Decodes each distinct block once.

    The server was told to keep no header table (SETTINGS_HEADER_TABLE_SIZE 0), so a block means the same whenever
    it comes, and the many equal ones are a look-up. Refusals that differ from call to call fill the memory up, which
    is then forgotten.
    """

    def __init__(self) -> None:
        self._known: dict[bytes, int] = {}

    def of(self, block: bytes) -> int:
        """The number of the status; UNKNOWN when the block has none, as gRPC's clients say."""
        status = self._known.get(block)
        if status is None:
            status = self._decode(block)
        return status

    def _decode(self, block: bytes) -> int:
        headers = dict(hpack.Decoder(max_header_list_size=BLOCK_BYTES_MAX).decode(block, raw=True))
        status = int(headers.get(b"grpc-status", UNKNOWN))
        if len(self._known) >= REMEMBERED_MAX:
            self._known.clear()
        self._known[block] = status
        return status
