"""Safety stock, reorder point and reorder quantity out of what was sold and how long a supplier takes.

Safety stock for demand and lead time that vary independently of each other:

    safety stock = z * sqrt(L * s^2 + (m * D)^2)

m, s: mean and standard deviation of a day's sales; L, D: those of the lead time in days; z: the standard normal's
quantile of the service level, which is the probability that a cycle ends without a stockout. P. L. King, "Crack the
Code: Understanding Safety Stock and Mastering Its Equations", APICS Magazine, July/August 2011; E. A. Silver,
D. F. Pyke and D. J. Thomas, "Inventory and Production Management in Supply Chains", 4th ed., 2017, chapter 6.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from math import ceil, sqrt
from statistics import NormalDist, fmean, stdev

UNITS_MAX = 1_000_000
DAYS_PER_YEAR = 365
SHORT_HISTORY_DAYS = 14
LUMPY_INTERVAL_DAYS, LUMPY_VARIATION = 1.32, 0.49
"""Syntetos, Boylan and Croston, "On the categorization of demand patterns", J. Oper. Res. Soc. 56, 2005."""
_NOISE_DIGITS = 6
"""Before rounding up: what floating point adds to a whole number is no unit."""


class Note(IntEnum):
    """What a person should know; numbers as in the contract."""

    NO_DEMAND = 1
    SHORT_HISTORY = 2
    LUMPY_DEMAND = 3
    OUT_OF_STOCK = 4
    ASSUMED_LEAD_TIME = 5
    CAPPED = 6


LeadTimeKey = tuple[str, str, str]
"""(warehouse, SKU, supplier)."""


@dataclass(frozen=True, slots=True)
class LeadTime:
    """How long a supplier takes, in days, and in which packs it delivers."""

    warehouse_code: str
    sku_code: str
    supplier_code: str
    mean_days: float
    deviation_days: float
    pack_size: int = 1
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Demand:
    """Units sold on each day that says something about demand; `returned` came back and are not among them."""

    units: tuple[int, ...]
    days_out_of_stock: int = 0
    returned: int = 0

    @property
    def mean(self) -> float:
        """Units a day."""
        return fmean(self.units) if self.units else 0.0

    @property
    def deviation(self) -> float:
        """Of a day's units, of a sample; that of one day is taken to be Poisson's."""
        return stdev(self.units) if len(self.units) > 1 else sqrt(self.mean)

    @property
    def is_lumpy(self) -> bool:
        """Whether sales are both rare and uneven in size."""
        sales = [units for units in self.units if units > 0]
        if len(sales) < 2:
            return 0 < len(sales) < len(self.units)
        variation = (stdev(sales) / fmean(sales)) ** 2
        return len(self.units) / len(sales) > LUMPY_INTERVAL_DAYS and variation > LUMPY_VARIATION


@dataclass(frozen=True, slots=True)
class Costs:
    """Of one order, and of keeping one unit for a year."""

    per_order: float
    per_unit_and_year: float


@dataclass(frozen=True, slots=True)
class Policy:
    """What a shop wants: how sure, and how much at once (by `costs` when given, else to cover so many days)."""

    service_level: float
    days_of_cover: int
    costs: Costs | None = None


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Figures in whole base units, with what they were reckoned from."""

    safety_stock: int
    reorder_point: int
    reorder_quantity: int
    z: float
    lead_time_demand: float
    lead_time_deviation: float
    order_size: float
    notes: tuple[Note, ...]


def suggest(demand: Demand, lead_time: LeadTime, policy: Policy, *, assumed: bool = False) -> Suggestion:
    """The figures for one SKU. Without demand all of them are 0."""
    z = NormalDist().inv_cdf(policy.service_level)
    expected = demand.mean * lead_time.mean_days
    spread = sqrt(lead_time.mean_days * demand.deviation**2 + (demand.mean * lead_time.deviation_days) ** 2)
    size = order_size(demand, policy)
    safety = _up(z * spread)
    wanted = (safety, _up(expected) + safety, _in_packs(size, lead_time.pack_size))
    figures = (min(wanted[0], UNITS_MAX), min(wanted[1], UNITS_MAX), _capped(wanted[2], lead_time.pack_size))
    notes = _notes(demand, assumed=assumed, capped=figures != wanted)
    return Suggestion(*figures, z, expected, spread, size, notes)


def order_size(demand: Demand, policy: Policy) -> float:
    """Units to order at once, before they are rounded to packs.

    The economic order quantity is F. W. Harris', "How many parts to make at once", 1913.
    """
    if policy.costs is None:
        return demand.mean * policy.days_of_cover
    yearly = demand.mean * DAYS_PER_YEAR
    return sqrt(2 * yearly * policy.costs.per_order / policy.costs.per_unit_and_year)


def _notes(demand: Demand, *, assumed: bool, capped: bool) -> tuple[Note, ...]:
    true = {
        Note.NO_DEMAND: not any(demand.units),
        Note.SHORT_HISTORY: len(demand.units) < SHORT_HISTORY_DAYS,
        Note.LUMPY_DEMAND: demand.is_lumpy,
        Note.OUT_OF_STOCK: demand.days_out_of_stock > 0,
        Note.ASSUMED_LEAD_TIME: assumed,
        Note.CAPPED: capped,
    }
    return tuple(note for note, is_true in true.items() if is_true)


def _up(units: float) -> int:
    return ceil(round(units, _NOISE_DIGITS))


def _in_packs(units: float, pack_size: int) -> int:
    return -(-_up(units) // pack_size) * pack_size


def _capped(units: int, pack_size: int) -> int:
    """Whole packs within the bound; one pack always fits."""
    return min(units, UNITS_MAX // pack_size * pack_size)
