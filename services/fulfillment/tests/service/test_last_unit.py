"""Two terminals are never sent to the same unit, whatever happens at once: waves planned by staff and for carts that
ask, short picks that look for other bins, cancellations, holds, scans taken back.

Pickers here have hands: a bin has so many units, fewer than the book says where some are broken. Whoever comes to a bin
and finds too little must have been the victim of broken goods, and never of another picker.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import grpc

from lumbung.fulfillment.v1 import orders_pb2, terminal_pb2, waves_pb2
from lumbung_kit.clients import failure_from

TERMINALS = 5
ORDERS = 45
BOOK = {
    ("A0-05", "RICE"): 9,
    ("A1-10", "RICE"): 6,
    ("A3-04", "RICE"): 5,
    ("A0-15", "TEA"): 7,
    ("A2-12", "TEA"): 8,
    ("A1-10", "SALT"): 10,
    ("A3-18", "SUGAR"): 12,
}
BROKEN_MAX = 3
_DROPPED = ("TASK_CLOSED", "WAVE_NOT_YOURS")


@dataclass
class House:
    """What really lies in the bins, and what pickers have been through."""

    floor: Any
    dice: random.Random
    broken: Counter[tuple[str, str]]
    lies: Counter[tuple[str, str]]
    missed: Counter[tuple[str, str]] = field(default_factory=Counter)
    in_hand: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Units that were in somebody's hand when their task was dropped: others may have been sent for them meanwhile."""
    reservations: list[str] = field(default_factory=list)
    is_open: bool = True

    async def sell(self) -> None:
        """Orders come in while everybody works; more than there is."""
        for _ in range(ORDERS):
            skus = self.dice.sample(["RICE", "TEA", "SALT", "SUGAR"], self.dice.randint(1, 2))
            order = await self.floor.order(**{sku: self.dice.randint(1, 3) for sku in skus})
            self.reservations.append(order.reservation_id)
        self.is_open = False

    async def supervise(self) -> None:
        """Staff plans, holds, resumes; buyers change their minds."""
        while self.is_open:
            await self._plan()
            listed = await self.floor.orders.ListOrders(orders_pb2.ListOrdersRequest(page_size=200))
            order = self.dice.choice(listed.orders) if listed.orders else None
            if order is not None and self.dice.random() < 0.3:
                hold = orders_pb2.HoldOrderRequest(
                    request_id=self.floor.new_id(), order_id=order.order_id, reason="wait"
                )
                if await self._tried(self.floor.orders.HoldOrder(hold), "ORDER_WRONG_STATE"):
                    resume = orders_pb2.ResumeOrderRequest(
                        request_id=self.floor.new_id(), order_id=order.order_id
                    )
                    await self._tried(self.floor.orders.ResumeOrder(resume), "ORDER_WRONG_STATE")
            if self.reservations and self.dice.random() < 0.1:
                self.floor.stock.cancel(self.reservations.pop(self.dice.randrange(len(self.reservations))))

    async def work(self, number: int) -> None:
        """One picker with one cart, until nothing is left to be picked."""
        terminal = await self.floor.sign_in(f"t-{number}")
        while True:
            claim = terminal.claim(f"cart-{number}")
            wave = await self._tried(claim, "NO_WAVE_WAITING", "CART_IN_USE")
            if wave is not None:
                await self._walk(terminal)
            elif not self.is_open:
                return

    async def _walk(self, terminal: Any) -> None:
        while True:
            tasks = await self._tried(terminal.tasks(), "WAVE_NOT_YOURS")
            task = next((t for t in tasks or () if t.state == waves_pb2.PICK_STATE_OPEN), None)
            if task is None:
                return
            await self._visit(terminal, task)

    async def _visit(self, terminal: Any, task: waves_pb2.PickTask) -> None:
        """Takes what is there, scans it, and says so when it is too little."""
        place = (task.bin_code, task.sku_code)
        wanted = task.quantity - task.picked_quantity
        taken = min(wanted, self.lies[place])
        self.lies[place] -= taken
        if taken:
            scan = terminal.scan(task, quantity=taken)
            if await self._tried(self.floor.terminals.ConfirmPick(scan), *_DROPPED) is None:
                self.lies[place] += taken
                self.in_hand[place] += taken
                return
            if self.dice.random() < 0.1:
                await self._take_back(terminal, scan, place, taken)
                return
        if taken < wanted and await self._tried(terminal.short(task), *_DROPPED) is not None:
            self.missed[place] += wanted - taken

    async def _take_back(self, terminal: Any, scan: Any, place: tuple[str, str], taken: int) -> None:
        """The units are in the bin before anybody hears of it, as a careful picker does."""
        self.lies[place] += taken
        undo = terminal_pb2.UndoPickRequest(
            request_id=self.floor.new_id(), session_id=terminal.session_id, scan_request_id=scan.request_id
        )
        refusals = (*_DROPPED, "ORDER_WRONG_STATE")
        if await self._tried(self.floor.terminals.UndoPick(undo), *refusals) is None:
            self.lies[place] -= taken

    async def _plan(self) -> None:
        totes = waves_pb2.CartCapacity(totes=self.dice.randint(1, 4))
        await self._tried(self.floor.plan(cart=totes), "PLAN_CONTENDED")

    async def _tried(self, call: Any, *refusals: str) -> Any:
        """The answer; none when it was refused for one of these reasons."""
        try:
            return await call
        except grpc.aio.AioRpcError as error:
            if failure_from(error).reason not in refusals:
                raise
            return None


