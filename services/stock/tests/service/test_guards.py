"""Each guard against overselling, removed: the next one holds, and without any the scenario notices.

The same scenario runs against the real thing and against sabotaged ones. What it asserts is therefore known to
fail when a guard is missing.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pytest

from lumbung_kit.valkey import ScriptCall, ScriptClient, Valkey, connect
from lumbung_stock.domain.allocate import Allocator
from lumbung_stock.domain.reservations import Draw
from lumbung_stock.domain.settle import Escrow
from lumbung_stock.stores import gate as gate_store
from lumbung_stock.stores.gate import Gate
from lumbung_stock.stores.journal_codec import Outcome

if TYPE_CHECKING:
    from services.stock.tests.conftest import MakeCart, MakeSale, OpenShop, Shop

pytestmark = pytest.mark.store

STOCK, QUOTA, BUYERS = 20, 20, 60
PATIENCE_S = 60.0
UNIT_CHECK = "elseif has < units[index] and outcome == HELD then"
LIMIT_CHECK = "if limits[index] > 0 and had + units[index] > limits[index] then"


def sabotaged(check: str) -> str:
    """reserve.lua with one of its checks never true."""
    source = files("lumbung_stock.stores").joinpath("reserve.lua").read_text()
    assert source.count(check) == 1
    return source.replace(check, check.split(maxsplit=1)[0] + " false then")


def sabotage_script(monkeypatch: pytest.MonkeyPatch, check: str) -> None:
    """Every gate made from now on has the sabotaged script."""

    load = gate_store._load

    def load_sabotaged(scripts: ScriptClient, filename: str) -> ScriptCall:
        return scripts.script(sabotaged(check)) if filename == "reserve.lua" else load(scripts, filename)

    monkeypatch.setattr(gate_store, "_load", load_sabotaged)


def sabotage_escrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A committer that gives whatever is asked."""

    def take(self: Escrow, cart: Any, demand: dict[str, int]) -> tuple[Draw, ...]:
        return tuple(
            Draw(self._items[sku].warehouse_code, sku, units, from_escrow=True)
            for sku, units in sorted(demand.items())
        )

    monkeypatch.setattr(Escrow, "take", take)


def sabotage_allocator(monkeypatch: pytest.MonkeyPatch) -> None:
    """An ordinary sale that gives whatever is asked."""
    monkeypatch.setattr(Allocator, "_covers", lambda *_: True)


async def drop_check(shop: Shop, table: str, name: str) -> None:
    """The database's own bound, gone."""
    await shop.admin.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")


async def rush_at_gate(gate: Gate, make_cart: MakeCart, make_sale: MakeSale) -> list[str]:
    """Sixty at once for twenty units, two each per customer at most: what is wrong afterwards."""
    sale = make_sale("SALE", {"A": QUOTA}, limit=2)
    await gate.freeze("SALE", 1)
    await gate.install(sale, [])
    await gate.arm("SALE", 1)
    carts = [make_cart({"A": 1}, customer=f"c{number // 4}") for number in range(BUYERS)]
    answers = await asyncio.gather(*(gate.reserve(sale, cart) for cart in carts))
    held = [cart for cart, answer in zip(carts, answers, strict=True) if answer.outcome is Outcome.HELD]
    troubles = []
    if len(held) > QUOTA:
        troubles.append(f"oversold: the gate gave {len(held)} of {QUOTA}")
    if max(Counter(cart.customer_reference for cart in held).values()) > 2:
        troubles.append("a customer has more than the limit")
    if (await gate.free_units("SALE"))["A"] != QUOTA - len(held):
        troubles.append("free units do not agree with what was given")
    return troubles


async def rush(shop: Shop, sale: str, buyers: int = BUYERS) -> tuple[Counter[str], list[str]]:
    """So many at once for twenty units: the answers, and what is wrong afterwards."""
    asks = [shop.ask({"A": 1}, sale=sale) for _ in range(buyers)]
    answers = Counter(
        await asyncio.gather(
            *(shop.outcome(shop.reservations.Reserve(ask, timeout=PATIENCE_S)) for ask in asks)
        )
    )
    troubles = await shop.troubles()
    if answers["HELD"] > STOCK:
        troubles.append(f"oversold: {answers['HELD']} were told that they hold one of {STOCK}")
    return answers, troubles


