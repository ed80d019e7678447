"""Random movements of every kind: after each, ledger, places, levels and promises agree with a plain model."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lumbung_kit.failures import Failure
from lumbung_kit.ids import new_id
from lumbung_kit.postgres import Conn, Postgres
from lumbung_stock.domain import places
from lumbung_stock.domain.carts import Cart
from lumbung_stock.domain.inventory_failures import NotEnoughInBin
from lumbung_stock.domain.ledger import Author, Goods
from lumbung_stock.domain.picking import ReturnCondition
from lumbung_stock.domain.places import Bin, BinKind, Warehouse
from lumbung_stock.domain.replenishment import Replenishment
from lumbung_stock.domain.reservations import Durability, Line, OrderDetails, Resolution, Verb
from lumbung_stock.domain.skus import SkuRecord
from lumbung_stock.stores.audit import count_promises, recompute_ledger
from lumbung_stock.stores.availability import read_figures
from lumbung_stock.stores.places import list_place_stock
from lumbung_stock.stores.skus import put_sku
from lumbung_stock.usecases.adjust_stock import Correction, adjust_stock
from lumbung_stock.usecases.create_warehouse import create_warehouse
from lumbung_stock.usecases.move_between_bins import BinMove, move_between_bins
from lumbung_stock.usecases.move_to_quarantine import move_to_quarantine
from lumbung_stock.usecases.put_away import put_away
from lumbung_stock.usecases.put_bins import put_bins
from lumbung_stock.usecases.receive_stock import ReceiptLine, receive_stock
from lumbung_stock.usecases.record_pick import record_pick
from lumbung_stock.usecases.record_put_back import record_put_back
from lumbung_stock.usecases.record_return import record_return
from lumbung_stock.usecases.record_short_pick import record_short_pick
from lumbung_stock.usecases.release_from_quarantine import release_from_quarantine
from lumbung_stock.usecases.reserve_from_levels import reserve_from_levels
from lumbung_stock.usecases.resolve_reservations import resolve_reservations
from lumbung_stock.usecases.scrap_stock import scrap_stock
from lumbung_stock.usecases.set_replenishment import set_replenishment
from lumbung_stock.usecases.ship_reservation import ship_reservation

pytestmark = pytest.mark.store

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"
SKUS = ("CUP", "BOX")
BINS = ("A-01", "B-01")
_numbers = itertools.count()

VERBS = (
    "pick",
    "ship",
    "sell",
    "take_return",
    "put_back",
    "cancel",
    "short",
    "receive",
    "scrap",
    "adjust",
    "move",
    "keep_back",
    "arrive",
    "put_away",
    "set_apart",
    "release",
)

step = st.tuples(
    st.sampled_from(VERBS),
    st.sampled_from(SKUS),
    st.sampled_from(BINS),
    st.integers(1, 6),
    st.integers(0, 5),
)


@dataclass
class Sale:
    """A confirmed reservation of one SKU, as the model sees it."""

    reservation_id: UUID
    sku: str
    units: int
    picked: int = 0
    returned: int = 0
    state: str = "CONFIRMED"


@dataclass
class Model:
    """What must be true: units by place and SKU, and sales. `attempt` says whether a step must succeed."""

    places: Counter[tuple[str, str]] = field(default_factory=Counter)
    kept_back: Counter[str] = field(default_factory=Counter)
    sales: list[Sale] = field(default_factory=list)

    def on_hand(self, sku: str) -> int:
        return sum(n for (place, of), n in self.places.items() if of == sku and place != places.QUARANTINE)

    def sold(self, sku: str) -> int:
        return sum(sale.units for sale in self.sales if sale.sku == sku and sale.state == "CONFIRMED")

    def available(self, sku: str) -> int:
        return max(0, self.on_hand(sku) - self.sold(sku) - self.kept_back[sku])

    def shortfall(self) -> int:
        return sum(max(0, self.sold(sku) - self.on_hand(sku)) for sku in SKUS)

    def sale(self, pick: int) -> Sale:
        return self.sales[pick % len(self.sales)]


class Walk:
    """Takes random steps in one warehouse, on the database and the model alike."""

    def __init__(self, postgres: Postgres) -> None:
        self.postgres = postgres
        self.warehouse = f"W{next(_numbers)}"
        self.model = Model()

    async def begin(self) -> None:
        async def work(conn: Conn) -> None:
            await conn.execute("UPDATE warehouse SET priority = 9")
            await create_warehouse(
                conn, Warehouse(self.warehouse, "W", "Asia/Jakarta", 1, (0.0,), (0.0, 9.0), 0.0)
            )
            bins = [Bin(code, BinKind.PICK, "", 0, 1.0, 0, 1) for code in BINS]
            await put_bins(conn, self.warehouse, bins)
            for sku in SKUS:
                await put_sku(conn, SkuRecord(sku, sku, False, True, (), 0), 1)
            await put_sku(conn, SkuRecord("SET", "SET", True, True, (("BOX", 1), ("CUP", 2)), 1), 1)

        await self.postgres.run(work)
        for sku, bin_code in itertools.product(SKUS, BINS):
            await self.take("receive", sku, bin_code, 8, 0)
            await self.take("sell", sku, bin_code, 3, 0)
        for sale in (0, 2):
            await self.take("pick", SKUS[0], BINS[0], 3, sale)
            await self.take("ship", SKUS[0], BINS[0], 3, sale)

    async def take(self, verb: str, sku: str, bin_code: str, units: int, pick: int) -> None:
        """One step; it must succeed exactly when the model says so, and change nothing otherwise."""
        allowed, work, effect = getattr(self, verb)(sku, bin_code, units, pick)
        try:
            await self.postgres.run(work)
            succeeded = True
            effect()
        except Failure:
            succeeded = False
        assert succeeded == allowed, verb
        await self.compare()

    async def compare(self) -> None:
        async with self.postgres.transaction() as conn:
            report = await recompute_ledger(conn, self.warehouse)
            assert report.differences == ()
            found = await list_place_stock(
                conn, self.warehouse, sku_codes=(), place_codes=(), after=("", ""), limit=100
            )
            assert {(each.place_code, each.sku_code): each.quantity for each in found} == +self.model.places
            figures = await read_figures(conn, [*SKUS, "SET"], warehouse_code=self.warehouse)
            for sku in SKUS:
                assert figures[sku].on_hand == self.model.on_hand(sku)
                assert figures[sku].sold == self.model.sold(sku)
                assert figures[sku].available_to_promise == self.model.available(sku)
            sets = min(self.model.available("CUP") // 2, self.model.available("BOX"))
            assert figures["SET"].available_to_promise == sets
            assert sum(figures[sku].shortfall for sku in SKUS) == self.model.shortfall()
            promises = await count_promises(conn)
            assert (promises.oversold_units, promises.conservation_gap_units) == (0, 0)
            listed = await conn.execute(
                "SELECT count(*) FROM shortfall WHERE resolve_time IS NULL AND warehouse_code = %s",
                (self.warehouse,),
            )
            short = sum(self.model.sold(sku) > self.model.on_hand(sku) for sku in SKUS)
            assert await listed.fetchone() == (short,)

    def author(self) -> Author:
        return Author("staff:test", f"step-{next(_numbers)}")

    def goods(self, sku: str, bin_code: str, units: int) -> Goods:
        return Goods(self.warehouse, sku, bin_code, units)

    def shift(self, sku: str, units: int, source: str, target: str) -> Any:
        def effect() -> None:
            for place, sign in ((source, -1), (target, 1)):
                if place not in places.OUTSIDE:
                    self.model.places[place, sku] += sign * units

        return effect

    def receive(self, sku: str, bin_code: str, units: int, _pick: int) -> Any:
        async def work(conn: Conn) -> None:
            lines = [ReceiptLine(sku, bin_code, units)]
            await receive_stock(
                conn, self.author(), self.warehouse, lines, document="PO", effective_time=None
            )

        return True, work, self.shift(sku, units, places.SUPPLIER, bin_code)

    def arrive(self, sku: str, _bin_code: str, units: int, pick: int) -> Any:
        return self.receive(sku, (places.RECEIVING, places.QUARANTINE)[pick == 0], units, pick)

    def put_away(self, sku: str, bin_code: str, units: int, _pick: int) -> Any:
        async def work(conn: Conn) -> None:
            await put_away(conn, self.author(), self.warehouse, [ReceiptLine(sku, bin_code, units)])

        there = self.has(sku, places.RECEIVING, units)
        return there, work, self.shift(sku, units, places.RECEIVING, bin_code)

    def set_apart(self, sku: str, bin_code: str, units: int, pick: int) -> Any:
        source = bin_code if pick % 2 else places.RECEIVING

        async def work(conn: Conn) -> None:
            await move_to_quarantine(conn, self.author(), self.goods(sku, source, units), reason="wet")

        return self.has(sku, source, units), work, self.shift(sku, units, source, places.QUARANTINE)

    def release(self, sku: str, bin_code: str, units: int, _pick: int) -> Any:
        async def work(conn: Conn) -> None:
            await release_from_quarantine(conn, self.author(), self.goods(sku, bin_code, units), reason="dry")

        there = self.has(sku, places.QUARANTINE, units)
        return there, work, self.shift(sku, units, places.QUARANTINE, bin_code)

    def move(self, sku: str, bin_code: str, units: int, _pick: int) -> Any:
        target = BINS[1 - BINS.index(bin_code)]

        async def work(conn: Conn) -> None:
            await move_between_bins(
                conn, self.author(), BinMove(self.warehouse, sku, units, bin_code, target), reason=""
            )

        return self.has(sku, bin_code, units), work, self.shift(sku, units, bin_code, target)

    def adjust(self, sku: str, bin_code: str, units: int, pick: int) -> Any:
        up = pick % 2 == 0

        async def work(conn: Conn) -> None:
            correction = Correction(self.warehouse, sku, bin_code, units if up else -units)
            await adjust_stock(conn, self.author(), correction, reason="count", document="")

        ends = (places.ADJUSTMENT, bin_code) if up else (bin_code, places.ADJUSTMENT)
        return up or self.has(sku, bin_code, units), work, self.shift(sku, units, *ends)

    def scrap(self, sku: str, bin_code: str, units: int, _pick: int) -> Any:
        async def work(conn: Conn) -> None:
            await scrap_stock(conn, self.author(), self.goods(sku, bin_code, units), reason="broken")

        return self.has(sku, bin_code, units), work, self.shift(sku, units, bin_code, places.SCRAP)

    def short(self, sku: str, bin_code: str, units: int, _pick: int) -> Any:
        async def work(conn: Conn) -> None:
            await record_short_pick(conn, self.author(), None, self.goods(sku, bin_code, units))

        return self.has(sku, bin_code, units), work, self.shift(sku, units, bin_code, places.ADJUSTMENT)

    def keep_back(self, sku: str, _bin_code: str, units: int, _pick: int) -> Any:
        async def work(conn: Conn) -> None:
            figures = Replenishment(self.warehouse, sku, units, 0, 0)
            await set_replenishment(conn, self.author(), figures, reason="")

        def effect() -> None:
            self.model.kept_back[sku] = units

        return True, work, effect

    def sell(self, sku: str, _bin_code: str, units: int, _pick: int) -> Any:
        sale = Sale(new_id(), sku, units)

        async def work(conn: Conn) -> None:
            (answer,) = await reserve_from_levels(conn, [self.cart(sale)], [self.warehouse])
            assert not isinstance(answer, Failure)
            if answer.refusal is not None:
                raise Refused
            order = OrderDetails(order_reference=str(sale.reservation_id))
            await self.resolve(conn, sale, Verb.CONFIRM, order)

        return units <= self.model.available(sku), work, lambda: self.model.sales.append(sale)

    def pick(self, _sku: str, bin_code: str, units: int, pick: int) -> Any:
        sale = self.model.sale(pick)
        units = within(units, sale.units - sale.picked, pick)

        async def work(conn: Conn) -> None:
            await record_pick(conn, self.author(), sale.reservation_id, self.goods(sale.sku, bin_code, units))

        def effect() -> None:
            self.shift(sale.sku, units, bin_code, places.PACKING)()
            sale.picked += units

        open_to_pick = sale.state == "CONFIRMED" and units <= sale.units - sale.picked
        return open_to_pick and self.has(sale.sku, bin_code, units), work, effect

    def put_back(self, _sku: str, bin_code: str, units: int, pick: int) -> Any:
        sale = self.model.sale(pick)
        units = within(units, sale.picked, pick)

        async def work(conn: Conn) -> None:
            goods = self.goods(sale.sku, bin_code, units)
            await record_put_back(conn, self.author(), sale.reservation_id, goods)

        def effect() -> None:
            self.shift(sale.sku, units, places.PACKING, bin_code)()
            sale.picked -= units

        return sale.state != "SHIPPED" and units <= sale.picked, work, effect

    def ship(self, _sku: str, _bin_code: str, _units: int, pick: int) -> Any:
        sale = self.model.sale(pick)

        async def work(conn: Conn) -> None:
            wish = Resolution(sale.reservation_id, Verb.SHIP, f"step-{next(_numbers)}", document="JNE")
            await ship_reservation(conn, self.author(), wish)

        def effect() -> None:
            self.shift(sale.sku, sale.units, places.PACKING, places.CUSTOMER)()
            sale.state = "SHIPPED"

        return sale.state == "CONFIRMED" and sale.picked == sale.units, work, effect

    def cancel(self, _sku: str, _bin_code: str, _units: int, pick: int) -> Any:
        sale = self.model.sale(pick)

        async def work(conn: Conn) -> None:
            await self.resolve(conn, sale, Verb.CANCEL)

        def effect() -> None:
            sale.state = "CANCELLED"

        return sale.state == "CONFIRMED", work, effect

    def take_return(self, _sku: str, bin_code: str, units: int, pick: int) -> Any:
        sale = self.model.sale(pick)
        if sale is None:
            return None
        condition = tuple(ReturnCondition)[pick % 3]
        target = {
            ReturnCondition.RESTOCK: bin_code,
            ReturnCondition.QUARANTINE: places.QUARANTINE,
            ReturnCondition.SCRAP: places.SCRAP,
        }[condition]

        async def work(conn: Conn) -> None:
            goods = self.goods(sale.sku, bin_code, units)
            await record_return(
                conn, self.author(), sale.reservation_id, goods, condition=condition, reason=""
            )

        def effect() -> None:
            self.shift(sale.sku, units, places.CUSTOMER, target)()
            sale.returned += units

        return sale.state == "SHIPPED" and units <= sale.units - sale.returned, work, effect

    def has(self, sku: str, bin_code: str, units: int) -> bool:
        return self.model.places[bin_code, sku] >= units

    def cart(self, sale: Sale) -> Cart:
        return Cart(
            reservation_id=sale.reservation_id,
            request_id=str(sale.reservation_id),
            content_hash=b"",
            lines=(Line(sale.sku, sale.units, ((sale.sku, 1),)),),
            channel_code="web",
            customer_reference="",
            ttl_s=600,
            durability=Durability.DURABLE,
            warehouse_code=self.warehouse,
            flash_sale_code="",
            actor="test",
            traceparent="",
        )

    async def resolve(self, conn: Conn, sale: Sale, verb: Verb, order: OrderDetails | None = None) -> None:
        wish = Resolution(sale.reservation_id, verb, f"step-{next(_numbers)}", order=order)
        (answer,) = await resolve_reservations(conn, [wish])
        if isinstance(answer, Failure):
            raise answer


def within(units: int, room: int, pick: int) -> int:
    """Mostly what there is room for, so that walks come far; sometimes whatever was drawn."""
    return max(1, room) if pick % 3 else units


class Refused(Failure):
    """The cart could not be had."""


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.lists(step, min_size=30, max_size=50))
async def test_after_every_step_the_books_agree_with_the_model(
    make_postgres: Any, shared: dict[str, Postgres], steps: list[tuple[str, str, str, int, int]]
) -> None:
    if "postgres" not in shared:
        shared["postgres"] = await make_postgres("stock", MIGRATIONS)
    walk = Walk(shared["postgres"])
    await walk.begin()
    for one in steps:
        await walk.take(*one)


async def test_walkers_in_one_warehouse_at_once_leave_books_that_agree(make_postgres: Any, seed: int) -> None:
    postgres = await make_postgres("stock", MIGRATIONS)
    first = Walk(postgres)
    await first.begin()
    dice = random.Random(seed)
    verbs = ("receive", "move", "adjust", "scrap", "short", "keep_back", "sell")
    verbs += ("arrive", "put_away", "set_apart", "release")

    async def wander() -> None:
        for _ in range(12):
            book = getattr(first, dice.choice(verbs))(
                dice.choice(SKUS), dice.choice(BINS), dice.randint(1, 6), dice.randint(0, 7)
            )
            with suppress(NotEnoughInBin, Refused):
                await postgres.run(book[1])

    await asyncio.gather(*(wander() for _ in range(8)))
    async with postgres.transaction() as conn:
        report = await recompute_ledger(conn, "")
        promises = await count_promises(conn)
        rows = await conn.execute("SELECT sequence FROM ledger_entry ORDER BY sequence")
        sequences = [sequence async for (sequence,) in rows]
    assert report.differences == ()
    assert sequences == list(range(1, len(sequences) + 1))
    assert (promises.oversold_units, promises.conservation_gap_units) == (0, 0)


@pytest.fixture
def shared() -> dict[str, Postgres]:
    """What the examples of one test share."""
    return {}
