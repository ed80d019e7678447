"""ExtendHold: one deadline at a time, by Postgres' clock, and one winner (P3, P7)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from google.protobuf.duration_pb2 import Duration

from lumbung.stock.v1 import reservations_pb2 as pb

if TYPE_CHECKING:
    from services.stock.tests.conftest import Shop

pytestmark = pytest.mark.store

TOLD_EARLIER = timedelta(seconds=1)


def extension(shop: Shop, held: pb.Reservation, ttl_s: int = 3600) -> pb.ExtendHoldRequest:
    """An ExtendHold request with a new id."""
    return pb.ExtendHoldRequest(
        request_id=shop.new_id(), reservation_id=held.reservation_id, ttl=Duration(seconds=ttl_s)
    )


def told(reservation: pb.Reservation) -> datetime:
    """The deadline that a caller was told."""
    return reservation.expire_time.ToDatetime(tzinfo=UTC)


async def deadline(shop: Shop, held: pb.Reservation) -> datetime:
    """The deadline that Postgres judges by."""
    statement = "SELECT expire_time FROM reservation WHERE reservation_id::text = %s"
    ((moment,),) = await shop.rows(statement, held.reservation_id)
    assert isinstance(moment, datetime)
    return moment


async def age(shop: Shop, held: pb.Reservation, hours: float) -> None:
    """Makes the hold as old as that."""
    await shop.sql.execute(
        "UPDATE reservation SET create_time = create_time - make_interval(secs => %s)"
        " WHERE reservation_id::text = %s",
        (hours * 3600, held.reservation_id),
    )


@pytest.mark.parametrize("on_sale", [False, True], ids=["ordinary", "flash"])
@pytest.mark.parametrize("ttl_s", [10, 7200], ids=["earlier", "later"])
async def test_the_deadline_is_so_long_from_now_and_told_a_little_earlier(
    shop: Shop, on_sale: bool, ttl_s: int
) -> None:
    await shop.put("A", 5)
    if on_sale:
        await shop.open_sale("SALE", {"A": 5})
    held = await shop.hold({"A": 1}, sale="SALE" if on_sale else "")
    ((before,),) = await shop.rows("SELECT clock_timestamp()")
    extended = (await shop.reservations.ExtendHold(extension(shop, held, ttl_s))).reservation
    ((after,),) = await shop.rows("SELECT clock_timestamp()")
    moved = await deadline(shop, held)
    assert before <= moved - timedelta(seconds=ttl_s) <= after
    assert told(extended) == moved - TOLD_EARLIER
    assert (extended.state, await shop.get(held)) == (pb.RESERVATION_STATE_HELD, extended)
    await shop.require_conserved()


async def test_a_hold_past_its_first_deadline_is_sold_if_it_was_extended(shop: Shop) -> None:
    """The expiry has looked by then, and left it alone."""
    await shop.put("A", 2)
    extended, other = await shop.hold({"A": 1}), await shop.hold({"A": 1})
    await shop.reservations.ExtendHold(extension(shop, extended))
    await shop.sql.execute("UPDATE reservation SET first_expire_time = clock_timestamp() - interval '1 hour'")
    await shop.let_deadline_pass(other)
    await shop.until_state(other, pb.RESERVATION_STATE_EXPIRED)
    assert (await shop.confirm(extended)).state == pb.RESERVATION_STATE_CONFIRMED


async def test_each_request_is_answered_again_as_it_was(shop: Shop) -> None:
    await shop.put("A", 2)
    ask = shop.ask({"A": 2})
    held = (await shop.reservations.Reserve(ask)).reservation
    first, second = extension(shop, held, 600), extension(shop, held, 1200)
    answers = [await shop.reservations.ExtendHold(request) for request in (first, second)]
    assert told(answers[0].reservation) < told(answers[1].reservation)
    await shop.confirm(held)
    moved = await deadline(shop, held)
    for request, answer in zip((first, second), answers, strict=True):
        assert await shop.reservations.ExtendHold(request) == answer
    assert (await shop.reservations.Reserve(ask)).reservation == held
    assert await deadline(shop, held) == moved
    changed = pb.ExtendHoldRequest(
        request_id=first.request_id, reservation_id=held.reservation_id, ttl=Duration(seconds=601)
    )
    assert await shop.outcome(shop.reservations.ExtendHold(changed)) == "REQUEST_ID_REUSED"


async def test_a_hold_lives_a_day_at_most_and_the_refusal_sticks(shop: Shop) -> None:
    await shop.put("A", 1)
    held = await shop.hold({"A": 1})
    await age(shop, held, hours=23.5)
    was = await deadline(shop, held)
    long = extension(shop, held, 3600)
    refused = await shop.refused(shop.reservations.ExtendHold(long))
    assert refused.reason == "HOLD_TOO_LONG"
    left_s = int(refused.metadata["ttl_s_max"])
    assert 1500 < left_s <= 1800
    assert await deadline(shop, held) == was
    await age(shop, held, hours=-20)
    again = await shop.refused(shop.reservations.ExtendHold(long))
    assert (again.reason, again.metadata) == (refused.reason, refused.metadata)
    assert await shop.outcome(shop.reservations.ExtendHold(extension(shop, held, left_s))) == "HELD"


async def test_what_is_no_hold_any_more_is_not_extended(shop: Shop) -> None:
    await shop.put("A", 4)
    released, sold, expired, late = [await shop.hold({"A": 1}) for _ in range(4)]
    await shop.release(released)
    await shop.confirm(sold)
    await shop.let_deadline_pass(expired)
    await shop.until_state(expired, pb.RESERVATION_STATE_EXPIRED)
    outcomes = [
        await shop.outcome(shop.reservations.ExtendHold(extension(shop, each)))
        for each in (released, sold, expired)
    ]
    assert outcomes == ["ALREADY_RESOLVED", "ALREADY_RESOLVED", "HOLD_EXPIRED"]
    await shop.let_deadline_pass(late)
    assert await shop.outcome(shop.reservations.ExtendHold(extension(shop, late))) == "HOLD_EXPIRED"
    unknown = pb.Reservation(reservation_id="0198c2f4-5e6f-7a81-9b3c-2d4e5f607182")
    assert await shop.outcome(shop.reservations.ExtendHold(extension(shop, unknown))) == (
        "RESERVATION_NOT_FOUND"
    )


@pytest.mark.parametrize("on_sale", [False, True], ids=["ordinary", "flash"])
async def test_extending_races_with_every_other_verb(shop: Shop, on_sale: bool) -> None:
    """Whoever is told that the hold goes on was before whoever ended it; the units are where the winner has them."""
    await shop.put("A", 60)
    if on_sale:
        await shop.open_sale("SALE", {"A": 60})
    sale = "SALE" if on_sale else ""
    async with shop.replica() as other:
        for _ in range(6):
            holds = [await shop.hold({"A": 1}, sale=sale) for _ in range(3)]
            calls = []
            for held in holds:
                release = pb.ReleaseRequest(request_id=shop.new_id(), reservation_id=held.reservation_id)
                calls += [
                    shop.reservations.ExtendHold(extension(shop, held)),
                    other.reservations.Confirm(shop.confirmation(held)),
                    shop.reservations.Release(release),
                    other.reservations.ExtendHold(extension(shop, held)),
                ]
            _, *answers = await asyncio.gather(shop.let_deadline_pass(holds[0]), *map(shop.outcome, calls))
            for index, held in enumerate(holds):
                said = answers[4 * index : 4 * index + 4]
                state = pb.ReservationState.Name((await shop.get(held)).state).removeprefix(
                    "RESERVATION_STATE_"
                )
                assert said[1:3].count(state) == (state != "EXPIRED" or said[2] == "EXPIRED")
                assert {said[0], said[3]} <= {"HELD", "ALREADY_RESOLVED", "HOLD_EXPIRED"}
    await shop.require_conserved()


async def test_many_extensions_and_a_confirm_of_one_batch_leave_one_deadline(shop: Shop) -> None:
    """What the hold came to last is what is written, told and judged by."""
    await shop.put("A", 1)
    held = await shop.hold({"A": 1})
    requests = [extension(shop, held, 600 + number) for number in range(20)]
    answers = await asyncio.gather(*map(shop.reservations.ExtendHold, requests))
    last = await deadline(shop, held) - TOLD_EARLIER
    assert last in [told(answer.reservation) for answer in answers]
    assert told(await shop.confirm(held)) == last
