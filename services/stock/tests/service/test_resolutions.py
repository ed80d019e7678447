"""Confirm, release, cancel: one winner (P7), sticky (P3), to the unit (P4)."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from lumbung.stock.v1 import reservations_pb2 as pb
from lumbung_stock.domain.reservations import OrderDetails, Reservation, ReservationState, Resolution, Verb
from lumbung_stock.usecases.resolve_reservations import resolve_reservations

if TYPE_CHECKING:
    from services.stock.tests.conftest import Shop

pytestmark = pytest.mark.store

CALLERS = 24
UNKNOWN = "0198c2f4-5e6f-7a81-9b3c-2d4e5f607182"
AT_THE_DEADLINE = {
    pb.RESERVATION_STATE_CONFIRMED: [(("CONFIRMED", ""), ("ALREADY_RESOLVED", "confirm"))],
    pb.RESERVATION_STATE_RELEASED: [
        (("ALREADY_RESOLVED", "release"), ("RELEASED", "")),
        (("HOLD_EXPIRED", ""), ("RELEASED", "")),
    ],
    pb.RESERVATION_STATE_EXPIRED: [(("HOLD_EXPIRED", ""), ("EXPIRED", ""))],
}
"""What Confirm and Release of one hold may have heard, by the state that it is in."""


def releasing(shop: Shop, held: pb.Reservation) -> pb.ReleaseRequest:
    return pb.ReleaseRequest(request_id=shop.new_id(), reservation_id=held.reservation_id)


async def answer(shop: Shop, call: Awaitable[Any]) -> tuple[str, str]:
    """The state or reason, and the winner that a loser is told."""
    try:
        found = await call
    except Exception as error:  # noqa: BLE001 - looked into by `refused`
        failure = await shop.refused(_raising(error))
        return failure.reason, failure.metadata.get("winner", "")
    return pb.ReservationState.Name(found.reservation.state).removeprefix("RESERVATION_STATE_"), ""


async def _raising(error: Exception) -> None:
    raise error


async def opened(shop: Shop, *, on_sale: bool) -> str:
    """Ten units of A, on sale or not; the sale's code."""
    await shop.put("A", 10)
    if on_sale:
        await shop.open_sale("SALE", {"A": 10}, limit=5)
        return "SALE"
    return ""


