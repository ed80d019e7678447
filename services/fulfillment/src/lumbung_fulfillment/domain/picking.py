"""A pick, from open to done, and what that makes of its order. Every change is a function from old to new."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from lumbung_fulfillment.domain.failures import TaskClosed, TooMany, WrongBin, WrongItem
from lumbung_fulfillment.domain.lots import PlannedLot


class PickState(Enum):
    """Where a pick stands."""

    OPEN = "open"
    PICKED = "picked"
    SHORT = "short"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class PickTask:
    """So many of a SKU, from one bin, for one order; of which lots, where the bin held any when it was planned."""

    bin_code: str
    sku_code: str
    quantity: int
    picked_quantity: int = 0
    state: PickState = PickState.OPEN
    lots: tuple[PlannedLot, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.picked_quantity <= self.quantity:
            raise AssertionError(f"picked {self.picked_quantity} of {self.quantity}")

    @property
    def open_quantity(self) -> int:
        """What is still to be taken here."""
        return self.quantity - self.picked_quantity if self.state is PickState.OPEN else 0


def check_place(task: PickTask, bin_barcode: str) -> None:
    """Refuses a scan of another bin."""
    if bin_barcode.strip() != task.bin_code:
        raise WrongBin(
            f"this is not bin {task.bin_code}",
            metadata={"expected": task.bin_code, "scanned": bin_barcode.strip()},
        )


def check_item(task: PickTask, sku_code: str) -> None:
    """Refuses a scan of another item."""
    if sku_code != task.sku_code:
        raise WrongItem(
            f"wanted is {task.sku_code}", metadata={"expected": task.sku_code, "scanned": sku_code}
        )


def counted(task: PickTask, bin_barcode: str, sku_code: str, units: int) -> PickTask:
    """The task after so many base units of a SKU were scanned at a bin."""
    if task.state is not PickState.OPEN:
        raise TaskClosed(f"the task is {task.state.value}", metadata={"state": task.state.name})
    check_place(task, bin_barcode)
    check_item(task, sku_code)
    if units > task.open_quantity:
        raise TooMany(
            f"{task.open_quantity} more are wanted, not {units}",
            metadata={"wanted": str(task.open_quantity), "scanned": str(units)},
        )
    picked = task.picked_quantity + units
    state = PickState.PICKED if picked == task.quantity else PickState.OPEN
    return replace(task, picked_quantity=picked, state=state)


def shorted(task: PickTask) -> tuple[PickTask, int]:
    """The task closed with what was found, and how many were not."""
    if task.state is not PickState.OPEN:
        raise TaskClosed(f"the task is {task.state.value}", metadata={"state": task.state.name})
    return replace(task, state=PickState.SHORT), task.open_quantity


def undone(task: PickTask, units: int) -> PickTask:
    """The task after so many units went back to the bin."""
    if task.state not in (PickState.OPEN, PickState.PICKED):
        raise TaskClosed(f"the task is {task.state.value}", metadata={"state": task.state.name})
    return replace(task, picked_quantity=task.picked_quantity - units, state=PickState.OPEN)


class OrderStage(Enum):
    """What its picks make of an order that rides in a wave."""

    PLANNED = "planned"
    PICKING = "picking"
    PICKED = "picked"
    SHORT = "short"


@dataclass(frozen=True, slots=True)
class LineProgress:
    """So many are needed, so many are picked."""

    quantity: int
    picked_quantity: int


def order_stage(lines: Sequence[LineProgress], tasks: Iterable[PickTask]) -> OrderStage:
    """PICKED only when nothing is missing; SHORT when nothing is open and something is missing."""
    anything_open = any(task.state is PickState.OPEN for task in tasks)
    if not anything_open:
        whole = all(line.picked_quantity == line.quantity for line in lines)
        return OrderStage.PICKED if whole else OrderStage.SHORT
    return OrderStage.PICKING if any(line.picked_quantity for line in lines) else OrderStage.PLANNED
