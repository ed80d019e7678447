"""Where things lie in a checkout."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]
DATA = ROOT / ".lumbung"


def migrations_of(service: str) -> Path:
    """A service's own migrations; `service` as its folder is called, such as `channel-sync`."""
    return ROOT / "services" / service / "migrations"
