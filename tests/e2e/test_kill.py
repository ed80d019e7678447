"""Each service is killed in the middle of a sale on three channels; nothing that was acknowledged is lost."""

from __future__ import annotations

import pytest

from lumbung_dev.demo.act2_sale import hold_the_sale
from lumbung_dev.demo.diary import Ending
from lumbung_dev.demo.reckoning import reckon
from lumbung_dev.local.databases import SERVICES
from lumbung_dev.local.system import LocalSystem
from lumbung_dev.local.traces import TraceCollector
from lumbung_dev.trial.small_play import HANDFUL, small_play

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


@pytest.mark.parametrize("service", SERVICES)
async def test_killing_a_service_during_a_sale_loses_nothing_that_was_acknowledged(
    system: LocalSystem, collector: TraceCollector, seed: int, service: str
) -> None:
    before = system.runner.pids[service]
    async with small_play(system, collector, seed=seed, chaos=service) as play:
        sale = await hold_the_sale(play)
        reckoning = await reckon(play)
    assert system.runner.pids[service] != before
    assert sale.mishap is not None
    assert sale.mishap.sold_before >= HANDFUL.quota // 4
    assert reckoning.broken == []
    assert reckoning.oversold == 0
    on_sale = sum(page.buyer.wants_sale for page in play.diary.ended(Ending.SOLD))
    assert 0 < on_sale <= HANDFUL.quota
