"""A pick from open to done; nothing is counted twice and nothing disappears."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumbung_fulfillment.domain.failures import TaskClosed, TooMany, WrongBin, WrongItem
from lumbung_fulfillment.domain.picking import (
    LineProgress,
    OrderStage,
    PickState,
    PickTask,
    counted,
    order_stage,
    shorted,
    undone,
)

TASK = PickTask("A01-01", "SKU-1", 5)


def test_a_pick_is_done_when_its_quantity_is_reached() -> None:
    first = counted(TASK, " A01-01 ", "SKU-1", 3)
    assert (first.picked_quantity, first.state, first.open_quantity) == (3, PickState.OPEN, 2)
    second = counted(first, "A01-01", "SKU-1", 2)
    assert (second.picked_quantity, second.state, second.open_quantity) == (5, PickState.PICKED, 0)


@pytest.mark.parametrize(
    ("bin_barcode", "sku_code", "units", "failure", "metadata"),
    [
        ("A01-02", "SKU-1", 1, WrongBin, {"expected": "A01-01", "scanned": "A01-02"}),
        ("A01-01", "SKU-2", 1, WrongItem, {"expected": "SKU-1", "scanned": "SKU-2"}),
        ("A01-01", "SKU-1", 6, TooMany, {"wanted": "5", "scanned": "6"}),
    ],
)
def test_a_wrong_scan_says_what_was_expected(
    bin_barcode: str, sku_code: str, units: int, failure: type[WrongBin], metadata: dict[str, str]
) -> None:
    with pytest.raises(failure) as refused:
        counted(TASK, bin_barcode, sku_code, units)
    assert dict(refused.value.metadata) == metadata


@pytest.mark.parametrize("state", [PickState.PICKED, PickState.SHORT, PickState.CANCELLED])
def test_a_closed_task_takes_no_scan(state: PickState) -> None:
    closed = PickTask("A01-01", "SKU-1", 5, 5 if state is PickState.PICKED else 2, state)
    with pytest.raises(TaskClosed):
        counted(closed, "A01-01", "SKU-1", 1)
    with pytest.raises(TaskClosed):
        shorted(closed)


def test_short_closes_with_what_was_found() -> None:
    closed, missing = shorted(counted(TASK, "A01-01", "SKU-1", 2))
    assert (closed.state, closed.picked_quantity, missing) == (PickState.SHORT, 2, 3)
    with pytest.raises(TaskClosed):
        undone(closed, 1)


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 6)), max_size=20))
def test_scans_and_undos_never_leave_the_bounds(steps: list[tuple[bool, int]]) -> None:
    task, scans = TASK, list[int]()
    for undo, units in steps:
        if undo and scans:
            task = undone(task, scans.pop())
        elif not undo and units <= task.open_quantity:
            task = counted(task, "A01-01", "SKU-1", units)
            scans.append(units)
        assert task.picked_quantity == sum(scans)
        assert (task.state is PickState.PICKED) == (sum(scans) == task.quantity)


@pytest.mark.parametrize(
    ("lines", "states", "stage"),
    [
        ([(2, 0)], [PickState.OPEN], OrderStage.PLANNED),
        ([(2, 1)], [PickState.OPEN], OrderStage.PICKING),
        ([(2, 2)], [PickState.PICKED], OrderStage.PICKED),
        ([(2, 2), (1, 0)], [PickState.PICKED, PickState.OPEN], OrderStage.PICKING),
        ([(2, 1)], [PickState.SHORT], OrderStage.SHORT),
        ([(2, 2)], [PickState.SHORT, PickState.PICKED], OrderStage.PICKED),
    ],
)
def test_an_order_is_picked_only_when_nothing_is_missing(
    lines: list[tuple[int, int]], states: list[PickState], stage: OrderStage
) -> None:
    tasks = [PickTask("A", "S", 2, 2 if state is PickState.PICKED else 0, state) for state in states]
    assert order_stage([LineProgress(*line) for line in lines], tasks) is stage
