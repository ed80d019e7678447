"""The waiting room of a sale: when it wakes, who is let in and in which order, and what nobody gets past."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.duration_pb2 import Duration

from lumbung.stock.v1 import flash_sales_pb2 as pb
from lumbung.stock.v1 import reservations_pb2 as reservations_pb
from lumbung_client import LumbungClient, Options, reserve_request
from lumbung_kit.failures import Kind
from lumbung_stock.domain.waiting_room import drawn_order
from lumbung_stock.stores import waiting_rooms

if TYPE_CHECKING:
    from services.stock.tests.conftest import Shop

pytestmark = pytest.mark.store

State = pb.WaitingState
FIFO, LOTTERY = pb.ADMISSION_ORDER_FIFO, pb.ADMISSION_ORDER_LOTTERY


async def plan_room(
    shop: Shop,
    units: int,
    *,
    order: pb.AdmissionOrder = FIFO,
    code: str = "SALE",
    pool_count: int = 1,
    window_s: int = 0,
    **fields: Any,
) -> pb.FlashSale:
    """An open sale of A with a waiting room: one that never sleeps, unless `demand_multiple` is given."""
    await shop.put(f"A-{code}", units)
    plan = shop.plan(code, {f"A-{code}": units})
    plan.admission_order, plan.pool_count = order, pool_count
    if window_s:
        plan.lottery_window.CopyFrom(Duration(seconds=window_s))
    for name, value in fields.items():
        setattr(plan, name, value)
    await shop.sales.PlanFlashSale(plan)
    return await shop.open(code)


def joining(shop: Shop, customer: str, **fields: Any) -> pb.JoinWaitingRoomRequest:
    wanted = {
        "request_id": shop.new_id(),
        "flash_sale_code": "SALE",
        "customer_reference": customer,
        "channel_code": "web",
    }
    return pb.JoinWaitingRoomRequest(**(wanted | fields))


async def join(shop: Shop, customer: str, **fields: Any) -> pb.JoinWaitingRoomResponse:
    return await shop.sales.JoinWaitingRoom(joining(shop, customer, **fields))


async def until(shop: Shop, customer: str, state: State) -> pb.JoinWaitingRoomResponse:
    """The customer's answer, once it has this state."""
    answers = []

    async def reached() -> bool:
        answers.append(await join(shop, customer))
        return answers[-1].state == state

    await shop.until(reached)
    return answers[-1]


def ask(
    shop: Shop, customer: str, ticket: str = "", *, units: int = 1, **fields: Any
) -> reservations_pb.ReserveRequest:
    sale = fields.get("flash_sale_code", "SALE")
    wish = {f"A-{sale}": units}
    return shop.ask(wish, sale=sale, customer=customer, **({"waiting_ticket": ticket} | fields))


async def outcome(shop: Shop, request: reservations_pb.ReserveRequest) -> str:
    return await shop.outcome(shop.reservations.Reserve(request))


async def admitted(shop: Shop, sale: str = "SALE") -> list[str]:
    """Customers who have been admitted, or more than that."""
    rows = await shop.rows(
        "SELECT customer_reference FROM waiting_ticket WHERE state > 1 AND flash_sale_code = %s ORDER BY 1",
        sale,
    )
    return [row[0] for row in rows]


async def let_admission_pass(shop: Shop, customer: str) -> None:
    """Moves the end of an admission into the past, grace and all."""
    await shop.sql.execute(
        "UPDATE waiting_ticket SET admitted_until = clock_timestamp() - interval '1 minute'"
        " WHERE customer_reference = %s AND state IN (2, 3)",
        (customer,),
    )


# Asleep and awake


async def test_while_few_ask_the_room_sleeps(shop: Shop) -> None:
    sale = await plan_room(shop, 100, demand_multiple=2)
    assert not sale.waiting_room_awake
    assert (await join(shop, "Ani")).state == State.WAITING_STATE_NOT_NEEDED
    assert await outcome(shop, ask(shop, "Ani", units=10)) == "HELD"
    assert await shop.scalar("SELECT count(*) FROM waiting_ticket") == 0


