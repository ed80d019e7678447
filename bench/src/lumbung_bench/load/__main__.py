"""`python -m lumbung_bench.load`: a LoadSpec on standard input, a LoadReport on standard output."""

from __future__ import annotations

import sys

from lumbung_bench.load.drive import Drive
from lumbung_bench.load.spec import LoadSpec

if __name__ == "__main__":
    sys.stdout.write(Drive(LoadSpec.from_json(sys.stdin.read())).run().to_json())
