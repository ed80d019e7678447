"""The stock service, wired: the only place where its objects are made."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial

from lumbung.stock.v1 import (
    availability_pb2_grpc,
    events_pb2_grpc,
    flash_sales_pb2_grpc,
    inventory_pb2_grpc,
    lots_pb2_grpc,
    quarantine_pb2_grpc,
    reason_codes_pb2_grpc,
    receiving_pb2_grpc,
    replenishment_pb2_grpc,
    reservations_pb2_grpc,
    shortfalls_pb2_grpc,
    sku_use_pb2_grpc,
    stocktakes_pb2_grpc,
    transfers_pb2_grpc,
)
from lumbung_kit.batching import MicroBatcher
from lumbung_kit.clients import open_channel
from lumbung_kit.events import EventLog
from lumbung_kit.loops import Wakeup, every
from lumbung_kit.migrations import migrations_of, require_current
from lumbung_kit.postgres import Postgres
from lumbung_kit.serving import App, Loop, Service
from lumbung_kit.valkey import ScriptClient, Valkey, connect
from lumbung_kit.valkey_cluster import connect_lean
from lumbung_stock.clients.channel_figures import AskChannels
from lumbung_stock.domain.carts import Cart
from lumbung_stock.domain.reservations import Reservation, Resolution
from lumbung_stock.domain.without_gate import Wish
from lumbung_stock.entrypoints import loops
from lumbung_stock.entrypoints.audit_service import AuditService
from lumbung_stock.entrypoints.availability_service import AvailabilityService
from lumbung_stock.entrypoints.catalog_events import follow_catalog
from lumbung_stock.entrypoints.event_service import EventService
from lumbung_stock.entrypoints.flash_sale_service import FlashSaleService, FlashSaleUseCases
from lumbung_stock.entrypoints.inventory_service import InventoryService
from lumbung_stock.entrypoints.lot_service import LotService
from lumbung_stock.entrypoints.quarantine_service import QuarantineService
from lumbung_stock.entrypoints.reason_code_service import ReasonCodeService
from lumbung_stock.entrypoints.receiving_service import ReceivingService
from lumbung_stock.entrypoints.replenishment_service import ReplenishmentService
from lumbung_stock.entrypoints.reservation_service import ReservationService, units_of_batch
from lumbung_stock.entrypoints.shortfall_service import ShortfallService
from lumbung_stock.entrypoints.sku_use_service import SkuUseService
from lumbung_stock.entrypoints.stocktake_service import StocktakeService
from lumbung_stock.entrypoints.transfer_service import TransferService
from lumbung_stock.entrypoints.warehouse_service import WarehouseService
from lumbung_stock.settings import StockSettings
from lumbung_stock.stores.admissions import Admissions
from lumbung_stock.stores.carts_in_flight import CartsInFlight
from lumbung_stock.stores.gate import Gate
from lumbung_stock.stores.leases import Leases
from lumbung_stock.stores.ledger_marks import MarkMemory
from lumbung_stock.stores.sale_book import SaleBook
from lumbung_stock.stores.sku_book import SkuBook
from lumbung_stock.stores.warehouses import WarehouseBook
from lumbung_stock.usecases.change_reservations import ChangeReservations
from lumbung_stock.usecases.check_continuously import CheckContinuously
from lumbung_stock.usecases.close_ended_sales import CloseEndedSales
from lumbung_stock.usecases.close_flash_sale import CloseFlashSale
from lumbung_stock.usecases.commit_journal import CommitJournal
from lumbung_stock.usecases.credit_gate import CreditGate
from lumbung_stock.usecases.durable_answers import DurableAnswers
from lumbung_stock.usecases.expire_holds import ExpireHolds
from lumbung_stock.usecases.expire_lots import ExpireLots
from lumbung_stock.usecases.find_answers import FindAnswers
from lumbung_stock.usecases.get_availability import GetAvailability
from lumbung_stock.usecases.get_reservation import GetReservation
from lumbung_stock.usecases.halt_after_lost_commits import HaltAfterLostCommits
from lumbung_stock.usecases.join_waiting_room import JoinWaitingRoom
from lumbung_stock.usecases.measure_backlogs import MeasureBacklogs
from lumbung_stock.usecases.move_units import MoveUnits
from lumbung_stock.usecases.postgres_sale_ledger import PostgresSaleLedger
from lumbung_stock.usecases.refuse_together import RefuseTogether
from lumbung_stock.usecases.require_admission import RequireAdmission
from lumbung_stock.usecases.require_not_counted import CountLock
from lumbung_stock.usecases.reserve import DecideOrdinary, Reserve
from lumbung_stock.usecases.reserve_from_pools import ReserveFromPools
from lumbung_stock.usecases.reserve_on_sale import ReserveOnSale
from lumbung_stock.usecases.reserve_together import ReserveTogether
from lumbung_stock.usecases.reserve_where_served import ReserveWhereServed
from lumbung_stock.usecases.reserve_without_gate import DecideWithoutGate
from lumbung_stock.usecases.resolve_soft_too import ResolveSoftToo, SoftHolds
from lumbung_stock.usecases.run_waiting_rooms import RunWaitingRooms
from lumbung_stock.usecases.serve_opened_sale import ServeOpenedSale
from lumbung_stock.usecases.set_up_gate import SetUpGate
from lumbung_stock.usecases.tell_reorder_points import TellReorderPoints
from lumbung_stock.usecases.watch_availability import WatchAvailability
from lumbung_stock.usecases.watch_gates import WatchGates

RESOLVE_BATCH_MAX = 256
RESOLVE_IN_FLIGHT = 2
ANSWERS_BATCH_MAX = 512


@dataclass(frozen=True, slots=True)
class Stores:
    """What everything else stands on."""

    postgres: Postgres
    leases: Leases
    valkey: Valkey
    gate: Gate
    log: EventLog
    ledger: PostgresSaleLedger
    skus: SkuBook
    warehouses: WarehouseBook
    sales: SaleBook
    answers: DurableAnswers


async def build(settings: StockSettings, stack: AsyncExitStack) -> App:
    """The app; what it opens is closed by `stack`."""
    stores = await _open_stores(settings, stack)
    services, background = _reservations(settings, stack, stores)
    availability, watching = _availability(settings, stack, stores)
    services += [*_inventory(stores, settings), availability]
    background += watching
    catalog = open_channel(settings.catalog_target, actor="service:stock")
    stack.push_async_callback(catalog.close)
    follow = follow_catalog(stores.postgres, catalog, stores.skus, stores.log)
    background.append(Loop("follow the catalog", follow.run))

    async def ready() -> None:
        await stores.postgres.ping()

    return App(services=services, loops=background, ready=ready)


async def _open_stores(settings: StockSettings, stack: AsyncExitStack) -> Stores:
    url = settings.postgres_url.get_secret_value()
    postgres = Postgres(
        url,
        name="stock",
        schema="stock",
        max_size=settings.postgres_connections,
        max_waiting=settings.waiting_max,
    )
    await postgres.open()
    stack.push_async_callback(postgres.close)
    await require_current(postgres, [migrations_of("lumbung_stock")])
    valkey = connect(
        settings.valkey_url.get_secret_value(), name="stock", max_connections=settings.valkey_connections
    )
    stack.push_async_callback(valkey.aclose)
    log, warehouses = EventLog(postgres), WarehouseBook(postgres)
    ledger = PostgresSaleLedger(postgres, log, warehouses)
    sales = SaleBook(ledger)
    stack.push_async_callback(sales.close)
    return Stores(
        postgres=postgres,
        leases=Leases(postgres),
        valkey=valkey,
        gate=Gate(valkey, journal_max=settings.journal_max, scripts=_scripts(settings, stack)),
        log=log,
        ledger=ledger,
        skus=SkuBook(postgres),
        warehouses=warehouses,
        sales=sales,
        answers=DurableAnswers(ledger, max_waiting=settings.waiting_max),
    )


def _scripts(settings: StockSettings, stack: AsyncExitStack) -> ScriptClient | None:
    """The lean client, unless the settings want everything by redis-py."""
    if settings.valkey_client != "lean":
        return None
    lean = connect_lean(
        settings.valkey_url.get_secret_value(), name="stock", max_in_flight=settings.valkey_in_flight_max
    )
    stack.push_async_callback(lean.aclose)
    return lean


def _reservations(
    settings: StockSettings, stack: AsyncExitStack, stores: Stores
) -> tuple[list[Service], list[Loop]]:
    """Reservations, flash sales and events, with the loops that keep them true."""
    sales = _sale_parts(settings, stack, stores)
    decide_ordinary = DecideOrdinary(stores.postgres, stores.log, stores.warehouses)
    ordinary: MicroBatcher[Cart, Reservation] = MicroBatcher(
        decide_ordinary,
        max_batch=settings.reserve_batch_max,
        max_waiting=settings.waiting_max,
        name="reserve",
    )
    resolve: MicroBatcher[Resolution, Reservation] = MicroBatcher(
        ChangeReservations(stores.postgres, stores.log),
        max_batch=RESOLVE_BATCH_MAX,
        max_waiting=settings.waiting_max,
        max_in_flight=RESOLVE_IN_FLIGHT,
        name="resolve",
    )
    stack.push_async_callback(ordinary.close)
    stack.push_async_callback(resolve.close)

    rooms = _waiting_rooms(settings, stack, stores)
    answers = _answers(settings, stack, stores)
    reserve = Reserve(
        answers, stores.skus, stores.warehouses, stores.sales, ordinary, sales.reserve, rooms.require
    )
    flash_sales = FlashSaleUseCases(
        stores.postgres,
        stores.log,
        stores.sales,
        ServeOpenedSale(stores.ledger, stores.sales, sales.set_up_gate),
        sales.close,
        sales.sale_has_changed.ring,
        rooms.join,
    )
    services = [
        Service(
            reservations_pb2_grpc.add_ReservationServiceServicer_to_server,
            ReservationService(
                reserve,
                ReserveTogether(reserve, sales.reserve.on_sale),
                ResolveSoftToo(
                    resolve, SoftHolds(GetReservation(stores.postgres), stores.gate, stores.sales, reserve)
                ),
                stream_deadline_s=settings.default_deadline_s,
            ),
            "lumbung.stock.v1.ReservationService",
            units={"BatchReserve": units_of_batch},
        ),
        Service(
            flash_sales_pb2_grpc.add_FlashSaleServiceServicer_to_server,
            FlashSaleService(flash_sales),
            "lumbung.stock.v1.FlashSaleService",
        ),
        Service(
            events_pb2_grpc.add_EventServiceServicer_to_server,
            EventService(stores.log),
            "lumbung.stock.v1.EventService",
        ),
    ]
    return services, [
        Loop("publish events", stores.log.run_publisher),
        *_sale_loops(settings, stores, sales),
        Loop("admit waiting", partial(every, loops.ADMIT_INTERVAL_S, rooms.run)),
        Loop("forget tickets", partial(loops.while_there_is_any, loops.FORGET_INTERVAL_S, rooms.run.forget)),
        *_figure_loops(stores),
    ]


def _answers(
    settings: StockSettings, stack: AsyncExitStack, stores: Stores
) -> MicroBatcher[str, Reservation | None]:
    """What was answered to a request before, looked up for many at once."""
    answers: MicroBatcher[str, Reservation | None] = MicroBatcher(
        FindAnswers(stores.postgres),
        max_batch=ANSWERS_BATCH_MAX,
        max_waiting=settings.waiting_max,
        name="answers before",
    )
    stack.push_async_callback(answers.close)
    return answers


def _figure_loops(stores: Stores) -> list[Loop]:
    """What keeps the figures themselves true and told of, sale or none."""
    expire = ExpireLots(stores.postgres, stores.leases, stores.log)
    tell = TellReorderPoints(stores.postgres, stores.log)
    return [
        Loop("expire lots", partial(loops.while_there_is_any, loops.LOTS_INTERVAL_S, expire)),
        Loop("tell of reorder points", partial(loops.while_there_is_any, loops.CROSSINGS_INTERVAL_S, tell)),
        Loop("check continuously", CheckContinuously(stores.postgres, stores.leases).run),
    ]


@dataclass(frozen=True, slots=True)
class RoomParts:
    """The waiting rooms, wired."""

    require: RequireAdmission
    join: JoinWaitingRoom
    run: RunWaitingRooms


def _waiting_rooms(settings: StockSettings, stack: AsyncExitStack, stores: Stores) -> RoomParts:
    """Who asks for tickets, gives them, and admits."""
    admissions = Admissions(stores.postgres, max_waiting=settings.waiting_max)
    join = JoinWaitingRoom(stores.postgres, stores.sales, max_waiting=settings.waiting_max)
    stack.push_async_callback(admissions.close)
    stack.push_async_callback(join.close)
    require = RequireAdmission(admissions)
    run = RunWaitingRooms(stores.postgres, stores.leases, stores.sales, require.pressed)
    return RoomParts(require, join, run)


@dataclass(frozen=True, slots=True)
class SaleParts:
    """The protocol of a flash sale, wired."""

    commit: CommitJournal
    set_up_gate: SetUpGate
    close: CloseFlashSale
    reserve: ReserveWhereServed
    gate_is_shut: Wakeup
    sale_has_changed: Wakeup


def _sale_parts(settings: StockSettings, stack: AsyncExitStack, stores: Stores) -> SaleParts:
    """Who reserves on a sale, and who opens, recovers and closes it."""
    gate_is_shut, carts = Wakeup(), CartsInFlight()
    commit = CommitJournal(stores.ledger, stores.gate, stores.answers, carts)
    set_up_gate = SetUpGate(stores.ledger, stores.gate, stores.sales, commit)
    refuse = RefuseTogether(stores.gate, max_waiting=settings.waiting_max)
    stack.push_async_callback(refuse.close)
    without_gate: MicroBatcher[Wish, Reservation] = MicroBatcher(
        DecideWithoutGate(stores.ledger),
        max_batch=settings.reserve_batch_max,
        max_waiting=settings.waiting_max,
        name="reserve without gate",
    )
    stack.push_async_callback(without_gate.close)
    on_sale = ReserveOnSale(stores.gate, stores.sales, stores.answers, gate_is_shut.ring, refuse, carts)
    move = MoveUnits(stores.ledger, set_up_gate)
    from_pools = ReserveFromPools(on_sale, stores.gate, move, without_gate.submit)
    return SaleParts(
        commit=commit,
        set_up_gate=set_up_gate,
        close=CloseFlashSale(stores.ledger, stores.gate, stores.sales, set_up_gate),
        reserve=ReserveWhereServed(on_sale, from_pools, without_gate.submit, stores.sales),
        gate_is_shut=gate_is_shut,
        sale_has_changed=Wakeup(),
    )


def _sale_loops(settings: StockSettings, stores: Stores, sales: SaleParts) -> list[Loop]:
    """What keeps running sales true."""
    committers = loops.Committers(
        stores.leases, stores.gate, stores.sales, sales.commit, sales.sale_has_changed
    )
    watch = WatchGates(
        stores.ledger,
        stores.gate,
        stores.sales,
        sales.set_up_gate,
        sales.close,
        gate_away_s_max=settings.gate_away_s_max,
        gate_steady_s=settings.gate_steady_s,
    )
    credit = CreditGate(stores.ledger, stores.gate)
    close_ended = CloseEndedSales(stores.ledger, sales.close)
    notice = HaltAfterLostCommits(stores.postgres, MarkMemory(stores.valkey), stores.sales, stores.gate)
    measure = MeasureBacklogs(stores.postgres, stores.sales, stores.gate)
    return [
        Loop("commit journals", committers.run),
        Loop("expire holds", partial(loops.expire_for_ever, ExpireHolds(stores.ledger))),
        Loop("credit gates", partial(loops.while_there_is_any, loops.CREDIT_INTERVAL_S, credit)),
        Loop("watch gates", partial(loops.watch_for_ever, watch, sales.gate_is_shut)),
        Loop("close ended sales", partial(every, loops.CLOSE_INTERVAL_S, close_ended)),
        Loop("notice lost commits", partial(every, loops.NOTICE_INTERVAL_S, notice)),
        Loop("measure backlogs", partial(every, loops.MEASURE_INTERVAL_S, measure)),
        Loop("poll for answers", partial(loops.poll_for_ever, stores.answers.poll)),
    ]


def _availability(
    settings: StockSettings, stack: AsyncExitStack, stores: Stores
) -> tuple[Service, list[Loop]]:
    """Figures for those who ask and those who watch."""
    get = GetAvailability(stores.postgres, stores.log, max_waiting=settings.waiting_max)
    watch = WatchAvailability(
        stores.postgres,
        stores.log,
        watchers_max=settings.watchers_max,
        messages_per_s_max=settings.watch_messages_per_s_max,
    )
    stack.push_async_callback(get.close)
    stack.push_async_callback(watch.close)
    service = Service(
        availability_pb2_grpc.add_AvailabilityServiceServicer_to_server,
        AvailabilityService(stores.postgres, get, watch, _ask_channels(settings, stack)),
        "lumbung.stock.v1.AvailabilityService",
    )
    return service, [
        Loop("follow availability", watch.follow),
        Loop("tell watchers", watch.tell),
        Loop("keep watchers alive", watch.keep_alive),
    ]


def _ask_channels(settings: StockSettings, stack: AsyncExitStack) -> AskChannels:
    """Asks the channel service, where there is one."""
    channel = None
    if settings.channel_sync_target:
        channel = open_channel(settings.channel_sync_target, actor="service:stock")
        stack.push_async_callback(channel.close)
    return AskChannels(channel, deadline_s=settings.channel_sync_deadline_s)


def _inventory(stores: Stores, settings: StockSettings) -> list[Service]:
    """Warehouses, everything that moves stock, and the audit."""
    lock = CountLock(frozenset(settings.count_overriders))
    return [
        Service(
            inventory_pb2_grpc.add_WarehouseServiceServicer_to_server,
            WarehouseService(stores.postgres, stores.warehouses),
            "lumbung.stock.v1.WarehouseService",
        ),
        Service(
            inventory_pb2_grpc.add_InventoryServiceServicer_to_server,
            InventoryService(stores.postgres, stores.log, lock),
            "lumbung.stock.v1.InventoryService",
        ),
        Service(
            receiving_pb2_grpc.add_ReceivingServiceServicer_to_server,
            ReceivingService(stores.postgres, stores.log),
            "lumbung.stock.v1.ReceivingService",
        ),
        Service(
            replenishment_pb2_grpc.add_ReplenishmentServiceServicer_to_server,
            ReplenishmentService(stores.postgres, stores.log),
            "lumbung.stock.v1.ReplenishmentService",
        ),
        Service(
            quarantine_pb2_grpc.add_QuarantineServiceServicer_to_server,
            QuarantineService(stores.postgres, stores.log, lock),
            "lumbung.stock.v1.QuarantineService",
        ),
        Service(
            lots_pb2_grpc.add_LotServiceServicer_to_server,
            LotService(stores.postgres, stores.log),
            "lumbung.stock.v1.LotService",
        ),
        Service(
            shortfalls_pb2_grpc.add_ShortfallServiceServicer_to_server,
            ShortfallService(stores.postgres, stores.log),
            "lumbung.stock.v1.ShortfallService",
        ),
        Service(
            transfers_pb2_grpc.add_TransferServiceServicer_to_server,
            TransferService(stores.postgres, stores.log),
            "lumbung.stock.v1.TransferService",
        ),
        Service(
            stocktakes_pb2_grpc.add_StocktakeServiceServicer_to_server,
            StocktakeService(stores.postgres, stores.log, settings.currency_code),
            "lumbung.stock.v1.StocktakeService",
        ),
        Service(
            reason_codes_pb2_grpc.add_ReasonCodeServiceServicer_to_server,
            ReasonCodeService(stores.postgres),
            "lumbung.stock.v1.ReasonCodeService",
        ),
        Service(
            sku_use_pb2_grpc.add_SkuUseServiceServicer_to_server,
            SkuUseService(stores.postgres),
            "lumbung.stock.v1.SkuUseService",
        ),
        Service(
            inventory_pb2_grpc.add_AuditServiceServicer_to_server,
            AuditService(stores.postgres, stores.log),
            "lumbung.stock.v1.AuditService",
        ),
    ]
