"""Lead times, changes of figures and suggestions as the contract shows them."""

from __future__ import annotations

from lumbung.stock.v1 import replenishment_pb2 as pb
from lumbung_stock.domain.replenishment import Replenishment, ReplenishmentChange
from lumbung_stock.domain.suggestions import Demand, LeadTime, Suggestion
from lumbung_stock.wire.inventory import replenishment_message
from lumbung_stock.wire.reservations import timestamp


def lead_time_message(said: LeadTime) -> pb.LeadTime:
    """How long a supplier takes."""
    return pb.LeadTime(
        warehouse_code=said.warehouse_code,
        sku_code=said.sku_code,
        supplier_code=said.supplier_code,
        mean_days=said.mean_days,
        deviation_days=said.deviation_days,
        pack_size=said.pack_size,
        priority=said.priority,
    )


def change_message(change: ReplenishmentChange) -> pb.ReplenishmentChange:
    """Who changed what."""
    return pb.ReplenishmentChange(
        before=replenishment_message(change.before),
        after=replenishment_message(change.after),
        reason=change.reason,
        actor=change.actor,
        request_id=change.request_id,
        record_time=timestamp(change.record_time),
    )


def suggestion_message(
    answer: Suggestion, present: Replenishment, demand: Demand, lead_time: LeadTime
) -> pb.ReplenishmentSuggestion:
    """A suggestion with all that it was reckoned from."""
    figures = Replenishment(*present.key, answer.safety_stock, answer.reorder_point, answer.reorder_quantity)
    return pb.ReplenishmentSuggestion(
        suggested=replenishment_message(figures),
        present=replenishment_message(present),
        lead_time=lead_time_message(lead_time),
        days_counted=len(demand.units),
        days_out_of_stock=demand.days_out_of_stock,
        units_sold=sum(demand.units),
        units_returned=demand.returned,
        daily_mean=demand.mean,
        daily_deviation=demand.deviation,
        z=answer.z,
        lead_time_demand=answer.lead_time_demand,
        lead_time_deviation=answer.lead_time_deviation,
        order_size=answer.order_size,
        notes=[pb.SuggestionNote.ValueType(note) for note in answer.notes],
    )
