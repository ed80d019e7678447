"""The domain's things as messages of the contract."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from lumbung.fulfillment.v1 import (
    bookings_pb2,
    couriers_pb2,
    measures_pb2,
    orders_pb2,
    packing_pb2,
    returns_pb2,
    shipments_pb2,
    terminal_pb2,
    waves_pb2,
)
from lumbung_fulfillment.domain.bookings import Booking, BookingKind, BookingState
from lumbung_fulfillment.domain.cart import Measure
from lumbung_fulfillment.domain.cutoffs import Advice
from lumbung_fulfillment.domain.explaining import Placed
from lumbung_fulfillment.domain.holidays import DayOff, Holiday
from lumbung_fulfillment.domain.orders import Order, OrderState
from lumbung_fulfillment.domain.packing import Package, PackageState
from lumbung_fulfillment.domain.picking import PickState
from lumbung_fulfillment.domain.planning import Late, LeftOut, LeftOutReason
from lumbung_fulfillment.domain.returns import Return, ReturnReason, ReturnState
from lumbung_fulfillment.domain.routing import Method
from lumbung_fulfillment.domain.sessions import PutBack, PutBackState
from lumbung_fulfillment.domain.waves import PlanTotals, Wave, WaveState, WaveTask
from lumbung_fulfillment.stores.couriers import CourierSchedule, WarehouseTeam
from lumbung_fulfillment.stores.measures import Measures
from lumbung_fulfillment.stores.shipments import HandOver, Shipment, ShipmentState
from lumbung_fulfillment.usecases.get_label import Label
from lumbung_fulfillment.usecases.list_orders_at_risk import RiskyOrder

ORDER_STATES = {state: getattr(orders_pb2, f"ORDER_STATE_{state.name}") for state in OrderState}
WAVE_STATES = {state: getattr(waves_pb2, f"WAVE_STATE_{state.name}") for state in WaveState}
PICK_STATES = {state: getattr(waves_pb2, f"PICK_STATE_{state.name}") for state in PickState}
METHODS = {method: getattr(waves_pb2, f"ROUTING_METHOD_{method.name}") for method in Method}
CART_MEASURES = {measure: getattr(waves_pb2, f"CART_MEASURE_{measure.name}") for measure in Measure}
PLACEMENTS = {placed: getattr(waves_pb2, f"PLACEMENT_{placed.name}") for placed in Placed}
LEFT_OUT_REASONS = {reason: getattr(waves_pb2, f"LEFT_OUT_REASON_{reason.name}") for reason in LeftOutReason}
BOOKING_KINDS = {kind: getattr(bookings_pb2, f"BOOKING_KIND_{kind.name}") for kind in BookingKind}
BOOKING_STATES = {state: getattr(bookings_pb2, f"BOOKING_STATE_{state.name}") for state in BookingState}
PUT_BACK_STATES = {state: getattr(terminal_pb2, f"PUT_BACK_STATE_{state.name}") for state in PutBackState}
PACKAGE_STATES = {state: getattr(packing_pb2, f"PACKAGE_STATE_{state.name}") for state in PackageState}
SHIPMENT_STATES = {state: getattr(shipments_pb2, f"SHIPMENT_STATE_{state.name}") for state in ShipmentState}
RETURN_STATES = {state: getattr(returns_pb2, f"RETURN_STATE_{state.name}") for state in ReturnState}
RETURN_REASONS = {reason: getattr(returns_pb2, f"RETURN_REASON_{reason.name}") for reason in ReturnReason}
ADVICE = {advice: getattr(orders_pb2, f"RISK_ADVICE_{advice.name}") for advice in Advice}


def timestamp(moment: datetime | None) -> Timestamp | None:
    """An instant; none stays absent."""
    if moment is None:
        return None
    message = Timestamp()
    message.FromDatetime(moment)
    return message


def duration(span: timedelta | None) -> Duration | None:
    """A span; none stays absent."""
    if span is None:
        return None
    message = Duration()
    message.FromTimedelta(span)
    return message


def order_message(order: Order) -> orders_pb2.Order:
    """An order, whole."""
    return orders_pb2.Order(
        order_id=str(order.order_id),
        reservation_id=str(order.reservation_id),
        warehouse_code=order.warehouse_code,
        channel_code=order.channel_code,
        order_reference=order.order_reference,
        state=ORDER_STATES[order.state],
        lines=[
            orders_pb2.OrderLine(
                sku_code=line.sku_code,
                quantity=line.quantity,
                picked_quantity=line.picked_quantity,
                short_quantity=line.short_quantity,
            )
            for line in order.lines
        ],
        sale_lines=[
            orders_pb2.SaleLine(sku_code=line.sku_code, quantity=line.quantity) for line in order.sale_lines
        ],
        courier_service=order.courier_service,
        pickup_time=timestamp(order.pickup_time),
        priority=order.priority,
        note=order.note,
        wave_id=str(order.wave_id or ""),
        tote_position=order.tote_position,
        place_time=timestamp(order.place_time),
        accept_time=timestamp(order.accept_time),
        pick_start_time=timestamp(order.pick_start_time),
        pick_end_time=timestamp(order.pick_end_time),
        pack_time=timestamp(order.pack_time),
        ship_time=timestamp(order.ship_time),
        cancel_time=timestamp(order.cancel_time),
        reason=order.reason,
        revision=order.revision,
    )


def risk_message(risky: RiskyOrder) -> orders_pb2.OrderAtRisk:
    """An order that may miss its courier."""
    return orders_pb2.OrderAtRisk(
        order=order_message(risky.order),
        slack=duration(risky.risk.slack),
        remaining_work=duration(risky.risk.remaining_work),
        advice=ADVICE[risky.risk.advice],
    )


def schedule_message(stored: CourierSchedule) -> couriers_pb2.PickupSchedule:
    """A courier's schedule."""
    schedule = stored.schedule
    return couriers_pb2.PickupSchedule(
        warehouse_code=stored.warehouse_code,
        courier_service=stored.courier_service,
        time_zone=schedule.time_zone,
        pickups=[
            couriers_pb2.Pickup(
                weekday=couriers_pb2.Weekday.ValueType(pickup.weekday), hour=pickup.hour, minute=pickup.minute
            )
            for pickup in schedule.pickups
        ],
        closed_dates=[_date_message(day) for day in sorted(schedule.closed_dates)],
        ready_before=duration(schedule.ready_before),
        is_default=stored.is_default,
        etag=stored.etag,
        rests_on_holidays=DayOff.PUBLIC in schedule.rests_on,
        rests_on_joint_leave=DayOff.JOINT_LEAVE in schedule.rests_on,
    )


