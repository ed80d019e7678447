"""FlashSaleService: planned ahead, opened and closed without stopping ordinary sales."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from secrets import token_bytes

import grpc

from lumbung.stock.v1 import flash_sales_pb2 as pb
from lumbung.stock.v1 import flash_sales_pb2_grpc as rpc
from lumbung_kit import context as calls
from lumbung_kit.events import EventLog
from lumbung_kit.idempotency import content_hash, once
from lumbung_kit.postgres import Conn, Postgres
from lumbung_kit.validate import Check
from lumbung_stock.domain.flash_sales import FlashSale, FlashSaleItem, FlashSaleState
from lumbung_stock.domain.pools import POOLS_MAX, combinations_of, split
from lumbung_stock.domain.reservation_failures import CustomerRequired
from lumbung_stock.domain.waiting_room import AdmissionOrder, WaitingRoom
from lumbung_stock.entrypoints.page_tokens import key_of, page_token
from lumbung_stock.entrypoints.reservation_messages import FLASH_SALE_CODE_LENGTH_MAX, moment
from lumbung_stock.stores import flash_sales
from lumbung_stock.stores.sale_book import SaleBook
from lumbung_stock.stores.waiting_rooms import Joining, RoomReport
from lumbung_stock.usecases.close_flash_sale import CloseFlashSale
from lumbung_stock.usecases.extend_flash_sale_quota import MoreQuota, extend_flash_sale_quota
from lumbung_stock.usecases.join_waiting_room import JoinWaitingRoom
from lumbung_stock.usecases.open_flash_sale import open_flash_sale
from lumbung_stock.usecases.plan_flash_sale import plan_flash_sale
from lumbung_stock.usecases.report_flash_sale import ItemReport, report_flash_sale
from lumbung_stock.usecases.serve_opened_sale import ServeOpenedSale
from lumbung_stock.usecases.settle_sale import begin_closing
from lumbung_stock.wire.flash_sales import flash_sale_message, place_message

ITEMS_MAX = 100
CHANNELS_MAX = 50
LIMIT_PER_CUSTOMER_MAX = 1_000
LENGTH_MAX = timedelta(days=7)
POOL_COUNT_MAX = 16
DEMAND_MULTIPLE_MAX = 1_000
SPAN_S_MAX = 3_600
PAGE_SIZE_MAX = 200
PAGE_SIZE_DEFAULT = 50


@dataclass(frozen=True, slots=True)
class FlashSaleUseCases:
    """What the service needs."""

    postgres: Postgres
    log: EventLog
    sales: SaleBook
    serve: ServeOpenedSale
    close: CloseFlashSale
    sale_has_opened: Callable[[], None]
    join: JoinWaitingRoom


class FlashSaleService(rpc.FlashSaleServiceServicer):
    """Translates, and leaves the deciding to the use cases."""

    def __init__(self, use: FlashSaleUseCases) -> None:
        self._use = use

    async def PlanFlashSale(
        self,
        request: pb.PlanFlashSaleRequest,
        context: grpc.aio.ServicerContext[pb.PlanFlashSaleRequest, pb.PlanFlashSaleResponse],
    ) -> pb.PlanFlashSaleResponse:
        """Writes a sale down."""
        sale = sale_of(request)

        async def work(conn: Conn) -> pb.PlanFlashSaleResponse:
            planned = await plan_flash_sale(conn, sale, calls.actor())
            return pb.PlanFlashSaleResponse(flash_sale=flash_sale_message(planned))

        response = await once(self._use.postgres, "PlanFlashSale", request, pb.PlanFlashSaleResponse, work)
        self._use.log.poke()
        return response

    async def OpenFlashSale(
        self,
        request: pb.OpenFlashSaleRequest,
        context: grpc.aio.ServicerContext[pb.OpenFlashSaleRequest, pb.OpenFlashSaleResponse],
    ) -> pb.OpenFlashSaleResponse:
        """Moves the quota into escrow and has it served."""
        code = _checked_code(request.flash_sale_code, request.request_id)
        await self._use.serve.require_safe()

        async def work(conn: Conn) -> pb.OpenFlashSaleResponse:
            return pb.OpenFlashSaleResponse(flash_sale=flash_sale_message(await open_flash_sale(conn, code)))

        await once(self._use.postgres, "OpenFlashSale", request, pb.OpenFlashSaleResponse, work)
        self._use.log.poke()
        sale = await self._use.sales.find_fresh(code)
        self._use.sale_has_opened()
        if sale.state is FlashSaleState.OPEN and not sale.gate_armed:
            await self._use.serve(code)
        return pb.OpenFlashSaleResponse(flash_sale=flash_sale_message(await self._use.sales.find_fresh(code)))

    async def ExtendFlashSaleQuota(
        self,
        request: pb.ExtendFlashSaleQuotaRequest,
        context: grpc.aio.ServicerContext[pb.ExtendFlashSaleQuotaRequest, pb.ExtendFlashSaleQuotaResponse],
    ) -> pb.ExtendFlashSaleQuotaResponse:
        """Adds units to an open sale."""
        more = more_quota_of(request)

        async def work(conn: Conn) -> pb.ExtendFlashSaleQuotaResponse:
            extended = await extend_flash_sale_quota(conn, more)
            return pb.ExtendFlashSaleQuotaResponse(flash_sale=flash_sale_message(extended))

        use = self._use
        response = await once(
            use.postgres, "ExtendFlashSaleQuota", request, pb.ExtendFlashSaleQuotaResponse, work
        )
        use.sales.forget(more.flash_sale_code)
        use.log.poke()
        return response

    async def CloseFlashSale(
        self,
        request: pb.CloseFlashSaleRequest,
        context: grpc.aio.ServicerContext[pb.CloseFlashSaleRequest, pb.CloseFlashSaleResponse],
    ) -> pb.CloseFlashSaleResponse:
        """Shuts the gate and gives the free units back; closing again changes nothing."""
        code = _checked_code(request.flash_sale_code, request.request_id)

        async def begin(conn: Conn) -> pb.CloseFlashSaleResponse:
            await begin_closing(conn, code)
            return pb.CloseFlashSaleResponse()

        await once(self._use.postgres, "CloseFlashSale", request, pb.CloseFlashSaleResponse, begin)
        closed = await self._use.close(code)
        self._use.log.poke()
        async with self._use.postgres.transaction() as conn:
            report = await report_flash_sale(conn, closed.flash_sale_code)
        returned = [
            pb.ReturnedQuota(
                warehouse_code=each.item.warehouse_code,
                sku_code=each.item.sku_code,
                quantity=each.item.returned,
            )
            for each in report.items
        ]
        return pb.CloseFlashSaleResponse(flash_sale=flash_sale_message(closed), returned=returned)

    async def GetFlashSale(
        self,
        request: pb.GetFlashSaleRequest,
        context: grpc.aio.ServicerContext[pb.GetFlashSaleRequest, pb.GetFlashSaleResponse],
    ) -> pb.GetFlashSaleResponse:
        """Reads one sale."""
        sale = await self._use.sales.find_fresh(_checked_code(request.flash_sale_code))
        return pb.GetFlashSaleResponse(flash_sale=flash_sale_message(sale))

    async def ListFlashSales(
        self,
        request: pb.ListFlashSalesRequest,
        context: grpc.aio.ServicerContext[pb.ListFlashSalesRequest, pb.ListFlashSalesResponse],
    ) -> pb.ListFlashSalesResponse:
        """Lists sales, newest first."""
        check = Check()
        size = check.page_size(request.page_size, default=PAGE_SIZE_DEFAULT, maximum=PAGE_SIZE_MAX)
        if request.state:
            check.choice("state", request.state, pb.FlashSaleState)
        (after,) = key_of(check, request.page_token, [request.state], first=("",))
        check.done()
        async with self._use.postgres.connection() as conn:
            codes = await flash_sales.page_of_sales(conn, request.state, after, size + 1)
            found = await flash_sales.find_sales(conn, codes[:size])
        page = [flash_sale_message(found[code]) for code in codes[:size]]
        more = page_token([request.state], [codes[size - 1]]) if len(codes) > size else ""
        return pb.ListFlashSalesResponse(flash_sales=page, next_page_token=more)

    async def ReportFlashSale(
        self,
        request: pb.ReportFlashSaleRequest,
        context: grpc.aio.ServicerContext[pb.ReportFlashSaleRequest, pb.ReportFlashSaleResponse],
    ) -> pb.ReportFlashSaleResponse:
        """What became of a sale."""
        code = _checked_code(request.flash_sale_code)
        async with self._use.postgres.transaction() as conn:
            report = await report_flash_sale(conn, code)
        return pb.ReportFlashSaleResponse(
            flash_sale=flash_sale_message(report.sale),
            items=[_item_report(each) for each in report.items],
            answers=[
                pb.ReasonCount(reason=reason, channel_code=channel, count=count)
                for reason, channel, count in report.answers
            ],
            oversold_units=sum(each.oversold for each in report.items),
            waiting_room=_room_report(report.waiting_room),
        )

    async def JoinWaitingRoom(
        self,
        request: pb.JoinWaitingRoomRequest,
        context: grpc.aio.ServicerContext[pb.JoinWaitingRoomRequest, pb.JoinWaitingRoomResponse],
    ) -> pb.JoinWaitingRoomResponse:
        """A place in line, or how it stands."""
        return place_message(await self._use.join(joining_of(request)))


def sale_of(request: pb.PlanFlashSaleRequest) -> FlashSale:
    """A checked plan. Raises BadInput naming every field that is wrong."""
    check = Check()
    check.request_id(request.request_id)
    now = datetime.now(UTC)
    start = moment(check, "start_time", request.start_time) if request.HasField("start_time") else now
    if not request.HasField("end_time"):
        check.add("end_time", "must be set")
    end = moment(check, "end_time", request.end_time) or now
    _check_times(check, start or now, end, now)
    sale = FlashSale(
        flash_sale_code=check.code(
            "flash_sale_code", request.flash_sale_code, max_length=FLASH_SALE_CODE_LENGTH_MAX
        ),
        title=check.text("title", request.title, max_length=120),
        state=FlashSaleState.PLANNED,
        channel_codes=_channels(check, request),
        start_time=start or now,
        end_time=end,
        epoch=0,
        gate_armed=False,
        items=_items(check, request),
        pool_count=check.whole("pool_count", request.pool_count or 1, minimum=1, maximum=POOL_COUNT_MAX),
        waiting_room=_waiting_room(check, request),
    )
    pools = len(combinations_of(sale.items)) * sale.pool_count
    if sale.pool_count <= POOL_COUNT_MAX and pools > POOLS_MAX:
        check.add("pool_count", f"must make at most {POOLS_MAX} pools with these warehouses, not {pools}")
    check.done()
    return split(sale)


def joining_of(request: pb.JoinWaitingRoomRequest) -> Joining:
    """A checked wish for a place. Raises BadInput naming every field that is wrong, CustomerRequired."""
    check = Check()
    joining = Joining(
        request_id=check.request_id(request.request_id),
        content_hash=content_hash(request),
        flash_sale_code=check.code(
            "flash_sale_code", request.flash_sale_code, max_length=FLASH_SALE_CODE_LENGTH_MAX
        ),
        customer_reference=check.text(
            "customer_reference", request.customer_reference, max_length=64, required=False
        ),
        channel_code=check.code("channel_code", request.channel_code),
        actor=calls.actor(),
        lot=b"",
    )
    check.done()
    if not joining.customer_reference:
        raise CustomerRequired
    return joining


def more_quota_of(request: pb.ExtendFlashSaleQuotaRequest) -> MoreQuota:
    """A checked wish for more. Raises BadInput naming every field that is wrong."""
    check = Check()
    check.request_id(request.request_id)
    more = MoreQuota(
        flash_sale_code=check.code(
            "flash_sale_code", request.flash_sale_code, max_length=FLASH_SALE_CODE_LENGTH_MAX
        ),
        sku_code=check.code("sku_code", request.sku_code),
        warehouse_code=check.code("warehouse_code", request.warehouse_code),
        quantity=check.quantity("quantity", request.quantity),
        actor=calls.actor(),
    )
    check.done()
    return more


def _waiting_room(check: Check, request: pb.PlanFlashSaleRequest) -> WaitingRoom | None:
    """The room, with a secret and a seed that nobody has seen."""
    if not request.admission_order:
        for field in ("demand_multiple", "admission_ttl", "lottery_window"):
            if field in {descriptor.name for descriptor, _ in request.ListFields()}:
                check.add(field, "must not be set without admission_order")
        return None
    check.choice("admission_order", request.admission_order, pb.AdmissionOrder)
    lottery = request.admission_order == pb.ADMISSION_ORDER_LOTTERY
    if request.HasField("lottery_window") and not lottery:
        check.add("lottery_window", "must not be set without ADMISSION_ORDER_LOTTERY")
    return WaitingRoom(
        order=AdmissionOrder.LOTTERY if lottery else AdmissionOrder.FIFO,
        demand_multiple=check.whole(
            "demand_multiple", request.demand_multiple, minimum=0, maximum=DEMAND_MULTIPLE_MAX
        ),
        admission_s=_whole_seconds(check, request, "admission_ttl", minimum=10, default=120),
        lottery_window_s=_whole_seconds(check, request, "lottery_window", minimum=1, default=30),
        secret=token_bytes(32),
        seed=token_bytes(32) if lottery else b"",
    )


def _whole_seconds(
    check: Check, request: pb.PlanFlashSaleRequest, field: str, *, minimum: int, default: int
) -> int:
    """A span of at most an hour, rounded down to seconds."""
    span = getattr(request, field) if request.HasField(field) else None  # type: ignore[arg-type]
    default_s = default if span is None else None
    return int(check.span_s(field, span, minimum_s=minimum, maximum_s=SPAN_S_MAX, default_s=default_s))


def _check_times(check: Check, start: datetime, end: datetime, now: datetime) -> None:
    if end <= start:
        check.add("end_time", "must be after start_time")
    elif end <= now:
        check.add("end_time", "must be in the future")
    elif end - start > LENGTH_MAX:
        check.add("end_time", "must be at most 7 days after start_time")


def _channels(check: Check, request: pb.PlanFlashSaleRequest) -> tuple[str, ...]:
    codes = check.items("channel_codes", request.channel_codes, maximum=CHANNELS_MAX)
    return tuple(
        dict.fromkeys(check.code(f"channel_codes[{index}]", code) for index, code in enumerate(codes))
    )


def _items(check: Check, request: pb.PlanFlashSaleRequest) -> tuple[FlashSaleItem, ...]:
    items: list[FlashSaleItem] = []
    for index, message in enumerate(check.items("items", request.items, maximum=ITEMS_MAX)):
        item = _item(check, f"items[{index}]", message)
        for before in items:
            _check_together(check, f"items[{index}]", before, item)
        items.append(item)
    return tuple(items)


def _item(check: Check, field: str, item: pb.FlashSaleItem) -> FlashSaleItem:
    return FlashSaleItem(
        sku_code=check.code(f"{field}.sku_code", item.sku_code),
        warehouse_code=check.code(f"{field}.warehouse_code", item.warehouse_code),
        quota=check.quantity(f"{field}.quota", item.quota),
        limit_per_customer=check.whole(
            f"{field}.limit_per_customer", item.limit_per_customer, minimum=0, maximum=LIMIT_PER_CUSTOMER_MAX
        ),
    )


def _check_together(check: Check, field: str, before: FlashSaleItem, item: FlashSaleItem) -> None:
    """A limit counts a customer's units of the SKU, whichever warehouse they come from."""
    if item.sku_code != before.sku_code:
        return
    if item.warehouse_code == before.warehouse_code:
        check.add(f"{field}.sku_code", f"must occur once for each warehouse; {item.sku_code} came before")
    elif item.limit_per_customer != before.limit_per_customer:
        check.add(f"{field}.limit_per_customer", f"must be the same for {item.sku_code} in every warehouse")


def _checked_code(code: str, request_id: str | None = None) -> str:
    check = Check()
    if request_id is not None:
        check.request_id(request_id)
    check.code("flash_sale_code", code, max_length=FLASH_SALE_CODE_LENGTH_MAX)
    check.done()
    return code


def _room_report(report: RoomReport | None) -> pb.WaitingRoomReport | None:
    if report is None:
        return None
    return pb.WaitingRoomReport(
        joined=report.joined,
        waiting=report.waiting,
        admitted=report.admitted,
        used=report.used,
        lapsed=report.lapsed,
    )


def _item_report(report: ItemReport) -> pb.FlashSaleItemReport:
    return pb.FlashSaleItemReport(
        sku_code=report.item.sku_code,
        warehouse_code=report.item.warehouse_code,
        quota=report.item.quota,
        remaining=report.item.remaining,
        held=report.held,
        sold=report.sold,
        shipped=report.item.shipped,
        returned=report.item.returned,
    )
