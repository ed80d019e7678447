"""Strict types over every package, one mypy run each so that same-named test modules never meet."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ["libs/kit/src", "dev/src", "bench/src", *sorted(str(p.relative_to(ROOT)) for p in ROOT.glob("services/*/src"))]


def main() -> int:
    return subprocess.run([sys.executable, "-m", "mypy", *SOURCES], cwd=ROOT).returncode


if __name__ == "__main__":
    sys.exit(main())
