"""As deployed: a process of its own, killed without warning in the middle of waves, again and again. No scan that
was acknowledged is lost, none that is sent again counts twice, and the ledger has what was picked, bin by bin.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from lumbung.fulfillment.v1 import orders_pb2, terminal_pb2, waves_pb2
from lumbung_kit.clients import failure_from
from lumbung_kit.embedded.ports import free_port

pytestmark = pytest.mark.e2e

TERMINALS = 4
ORDERS = 16
KILLS = 3
START_S_MAX = 60.0
CALL_S = 10.0
_AWAY = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
GOODS = {"RICE": 13, "TEA": 10, "SALT": 8, "SUGAR": 20}


@asynccontextmanager
async def service(floor: Any, address: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """fulfillment as a process on the floor's database, once it answers; killed at the end, if not before."""
    environment = os.environ | {
        "LUMBUNG_FULFILLMENT_LISTEN": address,
        "LUMBUNG_FULFILLMENT_POSTGRES_URL": floor.url,
        "LUMBUNG_FULFILLMENT_STOCK_TARGET": floor.targets[0],
        "LUMBUNG_FULFILLMENT_CATALOG_TARGET": floor.targets[1],
        "LUMBUNG_FULFILLMENT_LOG_LEVEL": "WARNING",
    }
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "lumbung_fulfillment", env=environment
    )
    try:
        await asyncio.wait_for(_until_it_answers(floor), START_S_MAX)
        yield started
    finally:
        if started.returncode is None:
            started.kill()
        await started.wait()


async def _until_it_answers(floor: Any) -> None:
    """A channel that was ready before a kill says so for a moment after it: only an answer is one."""
    while True:
        try:
            await floor.waves.ListWaves(waves_pb2.ListWavesRequest(), timeout=CALL_S)
        except grpc.aio.AioRpcError as error:
            if error.code() not in _AWAY:
                raise
            await asyncio.sleep(0.05)
        else:
            return


@dataclass
class Handheld:
    """A terminal on bad Wi-Fi: it goes on scanning, keeps each scan until it has an answer, and sends it as it was.

    So many times (`restarts`) it signs in anew after a break: what it has queued is then of an older session.
    """

    floor: Any
    code: str
    dice: random.Random
    restarts: int = 0
    session_id: str = ""
    queue: list[terminal_pb2.ConfirmPickRequest] = field(default_factory=list)
    answers: dict[str, terminal_pb2.ConfirmPickResponse] = field(default_factory=dict)
    sent: dict[str, terminal_pb2.ConfirmPickRequest] = field(default_factory=dict)
    breaks: int = 0

    async def work(self) -> None:
        """Walks waves until there are none."""
        await self._sign_in()
        while (wave := await self._claim()) is not None:
            for task in wave.tasks:
                for _ in range(task.quantity - task.picked_quantity):
                    self._scan(task)
                    if self.dice.random() < 0.7:
                        await self._flush()
            await self._flush()

    def _scan(self, task: waves_pb2.PickTask) -> None:
        """One unit; what the terminal shows does not wait for an answer."""
        made = Timestamp()
        made.GetCurrentTime()
        scan = terminal_pb2.ConfirmPickRequest(
            request_id=f"{self.code}-{len(self.sent) + 1}",
            session_id=self.session_id,
            task_id=task.task_id,
            bin_barcode=task.bin_code,
            item_barcode=f"BC-{task.sku_code}",
            quantity=1,
            scan_time=made,
        )
        self.sent[scan.request_id] = scan
        self.queue.append(scan)

    async def _flush(self) -> None:
        """Sends what is queued, oldest first."""
        while self.queue:
            scan = self.queue[0]
            self.answers[scan.request_id] = await self._ask(self.floor.terminals.ConfirmPick, scan)
            self.queue.pop(0)

    async def _ask(self, method: Callable[..., Awaitable[Any]], request: Any) -> Any:
        """Until there is an answer: whether the first attempt was heard, nobody knows."""
        while True:
            try:
                return await method(request, timeout=CALL_S)
            except grpc.aio.AioRpcError as error:
                if error.code() not in _AWAY:
                    raise
                self.breaks += 1
                await asyncio.wait_for(_until_it_answers(self.floor), START_S_MAX)
                if self.restarts and isinstance(request, terminal_pb2.ConfirmPickRequest):
                    self.restarts -= 1
                    await self._sign_in()
                    await self._claim()

    async def _sign_in(self) -> None:
        request = terminal_pb2.SignInRequest(
            request_id=self.floor.new_id(), terminal_code=self.code, warehouse_code="JKT", picker_code="budi"
        )
        self.session_id = (await self._ask(self.floor.terminals.SignIn, request)).session_id

    async def _claim(self) -> waves_pb2.Wave | None:
        request = terminal_pb2.ClaimWaveRequest(
            request_id=self.floor.new_id(), session_id=self.session_id, cart_code=f"cart-{self.code}"
        )
        try:
            wave: waves_pb2.Wave = (await self._ask(self.floor.terminals.ClaimWave, request)).wave
        except grpc.aio.AioRpcError as error:
            if failure_from(error).reason != "NO_WAVE_WAITING":
                raise
            return None
        return wave


