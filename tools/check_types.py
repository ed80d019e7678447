"""Strict types over every package, one mypy run each so that same-named test modules never meet."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SERVICES = sorted(str(folder.relative_to(ROOT)) for folder in ROOT.glob("services/*/src"))
SOURCES = ["libs/kit/src", "dev/src", "bench/src", *SERVICES]


def main() -> int:
    return subprocess.run([sys.executable, "-m", "mypy", *SOURCES], cwd=ROOT).returncode


if __name__ == "__main__":
    sys.exit(main())
