"""The gate's scripts, each outcome of each, on a real Valkey."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from redis.exceptions import ResponseError

from lumbung_kit.failures import Overloaded
from lumbung_kit.ids import new_id
from lumbung_kit.valkey import Valkey, connect
from lumbung_stock.domain.answers import decided
from lumbung_stock.domain.flash_sales import Taken
from lumbung_stock.domain.reckoning import GateStanding
from lumbung_stock.domain.reservations import Draw, Durability
from lumbung_stock.stores.gate import REFUSE_BATCH, REFUSE_SKUS_MAX, Gate, GateAnswer, GateStatus
from lumbung_stock.stores.journal_codec import Outcome, decode, split

if TYPE_CHECKING:
    from services.stock.tests.conftest import MakeCart, MakeSale

pytestmark = pytest.mark.store

JOURNAL_MAX = 50
KEYS = ("gate", "free", "requests", "holds", "customers", "journal")


@pytest.fixture(params=["2", "3", "cluster"])
async def valkey(request: pytest.FixtureRequest) -> AsyncIterator[Valkey]:
    """A client, once for each version of the wire protocol (they answer XREAD differently), and of a cluster."""
    if request.param == "cluster":
        client = connect(request.getfixturevalue("valkey_cluster").url)
    else:
        client = connect(f"{request.getfixturevalue('valkey_server').url}?protocol={request.param}")
    await client.flushdb()
    yield client
    await client.aclose()


@pytest.fixture
def gate(valkey: Valkey) -> Gate:
    return Gate(valkey, journal_max=JOURNAL_MAX)


async def content(valkey: Valkey) -> dict[str, Any]:
    """Everything in Valkey."""
    found: dict[str, Any] = {}
    for key in sorted(await valkey.keys("*")):
        read = valkey.xrange if key.endswith(b":journal") else valkey.hgetall
        found[key.decode()] = await read(key)
    return found


async def opened(gate: Gate, sale: Any) -> None:
    """Sets the gate up as after an opening."""
    assert await gate.freeze(sale.flash_sale_code, sale.epoch)
    assert await gate.install(sale, [])
    assert await gate.arm(sale.flash_sale_code, sale.epoch)


def held(cart: Any, *draws: Draw) -> Taken:
    """What Postgres would have of a cart."""
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    return Taken.by(decided(cart, draws, (moment, moment)))


class TestExtend:
    """extend_gate.lua"""

    async def test_each_extension_adds_its_units_once(self, gate: Gate, make_sale: MakeSale) -> None:
        await opened(gate, make_sale("SALE", {"A": 2, "B": 1}))
        first, second = new_id(), new_id()
        assert await gate.extend("SALE", 1, [(first, "A", 3), (second, "B", 4)])
        assert await gate.extend("SALE", 1, [(first, "A", 3)])
        assert await gate.free_units("SALE") == {"A": 5, "B": 5}

    async def test_an_extension_is_no_hold_and_gives_nothing_back(
        self, gate: Gate, make_sale: MakeSale
    ) -> None:
        await opened(gate, make_sale("SALE", {"A": 2}))
        extension = new_id()
        await gate.extend("SALE", 1, [(extension, "A", 3)])
        assert await gate.credit("SALE", 1, [(extension, {})])
        assert await gate.free_units("SALE") == {"A": 5}

    async def test_a_gate_that_is_not_armed_under_this_epoch_takes_none(
        self, gate: Gate, valkey: Valkey, make_sale: MakeSale
    ) -> None:
        await opened(gate, make_sale("SALE", {"A": 2}))
        before = await content(valkey)
        assert not await gate.extend("SALE", 2, [(new_id(), "A", 3)])
        assert await content(valkey) == before
        assert await gate.freeze("SALE", 2)
        assert not await gate.extend("SALE", 2, [(new_id(), "A", 3)])
        assert await gate.free_units("SALE") == {"A": 2}


class TestReckon:
    """reckon_gate.lua"""

    async def test_it_tells_what_is_free_and_what_is_on_its_way(
        self, gate: Gate, make_cart: MakeCart, make_sale: MakeSale
    ) -> None:
        sale = make_sale("SALE", {"A": 5, "B": 5})
        await opened(gate, sale)
        carts = [make_cart({"A": 1, "B": 2}), make_cart({"A": 9}), make_cart({"A": 1})]
        for cart in carts:
            await gate.reserve(sale, cart)
        first = await gate.read_journal("SALE", 1)
        await gate.acknowledge("SALE", [(entry_id, fields["hold"]) for entry_id, fields in first])
        extension = new_id()
        await gate.extend("SALE", 1, [(extension, "B", 1)])
        found = await gate.reckon("SALE", [carts[0].reservation_id, extension, new_id()])
        assert found == GateStanding(
            armed=True,
            epoch=1,
            seq=3,
            unbroken=True,
            free={"A": 3, "B": 4},
            on_the_way=[carts[2].reservation_id],
            records={
                carts[0].reservation_id: {"A": 1, "B": 2},
                carts[2].reservation_id: {"A": 1},
                extension: {},
            },
        )

    @pytest.mark.parametrize("lost", [2, 3], ids=["a hole", "the end"])
    async def test_a_hole_in_the_journal_and_a_lost_end_are_seen(
        self, gate: Gate, valkey: Valkey, make_cart: MakeCart, make_sale: MakeSale, lost: int
    ) -> None:
        sale = make_sale("SALE", {"A": 5})
        await opened(gate, sale)
        for _ in range(4):
            await gate.reserve(sale, make_cart({"A": 1}))
        entries = await gate.read_journal("SALE", 10)
        await valkey.xdel(f"lumbung:{{{sale.flash_sale_code}}}:journal", entries[lost][0])
        found = await gate.reckon("SALE", [])
        assert found is not None
        assert not found.unbroken

    async def test_entries_that_are_not_ours_stop_nobody(
        self, gate: Gate, valkey: Valkey, make_sale: MakeSale
    ) -> None:
        await opened(gate, make_sale("SALE", {"A": 5}))
        await valkey.xadd(
            "lumbung:{SALE}:journal", {"outcome": "1", "hold": b"\xff", "epoch": "1", "seq": "x"}
        )
        found = await gate.reckon("SALE", [])
        assert found is not None
        assert found.on_the_way == []

    async def test_a_journal_that_is_too_long_is_not_looked_at(
        self, gate: Gate, make_cart: MakeCart, make_sale: MakeSale, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("lumbung_stock.stores.gate.RECKON_MAX", 2)
        sale = make_sale("SALE", {"A": 5})
        await opened(gate, sale)
        for _ in range(3):
            await gate.reserve(sale, make_cart({"A": 1}))
        assert await gate.reckon("SALE", []) is None


class TestReserve:
    """reserve.lua"""

    async def test_held_takes_the_units_and_journals_the_cart(
        self, gate: Gate, make_cart: MakeCart, make_sale: MakeSale
    ) -> None:
        sale = make_sale("SALE", {"A": 5, "B": 5}, limit=4)
        await opened(gate, sale)
        cart = make_cart([("A", 1), ("B", 2), ("A", 2)], customer="ani", sale="SALE")
        answer = await gate.reserve(sale, cart)
        assert (answer.outcome, answer.hold_id) == (Outcome.HELD, cart.reservation_id)
        assert await gate.free_units("SALE") == {"A": 2, "B": 3}
        ((_, fields),) = await gate.read_journal("SALE", 10)
        assert decode(fields) == cart
        assert (fields["epoch"], fields["seq"]) == ("1", "1")

    async def test_the_last_unit_can_be_had_and_no_further(
        self, gate: Gate, make_cart: MakeCart, make_sale: MakeSale
    ) -> None:
        sale = make_sale("SALE", {"A": 3})
        await opened(gate, sale)
        outcomes = [(await gate.reserve(sale, make_cart({"A": units}))).outcome for units in (4, 2, 2, 1, 1)]
        assert outcomes == [
            Outcome.OUT_OF_STOCK,
            Outcome.HELD,
            Outcome.OUT_OF_STOCK,
            Outcome.HELD,
            Outcome.OUT_OF_STOCK,
        ]
        assert await gate.free_units("SALE") == {"A": 0}

    async def test_all_skus_or_none_and_the_refusal_is_journaled_with_what_there_was(
        self, gate: Gate, valkey: Valkey, make_cart: MakeCart, make_sale: MakeSale
    ) -> None:
        sale = make_sale("SALE", {"A": 5, "B": 1})
        await opened(gate, sale)
        before = await content(valkey)
        cart = make_cart({"A": 1, "B": 2}, sale="SALE")
        assert (await gate.reserve(sale, cart)).outcome is Outcome.OUT_OF_STOCK
        after = await content(valkey)
        unchanged = ("free", "holds", "customers")
        assert [after.get(f"lumbung:{{SALE}}:{key}") for key in unchanged] == [
            before.get(f"lumbung:{{SALE}}:{key}") for key in unchanged
        ]
        ((_, fields),) = await gate.read_journal("SALE", 10)
        refusal = decode(fields).refusal
        assert refusal is not None
        assert [(line.line_index, line.available_quantity) for line in refusal.lines] == [(1, 1)]

    async def test_a_want_of_units_that_is_not_the_last_word_leaves_no_trace(
        self, gate: Gate, valkey: Valkey, make_cart: MakeCart, make_sale: MakeSale
    ) -> None:
        sale = make_sale("SALE", {"A": 2}, limit=2)
        await opened(gate, sale)
        before = await content(valkey)
        cart = make_cart({"A": 3}, customer="ani")
        short = make_sale("SALE", {"A": 2})
        assert await gate.reserve(short, cart, last_word=False) == GateAnswer(Outcome.OUT_OF_STOCK, None)
        assert await content(valkey) == before
        limited = make_cart({"A": 3}, customer="ani")
        answer = await gate.reserve(sale, limited, last_word=False)
        assert (answer.outcome, answer.hold_id) == (Outcome.LIMIT_REACHED, limited.reservation_id)
        granted = make_cart({"A": 2}, customer="budi")
        assert (await gate.reserve(sale, granted, last_word=False)).outcome is Outcome.HELD
        assert (await gate.reserve(short, cart)).hold_id == cart.reservation_id

    async def test_the_limit_counts_each_sku_of_each_customer(
        self, gate: Gate, make_cart: MakeCart, make_sale: MakeSale
    ) -> None:
        sale = make_sale("SALE", {"A": 9, "B": 9}, limit=2)
        await opened(gate, sale)

        async def ask(customer: str, **lines: int) -> Outcome:
            return (await gate.reserve(sale, make_cart(lines, customer=customer))).outcome

        assert await ask("ani", A=2) is Outcome.HELD
        assert await ask("ani", A=1) is Outcome.LIMIT_REACHED
        assert await ask("ani", A=1, B=1) is Outcome.LIMIT_REACHED
        assert await ask("ani", B=2) is Outcome.HELD
        assert await ask("budi", A=2, B=2) is Outcome.HELD
        assert await ask("citra", A=3) is Outcome.LIMIT_REACHED
        assert await gate.free_units("SALE") == {"A": 5, "B": 5}

    async def test_who_is_over_the_limit_hears_of_it_also_when_nothing_is_left(
        self, gate: Gate, make_cart: MakeCart, make_sale: MakeSale
    ) -> None:
        sale = make_sale("SALE", {"A": 1, "B": 0}, limit=1)
        await opened(gate, sale)
        await gate.reserve(sale, make_cart({"A": 1}, customer="ani"))
        for lines in ({"A": 1}, {"A": 1, "B": 1}):
            answer = await gate.reserve(sale, make_cart(lines, customer="ani"))
            assert answer.outcome is Outcome.LIMIT_REACHED

    @pytest.mark.parametrize("case", ["no gate", "frozen", "older epoch", "newer epoch"])
    async def test_a_gate_that_is_not_armed_under_this_epoch_writes_nothing(
        self, gate: Gate, valkey: Valkey, make_cart: MakeCart, make_sale: MakeSale, case: str
    ) -> None:
        sale = make_sale("SALE", {"A": 5}, epoch=5)
        if case != "no gate":
            await opened(gate, sale)
        if case == "frozen":
            await gate.freeze("SALE", 5)
        asked = make_sale("SALE", {"A": 5}, epoch={"older epoch": 4, "newer epoch": 6}.get(case, 5))
        before = await content(valkey)
        answer = await gate.reserve(asked, make_cart({"A": 1}))
        assert (answer.outcome, answer.hold_id) == (Outcome.NOT_ARMED, None)
        assert await content(valkey) == before

    @pytest.mark.parametrize(
        ("units", "customer", "first"),
        [(1, "ani", Outcome.HELD), (4, "ani", Outcome.OUT_OF_STOCK), (5, "ani", Outcome.LIMIT_REACHED)],
    )
    async def test_a_request_seen_before_gets_its_first_answer_and_changes_nothing(
        self,
        gate: Gate,
        valkey: Valkey,
        make_cart: MakeCart,
        make_sale: MakeSale,
        units: int,
        customer: str,
        first: Outcome,
    ) -> None:
        sale = make_sale("SALE", {"A": 3}, limit=4)
        await opened(gate, sale)
        cart = make_cart({"A": units}, request_id="once", customer=customer)
        assert (await gate.reserve(sale, cart)).outcome is first
        before = await content(valkey)
        again = await gate.reserve(sale, make_cart({"A": units}, request_id="once", customer=customer))
        assert (again.outcome, again.hold_id) == (first, cart.reservation_id)
        other = make_cart({"A": units}, request_id="once", customer=customer, content_hash=b"other")
        assert (await gate.reserve(sale, other)).outcome is Outcome.REQUEST_REUSED
        assert await content(valkey) == before

    async def test_a_full_journal_takes_nothing_more_but_knows_whom_it_has_answered(
        self, gate: Gate, valkey: Valkey, make_cart: MakeCart, make_sale: MakeSale
    ) -> None:
        sale = make_sale("SALE", {"A": 1_000})
        await opened(gate, sale)
        carts = [make_cart({"A": 1}) for _ in range(JOURNAL_MAX)]
        await asyncio.gather(*(gate.reserve(sale, cart) for cart in carts))
        before = await content(valkey)
        late = make_cart({"A": 1})
        assert (await gate.reserve(sale, late)).outcome is Outcome.JOURNAL_FULL
        assert (await gate.reserve(sale, carts[0])).outcome is Outcome.HELD
        assert await content(valkey) == before
        entries = await gate.read_journal("SALE", 1)
        await gate.acknowledge("SALE", [(entry_id, fields["hold"]) for entry_id, fields in entries])
        assert (await gate.reserve(sale, late)).outcome is Outcome.HELD

    async def test_a_hundred_skus_in_one_cart(
        self, gate: Gate, make_cart: MakeCart, make_sale: MakeSale
    ) -> None:
        skus = {f"SKU-{number}": 1 for number in range(100)}
        sale = make_sale("SALE", skus, limit=1)
        await opened(gate, sale)
        assert (await gate.reserve(sale, make_cart(skus, customer="ani"))).outcome is Outcome.HELD
        assert set((await gate.free_units("SALE")).values()) == {0}

    async def test_an_error_comes_before_the_first_write(
        self, gate: Gate, valkey: Valkey, make_cart: MakeCart, make_sale: MakeSale
    ) -> None:
        sale = make_sale("SALE", {"A": 5}, limit=1)
        await opened(gate, sale)
        await valkey.set("lumbung:{SALE}:customers", "not a hash")
        with pytest.raises(ResponseError):
            await gate.reserve(sale, make_cart({"A": 1}, customer="ani"))
        assert await gate.free_units("SALE") == {"A": 5}
        assert await gate.backlog("SALE") == 0

    async def test_every_key_of_a_sale_lives_on_one_shard(
        self, gate: Gate, valkey: Valkey, make_cart: MakeCart, make_sale: MakeSale
    ) -> None:
        sale = make_sale("SALE", {"A": 5}, limit=2)
        await opened(gate, sale)
        await gate.reserve(sale, make_cart({"A": 1}, customer="ani"))
        assert await valkey.keys("*") != []
        assert set(await content(valkey)) == {f"lumbung:{{SALE}}:{name}" for name in KEYS}

    async def test_a_rush_gets_what_there_is_and_no_more(
        self, gate: Gate, make_cart: MakeCart, make_sale: MakeSale
    ) -> None:
        sale = make_sale("SALE", {"A": 20})
        await opened(gate, sale)
        answers = await asyncio.gather(*(gate.reserve(sale, make_cart({"A": 1})) for _ in range(JOURNAL_MAX)))
        assert Counter(answer.outcome for answer in answers) == {
            Outcome.HELD: 20,
            Outcome.OUT_OF_STOCK: JOURNAL_MAX - 20,
        }
        entries = await gate.read_journal("SALE", 2 * JOURNAL_MAX)
        assert [int(fields["seq"]) for _, fields in entries] == list(range(1, JOURNAL_MAX + 1))

    async def test_many_together_are_decided_one_by_one_in_their_order(
        self, gate: Gate, make_cart: MakeCart, make_sale: MakeSale
    ) -> None:
        sale = make_sale("SALE", {"A": 3})
        await opened(gate, sale)
        asked = [
            make_cart({"A": units}, request_id=name)
            for name, units in (("x", 2), ("y", 2), ("z", 1), ("x", 2))
        ]
        answers = await gate.reserve_all(sale, asked)
        assert [answer.outcome for answer in answers] == [
            Outcome.HELD,
            Outcome.OUT_OF_STOCK,
            Outcome.HELD,
            Outcome.HELD,
        ]
        hold_ids = [cart.reservation_id for cart in asked]
        assert [answer.hold_id for answer in answers] == [*hold_ids[:3], hold_ids[0]]
        assert answers[1].available == {"A": 1}


class TestRefuse:
    """refuse.lua"""

    async def test_each_cart_is_judged_by_itself_and_all_go_into_one_entry(
        self, gate: Gate, make_cart: MakeCart, make_sale: MakeSale
    ) -> None:
        sale = make_sale("SALE", {"A": 2, "B": 0}, limit=3)
        await opened(gate, sale)
        await gate.reserve(sale, make_cart({"A": 1}, customer="ani", request_id="winner"))
        wishes: list[tuple[dict[str, int], str]] = [
            ({"A": 2}, "budi"),
            ({"A": 1}, "budi"),
            ({"A": 1, "B": 1}, "budi"),
            ({"A": 3}, "ani"),
            ({"B": 1}, "ñ,\n😀"),
        ]
        carts = [make_cart(lines, customer=customer, sale="SALE") for lines, customer in wishes]
        answers = await gate.refuse(sale, carts)
        assert [answer.outcome for answer in answers] == [
            Outcome.OUT_OF_STOCK,
            Outcome.LEFT_ALONE,
            Outcome.OUT_OF_STOCK,
            Outcome.LIMIT_REACHED,
            Outcome.OUT_OF_STOCK,
        ]
        assert [answer.hold_id for answer in answers] == [
            None if cart is carts[1] else cart.reservation_id for cart in carts
        ]
        assert answers[0].available == {"A": 1, "B": 0}
        _, (_, fields) = await gate.read_journal("SALE", 10)
        parts = [decode(part) for part in split(fields)]
        assert [replace(cart, refusal=None) for cart in parts] == [carts[0], *carts[2:]]
        assert [cart.refusal.reason for cart in parts if cart.refusal] == [
            "OUT_OF_STOCK",
            "OUT_OF_STOCK",
            "CUSTOMER_LIMIT_REACHED",
            "OUT_OF_STOCK",
        ]
        assert await gate.free_units("SALE") == {"A": 1, "B": 0}

    async def test_who_was_answered_before_gets_that_answer_and_is_not_journaled_again(
        self, gate: Gate, valkey: Valkey, make_cart: MakeCart, make_sale: MakeSale
    ) -> None:
        sale = make_sale("SALE", {"A": 1})
        await opened(gate, sale)
        winner, loser = make_cart({"A": 1}, request_id="winner"), make_cart({"A": 1}, request_id="loser")
        await gate.reserve(sale, winner)
        await gate.refuse(sale, [loser])
        before = await content(valkey)
        again = [
            make_cart({"A": 1}, request_id="winner"),
            make_cart({"A": 1}, request_id="loser"),
            make_cart({"A": 1}, request_id="winner", content_hash=b"other"),
        ]
        answers = await gate.refuse(sale, again)
        assert [(answer.outcome, answer.hold_id) for answer in answers] == [
            (Outcome.HELD, winner.reservation_id),
            (Outcome.OUT_OF_STOCK, loser.reservation_id),
            (Outcome.REQUEST_REUSED, None),
        ]
        assert await content(valkey) == before
        alone = await gate.reserve(sale, make_cart({"A": 1}, request_id="loser"))
        assert (alone.outcome, alone.hold_id) == (Outcome.OUT_OF_STOCK, loser.reservation_id)

    async def test_the_same_request_twice_in_one_call_is_refused_once(
        self, gate: Gate, make_cart: MakeCart, make_sale: MakeSale
    ) -> None:
        sale = make_sale("SALE", {"A": 0})
        await opened(gate, sale)
        first = make_cart({"A": 1}, request_id="once")
        answers = await gate.refuse(sale, [first, make_cart({"A": 1}, request_id="once")])
        assert [answer.hold_id for answer in answers] == [first.reservation_id] * 2
        ((_, fields),) = await gate.read_journal("SALE", 10)
        assert [decode(part).reservation_id for part in split(fields)] == [first.reservation_id]

    @pytest.mark.parametrize("case", ["no gate", "frozen", "older epoch"])
    async def test_a_gate_that_is_not_armed_under_this_epoch_writes_nothing(
        self, gate: Gate, valkey: Valkey, make_cart: MakeCart, make_sale: MakeSale, case: str
    ) -> None:
        sale = make_sale("SALE", {"A": 0}, epoch=5)
        if case != "no gate":
            await opened(gate, sale)
        if case == "frozen":
            await gate.freeze("SALE", 5)
        before = await content(valkey)
        asked = make_sale("SALE", {"A": 0}, epoch=4 if case == "older epoch" else 5)
        answers = await gate.refuse(asked, [make_cart({"A": 1}), make_cart({"A": 1})])
        assert [answer.outcome for answer in answers] == [Outcome.NOT_ARMED] * 2
        assert await content(valkey) == before

    async def test_a_full_journal_takes_nothing_more(
        self, valkey: Valkey, make_cart: MakeCart, make_sale: MakeSale
    ) -> None:
        gate = Gate(valkey, journal_max=1)
        sale = make_sale("SALE", {"A": 0})
        await opened(gate, sale)
        first = make_cart({"A": 1}, request_id="first")
        await gate.refuse(sale, [first])
        answers = await gate.refuse(sale, [make_cart({"A": 1}), make_cart({"A": 1}, request_id="first")])
        assert [answer.outcome for answer in answers] == [Outcome.JOURNAL_FULL, Outcome.OUT_OF_STOCK]
        assert await gate.backlog("SALE") == 1

    async def test_as_many_as_may_go_together_with_as_many_skus(
        self, gate: Gate, make_cart: MakeCart, make_sale: MakeSale
    ) -> None:
        skus = {f"SKU-{number}": 0 for number in range(100)}
        sale = make_sale("SALE", skus, limit=9)
        await opened(gate, sale)
        some = dict.fromkeys(list(skus)[:REFUSE_SKUS_MAX], 1)
        carts = [make_cart(some, customer=f"customer {number}") for number in range(REFUSE_BATCH)]
        assert {answer.outcome for answer in await gate.refuse(sale, carts)} == {Outcome.OUT_OF_STOCK}
        ((_, fields),) = await gate.read_journal("SALE", 10)
        assert len(split(fields)) == REFUSE_BATCH

    async def test_an_error_comes_before_the_first_write(
        self, gate: Gate, valkey: Valkey, make_cart: MakeCart, make_sale: MakeSale
    ) -> None:
        sale = make_sale("SALE", {"A": 0}, limit=1)
        await opened(gate, sale)
        await valkey.set("lumbung:{SALE}:customers", "not a hash")
        before = await valkey.hgetall("lumbung:{SALE}:gate")
        with pytest.raises(ResponseError):
            await gate.refuse(sale, [make_cart({"A": 1})])
        assert await gate.backlog("SALE") == 0
        assert await valkey.hgetall("lumbung:{SALE}:gate") == before


class TestFreeze:
    """freeze_gate.lua"""

    @pytest.mark.parametrize(
        ("present", "asked", "takes"),
        [(0, 1, True), (4, 5, True), (5, 5, True), (5, 4, False), (10, 9, False)],
    )
    async def test_the_newer_epoch_has_the_gate(
        self, gate: Gate, make_sale: MakeSale, present: int, asked: int, takes: bool
    ) -> None:
        if present:
            await opened(gate, make_sale("SALE", {"A": 1}, epoch=present))
        assert await gate.freeze("SALE", asked) is takes
        expected = GateStatus(armed=False, epoch=asked) if takes else GateStatus(armed=True, epoch=present)
        assert await gate.status("SALE") == expected


class TestInstall:
    """install_gate.lua"""

    async def test_what_was_there_before_is_gone(
        self, gate: Gate, valkey: Valkey, make_cart: MakeCart, make_sale: MakeSale
    ) -> None:
        old = make_sale("SALE", {"A": 9, "GONE": 9}, limit=5)
        await opened(gate, old)
        await gate.reserve(old, make_cart({"A": 3}, customer="ani"))
        new = make_sale("SALE", {"A": 4}, epoch=2, limit=5)
        await opened(gate, new)
        assert await gate.free_units("SALE") == {"A": 4}
        found = await content(valkey)
        assert not [key for key in found if key.endswith((":requests", ":holds", ":customers"))]
        assert await gate.backlog("SALE") == 1

    async def test_unresolved_reservations_are_remembered_in_parts(
        self, gate: Gate, make_cart: MakeCart, make_sale: MakeSale, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("lumbung_stock.stores.gate.INSTALL_BATCH", 2)
        sale = make_sale("SALE", {"A": 10, "B": 10}, limit=3)
        carts = [
            make_cart({"A": 1, "B": 2}, customer=customer) for customer in ("ani", "budi", "citra", "ani\nB")
        ]
        draws = (Draw("JKT1", "A", 1, from_escrow=True), Draw("JKT1", "B", 2, from_escrow=True))
        ordinary = Draw("JKT1", "CABLE", 7, from_escrow=False)
        await gate.freeze("SALE", 1)
        assert await gate.install(sale, [held(cart, *draws, ordinary) for cart in carts])
        assert await gate.arm("SALE", 1)
        again = await gate.reserve(sale, make_cart({"A": 1}, request_id=carts[1].request_id))
        assert (again.outcome, again.hold_id) == (Outcome.HELD, carts[1].reservation_id)
        more = [make_cart({"B": 2}, customer=customer) for customer in ("ani", "citra", "dewi")]
        outcomes = [(await gate.reserve(sale, cart)).outcome for cart in more]
        assert outcomes == [Outcome.LIMIT_REACHED, Outcome.LIMIT_REACHED, Outcome.HELD]
        assert await gate.credit("SALE", 1, [(cart.reservation_id, {}) for cart in carts])
        assert await gate.free_units("SALE") == {"A": 14, "B": 16}
        assert (
            await gate.reserve(sale, make_cart({"A": 3, "B": 3}, customer="ani\nB"))
        ).outcome is Outcome.HELD

    async def test_a_request_that_keeps_nothing_of_the_sale_is_remembered(
        self, gate: Gate, make_cart: MakeCart, make_sale: MakeSale
    ) -> None:
        sale, cart = make_sale("SALE", {"A": 1}), make_cart({"A": 1})
        await gate.freeze("SALE", 1)
        assert await gate.install(sale, [held(cart, Draw("JKT1", "CABLE", 7, from_escrow=False))])
        assert await gate.arm("SALE", 1, complete=True)
        again = await gate.reserve(sale, cart)
        assert (again.outcome, again.hold_id) == (Outcome.HELD, cart.reservation_id)
        assert await gate.free_units("SALE") == {"A": 1}

    async def test_an_armed_gate_or_another_epoch_is_left_alone(
        self, gate: Gate, valkey: Valkey, make_sale: MakeSale
    ) -> None:
        await opened(gate, make_sale("SALE", {"A": 1}, epoch=3))
        before = await content(valkey)
        assert not await gate.install(make_sale("SALE", {"A": 9}, epoch=3), [])
        assert await content(valkey) == before
        await gate.freeze("SALE", 5)
        for epoch in (4, 6):
            assert not await gate.install(make_sale("SALE", {"A": 9}, epoch=epoch), [])
        assert await gate.free_units("SALE") == {"A": 1}

    async def test_an_emptied_valkey_in_the_middle_is_not_armed(
        self, gate: Gate, valkey: Valkey, make_sale: MakeSale
    ) -> None:
        sale = make_sale("SALE", {"A": 1})
        await gate.freeze("SALE", 1)
        await gate.install(sale, [])
        await valkey.flushdb()
        assert not await gate.arm("SALE", 1)
        assert await gate.status("SALE") == GateStatus(armed=False, epoch=0)


class TestArm:
    """arm_gate.lua"""

    async def test_arming_again_under_the_same_epoch_does_not_begin_the_journal_anew(
        self, gate: Gate, make_cart: MakeCart, make_sale: MakeSale
    ) -> None:
        sale = make_sale("SALE", {"A": 9})
        await opened(gate, sale)
        await gate.reserve(sale, make_cart({"A": 1}))
        assert await gate.arm("SALE", 1)
        assert (await gate.reserve(sale, make_cart({"A": 1}))).outcome is Outcome.HELD
        assert [fields["seq"] for _, fields in await gate.read_journal("SALE", 9)] == ["1", "2"]

    async def test_a_journal_that_a_clock_numbered_before_is_gone_on_with(
        self, gate: Gate, valkey: Valkey, make_cart: MakeCart, make_sale: MakeSale
    ) -> None:
        """As the version before this one did."""
        sale = make_sale("SALE", {"A": 9})
        await opened(gate, sale)
        await valkey.xadd("lumbung:{SALE}:journal", {"hold": "earlier"})
        assert (await gate.reserve(sale, make_cart({"A": 1}))).outcome is Outcome.HELD
        await valkey.xadd("lumbung:{SALE}:journal", {"hold": "later"})
        assert (await gate.reserve(sale, make_cart({"A": 1}))).outcome is Outcome.HELD
        assert await gate.backlog("SALE") == 4

    @pytest.mark.parametrize("complete", [True, False])
    async def test_the_gate_says_whether_it_knows_every_answer(
        self, gate: Gate, make_cart: MakeCart, make_sale: MakeSale, complete: bool
    ) -> None:
        sale = make_sale("SALE", {"A": 1})
        await gate.freeze("SALE", 1)
        await gate.install(sale, [])
        await gate.arm("SALE", 1, complete=complete)
        soft = replace(make_cart({"A": 1}, request_id="once"), durability=Durability.SOFT)
        answer = await gate.reserve(sale, soft)
        assert (answer.outcome, answer.complete) == (Outcome.HELD, complete)
        again = replace(make_cart({"A": 1}, request_id="once"), durability=Durability.SOFT)
        assert not (await gate.reserve(sale, again)).complete

    async def test_it_says_so_of_soft_holds_alone(
        self, gate: Gate, make_cart: MakeCart, make_sale: MakeSale
    ) -> None:
        """Everybody else waits for Postgres."""
        sale = make_sale("SALE", {"A": 1})
        await gate.freeze("SALE", 1)
        await gate.install(sale, [])
        await gate.arm("SALE", 1, complete=True)
        held = await gate.reserve(sale, make_cart({"A": 1}))
        assert (held.outcome, held.complete) == (Outcome.HELD, False)
        refused = await gate.reserve(sale, replace(make_cart({"A": 1}), durability=Durability.SOFT))
        assert (refused.outcome, refused.complete) == (Outcome.OUT_OF_STOCK, False)

    async def test_another_run_of_the_server_does_not_know_every_answer(
        self, gate: Gate, valkey: Valkey, make_cart: MakeCart, make_sale: MakeSale
    ) -> None:
        """It may have come back with less than it had; its run's id is another."""
        sale = make_sale("SALE", {"A": 1})
        await gate.freeze("SALE", 1)
        await gate.install(sale, [])
        await gate.arm("SALE", 1, complete=True)
        run_id = await valkey.hget("lumbung:{SALE}:gate", "complete")
        assert run_id is not None
        assert len(run_id) == 40
        await valkey.hset("lumbung:{SALE}:gate", "complete", run_id[::-1])
        soft = replace(make_cart({"A": 1}), durability=Durability.SOFT)
        answer = await gate.reserve(sale, soft)
        assert (answer.outcome, answer.complete) == (Outcome.HELD, False)

    @pytest.mark.parametrize(
        ("frozen", "asked", "takes"), [(0, 1, False), (2, 1, False), (2, 2, True), (2, 3, False)]
    )
    async def test_only_the_epoch_that_froze_it_opens_it(
        self, gate: Gate, frozen: int, asked: int, takes: bool
    ) -> None:
        if frozen:
            await gate.freeze("SALE", frozen)
        assert await gate.arm("SALE", asked) is takes
        assert await gate.status("SALE") == GateStatus(armed=takes, epoch=frozen)


