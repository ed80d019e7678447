"""Transfers as the contract shows them."""

from __future__ import annotations

from lumbung.stock.v1 import transfers_pb2 as pb
from lumbung_stock.domain.transfers import Transfer, TransferLine
from lumbung_stock.wire.reservations import timestamp


def transfer_message(transfer: Transfer) -> pb.Transfer:
    """A transfer as stored; many together come without their lines."""
    route = transfer.route
    return pb.Transfer(
        transfer_id=str(transfer.transfer_id),
        from_warehouse_code=route.from_warehouse_code,
        to_warehouse_code=route.to_warehouse_code,
        document=route.document,
        state=pb.TransferState.ValueType(transfer.state),
        lines=map(_line, transfer.lines),
        close_reason=transfer.close_reason,
        planned_quantity=transfer.planned,
        sent_quantity=transfer.sent,
        in_transit_quantity=transfer.in_transit,
        actor=transfer.actor,
        create_time=timestamp(transfer.create_time),
        update_time=timestamp(transfer.update_time),
    )


def _line(line: TransferLine) -> pb.TransferLine:
    return pb.TransferLine(
        sku_code=line.sku_code,
        planned_quantity=line.planned,
        sent_quantity=line.sent,
        received_quantity=line.received,
        lost_quantity=line.lost,
        over_quantity=line.over,
        cancelled_quantity=line.cancelled,
        in_transit_quantity=line.in_transit,
    )
