"""Strict types over every package, one mypy run each so that same-named test modules never meet."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("libs/*/src", "dev/src", "bench/src", "examples/python", "services/*/src")
SOURCES = [str(path.relative_to(ROOT)) for pattern in PACKAGES for path in sorted(ROOT.glob(pattern))]


def main() -> int:
    return subprocess.run([sys.executable, "-m", "mypy", *SOURCES], cwd=ROOT).returncode


if __name__ == "__main__":
    sys.exit(main())
