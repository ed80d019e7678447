"""Soft holds: answered before they are durable, found on their way, lost, taken anew (P2)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
import pytest

from lumbung.stock.v1 import reservations_pb2 as pb
from lumbung_kit.ids import new_id
from lumbung_kit.postgres import Conn
from lumbung_stock.domain.reservations import Reservation
from lumbung_stock.domain.soft_holds import is_soft, soft_id
from lumbung_stock.stores import reservations
from lumbung_stock.stores.gate import Gate, RawEntry

if TYPE_CHECKING:
    from services.stock.tests.conftest import Shop

pytestmark = pytest.mark.store


class Committers:
    """Switched off, they read nothing, whoever drains."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.on = True
        read = Gate.read_journal

        async def read_when_on(
            gate: Gate, code: str, count: int, wait_s: float = 0.0, *, after: str = ""
        ) -> Sequence[RawEntry]:
            if self.on:
                return await read(gate, code, count, wait_s, after=after)
            await asyncio.sleep(min(wait_s, 0.01))
            return []

        monkeypatch.setattr(Gate, "read_journal", read_when_on)


@pytest.fixture
def committers(monkeypatch: pytest.MonkeyPatch) -> Committers:
    """The committers of every sale, to be switched off."""
    return Committers(monkeypatch)


def wish(shop: Shop, lines: dict[str, int], sale: str = "SALE") -> pb.ReserveRequest:
    """A Reserve that may be soft."""
    request = shop.ask(lines, sale=sale)
    request.durability = pb.DURABILITY_SOFT
    return request


async def soft(shop: Shop, request: pb.ReserveRequest) -> pb.Reservation:
    """A soft hold."""
    return (await shop.reservations.Reserve(request)).reservation


async def lose_everything(shop: Shop, sale: str = "SALE") -> None:
    """Valkey forgets, and the gate is set up again."""
    epoch = (await shop.gate.status(sale)).epoch
    await shop.valkey.flushdb()

    async def armed_anew() -> bool:
        status = await shop.gate.status(sale)
        return status.armed and status.epoch > epoch

    await shop.until(armed_anew)


async def rows(shop: Shop) -> int:
    """Reservations that Postgres has."""
    return await shop.scalar("SELECT count(*) FROM reservation")


async def test_it_is_answered_before_postgres_has_it(shop: Shop, committers: Committers) -> None:
    await shop.put("A", 5)
    await shop.open_sale("SALE", {"A": 3})
    committers.on = False
    held = await soft(shop, wish(shop, {"A": 2}))
    assert await rows(shop) == 0
    assert (held.state, held.durability) == (pb.RESERVATION_STATE_HELD, pb.DURABILITY_SOFT)
    assert [(draw.sku_code, draw.quantity, draw.from_escrow) for draw in held.draws] == [("A", 2, True)]
    assert is_soft(UUID(held.reservation_id))
    committers.on = True
    kept = await shop.get(held)
    assert (kept.draws, kept.lines, kept.request_id) == (held.draws, held.lines, held.request_id)
    assert kept.expire_time.ToNanoseconds() >= held.expire_time.ToNanoseconds()
    await shop.require_conserved()


async def test_whoever_asks_for_one_on_its_way_waits_for_it(shop: Shop, committers: Committers) -> None:
    await shop.put("A", 5)
    await shop.open_sale("SALE", {"A": 5})
    committers.on = False
    holds = [await soft(shop, wish(shop, {"A": 1})) for _ in range(3)]
    asked = [
        asyncio.create_task(call)
        for call in (shop.confirm(holds[0]), shop.release(holds[1]), shop.get(holds[2]))
    ]
    done, _ = await asyncio.wait(asked, timeout=0.2)
    assert not done
    committers.on = True
    assert [(await call).state for call in asked] == [
        pb.RESERVATION_STATE_CONFIRMED,
        pb.RESERVATION_STATE_RELEASED,
        pb.RESERVATION_STATE_HELD,
    ]
    await shop.require_conserved()


async def test_who_cannot_wait_that_long_is_told_to_ask_again(shop: Shop, committers: Committers) -> None:
    await shop.put("A", 5)
    await shop.open_sale("SALE", {"A": 5})
    committers.on = False
    held = await soft(shop, wish(shop, {"A": 1}))
    confirmation = shop.confirmation(held)
    refused = await shop.refused(shop.reservations.Confirm(confirmation, timeout=1.0))
    assert refused.reason in ("HOLD_PENDING", "")  # the client's own clock may be faster
    committers.on = True
    assert (await shop.reservations.Confirm(confirmation)).reservation.state == pb.RESERVATION_STATE_CONFIRMED


async def lost(shop: Shop, committers: Committers) -> tuple[pb.ReserveRequest, pb.Reservation]:
    """A soft hold of 2 of a sale's 3 units that Valkey has forgotten before Postgres had it, and its request."""
    await shop.put("A", 5)
    await shop.open_sale("SALE", {"A": 3})
    committers.on = False
    request = wish(shop, {"A": 2})
    held = await soft(shop, request)
    await lose_everything(shop)
    committers.on = True
    return request, held


