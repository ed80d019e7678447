"""Reserve: decide what a cart draws on, and by which path it gets it (P1, P3, P5, P6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from lumbung_kit.batching import MicroBatcher
from lumbung_kit.events import EventLog
from lumbung_kit.failures import ConcurrentChange, Failure, FieldViolation
from lumbung_kit.postgres import Conn, Postgres
from lumbung_stock.domain.carts import Cart
from lumbung_stock.domain.flash_sales import admit
from lumbung_stock.domain.inventory_failures import SkuNotFound, SkuRetired, WarehouseNotFound
from lumbung_stock.domain.reservation_failures import FlashSaleNotOpen
from lumbung_stock.domain.reservations import Line, Refusal, Reservation
from lumbung_stock.domain.skus import SkuRecord
from lumbung_stock.stores.sale_book import SaleBook
from lumbung_stock.stores.sku_book import SkuBook
from lumbung_stock.stores.warehouses import WarehouseBook
from lumbung_stock.usecases.reserve_from_levels import reserve_from_levels
from lumbung_stock.usecases.reserve_on_sale import ReserveOnSale

ATTEMPTS_MAX = 4


@dataclass(frozen=True, slots=True)
class Reserve:
    """One cart in, its first answer out: a reservation, held or refused."""

    skus: SkuBook
    warehouses: WarehouseBook
    sales: SaleBook
    ordinary: MicroBatcher[Cart, Reservation]
    on_sale: ReserveOnSale

    async def __call__(self, cart: Cart) -> Reservation:
        """`cart.lines` come without components. Raises SkuNotFound, SkuRetired, WarehouseNotFound,
        FlashSaleNotFound, CustomerRequired, RequestIdReused, and what the paths raise."""
        await self._check_warehouse(cart.warehouse_code)
        cart = replace(
            cart, lines=expand(cart.lines, await self.skus.find({line.sku_code for line in cart.lines}))
        )
        if not cart.flash_sale_code:
            return await self.ordinary.submit(cart)
        sale = await self.sales.find(cart.flash_sale_code)
        demand = cart.demand()
        refusal = admit(sale, cart.channel_code, cart.customer_reference, demand, datetime.now(UTC))
        if refusal is None and any(item.sku_code in demand for item in sale.items):
            try:
                return await self.on_sale(cart, sale)
            except FlashSaleNotOpen as closed_meanwhile:
                refusal = Refusal(closed_meanwhile.reason, closed_meanwhile.message)
        return await self.ordinary.submit(replace(cart, refusal=refusal))

    async def _check_warehouse(self, code: str) -> None:
        if code and code not in await self.warehouses.by_priority():
            raise WarehouseNotFound(
                metadata={"warehouse_code": code},
                fields=[FieldViolation("warehouse_code", f"unknown warehouse {code}")],
            )


def expand(lines: Sequence[Line], known: dict[str, SkuRecord]) -> tuple[Line, ...]:
    """Lines with what they draw: themselves, or a bundle's components.

    Raises SkuNotFound or SkuRetired with every line that names such a SKU.
    """
    unknown = [(index, line) for index, line in enumerate(lines) if line.sku_code not in known]
    if unknown:
        raise SkuNotFound(
            f"There is no SKU {unknown[0][1].sku_code}.",
            metadata={"sku_code": unknown[0][1].sku_code},
            fields=[
                FieldViolation(f"lines[{i}].sku_code", f"unknown SKU {line.sku_code}") for i, line in unknown
            ],
        )
    retired = [(index, line) for index, line in enumerate(lines) if not known[line.sku_code].active]
    if retired:
        raise SkuRetired(
            f"SKU {retired[0][1].sku_code} is no longer sold.",
            metadata={"sku_code": retired[0][1].sku_code},
            fields=[
                FieldViolation(f"lines[{i}].sku_code", f"retired SKU {line.sku_code}") for i, line in retired
            ],
        )
    return tuple(replace(line, components=_components(line, known[line.sku_code])) for line in lines)


def _components(line: Line, sku: SkuRecord) -> tuple[tuple[str, int], ...]:
    return sku.components if sku.is_bundle else ((line.sku_code, 1),)


@dataclass(frozen=True, slots=True)
class DecideOrdinary:
    """Decides a micro-batch of carts in one transaction: what the batcher calls."""

    postgres: Postgres
    log: EventLog
    warehouses: WarehouseBook

    async def __call__(self, carts: list[Cart]) -> Sequence[Reservation | Failure]:
        """One answer per cart. A request that another replica has just written is read and decided again."""
        warehouses = await self.warehouses.by_priority()

        async def work(conn: Conn) -> list[Reservation | Failure]:
            return await reserve_from_levels(conn, carts, warehouses)

        for attempt in range(ATTEMPTS_MAX):
            try:
                answers = await self.postgres.run(work)
            except ConcurrentChange:
                if attempt == ATTEMPTS_MAX - 1:
                    raise
            else:
                self.log.poke()
                return answers
        raise ConcurrentChange
