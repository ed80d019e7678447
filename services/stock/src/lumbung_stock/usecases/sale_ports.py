"""What the protocol of a flash sale asks of its two stores.

The use cases that open, recover, commit, credit, watch and close a sale know these two Protocols and nothing else of
Postgres and Valkey, so that the same code runs on the real servers and, under a seeded scheduler, on stores in memory
that stop between any two calls. Both raise StoreUnavailable; then the outcome of the call is unknown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol
from uuid import UUID

from lumbung_kit.failures import Failure
from lumbung_stock.domain.carts import Cart
from lumbung_stock.domain.flash_sales import FlashSale, Taken
from lumbung_stock.domain.pools import Move
from lumbung_stock.domain.reckoning import GateStanding, Standing
from lumbung_stock.domain.reservations import Reservation, Resolution
from lumbung_stock.domain.without_gate import Undecided, Wish
from lumbung_stock.stores.flash_sales import Credit, Extension
from lumbung_stock.stores.gate import GateAnswer, GateStatus, RawEntry

__all__ = ["FencedError", "SaleGate", "SaleLedger"]


class FencedError(Exception):
    """Somebody began a newer epoch of this sale: what was read under the old one is not ours to commit."""


class SaleLedger(Protocol):
    """The truth. Each method is exactly one transaction: all of it happened, or nothing."""

    async def find_sales(self, codes: Sequence[str]) -> dict[str, FlashSale]:
        """Sales with their items; unknown ones are absent."""

    async def running_sales(self) -> list[str]:
        """Codes of the sales that are open or being closed."""

    async def find_answers(self, request_ids: Sequence[str]) -> dict[str, Reservation]:
        """Reservations, held and refused, by the request that made them."""

    # Opening and recovery

    async def next_epoch(self, code: str, seen_epoch: int) -> int | None:
        """Begins a new epoch, which fences off whoever works under `seen_epoch`; None when the sale is not open, or
        has another epoch."""

    async def snapshot(self, code: str, epoch: int) -> tuple[FlashSale, list[Taken]] | None:
        """The sale, and the reservations that have taken the units which are not free, at one instant; None when
        the sale is not open under `epoch`. Additions to its quota are in it, and count as told. From this instant on
        the ledger no longer serves the sale alone: what it gave away afterwards would be in the gate, too."""

    async def has_other_answers(self, code: str) -> bool:
        """Whether requests of this sale were answered that have taken nothing, or no longer."""

    async def note_armed(self, code: str, epoch: int) -> None:
        """Notes that the gate is armed, unless the sale has a newer epoch."""

    # A sale whose gate is away

    async def go_without_gate(self, code: str, seen_epoch: int) -> bool:
        """The gate cannot be reached from here: begins a new epoch in which the ledger serves the open sale alone, and
        says whether it did. When it serves the sale already, this is noted. Nothing is done when the sale is not open,
        or has its gate and another epoch."""

    async def gate_missed_within(self, code: str, seconds: float) -> bool:
        """Whether somebody has said so in the last seconds, by the ledger's own clock."""

    async def settle_without_gate(
        self, code: str, wishes: Sequence[Wish]
    ) -> list[Reservation | Failure | Undecided]:
        """Decides carts on a sale that the ledger serves alone, or on those of its pools that it does; one answer each,
        in order. A request that was decided before gets its first answer."""

    # Units that move between pools

    async def next_epochs(self, seen_epochs: Mapping[str, int]) -> dict[str, int] | None:
        """Begins a new epoch in each of these pools; None, and nothing begun, when one is not open, its gate is not
        armed, or it has another epoch."""

    async def move_units(self, epochs: Mapping[str, int], moves: Sequence[Move]) -> bool:
        """Makes the moves, all of them or none; False when a pool has another epoch or too few free units."""

    # Group commit

    async def settle(self, code: str, epoch: int, carts: Sequence[Cart]) -> dict[str, Reservation]:
        """Commits a batch of the journal; each request's first answer. A batch that was committed before changes
        nothing.

        Raises FencedError when the sale has another epoch, and whatever a bad entry makes it stumble over.
        """

    async def park(self, *, code: str, hold_id: str, entry: Mapping[str, str], error: str) -> None:
        """Puts a journal entry that cannot be committed aside, for a person, and owes the gate its units."""

    async def is_parked(self, hold_id: UUID) -> bool:
        """Whether this hold's entry was put aside."""

    # Units that come back

    async def due_holds(self, limit: int) -> list[UUID]:
        """Up to `limit` holds whose deadline has passed by the ledger's own clock, the oldest."""

    async def expire(self, hold_ids: Sequence[UUID]) -> None:
        """Expires these holds, but for those that somebody has resolved or is resolving."""

    async def resolve(self, wishes: Sequence[Resolution]) -> list[Reservation | Failure]:
        """Confirms, releases and cancels; one answer per wish, in order."""

    async def due_credits(self, limit: int) -> tuple[list[Credit], dict[str, FlashSale]]:
        """The oldest credits that an armed gate has not been told of, or that a closed sale needs no more, and
        their sales."""

    async def delete_credits(self, credit_ids: Sequence[int]) -> None:
        """Forgets credits that the gate has, or that nobody needs any more."""

    async def due_extensions(self, limit: int) -> list[Extension]:
        """The oldest additions to a quota that an armed gate has not been told of, and its epoch, of one instant."""

    async def note_told(self, extension_ids: Sequence[UUID]) -> None:
        """The gates have these additions."""

    async def standing(self, code: str, hold_ids: Sequence[UUID] = ()) -> Standing:
        """The escrow, what its gate has not been told of, and which of these holds have a row, at one instant."""

    # Closing

    async def ended_sales(self) -> list[str]:
        """Sales that are open although their end has passed, by the ledger's own clock."""

    async def begin_closing(self, code: str) -> int | None:
        """A new epoch under which the sale is being closed; None when it is closed already.

        Raises FlashSaleNotFound, FlashSaleWrongState.
        """

    async def finish_closing(self, code: str, epoch: int) -> None:
        """Gives the free units back and makes what is held or sold an ordinary promise. Does nothing when somebody
        newer is at work."""

    async def gates_left(self, limit: int) -> list[str]:
        """Closed sales and pools of which the gate's server may still have something."""

    async def note_removed(self, code: str) -> None:
        """The gate's server has nothing more of this closed sale or pool."""


