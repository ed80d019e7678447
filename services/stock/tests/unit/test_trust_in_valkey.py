"""What the service does not believe Valkey: that it has kept something."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

ASKS = re.compile(r"(?i:\bwaitaof\b)|[\"']WAIT\b|\bclient\.wait\(")
"""WAIT and WAITAOF, as a command, in a script, or as a method of the client."""


def test_nothing_asks_valkey_whether_it_has_kept_something() -> None:
    """`WAITAOF` has been seen to return without an fsync, and both speak only for the connection that asks.

    What must last is in Postgres before its caller hears of it; what is not, may be lost (soft holds).
    """
    sources = [
        path
        for package in ("lumbung_stock", "lumbung_kit")
        for path in Path(str(files(package))).rglob("*")
        if path.suffix in (".py", ".lua")
    ]
    assert len(sources) > 100
    assert [path.name for path in sources if ASKS.search(path.read_text(encoding="utf-8"))] == []
