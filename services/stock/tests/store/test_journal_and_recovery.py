"""Group commit, recovery and closing, step by step: each may stop anywhere, come twice, or be overtaken.

The loops of the service are not running here; every step is the test's own.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
import pytest_asyncio
from psycopg.errors import CheckViolation

from lumbung_kit import context
from lumbung_kit.events import EventLog
from lumbung_kit.failures import Failure, RequestIdReused, StoreUnavailable
from lumbung_kit.ids import new_id
from lumbung_kit.loops import Wakeup, end
from lumbung_kit.postgres import Conn, Postgres
from lumbung_kit.valkey import Valkey, connect
from lumbung_stock.domain.audit import PromiseReport
from lumbung_stock.domain.carts import Cart
from lumbung_stock.domain.flash_sales import FlashSale, FlashSaleItem, FlashSaleState
from lumbung_stock.domain.pools import Move, split
from lumbung_stock.domain.reservation_failures import AlreadyResolved, GateUnsafe, HoldParked
from lumbung_stock.domain.reservations import (
    Durability,
    OrderDetails,
    Refusal,
    Reservation,
    ReservationState,
    Resolution,
    Verb,
)
from lumbung_stock.domain.resolve import CreditDue, EscrowChange
from lumbung_stock.domain.without_gate import ServedElsewhereError, Wish
from lumbung_stock.entrypoints import loops
from lumbung_stock.stores import flash_sales, reservations
from lumbung_stock.stores.audit import count_promises
from lumbung_stock.stores.gate import Gate, GateStatus
from lumbung_stock.stores.journal_codec import Outcome
from lumbung_stock.stores.leases import Leases
from lumbung_stock.stores.sale_book import SaleBook
from lumbung_stock.stores.warehouses import WarehouseBook
from lumbung_stock.usecases.close_flash_sale import CloseFlashSale
from lumbung_stock.usecases.commit_journal import CommitJournal
from lumbung_stock.usecases.credit_gate import CreditGate
from lumbung_stock.usecases.durable_answers import DurableAnswers
from lumbung_stock.usecases.extend_flash_sale_quota import MoreQuota, extend_flash_sale_quota
from lumbung_stock.usecases.move_units import MoveUnits
from lumbung_stock.usecases.open_flash_sale import open_flash_sale
from lumbung_stock.usecases.plan_flash_sale import plan_flash_sale
from lumbung_stock.usecases.postgres_sale_ledger import PostgresSaleLedger
from lumbung_stock.usecases.refuse_together import RefuseTogether
from lumbung_stock.usecases.reserve_from_levels import reserve_from_levels
from lumbung_stock.usecases.reserve_on_sale import ReserveOnSale
from lumbung_stock.usecases.resolve_reservations import resolve_reservations
from lumbung_stock.usecases.sale_ports import FencedError
from lumbung_stock.usecases.set_up_gate import SetUpGate
from lumbung_stock.usecases.settle_sale import begin_closing, settle_sale
from lumbung_stock.usecases.watch_gates import WatchGates

if TYPE_CHECKING:
    from services.stock.tests.conftest import MakeCart

pytestmark = pytest.mark.store

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"
JOURNAL = "lumbung:{SALE}:journal"


@dataclass
class Works:
    """A sale's machinery without its loops. `gate_calls` counts down to a Valkey that goes away."""

    postgres: Postgres
    valkey: Valkey
    gate: Gate
    make_cart: MakeCart
    ledger: PostgresSaleLedger = field(init=False)
    answers: DurableAnswers = field(init=False)
    sales: SaleBook = field(init=False)
    commit: CommitJournal = field(init=False)
    set_up_gate: SetUpGate = field(init=False)
    close: CloseFlashSale = field(init=False)
    credit: CreditGate = field(init=False)
    watch: WatchGates = field(init=False)

    def __post_init__(self) -> None:
        self.ledger = PostgresSaleLedger(self.postgres, EventLog(self.postgres), WarehouseBook(self.postgres))
        self.answers = DurableAnswers(self.ledger, max_waiting=100)
        self.sales = SaleBook(self.ledger, max_age_s=0.0)
        self.commit = CommitJournal(self.ledger, self.gate, self.answers)
        self.set_up_gate = SetUpGate(self.ledger, self.gate, self.sales, self.commit)
        self.close = self.close_with(gate_away_s_max=60.0)
        self.credit = CreditGate(self.ledger, self.gate)
        self.watch = self.watch_with(patience_s=0.0)

    def close_with(self, *, gate_away_s_max: float) -> CloseFlashSale:
        """A closing that waits so long for a gate that is away."""
        return CloseFlashSale(self.ledger, self.gate, self.sales, self.set_up_gate, gate_away_s_max)

    def watch_with(self, *, patience_s: float, clock: Callable[[], float] = time.monotonic) -> WatchGates:
        """A watch that gives others so much time to finish what they began."""
        return WatchGates(
            self.ledger,
            self.gate,
            self.sales,
            self.set_up_gate,
            self.close,
            patience_s=patience_s,
            clock=clock,
        )

    @asynccontextmanager
    async def committers(self) -> AsyncIterator[None]:
        """The loop that commits journals."""
        running = asyncio.create_task(
            loops.Committers(Leases(self.postgres), self.gate, self.sales, self.commit, Wakeup()).run()
        )
        try:
            yield
        finally:
            await end([running])

    async def set_up(self, code: str = "SALE") -> bool:
        """One recovery, from what is known now."""
        return await self.set_up_gate(code, (await self.sales.find_fresh(code)).epoch)

    def with_gate(self, gate: Gate) -> Works:
        """The same works on another gate."""
        return Works(self.postgres, self.valkey, gate, self.make_cart)

    async def put(self, **units: int) -> None:
        """SKUs with units on hand."""
        async with self.postgres.connection() as conn:
            for sku, on_hand in units.items():
                await conn.execute("INSERT INTO sku VALUES (%s, %s, false, true)", (sku, sku))
                await conn.execute(
                    "INSERT INTO level (warehouse_code, sku_code, on_hand) VALUES ('JKT1', %s, %s)",
                    (sku, on_hand),
                )

    async def open(
        self, quota: int, *, limit: int = 0, arm: bool = True, code: str = "SALE", pools: int = 1
    ) -> None:
        """An open sale of A."""
        now = datetime.now(UTC)
        item = FlashSaleItem("A", "JKT1", quota, limit)
        times = (now, now + timedelta(hours=1))
        sale = FlashSale(
            code,
            code,
            FlashSaleState.PLANNED,
            ("web",),
            *times,
            0,
            gate_armed=False,
            items=(item,),
            pool_count=pools,
        )
        await self.postgres.run(lambda conn: plan_flash_sale(conn, split(sale), "staff:ani"))
        await self.postgres.run(lambda conn: open_flash_sale(conn, code))
        if arm:
            await self.set_up_gate.until_armed(code)

    def cart(self, units: int = 1, **fields: Any) -> Cart:
        """A cart of A on the sale."""
        return self.make_cart({"A": units}, sale="SALE", **fields)

    async def ask(self, cart: Cart) -> Outcome:
        """What the gate says."""
        return (await self.gate.reserve(await self.sales.find_fresh("SALE"), cart)).outcome

    async def commit_all(self) -> None:
        """One round of the committer."""
        sale = await self.sales.find_fresh("SALE")
        await self.commit("SALE", sale.epoch, await self.gate.read_journal("SALE", 100))

    async def hold(self, units: int = 1, **fields: Any) -> Reservation:
        """A durable hold."""
        cart = self.cart(units, **fields)
        assert await self.ask(cart) is Outcome.HELD
        await self.commit_all()
        return await self.find(cart)

    async def find(self, cart: Cart) -> Reservation:
        """What Postgres has of a request."""
        async with self.postgres.connection() as conn:
            return (await reservations.find_by_request(conn, [cart.request_id]))[cart.request_id]

    async def resolve(self, reservation: Reservation, verb: Verb) -> None:
        """Somebody's wish, granted."""
        order = OrderDetails(f"order-{new_id()}") if verb is Verb.CONFIRM else None
        wish = Resolution(reservation.reservation_id, verb, str(new_id()), order=order)
        (answer,) = await self.postgres.run(lambda conn: resolve_reservations(conn, [wish]))
        assert not isinstance(answer, Failure)

    async def scalar(self, statement: str) -> int:
        """One whole number out of the database."""
        async with self.postgres.connection() as conn:
            row = await (await conn.execute(statement)).fetchone()
        assert row is not None
        return int(row[0] or 0)

    async def remaining(self) -> int:
        """Free units of the escrow."""
        return await self.scalar("SELECT remaining FROM flash_sale_item WHERE flash_sale_code = 'SALE'")

    async def require_true(self) -> None:
        """P1 and P4 in Postgres, and a gate that agrees once everything has been told."""
        while await self.credit():
            pass
        async with self.postgres.connection() as conn:
            report: PromiseReport = await count_promises(conn)
        assert (report.oversold_units, report.conservation_gap_units) == (0, 0)
        sale = await self.sales.find_fresh("SALE")
        if sale.state is FlashSaleState.OPEN:
            assert await self.gate.free_units("SALE") == {"A": sale.items[0].remaining}
            assert await self.gate.status("SALE") == GateStatus(armed=True, epoch=sale.epoch)
        assert await self.gate.backlog("SALE") == 0


