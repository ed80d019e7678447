"""Which account the servers run under, and what that account can reach.

PostgreSQL refuses to run as root. An ordinary user runs everything as themself. Root runs the servers as the
owner of the data folder if that is not root, else as `nobody`. We change the owner only of folders that we
made, and never the mode of a folder that was there before us.
"""

from __future__ import annotations

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Account:
    """uid and gid -1: the account that we already are."""

    uid: int
    gid: int
    name: str

    @property
    def is_ourselves(self) -> bool:
        return self.uid == -1

    def can_use(self, path: Path) -> bool:
        """Whether this account can enter an existing folder, or run a program. Asks the kernel: ACLs count too."""
        command = ["/bin/sh", "-c", 'test -x "$1"', "sh", str(path)]
        if self.is_ourselves:
            return os.access(path, os.X_OK)
        test = subprocess.run(  # noqa: S603 - fixed command, the folder is an argument
            command, user=self.uid, group=self.gid, extra_groups=[], cwd="/", check=False
        )
        return test.returncode == 0

    def own(self, path: Path) -> None:
        """Hands a file or folder that we just made to this account."""
        if not self.is_ourselves:
            os.chown(path, self.uid, self.gid)

    def make_private_folder(self, folder: Path) -> None:
        """Makes `folder` (mode 0700) for this account unless it exists. Its parent must exist."""
        if not folder.exists():
            folder.mkdir(mode=0o700)
            self.own(folder)

    def write_private_file(self, path: Path, content: str) -> None:
        """Writes a file that only this account (and root) can read."""
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(content)
        self.own(path)


def account_for(data_dir: Path) -> Account:
    """The account for servers whose data lie in (or will be made in) `data_dir`."""
    if os.geteuid() != 0:
        return Account(-1, -1, pwd.getpwuid(os.geteuid()).pw_name if _has_name(os.geteuid()) else "you")
    owner = nearest_existing(data_dir).stat().st_uid
    user = pwd.getpwuid(owner) if owner != 0 and _has_name(owner) else pwd.getpwnam("nobody")
    return Account(user.pw_uid, user.pw_gid, user.pw_name)


def nearest_existing(path: Path) -> Path:
    """`path`, or its closest ancestor that exists."""
    return next(folder for folder in (path, *path.parents) if folder.exists())


def _has_name(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True