class TestCredit:
    """credit_gate.lua"""

    async def test_each_hold_comes_back_once_with_its_limit(
        self, gate: Gate, make_cart: MakeCart, make_sale: MakeSale
    ) -> None:
        sale = make_sale("SALE", {"A": 3, "B": 3}, limit=2)
        await opened(gate, sale)
        cart = make_cart({"A": 2, "B": 1}, customer="ani")
        await gate.reserve(sale, cart)
        for _ in range(3):
            assert await gate.credit("SALE", 1, [(cart.reservation_id, {}), (UUID(int=7), {})])
            assert await gate.free_units("SALE") == {"A": 3, "B": 3}
        assert (await gate.reserve(sale, make_cart({"A": 2}, customer="ani"))).outcome is Outcome.HELD

    async def test_a_hold_keeps_just_what_it_is_said_to_keep(
        self, gate: Gate, make_cart: MakeCart, make_sale: MakeSale
    ) -> None:
        sale = make_sale("SALE", {"A": 3, "B": 3}, limit=3)
        await opened(gate, sale)
        cart = make_cart({"A": 3, "B": 2}, customer="ani")
        await gate.reserve(sale, cart)
        for kept, free in (
            ({"A": 2, "B": 2}, {"A": 1, "B": 1}),
            ({"A": 1}, {"A": 2, "B": 3}),
            ({"A": 2, "B": 2}, {"A": 2, "B": 3}),
            ({"A": 1}, {"A": 2, "B": 3}),
            ({}, {"A": 3, "B": 3}),
            ({"A": 1}, {"A": 3, "B": 3}),
        ):
            assert await gate.credit("SALE", 1, [(cart.reservation_id, kept)])
            assert await gate.free_units("SALE") == free, kept

    async def test_credits_may_come_in_any_order_and_more_than_once(
        self, gate: Gate, valkey: Valkey, make_cart: MakeCart, make_sale: MakeSale, seed: int
    ) -> None:
        """Told of everything, the gate has what it has after the last of them alone, and the limit as well."""
        chance = random.Random(seed)
        for _ in range(30):
            await valkey.flushdb()
            sale = make_sale("SALE", {"A": 9, "B": 9}, limit=9)
            await opened(gate, sale)
            cart = make_cart({"A": 6, "B": 3}, customer="ani")
            await gate.reserve(sale, cart)
            kept = [{"A": 6, "B": 3}]
            for _ in range(chance.randint(1, 3)):
                kept.append({sku: chance.randint(0, units) for sku, units in kept[-1].items()})
            told = kept[1:] + chance.choices(kept[1:], k=2)
            chance.shuffle(told)
            for keeps in told:
                await gate.credit("SALE", 1, [(cart.reservation_id, keeps)])
            free = {sku: 9 - units for sku, units in kept[-1].items()}
            assert await gate.free_units("SALE") == free, told
            rest = make_cart({sku: units for sku, units in free.items() if units}, customer="ani")
            assert (await gate.reserve(sale, rest)).outcome is Outcome.HELD
            assert (await gate.reserve(sale, make_cart({"A": 1}, customer="ani"))).outcome is (
                Outcome.LIMIT_REACHED
            )

    @pytest.mark.parametrize("case", ["no gate", "frozen", "older epoch"])
    async def test_a_gate_that_is_being_set_up_is_credited_later(
        self, gate: Gate, valkey: Valkey, make_cart: MakeCart, make_sale: MakeSale, case: str
    ) -> None:
        sale = make_sale("SALE", {"A": 3}, epoch=2)
        cart = make_cart({"A": 1})
        if case != "no gate":
            await opened(gate, sale)
            await gate.reserve(sale, cart)
        if case == "frozen":
            await gate.freeze("SALE", 2)
        before = await content(valkey)
        assert not await gate.credit("SALE", 1 if case == "older epoch" else 2, [(cart.reservation_id, {})])
        assert await content(valkey) == before


