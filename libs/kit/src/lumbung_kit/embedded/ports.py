"""Free ports on the loopback interface."""

from __future__ import annotations

import random
import socket
from contextlib import closing

# Below the range from which systems take ports for outgoing connections (Linux from 32768, macOS from 49152),
# so that a server that is down for a moment still finds its port free when it comes back.
_LOWEST_OF_ROWS = 10_000
_LOWEST = 15_000
_HIGHEST = 32_000
_ATTEMPTS_MAX = 200
# Of its own, so that a test that seeds `random` does not make parallel workers draw the same ports.
_draw = random.SystemRandom()


def free_port() -> int:
    """A port that nothing listens on right now."""
    for _ in range(_ATTEMPTS_MAX):
        port = _draw.randint(_LOWEST, _HIGHEST)
        if is_free(port):
            return port
    raise OSError(f"no free port found between {_LOWEST} and {_HIGHEST}")


def free_row(count: int) -> int:
    """The first of so many ports in a row that nothing listens on, where `free_port` gives none to anybody."""
    for _ in range(_ATTEMPTS_MAX):
        first = _draw.randint(_LOWEST_OF_ROWS, _LOWEST - count)
        if all(is_free(first + offset) for offset in range(count)):
            return first
    raise OSError(f"no {count} free ports in a row found between {_LOWEST_OF_ROWS} and {_LOWEST}")


def is_free(port: int) -> bool:
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
