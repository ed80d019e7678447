"""Whether a gate and the escrow agree, while both are at work (P4).

What the gate may still give, what it has given that is not in Postgres yet, and what it has not been told of must
together be what Postgres has free. Postgres is read before and after the gate: when it has not changed meanwhile, the
three belong together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

Units = Mapping[str, int]
"""Units by SKU."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A sale's or pool's escrow in Postgres, at one instant.

    `credits` are those that the gate has not been told of, as (hold, what it keeps); `additions` likewise, as (id, SKU,
    units). `known` are those of the holds asked about which Postgres has a row for.
    """

    remaining: Units
    credits: Sequence[tuple[UUID, Units]] = ()
    additions: Sequence[tuple[UUID, str, int]] = ()
    known: frozenset[UUID] = frozenset()

    def unchanged(self, later: Standing) -> bool:
        """Whether nothing has happened between the two."""
        return (self.remaining, self.credits, self.additions) == (
            later.remaining,
            later.credits,
            later.additions,
        )


@dataclass(frozen=True, slots=True)
class GateStanding:
    """A gate at one instant.

    `seq` counts journal entries of this epoch; `unbroken` says whether the journal has all of those from its oldest to
    the newest. `on_the_way` are granted holds in the journal. `records` has what the gate knows of these holds, and of
    the ids that were asked about: the units they have there.
    """

    armed: bool
    epoch: int
    seq: int
    unbroken: bool
    free: Units
    on_the_way: Sequence[UUID] = ()
    records: Mapping[UUID, Units] = field(default_factory=dict)


def gap(gate: GateStanding, escrow: Standing) -> dict[str, int]:
    """Units by SKU that the gate has beyond the escrow (or, below zero, that it lacks); empty when they agree."""
    total: Counter[str] = Counter(gate.free)
    for hold in set(gate.on_the_way) - escrow.known:
        total.update(gate.records.get(hold, {}))
    for hold, kept in _kept_in_the_end(escrow.credits).items():
        record = gate.records.get(hold, {})
        total.update({sku: max(0, units - kept.get(sku, 0)) for sku, units in record.items()})
    for addition, sku, units in escrow.additions:
        if addition not in gate.records:
            total[sku] += units
    total.subtract(escrow.remaining)
    return {sku: units for sku, units in sorted(total.items()) if units}


def _kept_in_the_end(credits_due: Sequence[tuple[UUID, Units]]) -> dict[UUID, dict[str, int]]:
    """What each hold keeps once the gate has been told of all its credits: a hold never grows."""
    found: dict[UUID, dict[str, int]] = {}
    for hold, kept in credits_due:
        before = found.get(hold)
        found[hold] = (
            dict(kept)
            if before is None
            else {sku: min(units, kept.get(sku, 0)) for sku, units in before.items()}
        )
    return found