class TestAcknowledge:
    """ack_journal.lua"""

    async def test_an_entry_that_comes_under_the_number_of_a_lost_one_does_not_go_for_it(
        self, gate: Gate, valkey: Valkey, make_cart: MakeCart, make_sale: MakeSale
    ) -> None:
        sale = make_sale("SALE", {"A": 9})
        await opened(gate, sale)
        before = {key: await valkey.dump(key) for key in await valkey.keys("*")}
        await gate.reserve(sale, make_cart({"A": 1}))
        ((committed, fields),) = await gate.read_journal("SALE", 10)
        await valkey.flushdb()
        for key, value in before.items():  # the last thing that happened is lost
            await valkey.restore(key, 0, value)
        await gate.reserve(sale, make_cart({"A": 1}))
        ((entry_id, _),) = await gate.read_journal("SALE", 10)
        assert entry_id.partition("-")[0] == committed.partition("-")[0]
        await gate.acknowledge("SALE", [(committed, fields["hold"])])
        assert [entry_id] == [found for found, _ in await gate.read_journal("SALE", 10)]

    async def test_those_named_go_and_the_others_stay(
        self, gate: Gate, make_cart: MakeCart, make_sale: MakeSale
    ) -> None:
        sale = make_sale("SALE", {"A": 9})
        await opened(gate, sale)
        for _ in range(4):
            await gate.reserve(sale, make_cart({"A": 1}))
        entries = [(entry_id, fields["hold"]) for entry_id, fields in await gate.read_journal("SALE", 10)]
        await gate.acknowledge("SALE", [entries[0], entries[2]])
        await gate.acknowledge("SALE", [])
        left = [fields["hold"] for _, fields in await gate.read_journal("SALE", 10)]
        assert left == [entries[1][1], entries[3][1]]

    async def test_an_entry_that_nobody_can_read_goes_too(self, gate: Gate, valkey: Valkey) -> None:
        await valkey.xadd("lumbung:{SALE}:journal", {"what": b"\xff\x00"})
        ((entry_id, fields),) = await gate.read_journal("SALE", 10)
        await gate.acknowledge("SALE", [(entry_id, fields.get("hold", ""))])
        assert await gate.backlog("SALE") == 0


