"""What is stored, in the words of the contract: for answers, and for events, which are written with the change."""

from __future__ import annotations

from datetime import datetime

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from lumbung.channel_sync.v1 import channel_orders_pb2 as orders_pb
from lumbung.channel_sync.v1 import channels_pb2 as channels_pb
from lumbung.channel_sync.v1 import listings_pb2 as listings_pb
from lumbung.channel_sync.v1 import sync_status_pb2 as status_pb
from lumbung_channel_sync.domain.channels import Channel, Health, PauseMode
from lumbung_channel_sync.domain.drift import Agreement, Count, Disagreement
from lumbung_channel_sync.domain.figures import FigureReason
from lumbung_channel_sync.domain.listings import Listing
from lumbung_channel_sync.domain.orders import ChannelOrder, DeadLetter, ExpectedReturn, OrderLine
from lumbung_channel_sync.domain.statuses import BEHIND, ListingStatus


def timestamp_of(moment: datetime) -> Timestamp:
    """A moment with its zone."""
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp


def timestamp(moment: datetime | None) -> Timestamp | None:
    """Absent stays absent."""
    return None if moment is None else timestamp_of(moment)


def duration(seconds: float) -> Duration:
    """Never negative: clocks of two moments can disagree a little."""
    span = Duration()
    span.FromMilliseconds(max(0, round(seconds * 1000)))
    return span


def pause_mode(mode: PauseMode | None) -> channels_pb.PauseMode.ValueType:
    """Unspecified while it runs."""
    return channels_pb.PauseMode.Value(f"PAUSE_MODE_{mode.value if mode else 'UNSPECIFIED'}")


def channel(stored: Channel) -> channels_pb.Channel:
    """Never with a secret: only the reference is stored."""
    return channels_pb.Channel(
        channel_code=stored.channel_code,
        title=stored.spec.title,
        platform=channels_pb.Platform.Value(f"PLATFORM_{stored.platform.value}"),
        base_url=stored.spec.base_url,
        secret_reference=stored.spec.secret_reference,
        account_reference=stored.spec.account_reference,
        max_requests_per_second=stored.spec.max_requests_per_second,
        stage=channels_pb.Stage.Value(f"STAGE_{stored.stage.value}"),
        stage_begin_time=timestamp(stored.stage_begin_time),
        pause_mode=pause_mode(stored.pause_mode),
        webhook_path=f"/webhooks/{stored.channel_code}",
        create_time=timestamp(stored.create_time),
        update_time=timestamp(stored.update_time),
        etag=str(stored.row_version),
    )


def agreement(
    stored: Channel, counted: Agreement, disagreements: list[Disagreement]
) -> channels_pb.Agreement:
    """What agreed in the stage that `stored` is in."""
    return channels_pb.Agreement(
        channel_code=stored.channel_code,
        stage=channels_pb.Stage.Value(f"STAGE_{stored.stage.value}"),
        begin_time=timestamp(stored.stage_begin_time),
        figures=_count(counted.figures),
        decrements=_count(counted.decrements),
        cancellations=_count(counted.cancellations),
        disagreements=[
            channels_pb.Disagreement(
                listing_ref=one.listing_ref,
                sku_code=one.sku_code,
                expected_quantity=one.expected_quantity,
                observed_quantity=one.observed_quantity,
                kind=one.kind,
                observe_time=timestamp(one.observe_time),
            )
            for one in disagreements
        ],
    )


def _count(counted: Count) -> channels_pb.AgreementCount:
    return channels_pb.AgreementCount(compared_count=counted.compared, agreed_count=counted.agreed)


def listing(stored: Listing) -> listings_pb.Listing:
    """One listing and its rules."""
    return listings_pb.Listing(
        channel_code=stored.channel_code,
        listing_ref=stored.listing_ref,
        sku_code=stored.sku_code,
        units_per_item=stored.rules.units_per_item,
        buffer_quantity=stored.rules.buffer_quantity,
        share_percent=stored.rules.share_percent,
        cap_quantity=stored.rules.cap_quantity,
        live=stored.live,
        pause_mode=pause_mode(stored.pause_mode),
        create_time=timestamp(stored.create_time),
        update_time=timestamp(stored.update_time),
        etag=str(stored.row_version),
    )


