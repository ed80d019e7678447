"""Expected receipts, deliveries and waiting goods as the contract shows them."""

from __future__ import annotations

from lumbung.stock.v1 import receiving_pb2 as pb
from lumbung_stock.domain.expected_receipts import (
    TAKES_DELIVERIES,
    Delivery,
    ExpectedLine,
    ExpectedReceipt,
)
from lumbung_stock.domain.waiting_goods import WaitingGoods
from lumbung_stock.wire.reservations import timestamp


def expected_receipt_message(receipt: ExpectedReceipt) -> pb.ExpectedReceipt:
    """An expected receipt as stored; many together come without their lines."""
    said = receipt.expectation
    return pb.ExpectedReceipt(
        expected_receipt_id=str(receipt.expected_receipt_id),
        supplier=said.supplier,
        document=said.document,
        warehouse_code=said.warehouse_code,
        expected_time=timestamp(said.expected_time) if said.expected_time else None,
        over_delivery_percent=said.over_delivery_percent,
        lines=[_line(line, takes_more=receipt.state in TAKES_DELIVERIES) for line in said.lines],
        state=pb.ExpectedReceiptState.ValueType(receipt.state),
        version=receipt.version,
        overdue=receipt.overdue,
        close_reason=receipt.close_reason,
        expected_quantity=receipt.expected,
        received_quantity=receipt.received,
        outstanding_quantity=receipt.missing,
        actor=receipt.actor,
        create_time=timestamp(receipt.create_time),
        update_time=timestamp(receipt.update_time),
    )


def delivery_message(delivery: Delivery) -> pb.Delivery:
    """What came, and when."""
    return pb.Delivery(
        number=delivery.number,
        delivery_note=delivery.delivery_note,
        quantity=delivery.quantity,
        accept_reason=delivery.accept_reason,
        actor=delivery.actor,
        request_id=delivery.request_id,
        record_time=timestamp(delivery.record_time),
        effective_time=timestamp(delivery.effective_time),
    )


def putaway_message(goods: WaitingGoods) -> pb.Putaway:
    """Units that wait to be put away."""
    return pb.Putaway(
        sku_code=goods.sku_code,
        quantity=goods.quantity,
        since_time=timestamp(goods.since),
        age_s=goods.age_s,
        promised_quantity=goods.promised,
    )


def _line(line: ExpectedLine, *, takes_more: bool) -> pb.ExpectedLine:
    return pb.ExpectedLine(
        sku_code=line.sku_code,
        expected_quantity=line.expected,
        received_quantity=line.received,
        outstanding_quantity=line.missing if takes_more else 0,
    )
