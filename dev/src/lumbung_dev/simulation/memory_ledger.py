"""The ledger in memory: the same decisions by the same domain code, each method one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from uuid import UUID

from lumbung_kit.failures import Failure
from lumbung_stock.domain.allocate import Allocator
from lumbung_stock.domain.answers import decided, first_answer, unseen
from lumbung_stock.domain.carts import Cart
from lumbung_stock.domain.flash_sales import FlashSale, FlashSaleItem, FlashSaleState, Taken
from lumbung_stock.domain.reckoning import Standing
from lumbung_stock.domain.reservations import Reservation, ReservationState, Resolution, Verb
from lumbung_stock.domain.resolve import Earlier, EscrowChange, Resolver, credits_due, escrow_changes
from lumbung_stock.domain.settle import CustomerLimits, Escrow, limits_of, settle
from lumbung_stock.domain.without_gate import ServedElsewhereError, Undecided, Wish, WithoutGate
from lumbung_stock.stores.flash_sales import Credit, Extension
from lumbung_stock.usecases.sale_ports import FencedError

EPOCH_START = datetime(2026, 12, 12, tzinfo=UTC)
TAKEN = (ReservationState.HELD, ReservationState.CONFIRMED, ReservationState.SHIPPED)
SETTLING = (FlashSaleState.OPEN, FlashSaleState.CLOSING)


class MemoryLedger:
    """What SaleLedger promises, of one sale. `clock` gives seconds; `clock_step_s` is what its host's clock is off."""

    def __init__(self, sale: FlashSale, clock: Callable[[], float]) -> None:
        self.sale = sale
        self.by_request: dict[str, Reservation] = {}
        self.credits: dict[int, Credit] = {}
        self.extensions: dict[UUID, tuple[str, int]] = {}
        """Additions to the quota that the gate has not been told of: SKU and units."""
        self.gate_left = False
        self.parked: list[Mapping[str, str]] = []
        self.clock_step_s = 0.0
        self._clock = clock
        self._earlier: dict[str, Earlier] = {}
        self._orders: set[tuple[str, str]] = set()
        self._credits_made = 0
        self._gate_missed = EPOCH_START - timedelta(days=1)

    def now(self) -> datetime:
        """Its own clock, the only one that deadlines are judged by."""
        return EPOCH_START + timedelta(seconds=self._clock() + self.clock_step_s)

    # SaleLedger

    def find_sales(self, codes: Sequence[str]) -> dict[str, FlashSale]:
        """The sale."""
        return {self.sale.flash_sale_code: self.sale}

    def running_sales(self) -> list[str]:
        """The sale, unless it is over."""
        return [self.sale.flash_sale_code] if self.sale.state in SETTLING else []

    def find_answers(self, request_ids: Sequence[str]) -> dict[str, Reservation]:
        """Known ones."""
        return {key: self.by_request[key] for key in request_ids if key in self.by_request}

    def find_by_id(self, hold_ids: Sequence[UUID]) -> dict[UUID, Reservation]:
        """Known ones, by their own ids."""
        return {row.reservation_id: row for row in self.by_request.values() if row.reservation_id in hold_ids}

    def next_epoch(self, code: str, seen_epoch: int) -> int | None:
        """A new epoch."""
        if (self.sale.state, self.sale.epoch) != (FlashSaleState.OPEN, seen_epoch):
            return None
        self.sale = replace(self.sale, epoch=seen_epoch + 1, gate_armed=False)
        return self.sale.epoch

    def snapshot(self, code: str, epoch: int) -> tuple[FlashSale, list[Taken]] | None:
        """Free units and what took the others."""
        if (self.sale.state, self.sale.epoch) != (FlashSaleState.OPEN, epoch):
            return None
        self.extensions.clear()
        self.sale = replace(self.sale, on_postgres_since=None)
        return self.sale, [Taken.by(row) for row in self.by_request.values() if row.state in TAKEN]

    def has_other_answers(self, code: str) -> bool:
        """Whether a request was answered that takes nothing now."""
        return any(row.state not in TAKEN for row in self.by_request.values())

    def note_armed(self, code: str, epoch: int) -> None:
        """Armed, unless overtaken."""
        if (self.sale.state, self.sale.epoch) == (FlashSaleState.OPEN, epoch):
            self.sale = replace(self.sale, gate_armed=True)

    def go_without_gate(self, code: str, seen_epoch: int) -> bool:
        """Served by the ledger alone, under a new epoch."""
        begun = not self.sale.on_postgres and (self.sale.state, self.sale.epoch) == (
            FlashSaleState.OPEN,
            seen_epoch,
        )
        if begun:
            self.sale = replace(
                self.sale, epoch=seen_epoch + 1, gate_armed=False, on_postgres_since=self.now()
            )
        if self.sale.on_postgres:
            self._gate_missed = self.now()
        return begun

    def gate_missed_within(self, code: str, seconds: float) -> bool:
        """Whether somebody cannot reach the gate."""
        return self._gate_missed > self.now() - timedelta(seconds=seconds)

    def settle_without_gate(
        self, code: str, wishes: Sequence[Wish]
    ) -> list[Reservation | Failure | Undecided]:
        """settle_without_gate, of a sale without pools."""
        answers: list[Reservation | Failure | Undecided] = []
        for wish in wishes:
            known = self.find_answers([wish.cart.request_id])
            try:
                known = known or self._decided_without_gate(wish)
            except ServedElsewhereError as elsewhere:
                answers.append(elsewhere)
            else:
                answers.append(first_answer(wish.cart, known))
        return answers

    def settle(self, code: str, epoch: int, carts: Sequence[Cart]) -> dict[str, Reservation]:
        """settle_journal."""
        if self.sale.state not in SETTLING or self.sale.epoch != epoch:
            raise FencedError(f"{code} is no longer in epoch {epoch}")
        answers = self.find_answers([cart.request_id for cart in carts])
        escrow, limits = Escrow(self.sale.items), CustomerLimits(limits_of(self.sale.items), self._bought())
        for cart in unseen(carts, answers):
            made = decided(cart, settle(cart, escrow, Allocator({}, []), limits), self._times(cart))
            self.by_request[cart.request_id] = answers[cart.request_id] = made
            self._move([EscrowChange(code, draw.sku_code, remaining=-draw.quantity) for draw in made.draws])
        for cart in carts:
            answer = answers[cart.request_id]
            ours = answer.reservation_id == cart.reservation_id and answer.state in TAKEN
            if cart.refusal is None and not ours:
                self._owe(cart.reservation_id)
        return answers

    def park(self, *, code: str, hold_id: str, entry: Mapping[str, str], error: str) -> None:
        """Aside, for a person."""
        self.parked.append(entry)

    def is_parked(self, hold_id: UUID) -> bool:
        """Whether it was put aside."""
        return any(entry.get("hold") == str(hold_id) for entry in self.parked)

    def due_holds(self, limit: int) -> list[UUID]:
        """Past their deadline."""
        due = [row for row in self._held() if row.deadline <= self.now()]
        return [row.reservation_id for row in sorted(due, key=lambda row: row.deadline)[:limit]]

    def expire(self, hold_ids: Sequence[UUID]) -> None:
        """By time."""
        held = {row.reservation_id for row in self._held()}
        self.resolve([Resolution(hold_id, Verb.EXPIRE, "") for hold_id in hold_ids if hold_id in held])

    def resolve(self, wishes: Sequence[Resolution]) -> list[Reservation | Failure]:
        """resolve_reservations."""
        rows = {row.reservation_id: row for row in self.by_request.values()}
        resolver = Resolver(rows, self._earlier, self._orders, self.now())
        answers = [resolver.decide(wish) for wish in wishes]
        on_sale = {(self.sale.flash_sale_code, item.sku_code) for item in self.sale.items}
        for change in resolver.changed:
            self.by_request[change.after.request_id] = change.after
            self._move(escrow_changes(change, on_sale))
        for due in credits_due(resolver.changed):
            self._owe(due.reservation_id, due.kept)
        return answers

    def due_credits(self, limit: int) -> tuple[list[Credit], dict[str, FlashSale]]:
        """Those of an armed gate, or of a sale that is over."""
        if not self.sale.gate_armed and self.sale.state is not FlashSaleState.CLOSED:
            return [], {}
        return list(self.credits.values())[:limit], self.find_sales([])

    def delete_credits(self, credit_ids: Sequence[int]) -> None:
        """Told, or needed no more."""
        for credit_id in credit_ids:
            self.credits.pop(credit_id, None)

    def standing(self, code: str, hold_ids: Sequence[UUID] = ()) -> Standing:
        """The escrow, what the gate has not been told of, and which of these holds are known."""
        rows = {row.reservation_id for row in self.by_request.values()}
        return Standing(
            remaining={item.sku_code: item.remaining for item in self.sale.items},
            credits=[(credit.reservation_id, credit.kept) for credit in self.credits.values()],
            additions=[(key, sku, units) for key, (sku, units) in self.extensions.items()],
            known=frozenset(hold_ids) & rows,
        )

    def due_extensions(self, limit: int) -> list[Extension]:
        """Those of an armed gate."""
        if not self.sale.gate_armed:
            return []
        return [
            Extension(key, self.sale.flash_sale_code, self.sale.epoch, sku, units)
            for key, (sku, units) in list(self.extensions.items())[:limit]
        ]

    def note_told(self, extension_ids: Sequence[UUID]) -> None:
        """The gate has them."""
        for extension_id in extension_ids:
            self.extensions.pop(extension_id, None)

    def extend_quota(self, extension_id: UUID, sku_code: str, units: int) -> None:
        """ExtendFlashSaleQuota, of a sale that is open."""
        if self.sale.state is FlashSaleState.OPEN:
            self._move([EscrowChange(self.sale.flash_sale_code, sku_code, quota=units, remaining=units)])
            self.extensions[extension_id] = (sku_code, units)

    def begin_closing(self, code: str) -> int | None:
        """A new epoch, in which the sale is being closed."""
        if self.sale.state is FlashSaleState.CLOSED:
            return None
        self.sale = replace(
            self.sale, state=FlashSaleState.CLOSING, epoch=self.sale.epoch + 1, gate_armed=False
        )
        return self.sale.epoch

    def finish_closing(self, code: str, epoch: int) -> None:
        """The free units go back, and the promises become ordinary ones."""
        if (self.sale.state, self.sale.epoch) != (FlashSaleState.CLOSING, epoch):
            return
        self._move(
            [
                EscrowChange(code, item.sku_code, remaining=-item.remaining, returned=item.remaining)
                for item in self.sale.items
            ]
        )
        self.sale = replace(self.sale, state=FlashSaleState.CLOSED, on_postgres_since=None)
        self.gate_left = True
        for key, row in self.by_request.items():
            draws = tuple(
                replace(draw, from_escrow=False, left_escrow=draw.from_escrow) for draw in row.draws
            )
            self.by_request[key] = replace(row, draws=draws)

    def ended_sales(self) -> list[str]:
        """The sale, when its time is over."""
        over = self.sale.state is FlashSaleState.OPEN and self.sale.end_time <= self.now()
        return [self.sale.flash_sale_code] if over else []

    def gates_left(self, limit: int) -> list[str]:
        """The sale, when it was closed and its gate was not removed."""
        return [self.sale.flash_sale_code] if self.gate_left else []

    def note_removed(self, code: str) -> None:
        """Nothing is left of it."""
        self.gate_left = False

    # How

    def _held(self) -> list[Reservation]:
        return [row for row in self.by_request.values() if row.state is ReservationState.HELD]

    def _decided_without_gate(self, wish: Wish) -> dict[str, Reservation]:
        code = self.sale.flash_sale_code
        served = {code: Escrow(self.sale.items)} if self.sale.on_postgres else {}
        limits = CustomerLimits(limits_of(self.sale.items), self._bought())
        cart, decision = WithoutGate(self.sale, served, Allocator({}, []), limits).decide(wish)
        made = decided(cart, decision, self._times(cart))
        self.by_request[cart.request_id] = made
        self._move([EscrowChange(code, draw.sku_code, remaining=-draw.quantity) for draw in made.draws])
        return {cart.request_id: made}

    def _bought(self) -> Counter[tuple[str, str]]:
        """Units by customer and SKU."""
        bought: Counter[tuple[str, str]] = Counter()
        for row in self.by_request.values():
            if row.state in TAKEN:
                bought.update({(row.customer_reference, each.sku_code): each.quantity for each in row.draws})
        return bought

    def _times(self, cart: Cart) -> tuple[datetime, datetime]:
        now = self.now()
        return now, now + timedelta(seconds=cart.ttl_s)

    def _owe(self, hold_id: UUID, kept: Mapping[str, int] = MappingProxyType({})) -> None:
        self._credits_made += 1
        credit = Credit(self._credits_made, self.sale.flash_sale_code, hold_id, kept)
        self.credits[credit.credit_id] = credit

    def _move(self, changes: Sequence[EscrowChange]) -> None:
        """With the bounds of the table: more than there is, or more than went out, is no transaction."""
        items = {item.sku_code: item for item in self.sale.items}
        for change in changes:
            items[change.sku_code] = _bounded(items[change.sku_code], change)
        self.sale = replace(self.sale, items=tuple(items[item.sku_code] for item in self.sale.items))


def _bounded(item: FlashSaleItem, change: EscrowChange) -> FlashSaleItem:
    after = replace(
        item,
        quota=item.quota + change.quota,
        remaining=item.remaining + change.remaining,
        shipped=item.shipped + change.shipped,
        returned=item.returned + change.returned,
    )
    if min(after.remaining, after.shipped, after.returned) < 0:
        raise AssertionError(f"flash_sale_item_never_oversold: {after}")
    if after.remaining + after.shipped + after.returned > after.quota:
        raise AssertionError(f"flash_sale_item_conserved: {after}")
    return after
