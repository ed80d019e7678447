"""Row 22: a standby that lacks the last commits takes over. It is noticed, and nothing is sold until a person looks."""

from __future__ import annotations

from pathlib import Path

import pytest

from lumbung.stock.v1 import flash_sales_pb2 as pb
from lumbung_dev.chaos.buyers import Buyers
from lumbung_dev.chaos.checker import Promise, check
from lumbung_dev.chaos.failover import Pair, open_pair
from lumbung_dev.chaos.history import History, Verb
from lumbung_dev.chaos.world import PATIENCE_S
from lumbung_dev.local.patience import eventually, patiently

pytestmark = [pytest.mark.e2e, pytest.mark.chaos]

LOST_ANSWERS = 60


async def halted(pair: Pair) -> bool:
    return await pair.world.scalar("SELECT count(*) FROM flash_sale WHERE halted_since IS NOT NULL") == 1


async def test_a_lost_suffix_of_commits_halts_the_sale(server_folder: Path, seed: int) -> None:
    async with open_pair(server_folder) as pair:
        history = History()
        buyers = Buyers(pair.world, history, seed)
        async with buyers.shopping():
            await buyers.more(LOST_ANSWERS)
            await pair.lose(buyers, LOST_ANSWERS)
            await pair.promote()
            await eventually(lambda: halted(pair), "the sale is halted", within_s=PATIENCE_S)
            told = len(history.told(Verb.RESERVE, "HELD"))
            request = pb.OpenFlashSaleRequest(request_id="resume", flash_sale_code=pair.world.sale)
            await patiently(pair.world.sales().OpenFlashSale, request)
            await buyers.more(LOST_ANSWERS)
        truth = await pair.world.truth()
    verdict = check(history, truth)
    lost = {breach.promise for breach in verdict.breaches}
    assert lost & {Promise.LOST_HOLD, Promise.LOST_CONFIRM}, (
        "the standby lacked nothing: the test tried nothing"
    )
    assert Promise.OVERSOLD not in lost
    assert len(history.told(Verb.RESERVE, "HELD")) > told, "it went on when a person had looked"
    assert not buyers.surprises