async def test_who_asks_when_too_much_is_wanted_wakes_it(shop: Shop) -> None:
    await plan_room(shop, 100, demand_multiple=1)
    assert await outcome(shop, ask(shop, "Ani", units=60)) == "HELD"
    request = ask(shop, "Budi", units=60)
    failure = await shop.refused(shop.reservations.Reserve(request))
    assert (failure.kind, failure.reason) == (Kind.RESOURCE_EXHAUSTED, "WAITING_ROOM")
    assert failure.metadata == {"flash_sale_code": "SALE", "call": "JoinWaitingRoom"}
    assert failure.retry_after_s == 1.0
    place = await until(shop, "Budi", State.WAITING_STATE_ADMITTED)
    # Not part of the content: the same request may come again with a ticket. 40 are left.
    request.waiting_ticket = place.ticket
    assert await outcome(shop, request) == "OUT_OF_STOCK"
    assert await outcome(shop, ask(shop, "Budi", place.ticket, units=40)) == "HELD"


async def test_one_who_tries_often_counts_once(shop: Shop) -> None:
    await plan_room(shop, 100, demand_multiple=1)
    for _ in range(10):  # which counted each time would be 400 units of 100
        held = await shop.reservations.Reserve(ask(shop, "Ani", units=40))
        await shop.release(held.reservation)
        await shop.until_gate_has("SALE", {"A-SALE": 100})


async def test_every_replica_hears_that_it_woke(shop: Shop) -> None:
    await plan_room(shop, 100, demand_multiple=1)
    async with shop.replica() as other:
        assert await outcome(shop, ask(shop, "Ani", units=60)) == "HELD"
        assert await outcome(shop, ask(shop, "Budi", units=60)) == "WAITING_ROOM"

        async def awake() -> bool:
            request = pb.GetFlashSaleRequest(flash_sale_code="SALE")
            return (await other.sales.GetFlashSale(request)).flash_sale.waiting_room_awake

        await shop.until(awake)
        assert await outcome(other, ask(other, "Citra", units=1)) == "WAITING_ROOM"


async def test_it_sleeps_again_when_nobody_waits_and_nobody_presses(shop: Shop) -> None:
    await plan_room(shop, 100, demand_multiple=1)
    await outcome(shop, ask(shop, "Ani", units=60))
    assert await outcome(shop, ask(shop, "Budi", units=60)) == "WAITING_ROOM"
    await until(shop, "Budi", State.WAITING_STATE_ADMITTED)

    async def asleep() -> bool:
        await shop.sql.execute("UPDATE waiting_room SET pressed_time = pressed_time - interval '1 hour'")
        return await shop.scalar("SELECT count(*) FROM waiting_room WHERE awake") == 0

    await let_admission_pass(shop, "Budi")
    await shop.until(asleep)


async def test_it_does_not_sleep_while_somebody_has_been_admitted(shop: Shop) -> None:
    await plan_room(shop, 100, demand_multiple=1)
    await outcome(shop, ask(shop, "Ani", units=60))
    assert await outcome(shop, ask(shop, "Budi", units=60)) == "WAITING_ROOM"
    await until(shop, "Budi", State.WAITING_STATE_ADMITTED)
    await shop.sql.execute("UPDATE waiting_room SET pressed_time = pressed_time - interval '1 hour'")
    # A round that admits Citra has looked at the room after that.
    await until(shop, "Citra", State.WAITING_STATE_ADMITTED)
    assert await shop.scalar("SELECT count(*) FROM waiting_room WHERE awake") == 1


# Admission


async def test_only_a_ticket_whose_turn_has_come_opens_the_door(shop: Shop) -> None:
    await plan_room(shop, 1)
    assert await outcome(shop, ask(shop, "Ani")) == "WAITING_ROOM"
    first = await until(shop, "Ani", State.WAITING_STATE_ADMITTED)
    second = await join(shop, "Budi")
    assert (second.state, second.ahead_count) == (State.WAITING_STATE_WAITING, 0)
    assert second.HasField("wait")
    assert await outcome(shop, ask(shop, "Budi", second.ticket)) == "WAITING_ROOM"
    assert await outcome(shop, ask(shop, "Ani", first.ticket)) == "HELD"
    assert (await until(shop, "Budi", State.WAITING_STATE_SOLD_OUT)).ticket == second.ticket


