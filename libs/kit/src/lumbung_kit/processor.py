"""How much of a processor this process is given, and how much more it could use."""

from __future__ import annotations

import time
from pathlib import Path

_SCHEDULER = Path("/proc/thread-self/schedstat")


def wanted_s() -> float:
    """Seconds of a processor that this process has wanted in its life: those that it was given, and those for which
    the calling thread stood in line for one, which only Linux tells.

    A process that others on the machine starve uses little and wants much.
    """
    return time.process_time() + _stood_in_line_s()


def _stood_in_line_s() -> float:
    try:
        _, waited_ns, _ = _SCHEDULER.read_text(encoding="ascii").split()
    except (OSError, ValueError):  # another system, or a kernel that keeps no account
        return 0.0
    return int(waited_ns) / 1e9