class TestJournal:
    """Reading it"""

    async def test_oldest_first_and_no_more_than_asked(
        self, gate: Gate, make_cart: MakeCart, make_sale: MakeSale
    ) -> None:
        sale = make_sale("SALE", {"A": 9})
        await opened(gate, sale)
        carts = [make_cart({"A": 1}) for _ in range(5)]
        for cart in carts:
            await gate.reserve(sale, cart)
        read = [decode(fields).request_id for _, fields in await gate.read_journal("SALE", 3)]
        assert read == [cart.request_id for cart in carts[:3]]

    async def test_behind_an_entry_that_may_be_gone(
        self, gate: Gate, make_cart: MakeCart, make_sale: MakeSale
    ) -> None:
        sale = make_sale("SALE", {"A": 9})
        await opened(gate, sale)
        for _ in range(4):
            await gate.reserve(sale, make_cart({"A": 1}))
        first, second, *others = await gate.read_journal("SALE", 9)
        await gate.acknowledge("SALE", [(first[0], ""), (second[0], "")])
        assert await gate.read_journal("SALE", 9, after=second[0]) == others
        assert await gate.read_journal("SALE", 9, after=others[-1][0]) == []

    async def test_an_empty_journal_is_waited_for(
        self, gate: Gate, make_cart: MakeCart, make_sale: MakeSale
    ) -> None:
        assert await gate.read_journal("SALE", 3) == []
        assert await gate.read_journal("SALE", 3, wait_s=0.001) == []
        sale = make_sale("SALE", {"A": 9})
        await opened(gate, sale)
        waiting = asyncio.create_task(gate.read_journal("SALE", 3, wait_s=1.5))
        await gate.reserve(sale, make_cart({"A": 1}))
        assert len(await waiting) == 1


