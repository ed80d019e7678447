"""Random movements, promises and catalog changes: who only follows the event log never has an old figure."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lumbung_kit.failures import Failure
from lumbung_kit.postgres import Conn, Postgres
from lumbung_stock.domain.availability import Availability
from lumbung_stock.domain.ledger import Author, Goods
from lumbung_stock.domain.places import Bin, BinKind, Warehouse
from lumbung_stock.domain.replenishment import Replenishment
from lumbung_stock.domain.reservations import Resolution, Verb
from lumbung_stock.domain.skus import SkuRecord
from lumbung_stock.stores.availability import read_figures
from lumbung_stock.usecases.adjust_stock import Correction, adjust_stock
from lumbung_stock.usecases.apply_catalog_event import apply_catalog_event
from lumbung_stock.usecases.create_warehouse import create_warehouse
from lumbung_stock.usecases.move_to_quarantine import move_to_quarantine
from lumbung_stock.usecases.put_bins import put_bins
from lumbung_stock.usecases.receive_stock import ReceiptLine, receive_stock
from lumbung_stock.usecases.reserve_from_levels import reserve_from_levels
from lumbung_stock.usecases.resolve_reservations import resolve_reservations
from lumbung_stock.usecases.scrap_stock import scrap_stock
from lumbung_stock.usecases.set_replenishment import set_replenishment
from lumbung_stock.wire.events import AVAILABILITY_CHANGED, changed_skus

pytestmark = pytest.mark.store

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"
RECIPES = {"CUP": (), "BOX": (), "TEA": (), "SET": (("BOX", 1), ("CUP", 2)), "GIFT": (("CUP", 1), ("TEA", 3))}
GOODS_VERBS = ("receive", "receive", "scrap", "adjust", "set_apart", "keep_back")
SELLING_VERBS = ("hold", "release", "retire_or_reinstate", "change_recipe")
BIN = "A-01"
_numbers = itertools.count(1)

PLAIN_STEP = st.tuples(
    st.sampled_from(GOODS_VERBS), st.sampled_from(("CUP", "BOX", "TEA")), st.integers(1, 9)
)
SELLING_STEP = st.tuples(st.sampled_from(SELLING_VERBS), st.sampled_from(tuple(RECIPES)), st.integers(1, 4))


@dataclass
class Follower:
    """Reads the figures that events name, and no others, of SKUs in a warehouse of its own."""

    postgres: Postgres
    make_cart: Any
    warehouse: str = field(default_factory=lambda: f"W{next(_numbers)}")
    records: dict[str, SkuRecord] = field(default_factory=dict)
    held: list[Any] = field(default_factory=list)
    figures: dict[str, int] = field(default_factory=dict)
    after: int = 0

    async def begin(self) -> None:
        async def work(conn: Conn) -> None:
            house = Warehouse(self.warehouse, "W", "Asia/Jakarta", 1, (0.0,), (0.0, 9.0), 0.0)
            await create_warehouse(conn, house)
            await put_bins(conn, self.warehouse, [Bin(BIN, BinKind.PICK, "", 0, 1.0, 0, 1)])

        await self.postgres.run(work)
        for code, parts in RECIPES.items():
            components = tuple((self.named(part), units) for part, units in parts)
            await self.publish(SkuRecord(self.named(code), code, bool(parts), True, components, 0))
        await self.follow()

    def named(self, code: str) -> str:
        return f"{self.warehouse}-{code}"

    async def take(self, verb: str, code: str, units: int) -> None:
        """One step, which may be refused; whatever it did, the log has told of it."""
        step: Callable[[str, int], Awaitable[None]] = getattr(self, verb)
        with suppress(Failure):
            await step(self.named(code), units)
        await self.follow()

    async def follow(self) -> None:
        """Reads what the events since then name; after that, nothing may be another than what was read last."""
        async with self.postgres.transaction() as conn:
            rows = await conn.execute(
                "SELECT outbox_id, payload FROM event_outbox WHERE kind = %s AND outbox_id > %s",
                (AVAILABILITY_CHANGED, self.after),
            )
            found = await rows.fetchall()
            everything = await read_figures(conn, list(self.records), warehouse_code=self.warehouse)
        self.after = max([self.after, *(outbox_id for outbox_id, _ in found)])
        named = {code for _, payload in found for code in changed_skus(payload)}
        self.figures |= {code: everything[code].available_to_promise for code in named & everything.keys()}
        assert self.figures == {
            code: self.recomputed(record, everything) for code, record in self.records.items()
        }

    def recomputed(self, record: SkuRecord, everything: dict[str, Availability]) -> int:
        """As often as the scarcest component allows."""
        parts = record.components or ((record.sku_code, 1),)
        return min(free(everything[part]) // units for part, units in parts) if record.active else 0

    async def publish(self, record: SkuRecord) -> None:
        async def work(conn: Conn) -> None:
            assert await apply_catalog_event(conn, record, next(_numbers))

        await self.postgres.run(work)
        self.records[record.sku_code] = record

    async def retire_or_reinstate(self, sku: str, _units: int) -> None:
        await self.publish(replace(self.records[sku], active=not self.records[sku].active))

    async def change_recipe(self, sku: str, units: int) -> None:
        (code, _), *others = self.records[sku].components or ((sku, 0),)
        components = ((code, units), *others) if self.records[sku].is_bundle else ()
        await self.publish(replace(self.records[sku], name=f"{sku} {units}", components=components))

    async def receive(self, sku: str, units: int) -> None:
        lines = [ReceiptLine(sku, BIN, units)]
        await self.book(receive_stock, self.warehouse, lines, document="PO", effective_time=None)

    async def scrap(self, sku: str, units: int) -> None:
        await self.book(scrap_stock, self.goods(sku, units), reason="broken")

    async def adjust(self, sku: str, units: int) -> None:
        correction = Correction(self.warehouse, sku, BIN, units - 5 or -1)
        await self.book(adjust_stock, correction, reason="count", document="")

    async def set_apart(self, sku: str, units: int) -> None:
        await self.book(move_to_quarantine, self.goods(sku, units), reason="wet")

    async def keep_back(self, sku: str, units: int) -> None:
        await self.book(set_replenishment, Replenishment(self.warehouse, sku, units % 4, 0, 0), reason="")

    async def hold(self, sku: str, units: int) -> None:
        recipes = {sku: dict(self.records[sku].components)} if self.records[sku].is_bundle else None
        cart = self.make_cart(
            {sku: units}, bundles=recipes, warehouse=self.warehouse, request_id=self.request_id()
        )

        async def work(conn: Conn) -> None:
            (answer,) = await reserve_from_levels(conn, [cart], [self.warehouse])
            assert not isinstance(answer, Failure)
            if answer.refusal is None:
                self.held.append(answer.reservation_id)

        await self.postgres.run(work)

    async def release(self, _sku: str, units: int) -> None:
        held = self.held.pop(units % len(self.held)) if self.held else None

        async def work(conn: Conn) -> None:
            await resolve_reservations(conn, [Resolution(held, Verb.RELEASE, self.request_id())])

        if held:
            await self.postgres.run(work)

    async def book(self, move: Callable[..., Awaitable[object]], *goods: Any, **why: Any) -> None:
        async def work(conn: Conn) -> None:
            await move(conn, Author("staff:test", self.request_id()), *goods, **why)

        await self.postgres.run(work)

    def goods(self, sku: str, units: int) -> Goods:
        return Goods(self.warehouse, sku, BIN, units)

    def request_id(self) -> str:
        return f"step-{next(_numbers)}"


def free(figures: Availability) -> int:
    """What no promise, sale or safety stock has taken."""
    promised = figures.held + figures.sold + figures.safety_stock + figures.escrow
    return max(0, figures.on_hand - promised)


@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.lists(PLAIN_STEP | SELLING_STEP, min_size=15, max_size=30))
async def test_the_last_figure_that_the_log_announced_is_the_true_one(
    make_postgres: Any, make_cart: Any, shared: dict[str, Postgres], steps: list[tuple[str, str, int]]
) -> None:
    if "postgres" not in shared:
        shared["postgres"] = await make_postgres("stock", MIGRATIONS)
    follower = Follower(shared["postgres"], make_cart)
    await follower.begin()
    for step in steps:
        await follower.take(*step)


@pytest.fixture
def shared() -> dict[str, Postgres]:
    """What the examples of one test share."""
    return {}
