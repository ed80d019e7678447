"""The fault matrix, row by row: buyers before, during and after each fault, judged by what they were told."""

from __future__ import annotations

import pytest
from _pytest.mark import ParameterSet

from lumbung_dev.chaos.rows import ROWS, Row
from lumbung_dev.chaos.trial import try_out
from lumbung_dev.chaos.world import World

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


def cases(*, on_cluster: bool) -> list[ParameterSet]:
    return [
        pytest.param(
            row,
            id=f"{row.number} {row.fault}".replace(" ", "-"),
            marks=[pytest.mark.chaos] if row.long else [],
        )
        for row in ROWS
        if row.on_cluster is on_cluster
    ]


@pytest.mark.parametrize("row", cases(on_cluster=False))
async def test_row(world: World, row: Row, seed: int) -> None:
    finding = await try_out(world, row.play, seed + row.number)
    assert finding.verdict.content, finding.verdict.breaches
    assert not finding.surprises


@pytest.mark.parametrize("row", cases(on_cluster=True))
async def test_row_on_a_cluster(cluster_world: World, row: Row, seed: int) -> None:
    finding = await try_out(cluster_world, row.play, seed + row.number)
    assert finding.verdict.content, finding.verdict.breaches
    assert not finding.surprises
