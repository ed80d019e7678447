"""Bulk to pick face: found before waves need it, carried by one person, booked in stock once."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from lumbung.fulfillment.v1 import slotting_pb2 as pb
from lumbung.stock.v1 import inventory_pb2
from lumbung_fulfillment.clients.stock import Stock
from lumbung_fulfillment.usecases.claim_replenishment import claim_replenishment
from lumbung_fulfillment.usecases.find_replenishments import look_at_faces
from lumbung_fulfillment.usecases.plan_waves import StaleProposalError
from lumbung_kit.clients import open_channel
from lumbung_kit.failures import Kind

BULK = inventory_pb2.BIN_KIND_BULK


@pytest.fixture
def shop(floor: Any) -> Any:
    """SUGAR and RICE lie in faces, with more of them in bulk."""
    floor.stock.place("R3", 3, 1, BULK, SUGAR=100)
    floor.stock.place("R0", 0, 19, BULK, RICE=100)
    return floor


async def set_face(floor: Any, sku: str, bin_code: str, least: int, most: int) -> pb.PickFace:
    face = pb.PickFace(
        warehouse_code="JKT", sku_code=sku, bin_code=bin_code, min_quantity=least, max_quantity=most
    )
    request = pb.SetPickFaceRequest(request_id=floor.new_id(), pick_face=face)
    return (await floor.slotting.SetPickFace(request)).pick_face


async def listed(floor: Any, **changes: Any) -> list[pb.SuggestedMove]:
    request = pb.ListReplenishmentsRequest(**{"warehouse_code": "JKT"} | changes)
    return list((await floor.slotting.ListReplenishments(request)).moves)


def told(moves: list[pb.SuggestedMove]) -> list[tuple[str, int, str, str]]:
    return [(move.sku_code, move.quantity, move.from_bin_code, move.to_bin_code) for move in moves]


async def claim(floor: Any, terminal: Any, request_id: str = "") -> pb.Replenishment:
    request = pb.ClaimReplenishmentRequest(
        request_id=request_id or floor.new_id(), session_id=terminal.session_id
    )
    return (await floor.slotting.ClaimReplenishment(request)).replenishment


def carried(
    floor: Any, terminal: Any, claimed: pb.Replenishment, **changes: Any
) -> pb.ConfirmReplenishmentRequest:
    usual: dict[str, Any] = {
        "request_id": floor.new_id(),
        "session_id": terminal.session_id,
        "replenishment_id": claimed.replenishment_id,
        "from_bin_barcode": claimed.from_bin_code,
        "item_barcode": f"BC-{claimed.sku_code}",
        "quantity": claimed.quantity,
        "to_bin_barcode": claimed.to_bin_code,
    }
    return pb.ConfirmReplenishmentRequest(**usual | changes)


async def carry(floor: Any, terminal: Any, claimed: pb.Replenishment, **changes: Any) -> pb.Replenishment:
    request = carried(floor, terminal, claimed, **changes)
    return (await floor.slotting.ConfirmReplenishment(request)).replenishment


async def test_an_order_that_waits_asks_for_goods_before_it_is_planned(shop: Any) -> None:
    assert await listed(shop) == []
    await shop.order(SUGAR=30)
    (move,) = await listed(shop)
    assert told([move]) == [("SUGAR", 10, "R3", "A3-18")]
    assert move.move_reason == pb.MOVE_REASON_RUNS_DRY
    assert move.reason == "Known orders will empty A3-18: bring 10 of SUGAR from R3."
    assert "bawa 10 SUGAR dari R3" in move.reason_id
    assert move.HasField("needed_time")


async def test_planned_waves_draw_on_their_face(shop: Any) -> None:
    await set_face(shop, "SUGAR", "A3-18", 5, 30)
    await shop.order(SUGAR=18)
    await shop.plan()
    (move,) = await listed(shop)
    assert told([move]) == [("SUGAR", 28, "R3", "A3-18")]
    assert move.move_reason == pb.MOVE_REASON_BELOW_MINIMUM


async def test_claimed_carried_and_booked_under_its_actor(shop: Any) -> None:
    await set_face(shop, "SUGAR", "A3-18", 30, 50)
    terminal = await shop.sign_in()
    claimed = await claim(shop, terminal)
    assert (claimed.quantity, claimed.from_bin_code, claimed.to_bin_code) == (30, "R3", "A3-18")
    (move,) = await listed(shop)
    assert (told([move]), move.terminal_code) == ([("SUGAR", 30, "R3", "A3-18")], "t-1")
    done = await carry(shop, terminal, claimed)
    assert (done.state, done.moved_quantity) == (pb.REPLENISHMENT_STATE_DONE, 30)
    assert (shop.stock.units["R3", "SUGAR"], shop.stock.units["A3-18", "SUGAR"]) == (70, 50)
    (method, booked, actor) = shop.stock.calls[-1]
    assert (method, booked.quantity, actor) == ("MoveBetweenBins", 30, "terminal:test")
    assert await listed(shop) == []


async def test_cartons_count_and_fewer_than_wanted_are_fine(shop: Any) -> None:
    await set_face(shop, "SUGAR", "A3-18", 30, 50)
    terminal = await shop.sign_in()
    done = await carry(shop, terminal, await claim(shop, terminal), item_barcode="CTN-SUGAR", quantity=1)
    assert (done.state, done.moved_quantity) == (pb.REPLENISHMENT_STATE_DONE, 6)
    assert told(await listed(shop)) == [("SUGAR", 24, "R3", "A3-18")]


async def test_people_who_ask_at_once_get_different_work(shop: Any, refusal: Any) -> None:
    await set_face(shop, "SUGAR", "A3-18", 30, 50)
    await set_face(shop, "RICE", "A0-05", 30, 50)
    terminals = [await shop.sign_in(f"t-{n}") for n in range(3)]
    answers = await asyncio.gather(*(claim(shop, each) for each in terminals), return_exceptions=True)
    got = [answer.sku_code for answer in answers if isinstance(answer, pb.Replenishment)]
    assert sorted(got) == ["RICE", "SUGAR"]
    idle = terminals[next(n for n, each in enumerate(answers) if isinstance(each, BaseException))]
    refused = await refusal(claim(shop, idle))
    assert (refused.reason, bool(refused.retry_after_s)) == ("NO_REPLENISHMENT_WAITING", True)


async def test_what_was_seen_before_somebody_else_promised_units_takes_no_effect(shop: Any) -> None:
    """As when two processes look at the same moment: each promises only what it saw last of all."""
    await set_face(shop, "SUGAR", "A3-18", 30, 50)
    await set_face(shop, "RICE", "A0-05", 30, 50)
    one, two = await shop.sign_in("t-1"), await shop.sign_in("t-2")
    async with open_channel(shop.targets[0], actor="service:test") as channel:
        sight = await look_at_faces(shop.postgres, Stock(channel), "JKT")
    await claim(shop, one)
    with pytest.raises(StaleProposalError):
        async with shop.postgres.transaction() as conn:
            await claim_replenishment(conn, UUID(two.session_id), sight, timedelta(minutes=1))
    assert (await claim(shop, two)).sku_code != sight.moves[0].sku_code


async def test_many_who_ask_at_once_all_get_something(shop: Any) -> None:
    """More than the attempts that a claim has."""
    for number in range(10):
        shop.stock.place(f"F{number}", number % 4, 5, **{f"S{number}": 1})
        shop.stock.place(f"G{number}", number % 4, 6, BULK, **{f"S{number}": 50})
        await set_face(shop, f"S{number}", f"F{number}", 10, 20)
    terminals = [await shop.sign_in(f"t-{n}") for n in range(10)]
    claimed = await asyncio.gather(*(claim(shop, each) for each in terminals))
    assert len({each.sku_code for each in claimed}) == 10


async def test_a_session_gets_what_it_has_again_and_a_repeated_claim_its_first_answer(shop: Any) -> None:
    await set_face(shop, "SUGAR", "A3-18", 30, 50)
    await set_face(shop, "RICE", "A0-05", 30, 50)
    terminal = await shop.sign_in()
    first = await claim(shop, terminal, "c-1")
    assert (await claim(shop, terminal)).replenishment_id == first.replenishment_id
    await carry(shop, terminal, first)
    assert (await claim(shop, terminal, "c-1")).replenishment_id == first.replenishment_id
    assert (await claim(shop, terminal)).replenishment_id != first.replenishment_id


async def test_a_dead_terminals_replenishment_goes_to_the_next(shop: Any, refusal: Any) -> None:
    await set_face(shop, "SUGAR", "A3-18", 30, 50)
    dead, alive = await shop.sign_in("t-1"), await shop.sign_in("t-2")
    lost = await claim(shop, dead)
    assert (await refusal(claim(shop, alive))).reason == "NO_REPLENISHMENT_WAITING"
    statement = "update replenishment set lease_expire_time = now() - interval '1 s' returning 1"
    assert await shop.scalar(statement) == 1
    taken = await claim(shop, alive)
    assert taken.replenishment_id != lost.replenishment_id
    late = await refusal(carry(shop, dead, lost))
    assert (late.reason, late.metadata["state"]) == ("REPLENISHMENT_CLOSED", "RELEASED")
    assert (await carry(shop, alive, taken)).state == pb.REPLENISHMENT_STATE_DONE
    assert shop.stock.units["A3-18", "SUGAR"] == 50


async def test_who_signs_out_leaves_it_to_others(shop: Any) -> None:
    await set_face(shop, "SUGAR", "A3-18", 30, 50)
    await claim(shop, await shop.sign_in("t-1"))
    newer = await shop.sign_in("t-1")
    assert (await claim(shop, newer)).sku_code == "SUGAR"


async def test_a_confirmation_sent_again_moves_once_and_other_content_is_refused(
    shop: Any, refusal: Any
) -> None:
    await set_face(shop, "SUGAR", "A3-18", 30, 50)
    terminal = await shop.sign_in()
    claimed = await claim(shop, terminal)
    request = carried(shop, terminal, claimed)
    first = await shop.slotting.ConfirmReplenishment(request)
    assert await shop.slotting.ConfirmReplenishment(request) == first
    assert shop.stock.units["R3", "SUGAR"] == 70
    request.quantity = 2
    assert (await refusal(shop.slotting.ConfirmReplenishment(request))).reason == "REQUEST_ID_REUSED"
    again = await refusal(carry(shop, terminal, claimed))
    assert (again.reason, again.metadata["state"]) == ("REPLENISHMENT_CLOSED", "DONE")


async def test_while_stock_is_away_it_is_written_down_and_booked_later(shop: Any, eventually: Any) -> None:
    await set_face(shop, "SUGAR", "A3-18", 30, 50)
    terminal = await shop.sign_in()
    claimed = await claim(shop, terminal)
    shop.stock.is_down = True
    request = carried(shop, terminal, claimed)
    waiting = (await shop.slotting.ConfirmReplenishment(request)).replenishment
    assert (waiting.state, waiting.refusal) == (pb.REPLENISHMENT_STATE_BOOKING, "UNAVAILABLE")
    shop.stock.is_down = False

    async def booked() -> bool:
        return bool(shop.stock.units["A3-18", "SUGAR"] == 50)

    await eventually(booked)

    async def done() -> bool:
        answer = (await shop.slotting.ConfirmReplenishment(request)).replenishment
        return bool(answer.state == pb.REPLENISHMENT_STATE_DONE)

    await eventually(done)
    assert shop.stock.units["R3", "SUGAR"] == 70


async def test_a_crash_between_the_move_and_its_mark_moves_once(shop: Any, eventually: Any) -> None:
    """Stock has booked the move and its answer never comes: the service dies and is started again."""
    await set_face(shop, "SUGAR", "A3-18", 30, 50)
    terminal = await shop.sign_in()
    request = carried(shop, terminal, await claim(shop, terminal))
    shop.stock.swallows_answers = True
    call = asyncio.ensure_future(shop.slotting.ConfirmReplenishment(request))
    async with asyncio.timeout(60):
        await shop.stock.booked_unanswered.wait()
    assert await shop.scalar("select state from replenishment") == "booking"
    await shop.stop()
    await asyncio.wait([call])
    shop.stock.swallows_answers = False
    await shop.scalar("update replenishment set next_attempt_time = now() returning 1")
    await shop.start()

    async def done() -> bool:
        return bool(await shop.scalar("select state from replenishment") == "done")

    await eventually(done)
    assert await shop.scalar("select attempt_count from replenishment") == 2
    assert [name for name, _, _ in shop.stock.calls] == ["MoveBetweenBins"]
    assert shop.stock.units["A3-18", "SUGAR"] == 50
    answer = (await shop.slotting.ConfirmReplenishment(request)).replenishment
    assert answer.state == pb.REPLENISHMENT_STATE_DONE


async def test_what_stock_refuses_is_named(shop: Any) -> None:
    await set_face(shop, "SUGAR", "A3-18", 30, 50)
    terminal = await shop.sign_in()
    claimed = await claim(shop, terminal)
    shop.stock.refused_next.append("STOCKTAKE_LOCKED")
    refused = await carry(shop, terminal, claimed)
    assert (refused.state, refused.refusal) == (pb.REPLENISHMENT_STATE_REFUSED, "STOCKTAKE_LOCKED")
    assert told(await listed(shop)) == [("SUGAR", 30, "R3", "A3-18")]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"from_bin_barcode": "A3-18"}, "WRONG_BIN"),
        ({"to_bin_barcode": "R3"}, "WRONG_BIN"),
        ({"item_barcode": "BC-SALT"}, "WRONG_ITEM"),
        ({"item_barcode": "??"}, "UNKNOWN_BARCODE"),
        ({"quantity": 31}, "TOO_MANY"),
    ],
)
async def test_a_wrong_scan_is_refused_counted_and_refused_again(
    shop: Any, refusal: Any, changes: Any, reason: str
) -> None:
    await set_face(shop, "SUGAR", "A3-18", 30, 50)
    terminal = await shop.sign_in()
    request = carried(shop, terminal, await claim(shop, terminal), **changes)
    for _ in range(2):
        refused = await refusal(shop.slotting.ConfirmReplenishment(request))
        assert (refused.kind, refused.reason) == (Kind.FAILED_PRECONDITION, reason)
    assert await shop.scalar("select count(*) from wrong_scan") == 1
    assert shop.stock.calls == []


async def test_the_label_of_another_lot_is_a_wrong_scan(shop: Any, refusal: Any) -> None:
    shop.stock.lots["R3", "SUGAR"] = [
        inventory_pb2.LotStock(lot_code="L2", quantity=60, expires_on="2099-02-01"),
        inventory_pb2.LotStock(lot_code="L1", quantity=40, expires_on="2099-01-01"),
    ]
    await set_face(shop, "SUGAR", "A3-18", 30, 50)
    terminal = await shop.sign_in()
    claimed = await claim(shop, terminal)
    assert claimed.lot_code == "L1"
    wrong = await refusal(carry(shop, terminal, claimed, item_barcode="BC-SUGAR#L2"))
    assert (wrong.reason, wrong.metadata["expected"], wrong.metadata["scanned"]) == ("WRONG_LOT", "L1", "L2")
    done = await carry(shop, terminal, claimed, item_barcode="BC-SUGAR#L1")
    assert done.state == pb.REPLENISHMENT_STATE_DONE
    assert shop.stock.calls[-1][1].lot_code == "L1"


async def test_given_back_others_get_it_unless_the_goods_are_not_there(shop: Any, refusal: Any) -> None:
    await set_face(shop, "SUGAR", "A3-18", 30, 50)
    one, two = await shop.sign_in("t-1"), await shop.sign_in("t-2")
    claimed = await claim(shop, one)
    usual = {"session_id": one.session_id, "replenishment_id": claimed.replenishment_id}
    request = pb.ReleaseReplenishmentRequest(request_id="r-1", **usual)
    released = (await shop.slotting.ReleaseReplenishment(request)).replenishment
    assert released.state == pb.REPLENISHMENT_STATE_RELEASED
    assert (await shop.slotting.ReleaseReplenishment(request)).replenishment == released
    taken = await claim(shop, two)
    foreign = pb.ReleaseReplenishmentRequest(
        request_id="r-2", session_id=one.session_id, replenishment_id=taken.replenishment_id
    )
    refused = await refusal(shop.slotting.ReleaseReplenishment(foreign))
    assert (refused.reason, refused.metadata["terminal_code"]) == ("REPLENISHMENT_NOT_YOURS", "t-2")
    gone = pb.ReleaseReplenishmentRequest(
        request_id="r-3",
        session_id=two.session_id,
        replenishment_id=taken.replenishment_id,
        goods_missing=True,
    )
    await shop.slotting.ReleaseReplenishment(gone)
    assert await listed(shop) == []


async def test_goods_that_somebody_fetches_are_not_promised_to_a_pick(shop: Any) -> None:
    """All 100 of bulk are being fetched: an order for more than the face has cannot be planned from there."""
    await set_face(shop, "SUGAR", "A3-18", 21, 120)
    terminal = await shop.sign_in()
    assert (await claim(shop, terminal)).quantity == 100
    await shop.order(SUGAR=25)
    planned = await shop.plan()
    assert (len(planned.waves), len(planned.left_out)) == (0, 1)


async def test_the_list_comes_in_pages(shop: Any) -> None:
    await set_face(shop, "SUGAR", "A3-18", 30, 50)
    await set_face(shop, "RICE", "A0-05", 30, 50)
    first = await shop.slotting.ListReplenishments(
        pb.ListReplenishmentsRequest(warehouse_code="JKT", page_size=1)
    )
    second = await shop.slotting.ListReplenishments(
        pb.ListReplenishmentsRequest(warehouse_code="JKT", page_size=1, page_token=first.next_page_token)
    )
    assert {each.sku_code for each in [*first.moves, *second.moves]} == {"RICE", "SUGAR"}
    assert second.next_page_token == ""


async def test_faces_are_kept_listed_and_left_to_the_pace_again(shop: Any, refusal: Any) -> None:
    await set_face(shop, "SUGAR", "A3-18", 30, 50)
    await set_face(shop, "RICE", "A0-05", 5, 9)
    await set_face(shop, "RICE", "A0-05", 6, 9)
    request = pb.ListPickFacesRequest(warehouse_code="JKT", page_size=1)
    first = await shop.slotting.ListPickFaces(request)
    request.page_token = first.next_page_token
    second = await shop.slotting.ListPickFaces(request)
    faces = [(face.sku_code, face.min_quantity) for face in [*first.pick_faces, *second.pick_faces]]
    assert faces == [("RICE", 6), ("SUGAR", 30)]
    await set_face(shop, "SUGAR", "A3-18", 0, 0)
    request.page_token = ""
    assert (await shop.slotting.ListPickFaces(request)).next_page_token == ""
    assert await listed(shop) == []
    for bin_code in ("NOWHERE", "R3"):
        assert (await refusal(set_face(shop, "SUGAR", bin_code, 1, 2))).reason == "UNKNOWN_BIN"