class TestAtTheGate:
    """reserve.lua alone."""

    @pytest.fixture
    async def valkey(self, valkey_url: str) -> AsyncIterator[Valkey]:
        client = connect(valkey_url)
        yield client
        await client.aclose()

    async def test_as_it_is_the_gate_gives_what_there_is(
        self, valkey: Valkey, make_cart: MakeCart, make_sale: MakeSale
    ) -> None:
        assert await rush_at_gate(Gate(valkey, journal_max=100), make_cart, make_sale) == []

    @pytest.mark.parametrize(("check", "noticed"), [(UNIT_CHECK, "oversold"), (LIMIT_CHECK, "limit")])
    async def test_without_a_check_the_scenario_notices(
        self,
        valkey: Valkey,
        make_cart: MakeCart,
        make_sale: MakeSale,
        monkeypatch: pytest.MonkeyPatch,
        check: str,
        noticed: str,
    ) -> None:
        sabotage_script(monkeypatch, check)
        troubles = await rush_at_gate(Gate(valkey, journal_max=100), make_cart, make_sale)
        assert any(noticed in trouble for trouble in troubles), troubles


class TestFlashSale:
    """From the call to Postgres: gate, committer, CHECK."""

    @pytest.fixture
    def start(self, open_shop: OpenShop) -> Any:
        async def start() -> Shop:
            shop = await open_shop()
            await shop.put("A", STOCK)
            await shop.open_sale("SALE", {"A": QUOTA})
            return shop

        return start

    async def test_as_it_is_nothing_is_wrong(self, start: Any) -> None:
        answers, troubles = await rush(await start(), "SALE")
        assert (answers, troubles) == ({"HELD": QUOTA, "OUT_OF_STOCK": BUYERS - QUOTA}, [])

    async def test_without_the_script_s_check_postgres_refuses_what_is_not_there(
        self, start: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sabotage_script(monkeypatch, UNIT_CHECK)
        answers, troubles = await rush(await start(), "SALE")
        assert (answers, troubles) == ({"HELD": QUOTA, "OUT_OF_STOCK": BUYERS - QUOTA}, [])

    async def test_without_the_committer_s_check_too_the_table_s_bound_stops_it(
        self, start: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sabotage_script(monkeypatch, UNIT_CHECK)
        sabotage_escrow(monkeypatch)
        shop = await start()
        answers, troubles = await rush(shop, "SALE")
        assert (answers, troubles) == ({"HELD": QUOTA, "HOLD_PARKED": BUYERS - QUOTA}, [])
        parked = (
            "SELECT count(*) FROM journal_dead_letter WHERE error LIKE '%%flash_sale_item_never_oversold%%'"
        )

        assert await shop.scalar(parked) == BUYERS - QUOTA
        assert (await shop.item("SALE", "A")).held == QUOTA
        await shop.require_conserved()

    async def test_without_any_the_scenario_notices(
        self, start: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sabotage_script(monkeypatch, UNIT_CHECK)
        sabotage_escrow(monkeypatch)
        shop = await start()
        await drop_check(shop, "flash_sale_item", "flash_sale_item_never_oversold")
        answers, troubles = await rush(shop, "SALE")
        assert answers == {"HELD": BUYERS}
        assert len([trouble for trouble in troubles if trouble.startswith("oversold")]) >= 2, troubles


class TestOrdinarySale:
    """From the call to Postgres: allocator, CHECK."""

    async def test_as_it_is_nothing_is_wrong(self, shop: Shop) -> None:
        await shop.put("A", STOCK)
        answers, troubles = await rush(shop, "")
        assert (answers, troubles) == ({"HELD": STOCK, "OUT_OF_STOCK": BUYERS - STOCK}, [])

    async def test_without_the_allocator_s_check_the_table_s_bound_stops_it(
        self, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sabotage_allocator(monkeypatch)
        await shop.put("A", STOCK)
        answers, troubles = await rush(shop, "", STOCK + 2)
        assert (answers, troubles) == ({"HELD": STOCK, "INTERNAL": 2}, [])

    async def test_without_either_the_scenario_notices(
        self, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sabotage_allocator(monkeypatch)
        await shop.put("A", STOCK)
        await drop_check(shop, "level", "level_never_oversold")
        answers, troubles = await rush(shop, "")
        assert answers == {"HELD": BUYERS}
        assert len([trouble for trouble in troubles if trouble.startswith("oversold")]) >= 2, troubles

    async def test_the_bound_is_the_one_with_the_name(self, shop: Shop) -> None:
        await shop.put("A", 1)
        with pytest.raises(Exception, match="level_never_oversold"):
            await shop.sql.execute("UPDATE level SET held = 2")


async def test_the_continuous_check_notices_an_oversell_too(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AuditService.CheckPromises is what pages somebody in a running system."""
    from lumbung.stock.v1 import inventory_pb2, inventory_pb2_grpc

    audit = inventory_pb2_grpc.AuditServiceStub(shop.channel)
    await shop.put("A", STOCK)
    await rush(shop, "")
    assert (await audit.CheckPromises(inventory_pb2.CheckPromisesRequest())).oversold_units == 0
    sabotage_allocator(monkeypatch)
    await drop_check(shop, "level", "level_never_oversold")
    await shop.hold({"A": 3})
    assert (await audit.CheckPromises(inventory_pb2.CheckPromisesRequest())).oversold_units == 3
