"""Only one run at a time in one data folder."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lumbung_dev.local.trouble import Trouble


@contextmanager
def sole_user_of(folder: Path) -> Iterator[None]:
    """Holds the folder's lock; a folder that another run holds is refused with that run's process id."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "run.lock"
    with path.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = path.read_text().strip() or "unknown"
            raise Trouble(
                f"Lumbung is already running in {folder} (process {holder}). "
                "Stop it with Ctrl-C there, or name another folder with --data."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
