"""Flash sales as the contract shows them."""

from __future__ import annotations

from typing import Any

from google.protobuf.duration_pb2 import Duration

from lumbung.stock.v1 import flash_sales_pb2 as pb
from lumbung_stock.domain.flash_sales import FlashSale
from lumbung_stock.domain.waiting_room import Place, WaitingRoom, ask_again_s
from lumbung_stock.wire.reservations import timestamp


def flash_sale_message(sale: FlashSale) -> pb.FlashSale:
    """A sale as it stands."""
    message = pb.FlashSale(
        flash_sale_code=sale.flash_sale_code,
        title=sale.title,
        state=pb.FlashSaleState.ValueType(sale.state),
        items=[
            pb.FlashSaleItem(
                sku_code=item.sku_code,
                warehouse_code=item.warehouse_code,
                quota=item.quota,
                limit_per_customer=item.limit_per_customer,
            )
            for item in sale.items
        ],
        channel_codes=sale.channel_codes,
        start_time=timestamp(sale.start_time),
        end_time=timestamp(sale.end_time),
        epoch=sale.epoch,
        gate_armed=sale.gate_armed,
        pool_count=sale.pool_count,
        **_room_fields(sale.waiting_room),
    )
    if sale.on_postgres and sale.on_postgres_since is not None:
        message.on_postgres_since.FromDatetime(sale.on_postgres_since)
    if sale.halted_since is not None:
        message.halted_since.FromDatetime(sale.halted_since)
    return message


def place_message(place: Place) -> pb.JoinWaitingRoomResponse:
    """How one customer stands."""
    room, figures, ticket = place.room, place.figures, place.ticket
    message = pb.JoinWaitingRoomResponse(state=pb.WaitingState.ValueType(place.state))
    if ticket is None:
        return message
    ahead, estimate_s = ticket.ahead(figures), ticket.estimated_wait_s(figures)
    message.ticket, message.ahead_count = room.ticket_of(ticket.customer_reference), ahead
    message.wait.FromNanoseconds(int(ask_again_s(ahead, estimate_s, room.admission_s) * 1e9))
    if estimate_s is not None:
        message.estimated_wait.FromNanoseconds(int(estimate_s * 1e9))
    if ticket.admitted_until is not None:
        message.admitted_until.CopyFrom(timestamp(ticket.admitted_until))
    if not figures.drawn and figures.draw_time is not None:
        message.draw_time.CopyFrom(timestamp(figures.draw_time))
    if figures.drawn:
        message.lot = ticket.lot.hex()
    return message


def _room_fields(room: WaitingRoom | None) -> dict[str, Any]:
    """What everybody may know of a sale's waiting room: of a seed, before the draw, just what it is held to."""
    if room is None:
        return {}
    return {
        "admission_order": pb.AdmissionOrder.ValueType(room.order),
        "demand_multiple": room.demand_multiple,
        "admission_ttl": Duration(seconds=room.admission_s),
        "lottery_window": Duration(seconds=room.lottery_window_s) if room.seed else None,
        "lottery_commitment": room.commitment.hex(),
        "lottery_seed": room.seed.hex() if room.drawn else "",
        "waiting_room_awake": room.needs_ticket,
    }