class SaleGate(Protocol):
    """The fast gate. It may forget everything at any moment, or the last things that it was told."""

    async def reserve(self, sale: FlashSale, cart: Cart, *, last_word: bool = True) -> GateAnswer:
        """Takes the cart's units of SKUs on sale, all or none, and journals the decision. Without `last_word`, a
        want of units decides nothing and is forgotten at once."""

    async def reserve_all(self, sale: FlashSale, carts: Sequence[Cart]) -> list[GateAnswer]:
        """As `reserve` for each cart, in order, its word the last."""

    async def refuse(self, sale: FlashSale, carts: Sequence[Cart]) -> list[GateAnswer]:
        """Refuses, and journals together, those carts that want more than is left; the others are LEFT_ALONE."""

    async def freeze(self, code: str, epoch: int) -> bool:
        """Shuts the gate under `epoch`; False when a newer epoch has it."""

    async def install(self, sale: FlashSale, taken: Sequence[Taken]) -> bool:
        """Writes the free units and the reservations that took the others; False when overtaken."""

    async def arm(self, code: str, epoch: int, *, complete: bool = False) -> bool:
        """Opens the gate under `epoch`; False when overtaken. `complete`: what was installed is every request that was
        ever answered in the sale, so that the gate's refusal of a request it has not seen is its first answer."""

    async def credit(self, code: str, epoch: int, holds: Sequence[tuple[UUID, Mapping[str, int]]]) -> bool:
        """Leaves holds just the units by SKU named with them, and gives back the rest; telling it again gives back
        nothing. False when the gate is not armed under `epoch`: ask again later."""

    async def extend(self, code: str, epoch: int, extensions: Sequence[tuple[UUID, str, int]]) -> bool:
        """Adds units, as (extension id, SKU, units), once for each id; False when the gate is not armed under
        `epoch`."""

    async def read_journal(
        self, code: str, count: int, wait_s: float = 0.0, *, after: str = ""
    ) -> list[RawEntry]:
        """The oldest entries that were not acknowledged, or those that follow `after`, which may be gone by now; waits
        up to `wait_s` for the first."""

    async def acknowledge(self, code: str, entries: Sequence[tuple[str, str]]) -> None:
        """Forgets entries, as (entry id, hold id), that the ledger has."""

    async def backlog(self, code: str) -> int:
        """Entries that the ledger may not have yet."""

    async def status(self, code: str) -> GateStatus:
        """Whether the gate is armed, and under which epoch."""

    async def reckon(self, code: str, ids: Sequence[UUID]) -> GateStanding | None:
        """The gate at one instant, with what it knows of these holds and additions; None when its journal is too long
        to be looked at."""

    async def free_units(self, code: str) -> dict[str, int]:
        """What the gate may still give, by SKU."""

    async def remove(self, code: str) -> None:
        """Forgets a closed sale."""

    async def unsafe_settings(self) -> list[str]:
        """Settings under which the gate's server may forget what it granted; none is what one wants."""
