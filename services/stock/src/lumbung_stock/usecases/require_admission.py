"""Require an admission of those who reserve on a sale whose waiting room is awake, and wake it when many come."""

from __future__ import annotations

from dataclasses import dataclass, field

from lumbung_kit.loops import loop_time
from lumbung_kit.metrics import counter
from lumbung_stock.domain.carts import Cart
from lumbung_stock.domain.flash_sales import FlashSale
from lumbung_stock.domain.reservation_failures import InWaitingRoom, WaitingTicketInvalid
from lumbung_stock.domain.waiting_room import Demand, WaitingRoom
from lumbung_stock.stores.admissions import Admissions

RETRY_AFTER_S = 1.0
SALES_MAX = 1_000
AWAKE_MEMORY_S = 5.0
"""How long a process that has found a room pressed takes it for awake, whatever Postgres says: it will hear of it."""

_TURNED_AWAY = counter(
    "lumbung_stock_waiting_room_turned_away", "Reservations sent to a waiting room, which decides nothing"
)


@dataclass(slots=True)
class RequireAdmission:
    """The door of the waiting rooms. While a room sleeps, and for callers without a ticket, it costs some memory
    look-ups and nothing else."""

    admissions: Admissions
    _demands: dict[str, Demand] = field(default_factory=dict)
    _pressed: dict[str, float] = field(default_factory=dict)

    async def __call__(self, cart: Cart, sale: FlashSale) -> None:
        """Returns when the cart may go on to the gate.

        Raises WaitingTicketInvalid, InWaitingRoom, and with a ticket Overloaded and StoreUnavailable.
        """
        if self.is_open_to(cart, sale):
            return
        if not _is_genuine(cart, sale):
            raise WaitingTicketInvalid(metadata={"flash_sale_code": sale.flash_sale_code})
        if cart.waiting_ticket and await self.admissions.has(sale.flash_sale_code, cart.customer_reference):
            return
        _TURNED_AWAY.inc()
        raise InWaitingRoom(
            metadata={"flash_sale_code": sale.flash_sale_code, "call": "JoinWaitingRoom"},
            retry_after_s=RETRY_AFTER_S,
        )

    def is_open_to(self, cart: Cart, sale: FlashSale) -> bool:
        """Whether the cart may go on, as far as memory says; when not, a call finds out, or says why."""
        room = sale.waiting_room
        if not _is_genuine(cart, sale):
            return False
        if room is None or not self._needs_ticket(cart, sale, room):
            return True
        return bool(cart.waiting_ticket) and self.admissions.knows(
            sale.flash_sale_code, cart.customer_reference
        )

    def pressed(self) -> list[str]:
        """Sales whose rooms were found pressed in the last seconds: Postgres has to be told."""
        now = loop_time()
        self._pressed = {code: until for code, until in self._pressed.items() if until > now}
        return list(self._pressed)

    def _needs_ticket(self, cart: Cart, sale: FlashSale, room: WaitingRoom) -> bool:
        if room.never_sleeps:
            return True
        now, code = loop_time(), sale.flash_sale_code
        if code not in self._demands and len(self._demands) >= SALES_MAX:
            self._demands.clear()
        demand = self._demands.setdefault(code, Demand())
        wanted, free = cart.demand(), _free(sale)
        demand.note(cart.customer_reference, wanted, now)
        if demand.presses({sku: free[sku] for sku in wanted if sku in free}, room.demand_multiple, now):
            self._pressed[code] = now + AWAKE_MEMORY_S
        return room.awake or self._pressed.get(code, 0.0) > now


def _is_genuine(cart: Cart, sale: FlashSale) -> bool:
    """Whether the cart's ticket, if it shows one, is its customer's for this sale."""
    if not cart.waiting_ticket:
        return True
    room = sale.waiting_room
    return room is not None and room.has_given(cart.waiting_ticket, cart.customer_reference)


def _free(sale: FlashSale) -> dict[str, int]:
    """Units by SKU that nobody held, as Postgres had them when this copy of the sale was read."""
    free: dict[str, int] = {}
    for item in sale.items:
        free[item.sku_code] = free.get(item.sku_code, 0) + item.remaining
    return free