class TestLost:
    """Valkey forgets a soft hold before Postgres has it."""

    async def test_its_units_are_taken_anew_under_the_same_id(
        self, shop: Shop, committers: Committers
    ) -> None:
        request, held = await lost(shop, committers)
        confirmation = shop.confirmation(held)
        confirmation.soft_hold.CopyFrom(request)
        for _ in range(2):
            sold = (await shop.reservations.Confirm(confirmation)).reservation
            assert (sold.reservation_id, sold.state) == (held.reservation_id, pb.RESERVATION_STATE_CONFIRMED)
        assert await rows(shop) == 1
        again = (await shop.reservations.Reserve(request)).reservation
        assert again.reservation_id == held.reservation_id
        await shop.require_conserved()

    async def test_without_its_request_it_is_lost_and_so_it_stays(
        self, shop: Shop, committers: Committers
    ) -> None:
        _, held = await lost(shop, committers)
        release = pb.ReleaseRequest(request_id=shop.new_id(), reservation_id=held.reservation_id)
        for call in (
            shop.reservations.Confirm(shop.confirmation(held)),
            shop.reservations.Release(release),
            shop.reservations.GetReservation(pb.GetReservationRequest(reservation_id=held.reservation_id)),
        ):
            assert (await shop.refused(call)).reason == "HOLD_LOST"
        assert await rows(shop) == 0
        await shop.require_conserved()

    async def test_when_its_units_are_gone_too_it_is_lost_for_good(
        self, shop: Shop, committers: Committers
    ) -> None:
        request, held = await lost(shop, committers)
        other = await shop.hold({"A": 2}, sale="SALE")
        confirmation = shop.confirmation(held)
        confirmation.soft_hold.CopyFrom(request)
        assert (await shop.refused(shop.reservations.Confirm(confirmation))).reason == "HOLD_LOST"
        await shop.release(other)
        assert (await shop.refused(shop.reservations.Confirm(confirmation))).reason == "HOLD_LOST"
        await shop.require_conserved()

    async def test_one_that_the_escrow_does_not_cover_is_lost_too(
        self, shop: Shop, committers: Committers
    ) -> None:
        await shop.put("A", 5)
        await shop.open_sale("SALE", {"A": 1})
        committers.on = False
        await shop.valkey.hset("lumbung:{SALE}:free", "A", "2")
        kept, lost = [await soft(shop, wish(shop, {"A": 1})) for _ in range(2)]
        committers.on = True
        assert (await shop.confirm(kept)).state == pb.RESERVATION_STATE_CONFIRMED
        confirmation = shop.confirmation(lost)
        for _ in range(2):
            assert (await shop.refused(shop.reservations.Confirm(confirmation))).reason == "HOLD_LOST"
        await shop.require_conserved()


async def test_what_never_was_is_told_from_what_was_lost(shop: Shop) -> None:
    def get(reservation_id: UUID) -> Any:
        return shop.reservations.GetReservation(pb.GetReservationRequest(reservation_id=str(reservation_id)))

    assert (await shop.refused(get(new_id()))).reason == "RESERVATION_NOT_FOUND"
    assert (await shop.refused(get(soft_id(new_id())))).reason == "HOLD_LOST"


@pytest.mark.parametrize("case", ["no sale", "mixed cart", "repeated"])
async def test_where_postgres_decides_the_hold_is_durable_when_answered(shop: Shop, case: str) -> None:
    await shop.put("A", 5)
    await shop.put("CABLE", 5)
    await shop.open_sale("SALE", {"A": 3})
    lines = {"A": 1, "CABLE": 1} if case == "mixed cart" else {"A": 1}
    request = wish(shop, lines, sale="" if case == "no sale" else "SALE")
    held = await soft(shop, request)
    if case == "repeated":
        held = await soft(shop, request)
    assert await rows(shop) == 1
    expected = pb.DURABILITY_SOFT if case == "repeated" else pb.DURABILITY_DURABLE
    assert held.durability == expected
    await shop.require_conserved()


async def test_after_a_recovery_that_forgot_an_answer_it_is_durable_when_answered(shop: Shop) -> None:
    await shop.put("A", 5)
    await shop.open_sale("SALE", {"A": 3})
    first = wish(shop, {"A": 1})
    await shop.release(await soft(shop, first))
    await lose_everything(shop)
    await soft(shop, wish(shop, {"A": 1}))
    assert await rows(shop) == 2
    assert (
        await soft(shop, first)
    ).state == pb.RESERVATION_STATE_HELD  # its first answer, whatever became of it
    assert await rows(shop) == 2


async def test_the_request_of_a_lost_hold_is_checked_like_any_other(shop: Shop) -> None:
    request = shop.ask({"A": 0}, sale="SALE")
    confirmation = pb.ConfirmRequest(
        request_id=shop.new_id(),
        reservation_id=str(soft_id(new_id())),
        order=pb.OrderDetails(order_reference="order-1"),
        soft_hold=request,
    )
    refused = await shop.refused(shop.reservations.Confirm(confirmation))
    assert {violation.field for violation in refused.fields} == {
        "soft_hold.durability",
        "soft_hold.lines[0].quantity",
    }


async def test_a_hold_that_arrives_between_the_lock_and_the_look_is_not_decided_on(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has locked it: a Confirm and a Release would both find it held (P7)."""
    await shop.put("SOON", 2)
    made = await shop.hold({"SOON": 1})
    arriving = new_id()
    look = reservations.find_by_id
    url = shop.settings.postgres_url.get_secret_value()
    async with await psycopg.AsyncConnection.connect(url, options="-c search_path=stock") as writer:
        await writer.execute(
            "INSERT INTO reservation SELECT (jsonb_populate_record(NULL::reservation, to_jsonb(reservation)"
            " || jsonb_build_object('reservation_id', %s::text, 'request_id', 'soon'))).*"
            "  FROM reservation WHERE reservation_id::text = %s",
            [str(arriving), made.reservation_id],
        )

        async def look_once_it_is_there(conn: Conn, ids: Iterable[UUID]) -> dict[UUID, Reservation]:
            await writer.commit()
            return await look(conn, ids)

        monkeypatch.setattr(reservations, "find_by_id", look_once_it_is_there)
        async with shop.postgres.transaction() as conn:
            assert await reservations.lock_reservations(conn, [arriving]) == {}
