"""Replenishment requests, checked, as domain objects."""

from __future__ import annotations

from collections.abc import Sequence

from lumbung.stock.v1 import inventory_pb2
from lumbung.stock.v1 import replenishment_pb2 as pb
from lumbung_kit.validate import Check
from lumbung_stock.domain.replenishment import Replenishment
from lumbung_stock.domain.suggestions import Costs, LeadTime, LeadTimeKey, Policy
from lumbung_stock.entrypoints.inventory_messages import UNITS_MAX, replenishment_of, warehouse_code_of
from lumbung_stock.entrypoints.reservation_messages import optional_code
from lumbung_stock.usecases.suggest_replenishment import Question

BATCH_MAX = 500
SKUS_MAX = 100
DAYS_MAX = 730
COST_MAX = 1e15
SERVICE_LEVEL, SERVICE_LEVEL_MIN, SERVICE_LEVEL_MAX = 0.95, 0.5, 0.9999
HISTORY_DAYS = 90
COVER_DAYS = 30


def figures_of(check: Check, asked: Sequence[inventory_pb2.Replenishment]) -> list[Replenishment]:
    """Figures of many SKUs, each once in a warehouse."""
    field = "replenishments"
    some = check.items(field, asked, maximum=BATCH_MAX)
    figures = [replenishment_of(check, one, f"{field}[{index}]") for index, one in enumerate(some)]
    _each_once(check, [(f"{field}[{index}].sku_code", each.key) for index, each in enumerate(figures)])
    return figures


def lead_times_of(check: Check, asked: Sequence[pb.LeadTime]) -> list[LeadTime]:
    """Lead times of many SKUs, each once of a supplier and a warehouse."""
    said, keys = [], []
    for index, one in enumerate(check.items("lead_times", asked, maximum=BATCH_MAX)):
        field = f"lead_times[{index}]"
        warehouse = warehouse_code_of(check, one.warehouse_code, f"{field}.warehouse_code")
        sku = check.code(f"{field}.sku_code", one.sku_code)
        supplier = check.code(f"{field}.supplier_code", one.supplier_code)
        said.append(_lead_time_of(check, one, field, (warehouse, sku, supplier)))
        keys.append((f"{field}.supplier_code", (warehouse, sku, supplier)))
    _each_once(check, keys)
    return said


def lead_time_keys_of(check: Check, asked: Sequence[pb.LeadTimeName]) -> list[LeadTimeKey]:
    """Which lead times, each once."""
    named = []
    for index, one in enumerate(check.items("lead_times", asked, maximum=BATCH_MAX)):
        field = f"lead_times[{index}]"
        warehouse = warehouse_code_of(check, one.warehouse_code, f"{field}.warehouse_code")
        sku = check.code(f"{field}.sku_code", one.sku_code)
        supplier = check.code(f"{field}.supplier_code", one.supplier_code)
        named.append((f"{field}.supplier_code", (warehouse, sku, supplier)))
    _each_once(check, named)
    return [key for _, key in named]


def question_of(check: Check, request: pb.SuggestReplenishmentRequest) -> Question:
    """What suggestions are asked for."""
    warehouse = warehouse_code_of(check, request.warehouse_code)
    some = check.items("sku_codes", request.sku_codes, maximum=SKUS_MAX)
    codes = tuple(check.code(f"sku_codes[{index}]", code) for index, code in enumerate(some))
    _each_once(check, [(f"sku_codes[{index}]", (code,)) for index, code in enumerate(codes)])
    return Question(
        warehouse_code=warehouse,
        sku_codes=codes,
        supplier_code=optional_code(check, "supplier_code", request.supplier_code),
        history_days=check.whole(
            "history_days", request.history_days or HISTORY_DAYS, minimum=1, maximum=DAYS_MAX
        ),
        policy=_policy_of(check, request),
        assumed=_assumed_of(check, request),
    )


def _policy_of(check: Check, request: pb.SuggestReplenishmentRequest) -> Policy:
    level = _number(
        check,
        "service_level",
        request.service_level or SERVICE_LEVEL,
        SERVICE_LEVEL_MIN,
        SERVICE_LEVEL_MAX,
    )
    costs, days = None, COVER_DAYS
    if request.WhichOneof("order_size") == "costs":
        asked = request.costs
        costs = Costs(
            _number(check, "costs.per_order", asked.per_order, 1e-6, COST_MAX),
            _number(check, "costs.per_unit_and_year", asked.per_unit_and_year, 1e-6, COST_MAX),
        )
    elif request.WhichOneof("order_size") == "days_of_cover":
        days = check.whole("days_of_cover", request.days_of_cover, minimum=1, maximum=DAYS_MAX)
    return Policy(level, days, costs)


def _assumed_of(check: Check, request: pb.SuggestReplenishmentRequest) -> LeadTime | None:
    if not request.HasField("assumed_lead_time"):
        return None
    assumed = request.assumed_lead_time
    for name in ("warehouse_code", "sku_code", "supplier_code"):
        if getattr(assumed, name):
            check.add(f"assumed_lead_time.{name}", "must be empty: it is assumed of every SKU that has none")
    return _lead_time_of(check, assumed, "assumed_lead_time", ("", "", ""))


def _lead_time_of(check: Check, one: pb.LeadTime, field: str, key: tuple[str, str, str]) -> LeadTime:
    return LeadTime(
        *key,
        mean_days=_number(check, f"{field}.mean_days", one.mean_days, 0, DAYS_MAX),
        deviation_days=_number(check, f"{field}.deviation_days", one.deviation_days, 0, DAYS_MAX),
        pack_size=check.quantity(f"{field}.pack_size", one.pack_size or 1, maximum=UNITS_MAX),
        priority=check.whole(f"{field}.priority", one.priority, minimum=0, maximum=UNITS_MAX),
    )


def _number(check: Check, field: str, value: float, minimum: float, maximum: float) -> float:
    """A number within bounds, which neither NaN nor an infinity is."""
    if not minimum <= value <= maximum:
        check.add(field, f"must be between {minimum:g} and {maximum:g}, not {value:g}")
        return minimum
    return value


def _each_once(check: Check, named: Sequence[tuple[str, tuple[str, ...]]]) -> None:
    seen: set[tuple[str, ...]] = set()
    for field, key in named:
        if key in seen and all(key):
            check.add(field, f"must occur once; {' '.join(key)} came before")
        seen.add(key)