async def test_a_removed_gate_leaves_nothing(
    gate: Gate, valkey: Valkey, make_cart: MakeCart, make_sale: MakeSale
) -> None:
    sale = make_sale("SALE", {"A": 9}, limit=3)
    await opened(gate, sale)
    await gate.reserve(sale, make_cart({"A": 1}, customer="ani"))
    await gate.remove("SALE")
    assert await content(valkey) == {}
    assert (await gate.reserve(sale, make_cart({"A": 1}))).outcome is Outcome.NOT_ARMED


async def test_settings_under_which_valkey_forgets_are_named(gate: Gate, valkey: Valkey) -> None:
    assert await gate.unsafe_settings() == []
    await valkey.config_set("maxmemory-policy", "volatile-lru")
    try:
        assert await gate.unsafe_settings() == ["maxmemory-policy must be noeviction, not volatile-lru"]
    finally:
        await valkey.config_set("maxmemory-policy", "noeviction")


async def test_what_the_gate_remembers_of_a_hold_can_be_read_back(
    gate: Gate, valkey: Valkey, make_cart: MakeCart, make_sale: MakeSale
) -> None:
    """Installed out of Postgres or written by reserve.lua: the same."""
    sale = make_sale("SALE", {"A": 9}, limit=5)
    await opened(gate, sale)
    cart = make_cart({"A": 2}, customer="siti/ñ😀")
    await gate.reserve(sale, cart)
    key = "lumbung:{SALE}:holds"
    by_script = json.loads(await valkey.hget(key, str(cart.reservation_id)))
    await gate.freeze("SALE", 1)
    await gate.install(sale, [held(cart, Draw("JKT1", "A", 2, from_escrow=True))])
    assert json.loads(await valkey.hget(key, str(cart.reservation_id))) == by_script


