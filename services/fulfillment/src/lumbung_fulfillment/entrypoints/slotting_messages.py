"""Suggested moves as messages of the contract."""

from __future__ import annotations

from lumbung.fulfillment.v1 import slotting_pb2 as pb
from lumbung_fulfillment.domain.faces import PickFace
from lumbung_fulfillment.domain.moves import Move, MoveReason, sentence
from lumbung_fulfillment.domain.replenishment import Replenishment, ReplenishmentState
from lumbung_fulfillment.domain.velocity import Velocities, VelocityClass
from lumbung_fulfillment.entrypoints.messages import timestamp
from lumbung_fulfillment.usecases.find_better_places import SlottingReport

MOVE_REASONS = {reason: getattr(pb, f"MOVE_REASON_{reason.name}") for reason in MoveReason}
VELOCITY_CLASSES = {each: getattr(pb, f"VELOCITY_CLASS_{each.name}") for each in VelocityClass}
REPLENISHMENT_STATES = {
    state: getattr(pb, f"REPLENISHMENT_STATE_{state.name}") for state in ReplenishmentState
}
_DAYS_PER_WEEK = 7


def move_message(
    move: Move, paces: Velocities, terminal_code: str = "", walks_per_week: float = 0.0
) -> pb.SuggestedMove:
    """A suggested move, with the reason in both languages."""
    why = sentence(move)
    return pb.SuggestedMove(
        sku_code=move.sku_code,
        quantity=move.quantity,
        from_bin_code=move.from_bin_code,
        to_bin_code=move.to_bin_code,
        saved_m_per_week=move.saved_m_per_walk * walks_per_week,
        reason=why.english,
        reason_id=why.indonesian,
        move_reason=MOVE_REASONS[move.reason],
        velocity_class=VELOCITY_CLASSES[paces.of(move.sku_code).velocity_class],
        lot_code=move.lot_code,
        needed_time=timestamp(move.needed_time),
        swap_sku_code=move.swap_sku_code,
        swap_quantity=move.swap_quantity,
        terminal_code=terminal_code,
    )


def replenishment_message(replenishment: Replenishment) -> pb.Replenishment:
    """What somebody carries."""
    return pb.Replenishment(
        replenishment_id=str(replenishment.replenishment_id),
        warehouse_code=replenishment.warehouse_code,
        sku_code=replenishment.sku_code,
        lot_code=replenishment.lot_code,
        quantity=replenishment.quantity,
        from_bin_code=replenishment.from_bin_code,
        to_bin_code=replenishment.to_bin_code,
        needed_time=timestamp(replenishment.needed_time),
        state=REPLENISHMENT_STATES[replenishment.state],
        moved_quantity=replenishment.moved_quantity,
        lease_expire_time=timestamp(replenishment.lease_expire_time),
        terminal_code=replenishment.terminal_code,
        refusal=replenishment.last_error,
    )


def face_message(warehouse_code: str, face: PickFace) -> pb.PickFace:
    """A pick face as it was set."""
    return pb.PickFace(
        warehouse_code=warehouse_code,
        sku_code=face.sku_code,
        bin_code=face.bin_code,
        min_quantity=face.min_quantity,
        max_quantity=face.max_quantity,
    )


def report_message(report: SlottingReport) -> pb.ReportSlottingResponse:
    """What to move where, with what it saves."""
    walks_per_week = report.waves_per_day * _DAYS_PER_WEEK
    return pb.ReportSlottingResponse(
        moves=[
            move_message(move, report.paces, walks_per_week=walks_per_week) for move in report.found.moves
        ],
        walk_m_per_day=report.per_day(report.found.walk_m),
        saved_m_per_day=report.per_day(report.found.saved_m),
        measured_wave_count=report.found.measured_count,
        recorded_wave_count=report.recorded_count,
    )
