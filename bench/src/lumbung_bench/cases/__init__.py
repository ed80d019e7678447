"""What is measured. Each module lists its CASES."""

from __future__ import annotations

from lumbung_bench.cases import unary
from lumbung_bench.rounds import Comparison

ALL: list[Comparison] = [*unary.CASES]