class TestOneWinner:
    """P7, among many callers of two replicas at once."""

    @pytest.mark.parametrize("on_sale", [False, True], ids=["ordinary", "flash"])
    async def test_of_confirms_and_releases_one_kind_wins_and_the_losers_are_told(
        self, shop: Shop, seed: int, on_sale: bool
    ) -> None:
        sale = await opened(shop, on_sale=on_sale)
        chance = random.Random(seed)
        async with shop.replica() as other:
            for _ in range(4):
                held = await shop.hold({"A": 1}, sale=sale, customer="ani")
                calls: list[Callable[[Shop], Awaitable[Any]]] = [
                    lambda on, held=held: on.reservations.Confirm(on.confirmation(held)),
                    lambda on, held=held: on.reservations.Release(releasing(on, held)),
                ] * (CALLERS // 2)
                chance.shuffle(calls)
                answers = await asyncio.gather(
                    *(answer(shop, call(chance.choice((shop, other)))) for call in calls)
                )
                state = (await shop.get(held)).state
                if state == pb.RESERVATION_STATE_CONFIRMED:
                    expected = {("CONFIRMED", ""), ("ALREADY_RESOLVED", "confirm")}
                    assert answers.count(("CONFIRMED", "")) == 1
                else:
                    expected = {("RELEASED", ""), ("ALREADY_RESOLVED", "release")}
                assert set(answers) == expected
        await shop.require_conserved()

    async def test_a_hundred_confirms_of_one_hold_sell_it_once(self, shop: Shop) -> None:
        await shop.put("A", 1)
        held = await shop.hold({"A": 1})
        async with shop.replica() as other:
            answers = await asyncio.gather(
                *(
                    answer(shop, on.reservations.Confirm(on.confirmation(held)))
                    for _ in range(50)
                    for on in (shop, other)
                )
            )
        assert sorted(set(answers)) == [("ALREADY_RESOLVED", "confirm"), ("CONFIRMED", "")]
        assert answers.count(("CONFIRMED", "")) == 1
        confirmed = "SELECT count(*) FROM (SELECT kind FROM event_outbox UNION ALL SELECT kind FROM event_log) AS told"
        assert await shop.scalar(f"{confirmed} WHERE kind = 'reservation_confirmed'") == 1

    @pytest.mark.parametrize("on_sale", [False, True], ids=["ordinary", "flash"])
    async def test_at_the_deadline_time_and_callers_race(self, shop: Shop, on_sale: bool) -> None:
        sale = await opened(shop, on_sale=on_sale)
        holds = [await shop.hold({"A": 1}, sale=sale, customer=f"c{number}") for number in range(8)]
        confirms = [answer(shop, shop.reservations.Confirm(shop.confirmation(held))) for held in holds]
        releases = [answer(shop, shop.reservations.Release(releasing(shop, held))) for held in holds]
        answers = await asyncio.gather(shop.let_deadline_pass(*holds), *confirms, *releases)
        sold = 0
        for held, *said in zip(holds, answers[1:9], answers[9:], strict=True):
            state = (await shop.get(held)).state
            sold += state == pb.RESERVATION_STATE_CONFIRMED
            assert tuple(said) in AT_THE_DEADLINE[state]
        await shop.require_conserved()
        if on_sale:
            await shop.until_gate_has("SALE", {"A": 10 - sold})
        else:
            assert await shop.free("A") == 10 - sold

    @pytest.mark.parametrize("on_sale", [False, True], ids=["ordinary", "flash"])
    async def test_of_many_cancels_one_wins(self, shop: Shop, on_sale: bool) -> None:
        sale = await opened(shop, on_sale=on_sale)
        sold = await shop.confirm(await shop.hold({"A": 4}, sale=sale, customer="ani"))
        async with shop.replica() as other:
            answers = await asyncio.gather(
                *(
                    answer(shop, on.reservations.CancelReservation(on.cancellation(sold)))
                    for _ in range(10)
                    for on in (shop, other)
                )
            )
        assert answers.count(("CANCELLED", "")) == 1
        assert answers.count(("ALREADY_RESOLVED", "cancel")) == 19
        await shop.require_conserved()

    async def test_confirming_many_at_once_gives_each_its_own_answer(self, shop: Shop) -> None:
        await shop.put("A", 60)
        holds = [await shop.hold({"A": 1}) for _ in range(20)]
        calls: list[Awaitable[Any]] = []
        for held in holds:
            calls += [
                shop.reservations.Confirm(shop.confirmation(held, f"INV/{held.reservation_id}")),
                shop.reservations.CancelReservation(
                    pb.CancelReservationRequest(
                        request_id=shop.new_id(), reservation_id=UNKNOWN, reason="none"
                    )
                ),
            ]
        answers = await asyncio.gather(*(answer(shop, call) for call in calls))
        assert answers[::2] == [("CONFIRMED", "")] * 20
        assert answers[1::2] == [("RESERVATION_NOT_FOUND", "")] * 20


async def test_of_two_changes_in_one_transaction_the_last_is_what_is_written(shop: Shop) -> None:
    """A confirm and its cancel that were waiting together, and an extension before them."""
    await shop.put("A", 3)
    held = await shop.hold({"A": 2})
    hold_id = UUID(held.reservation_id)
    wishes = [
        *(Resolution(hold_id, Verb.EXTEND, shop.new_id(), ttl_s=ttl_s) for ttl_s in (7200, 60, 3600)),
        Resolution(
            hold_id,
            Verb.CONFIRM,
            shop.new_id(),
            order=OrderDetails("INV/7"),
            partial_lines=(("A", 1),),
        ),
        Resolution(hold_id, Verb.CANCEL, shop.new_id(), reason="changed their mind"),
    ]
    answers = await shop.postgres.run(lambda conn: resolve_reservations(conn, wishes))
    assert [getattr(each, "state", each) for each in answers] == [
        *[ReservationState.HELD] * 3,
        ReservationState.CONFIRMED,
        ReservationState.CANCELLED,
    ]
    extended = answers[2]
    assert isinstance(extended, Reservation)
    assert await shop.rows("SELECT expire_time FROM reservation") == [(extended.deadline,)]
    now = await shop.get(held)
    assert (now.state, now.order.order_reference) == (pb.RESERVATION_STATE_CANCELLED, "INV/7")
    assert ([line.quantity for line in now.lines], [line.quantity for line in now.held_lines]) == ([1], [2])
    assert await shop.free("A") == 3
    await shop.require_conserved()


class TestOrderReferences:
    """Unique per channel, also when two replicas are asked at once."""

    async def test_one_of_many_holds_gets_the_reference(self, shop: Shop) -> None:
        await shop.put("A", 20)
        holds = [await shop.hold({"A": 1}) for _ in range(12)]
        async with shop.replica() as other:
            answers = await asyncio.gather(
                *(
                    answer(shop, on.reservations.Confirm(on.confirmation(held, "INV/7")))
                    for held, on in zip(holds, [shop, other] * 6, strict=True)
                )
            )
        assert sorted(answers) == [("CONFIRMED", "")] + [("ORDER_REFERENCE_TAKEN", "")] * 11
        assert await shop.scalar("SELECT sold FROM level") == 1
        loser = holds[[reason for reason, _ in answers].index("ORDER_REFERENCE_TAKEN")]
        assert (await shop.confirm(loser, "INV/8")).order.order_reference == "INV/8"

    async def test_another_channel_has_references_of_its_own(self, shop: Shop) -> None:
        await shop.put("A", 2)
        await shop.confirm(await shop.hold({"A": 1}), "INV/7")
        ask = shop.ask({"A": 1}, channel_code="tokoria")
        held = (await shop.reservations.Reserve(ask)).reservation
        assert (await shop.confirm(held, "INV/7")).state == pb.RESERVATION_STATE_CONFIRMED


class TestStickyAnswers:
    """P3"""

    async def test_a_confirm_is_answered_again_as_it_was_after_the_sale_was_taken_back(
        self, shop: Shop
    ) -> None:
        await shop.put("A", 1)
        confirmation = shop.confirmation(await shop.hold({"A": 1}))
        first = await shop.reservations.Confirm(confirmation)
        assert first.reservation == await shop.get(first.reservation)
        assert await shop.reservations.Confirm(confirmation) == first
        cancellation = shop.cancellation(first.reservation)
        cancelled = await shop.reservations.CancelReservation(cancellation)
        assert await shop.reservations.Confirm(confirmation) == first
        assert await shop.reservations.CancelReservation(cancellation) == cancelled
        assert await shop.free("A") == 1

    async def test_a_release_is_answered_again(self, shop: Shop) -> None:
        await shop.put("A", 1)
        release = releasing(shop, await shop.hold({"A": 1}))
        first = await shop.reservations.Release(release)
        await shop.hold({"A": 1})
        assert await shop.reservations.Release(release) == first
        assert await shop.free("A") == 0

    async def test_a_cancel_that_came_too_early_does_not_take_effect_later(self, shop: Shop) -> None:
        await shop.put("A", 1)
        held = await shop.hold({"A": 1})
        early = shop.cancellation(held)
        first = await shop.refused(shop.reservations.CancelReservation(early))
        assert (first.reason, first.metadata["state"]) == ("NOT_CONFIRMED", "HELD")
        sold = await shop.confirm(held)
        again = await shop.refused(shop.reservations.CancelReservation(early))
        assert (again.reason, again.message, again.metadata) == (first.reason, first.message, first.metadata)
        assert (await shop.get(sold)).state == pb.RESERVATION_STATE_CONFIRMED
        await shop.cancel(sold)

    async def test_a_loser_hears_of_the_same_winner_again(self, shop: Shop) -> None:
        await shop.put("A", 1)
        held = await shop.hold({"A": 1})
        late = releasing(shop, held)
        sold = await shop.confirm(held)
        assert await answer(shop, shop.reservations.Release(late)) == ("ALREADY_RESOLVED", "confirm")
        await shop.cancel(sold)
        assert await answer(shop, shop.reservations.Release(late)) == ("ALREADY_RESOLVED", "confirm")
        assert await answer(shop, shop.reservations.Release(releasing(shop, held))) == (
            "ALREADY_RESOLVED",
            "cancel",
        )

    async def test_the_same_request_at_once_takes_effect_once(self, shop: Shop) -> None:
        await shop.put("A", 1)
        confirmation = shop.confirmation(await shop.hold({"A": 1}))
        async with shop.replica() as other:
            answers = await asyncio.gather(
                *(on.reservations.Confirm(confirmation) for _ in range(10) for on in (shop, other))
            )
        assert len({each.SerializeToString() for each in answers}) == 1

    async def test_one_id_for_two_kinds_of_request_is_refused(self, shop: Shop) -> None:
        await shop.put("A", 3)
        held, other = await shop.hold({"A": 1}), await shop.hold({"A": 1})
        confirmation = shop.confirmation(held)
        await shop.reservations.Confirm(confirmation)
        once = confirmation.request_id
        changed = [
            shop.reservations.Release(pb.ReleaseRequest(request_id=once, reservation_id=held.reservation_id)),
            shop.reservations.Release(
                pb.ReleaseRequest(request_id=once, reservation_id=other.reservation_id)
            ),
            shop.reservations.CancelReservation(
                pb.CancelReservationRequest(request_id=once, reservation_id=held.reservation_id, reason="no")
            ),
            shop.reservations.Confirm(
                pb.ConfirmRequest(
                    request_id=once,
                    reservation_id=held.reservation_id,
                    order=pb.OrderDetails(order_reference="another"),
                )
            ),
        ]
        assert await shop.outcomes(*changed) == {"REQUEST_ID_REUSED": 4}
        assert (await shop.get(held)).state == pb.RESERVATION_STATE_CONFIRMED
        assert (await shop.get(other)).state == pb.RESERVATION_STATE_HELD

    async def test_one_id_for_two_holds_at_once_takes_one(self, shop: Shop) -> None:
        await shop.put("A", 2)
        holds = [await shop.hold({"A": 1}) for _ in range(2)]
        once = shop.new_id()
        async with shop.replica() as other:
            answers = await shop.outcomes(
                *(
                    on.reservations.Release(
                        pb.ReleaseRequest(request_id=once, reservation_id=held.reservation_id)
                    )
                    for held, on in zip(holds, (shop, other), strict=True)
                )
            )
        assert answers == {"RELEASED": 1, "REQUEST_ID_REUSED": 1}
        assert await shop.free("A") == 1


class TestWithoutASale:
    """What cannot be resolved says why."""

    async def test_a_refused_reservation_holds_nothing(self, shop: Shop) -> None:
        await shop.put("A", 0)
        await shop.refused(shop.reservations.Reserve(shop.ask({"A": 1})))
        ((reservation_id,),) = await shop.rows("SELECT reservation_id::text FROM reservation")
        refused = pb.Reservation(reservation_id=reservation_id)
        assert (await shop.get(refused)).state == pb.RESERVATION_STATE_REFUSED
        calls = [
            shop.reservations.Confirm(shop.confirmation(refused)),
            shop.reservations.Release(releasing(shop, refused)),
            shop.reservations.CancelReservation(shop.cancellation(refused)),
        ]
        assert await shop.outcomes(*calls) == {"RESERVATION_WAS_REFUSED": 3}

    async def test_an_unknown_reservation_is_not_found(self, shop: Shop) -> None:
        unknown = pb.Reservation(reservation_id=UNKNOWN)
        before = await shop.dump()
        calls = [
            shop.reservations.Confirm(shop.confirmation(unknown)),
            shop.reservations.Release(releasing(shop, unknown)),
            shop.reservations.CancelReservation(shop.cancellation(unknown)),
            shop.reservations.GetReservation(pb.GetReservationRequest(reservation_id=UNKNOWN)),
        ]
        assert await shop.outcomes(*calls) == {"RESERVATION_NOT_FOUND": 4}
        assert await shop.dump() == before

    async def test_one_that_breaks_a_bound_fails_alone(self, shop: Shop) -> None:
        """A level that does not know of a hold any more: no other hold of the batch pays for it."""
        await shop.put("A", 12)
        await shop.put("B", 5)
        holds = [
            await shop.hold({sku: 1}) for sku in "AAAAAABAAAAAA"
        ]  # the first two go at once, the others together
        broken = holds[6]
        await shop.admin.execute("UPDATE level SET held = 0 WHERE sku_code = 'B'")
        confirms = await shop.outcomes(
            *(shop.reservations.Confirm(shop.confirmation(held)) for held in holds)
        )
        assert confirms == {"CONFIRMED": 12, "INTERNAL": 1}
        assert (await shop.get(broken)).state == pb.RESERVATION_STATE_HELD


class TestUnitsGoBack:
    """P4"""

    async def test_to_ordinary_sale(self, shop: Shop) -> None:
        await shop.put("A", 3)
        released, sold = await shop.hold({"A": 1}), await shop.hold({"A": 2})
        assert await shop.free("A") == 0
        await shop.release(released)
        assert await shop.free("A") == 1
        await shop.cancel(await shop.confirm(sold))
        assert await shop.free("A") == 3
        await shop.require_conserved()

    async def test_a_cancelled_flash_order_gives_its_units_back_to_the_open_sale(self, shop: Shop) -> None:
        await shop.put("A", 2)
        await shop.open_sale("SALE", {"A": 2}, limit=2)
        sold = await shop.confirm(await shop.hold({"A": 2}, sale="SALE", customer="ani"))
        await shop.until_gate_has("SALE", {"A": 0})
        await shop.cancel(sold)
        await shop.until_gate_has("SALE", {"A": 2})
        assert (await shop.item("SALE", "A")).remaining == 2
        await shop.hold({"A": 2}, sale="SALE", customer="ani")
        await shop.require_conserved()

    async def test_the_limit_is_free_again_after_a_release(self, shop: Shop) -> None:
        await shop.put("A", 10)
        await shop.open_sale("SALE", {"A": 10}, limit=2)
        held = await shop.hold({"A": 2}, sale="SALE", customer="ani")
        more = shop.ask({"A": 1}, sale="SALE", customer="ani")
        assert await shop.outcome(shop.reservations.Reserve(more)) == "CUSTOMER_LIMIT_REACHED"
        await shop.release(held)
        await shop.until_gate_has("SALE", {"A": 10})
        await shop.hold({"A": 2}, sale="SALE", customer="ani")
        assert await shop.outcome(shop.reservations.Reserve(more)) == "CUSTOMER_LIMIT_REACHED"
