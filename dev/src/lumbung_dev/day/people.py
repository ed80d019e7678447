"""Everybody on the day: buyers, pickers, packers and couriers, each with a watch of their own."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any

from lumbung_dev.day.clock import Clock, Watch
from lumbung_dev.day.floor import DEPOT, Shelves, Spot, spot_of, walk_m
from lumbung_dev.day.house import House, Picked, Task, Tour
from lumbung_dev.day.script import HOUR, SHIFT_S, Order, Script, Worker
from lumbung_dev.shop.outlets import COURIERS

_LOOK_AGAIN_S = 60.0
_SIGN_OF_LIFE_S = 40.0
_WRONG_ITEM_S = 8.0
_UNIT_MORE_S = 2.0
_NEW_TERMINAL_S = 900.0
_REPLAYS = 0.02
_PUT_BACKS_EVERY_S = 900.0
GOES_HOME_S = 30 * HOUR
"""However much is left: nobody works longer."""


@dataclass(slots=True)
class Day:
    """One way through the script."""

    script: Script
    house: House
    clock: Clock
    shelves: Shelves
    to_pack: list[tuple[float, str]] = field(default_factory=list)
    buyers_left: int = 0
    walking: int = 0
    packing: int = 0

    async def play(self) -> None:
        """Until everything that can be sent is sent."""
        self.buyers_left = len(self.script.orders)
        await self.clock.play(self._everybody())

    @property
    def work_is_left(self) -> bool:
        """Somebody may still bring work to the floor."""
        return bool(self.buyers_left or self.walking or self.house.waits())

    @property
    def packing_is_left(self) -> bool:
        return bool(self.work_is_left or self.to_pack or self.packing)

    def _everybody(self) -> Iterator[Coroutine[Any, Any, None]]:
        yield self._buyers()
        for worker in self.script.pickers:
            yield Picker(self, worker).work()
        for worker in self.script.packers:
            yield self._packer(worker)
        for courier in COURIERS:
            for hour in courier.hours:
                yield self._courier(courier.service, hour * HOUR)
        yield self._put_backs()

    async def _buyers(self) -> None:
        watch = Watch(self.clock)
        for order in self.script.orders:
            await watch.until(order.at_s)
            self.clock.begin(self._buyer(order))

    async def _buyer(self, order: Order) -> None:
        sold = await self.house.buy(order, order.at_s)
        self.buyers_left -= 1
        if sold and order.cancel_s is not None:
            await Watch(self.clock).until(order.cancel_s)
            await self.house.cancel(order, order.cancel_s)

    async def _packer(self, worker: Worker) -> None:
        watch = Watch(self.clock)
        await watch.until(SHIFT_S)
        while self.packing_is_left and watch.now_s < GOES_HOME_S:
            if not self.to_pack:
                await watch.sleep(_LOOK_AGAIN_S)
                continue
            reference = self._take_next(watch.now_s)
            self.packing += 1
            await watch.sleep(worker.per_pack_s)
            if await self.house.pack(worker, reference, watch.now_s):
                self.house.tally.packed_s[reference] = watch.now_s
            self.packing -= 1

    def _take_next(self, now_s: float) -> str:
        """The most urgent of what stands at the tables."""
        chosen = min(self.to_pack, key=lambda each: (self.house.urgency(each[0], each[1], now_s), each))
        self.to_pack.remove(chosen)
        return chosen[1]

    async def _courier(self, service: str, pickup_s: float) -> None:
        watch = Watch(self.clock)
        await watch.until(pickup_s)
        for reference in await self.house.hand_over(service, pickup_s):
            self.house.tally.left_s[reference] = pickup_s

    async def _put_backs(self) -> None:
        """Somebody looks after goods of cancelled orders, now and then, and once more at the end."""
        watch = Watch(self.clock)
        await watch.until(SHIFT_S)
        while True:
            is_last = not self.packing_is_left or watch.now_s >= GOES_HOME_S
            for bin_code, sku_code, units in await self.house.put_back(watch.now_s):
                self.shelves.put(bin_code, sku_code, units)
                self.house.tally.put_backs += units
            if is_last:
                return
            await watch.sleep(_PUT_BACKS_EVERY_S)


class Picker:
    """One person with a cart."""

    def __init__(self, day: Day, worker: Worker) -> None:
        self._day = day
        self._house = day.house
        self._worker = worker
        self._watch = Watch(day.clock)
        self._chance = random.Random(worker.seed)
        self._here: Spot = DEPOT
        self._dies_s = worker.dies_s
        self._sign_due_s = 0.0

    async def work(self) -> None:
        """From the beginning of the shift until nothing is left."""
        await self._watch.until(SHIFT_S)
        await self._house.sign_in(self._worker, f"cart-{self._worker.name}", self._watch.now_s)
        while self._day.work_is_left and self._watch.now_s < GOES_HOME_S:
            if not (self._house.waits() and await self._take_a_cart()):
                await self._watch.sleep(_LOOK_AGAIN_S)

    async def _take_a_cart(self) -> bool:
        """And walks it; False when there is nothing to pick."""
        self._day.walking += 1
        tour = await self._house.claim(self._worker, self._watch.now_s)
        if tour is not None:
            await self._walk(tour)
        self._day.walking -= 1
        return tour is not None

    async def _walk(self, tour: Tour) -> None:
        began_s = self._watch.now_s
        tally = self._house.tally
        tally.tours += 1
        self._sign_due_s = began_s + _SIGN_OF_LIFE_S
        await self._busy(self._worker.per_cart_s)
        task = tour.first
        while task is not None:
            if self._dies_s is not None and self._watch.now_s >= self._dies_s:
                await self._terminal_dies()
                return
            task = await self._serve(task)
        await self._go_home(tour)
        tally.picking_s += self._watch.now_s - began_s
        self._day.to_pack += await self._house.finish(tour, self._watch.now_s)

    async def _serve(self, task: Task) -> Task | None:
        """Goes there, takes what is there, scans it; the next task."""
        house, worker, tally = self._house, self._worker, self._house.tally
        await self._go(spot_of(task.bin_code), task.leg_m)
        if self._chance.random() < worker.wrong_scans:
            await self._busy(_WRONG_ITEM_S)
            await house.scan_wrongly(worker, task)
            tally.wrong_scans += 1
        found = self._day.shelves.take(task.bin_code, task.sku_code, task.units)
        await self._busy(worker.per_line_s + _UNIT_MORE_S * max(0, found - 1))
        picked = Picked(task)
        if found:
            picked = await self._scan(task, found)
        if found < task.units and not picked.refused:
            tally.short_picks += 1
            picked = await house.short(worker, task)
        return picked.next

    async def _scan(self, task: Task, found: int) -> Picked:
        replay = self._chance.random() < _REPLAYS
        tally = self._house.tally
        picked = await self._house.pick(self._worker, task, found, replay=replay)
        tally.replays += replay
        if picked.refused:
            tally.picked_in_vain += found
            self._day.shelves.put(task.bin_code, task.sku_code, found)
        else:
            tally.lines += 1
            tally.units += found
            tally.totes.setdefault(task.reference, Counter())[task.sku_code] += found
        return picked

    async def _go_home(self, tour: Tour) -> None:
        """With nothing left to pick, the wave is done: nobody asks for a sign of life."""
        leg_m = walk_m(self._here, DEPOT) if tour.home_m is None else tour.home_m
        self._house.tally.walked_m += leg_m
        await self._watch.sleep(leg_m / self._worker.speed_mps)
        self._here = DEPOT

    async def _go(self, there: Spot, leg_m: float | None) -> None:
        leg_m = walk_m(self._here, there) if leg_m is None else leg_m
        self._house.tally.walked_m += leg_m
        await self._busy(leg_m / self._worker.speed_mps)
        self._here = there

    async def _busy(self, seconds: float) -> None:
        """The terminal gives signs of life meanwhile, as often as it must."""
        until_s = self._watch.now_s + seconds
        while self._sign_due_s < until_s:
            await self._watch.until(self._sign_due_s)
            await self._house.alive(self._worker)
            self._sign_due_s = self._watch.now_s + _SIGN_OF_LIFE_S
        await self._watch.until(until_s)

    async def _terminal_dies(self) -> None:
        """It says nothing any more; a while later its picker goes on with another one, at the depot."""
        self._dies_s = None
        self._here = DEPOT
        await self._watch.sleep(_NEW_TERMINAL_S)
        await self._house.sign_in(self._worker, f"cart-{self._worker.name}-b", self._watch.now_s)