async def test_who_leaves_a_unit_lets_the_next_one_in(shop: Shop) -> None:
    await plan_room(shop, 1)
    first = await until(shop, "Ani", State.WAITING_STATE_ADMITTED)
    held = await shop.reservations.Reserve(ask(shop, "Ani", first.ticket))
    await until(shop, "Ani", State.WAITING_STATE_USED)
    await until(shop, "Budi", State.WAITING_STATE_SOLD_OUT)
    await shop.let_deadline_pass(held.reservation)
    second = await until(shop, "Budi", State.WAITING_STATE_ADMITTED)
    await shop.until_gate_has("SALE", {"A-SALE": 1})
    assert await outcome(shop, ask(shop, "Budi", second.ticket)) == "HELD"


async def test_an_admission_that_is_not_used_lapses(shop: Shop) -> None:
    await plan_room(shop, 1)
    mine = joining(shop, "Ani")
    first = await shop.sales.JoinWaitingRoom(mine)
    await until(shop, "Ani", State.WAITING_STATE_ADMITTED)
    await join(shop, "Budi")
    await let_admission_pass(shop, "Ani")
    second = await until(shop, "Budi", State.WAITING_STATE_ADMITTED)
    assert await outcome(shop, ask(shop, "Ani", first.ticket)) == "WAITING_ROOM"
    assert (await shop.sales.JoinWaitingRoom(mine)).state == State.WAITING_STATE_LAPSED
    assert (await join(shop, "Ani")).state == State.WAITING_STATE_WAITING
    assert await outcome(shop, ask(shop, "Budi", second.ticket)) == "HELD"


async def test_never_more_are_let_in_than_there_are_units(shop: Shop) -> None:
    await plan_room(shop, 3)
    customers = [f"customer-{number}" for number in range(12)]
    await asyncio.gather(*(join(shop, customer) for customer in customers))
    most = 0

    async def three_have_bought() -> bool:
        nonlocal most
        most = max(most, await shop.scalar("SELECT count(*) FROM waiting_ticket WHERE state = 2"))
        for customer in await admitted(shop):
            ticket = (await join(shop, customer)).ticket
            await outcome(shop, ask(shop, customer, ticket, request_id=f"buy-{customer}"))
        return await shop.scalar("SELECT used_count FROM waiting_room") == 3

    await shop.until(three_have_bought)
    assert most <= 3
    assert len(await admitted(shop)) == 3
    await shop.require_conserved()


async def test_those_who_joined_first_are_let_in_first(shop: Shop) -> None:
    await plan_room(shop, 5)
    for number in range(20):
        await join(shop, f"customer-{number:02}")
    await shop.until(lambda: _enough(shop, 5))
    assert await admitted(shop) == [f"customer-{number:02}" for number in range(5)]
    assert (await join(shop, "customer-19")).ahead_count == 14


async def test_places_of_many_who_join_at_once_have_no_gap(shop: Shop) -> None:
    await plan_room(shop, 1)
    async with shop.replica() as other:
        await asyncio.gather(
            *(join((shop, other)[number % 2], f"customer-{number}") for number in range(300)),
            *(join((other, shop)[number % 2], f"customer-{number}") for number in range(300)),
        )
    rows = await shop.rows("SELECT place FROM waiting_ticket ORDER BY place")
    assert [place for (place,) in rows] == list(range(1, 301))


async def test_one_customer_has_one_place_by_every_channel(shop: Shop) -> None:
    await shop.put("A-SALE", 1)
    plan = shop.plan("SALE", {"A-SALE": 1}, channels=("web", "tokopedia"))
    plan.admission_order = FIFO
    await shop.sales.PlanFlashSale(plan)
    await shop.open("SALE")
    await join(shop, "Ani")
    first = await join(shop, "Budi")
    await join(shop, "Citra")
    again = await join(shop, "Budi", channel_code="tokopedia")
    assert (again.ticket, again.ahead_count <= first.ahead_count) == (first.ticket, True)
    assert await shop.scalar("SELECT count(*) FROM waiting_ticket") == 3


