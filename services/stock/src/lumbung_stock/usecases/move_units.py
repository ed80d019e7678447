"""Move free units between pools of one sale, through Postgres, with the epochs of both.

Every pool that gives or takes is fenced off in one transaction, frozen and drained; then its units move in another,
and each gate is made anew out of Postgres. Stopping anywhere leaves pools that are open and not armed, as a recovery
does that has stopped, and whoever watches the gates sets them up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lumbung_kit.logs import get_logger
from lumbung_stock.domain.pools import Move
from lumbung_stock.usecases.sale_ports import SaleLedger
from lumbung_stock.usecases.set_up_gate import SetUpGate

_LOG = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class MoveUnits:
    """Moves units of a sale's SKUs to where a cart needs them."""

    ledger: SaleLedger
    set_up_gate: SetUpGate

    async def __call__(self, moves: Sequence[Move]) -> bool:
        """Whether the units moved; False when a pool had too few of them after all, or others are at work on one.

        Raises StoreUnavailable; then the gates are set up by whoever watches them.
        """
        codes = sorted({code for move in moves for code in move.pools})
        pools = await self.ledger.find_sales(codes)
        epochs = await self.ledger.next_epochs({code: pool.epoch for code, pool in pools.items()})
        if epochs is None:
            return False
        drained = [code for code in codes if await self.set_up_gate.drain(code, epochs[code])]
        moved = drained == codes and await self.ledger.move_units(epochs, moves)
        for code in drained:
            await self.set_up_gate.install(code, epochs[code])
        _LOG.info("units moved between pools", pools=codes, moved=moved, units=sum(m.quantity for m in moves))
        return moved
