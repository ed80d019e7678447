"""Reserve: decide what a cart draws on, and by which path it gets it (P1, P3, P5, P6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from lumbung_kit.batching import MicroBatcher
from lumbung_kit.events import EventLog
from lumbung_kit.failures import Failure, FieldViolation
from lumbung_kit.postgres import Postgres
from lumbung_stock.domain.answers import first_answer
from lumbung_stock.domain.carts import Cart
from lumbung_stock.domain.flash_sales import FlashSale, admit
from lumbung_stock.domain.geography import by_distance
from lumbung_stock.domain.inventory_failures import SkuNotFound, SkuRetired, WarehouseNotFound
from lumbung_stock.domain.reservation_failures import (
    CustomerRequired,
    FlashSaleHalted,
    FlashSaleNotFound,
    FlashSaleNotOpen,
    InWaitingRoom,
)
from lumbung_stock.domain.reservations import Durability, Line, Refusal, Reservation
from lumbung_stock.domain.skus import SkuRecord
from lumbung_stock.domain.sourcing import SourcingPolicy
from lumbung_stock.stores.sale_book import SaleBook
from lumbung_stock.stores.sku_book import SkuBook
from lumbung_stock.stores.warehouses import WarehouseBook
from lumbung_stock.usecases.decide_together import run_again_when_overtaken, together_or_alone
from lumbung_stock.usecases.require_admission import RequireAdmission
from lumbung_stock.usecases.reserve_from_levels import reserve_from_levels
from lumbung_stock.usecases.reserve_where_served import ReserveWhereServed

UNDECIDED = (
    SkuNotFound,
    SkuRetired,
    WarehouseNotFound,
    FlashSaleNotFound,
    FlashSaleHalted,
    CustomerRequired,
    InWaitingRoom,
)
"""Why a cart is not decided at all; nothing is written down, and the request_id stays free."""


@dataclass(frozen=True, slots=True)
class Reserve:
    """One cart in, its first answer out: a reservation, held or refused."""

    answers: MicroBatcher[str, Reservation | None]
    skus: SkuBook
    warehouses: WarehouseBook
    sales: SaleBook
    ordinary: MicroBatcher[Cart, Reservation]
    on_sale: ReserveWhereServed
    require_admission: RequireAdmission

    async def __call__(self, cart: Cart) -> Reservation:
        """`cart.lines` come as if each named a plain SKU. Raises SkuNotFound, SkuRetired, WarehouseNotFound,
        FlashSaleNotFound, FlashSaleHalted, CustomerRequired, RequestIdReused, and what the door and the paths raise.
        """
        try:
            return await self._decide(cart)
        except UNDECIDED:
            if answer := await self._answered_before(cart):
                return answer
            raise

    async def ready_for_gate(self, cart: Cart) -> tuple[Cart, FlashSale] | None:
        """The cart, and the sale whose one gate is all that decides it, as far as is known without a fresh look.

        None when there is more to it, or a reason to refuse it: then a call finds the answer. Raises what the stores
        raise.
        """
        try:
            cart = await self._checked(cart)
            sale = await self.sales.find(cart.flash_sale_code) if cart.flash_sale_code else None
            if sale is None or sale.pools or sale.on_postgres or not sale.gate_armed:
                return None
            if admit(sale, cart, datetime.now(UTC)):
                return None
        except UNDECIDED:
            return None
        if not (sale.wanted_by(cart) and self.require_admission.is_open_to(cart, sale)):
            return None
        return as_soft_as_can_be(cart, sale), sale

    async def _decide(self, cart: Cart) -> Reservation:
        cart = await self._checked(cart)
        if not cart.flash_sale_code:
            return await self.ordinary.submit(await self._sourced(durable(cart)))
        sale = await self.sales.find(cart.flash_sale_code)
        if admit(sale, cart, datetime.now(UTC)):  # a refusal stays: not for a copy that may be old
            sale = await self.sales.find_fresh(cart.flash_sale_code)
        refusal = admit(sale, cart, datetime.now(UTC))
        if refusal is None and sale.wanted_by(cart):
            await self.require_admission(cart, sale)
            try:
                return await self.on_sale(as_soft_as_can_be(cart, sale), sale)
            except FlashSaleNotOpen as closed_meanwhile:
                refusal = Refusal(closed_meanwhile.reason, closed_meanwhile.message)
        return await self.ordinary.submit(replace(durable(cart), refusal=refusal))

    async def _checked(self, cart: Cart) -> Cart:
        """The cart with bundles expanded. Raises WarehouseNotFound, SkuNotFound, SkuRetired."""
        await self._check_warehouse(cart.warehouse_code)
        return expanded(cart, await self.skus.find([line.sku_code for line in cart.lines]))

    async def _answered_before(self, cart: Cart) -> Reservation | None:
        """The first answer to the same request (P3), for which a SKU retired since, or a waiting room that has woken,
        makes no difference.

        Raises RequestIdReused.
        """
        known = await self.answers.submit(cart.request_id)
        if known is None:
            return None
        answer = first_answer(cart, {cart.request_id: known})
        if isinstance(answer, Failure):
            raise answer
        return answer

    async def _sourced(self, cart: Cart) -> Cart:
        """The cart with the warehouses by distance, if it wants the nearest."""
        if cart.sourcing.policy is not SourcingPolicy.NEAREST or cart.sourcing.destination is None:
            return cart
        nearest_first = by_distance(await self.warehouses.places(), cart.sourcing.destination)
        return replace(cart, nearest_first=nearest_first)

    async def _check_warehouse(self, code: str) -> None:
        if code and code not in await self.warehouses.by_priority():
            raise WarehouseNotFound(
                metadata={"warehouse_code": code},
                fields=[FieldViolation("warehouse_code", f"unknown warehouse {code}")],
            )


def durable(cart: Cart) -> Cart:
    """The cart where only Postgres decides: a soft hold is a permission, not a wish."""
    return cart if cart.durability is Durability.DURABLE else replace(cart, durability=Durability.DURABLE)


def as_soft_as_can_be(cart: Cart, sale: FlashSale) -> Cart:
    """A cart that draws on ordinary stock as well is decided by Postgres alone."""
    return cart if cart.demand().keys() <= sale.item_by_sku().keys() else durable(cart)


def expanded(cart: Cart, known: Mapping[str, SkuRecord]) -> Cart:
    """The cart with bundles drawing on their components. One without a recipe draws on itself, of which there is
    never any.

    Raises SkuNotFound or SkuRetired with every line that names such a SKU.
    """
    skus = [known.get(line.sku_code) for line in cart.lines]
    for sku in skus:
        if sku is None or not sku.active:
            raise _not_sold(cart.lines, known)
    if not any(sku.components for sku in skus if sku):
        return cart
    lines = [
        Line(line.sku_code, line.quantity, known[line.sku_code].components or line.components)
        for line in cart.lines
    ]
    return replace(cart, lines=tuple(lines))


def _not_sold(lines: Sequence[Line], known: Mapping[str, SkuRecord]) -> Failure:
    unknown = [(index, line.sku_code) for index, line in enumerate(lines) if line.sku_code not in known]
    if unknown:
        return SkuNotFound(
            f"There is no SKU {unknown[0][1]}.",
            metadata={"sku_code": unknown[0][1]},
            fields=[
                FieldViolation(f"lines[{index}].sku_code", f"unknown SKU {code}") for index, code in unknown
            ],
        )
    retired = [(index, line.sku_code) for index, line in enumerate(lines) if not known[line.sku_code].active]
    return SkuRetired(
        f"SKU {retired[0][1]} is no longer sold.",
        metadata={"sku_code": retired[0][1]},
        fields=[FieldViolation(f"lines[{index}].sku_code", f"retired SKU {code}") for index, code in retired],
    )


@dataclass(frozen=True, slots=True)
class DecideOrdinary:
    """Decides a micro-batch of carts in one transaction: what the batcher calls."""

    postgres: Postgres
    log: EventLog
    warehouses: WarehouseBook

    async def __call__(self, carts: list[Cart]) -> Sequence[Reservation | BaseException]:
        """One answer per cart."""
        warehouses = await self.warehouses.by_priority()
        answers = await together_or_alone(carts, lambda some: self._decide(some, warehouses))
        self.log.poke()
        return answers

    async def _decide(
        self, carts: Sequence[Cart], warehouses: Sequence[str]
    ) -> Sequence[Reservation | Failure]:
        """A request that another replica has just written is read and decided again."""
        return await run_again_when_overtaken(
            self.postgres, lambda conn: reserve_from_levels(conn, carts, warehouses)
        )