async def test_a_room_that_is_full_says_so(shop: Shop) -> None:
    await plan_room(shop, 1)
    await until(shop, "Ani", State.WAITING_STATE_ADMITTED)
    await shop.sql.execute("UPDATE waiting_room SET last_place = last_place + 100000")
    failure = await shop.refused(join(shop, "Budi"))
    assert (failure.kind, failure.reason) == (Kind.RESOURCE_EXHAUSTED, "WAITING_ROOM_FULL")
    assert failure.retry_after_s
    assert (await join(shop, "Ani")).state == State.WAITING_STATE_ADMITTED


async def test_a_hold_is_answered_again_after_its_admission(shop: Shop) -> None:
    await plan_room(shop, 2)
    first = await until(shop, "Ani", State.WAITING_STATE_ADMITTED)
    request = ask(shop, "Ani", first.ticket)
    held = await shop.reservations.Reserve(request)
    await until(shop, "Ani", State.WAITING_STATE_USED)
    await let_admission_pass(shop, "Ani")
    async with shop.replica() as other:  # which remembers no admission
        assert await outcome(other, ask(other, "Ani", first.ticket)) == "WAITING_ROOM"
        assert await other.reservations.Reserve(request) == held
        request.lines[0].quantity = 2
        assert await outcome(other, request) == "REQUEST_ID_REUSED"


async def test_a_ticket_is_no_part_of_the_content(shop: Shop) -> None:
    await plan_room(shop, 2)
    request = ask(shop, "Ani", (await until(shop, "Ani", State.WAITING_STATE_ADMITTED)).ticket)
    held = await shop.reservations.Reserve(request)
    request.waiting_ticket = ""
    assert await shop.reservations.Reserve(request) == held, "an answer stays, though the room is awake"
    await shop.sql.execute("UPDATE waiting_room SET demand_multiple = 1000, awake = false")
    await shop.sales.GetFlashSale(pb.GetFlashSaleRequest(flash_sale_code="SALE"))  # which is read afresh
    assert await shop.reservations.Reserve(request) == held
    request.lines[0].quantity = 2
    assert await outcome(shop, request) == "REQUEST_ID_REUSED"


async def test_batch_and_stream_honour_the_room(shop: Shop) -> None:
    await plan_room(shop, 2)
    place = await until(shop, "Ani", State.WAITING_STATE_ADMITTED)

    def requests() -> list[reservations_pb.ReserveRequest]:
        return [ask(shop, "Ani", place.ticket), ask(shop, "Budi"), ask(shop, "Citra", "forged")]

    batch = await shop.reservations.BatchReserve(reservations_pb.BatchReserveRequest(reservations=requests()))
    stream = shop.reservations.ReserveStream()
    asked = requests()
    await stream.write(reservations_pb.ReserveStreamRequest(reservations=asked))
    await stream.done_writing()
    answers = [outcome async for message in stream for outcome in message.outcomes]
    by_request = {each.request_id: each for each in answers}
    for outcomes in (batch.outcomes, [by_request[each.request_id] for each in asked]):
        assert [each.WhichOneof("outcome") for each in outcomes] == ["reservation", "refusal", "refusal"]
        assert [each.refusal.reason for each in outcomes[1:]] == ["WAITING_ROOM", "WAITING_TICKET_INVALID"]
        assert [each.refusal.code for each in outcomes[1:]] == [8, 3]


async def test_the_room_is_the_sales_and_not_its_pools(shop: Shop) -> None:
    await plan_room(shop, 4, pool_count=4)
    for number in range(6):
        await join(shop, f"customer-{number}")
    await shop.until(lambda: _enough(shop, 4))
    assert await admitted(shop) == [f"customer-{number}" for number in range(4)]
    for number in range(4):
        place = await join(shop, f"customer-{number}")
        assert await outcome(shop, ask(shop, f"customer-{number}", place.ticket)) == "HELD"
    await until(shop, "customer-5", State.WAITING_STATE_SOLD_OUT)


async def test_goods_beside_the_sale_need_no_ticket(shop: Shop) -> None:
    await plan_room(shop, 1)
    await shop.put("B", 1)
    assert await outcome(shop, shop.ask({"B": 1}, sale="SALE", customer="Ani")) == "HELD"


# The lottery