async def test_two_terminals_are_never_sent_to_the_same_unit(floor: Any, seed: int) -> None:
    dice = random.Random(seed)
    floor.stock.bin("A3-04", 3, 4)
    floor.stock.units = Counter(BOOK)
    broken = Counter(
        {place: dice.randint(1, BROKEN_MAX) for place in dice.sample(sorted(BOOK), len(BOOK) // 2)}
    )
    house = House(floor, dice, broken, Counter(BOOK) - broken)
    await asyncio.gather(house.sell(), house.supervise(), *(house.work(n) for n in range(TERMINALS)))
    await house.work(TERMINALS)  # what was planned last, when the others had gone home
    await floor.until_all_booked()

    explained = broken + house.in_hand
    assert not house.missed - explained, "a picker stood before a bin that another one had emptied"
    assert house.missed, "some pickers met broken goods"
    await _require_true_ledger(house)
    await _require_whole_orders(floor)


async def _require_true_ledger(house: House) -> None:
    """The book differs from the bins by the broken goods that nobody has come across, by goods of cancelled orders
    that stock never saw leave their bin and that wait to be put back, and by nothing else.
    """
    written_off: Counter[tuple[str, str]] = Counter()
    for method, request, _ in house.floor.stock.calls:
        if method == "RecordShortPick":
            written_off[request.bin_code, request.sku_code] += request.missing_quantity
    for place in BOOK:
        unknown = house.floor.stock.units[place] - house.lies[place]
        waiting = await house.floor.scalar(
            "select coalesce(sum(unbooked_quantity), 0) from put_back"
            " where state = 'open' and suggested_bin_code = %s and sku_code = %s",
            *place,
        )
        assert unknown == house.broken[place] - written_off[place] + waiting, place


async def _require_whole_orders(floor: Any) -> None:
    """Every order is somewhere, and what it was given was counted once."""
    statement = (
        "select count(*) from order_line where picked_quantity <> coalesce((select sum(pick_scan.quantity)"
        " from pick_scan join pick_task using (task_id) where pick_task.order_id = order_line.order_id"
        " and pick_task.sku_code = order_line.sku_code and undo_time is null), 0)"
    )
    assert await floor.scalar(statement) == 0
    listed = await floor.orders.ListOrders(orders_pb2.ListOrdersRequest(page_size=200))
    assert len(listed.orders) == ORDERS
    riding = (orders_pb2.ORDER_STATE_PLANNED, orders_pb2.ORDER_STATE_PICKING)
    assert not [order for order in listed.orders if order.state in riding]
    packing = sum(units for (place, _), units in floor.stock.units.items() if place == "PACKING")
    # What stock never saw leave, since it had cancelled the order, is in the ledger's bins and not in PACKING.
    unseen = await floor.scalar(
        "select coalesce(sum(unbooked_quantity), 0) from put_back where state = 'open'"
    )
    assert packing + unseen == await floor.scalar("select sum(picked_quantity) from order_line")
