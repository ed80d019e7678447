"""What is measured. Each module lists its CASES."""

from __future__ import annotations

from lumbung_bench.cases import (
    arrivals,
    journal,
    ledger,
    profile,
    recovery,
    rivals,
    script,
    settings,
    unary,
    watchers,
    waves,
)
from lumbung_bench.rounds import Case

ALL: list[Case] = [
    *unary.CASES,
    *arrivals.CASES,
    *script.CASES,
    *settings.CASES,
    *rivals.CASES,
    *journal.CASES,
    *recovery.CASES,
    *ledger.CASES,
    *watchers.CASES,
    *waves.CASES,
    *profile.CASES,
]