async def test_a_draw_goes_by_the_seed_that_was_promised(shop: Shop) -> None:
    planned = await plan_room(shop, 3, order=LOTTERY, window_s=3600)
    assert planned.lottery_commitment
    assert not planned.lottery_seed
    customers = [f"customer-{number}" for number in range(12)]
    tickets = {customer: (await join(shop, customer)).ticket for customer in customers}
    for _ in range(5):
        waiting = await join(shop, "customer-11")  # trying often moves nothing
    assert (waiting.ahead_count, waiting.lot) == (11, "")
    assert waiting.HasField("draw_time")
    await shop.sql.execute("UPDATE waiting_room SET draw_time = clock_timestamp()")
    late = await join(shop, "late")
    await shop.until(lambda: _enough(shop, 3))
    drawn = (await shop.sales.GetFlashSale(pb.GetFlashSaleRequest(flash_sale_code="SALE"))).flash_sale
    seed = bytes.fromhex(drawn.lottery_seed)
    assert drawn.lottery_commitment == planned.lottery_commitment
    order = drawn_order(seed, tickets.values())
    by_place = await shop.rows("SELECT customer_reference FROM waiting_ticket ORDER BY place")
    assert [tickets[customer] for (customer,) in by_place[:-1]] == order
    assert by_place[-1] == ("late",)
    assert late.lot == ""
    assert sorted(await admitted(shop)) == sorted(customer for (customer,) in by_place[:3])


async def test_before_the_draw_nobody_is_let_in(shop: Shop) -> None:
    await plan_room(shop, 3, order=LOTTERY, window_s=3600)
    await plan_room(shop, 3, code="OTHER")
    place = await join(shop, "Ani")
    # A whole round has looked at both rooms when the other one has admitted twice.
    for customer in ("Budi", "Citra"):
        await shop.until(lambda customer=customer: _is_admitted(shop, customer, "OTHER"))
    assert (await join(shop, "Ani")).state == State.WAITING_STATE_WAITING
    assert await outcome(shop, ask(shop, "Ani", place.ticket)) == "WAITING_ROOM"


# What lasts


async def test_places_outlive_the_service(shop: Shop) -> None:
    await plan_room(shop, 1)
    first = await until(shop, "Ani", State.WAITING_STATE_ADMITTED)
    second = await join(shop, "Budi")
    await shop.server.stop(0.1)
    async with shop.replica() as other:
        assert (await join(other, "Budi")).ticket == second.ticket
        assert (await join(other, "Ani")).ticket == first.ticket
        assert (await join(other, "Citra")).ahead_count == 1
        assert await outcome(other, ask(other, "Ani", first.ticket)) == "HELD"


async def test_the_same_request_has_one_place(shop: Shop) -> None:
    await plan_room(shop, 1)
    await plan_room(shop, 1, code="OTHER")
    request = joining(shop, "Ani")
    first = await shop.sales.JoinWaitingRoom(request)
    assert (await shop.sales.JoinWaitingRoom(request)).ticket == first.ticket
    for field, value in (("customer_reference", "Budi"), ("flash_sale_code", "OTHER")):
        other = pb.JoinWaitingRoomRequest()
        other.CopyFrom(request)
        setattr(other, field, value)
        failure = await shop.refused(shop.sales.JoinWaitingRoom(other))
        assert failure.reason == "REQUEST_ID_REUSED", field
    actors = await shop.rows("SELECT actor FROM waiting_ticket")
    assert actors == [("storefront:web",)]


async def test_the_report_counts_them(shop: Shop) -> None:
    await plan_room(shop, 2)
    for customer in ("Ani", "Budi"):
        await until(shop, customer, State.WAITING_STATE_ADMITTED)
    await join(shop, "Citra")
    place = await join(shop, "Ani")
    assert await outcome(shop, ask(shop, "Ani", place.ticket)) == "HELD"
    await until(shop, "Ani", State.WAITING_STATE_USED)
    await let_admission_pass(shop, "Budi")
    await until(shop, "Citra", State.WAITING_STATE_ADMITTED)
    await join(shop, "Dewi")
    report = await shop.sales.ReportFlashSale(pb.ReportFlashSaleRequest(flash_sale_code="SALE"))
    found = report.waiting_room
    counts = (found.joined, found.waiting, found.admitted, found.used, found.lapsed)
    assert counts == (4, 1, 1, 1, 1)


