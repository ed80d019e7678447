"""Random clients on the real service, against a model of a few lines: P1, P3, P4, P5, P7 after every step.

The model knows nothing of gates, journals, batches or tables. It predicts every answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

import grpc
import hypothesis
import pytest
from google.protobuf.duration_pb2 import Duration
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    get_state_machine_test,
    initialize,
    invariant,
    precondition,
    rule,
)

from lumbung.stock.v1 import reservations_pb2 as pb
from lumbung_kit.clients import failure_from
from lumbung_kit.ids import new_id
from lumbung_stock.domain.reservations import Resolution, Verb
from lumbung_stock.entrypoints import loops
from lumbung_stock.usecases.credit_gate import CreditGate
from lumbung_stock.usecases.expire_holds import ExpireHolds
from lumbung_stock.usecases.resolve_reservations import resolve_reservations

if TYPE_CHECKING:
    from services.stock.tests.conftest import MakeShop, Shop

pytestmark = pytest.mark.store

SALE = "SALE"
ON_HAND = {"A": 12, "B": 7}
QUOTA, LIMIT = 8, 4
RECIPE = {"A": 1, "B": 2}
EXAMPLES, STEPS = 6, 25
LINES = st.dictionaries(st.sampled_from(["A", "B", "KIT"]), st.integers(1, 3), min_size=1)
PICKS = st.integers(0, 10**6)


@dataclass
class Held:
    """A reservation that was granted."""

    reservation: pb.Reservation
    customer: str
    from_escrow: int
    ordinary: dict[str, int]
    state: str = "HELD"


@dataclass
class Model:
    """What there is, to whom it is promised, and what everybody was told."""

    free: dict[str, int] = field(default_factory=lambda: {"A": ON_HAND["A"] - QUOTA, "B": ON_HAND["B"]})
    escrow: int = QUOTA
    had: dict[str, int] = field(default_factory=dict)
    is_open: bool = True
    held: list[Held] = field(default_factory=list)

    def reserve(self, lines: dict[str, int], customer: str, *, on_sale: bool) -> str:
        """What a Reserve must be answered."""
        if on_sale and not self.is_open:
            return "FLASH_SALE_NOT_OPEN"
        from_escrow, ordinary = self.demand(lines, on_sale=on_sale)
        if from_escrow and self.had.get(customer, 0) + from_escrow > LIMIT:
            return "CUSTOMER_LIMIT_REACHED"
        if from_escrow > self.escrow or any(units > self.free[sku] for sku, units in ordinary.items()):
            return "OUT_OF_STOCK"
        return "HELD"

    def demand(self, lines: dict[str, int], *, on_sale: bool) -> tuple[int, dict[str, int]]:
        """Units out of the escrow, and of each SKU out of ordinary stock."""
        units = {"A": 0, "B": 0}
        for sku, quantity in lines.items():
            for part, per_unit in (RECIPE if sku == "KIT" else {sku: 1}).items():
                units[part] += quantity * per_unit
        ordinary = {sku: count for sku, count in units.items() if count and not (on_sale and sku == "A")}
        return (units["A"] if on_sale else 0), ordinary

    def hold(
        self, reservation: pb.Reservation, lines: dict[str, int], customer: str, *, on_sale: bool
    ) -> None:
        """Takes the units."""
        from_escrow, ordinary = self.demand(lines, on_sale=on_sale)
        self.escrow -= from_escrow
        self.had[customer] = self.had.get(customer, 0) + from_escrow
        for sku, units in ordinary.items():
            self.free[sku] -= units
        self.held.append(Held(reservation, customer, from_escrow, ordinary))

    def give_back(self, held: Held) -> None:
        """To the sale while it is open, else to ordinary stock."""
        for sku, units in held.ordinary.items():
            self.free[sku] += units
        if self.is_open:
            self.escrow += held.from_escrow
            self.had[held.customer] -= held.from_escrow
        else:
            self.free["A"] += held.from_escrow

    def sell_a_part(self, held: Held, lines: dict[str, int]) -> None:
        """The rest goes back as a whole hold would."""
        from_escrow, ordinary = self.demand(lines, on_sale=bool(held.reservation.flash_sale_code))
        rest = {sku: units - ordinary.get(sku, 0) for sku, units in held.ordinary.items()}
        self.give_back(Held(held.reservation, held.customer, held.from_escrow - from_escrow, rest))
        held.from_escrow, held.ordinary, held.state = from_escrow, ordinary, "CONFIRMED"

    def close(self) -> None:
        """The free part of the escrow goes home."""
        self.free["A"] += self.escrow
        self.escrow, self.is_open = 0, False


RESOLUTIONS = {
    ("confirm", "HELD"): "CONFIRMED",
    ("confirm", "CONFIRMED"): "ALREADY_RESOLVED confirm",
    ("confirm", "SHIPPED"): "ALREADY_RESOLVED confirm",
    ("confirm", "RELEASED"): "ALREADY_RESOLVED release",
    ("confirm", "EXPIRED"): "HOLD_EXPIRED",
    ("confirm", "CANCELLED"): "ALREADY_RESOLVED cancel",
    ("extend", "HELD"): "HELD",
    ("extend", "CONFIRMED"): "ALREADY_RESOLVED confirm",
    ("extend", "SHIPPED"): "ALREADY_RESOLVED confirm",
    ("extend", "RELEASED"): "ALREADY_RESOLVED release",
    ("extend", "EXPIRED"): "HOLD_EXPIRED",
    ("extend", "CANCELLED"): "ALREADY_RESOLVED cancel",
    ("release", "HELD"): "RELEASED",
    ("release", "CONFIRMED"): "ALREADY_RESOLVED confirm",
    ("release", "SHIPPED"): "ALREADY_RESOLVED confirm",
    ("release", "RELEASED"): "RELEASED",
    ("release", "EXPIRED"): "EXPIRED",
    ("release", "CANCELLED"): "ALREADY_RESOLVED cancel",
    ("cancel", "HELD"): "NOT_CONFIRMED",
    ("cancel", "CONFIRMED"): "CANCELLED",
    ("cancel", "SHIPPED"): "ALREADY_SHIPPED",
    ("cancel", "RELEASED"): "NOT_CONFIRMED",
    ("cancel", "EXPIRED"): "NOT_CONFIRMED",
    ("cancel", "CANCELLED"): "ALREADY_RESOLVED cancel",
}
"""What must be answered, by what is asked and the state that it meets."""


class Clients(RuleBasedStateMachine):
    """Clients of one service."""

    make_shop: ClassVar[MakeShop]

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.model = Model()
        self.told: list[tuple[Any, str, bytes]] = []
        """Every request with the answer that it got first."""

    @initialize()
    def open(self) -> None:
        """A shop with a sale."""
        self.shop: Shop = self.runner.run(type(self).make_shop(self.stack))
        self.expire = ExpireHolds(self.shop.ledger)
        self.credit = CreditGate(self.shop.ledger, self.shop.gate)

        async def stock_up() -> None:
            for sku, units in ON_HAND.items():
                await self.shop.put(sku, units)
            await self.shop.put("KIT", 0, bundle=RECIPE)
            await self.shop.open_sale(SALE, {"A": QUOTA}, limit=LIMIT)

        self.runner.run(stock_up())

    def teardown(self) -> None:
        self.runner.run(self.stack.aclose())
        self.runner.close()

    @rule(lines=LINES, customer=st.sampled_from(["ani", "budi", "citra"]), on_sale=st.booleans())
    def reserve(self, lines: dict[str, int], customer: str, on_sale: bool) -> None:
        expected = self.model.reserve(lines, customer, on_sale=on_sale)
        request = self.shop.ask(lines, sale=SALE if on_sale else "", customer=customer)
        said, answer = self.runner.run(self._ask(request))
        assert said == expected
        if said == "HELD":
            reservation = pb.ReserveResponse.FromString(answer).reservation
            self.model.hold(reservation, lines, customer, on_sale=on_sale)

    @precondition(lambda self: self.model.held)
    @rule(verb=st.sampled_from(["confirm", "release", "cancel", "extend"]), pick=PICKS)
    def resolve(self, verb: str, pick: int) -> None:
        held = self.model.held[pick % len(self.model.held)]
        request: Any = {
            "confirm": self.shop.confirmation,
            "release": lambda one: pb.ReleaseRequest(
                request_id=self.shop.new_id(), reservation_id=one.reservation_id
            ),
            "cancel": self.shop.cancellation,
            "extend": lambda one: pb.ExtendHoldRequest(
                request_id=self.shop.new_id(),
                reservation_id=one.reservation_id,
                ttl=Duration(seconds=600 + pick % 600),
            ),
        }[verb](held.reservation)
        said, _ = self.runner.run(self._ask(request))
        assert said == RESOLUTIONS[verb, held.state]
        if said in ("RELEASED", "CANCELLED") and held.state in ("HELD", "CONFIRMED"):
            self.model.give_back(held)
        if said in ("CONFIRMED", "RELEASED", "CANCELLED"):
            held.state = said

    @precondition(lambda self: self.model.held)
    @rule(pick=PICKS, cut=st.integers(1, 3))
    def confirm_a_part(self, pick: int, cut: int) -> None:
        """All but `cut` units of each line, and one at least."""
        held = self.model.held[pick % len(self.model.held)]
        lines = {line.sku_code: max(0, line.quantity - cut) for line in held.reservation.lines}
        if not any(lines.values()):
            lines[next(iter(lines))] = 1
        request = self.shop.confirmation(held.reservation)
        for sku, units in lines.items():
            if units:
                request.partial_lines.add(sku_code=sku, quantity=units)
        said, _ = self.runner.run(self._ask(request))
        assert said == RESOLUTIONS["confirm", held.state]
        if said == "CONFIRMED":
            self.model.sell_a_part(held, lines)

    @precondition(lambda self: any(held.state == "HELD" for held in self.model.held))
    @rule(pick=PICKS)
    def let_time_pass(self, pick: int) -> None:
        waiting = [held for held in self.model.held if held.state == "HELD"]
        held = waiting[pick % len(waiting)]

        async def expire() -> None:
            await self.shop.let_deadline_pass(held.reservation)
            await self.expire()
            await self.shop.until_state(held.reservation, pb.RESERVATION_STATE_EXPIRED)

        self.runner.run(expire())
        self.model.give_back(held)
        held.state = "EXPIRED"

    @precondition(lambda self: any(held.state == "CONFIRMED" for held in self.model.held))
    @rule(pick=PICKS)
    def ship(self, pick: int) -> None:
        sold = [held for held in self.model.held if held.state == "CONFIRMED"]
        held = sold[pick % len(sold)]
        wish = Resolution(UUID(held.reservation.reservation_id), Verb.SHIP, str(new_id()))
        self.runner.run(self.shop.postgres.run(lambda conn: resolve_reservations(conn, [wish])))
        held.state = "SHIPPED"

    @precondition(lambda self: self.told)
    @rule(pick=PICKS)
    def repeat(self, pick: int) -> None:
        """The same request gets the same answer, whatever has happened since."""
        request, said, answer = self.told[pick % len(self.told)]
        again = self.runner.run(self._answer(request))
        assert again == (said, answer)

    @precondition(lambda self: self.told)
    @rule(pick=PICKS)
    def reuse(self, pick: int) -> None:
        """Another request under the same id is refused."""
        request, _, _ = self.told[pick % len(self.told)]
        changed = type(request)()
        changed.CopyFrom(request)
        if isinstance(changed, pb.ReserveRequest):
            changed.lines[0].quantity += 1
        elif isinstance(changed, pb.ConfirmRequest):
            changed.order.note += "!"
        elif isinstance(changed, pb.ExtendHoldRequest):
            changed.ttl.seconds += 1
        else:
            changed.reason += "!"
        assert self.runner.run(self._answer(changed))[0] == "REQUEST_ID_REUSED"

    @precondition(lambda self: self.model.is_open)
    @rule()
    def empty_valkey(self) -> None:
        async def empty_and_wait() -> None:
            epoch = await self.shop.scalar("SELECT epoch FROM flash_sale")
            await self.shop.valkey.flushdb()

            async def set_up_again() -> bool:
                return await self.shop.scalar("SELECT max(epoch) FROM flash_sale WHERE gate_armed") > epoch

            await self.shop.until(set_up_again)

        self.runner.run(empty_and_wait())

    @precondition(lambda self: self.model.is_open and len(self.model.held) > 6)
    @rule()
    def close(self) -> None:
        self.runner.run(self.shop.close_sale(SALE))
        self.model.close()

    @invariant()
    def nothing_is_lost_or_doubled(self) -> None:
        if not hasattr(self, "shop"):
            return
        self.runner.run(self._check())

    async def _check(self) -> None:
        await self._settled()
        await self.shop.require_conserved()
        assert {sku: await self.shop.free(sku) for sku in ON_HAND} == self.model.free
        assert await self.shop.scalar("SELECT remaining FROM flash_sale_item") == self.model.escrow

    async def _settled(self) -> None:
        """Returns when the gate has been told of everything."""
        while await self.credit():
            pass
        if self.model.is_open:
            await self.shop.until_gate_has(SALE, {"A": self.model.escrow})

    async def _ask(self, request: Any) -> tuple[str, bytes]:
        said, answer = await self._answer(request)
        self.told.append((request, said, answer))
        return said, answer

    async def _answer(self, request: Any) -> tuple[str, bytes]:
        """State or reason with the winner, and all that was said, comparable."""
        stub = self.shop.reservations
        calls: dict[type, Any] = {
            pb.ReserveRequest: stub.Reserve,
            pb.ConfirmRequest: stub.Confirm,
            pb.ReleaseRequest: stub.Release,
            pb.CancelReservationRequest: stub.CancelReservation,
            pb.ExtendHoldRequest: stub.ExtendHold,
        }
        call: Awaitable[Any] = calls[type(request)](request)
        try:
            answer = await call
        except grpc.aio.AioRpcError as error:
            failure = failure_from(error)
            winner = failure.metadata.get("winner", "")
            return f"{failure.reason} {winner}".strip(), failure.message.encode()
        answer.reservation.ClearField("expire_time")  # `let_time_pass` moves it
        state = pb.ReservationState.Name(answer.reservation.state).removeprefix("RESERVATION_STATE_")
        return state, answer.SerializeToString(deterministic=True)


def test_random_clients_find_every_promise_kept(
    make_shop: MakeShop, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loops, "GATE_INTERVAL_S", 0.05)
    machine = type("Clients", (Clients,), {"make_shop": staticmethod(make_shop)})
    test = get_state_machine_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            phases=[
                Phase.generate
            ],  # a step takes milliseconds: shrinking would take longer than reading the trail
            suppress_health_check=list(HealthCheck),
        ),
    )
    hypothesis.seed(seed)(test)()
