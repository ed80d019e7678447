"""Waves and their tasks as they are kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from uuid import UUID

from lumbung_fulfillment.domain.failures import WaveNotYours, WaveWrongState
from lumbung_fulfillment.domain.layout import Stop
from lumbung_fulfillment.domain.picking import PickState, PickTask
from lumbung_fulfillment.domain.routing import Method


class WaveState(Enum):
    """Where a wave stands."""

    PLANNED = "planned"
    CLAIMED = "claimed"
    PAUSED = "paused"
    DONE = "done"
    CANCELLED = "cancelled"


LIVE = (WaveState.PLANNED, WaveState.CLAIMED, WaveState.PAUSED)


@dataclass(frozen=True, slots=True)
class WaveOrder:
    """An order's place on a cart."""

    order_id: UUID
    tote_position: int
    alone_walk_m: float


@dataclass(frozen=True, slots=True)
class Wave:
    """What one picker takes in one walk."""

    wave_id: UUID
    plan_id: UUID
    warehouse_code: str
    state: WaveState
    pickup_time: datetime | None
    courier_services: tuple[str, ...]
    latest_start_time: datetime | None
    task_count: int
    unit_count: int
    walk_m: float
    order_by_order_walk_m: float
    s_shape_walk_m: float
    routing_method: Method
    plan_time: datetime
    session_id: UUID | None
    cart_code: str
    terminal_code: str
    lease_expire_time: datetime | None
    start_time: datetime | None
    end_time: datetime | None
    revision: int
    orders: tuple[WaveOrder, ...] = ()

    def require_session(self, session_id: UUID) -> None:
        """Refuses a session that does not work on this wave."""
        if self.state is not WaveState.CLAIMED or self.session_id != session_id:
            raise self._not_yours()

    def require_worker(self, session_id: UUID) -> None:
        """As require_session; a wave that is over is still its last worker's, and its tasks say so."""
        if not self.is_worked_on_by(session_id):
            raise self._not_yours()

    def is_worked_on_by(self, session_id: UUID) -> bool:
        """Whether a session's scans count here without more: it has the wave, or was the last when it ended."""
        return self.session_id == session_id and (self.state is WaveState.CLAIMED or self.state not in LIVE)

    def require(self, *states: WaveState) -> None:
        """Refuses unless the wave is in one of these states."""
        if self.state not in states:
            raise WaveWrongState(
                f"the wave is {self.state.value}",
                metadata={"wave_id": str(self.wave_id), "state": self.state.name},
            )

    def _not_yours(self) -> WaveNotYours:
        return WaveNotYours(metadata={"wave_id": str(self.wave_id), "state": self.state.name})


@dataclass(frozen=True, slots=True)
class WaveTask:
    """A pick at its place in a wave's walk."""

    task_id: UUID
    wave_id: UUID
    order_id: UUID
    sequence: int
    stop: Stop
    pick: PickTask
    tote_position: int
    replaces_task_id: UUID | None

    @property
    def is_open(self) -> bool:
        """Whether something is still to be taken here."""
        return self.pick.state is PickState.OPEN


@dataclass(frozen=True, slots=True)
class PlanTotals:
    """What one planning made, and what other ways to walk would have taken."""

    plan_id: UUID
    warehouse_code: str
    wave_count: int
    order_count: int
    task_count: int
    walk_m: float
    order_by_order_walk_m: float
    first_come_s_shape_walk_m: float
    first_come_walk_m: float
    plan_duration_s: float
    plan_time: datetime | None = None