# Bad input


async def test_a_ticket_opens_no_other_door(shop: Shop, subtests: pytest.Subtests) -> None:
    await plan_room(shop, 2)
    await plan_room(shop, 2, code="OTHER")
    await shop.put("A-PLAIN", 1)
    await shop.open_sale("PLAIN", {"A-PLAIN": 1})
    ticket = (await until(shop, "Ani", State.WAITING_STATE_ADMITTED)).ticket
    wrong = {
        "another customer's": ask(shop, "Budi", ticket),
        "another sale's": ask(shop, "Ani", ticket, flash_sale_code="OTHER"),
        "a sale without a room": ask(shop, "Ani", ticket, flash_sale_code="PLAIN"),
        "forged": ask(shop, "Ani", "x" * 43),
        "cut off": ask(shop, "Ani", ticket[:-1]),
        "not ASCII": ask(shop, "Ani", "karcis ✓"),
    }
    for name, request in wrong.items():
        with subtests.test(name):
            failure = await shop.refused(shop.reservations.Reserve(request))
            assert (failure.kind, failure.reason) == (Kind.INVALID_ARGUMENT, "WAITING_TICKET_INVALID")
    assert await shop.scalar("SELECT count(*) FROM reservation") == 0


async def test_bad_reservations(shop: Shop, subtests: pytest.Subtests) -> None:
    await plan_room(shop, 2)
    wrong = {
        "no customer": (ask(shop, ""), "CUSTOMER_REQUIRED", []),
        "ticket of 65": (ask(shop, "Ani", "x" * 65), "BAD_INPUT", ["waiting_ticket"]),
        "ticket without a sale": (
            ask(shop, "Ani", "x", flash_sale_code=""),
            "BAD_INPUT",
            ["waiting_ticket"],
        ),
    }
    for name, (request, reason, fields) in wrong.items():
        with subtests.test(name):
            failure = await shop.refused(shop.reservations.Reserve(request))
            assert (failure.reason, [each.field for each in failure.fields]) == (reason, fields)


async def test_bad_joins(shop: Shop, subtests: pytest.Subtests) -> None:
    await plan_room(shop, 2)
    await shop.put("A", 2)
    await shop.open_sale("PLAIN", {"A": 1})
    planned = shop.plan("PLANNED", {"A": 1})
    planned.admission_order = FIFO
    await shop.sales.PlanFlashSale(planned)
    wrong: dict[str, tuple[dict[str, str], str, list[str]]] = {
        "unknown sale": ({"flash_sale_code": "NONE"}, "FLASH_SALE_NOT_FOUND", []),
        "sale without a room": ({"flash_sale_code": "PLAIN"}, "NO_WAITING_ROOM", []),
        "sale that is not open": ({"flash_sale_code": "PLANNED"}, "FLASH_SALE_NOT_OPEN", []),
        "no customer": ({"customer_reference": ""}, "CUSTOMER_REQUIRED", []),
        "customer of 65": ({"customer_reference": "x" * 65}, "BAD_INPUT", ["customer_reference"]),
        "customer with a NUL": ({"customer_reference": "a\0"}, "BAD_INPUT", ["customer_reference"]),
        "wrong channel": ({"channel_code": "shopee"}, "CHANNEL_NOT_ON_SALE", []),
        "no channel": ({"channel_code": ""}, "BAD_INPUT", ["channel_code"]),
        "no request_id": ({"request_id": ""}, "BAD_INPUT", ["request_id"]),
        "request_id of 1,000": ({"request_id": "x" * 1000}, "BAD_INPUT", ["request_id"]),
        "a pool": ({"flash_sale_code": "SALE~01"}, "BAD_INPUT", ["flash_sale_code"]),
    }
    before = await shop.dump()
    for name, (fields, reason, named) in wrong.items():
        with subtests.test(name):
            failure = await shop.refused(join(shop, "Ani", **fields))
            assert (failure.reason, [each.field for each in failure.fields]) == (reason, named)
    assert await shop.dump() == before