async def test_nothing_in_the_gate_goes_away_by_time(
    gate: Gate, valkey: Valkey, make_cart: MakeCart, make_sale: MakeSale
) -> None:
    """A key with a time to live dies when the clock steps; units come back by Postgres' clock alone."""
    sale = make_sale("SALE", {"A": 5}, limit=3)
    await opened(gate, sale)
    carts = [make_cart({"A": units}, customer="ani", sale="SALE") for units in (1, 2, 3)]
    for cart in carts:
        await gate.reserve(sale, cart)
    await gate.credit("SALE", 1, [(carts[0].reservation_id, {})])
    await gate.extend("SALE", 1, [(new_id(), "A", 1)])
    keys = await valkey.keys("*")
    assert len(keys) == len(KEYS)
    assert {await valkey.ttl(key) for key in keys} == {-1}


async def test_a_reserve_that_fails_in_the_script_leaves_nothing_behind(
    gate: Gate, valkey: Valkey, make_cart: MakeCart, make_sale: MakeSale
) -> None:
    """An error midway would keep what was written before it."""
    sale = make_sale("SALE", {"A": 5}, limit=3)
    await opened(gate, sale)
    cart = make_cart({"A": 1}, customer="ani", sale="SALE")
    for broken in ("free", "customers", "journal"):
        key = f"lumbung:{{SALE}}:{broken}"
        kept = await valkey.dump(key)
        await valkey.unlink(key)
        await valkey.set(key, "no hash and no stream")
        others = {name: await valkey.dump(f"lumbung:{{SALE}}:{name}") for name in KEYS}
        with pytest.raises(ResponseError):
            await gate.reserve(sale, cart)
        assert {name: await valkey.dump(f"lumbung:{{SALE}}:{name}") for name in KEYS} == others
        await valkey.unlink(key)
        if kept is not None:
            await valkey.restore(key, 0, kept)