def status(stored: ListingStatus) -> status_pb.SyncStatus:
    """One listing's figure on both sides."""
    return status_pb.SyncStatus(
        channel_code=stored.channel_code,
        listing_ref=stored.listing_ref,
        sku_code=stored.sku_code,
        state=status_pb.SyncState.Value(f"SYNC_STATE_{stored.state}"),
        desired_quantity=stored.desired_quantity,
        desired_version=stored.desired_version,
        desire_time=timestamp(stored.desire_time),
        pushed_quantity=stored.pushed_quantity,
        pushed_version=stored.pushed_version,
        push_time=timestamp(stored.push_time),
        confirmed_quantity=stored.confirmed_quantity,
        confirmed_version=stored.confirmed_version,
        confirm_time=timestamp(stored.confirm_time),
        observed_quantity=stored.observed_quantity,
        observe_time=timestamp(stored.observe_time),
        lag=duration(stored.lag_s if stored.state in BEHIND else 0),
        problem=_row_problem(stored),
        reason=None if stored.reason is None else _reason(stored.reason),
        drifted=stored.drifted,
    )


def _row_problem(stored: ListingStatus) -> status_pb.PushProblem | None:
    if stored.problem_time is None:
        return None
    return status_pb.PushProblem(
        reason=stored.problem_reason,
        message=stored.problem_message,
        permanent=stored.parked,
        attempt_count=stored.failures_in_row,
        occur_time=timestamp(stored.problem_time),
        next_attempt_time=None if stored.parked else timestamp(stored.next_attempt_time),
    )


def channel_problem(health: Health) -> status_pb.PushProblem | None:
    """Why the platform as a whole could not be called; None when it could."""
    if health.failures_in_row == 0:
        return None
    return status_pb.PushProblem(
        reason=health.reason,
        message=health.message,
        attempt_count=health.failures_in_row,
        occur_time=timestamp(health.occur_time),
        next_attempt_time=timestamp(health.next_call_time),
    )


def _reason(stored: FigureReason) -> status_pb.FigureReason:
    return status_pb.FigureReason(
        available_to_promise=stored.available_to_promise,
        flash_sale_code=stored.flash_sale_code,
        flash_sale_available=stored.flash_sale_available,
        undecided_quantity=stored.undecided_quantity,
        buffer_quantity=stored.buffer_quantity,
        share_percent=stored.share_percent,
        cap_quantity=stored.cap_quantity,
        units_per_item=stored.units_per_item,
        decided_by=stored.decided_by.value,
    )


def order(stored: ChannelOrder) -> orders_pb.ChannelOrder:
    """One order."""
    return orders_pb.ChannelOrder(
        channel_code=stored.channel_code,
        order_ref=stored.order_ref,
        state=orders_pb.ChannelOrderState.Value(f"CHANNEL_ORDER_STATE_{stored.state.value}"),
        lines=[_line(line) for line in stored.lines],
        reservation_id=stored.reservation_id,
        reason=stored.reason,
        message=stored.message,
        customer_reference=stored.customer_reference,
        courier_service=stored.courier_service,
        place_time=timestamp(stored.place_time),
        receive_time=timestamp(stored.receive_time),
        decide_time=timestamp(stored.decide_time),
        cancel_time=timestamp(stored.cancel_time),
        cancel_reason=stored.cancel_reason,
        cancel_came_too_late=stored.cancel_came_too_late,
        answer_time=timestamp(stored.answer_time),
        duplicate_count=stored.duplicate_count,
        traceparent=stored.traceparent,
    )


def _line(stored: OrderLine) -> orders_pb.ChannelOrderLine:
    return orders_pb.ChannelOrderLine(
        listing_ref=stored.listing_ref,
        sku_code=stored.sku_code or "",
        item_quantity=stored.item_quantity,
        unit_quantity=stored.unit_quantity,
        flash_sale_code=stored.flash_sale_code,
    )


def expected_return(stored: ExpectedReturn) -> orders_pb.ExpectedReturn:
    """Goods that will come back."""
    return orders_pb.ExpectedReturn(
        channel_code=stored.channel_code,
        return_ref=stored.return_ref,
        order_ref=stored.order_ref,
        reservation_id=stored.reservation_id,
        lines=[_line(line) for line in stored.lines],
        reason=stored.reason,
        receive_time=timestamp(stored.receive_time),
    )


def dead_letter(stored: DeadLetter) -> orders_pb.DeadLetter:
    """Something that waits for a person."""
    return orders_pb.DeadLetter(
        dead_letter_id=stored.dead_letter_id,
        channel_code=stored.channel_code,
        kind=orders_pb.DeliveryKind.Value(f"DELIVERY_KIND_{stored.kind}"),
        order_ref=stored.order_ref,
        reason=stored.reason,
        message=stored.message,
        attempt_count=stored.attempt_count,
        receive_time=timestamp(stored.receive_time),
        park_time=timestamp(stored.park_time),
    )