async def _orders(floor: Any, dice: random.Random) -> Counter[str]:
    """Orders for what the floor has, and no more; how many units of each SKU."""
    left, wanted = Counter(GOODS), Counter[str]()
    for _ in range(ORDERS):
        lines = {sku: 1 for sku in dice.sample(sorted(GOODS), dice.randint(1, 3)) if left[sku]}
        if lines:
            await floor.order(**lines)
            left.subtract(lines)
            wanted.update(lines)
    return wanted


async def test_killed_in_the_middle_of_waves_no_scan_is_lost_and_none_counts_twice(
    floor: Any, seed: int
) -> None:
    dice = random.Random(seed)
    at_first = Counter(floor.stock.units)
    wanted = await _orders(floor, dice)
    await floor.plan(cart=waves_pb2.CartCapacity(totes=3))
    await floor.stop()
    address = f"127.0.0.1:{free_port()}"
    await floor.attach(address)
    hands = [
        Handheld(floor, f"t-{n}", random.Random(dice.random()), restarts=2 if n == 0 else 0)
        for n in range(TERMINALS)
    ]

    def acknowledged() -> int:
        return sum(len(hand.answers) for hand in hands)

    async def until(count: int) -> None:
        async with asyncio.timeout(START_S_MAX):
            while acknowledged() < count:
                await asyncio.sleep(0.005)

    working: list[asyncio.Task[None]] = []
    scans = sum(wanted.values())
    for kill in range(KILLS):
        async with service(floor, address) as process:
            working = working or [asyncio.create_task(hand.work()) for hand in hands]
            await until(scans * (kill + 1) // (KILLS + 1))
            process.kill()
            await process.wait()
    async with service(floor, address):
        await asyncio.gather(*working)
        assert sum(hand.breaks for hand in hands) >= KILLS, "somebody was waiting each time"
        for hand in hands:
            assert hand.answers.keys() == hand.sent.keys()
            for _ in range(2):
                for request_id, scan in hand.sent.items():
                    again = await floor.terminals.ConfirmPick(scan)
                    again.booking.CopyFrom(hand.answers[request_id].booking)
                    assert again == hand.answers[request_id]
        await floor.until_all_booked()
        await _require_true_books(floor, hands, wanted, at_first)


async def _require_true_books(
    floor: Any, hands: list[Handheld], wanted: Counter[str], at_first: Counter[tuple[str, str]]
) -> None:
    """What terminals were told, what fulfillment wrote down and what the ledger has are the same."""
    told = sum(answer.counted_quantity for hand in hands for answer in hand.answers.values())
    assert told == sum(wanted.values())
    assert await floor.scalar("select sum(quantity) from pick_scan") == told
    assert await floor.scalar("select sum(picked_quantity) from pick_task") == told
    assert await floor.scalar("select count(*) from stray_scan") == 0
    listed = await floor.orders.ListOrders(orders_pb2.ListOrdersRequest(page_size=200))
    assert {order.state for order in listed.orders} == {orders_pb2.ORDER_STATE_PICKED}
    for sku_code, units in wanted.items():
        assert floor.stock.units["PACKING", sku_code] == units
    async with floor.postgres.connection() as conn:
        picked = await (
            await conn.execute(
                "select bin_code, sku_code, sum(pick_scan.quantity)::bigint"
                " from pick_scan join pick_task using (task_id) group by 1, 2"
            )
        ).fetchall()
    for bin_code, sku_code, units in picked:
        assert floor.stock.units[bin_code, sku_code] == at_first[bin_code, sku_code] - units
    booked = [call for call in floor.stock.calls if call[0] == "RecordPick"]
    assert len(booked) == await floor.scalar("select count(*) from pick_scan")