async def test_a_journal_that_takes_no_entry_costs_no_unit(
    gate: Gate, valkey: Valkey, make_cart: MakeCart, make_sale: MakeSale
) -> None:
    """All was checked, and the first write fails: units without an entry would be nobody's."""
    sale = make_sale("SALE", {"A": 5}, limit=3)
    await opened(gate, sale)
    await valkey.xadd("lumbung:{SALE}:journal", {"from": "the end of time"}, id=f"{2**63}-0")
    before = await content(valkey)
    with pytest.raises(ResponseError, match="smaller"):
        await gate.reserve(sale, make_cart({"A": 1}, customer="ani", sale="SALE"))
    assert await content(valkey) == before


async def test_a_valkey_that_is_full_gives_nothing_and_loses_nothing(
    gate: Gate, valkey: Valkey, make_cart: MakeCart, make_sale: MakeSale
) -> None:
    sale = make_sale("SALE", {"A": 5})
    await opened(gate, sale)
    before = await content(valkey)
    await valkey.config_set("maxmemory", "1mb")
    try:
        with pytest.raises(Overloaded):
            await gate.reserve(sale, make_cart({"A": 1}, sale="SALE"))
        assert await content(valkey) == before
    finally:
        await valkey.config_set("maxmemory", "0")
    assert (await gate.reserve(sale, make_cart({"A": 1}, sale="SALE"))).outcome is Outcome.HELD
