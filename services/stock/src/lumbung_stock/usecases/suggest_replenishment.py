"""Suggest replenishment figures out of what was sold and how long suppliers take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lumbung_kit.failures import FieldViolation
from lumbung_kit.postgres import Conn
from lumbung_stock.domain.replenishment import LeadTimeUnknown, Replenishment
from lumbung_stock.domain.skus import Named
from lumbung_stock.domain.suggestions import Demand, LeadTime, Policy, Suggestion, suggest
from lumbung_stock.stores import replenishment
from lumbung_stock.stores.audit import read_one_snapshot
from lumbung_stock.usecases.require_goods import require_goods


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked. `assumed` counts for SKUs that have no lead time; `supplier_code` empty takes the first."""

    warehouse_code: str
    sku_codes: tuple[str, ...]
    supplier_code: str
    history_days: int
    policy: Policy
    assumed: LeadTime | None


@dataclass(frozen=True, slots=True)
class Suggested:
    """A suggestion beside what it was reckoned from."""

    suggestion: Suggestion
    present: Replenishment
    demand: Demand
    lead_time: LeadTime


async def suggest_replenishment(conn: Conn, question: Question) -> Sequence[Suggested]:
    """In the order asked; reads one snapshot: call it in a transaction of its own.

    Raises what `require_goods` raises, and LeadTimeUnknown.
    """
    await read_one_snapshot(conn)
    house, codes = question.warehouse_code, question.sku_codes
    named = [Named(f"sku_codes[{index}]", code) for index, code in enumerate(codes)]
    await require_goods(conn, house, named)
    known = await replenishment.first_lead_times(conn, house, codes, question.supplier_code)
    if question.assumed is None:
        _require_lead_times([one for one in named if one.code not in known])
    present = await replenishment.present_figures(conn, house, codes)
    demand = await replenishment.demand_of(conn, house, codes, question.history_days)
    found = []
    for code in codes:
        lead_time = known.get(code) or question.assumed
        assert lead_time is not None  # noqa: S101 - required above
        lead_time = replace(lead_time, warehouse_code=house, sku_code=code)
        answer = suggest(demand[code], lead_time, question.policy, assumed=code not in known)
        found.append(
            Suggested(
                answer, present.get(code) or Replenishment(house, code, 0, 0, 0), demand[code], lead_time
            )
        )
    return found


def _require_lead_times(missing: Sequence[Named]) -> None:
    if missing:
        raise LeadTimeUnknown(
            f"Nobody has said how long a supplier takes to deliver {missing[0].code}.",
            metadata={"sku_code": missing[0].code},
            fields=[FieldViolation(one.field, f"{one.code} has no lead time") for one in missing],
        )
