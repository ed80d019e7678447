"""Shortfalls and what is done about them, as the contract shows them."""

from __future__ import annotations

from lumbung.stock.v1 import reservations_pb2
from lumbung.stock.v1 import shortfalls_pb2 as pb
from lumbung_stock.domain.shortfalls import Act, LineHit, ListedHit
from lumbung_stock.wire.reservations import timestamp


def hit_message(listed: ListedHit) -> pb.ShortfallHit:
    """What one reservation lacks of one SKU in one warehouse."""
    return pb.ShortfallHit(
        warehouse_code=listed.hit.warehouse_code,
        sku_code=listed.hit.sku_code,
        reservation_id=str(listed.hit.reservation_id),
        state=reservations_pb2.ReservationState.ValueType(listed.state),
        channel_code=listed.channel_code,
        order_reference=listed.order_reference,
        missing_quantity=listed.hit.missing,
        backordered_quantity=listed.backordered,
        lines=map(_line_message, listed.lines),
        expected_time=timestamp(listed.expected_time) if listed.expected_time else None,
        raise_time=timestamp(listed.raise_time),
        promise_time=timestamp(listed.promise_time),
    )


def act_message(act: Act) -> pb.ShortfallAct:
    """One thing done about a shortfall."""
    return pb.ShortfallAct(
        act_id=act.act_id,
        kind=pb.ShortfallActKind.ValueType(act.kind),
        warehouse_code=act.warehouse_code,
        sku_code=act.sku_code,
        reservation_id=str(act.reservation_id),
        quantity=act.quantity,
        to_warehouse_code=act.to_warehouse_code,
        reason=act.reason,
        actor=act.actor,
        request_id=act.request_id,
        record_time=timestamp(act.record_time),
    )


def _line_message(line: LineHit) -> pb.LineHit:
    return pb.LineHit(line_index=line.line_index, sku_code=line.sku_code, missing_quantity=line.missing)
