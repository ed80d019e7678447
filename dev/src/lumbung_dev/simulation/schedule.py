"""One seed, one story: a sale, its buyers, and everything that goes wrong meanwhile."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from lumbung_dev.simulation.buyers import Buyers
from lumbung_dev.simulation.history import History
from lumbung_dev.simulation.memory_gate import MemoryGate
from lumbung_dev.simulation.memory_ledger import EPOCH_START, MemoryLedger
from lumbung_dev.simulation.process import Process
from lumbung_dev.simulation.verdict import broken_promises, disagreement
from lumbung_dev.simulation.virtual_time import VirtualTimeLoop
from lumbung_dev.simulation.wire import Weather
from lumbung_kit.failures import Failure
from lumbung_stock.domain.flash_sales import FlashSale, FlashSaleItem, FlashSaleState

CODE: Final = "SALE"
SKUS: Final = ["CABLE", "PB"]
REPLICAS: Final = 2
BUYERS_MAX: Final = 12
FAULTS_MAX: Final = 6
TROUBLE_S: Final = 8.0
"""How long faults go on; the buyers come in the same time."""
MOMENTS: Final = 2
RECOVERY_S_MAX: Final = 5.0
"""The one who recovers may have been stopped too."""
CROWD_S: Final = 0.1
REST_S: Final = 60
"""Then everything works, and within this time all must be settled: no unit may leak for longer than a minute."""


@dataclass(frozen=True, slots=True)
class Story:
    """What came of one seed."""

    seed: int
    broken: tuple[str, ...]
    diary: tuple[str, ...]
    requests: int


class Stage:
    """The stores, the processes and the weather of one schedule."""

    def __init__(self, rng: random.Random, only: str) -> None:
        clock = asyncio.get_running_loop().time
        self.rng = rng
        self._only = only
        self.history = History(clock)
        self.weather = Weather(rng)
        self.gate = MemoryGate()
        self.ledger = MemoryLedger(_sale(rng), clock)
        self._disagreement = ""
        self._moments = [rng.uniform(0, TROUBLE_S) for _ in range(MOMENTS)]
        self._killed: list[Process] = []
        self.processes = [self._process() for _ in range(REPLICAS)]
        self.buyers = Buyers(rng, self.history, lambda: self.processes, CODE)

    def _process(self) -> Process:
        return Process(self.gate, self.ledger, self.weather, self.look)

    # What goes wrong

    async def misfortune(self) -> None:
        """One of them, some time into the trouble."""
        await self._busy_moment()
        faults = [
            fault
            for fault in (
                self._valkey_loses_its_tail,
                self._valkey_loses_everything,
                self._a_store_is_away,
                self._a_process_is_killed,
                self._a_process_is_stopped,
                self._the_network_is_bad,
                self._the_clock_steps,
                self._somebody_recovers_for_no_reason,
                self._a_process_sleeps_through_a_recovery,
                self._the_quota_is_extended,
                self._a_process_alone_does_not_reach_valkey,
            )
            if self._only in fault.__name__
        ]
        fault = self.rng.choice(faults)
        self.history.note(fault.__name__.strip("_").replace("_", " "))
        await fault()

    async def _valkey_loses_its_tail(self) -> None:
        self.gate.lose_tail(self.rng)
        await self._valkey_restarts()

    async def _valkey_loses_everything(self) -> None:
        self.gate.lose_everything()
        await self._valkey_restarts()

    async def _valkey_restarts(self) -> None:
        """What was lost, is lost while nobody is connected."""
        self.weather.away.add("valkey")
        await asyncio.sleep(self.rng.uniform(0.01, 1))
        self.weather.away.discard("valkey")

    async def _a_store_is_away(self) -> None:
        store = self.rng.choice(("valkey", "postgres"))
        self.weather.away.add(store)
        await asyncio.sleep(self.rng.uniform(0.01, 5))
        self.weather.away.discard(store)

    async def _a_process_is_killed(self) -> None:
        index = self.rng.randrange(REPLICAS)
        self.processes[index].kill()
        self._killed.append(self.processes[index])
        self.processes[index] = self._process()

    async def _a_process_is_stopped(self) -> None:
        body = self.rng.choice(self.processes).body
        body.stop()
        await asyncio.sleep(self.rng.uniform(0.1, 8))
        body.go_on()

    async def _a_process_alone_does_not_reach_valkey(self) -> None:
        """It has the sale go on through the ledger, though the others reach the gate."""
        body = self.rng.choice(self.processes).body
        body.cut_off_from.add("valkey")
        await asyncio.sleep(self.rng.uniform(0.5, 6))
        body.cut_off_from.discard("valkey")

    async def _the_quota_is_extended(self) -> None:
        """No misfortune, but it comes at any moment too."""
        extension_id = UUID(int=self.rng.getrandbits(128), version=4)
        self.ledger.extend_quota(extension_id, self.rng.choice(SKUS), self.rng.randint(1, 3))

    async def _a_process_sleeps_through_a_recovery(self) -> None:
        """With whatever it has in hand: a batch, a snapshot, a credit."""
        sleeper, other = self.rng.sample(self.processes, 2)
        sleeper.body.stop()
        if self.rng.random() < 0.7:
            self.gate.lose_tail(self.rng)
        with suppress(Failure, TimeoutError):
            async with asyncio.timeout(RECOVERY_S_MAX):
                await other.set_up_anew()
        await asyncio.sleep(self.rng.uniform(0, 2))
        sleeper.body.go_on()

    async def _the_network_is_bad(self) -> None:
        self.weather.cut_ratio = self.rng.uniform(0.01, 0.3)
        await asyncio.sleep(self.rng.uniform(0.1, 4))
        self.weather.cut_ratio = 0.0

    async def _the_clock_steps(self) -> None:
        self.ledger.clock_step_s += self.rng.uniform(-20, 20)

    async def _somebody_recovers_for_no_reason(self) -> None:
        with suppress(Failure):
            await self.rng.choice(self.processes).set_up_anew()

    # The story

    async def play(self) -> None:
        """Opens, sells under trouble, perhaps closes, and comes to rest."""
        await self.processes[0].open()
        self.history.note("the gate is armed")
        trouble = [self.misfortune() for _ in range(self.rng.randint(0, FAULTS_MAX))]
        visits = [self._visit(number) for number in range(self.rng.randint(4, BUYERS_MAX))]
        await asyncio.gather(*trouble, *visits, self._perhaps_close())
        self.history.note("everything works again")
        for _ in range(REST_S):
            await asyncio.sleep(1)
            if not self.broken():
                break

    def broken(self) -> list[str]:
        """What is not as it was promised, at this moment."""
        broken = broken_promises(self.history, self.ledger, self.gate)
        return [*broken, self._disagreement] if self._disagreement else broken

    def look(self) -> None:
        """After every call: a gate that is armed, with nothing on its way, gives what the escrow has, at any instant;
        but for what Valkey has lost and no recovery has looked at since."""
        if self.ledger.sale.on_postgres:
            self.gate.give_up()
        if not self._disagreement and not self.gate.has_lost:
            self._disagreement = disagreement(self.ledger, self.gate)

    async def _visit(self, number: int) -> None:
        await self._busy_moment()
        await self.buyers.buy(number, SKUS)

    async def _busy_moment(self) -> None:
        """Most comes at once: the buyers, and what goes wrong with them."""
        moment = self.rng.choice(self._moments)
        await asyncio.sleep(moment + self.rng.expovariate(1 / CROWD_S))

    async def _perhaps_close(self) -> None:
        """In some stories, at any time: also while buyers come and everything fails."""
        if self.rng.random() < 0.6:
            return
        await asyncio.sleep(self.rng.uniform(0, 2 * TROUBLE_S))
        self.history.note("the sale is closed")
        with suppress(Failure):
            await self.rng.choice(self.processes).close_sale()


def play(seed: int, only: str = "") -> Story:
    """The story of this seed: the same one each time. `only`: with those faults alone whose name has this in it."""

    async def tell() -> Story:
        stage = Stage(random.Random(seed), only)
        await stage.play()
        return Story(seed, tuple(stage.broken()), tuple(stage.history.diary), len(stage.history.wanted))

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(tell())


def _sale(rng: random.Random) -> FlashSale:
    items = tuple(
        FlashSaleItem(
            sku, "JKT1", quota := rng.randint(1, 8), limit_per_customer=rng.choice((0, 0, 3)), remaining=quota
        )
        for sku in SKUS
    )
    return FlashSale(
        flash_sale_code=CODE,
        title=CODE,
        state=FlashSaleState.OPEN,
        channel_codes=("web",),
        start_time=EPOCH_START,
        end_time=EPOCH_START
        + (timedelta(seconds=rng.uniform(3, 12)) if rng.random() < 0.2 else timedelta(days=1)),
        epoch=1,
        gate_armed=False,
        items=items,
    )