def day_off_message(courier_service: str, holiday: Holiday) -> couriers_pb2.DayOff:
    """A day on which a courier stays away."""
    return couriers_pb2.DayOff(
        courier_service=courier_service,
        date=_date_message(holiday.day),
        is_joint_leave=holiday.kind is DayOff.JOINT_LEAVE,
        name_en=holiday.name_en,
        name_id=holiday.name_id,
    )


def _date_message(day: date) -> couriers_pb2.CalendarDate:
    return couriers_pb2.CalendarDate(year=day.year, month=day.month, day=day.day)


def team_message(stored: WarehouseTeam) -> couriers_pb2.Team:
    """A warehouse's team."""
    team = stored.team
    return couriers_pb2.Team(
        warehouse_code=stored.warehouse_code,
        picker_count=team.picker_count,
        packer_count=team.packer_count,
        per_line=duration(team.per_line),
        per_cart=duration(team.per_cart),
        per_pack=duration(team.per_pack),
        walk_speed_mps=team.walk_speed_mps,
        etag=stored.etag,
    )


def plan_message(totals: PlanTotals) -> waves_pb2.Plan:
    """A plan's totals."""
    return waves_pb2.Plan(
        plan_id=str(totals.plan_id),
        warehouse_code=totals.warehouse_code,
        plan_time=timestamp(totals.plan_time),
        wave_count=totals.wave_count,
        order_count=totals.order_count,
        task_count=totals.task_count,
        walk_m=totals.walk_m,
        order_by_order_walk_m=totals.order_by_order_walk_m,
        first_come_s_shape_walk_m=totals.first_come_s_shape_walk_m,
        first_come_walk_m=totals.first_come_walk_m,
        plan_duration=duration(timedelta(seconds=totals.plan_duration_s)),
    )


def left_out_message(left_out: LeftOut) -> waves_pb2.LeftOutOrder:
    """An order that does not ride."""
    return waves_pb2.LeftOutOrder(
        order_id=left_out.order_id,
        reason=LEFT_OUT_REASONS[left_out.reason],
        sku_codes=left_out.sku_codes,
        measures=[CART_MEASURES[measure] for measure in left_out.measures],
    )