@pytest_asyncio.fixture
async def works(
    make_postgres: Callable[[str, Path], Awaitable[Postgres]], valkey_url: str, make_cart: MakeCart
) -> AsyncIterator[Works]:
    """Works with ten units of A in JKT1."""
    postgres = await make_postgres("stock", MIGRATIONS)
    async with postgres.connection() as conn:
        await conn.execute("INSERT INTO warehouse VALUES ('JKT1', 'J', 'Asia/Jakarta', 1, '{0}', '{0}', 0)")
    client = connect(valkey_url)
    made = Works(postgres, client, Gate(client, journal_max=1_000), make_cart)
    await made.put(A=10)
    yield made
    await client.aclose()


class TestGroupCommit:
    """commit_journal, settle_journal"""

    async def test_a_batch_committed_twice_changes_nothing_the_second_time(self, works: Works) -> None:
        await works.open(3)
        for units in (2, 2, 1):
            await works.ask(works.cart(units))
        entries = await works.gate.read_journal("SALE", 10)
        epoch = (await works.sales.find_fresh("SALE")).epoch
        for _ in range(3):
            await works.commit("SALE", epoch, entries)
            assert await works.remaining() == 0
            assert await works.scalar("SELECT count(*) FROM reservation") == 3
            assert await works.scalar("SELECT count(*) FROM flash_credit") == 0
            assert (
                await works.scalar("SELECT count(*) FROM event_outbox WHERE kind = 'reservation_held'") == 2
            )
        await works.require_true()

    async def test_an_entry_is_forgotten_only_after_its_commit(self, works: Works) -> None:
        await works.open(3)
        await works.ask(works.cart())
        entries = await works.gate.read_journal("SALE", 10)
        with pytest.raises(FencedError):
            await works.commit("SALE", 1, entries)
        assert await works.gate.backlog("SALE") == 1
        assert await works.scalar("SELECT count(*) FROM reservation") == 0
        await works.commit_all()
        await works.require_true()

    @pytest.mark.parametrize("took_effect", [False, True])
    async def test_a_batch_of_unknown_outcome_is_tried_again_as_it_is(
        self, works: Works, monkeypatch: pytest.MonkeyPatch, took_effect: bool
    ) -> None:
        """Postgres hangs up before or after the COMMIT; the committer cannot know which."""
        await works.open(3)
        carts = [works.cart(), works.cart()]
        for cart in carts:
            await works.ask(cart)
        settle = PostgresSaleLedger.settle

        async def hang_up(
            self: PostgresSaleLedger, code: str, epoch: int, carts: Sequence[Cart]
        ) -> dict[str, Reservation]:
            if took_effect:
                await settle(self, code, epoch, carts)
            raise StoreUnavailable

        monkeypatch.setattr(PostgresSaleLedger, "settle", hang_up)
        with pytest.raises(StoreUnavailable):
            await works.commit_all()
        monkeypatch.undo()
        assert await works.gate.backlog("SALE") == 2
        assert await works.scalar("SELECT count(*) FROM journal_dead_letter") == 0
        await works.commit_all()
        assert [(await works.find(cart)).reservation_id for cart in carts] == [
            cart.reservation_id for cart in carts
        ]
        assert await works.scalar("SELECT count(*) FROM flash_credit") == 0
        assert await works.remaining() == 1
        await works.require_true()

    async def test_more_never_comes_back_to_the_escrow_than_went_out(self, works: Works) -> None:
        await works.open(3)
        await works.hold()
        change = EscrowChange("SALE", "A", remaining=2)
        with pytest.raises(CheckViolation, match="flash_sale_item_conserved"):
            await works.postgres.run(lambda conn: flash_sales.change_items(conn, [change]))

    async def test_an_entry_that_took_the_place_of_a_lost_one_is_not_forgotten(self, works: Works) -> None:
        await works.open(3)
        before = {key: await works.valkey.dump(key) for key in await works.valkey.keys("*")}
        await works.ask(works.cart())
        entries = await works.gate.read_journal("SALE", 10)
        await works.valkey.flushdb()
        for key, value in before.items():
            await works.valkey.restore(key, 0, value)
        await works.ask(works.cart())
        await works.commit("SALE", (await works.sales.find_fresh("SALE")).epoch, entries)
        assert await works.gate.backlog("SALE") == 1

    async def test_what_the_gate_grants_beyond_the_escrow_is_refused_and_credited(self, works: Works) -> None:
        await works.open(2)
        await works.valkey.hset("lumbung:{SALE}:free", "A", "5")
        carts = [works.cart() for _ in range(5)]
        assert [await works.ask(cart) for cart in carts] == [Outcome.HELD] * 5
        await works.commit_all()
        states = [(await works.find(cart)).state for cart in carts]
        assert states == [ReservationState.HELD] * 2 + [ReservationState.REFUSED] * 3
        assert await works.scalar("SELECT count(*) FROM flash_credit") == 3
        await works.credit()
        assert await works.gate.free_units("SALE") == {"A": 3}
        assert await works.set_up()
        await works.require_true()

    async def test_a_request_answered_elsewhere_keeps_its_answer_and_the_gate_its_units(
        self, works: Works
    ) -> None:
        await works.open(3)
        cart = works.cart()
        early = works.make_cart({"A": 1}, request_id=cart.request_id, sale="SALE")
        await works.postgres.run(lambda conn: reserve_from_levels(conn, [early], ["JKT1"]))
        assert await works.ask(cart) is Outcome.HELD
        await works.commit_all()
        assert (await works.find(cart)).reservation_id == early.reservation_id
        await works.require_true()
        assert await works.remaining() == 3

    async def test_a_gate_that_forgot_a_hold_may_grant_it_again_but_postgres_counts_it_once(
        self, works: Works
    ) -> None:
        await works.open(3)
        first = await works.hold(request_id="once")
        await works.valkey.delete("lumbung:{SALE}:requests")
        again = works.cart(request_id="once")
        assert await works.ask(again) is Outcome.HELD
        await works.commit_all()
        assert await works.find(again) == first
        await works.require_true()
        assert await works.remaining() == 2

    @pytest.mark.parametrize("verb", [Verb.RELEASE, Verb.EXPIRE])
    async def test_an_entry_that_comes_again_after_its_hold_was_given_back_is_not_credited_twice(
        self, works: Works, verb: Verb
    ) -> None:
        await works.open(3)
        await works.ask(works.cart(2))
        entries = await works.gate.read_journal("SALE", 10)
        await works.commit_all()
        ((_, fields),) = entries
        async with works.postgres.connection() as conn:
            (held,) = (await reservations.find_by_id(conn, [UUID(fields["hold"])])).values()
            await conn.execute("UPDATE reservation SET expire_time = create_time")
        await works.resolve(held, verb)
        await works.commit("SALE", (await works.sales.find_fresh("SALE")).epoch, entries)
        await works.require_true()
        assert await works.remaining() == 3
        assert await works.scalar("SELECT count(*) FROM journal_dead_letter") == 0

    async def test_a_hold_that_was_given_back_before_a_recovery_may_be_granted_again_under_its_own_id(
        self, works: Works
    ) -> None:
        """Its caller had no answer and asks once more; the gate was set up without it. Found by the simulation."""
        await works.open(3)
        cart = works.cart(2)
        await works.ask(cart)
        await works.commit_all()
        await works.resolve(await works.find(cart), Verb.RELEASE)
        await works.require_true()
        assert await works.set_up()
        assert await works.ask(cart) is Outcome.HELD
        await works.commit_all()
        await works.require_true()
        assert await works.remaining() == 3

    async def test_those_who_wait_hear_it_at_once(self, works: Works) -> None:
        await works.open(1)
        carts = [works.cart(), works.cart()]
        for cart in carts:
            await works.ask(cart)
        waiting = [asyncio.create_task(works.answers.wait(cart.request_id, 30.0)) for cart in carts]
        await asyncio.sleep(0)
        await works.commit_all()
        assert [answer.state for answer in await asyncio.gather(*waiting) if answer] == [
            ReservationState.HELD,
            ReservationState.REFUSED,
        ]

    async def test_a_batch_that_meets_a_request_written_at_this_moment_is_tried_again(
        self, works: Works
    ) -> None:
        await works.open(3)
        cart = works.cart()
        await works.ask(cart)
        async with works.postgres.transaction() as conn:
            twin = works.make_cart({"A": 1}, request_id=cart.request_id, sale="SALE")
            await reserve_from_levels(conn, [twin], ["JKT1"])
            committing = asyncio.create_task(works.commit_all())
            await until_somebody_waits_for_a_lock(works)
        await committing
        assert (await works.find(cart)).reservation_id == twin.reservation_id
        await works.require_true()

    async def test_batches_that_are_read_ahead_are_committed_in_order_once_each(
        self, works: Works, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(loops, "COMMIT_BATCH", 2)
        await works.open(5)
        carts = [works.cart() for _ in range(7)]
        for cart in carts:
            await works.ask(cart)
        async with works.committers():
            async with asyncio.timeout(60):
                while await works.gate.backlog("SALE"):
                    await asyncio.sleep(0.01)
        rows = [await works.find(cart) for cart in carts]
        assert [row.state for row in rows] == 5 * [ReservationState.HELD] + 2 * [ReservationState.REFUSED]
        assert sorted(row.create_time for row in rows) == [row.create_time for row in rows]
        await works.require_true()


async def until_somebody_waits_for_a_lock(works: Works) -> None:
    """Returns when another session of this database waits for ours."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    async with asyncio.timeout(60):
        while not await works.scalar(waiting):
            await asyncio.sleep(0.005)


POISON: dict[str, dict[str, Any]] = {
    "no body": {"body": None},
    "no hold": {"hold": None},
    "no field of ours": {"hold": None, "body": None, "what": "x"},
    "not text": {"body": b"\xff\xfe"},
    "a character that postgres does not take": {"body": b'["\\u0000"]', "note": b"a\0b"},
    "another sale in it": {"sale": "OTHER"},
    "a span beyond all time": {"ttl": 1e300},
    "a request that is no text": {"request": 7},
}


class TestPoison:
    """One bad entry never blocks the others."""

    @pytest.mark.parametrize("case", POISON)
    async def test_a_bad_entry_is_parked_the_others_flow_and_its_units_come_back(
        self, works: Works, case: str
    ) -> None:
        await works.open(9)
        carts = [works.cart() for _ in range(5)]
        for cart in carts:
            assert await works.ask(cart) is Outcome.HELD
        bad_hold = await self._spoil(works, 2, POISON[case])
        await works.commit_all()
        assert await works.gate.backlog("SALE") == 0
        assert await works.scalar("SELECT count(*) FROM journal_dead_letter") == 1
        assert await works.scalar("SELECT count(*) FROM reservation WHERE state = 1") == 4
        while await works.credit():
            pass
        expected = (
            5 if bad_hold else 4
        )  # without a hold nobody can tell what it took: the watch finds the gap
        assert await works.gate.free_units("SALE") == {"A": expected}
        for _ in range(3):
            await works.watch()
        await works.require_true()
        assert await works.remaining() == 5

    async def _spoil(self, works: Works, index: int, change: dict[str, Any]) -> str:
        """Replaces one entry; returns the hold that it carries."""
        entries = await works.valkey.xrange(JOURNAL)
        await works.valkey.delete(JOURNAL)
        body = entries[index][1][b"body"]
        for key, old, new in (
            ("sale", b'"SALE"', b'"OTHER"'),
            ("ttl", b"900.0", b"1e300"),
            ("request", b'["', b'[7,"'),
        ):
            if key in change:
                body = body.replace(old, new, 1)
        fields = {**entries[index][1], b"body": body}
        for name, value in change.items():
            if name in ("body", "hold", "note", "what"):
                fields[name.encode()] = value
        entries[index] = (
            entries[index][0],
            {name: value for name, value in fields.items() if value is not None},
        )
        for entry_id, spoiled in entries:
            await works.valkey.xadd(JOURNAL, spoiled, id=entry_id)
        return str(fields.get(b"hold") or "")


class TestEpochs:
    """Whoever was paused and wakes up late is fenced off."""

    async def test_a_committer_that_wakes_up_after_a_recovery_commits_nothing(self, works: Works) -> None:
        await works.open(3)
        await works.ask(works.cart())
        epoch = (await works.sales.find_fresh("SALE")).epoch
        entries = await works.gate.read_journal("SALE", 10)
        assert await works.set_up()
        with pytest.raises(FencedError):
            await works.commit("SALE", epoch, entries)
        await works.require_true()
        assert await works.remaining() == 2

    async def test_a_committer_that_wakes_up_after_the_closing_commits_nothing(self, works: Works) -> None:
        await works.open(3)
        await works.ask(works.cart())
        epoch = (await works.sales.find_fresh("SALE")).epoch
        entries = await works.gate.read_journal("SALE", 10)
        await works.close("SALE")
        with pytest.raises(FencedError):
            await works.commit("SALE", epoch, entries)
        assert await works.scalar("SELECT held FROM level") == 1
        await works.require_true()

    async def test_the_slower_of_two_recoverers_gives_way_at_every_step(self, works: Works) -> None:
        await works.open(5)
        await works.hold(2)
        for step in ("freeze", "read_journal", "install", "arm"):
            paused = PausedGate(works.gate, step)
            slow = asyncio.create_task(works.with_gate(paused).set_up())  # type: ignore[arg-type]
            await paused.reached.wait()
            assert await works.set_up()
            paused.go_on.set()
            assert await slow is False, step
            await works.require_true()

    async def test_of_many_recoverers_at_once_one_sets_the_gate_up(self, works: Works) -> None:
        await works.open(5)
        await works.hold(2)
        seen = (await works.sales.find_fresh("SALE")).epoch
        results = await asyncio.gather(*(works.set_up_gate("SALE", seen) for _ in range(8)))
        assert sorted(results) == [False] * 7 + [True]
        assert (await works.sales.find_fresh("SALE")).epoch == seen + 1
        await works.require_true()

    async def test_a_watch_leaves_whoever_is_at_work_the_time_for_it(self, works: Works) -> None:
        await works.open(5)
        await works.hold(2)
        now = 0.0
        watch = works.watch_with(patience_s=2.0, clock=lambda: now)
        paused = PausedGate(works.gate, "install")
        slow = asyncio.create_task(works.with_gate(paused).set_up())  # type: ignore[arg-type]
        await paused.reached.wait()
        for now in (0.0, 1.0, 1.9):  # noqa: B007 - the clock's
            await watch()
        paused.go_on.set()
        assert await slow is True
        await works.require_true()

    @pytest.mark.parametrize("work", ["recovery", "closing"])
    async def test_a_watch_takes_over_what_stands_still(self, works: Works, work: str) -> None:
        await works.open(5)
        await works.hold(2)
        now = 0.0
        watch = works.watch_with(patience_s=2.0, clock=lambda: now)
        paused = PausedGate(works.gate, "read_journal")
        slow_works = works.with_gate(paused)  # type: ignore[arg-type]
        slow = asyncio.create_task(
            slow_works.set_up() if work == "recovery" else slow_works.close.attempt("SALE")
        )
        await paused.reached.wait()
        for now in (0.0, 2.0):  # noqa: B007 - the clock's
            await watch()
        await works.require_true()
        sale = await works.sales.find_fresh("SALE")
        assert sale.gate_armed if work == "recovery" else sale.state is FlashSaleState.CLOSED
        paused.go_on.set()
        await slow
        await works.require_true()

    async def test_two_watches_that_overtake_each_other_give_more_time_each_time(self, works: Works) -> None:
        await works.open(5, arm=False)
        now = 0.0
        paused = PausedGate(works.gate, "install")
        slow_works = works.with_gate(paused)  # type: ignore[arg-type]
        ours = slow_works.watch_with(patience_s=2.0, clock=lambda: now)
        theirs = works.watch_with(patience_s=2.0, clock=lambda: now)
        await ours()
        now = 2.0
        slow = asyncio.create_task(ours())
        await paused.reached.wait()
        await theirs()
        now = 4.0
        await theirs()
        paused.go_on.set()
        await slow
        await works.require_true()
        assert ours._work["SALE"].patience_s == 4.0

    async def test_a_recoverer_overtaken_by_the_closing_leaves_the_sale_closed(self, works: Works) -> None:
        await works.open(5)
        held = await works.hold(2)
        paused = PausedGate(works.gate, "install")
        slow = asyncio.create_task(works.with_gate(paused).set_up())  # type: ignore[arg-type]
        await paused.reached.wait()
        await works.close("SALE")
        paused.go_on.set()
        assert await slow is False
        await works.resolve(held, Verb.RELEASE)
        await works.require_true()
        assert await works.scalar("SELECT on_hand - held - sold - escrow FROM level") == 10

    async def test_a_closing_overtaken_by_another_is_answered_by_that(self, works: Works) -> None:
        await works.open(5)
        await works.hold(2)
        paused = PausedGate(works.gate, "read_journal")
        slow = asyncio.create_task(works.with_gate(paused).close("SALE"))  # type: ignore[arg-type]
        await paused.reached.wait()
        await works.ask(works.cart())
        closed = await works.close("SALE")
        paused.go_on.set()
        assert (await slow).state is closed.state is FlashSaleState.CLOSED
        await works.require_true()


class PausedGate:
    """A gate whose caller falls asleep before one kind of call."""

    def __init__(self, gate: Gate, step: str) -> None:
        self._gate = gate
        self._step = step
        self.reached, self.go_on = asyncio.Event(), asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._gate, name)
        if name != self._step:
            return found

        async def paused(*args: Any, **options: Any) -> Any:
            self.reached.set()
            await self.go_on.wait()
            return await found(*args, **options)

        return paused


class FailingGate:
    """A gate that is away from its n-th call on; the call itself may have taken effect, or not."""

    def __init__(self, gate: Gate, calls: int, *, takes_effect: bool) -> None:
        self._gate = gate
        self._left = calls
        self._takes_effect = takes_effect

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._gate, name)

        async def call(*args: Any, **options: Any) -> Any:
            self._left -= 1
            if self._left > 0:
                return await found(*args, **options)
            if self._takes_effect and self._left == 0:
                await found(*args, **options)
            raise StoreUnavailable

        return call


STOPS = [pytest.param(effect, id="with effect" if effect else "without") for effect in (False, True)]


class TestStopsAnywhere:
    """A recovery or a closing that stops at any call to Valkey is finished by the next."""

    @pytest.mark.parametrize("takes_effect", STOPS)
    async def test_a_recovery(self, works: Works, takes_effect: bool) -> None:
        await works.open(9, limit=9)
        await works.hold(2, customer="ani")
        for calls in range(1, 8):
            with suppress(Failure):
                await works.ask(works.cart(1, customer="ani"))
            failing = FailingGate(works.gate, calls, takes_effect=takes_effect)
            with suppress(StoreUnavailable):
                await works.with_gate(failing).set_up()  # type: ignore[arg-type]
            await works.watch()
            await works.commit_all()
            await works.require_true()
        held = await works.scalar(
            "SELECT sum(quantity) FROM reservation_draw JOIN reservation USING (reservation_id)"
        )
        assert await works.remaining() == 9 - held

    @pytest.mark.parametrize("takes_effect", STOPS)
    @pytest.mark.parametrize("calls", range(1, 6))
    async def test_a_closing(self, works: Works, calls: int, takes_effect: bool) -> None:
        await works.open(9)
        held = await works.hold(2)
        await works.ask(works.cart(3))
        failing = FailingGate(works.gate, calls, takes_effect=takes_effect)
        with suppress(StoreUnavailable):
            await works.with_gate(failing).close("SALE")  # type: ignore[arg-type]
        await works.watch()
        assert (await works.sales.find_fresh("SALE")).state is FlashSaleState.CLOSED
        await works.require_true()
        await works.resolve(held, Verb.RELEASE)
        await works.require_true()
        assert await works.scalar("SELECT on_hand - held - sold - escrow FROM level") == 7

    async def test_a_closing_that_stopped_before_the_gate_knew_of_it(self, works: Works) -> None:
        await works.open(5)
        await works.ask(works.cart(2))
        await works.postgres.run(lambda conn: begin_closing(conn, "SALE"))
        late = works.cart()
        stale = await works.sales.find_fresh("SALE")
        assert (await works.gate.reserve(stale, late)).outcome is Outcome.NOT_ARMED
        await works.watch()
        assert (await works.sales.find_fresh("SALE")).state is FlashSaleState.CLOSED
        await works.require_true()

    async def test_a_settlement_under_an_old_epoch_does_nothing(self, works: Works) -> None:
        await works.open(5)
        epoch = await works.postgres.run(lambda conn: begin_closing(conn, "SALE"))
        assert epoch is not None
        await works.postgres.run(lambda conn: begin_closing(conn, "SALE"))
        await works.postgres.run(lambda conn: settle_sale(conn, "SALE", epoch))
        assert (await works.sales.find_fresh("SALE")).state is FlashSaleState.CLOSING
        await works.close("SALE")
        await works.require_true()


class TestClosingWithoutTheGate:
    """Valkey stays away: Postgres closes the sale without it."""

    def away(self, works: Works) -> Works:
        """The same works, whose gate is never reached."""
        return works.with_gate(FailingGate(works.gate, 1, takes_effect=False))  # type: ignore[arg-type]

    async def test_a_gate_that_was_away_for_long_is_not_waited_for(self, works: Works) -> None:
        await works.open(9)
        held = await works.hold(2)
        lost = works.cart(3)
        await works.ask(lost)
        away = self.away(works)
        with pytest.raises(StoreUnavailable):
            await away.close("SALE")
        assert (await works.sales.find_fresh("SALE")).state is FlashSaleState.CLOSING
        assert await works.scalar("SELECT escrow FROM level") == 9
        closed = await away.close_with(gate_away_s_max=0.0)("SALE")
        assert closed.state is FlashSaleState.CLOSED
        assert await works.scalar("SELECT on_hand - held - sold - escrow FROM level") == 8
        await works.resolve(held, Verb.RELEASE)
        assert await works.scalar("SELECT on_hand - held - sold - escrow FROM level") == 10
        assert await works.scalar("SELECT count(*) FROM reservation") == 1

    async def test_what_it_left_is_removed_when_it_is_back(self, works: Works) -> None:
        await works.open(9)
        await works.ask(works.cart(3))
        await self.away(works).close_with(gate_away_s_max=0.0)("SALE")
        assert await works.valkey.keys("*")
        assert await works.ledger.gates_left(10) == ["SALE"]
        await works.watch()
        assert await works.valkey.keys("*") == []
        assert await works.ledger.gates_left(10) == []
        await works.require_true()

    async def test_the_time_counts_only_while_the_gate_is_away(
        self, works: Works, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clock = [0.0]
        monkeypatch.setattr("lumbung_stock.usecases.close_flash_sale.loop_time", lambda: clock[0])
        await works.open(9)
        away = self.away(works)
        for clock[0] in (0.0, 59.0):
            with pytest.raises(StoreUnavailable):
                await away.close("SALE")
        clock[0] = 60.0
        assert (await away.close("SALE")).state is FlashSaleState.CLOSED

    async def test_postgres_that_is_away_closes_nothing(self, works: Works) -> None:
        """The journal is still there: whoever is next commits it."""
        await works.open(9)
        await works.ask(works.cart(3))
        close = works.close_with(gate_away_s_max=0.0)

        async def gone(*args: object) -> None:
            raise StoreUnavailable

        broken = replace(close, set_up_gate=replace(close.set_up_gate, commit=gone))  # type: ignore[arg-type]
        with pytest.raises(StoreUnavailable):
            await broken("SALE")
        assert (await works.sales.find_fresh("SALE")).state is FlashSaleState.CLOSING
        await works.close("SALE")
        assert await works.scalar("SELECT count(*) FROM reservation WHERE state = 1") == 1
        await works.require_true()


class TestWithoutTheGate:
    """Valkey stays away: Postgres serves the sale alone, until the gate has been there for a while."""

    async def give_up(self, works: Works) -> None:
        """Postgres serves the sale from now on."""
        assert await works.ledger.go_without_gate("SALE", (await works.sales.find_fresh("SALE")).epoch)

    async def buy(self, works: Works, *carts: Cart) -> list[object]:
        """What Postgres answers: a state, or why there is none."""
        answers = await works.ledger.settle_without_gate("SALE", [Wish(cart) for cart in carts])
        return [each.state if isinstance(each, Reservation) else type(each) for each in answers]

    async def test_it_is_given_up_after_a_while_and_trusted_after_a_while(self, works: Works) -> None:
        clock = [0.0]
        near = works.watch_with(patience_s=0.0, clock=lambda: clock[0])
        away = works.with_gate(FailingGate(works.gate, 1, takes_effect=False))  # type: ignore[arg-type]
        far = away.watch_with(patience_s=0.0, clock=lambda: clock[0])
        near.gate_away_s_max = far.gate_away_s_max = 3.0
        near.gate_steady_s = 3_600.0
        await works.open(5)
        for clock[0] in (0.0, 2.9):
            await far()
            assert (await works.sales.find_fresh("SALE")).gate_armed
        clock[0] = 3.0
        await far()
        given_up = await works.sales.find_fresh("SALE")
        assert (given_up.on_postgres, given_up.gate_armed) == (True, False)
        clock[0] = 60.0
        await near()
        assert await works.sales.find_fresh("SALE") == given_up
        near.gate_steady_s = 0.0
        await near()
        back = await works.sales.find_fresh("SALE")
        assert (back.on_postgres, back.gate_armed) == (False, True)
        await works.require_true()

    async def test_one_who_misses_the_gate_keeps_the_sale_from_it(self, works: Works) -> None:
        await works.open(5)
        await self.give_up(works)
        await works.postgres.run(_forget_that_it_was_missed)
        assert not await works.ledger.gate_missed_within("SALE", 60.0)
        epoch = (await works.sales.find_fresh("SALE")).epoch
        assert not await works.ledger.go_without_gate("SALE", epoch)
        assert await works.ledger.gate_missed_within("SALE", 60.0)
        assert (await works.sales.find_fresh("SALE")).epoch == epoch

    async def test_a_gate_that_was_away_for_a_moment_keeps_its_sale(self, works: Works) -> None:
        clock = [0.0]
        flaky = FailingGate(works.gate, 1, takes_effect=False)
        watch = works.with_gate(flaky).watch_with(patience_s=0.0, clock=lambda: clock[0])  # type: ignore[arg-type]
        await works.open(5)
        for clock[0], calls in ((0.0, 0), (2.0, 100), (4.0, 0), (6.0, 100)):
            flaky._left = calls
            await watch()
        assert (await works.sales.find_fresh("SALE")).gate_armed

    async def test_what_the_gate_granted_is_fenced_and_settled_when_the_sale_comes_back(
        self, works: Works
    ) -> None:
        await works.open(3)
        early, same, lost = works.cart(1), works.cart(1), works.cart(1)
        for cart in (early, same, lost):
            assert await works.ask(cart) is Outcome.HELD
        old = (await works.sales.find_fresh("SALE")).epoch
        batch = await works.gate.read_journal("SALE", 100)
        await self.give_up(works)
        with pytest.raises(FencedError):
            await works.commit("SALE", old, batch)
        assert await self.buy(works, same, works.cart(1)) == [ReservationState.HELD] * 2
        assert await works.set_up()
        assert (await works.find(early)).state is ReservationState.HELD
        assert (await works.find(lost)).refusal
        assert await works.remaining() == 0
        await works.require_true()

    async def test_postgres_decides_only_while_it_serves_the_sale(self, works: Works) -> None:
        await works.open(3)
        assert await self.buy(works, works.cart()) == [ServedElsewhereError]
        await self.give_up(works)
        known = works.cart()
        assert await self.buy(works, known) == [ReservationState.HELD]
        assert await works.set_up()
        assert await self.buy(works, known, works.cart()) == [ReservationState.HELD, ServedElsewhereError]
        assert await works.remaining() == 2
        await works.require_true()

    async def test_it_sells_on_while_the_old_journal_is_drained(self, works: Works) -> None:
        await works.open(5)
        await self.give_up(works)
        paused = PausedGate(works.gate, "freeze")
        coming_back = asyncio.create_task(works.with_gate(paused).set_up())  # type: ignore[arg-type]
        await paused.reached.wait()
        assert await self.buy(works, works.cart()) == [ReservationState.HELD]
        paused.go_on.set()
        assert await coming_back
        assert await works.gate.free_units("SALE") == {"A": 4}
        await works.require_true()

    async def test_it_sells_no_more_when_the_gate_is_made_of_what_is_left(self, works: Works) -> None:
        """Should that come to nothing, it is given up anew, and the gate that was nearly made is nobody's."""
        await works.open(5)
        await self.give_up(works)
        paused = PausedGate(works.gate, "install")
        coming_back = asyncio.create_task(works.with_gate(paused).set_up())  # type: ignore[arg-type]
        await paused.reached.wait()
        assert await self.buy(works, works.cart()) == [ServedElsewhereError]
        await self.give_up(works)
        assert await self.buy(works, works.cart()) == [ReservationState.HELD]
        paused.go_on.set()
        await coming_back
        assert (await works.sales.find_fresh("SALE")).on_postgres
        assert await works.set_up()
        assert await works.remaining() == 4
        await works.require_true()

    @pytest.mark.parametrize("takes_effect", STOPS)
    @pytest.mark.parametrize("calls", range(1, 8))
    async def test_a_return_that_stops_anywhere(self, works: Works, calls: int, takes_effect: bool) -> None:
        await works.open(5)
        await works.ask(works.cart(1))
        await self.give_up(works)
        failing = FailingGate(works.gate, calls, takes_effect=takes_effect)
        with suppress(StoreUnavailable):
            await works.with_gate(failing).set_up()  # type: ignore[arg-type]
        sale = await works.sales.find_fresh("SALE")
        if not sale.gate_armed:
            await works.ledger.go_without_gate("SALE", sale.epoch)
            assert await self.buy(works, works.cart()) == [ReservationState.HELD]
            assert await works.set_up()
        await works.require_true()

    async def test_who_waits_for_a_gate_that_was_given_up_is_sent_to_postgres(
        self, works: Works, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The gate answers all the time, and nobody will ever commit what it says."""
        monkeypatch.setattr("lumbung_stock.usecases.reserve_on_sale.ASK_AGAIN_S", 0.01)
        await works.open(3)
        reserve = ReserveOnSale(works.gate, works.sales, works.answers, lambda: None)
        with context.within(60.0):
            sale = await works.sales.find_fresh("SALE")
            waiting = asyncio.create_task(reserve(works.cart(), sale))
            while not await works.gate.backlog("SALE"):
                await asyncio.sleep(0)
            await self.give_up(works)
            with pytest.raises(ServedElsewhereError):
                await waiting

    async def test_a_sale_is_never_served_by_both(self, works: Works) -> None:
        await works.open(5)
        await self.give_up(works)
        epoch = (await works.sales.find_fresh("SALE")).epoch
        with pytest.raises(CheckViolation, match="flash_sale_served_by_one"):
            await works.ledger.note_armed("SALE", epoch)


async def _forget_that_it_was_missed(conn: Conn) -> None:
    await conn.execute("UPDATE flash_sale SET gate_missed_time = gate_missed_time - interval '1 hour'")


class TestExtensions:
    """extend_flash_sale_quota, and how the gate hears of it: once."""

    async def extend(self, works: Works, units: int) -> None:
        more = MoreQuota("SALE", "A", "JKT1", units, "staff:ani")
        await works.postgres.run(lambda conn: extend_flash_sale_quota(conn, more))

    async def test_a_gate_told_twice_adds_once(self, works: Works) -> None:
        await works.open(3)
        await self.extend(works, 4)
        due = await works.ledger.due_extensions(10)
        for extension in due * 2:
            added = [(extension.extension_id, extension.sku_code, extension.quantity)]
            assert await works.gate.extend("SALE", extension.epoch, added)
        await works.require_true()
        assert await works.remaining() == 7
        assert await works.ledger.due_extensions(10) == []

    async def test_a_gate_made_anew_has_it_already(self, works: Works) -> None:
        await works.open(3)
        await self.extend(works, 4)
        (stale,) = await works.ledger.due_extensions(10)
        assert await works.set_up()
        assert await works.gate.free_units("SALE") == {"A": 7}
        assert not await works.gate.extend("SALE", stale.epoch, [(stale.extension_id, "A", 4)])
        await works.require_true()

    async def test_one_in_the_middle_of_a_recovery_arrives_once(self, works: Works) -> None:
        await works.open(3)
        for step in ("freeze", "read_journal", "install", "arm"):
            paused = PausedGate(works.gate, step)
            recovering = asyncio.create_task(works.with_gate(paused).set_up())  # type: ignore[arg-type]
            await paused.reached.wait()
            await self.extend(works, 1)
            await works.credit()
            paused.go_on.set()
            assert await recovering, step
            await works.require_true()
        assert await works.remaining() == 7

    @pytest.mark.parametrize("takes_effect", STOPS)
    async def test_a_gate_that_goes_away_while_it_is_told_is_told_again(
        self, works: Works, takes_effect: bool
    ) -> None:
        await works.open(3)
        await self.extend(works, 4)
        broken = works.with_gate(FailingGate(works.gate, 1, takes_effect=takes_effect))  # type: ignore[arg-type]
        with pytest.raises(StoreUnavailable):
            await broken.credit()
        await works.require_true()

    async def test_a_closed_sale_owes_its_gate_nothing(self, works: Works) -> None:
        await works.open(3)
        await self.extend(works, 4)
        await works.close("SALE")
        assert await works.scalar("SELECT count(*) FROM flash_sale_extension WHERE NOT told") == 0
        await works.require_true()


POOLS = ("SALE~01", "SALE~02", "SALE~03")
MOVE_CALLS = 24


class TestMoves:
    """move_units: units go from pool to pool through Postgres, and none on the way is lost or doubled."""

    async def in_pool(self, works: Works, pool: str, units: int) -> Cart:
        """A cart that this pool's gate has granted."""
        cart = works.make_cart({"A": units}, sale=pool)
        answer = await works.gate.reserve(await works.sales.find_fresh(pool), cart)
        assert answer.outcome is Outcome.HELD
        return cart

    async def require_agreement(self, works: Works, free: int) -> None:
        """Every pool is armed and its gate has what Postgres has; together it is so much."""
        while await works.credit():
            pass
        async with works.postgres.connection() as conn:
            report = await count_promises(conn)
        assert (report.oversold_units, report.conservation_gap_units) == (0, 0)
        sale = await works.sales.find_fresh("SALE")
        assert (sale.gate_armed, sale.items[0].quota, sale.items[0].remaining) == (True, 9, free)
        for pool in sale.pools:
            assert await works.gate.free_units(pool.flash_sale_code) == {"A": pool.items[0].remaining}
            assert await works.gate.backlog(pool.flash_sale_code) == 0

    async def test_what_was_in_flight_is_settled_before_units_move(self, works: Works) -> None:
        await works.open(9, pools=3)
        cart = await self.in_pool(works, POOLS[0], 2)
        moves = [Move(POOLS[0], POOLS[1], "A", 1), Move(POOLS[2], POOLS[1], "A", 3)]
        assert await MoveUnits(works.ledger, works.set_up_gate)(moves)
        assert (await works.find(cart)).state is ReservationState.HELD
        free = [pool.items[0].remaining for pool in (await works.sales.find_fresh("SALE")).pools]
        assert free == [0, 7, 0]
        await self.require_agreement(works, 7)

    async def test_units_taken_meanwhile_do_not_move(self, works: Works) -> None:
        await works.open(9, pools=3)
        await self.in_pool(works, POOLS[0], 2)
        moves = [Move(POOLS[2], POOLS[1], "A", 1), Move(POOLS[0], POOLS[1], "A", 2)]
        assert not await MoveUnits(works.ledger, works.set_up_gate)(moves)
        free = [pool.items[0].remaining for pool in (await works.sales.find_fresh("SALE")).pools]
        assert free == [1, 3, 3]
        await self.require_agreement(works, 7)

    @pytest.mark.parametrize("takes_effect", STOPS)
    @pytest.mark.parametrize("calls", range(1, MOVE_CALLS))
    async def test_stopping_anywhere_loses_no_unit(
        self, works: Works, calls: int, takes_effect: bool
    ) -> None:
        await works.open(9, pools=3)
        await self.in_pool(works, POOLS[0], 1)
        await self.in_pool(works, POOLS[1], 1)
        broken = works.with_gate(FailingGate(works.gate, calls, takes_effect=takes_effect))  # type: ignore[arg-type]
        moves = [Move(POOLS[0], POOLS[1], "A", 2), Move(POOLS[2], POOLS[1], "A", 1)]
        with suppress(StoreUnavailable):
            await MoveUnits(broken.ledger, broken.set_up_gate)(moves)
        for pool in POOLS:
            sale = await works.sales.find_fresh(pool)
            if sale.commits_journal:
                await works.commit(pool, sale.epoch, await works.gate.read_journal(pool, 10))
        await works.watch()
        await self.require_agreement(works, 7)

    async def test_the_steps_of_a_move_are_fewer_than_were_tried(self, works: Works) -> None:
        await works.open(9, pools=3)
        broken = works.with_gate(FailingGate(works.gate, MOVE_CALLS, takes_effect=False))  # type: ignore[arg-type]
        moves = [Move(POOLS[0], POOLS[1], "A", 2), Move(POOLS[2], POOLS[1], "A", 1)]
        assert await MoveUnits(broken.ledger, broken.set_up_gate)(moves)

    async def test_a_pool_that_somebody_recovers_is_left_to_them(self, works: Works) -> None:
        await works.open(9, pools=3)
        sale = await works.sales.find_fresh(POOLS[0])
        assert await works.ledger.next_epoch(POOLS[0], sale.epoch)
        before = await works.ledger.find_sales(POOLS)
        assert not await MoveUnits(works.ledger, works.set_up_gate)([Move(POOLS[0], POOLS[1], "A", 2)])
        assert await works.ledger.find_sales(POOLS) == before

    @pytest.mark.parametrize("overtaken", POOLS[:2])
    async def test_units_move_under_the_epochs_of_both_or_not_at_all(
        self, works: Works, overtaken: str
    ) -> None:
        await works.open(9, pools=3)
        pools = await works.ledger.find_sales(POOLS[:2])
        epochs = {code: pool.epoch for code, pool in pools.items()}
        assert await works.ledger.next_epoch(overtaken, epochs[overtaken])
        before = await works.ledger.find_sales(POOLS)
        assert not await works.ledger.move_units(epochs, [Move(POOLS[0], POOLS[1], "A", 1)])
        assert await works.ledger.find_sales(POOLS) == before

    async def test_a_move_overtaken_by_a_recovery_moves_nothing(self, works: Works) -> None:
        await works.open(9, pools=3)
        paused = PausedGate(works.gate, "read_journal")
        moving = asyncio.create_task(
            MoveUnits(works.ledger, works.with_gate(paused).set_up_gate)([Move(POOLS[0], POOLS[1], "A", 2)])  # type: ignore[arg-type]
        )
        await paused.reached.wait()
        assert await works.set_up(POOLS[1])
        paused.go_on.set()
        assert not await moving
        await works.watch()
        await self.require_agreement(works, 9)


class TestLostData:
    """Valkey forgets."""

    async def test_a_valkey_that_may_forget_gets_no_gate(self, works: Works) -> None:
        await works.open(3)
        before = await works.sales.find_fresh("SALE")
        await works.valkey.config_set("maxmemory-policy", "volatile-lru")
        try:
            with pytest.raises(GateUnsafe, match="noeviction"):
                await works.set_up()
        finally:
            await works.valkey.config_set("maxmemory-policy", "noeviction")
        assert await works.sales.find_fresh("SALE") == before

    async def test_everything(self, works: Works) -> None:
        await works.open(6, limit=3)
        held = await works.hold(2, customer="ani")
        released = await works.hold(1, customer="budi")
        await works.resolve(released, Verb.RELEASE)
        await works.ask(works.cart(3))  # granted, and lost before anybody was told
        await works.valkey.flushdb()
        assert await works.ask(works.cart()) is Outcome.NOT_ARMED
        await works.watch()
        await works.require_true()
        assert await works.remaining() == 4
        same = works.cart(2, request_id=held.request_id)
        assert await works.ask(same) is Outcome.HELD
        assert await works.ask(works.cart(2, customer="ani")) is Outcome.LIMIT_REACHED
        assert await works.ask(works.cart(3, customer="budi")) is Outcome.HELD

    async def test_a_credit_that_was_still_owed_is_not_given_twice(self, works: Works) -> None:
        await works.open(6)
        held = await works.hold(2)
        await works.resolve(held, Verb.RELEASE)
        await works.valkey.flushdb()
        assert await works.credit() == 0
        await works.watch()
        assert await works.gate.free_units("SALE") == {"A": 6}
        await works.require_true()

    async def test_units_given_back_in_the_middle_of_a_recovery_arrive_once(self, works: Works) -> None:
        await works.open(6)
        holds = [await works.hold() for _ in range(4)]
        for held, step in zip(holds, ("freeze", "read_journal", "install", "arm"), strict=True):
            paused = PausedGate(works.gate, step)
            recovering = asyncio.create_task(works.with_gate(paused).set_up())  # type: ignore[arg-type]
            await paused.reached.wait()
            await works.resolve(held, Verb.RELEASE)
            await works.credit()
            paused.go_on.set()
            assert await recovering, step
            await works.require_true()
        assert await works.remaining() == 6

    async def test_credits_of_a_gate_that_is_shut_keep_no_other_sale_waiting(
        self, works: Works, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("lumbung_stock.usecases.credit_gate.CREDIT_BATCH", 2)
        await works.open(2, code="SHUT", arm=False)
        await works.open(6)
        held = await works.hold(2)
        async with works.postgres.connection() as conn:
            await flash_sales.insert_credits(conn, [CreditDue("SHUT", new_id()) for _ in range(3)])
        await works.resolve(held, Verb.RELEASE)
        assert await works.credit() == 1
        await works.require_true()

    async def test_a_journal_lost_with_its_grants_is_found_by_the_watch(self, works: Works) -> None:
        await works.open(6)
        await works.ask(works.cart(2))
        await works.valkey.delete(JOURNAL)
        for _ in range(2):
            await works.watch()
            assert await works.gate.free_units("SALE") == {"A": 4}
        await works.watch()
        await works.require_true()

    @pytest.mark.parametrize("units", [-1, 1])
    async def test_a_gap_is_found_while_the_journal_is_never_empty(self, works: Works, units: int) -> None:
        await works.open(9)
        await works.valkey.hincrby("lumbung:{SALE}:free", "A", units)
        before = (await works.sales.find_fresh("SALE")).epoch
        for _ in range(3):
            await works.ask(works.cart())
            await works.watch()
        assert (await works.sales.find_fresh("SALE")).epoch == before + 1
        assert await works.scalar("SELECT count(*) FROM reservation WHERE state = 1") == 3
        await works.require_true()

    async def test_a_gap_is_found_among_credits_commits_and_additions(self, works: Works) -> None:
        await works.open(6)
        before = (await works.sales.find_fresh("SALE")).epoch
        more = MoreQuota("SALE", "A", "JKT1", 1, "staff:ani")
        for round_ in range(6):
            held = await works.hold()
            await works.ask(works.cart())
            await works.resolve(held, Verb.RELEASE)
            if round_ < 3:
                await works.postgres.run(lambda conn: extend_flash_sale_quota(conn, more))
            await works.watch()
            assert (await works.sales.find_fresh("SALE")).epoch == before
            await works.credit()
        await works.commit_all()
        await works.require_true()

    async def test_a_suffix_that_was_lost_is_found_at_the_next_look(self, works: Works) -> None:
        await works.open(9)
        for _ in range(3):
            await works.hold()
        kept = {
            key: await works.valkey.hgetall(f"lumbung:{{SALE}}:{key}")
            for key in ("gate", "free", "requests", "holds")
        }
        for _ in range(2):
            await works.hold()
        await works.watch()
        for key, content in kept.items():
            await works.valkey.delete(f"lumbung:{{SALE}}:{key}")
            await works.valkey.hset(f"lumbung:{{SALE}}:{key}", mapping=content)
        assert await works.gate.free_units("SALE") == {"A": 6}
        await works.watch()
        assert await works.gate.free_units("SALE") == {"A": 4}
        await works.require_true()

    async def test_a_hole_in_the_journal_is_found_at_the_next_look(self, works: Works) -> None:
        await works.open(9)
        for _ in range(3):
            await works.ask(works.cart())
        entries = await works.gate.read_journal("SALE", 10)
        await works.valkey.xdel(JOURNAL, entries[1][0])
        await works.watch()
        assert await works.remaining() == 7
        await works.require_true()

    async def test_what_is_on_its_way_is_no_gap(self, works: Works) -> None:
        await works.open(6)
        await works.ask(works.cart(2))
        before = (await works.sales.find_fresh("SALE")).epoch
        for _ in range(5):
            await works.watch()
        await works.commit_all()
        held = await works.hold()
        await works.resolve(held, Verb.RELEASE)
        for _ in range(5):
            await works.watch()
        assert (await works.sales.find_fresh("SALE")).epoch == before
        await works.require_true()

    async def test_a_gap_that_changes_is_traffic(self, works: Works) -> None:
        await works.open(9)
        before = (await works.sales.find_fresh("SALE")).epoch
        for units in range(1, 7):
            await works.valkey.hset("lumbung:{SALE}:free", "A", str(9 - units))
            await works.watch()
        assert (await works.sales.find_fresh("SALE")).epoch == before

    async def test_what_has_shipped_still_counts_for_the_limit(self, works: Works) -> None:
        await works.open(6, limit=2)
        held = await works.hold(2, customer="ani")
        await works.resolve(held, Verb.CONFIRM)
        await works.resolve(held, Verb.SHIP)
        assert await works.ask(works.cart(customer="ani")) is Outcome.LIMIT_REACHED
        assert await works.set_up()
        assert await works.ask(works.cart(customer="ani")) is Outcome.LIMIT_REACHED
        assert await works.remaining() == 4

    async def test_trouble_with_one_sale_does_not_keep_the_watch_from_the_next(self, works: Works) -> None:
        await works.open(3, code="EARLIER")
        await works.open(3)
        await works.valkey.set("lumbung:{EARLIER}:gate", "no hash")
        await works.valkey.delete("lumbung:{SALE}:gate")
        await works.watch()
        await works.require_true()


class TestLocks:
    """Who has to wait for another does, and nobody else."""

    async def test_the_second_who_wants_the_last_units_waits_for_the_first(self, works: Works) -> None:
        first, second = (works.make_cart({"A": 6}) for _ in range(2))
        async with works.postgres.transaction() as conn:
            await reserve_from_levels(conn, [first], ["JKT1"])
            waiting = asyncio.create_task(
                works.postgres.run(lambda conn: reserve_from_levels(conn, [second], ["JKT1"]))
            )
            await until_somebody_waits_for_a_lock(works)
        (answer,) = await waiting
        assert not isinstance(answer, Failure)
        assert answer.state is ReservationState.REFUSED
        assert await works.scalar("SELECT held FROM level") == 6

    async def test_who_comes_second_to_a_hold_waits_for_the_first_and_hears_who_won(
        self, works: Works
    ) -> None:
        await works.open(3)
        held = (await works.hold()).reservation_id
        confirm = Resolution(held, Verb.CONFIRM, "confirm", order=OrderDetails("order"))
        release = Resolution(held, Verb.RELEASE, "release")
        async with works.postgres.transaction() as conn:
            await resolve_reservations(conn, [confirm])
            waiting = asyncio.create_task(
                works.postgres.run(lambda conn: resolve_reservations(conn, [release]))
            )
            await until_somebody_waits_for_a_lock(works)
        (answer,) = await waiting
        assert isinstance(answer, AlreadyResolved)
        assert answer.metadata == {"winner": "confirm"}
        await works.require_true()
        assert await works.remaining() == 2

    async def test_giving_units_back_does_not_wait_for_the_sales_lock(self, works: Works) -> None:
        """With it, a foreign key made the committer and a release wait for each other."""
        await works.open(6)
        held = await works.hold()
        async with works.postgres.transaction() as conn:
            await flash_sales.lock_sale(conn, "SALE")
            async with asyncio.timeout(60):
                await works.resolve(held, Verb.RELEASE)
        await works.require_true()

    async def test_a_refusal_written_for_the_sale_does_not_wait_for_it_either(self, works: Works) -> None:
        await works.open(6)
        refused = works.cart(refusal=Refusal("CHANNEL_NOT_ON_SALE", "no"))
        async with works.postgres.transaction() as conn:
            await flash_sales.lock_sale(conn, "SALE")
            async with asyncio.timeout(60):
                await works.postgres.run(lambda conn: reserve_from_levels(conn, [refused], ["JKT1"]))

    async def test_a_confirm_waits_neither_for_the_escrow_nor_for_the_level(self, works: Works) -> None:
        await works.open(6)
        held = await works.hold()
        async with works.postgres.transaction() as conn:
            await flash_sales.lock_items(conn, [("SALE", "A")])
            await conn.execute("SELECT FROM level FOR UPDATE")
            async with asyncio.timeout(60):
                await works.resolve(held, Verb.CONFIRM)
        await works.require_true()


class TestAnswers:
    """durable_answers"""

    async def test_what_another_replica_wrote_is_found(self, works: Works) -> None:
        await works.open(6)
        here = DurableAnswers(works.ledger, max_waiting=10)
        cart = works.cart()
        waiting = asyncio.create_task(here.wait(cart.request_id, 30.0))
        await works.ask(cart)
        await works.commit_all()
        async with asyncio.timeout(60):
            while not waiting.done():
                await here.poll()
        answer = await waiting
        assert answer is not None
        assert answer.request_id == cart.request_id

    async def test_those_without_hope_do_not_keep_the_others_from_being_found(
        self, works: Works, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("lumbung_stock.usecases.durable_answers.POLL_BATCH", 2)
        await works.open(6)
        here = DurableAnswers(works.ledger, max_waiting=10)
        lost = [asyncio.create_task(here.wait(f"lost-{number}", 30.0)) for number in range(5)]
        cart = works.cart()
        waiting = asyncio.create_task(here.wait(cart.request_id, 30.0))
        await works.ask(cart)
        await works.commit_all()
        async with asyncio.timeout(60):
            while not waiting.done():
                await here.poll()
        for task in lost:
            task.cancel()
        assert (await waiting) is not None

    async def test_who_has_gone_takes_no_place(self, works: Works) -> None:
        here = DurableAnswers(works.ledger, max_waiting=2)
        for _ in range(3):
            assert (
                await asyncio.gather(here.wait("a", 0.001), here.wait("a", 0.001), here.wait("b", 0.001))
                == [None] * 3
            )
        staying = [asyncio.create_task(here.wait(name, 30.0)) for name in "ab"]
        await asyncio.sleep(0)
        with pytest.raises(Failure, match="Too much work"):
            await here.wait("c", 0.001)
        staying[0].cancel()
        await asyncio.gather(staying[0], return_exceptions=True)
        assert await here.wait("c", 0.001) is None
        staying[1].cancel()


async def test_who_waits_for_an_answer_asks_the_gate_again(
    works: Works, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Valkey may have lost the entry; the same call journals it anew."""
    monkeypatch.setattr("lumbung_stock.usecases.reserve_on_sale.ASK_AGAIN_S", 0.05)
    monkeypatch.setattr("lumbung_stock.usecases.reserve_on_sale.ANSWER_WAITS_MAX", 10_000)
    await works.open(1)
    refuse = RefuseTogether(works.gate, max_waiting=10)
    reserve = ReserveOnSale(works.gate, works.sales, works.answers, lambda: None, refuse)
    cart = works.cart()
    with context.within(60.0):
        waiting = asyncio.create_task(reserve(cart, await works.sales.find_fresh("SALE")))
    for _ in range(2):
        async with asyncio.timeout(60):
            while not await works.gate.backlog("SALE"):
                await asyncio.sleep(0.005)
        await works.valkey.flushdb()
        assert await works.set_up()
    while not waiting.done():
        await works.commit_all()
        await works.answers.poll()
    assert (await waiting).reservation_id == cart.reservation_id
    await works.require_true()
    assert await works.remaining() == 0


class TestLimitsPerCustomer:
    """Postgres judges them too: a gate remembers what customers had only as long as Valkey loses nothing."""

    async def forgotten(self, works: Works) -> None:
        """The gate's memory of customers is lost, and nothing else."""
        await works.valkey.delete("lumbung:{SALE}:customers")

    async def test_what_a_gate_forgot_is_refused_and_credited(self, works: Works) -> None:
        await works.open(6, limit=2)
        await works.hold(2, customer="ani")
        await self.forgotten(works)
        again = works.cart(customer="ani")
        assert await works.ask(again) is Outcome.HELD
        await works.commit_all()
        refusal = (await works.find(again)).refusal
        assert refusal
        assert refusal.reason == "CUSTOMER_LIMIT_REACHED"
        assert await works.remaining() == 4
        await works.require_true()

    async def test_carts_of_one_batch_count_together(self, works: Works) -> None:
        await works.open(6, limit=2)
        carts = []
        for _ in range(4):
            carts.append(works.cart(customer="ani"))
            assert await works.ask(carts[-1]) is Outcome.HELD
            await self.forgotten(works)
        await works.commit_all()
        states = [(await works.find(cart)).state for cart in carts]
        assert states == [ReservationState.HELD] * 2 + [ReservationState.REFUSED] * 2
        await works.require_true()

    async def test_others_are_not_counted_and_what_came_back_may_be_bought_again(self, works: Works) -> None:
        await works.open(6, limit=2)
        held = await works.hold(2, customer="ani")
        await works.hold(2, customer="budi")
        await self.forgotten(works)
        await works.resolve(held, Verb.RELEASE)
        await works.hold(2, customer="ani")
        await works.require_true()

    async def test_a_sale_without_limits_is_not_looked_at(self, works: Works) -> None:
        """However many customers it has."""
        await works.open(6)
        await works.hold(2, customer="ani")
        async with works.postgres.connection() as conn:
            assert await flash_sales.bought(conn, ["SALE"], ["ani"], ["A"]) == {}

    async def test_what_a_customer_had_is_found_by_its_index(self, works: Works) -> None:
        await works.open(6, limit=2)

        async def plan(conn: Conn) -> Sequence[Any]:
            await conn.execute("SET LOCAL enable_seqscan = off")
            parameters = {"flash_sale_codes": ["SALE"], "customers": ["ani", "budi"], "sku_codes": ["A"]}
            return await (await conn.execute("EXPLAIN " + flash_sales._SQL["bought"], parameters)).fetchall()

        assert "reservation_by_customer_of_sale" in str(await works.postgres.run(plan))


class TestRefusals:
    """A refusal is told when Postgres has it, as a hold is (P3)."""

    @staticmethod
    def reserve(works: Works, refuse: RefuseTogether | None = None) -> ReserveOnSale:
        """The use case, on works whose committer does not run."""
        refuse = refuse or RefuseTogether(works.gate, max_waiting=100)
        return ReserveOnSale(works.gate, works.sales, works.answers, lambda: None, refuse)

    @staticmethod
    async def answers(works: Works, *asking: Awaitable[Reservation]) -> list[Reservation]:
        """What they hear, while the committer runs."""
        with context.within(60.0):
            waiting = [asyncio.ensure_future(each) for each in asking]
        async with asyncio.timeout(60):
            while not all(each.done() for each in waiting):
                await works.commit_all()
        return [await each for each in waiting]

    @staticmethod
    async def until_asked(works: Works, requests: int) -> None:
        """Returns when the gate has decided so many."""
        async with asyncio.timeout(60):
            while await works.valkey.hlen("lumbung:{SALE}:requests") < requests:
                await asyncio.sleep(0)

    @staticmethod
    async def until_known_short(refuse: RefuseTogether, sale: FlashSale, cart: Cart) -> None:
        """Returns when the replica has heard from the gate that the cart wants more than is left."""
        async with asyncio.timeout(60):
            while not refuse.has_little_hope(sale, cart):
                await asyncio.sleep(0)

    async def test_nobody_hears_it_before_postgres_has_it(
        self, works: Works, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """And those who come when it is known that little is left go together."""
        monkeypatch.setattr("lumbung_stock.usecases.refuse_together.MEMORY_S", 60.0)
        await works.open(1)
        await works.hold()
        refuse = RefuseTogether(works.gate, max_waiting=100)
        reserve, sale = self.reserve(works, refuse), await works.sales.find_fresh("SALE")
        carts = [works.cart(2) for _ in range(20)]
        with context.within(60.0):
            waiting = [asyncio.ensure_future(reserve(carts[0], sale))]
            await self.until_known_short(refuse, sale, carts[1])
            waiting += [asyncio.ensure_future(reserve(cart, sale)) for cart in carts[1:]]
            await self.until_asked(works, 1 + len(carts))
        assert not any(each.done() for each in waiting)
        assert await works.gate.backlog("SALE") < len(carts)
        for cart, answer in zip(carts, await self.answers(works, *waiting), strict=True):
            written = await works.find(cart)
            assert (written.state, written.refusal) == (answer.state, answer.refusal)
            assert written.state is ReservationState.REFUSED
            assert written.reservation_id == answer.reservation_id == cart.reservation_id
        await works.require_true()

    async def test_a_winner_who_asks_again_is_held_however_empty_the_pool(self, works: Works) -> None:
        await works.open(1)
        held = await works.hold(request_id="winner")
        reserve, sale = self.reserve(works), await works.sales.find_fresh("SALE")
        await self.answers(works, reserve(works.cart(), sale))
        again, loser = await self.answers(
            works, reserve(works.cart(request_id="winner"), sale), reserve(works.cart(), sale)
        )
        assert (again.reservation_id, again.state) == (held.reservation_id, ReservationState.HELD)
        assert loser.state is ReservationState.REFUSED
        other = works.cart(request_id="winner", content_hash=b"other")
        with pytest.raises(RequestIdReused):
            await reserve(other, sale)

    async def test_units_that_came_back_are_had_by_who_asks_next(self, works: Works) -> None:
        await works.open(1)
        held = await works.hold()
        reserve, sale = self.reserve(works), await works.sales.find_fresh("SALE")
        await self.answers(works, reserve(works.cart(), sale))
        await works.resolve(held, Verb.RELEASE)
        await works.credit()
        (next_one,) = await self.answers(works, reserve(works.cart(), sale))
        assert next_one.state is ReservationState.HELD

    async def test_a_gate_that_was_set_up_anew_does_not_know_every_answer(self, works: Works) -> None:
        """So that it holds nothing softly: the request may have been answered before."""
        await works.open(2)
        released = await works.hold(request_id="released")
        await works.resolve(released, Verb.RELEASE)
        await works.credit()
        await works.valkey.flushdb()
        assert await works.set_up()
        reserve, sale = self.reserve(works), await works.sales.find_fresh("SALE")
        asked = replace(works.cart(request_id="released"), durability=Durability.SOFT)
        (first,) = await self.answers(works, reserve(asked, sale))
        assert first.reservation_id == released.reservation_id
        await works.credit()
        await works.require_true()

    async def test_one_that_valkey_lost_was_never_told(
        self, works: Works, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its caller waits still, and hears what came of the request in the end."""
        monkeypatch.setattr("lumbung_stock.usecases.reserve_on_sale.ASK_AGAIN_S", 0.05)
        await works.open(1)
        held = await works.hold()
        reserve, sale = self.reserve(works), await works.sales.find_fresh("SALE")
        with context.within(60.0):
            waiting = asyncio.ensure_future(reserve(works.cart(request_id="loser"), sale))
        await self.until_asked(works, 2)
        await works.valkey.flushdb()
        await works.resolve(held, Verb.RELEASE)
        assert await works.set_up()
        told, again = await self.answers(works, waiting, reserve(works.cart(request_id="loser"), sale))
        assert told.state is again.state is ReservationState.HELD
        assert told.reservation_id == again.reservation_id
        await works.require_true()

    async def test_one_that_was_told_stays_whatever_valkey_loses(self, works: Works) -> None:
        await works.open(1)
        held = await works.hold()
        reserve, sale = self.reserve(works), await works.sales.find_fresh("SALE")
        (refused,) = await self.answers(works, reserve(works.cart(request_id="loser"), sale))
        await works.valkey.flushdb()
        await works.resolve(held, Verb.RELEASE)
        assert await works.set_up()
        sale = await works.sales.find_fresh("SALE")
        (again,) = await self.answers(works, reserve(works.cart(request_id="loser"), sale))
        assert again.state is ReservationState.REFUSED
        assert again.reservation_id == refused.reservation_id
        await works.require_true()

    async def test_one_bad_cart_of_many_refused_together_is_parked_alone(self, works: Works) -> None:
        await works.open(1)
        await works.hold()
        sale = await works.sales.find_fresh("SALE")
        carts = [works.cart(), works.cart(customer="a\x00b"), works.cart()]
        await works.gate.refuse(sale, carts)
        await works.commit_all()
        assert await works.scalar("SELECT count(*) FROM journal_dead_letter") == 1
        assert await works.scalar("SELECT count(*) FROM reservation WHERE state = 7") == 2
        await works.require_true()


async def test_who_asked_for_what_had_to_be_parked_is_told_so_for_good(
    works: Works, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lumbung_stock.usecases.reserve_on_sale.ASK_AGAIN_S", 0.05)
    await works.open(3)
    reserve, sale = (
        ReserveOnSale(works.gate, works.sales, works.answers, lambda: None),
        await works.sales.find_fresh("SALE"),
    )
    bad = works.cart(2, customer="a\x00b", request_id="bad")
    with context.within(60.0):
        waiting = asyncio.create_task(reserve(bad, sale))
        async with asyncio.timeout(60):
            while not waiting.done():
                await works.commit_all()
        with pytest.raises(HoldParked):
            await waiting
        with pytest.raises(HoldParked):
            await reserve(works.cart(2, customer="a\x00b", request_id="bad"), sale)
    await works.require_true()
    assert await works.gate.free_units("SALE") == {"A": 3}


async def test_a_due_hold_is_found_by_its_index(works: Works) -> None:
    async def plan(conn: Conn) -> Sequence[Any]:
        await conn.execute("SET LOCAL enable_seqscan = off")
        statement = reservations._SQL["find_due"]
        return await (await conn.execute("EXPLAIN " + statement, {"limit": 10})).fetchall()

    assert "reservation_by_deadline" in str(await works.postgres.run(plan))
    assert "Index Cond: (expire_time <=" in str(await works.postgres.run(plan))