async def test_a_room_of_a_sale_that_is_closed(shop: Shop) -> None:
    await plan_room(shop, 2)
    place = await until(shop, "Ani", State.WAITING_STATE_ADMITTED)
    await shop.close_sale("SALE")
    assert (await shop.refused(join(shop, "Ani"))).reason == "FLASH_SALE_NOT_OPEN"
    assert await outcome(shop, ask(shop, "Ani", place.ticket)) == "FLASH_SALE_NOT_OPEN"


async def test_places_and_turns_do_without_valkey(shop: Shop) -> None:
    await plan_room(shop, 2)
    await shop.valkey.flushdb()
    for customer in ("Ani", "Budi"):
        assert (await until(shop, customer, State.WAITING_STATE_ADMITTED)).ticket


async def _another_round(shop: Shop) -> None:
    """Returns when somebody has looked at the room once more."""
    before = await shop.rows("SELECT rate_time FROM waiting_room")

    async def looked() -> bool:
        return await shop.rows("SELECT rate_time FROM waiting_room") != before

    await shop.until(looked)


async def _enough(shop: Shop, count: int) -> bool:
    return len(await admitted(shop)) >= count


async def _is_admitted(shop: Shop, customer: str, sale: str) -> bool:
    return (await join(shop, customer, flash_sale_code=sale)).state == State.WAITING_STATE_ADMITTED


async def test_two_replicas_admit_no_more_than_one_does(shop: Shop) -> None:
    await plan_room(shop, 3)
    async with AsyncExitStack() as stack:
        shops = [shop, *[await stack.enter_async_context(shop.replica()) for _ in range(2)]]
        await asyncio.gather(*(join(shops[number % 3], f"customer-{number:02}") for number in range(30)))
        await shop.until(lambda: _enough(shop, 3))
        await shop.sql.execute("DELETE FROM lease")  # another replica may take the next turn
        for _ in range(3):
            await _another_round(shop)
    assert len(await admitted(shop)) == 3


async def test_one_request_takes_one_place_wherever_it_asks_at_once(shop: Shop) -> None:
    codes = ["SALE", "OTHER", "THIRD"]
    for code in codes:
        await plan_room(shop, 1, code=code)
    for number in range(10):
        asks = [
            join(shop, f"Ani-{number}", request_id=f"join-{number}", flash_sale_code=code) for code in codes
        ]
        answers = await asyncio.gather(*asks, return_exceptions=True)
        assert sum(isinstance(answer, pb.JoinWaitingRoomResponse) for answer in answers) == 1
    assert await shop.scalar("SELECT count(*) FROM waiting_ticket") == 10


async def test_tickets_are_forgotten_a_day_after_their_sale(shop: Shop) -> None:
    for code in ("SALE", "OTHER"):
        await plan_room(shop, 1, code=code)
        for customer in ("Ani", "Budi", "Citra"):
            await join(shop, customer, flash_sale_code=code)
    await shop.close_sale("SALE")
    async with shop.postgres.connection() as conn:
        assert await waiting_rooms.forget_tickets(conn, 10) == 0
        await shop.sql.execute(
            "UPDATE flash_sale SET start_time = start_time - interval '2 days', end_time = end_time - interval '2 days'"
            " WHERE flash_sale_code = 'SALE'"
        )
        assert [await waiting_rooms.forget_tickets(conn, 2) for _ in range(3)] == [2, 1, 0]
    assert await shop.scalar("SELECT count(*) FROM waiting_ticket") == 3
    report = await shop.sales.ReportFlashSale(pb.ReportFlashSaleRequest(flash_sale_code="SALE"))
    assert report.waiting_room.joined == 3


async def test_the_client_waits_for_its_turn(shop: Shop) -> None:
    await plan_room(shop, 3)
    async with LumbungClient(
        shop.server.address, actor="storefront:web", options=Options(timeout_s=30.0)
    ) as client:
        wishes = [
            reserve_request(
                {"A-SALE": 1},
                channel_code="web",
                customer_reference=f"customer-{number}",
                flash_sale_code="SALE",
            )
            for number in range(3)
        ]
        held = await asyncio.gather(*(client.reserve_in_turn(wish, wait_s=60.0) for wish in wishes))
    assert [each.request_id for each in held] == [wish.request_id for wish in wishes]
    assert await shop.scalar("SELECT count(*) FROM reservation WHERE state = 1") == 3
