"""Rows of the fault matrix that need a tool of the machine; each says what it lacks when it is skipped."""

from __future__ import annotations

from pathlib import Path

import pytest

from lumbung_dev.chaos.special import SPECIAL_ROWS, SpecialRow
from lumbung_dev.chaos.trial import try_out

pytestmark = [pytest.mark.e2e, pytest.mark.chaos]


@pytest.mark.parametrize("row", SPECIAL_ROWS, ids=lambda row: f"{row.number} {row.fault}".replace(" ", "-"))
async def test_row(row: SpecialRow, server_folder: Path, seed: int) -> None:
    if missing := row.missing():
        pytest.skip(missing)
    async with row.open(server_folder) as world:
        finding = await try_out(world, row.play, seed + row.number)
    assert finding.verdict.content, finding.verdict.breaches
    assert not finding.surprises
