"""What is measured. Each module lists its CASES."""

from __future__ import annotations

from lumbung_bench.cases import rivals, settings, unary
from lumbung_bench.rounds import Case

ALL: list[Case] = [*unary.CASES, *settings.CASES, *rivals.CASES]
