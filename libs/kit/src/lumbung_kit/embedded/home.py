"""Where the servers' files live, and that only one supervisor uses them at a time."""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from pathlib import Path
from typing import IO

from lumbung_kit.embedded.account import Account, nearest_existing
from lumbung_kit.embedded.process import EmbeddedServerError

_MOVED_NOTE = "MOVED.txt"
_LOCK_NAME = "supervisor.lock"


class Home:
    """The folder with the servers' files, locked by us until `release`.

    Normally the folder that the caller named. When root runs it in a place that the servers' account cannot
    enter (a checkout under /root, whose mode is 700), the files live under /var/tmp instead, in a folder
    named after the one wanted; a note in the wanted folder says where.
    """

    def __init__(self, wanted: Path, account: Account) -> None:
        wanted = wanted.absolute()
        if account.can_use(nearest_existing(wanted)):
            self.folder = wanted
        else:
            self.folder = spare_folder() / _name_for(wanted)
            wanted.mkdir(parents=True, exist_ok=True)
            (wanted / _MOVED_NOTE).write_text(
                f"{account.name} cannot enter this folder, so the servers' files are in {self.folder}\n"
            )
        owner = nearest_existing(self.folder).stat().st_uid
        made = _make(self.folder)
        self._lock = _lock(self.folder)
        if owner == account.uid:  # root works in somebody's folder: leave nothing there that they cannot use
            for path in (*made, self.folder / _LOCK_NAME):
                account.own(path)

    def release(self) -> None:
        """Lets another supervisor use the folder."""
        self._lock.close()


def spare_folder() -> Path:
    """A folder of ours that every account can enter and nobody else can write: /var/tmp/lumbung-<uid>.

    Raises EmbeddedServerError when somebody else made it.
    """
    base = Path("/var/tmp")  # noqa: S108 - owner and mode are checked below
    folder = (base if base.is_dir() else Path(tempfile.gettempdir())) / f"lumbung-{os.geteuid()}"
    _make(folder)
    stat = folder.lstat()
    if stat.st_uid != os.geteuid() or stat.st_mode & 0o022 or folder.is_symlink():
        raise EmbeddedServerError(
            f"{folder} belongs to somebody else or others can write in it; remove it and start again"
        )
    return folder


def _make(folder: Path) -> list[Path]:
    """Like `mkdir -p`, with the folders that we make open for entering, whatever the umask. Those that were made."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir()
        path.chmod(0o755)
    return missing


def _name_for(wanted: Path) -> str:
    return f"{wanted.name.strip('.') or 'data'}-{hashlib.sha256(os.fsencode(wanted)).hexdigest()[:12]}"


def _lock(folder: Path) -> IO[str]:
    lock = (folder / _LOCK_NAME).open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise EmbeddedServerError(
            f"another run is using {folder}; stop it first, or name another data folder"
        ) from None
    return lock
