"""Whom a shortfall hits, what moves with the missing units, and when what is missing may come."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumbung_stock.domain.reservations import (
    Draw,
    Durability,
    Line,
    Reservation,
    ReservationState,
    as_held,
)
from lumbung_stock.domain.resolve import Earlier, as_answered
from lumbung_stock.domain.shortfall_failures import (
    AlreadyPicked,
    GoodsOfFlashSale,
    MoreThanShort,
    NotShort,
    NoWarehouseHasIt,
)
from lumbung_stock.domain.shortfalls import (
    Arrival,
    Lack,
    LineHit,
    PromiseHit,
    choose_giver,
    expected_time,
    level_changes,
    lines_hit,
    moved_over,
    units_asked,
    units_to_move,
)

NOW = datetime(2026, 11, 1, tzinfo=UTC)
ID = UUID(int=7)
CUP, SET, GIFT = (
    Line("CUP", 3, (("CUP", 1),)),
    Line("SET", 2, (("BOX", 1), ("CUP", 2))),
    Line("TIN", 5, (("TIN", 1),)),
)
LACK = Lack(ID, "JKT1", "CUP")


def sale(lines: list[Line], drawn: dict[tuple[str, str], int], **fields: object) -> Reservation:
    """A confirmed sale."""
    return replace(
        Reservation(
            reservation_id=ID,
            request_id="r",
            content_hash=b"",
            state=ReservationState.CONFIRMED,
            lines=tuple(lines),
            channel_code="web",
            customer_reference="",
            flash_sale_code=None,
            durability=Durability.DURABLE,
            deadline=NOW,
            create_time=NOW,
            resolve_time=NOW,
            order=None,
            refusal=None,
            actor="a",
            traceparent="",
            draws=tuple(Draw(*key, units, from_escrow=False) for key, units in drawn.items()),
        ),
        **fields,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("missing", "hit"),
    [
        (1, (LineHit(2, "SET", 1),)),
        (4, (LineHit(2, "SET", 4),)),
        (6, (LineHit(0, "CUP", 2), LineHit(2, "SET", 4))),
    ],
)
def test_the_last_line_that_draws_on_it_is_hit_first(missing: int, hit: tuple[LineHit, ...]) -> None:
    assert lines_hit([CUP, GIFT, SET], "CUP", missing) == hit


class TestWhatMoves:
    """With the missing units, whole bundles."""

    def test_a_plain_sku_by_itself(self) -> None:
        sold = sale([CUP, GIFT], {("JKT1", "CUP"): 3, ("JKT1", "TIN"): 5})
        assert units_to_move(sold, LACK, 2) == {"CUP": 2}

    def test_a_bundle_with_all_its_components(self) -> None:
        sold = sale([SET], {("JKT1", "BOX"): 2, ("JKT1", "CUP"): 4})
        assert units_to_move(sold, LACK, 1) == {"BOX": 1, "CUP": 2}
        assert units_to_move(sold, LACK, 3) == {"BOX": 2, "CUP": 4}

    def test_units_that_stand_for_themselves_first(self) -> None:
        sold = sale([CUP, SET], {("JKT1", "BOX"): 2, ("JKT1", "CUP"): 7})
        assert units_to_move(sold, LACK, 3) == {"CUP": 3}
        assert units_to_move(sold, LACK, 4) == {"CUP": 5, "BOX": 1}

    def test_only_what_its_own_warehouse_has_of_the_bundle_counts(self) -> None:
        sold = sale([CUP, SET], {("JKT1", "CUP"): 3, ("SBY1", "BOX"): 2, ("SBY1", "CUP"): 4})
        assert units_to_move(sold, LACK, 3) == {"CUP": 3}

    def test_a_component_in_packing_stops_it(self) -> None:
        draws = (
            Draw("JKT1", "BOX", 2, from_escrow=False, picked=1),
            Draw("JKT1", "CUP", 4, from_escrow=False),
        )
        sold = sale([SET], {}, draws=draws)
        assert units_to_move(sold, LACK, 2) == {"BOX": 1, "CUP": 2}
        with pytest.raises(AlreadyPicked) as refused:
            units_to_move(sold, LACK, 3)
        assert refused.value.metadata == {"sku_code": "BOX", "picked_quantity": "1"}

    @pytest.mark.parametrize("mark", ["from_escrow", "left_escrow"])
    def test_a_flash_sales_goods_stay(self, mark: str) -> None:
        draw = replace(Draw("JKT1", "CUP", 3, from_escrow=False), **{mark: True})
        with pytest.raises(GoodsOfFlashSale):
            units_to_move(sale([CUP], {}, draws=(draw,)), LACK, 1)

    @settings(deadline=None)
    @given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 3), st.integers(0, 4), st.data())
    def test_no_bundle_is_torn(
        self, sets: int, per_set: int, boxes: int, cups: int, data: st.DataObject
    ) -> None:
        lines = [Line("SET", sets, (("BOX", boxes), ("CUP", per_set)))]
        lines += [Line("CUP", cups, (("CUP", 1),))] if cups else []
        here = data.draw(st.integers(1, sets))
        draws = {("JKT1", "BOX"): here * boxes, ("JKT1", "CUP"): here * per_set + cups}
        if here < sets:
            draws |= {("SBY1", "BOX"): (sets - here) * boxes, ("SBY1", "CUP"): (sets - here) * per_set}
        sold = sale(lines, draws)
        units = data.draw(st.integers(1, draws["JKT1", "CUP"]))
        moved = units_to_move(sold, LACK, units)
        after = moved_over(sold, "JKT1", "BDG1", moved)
        assert moved["CUP"] >= units
        left = Counter({(draw.warehouse_code, draw.sku_code): draw.quantity for draw in after.draws})
        possible = sum(
            min(left[code, "BOX"] // boxes, left[code, "CUP"] // per_set) for code in ("JKT1", "SBY1", "BDG1")
        )
        assert possible >= sets
        for sku in ("BOX", "CUP"):
            assert sum(units for (_, of), units in left.items() if of == sku) == sum(
                units for (_, of), units in draws.items() if of == sku
            )
        assert after.first_draws == sold.draws


def test_the_first_that_has_all_of_it_gives_it() -> None:
    free = {
        ("A", "CUP"): 9,
        ("A", "BOX"): 0,
        ("B", "CUP"): 4,
        ("B", "BOX"): 2,
        ("C", "CUP"): 9,
        ("C", "BOX"): 9,
    }
    assert choose_giver({"CUP": 4, "BOX": 2}, free, ["A", "B", "C"], "CUP") == "B"
    with pytest.raises(NoWarehouseHasIt) as refused:
        choose_giver({"CUP": 10, "BOX": 1}, free, ["A", "B"], "CUP")
    assert refused.value.metadata["available_quantity"] == "9"
    with pytest.raises(NoWarehouseHasIt):
        choose_giver({"CUP": 1}, free, [], "CUP")


def test_levels_follow_the_units() -> None:
    changes = level_changes("A", "B", {"CUP": 2})
    assert [(each.warehouse_code, each.sold, each.on_hand) for each in changes] == [("A", -2, 0), ("B", 2, 0)]


def test_who_waits_is_served_after_all_older_promises() -> None:
    arrivals = [Arrival(NOW, 2), Arrival(NOW + timedelta(days=3), 4), Arrival(None, 50)]

    def expected(older: int, missing: int) -> datetime | None:
        return expected_time(PromiseHit("JKT1", "CUP", ID, missing, older), arrivals)

    assert expected(0, 2) == NOW
    assert expected(1, 2) == expected(2, 4) == NOW + timedelta(days=3)
    assert expected(3, 4) is None
    assert expected(50, 50) is None


def test_no_more_is_worked_off_than_is_lacking() -> None:
    assert units_asked(LACK, 4) == 4
    assert units_asked(replace(LACK, units=3), 4) == 3
    with pytest.raises(MoreThanShort) as refused:
        units_asked(replace(LACK, units=5), 4)
    assert refused.value.metadata["available_quantity"] == "4"
    for lacking in (0, -2):
        with pytest.raises(NotShort):
            units_asked(replace(LACK, units=1), lacking)


def test_what_was_answered_before_it_moved_is_answered_again() -> None:
    before = sale([CUP], {("JKT1", "CUP"): 3})
    after = moved_over(moved_over(before, "JKT1", "SBY1", {"CUP": 1}), "JKT1", "BDG1", {"CUP": 2})
    assert {draw.warehouse_code: draw.quantity for draw in after.draws} == {"SBY1": 1, "BDG1": 2}
    confirmed = Earlier(ID, 1, int(ReservationState.CONFIRMED), b"", NOW)
    assert as_answered(after, confirmed).draws == before.draws
    assert as_held(after).draws == before.draws
    cancelled = Earlier(ID, 4, int(ReservationState.CANCELLED), b"", NOW)
    assert as_answered(after, cancelled).draws == after.draws
