"""What may be sent with a transfer, what may arrive, and what is lost."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumbung_kit.failures import Failure
from lumbung_stock.domain.levels import Level, LevelChange
from lumbung_stock.domain.transfer_failures import (
    MoreThanPlanned,
    MoreThanSent,
    NotEnoughAvailable,
    NothingToCancel,
    TransferClosed,
    TransferNotSent,
)
from lumbung_stock.domain.transfers import (
    Parcel,
    Route,
    Transfer,
    TransferLine,
    TransferState,
    cancel,
    close,
    receive,
    require_unpromised,
    send,
    state_of,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SKUS = ("BOX", "CUP")


def transfer(*lines: TransferLine) -> Transfer:
    return Transfer(
        UUID(int=1), Route("JKT1", "SUB1", ""), state_of(lines), lines, "", 0, 0, 0, "staff:ani", NOW, NOW
    )


def parcels(*units: tuple[str, int]) -> list[Parcel]:
    return [Parcel(f"lines[{index}]", sku, "A-01", n) for index, (sku, n) in enumerate(units)]


def test_what_was_planned_is_sent_in_parts_and_not_more() -> None:
    after = send(transfer(TransferLine("CUP", 10)), parcels(("CUP", 4)))
    assert after == (TransferLine("CUP", 10, sent=4),)
    with pytest.raises(MoreThanPlanned) as caught:
        send(transfer(*after), parcels(("CUP", 4), ("CUP", 3), ("HAT", 1)))
    assert caught.value.metadata["available_quantity"] == "6"
    assert [each.field for each in caught.value.fields] == [f"lines[{n}].quantity" for n in range(3)]


def test_what_is_beyond_transit_comes_in_only_with_a_reason_and_apart() -> None:
    one = transfer(TransferLine("CUP", 10, sent=10))
    with pytest.raises(MoreThanSent) as caught:
        receive(one, parcels(("CUP", 6), ("CUP", 6), ("HAT", 1)), "")
    assert (caught.value.metadata["asked_quantity"], caught.value.metadata["available_quantity"]) == (
        "12",
        "10",
    )
    arrival = receive(one, parcels(("CUP", 6), ("CUP", 6), ("HAT", 1)), "found in the box")
    assert arrival.lines == (TransferLine("CUP", 10, 10, 10, over=2), TransferLine("HAT", 0, over=1))
    assert [(each.sku_code, each.quantity) for each in arrival.sent] == [("CUP", 6), ("CUP", 4)]
    assert [(each.sku_code, each.quantity) for each in arrival.over] == [("CUP", 2), ("HAT", 1)]
    assert state_of(arrival.lines) is TransferState.RECEIVED


def test_each_step_is_refused_where_it_makes_no_sense() -> None:
    draft = transfer(TransferLine("CUP", 10))
    sent = transfer(TransferLine("CUP", 10, sent=10))
    with pytest.raises(TransferNotSent):
        receive(draft, parcels(("CUP", 1)), "it came")
    with pytest.raises(TransferNotSent):
        close(draft)
    with pytest.raises(NothingToCancel):
        cancel(sent)
    cancelled, lost = transfer(*cancel(draft)), transfer(*close(sent))
    assert (cancelled.state, lost.state) == (TransferState.CANCELLED, TransferState.CLOSED_SHORT)
    for finished in (cancelled, lost):
        for step in (
            lambda one: send(one, parcels(("CUP", 1))),
            lambda one: receive(one, parcels(("CUP", 1)), "late"),
            cancel,
            close,
        ):
            with pytest.raises(TransferClosed):
                step(finished)


@pytest.mark.parametrize(
    ("on_hand", "promised", "asked", "refused"),
    [
        (10, (0, 0, 0), 10, False),
        (10, (1, 1, 1), 7, False),
        (10, (1, 1, 1), 8, True),
        (5, (3, 4, 0), 1, True),
    ],
)
def test_promised_units_do_not_travel_but_safety_stock_does(
    on_hand: int, promised: tuple[int, int, int], asked: int, refused: bool
) -> None:
    held, sold, escrow = promised
    level = Level("JKT1", "CUP", on_hand, held, sold, escrow, safety_stock=9, reorder_point=0,
                  reorder_quantity=0, shortfall=0)  # fmt: skip
    leaving = [LevelChange("JKT1", "CUP", on_hand=-asked)]
    if refused:
        with pytest.raises(NotEnoughAvailable):
            require_unpromised({"CUP": level}, leaving)
    else:
        require_unpromised({"CUP": level}, leaving)


@pytest.mark.parametrize(
    ("good", "expired", "refused"), [(3, 4, False), (3, 0, False), (4, 0, True), (4, 4, True)]
)
def test_what_has_expired_takes_nothing_off_what_is_not_promised(
    good: int, expired: int, refused: bool
) -> None:
    level = Level("JKT1", "CUP", 10, 3, 0, 0, 0, 0, 0, 0, expired=4)
    leaving = [
        LevelChange("JKT1", "CUP", on_hand=-good - expired),
        LevelChange("JKT1", "CUP", expired=-expired),
    ]
    if refused:
        with pytest.raises(NotEnoughAvailable):
            require_unpromised({"CUP": level}, leaving)
    else:
        require_unpromised({"CUP": level}, leaving)


steps = st.lists(
    st.tuples(
        st.sampled_from(["send", "receive", "receive", "cancel", "close"]),
        st.sampled_from(SKUS),
        st.integers(1, 8),
        st.sampled_from(["", "found"]),
    ),
    max_size=12,
)


@settings(max_examples=200, derandomize=True, deadline=None)
@given(steps=steps)
def test_every_unit_sent_is_in_transit_received_or_lost(steps: list[tuple[str, str, int, str]]) -> None:
    one, moved = transfer(TransferLine("BOX", 9), TransferLine("CUP", 9)), {"out": 0, "in": 0, "lost": 0}
    for verb, sku, units, reason in steps:
        before = one
        try:
            if verb == "send":
                lines = send(one, parcels((sku, units)))
                moved["out"] += units
            elif verb == "receive":
                arrival = receive(one, parcels((sku, units)), reason)
                assert sum(each.quantity for each in (*arrival.sent, *arrival.over)) == units
                lines = arrival.lines
                moved["in"] += sum(each.quantity for each in arrival.sent)
            else:
                lines = cancel(one) if verb == "cancel" else close(one)
                moved["lost"] += sum(line.lost for line in lines) - sum(line.lost for line in one.lines)
        except Failure:
            continue
        one = transfer(*lines)
        assert before.state in (TransferState.DRAFT, TransferState.IN_TRANSIT)
        assert all(min(line.unsent, line.in_transit, line.over) >= 0 for line in lines)
        assert sum(line.in_transit for line in lines) == moved["out"] - moved["in"] - moved["lost"]