def late_order_message(late: Late) -> waves_pb2.LateOrder:
    """An order that rides and will be late."""
    return waves_pb2.LateOrder(
        order_id=late.order_id,
        ready_by_time=timestamp(late.ready_by),
        expected_ready_time=timestamp(late.expected_time),
    )


def wave_message(wave: Wave, tasks: Sequence[WaveTask] = ()) -> waves_pb2.Wave:
    """A wave, with its tasks where they are wanted."""
    return waves_pb2.Wave(
        wave_id=str(wave.wave_id),
        plan_id=str(wave.plan_id),
        warehouse_code=wave.warehouse_code,
        state=WAVE_STATES[wave.state],
        pickup_time=timestamp(wave.pickup_time),
        courier_services=wave.courier_services,
        latest_start_time=timestamp(wave.latest_start_time),
        orders=[
            waves_pb2.WaveOrder(
                order_id=str(riding.order_id),
                tote_position=riding.tote_position,
                alone_walk_m=riding.alone_walk_m,
            )
            for riding in wave.orders
        ],
        tasks=[task_message(task) for task in tasks],
        task_count=wave.task_count,
        unit_count=wave.unit_count,
        walk_m=wave.walk_m,
        order_by_order_walk_m=wave.order_by_order_walk_m,
        s_shape_walk_m=wave.s_shape_walk_m,
        routing_method=METHODS[wave.routing_method],
        plan_time=timestamp(wave.plan_time),
        cart_code=wave.cart_code,
        terminal_code=wave.terminal_code,
        lease_expire_time=timestamp(wave.lease_expire_time),
        start_time=timestamp(wave.start_time),
        end_time=timestamp(wave.end_time),
    )


def task_message(task: WaveTask) -> waves_pb2.PickTask:
    """A pick at its place in the walk."""
    return waves_pb2.PickTask(
        task_id=str(task.task_id),
        wave_id=str(task.wave_id),
        sequence=task.sequence,
        bin_code=task.pick.bin_code,
        aisle_index=task.stop.aisle,
        y_m=task.stop.y,
        sku_code=task.pick.sku_code,
        quantity=task.pick.quantity,
        picked_quantity=task.pick.picked_quantity,
        order_id=str(task.order_id),
        tote_position=task.tote_position,
        state=PICK_STATES[task.pick.state],
        replaces_task_id=str(task.replaces_task_id or ""),
        lots=[
            waves_pb2.PickLot(
                lot_code=lot.lot_code,
                quantity=lot.quantity,
                expires_on=lot.expires_on.isoformat() if lot.expires_on else "",
            )
            for lot in task.pick.lots
        ],
    )


def next_task_message(task: WaveTask | None) -> waves_pb2.PickTask | None:
    """The next pick; none stays absent."""
    return task_message(task) if task else None


def booking_message(booking: Booking) -> bookings_pb2.Booking:
    """A step on its way to stock."""
    queued = booking.state is BookingState.QUEUED
    return bookings_pb2.Booking(
        booking_id=str(booking.booking_id),
        kind=BOOKING_KINDS[booking.step.kind],
        state=BOOKING_STATES[booking.state],
        order_id=str(booking.step.order_id),
        stock_request_id=booking.stock_request_id,
        attempt_count=booking.attempt_count,
        last_error=booking.last_error,
        create_time=timestamp(booking.create_time),
        done_time=timestamp(booking.done_time),
        next_attempt_time=timestamp(booking.next_attempt_time if queued else None),
        warehouse_code=booking.step.warehouse_code,
    )


def put_back_message(put_back: PutBack) -> terminal_pb2.PutBack:
    """Goods that have to go back."""
    return terminal_pb2.PutBack(
        put_back_id=str(put_back.put_back_id),
        order_id=str(put_back.order_id),
        warehouse_code=put_back.warehouse_code,
        sku_code=put_back.sku_code,
        suggested_bin_code=put_back.suggested_bin_code,
        quantity=put_back.quantity,
        returned_quantity=put_back.returned_quantity,
        state=PUT_BACK_STATES[put_back.state],
        create_time=timestamp(put_back.create_time),
    )


def package_message(package: Package) -> packing_pb2.Package:
    """A parcel."""
    return packing_pb2.Package(
        package_id=str(package.package_id),
        order_id=str(package.order_id),
        state=PACKAGE_STATES[package.state],
        items=[
            packing_pb2.PackageItem(
                sku_code=item.sku_code, quantity=item.quantity, checked_quantity=item.checked_quantity
            )
            for item in package.items
        ],
        station_code=package.station_code,
        weight_g=package.weight_g,
        create_time=timestamp(package.create_time),
        close_time=timestamp(package.close_time),
        note=package.note,
        contents_weight_g=package.contents_weight_g or 0,
        packaging_weight_g=package.packaging_weight_g,
        weight_override_reason=package.weight_override_reason,
    )


def label_message(label: Label) -> packing_pb2.Label:
    """What is printed on a parcel."""
    order, package = label.order, label.package
    return packing_pb2.Label(
        package_id=str(package.package_id),
        order_id=str(order.order_id),
        order_reference=order.order_reference,
        channel_code=order.channel_code,
        warehouse_code=order.warehouse_code,
        courier_service=order.courier_service,
        tracking_number=label.tracking_number,
        sort_code=label.sort_code,
        pickup_time=timestamp(order.pickup_time),
        totes=[
            packing_pb2.ToteOnCart(cart_code=tote.cart_code, tote_position=tote.tote_position)
            for tote in label.totes
        ],
        weight_g=package.weight_g,
        unit_count=sum(item.quantity for item in package.items),
        barcode=label.barcode,
        note=order.note,
    )


def shipment_message(shipment: Shipment, booking: Booking | None) -> shipments_pb2.Shipment:
    """A parcel on its way out."""
    return shipments_pb2.Shipment(
        shipment_id=str(shipment.shipment_id),
        order_id=str(shipment.order_id),
        package_id=str(shipment.package_id),
        reservation_id=str(shipment.reservation_id),
        warehouse_code=shipment.warehouse_code,
        state=SHIPMENT_STATES[shipment.state],
        courier_service=shipment.courier_service,
        tracking_number=shipment.tracking_number,
        pickup_time=timestamp(shipment.pickup_time),
        ship_time=timestamp(shipment.ship_time),
        booking=booking_message(booking) if booking else None,
        channel_code=shipment.channel_code,
        order_reference=shipment.order_reference,
        hand_over_time=timestamp(shipment.hand_over_time),
        hand_over_id=str(shipment.hand_over_id or ""),
    )


def hand_over_message(signed: HandOver) -> shipments_pb2.HandOver:
    """A courier's signature."""
    return shipments_pb2.HandOver(
        hand_over_id=str(signed.hand_over_id),
        hand_over_time=timestamp(signed.hand_over_time),
        courier_reference=signed.courier_reference,
        signed_by=signed.signed_by,
        actor=signed.actor,
        parcel_count=signed.parcel_count,
    )


def return_message(found: Return, bookings: Iterable[Booking]) -> returns_pb2.Return:
    """Goods that came back."""
    return returns_pb2.Return(
        return_id=str(found.return_id),
        order_id=str(found.order_id),
        warehouse_code=found.warehouse_code,
        state=RETURN_STATES[found.state],
        reason=RETURN_REASONS[found.reason],
        lines=[
            returns_pb2.ReturnLine(
                sku_code=line.sku_code,
                quantity=line.quantity,
                restocked_quantity=line.restocked_quantity,
                quarantined_quantity=line.quarantined_quantity,
                scrapped_quantity=line.scrapped_quantity,
            )
            for line in found.lines
        ],
        note=found.note,
        receive_time=timestamp(found.receive_time),
        inspect_time=timestamp(found.inspect_time),
        bookings=[booking_message(booking) for booking in bookings],
        announce_time=timestamp(found.announce_time),
    )


def measures_message(measures: Measures) -> measures_pb2.Measures:
    """The measures of a warehouse."""
    counts = {
        name: getattr(measures, name)
        for name in measures.__slots__
        if name
        not in {
            "mean_pick_time",
            "pick_time",
            "walk_m",
            "order_by_order_walk_m",
            "ended_picks",
            "picked_walk_m",
        }
    }
    return measures_pb2.Measures(
        mean_pick_time=duration(measures.mean_pick_time),
        walk_m=measures.walk_m,
        order_by_order_walk_m=measures.order_by_order_walk_m,
        pick_time=duration(measures.pick_time),
        lines_per_hour=measures.lines_per_hour,
        lines_per_metre=measures.lines_per_metre,
        short_pick_rate=measures.short_pick_rate,
        **counts,
    )
