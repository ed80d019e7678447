"""What happens on the day, decided by a seed alone: who buys what and when, who works how fast, and what goes wrong.

Seconds count from midnight by the clock on the warehouse's wall.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from lumbung_dev.shop.goods import FLASH_SKU, Good, all_goods
from lumbung_dev.shop.outlets import COURIERS, Courier
from lumbung_dev.shop.stocking import opening_stock

HOUR = 3600.0
OPENS_S = 6 * HOUR
"""When the first order of the script comes; those of the night come then, one after the other."""
SHIFT_S = 9 * HOUR
"""When people come to work."""
LAST_ORDER_S = 19 * HOUR
SALE_S = 13 * HOUR
"""When the flash sale is."""
_SALE_LASTS_S = 120.0
_SALE_SHARE = 0.15
_SALE_CROWD = 1.25
"""So many come for each unit of the sale."""
_ORDERS_BY_HOUR = (24, 8, 7, 7, 6, 6, 7, 6, 6, 6, 6, 6, 5)
"""From six in the morning, which is when the orders of the night come in."""
PROMISE_LEAD_S = 2 * HOUR
"""The shop's word to buyers: what is ordered so long before a pickup goes along."""

_LINES, _LINES_WEIGHTS = (1, 2, 3, 4, 5), (55, 25, 12, 5, 3)
_UNITS, _UNITS_WEIGHTS = (1, 2, 3), (86, 11, 3)
_FAST_WEIGHT = 12.0
_CANCELS = 0.05
_COURIER_WEIGHTS = {"jne-reg": 35, "sicepat-reg": 25, "jnt-ez": 25, "gosend-sameday": 15}
_SHORT_BINS = 0.06
_DIES_S = 14 * HOUR + 600
_STOCK_OVER_DEMAND = 1.25


@dataclass(frozen=True, slots=True)
class Order:
    """One basket, when it is bought, with whom it leaves, and when its buyer changes their mind, if they do."""

    reference: str
    basket: tuple[tuple[str, int], ...]
    at_s: float
    courier: str
    due_s: float
    """The pickup that the buyer was promised; of tomorrow when it is beyond midnight."""
    cancel_s: float | None = None
    on_sale: bool = False

    @property
    def due_today(self) -> bool:
        return self.due_s < 24 * HOUR


@dataclass(frozen=True, slots=True)
class Worker:
    """A person, and how fast they are. A terminal that dies does so in the first wave after `dies_s`."""

    name: str
    seed: int
    speed_mps: float = 1.0
    per_line_s: float = 20.0
    per_cart_s: float = 180.0
    per_pack_s: float = 60.0
    wrong_scans: float = 0.0
    """The share of picks before which they take the neighbour's item."""
    dies_s: float | None = None


@dataclass(frozen=True, slots=True)
class Script:
    """The whole day."""

    seed: int
    orders: tuple[Order, ...]
    pickers: tuple[Worker, ...]
    packers: tuple[Worker, ...]
    missing: Mapping[tuple[str, str], int]
    """By bin and SKU: units that the book has and the bin has not."""

    @property
    def quota(self) -> int:
        """Units on sale."""
        return round(sum(order.on_sale for order in self.orders) / _SALE_CROWD)

    @property
    def demand(self) -> Mapping[str, int]:
        """Units of each SKU that all buyers together want."""
        wanted: dict[str, int] = {}
        for order in self.orders:
            for sku_code, units in order.basket:
                wanted[sku_code] = wanted.get(sku_code, 0) + units
        return wanted

    def opening(self) -> dict[tuple[str, str], int]:
        """Units by bin and SKU in the morning, by the book: enough of each SKU for almost everybody."""
        of_sku: dict[str, int] = {}
        for lot in opening_stock():
            of_sku[lot.sku_code] = of_sku.get(lot.sku_code, 0) + lot.quantity
        wanted = {sku: round(units * _STOCK_OVER_DEMAND) for sku, units in self.demand.items()}
        factor = {sku: max(1.0, wanted.get(sku, 0) / units) for sku, units in of_sku.items()}
        return {
            (lot.bin_code, lot.sku_code): round(lot.quantity * factor[lot.sku_code])
            for lot in opening_stock()
        }


def write(seed: int, orders: int, pickers: int = 8, packers: int = 7) -> Script:
    """The same for the same seed and numbers."""
    draw = random.Random(f"day {seed} {orders} {pickers} {packers}")
    on_sale = round(orders * _SALE_SHARE)
    bought = sorted(
        [*_ordinary(draw, orders - on_sale), *_rush(draw, round(on_sale * _SALE_CROWD))],
        key=lambda order: order.at_s,
    )
    named = tuple(replace(order, reference=f"HARI-{number:04}") for number, order in enumerate(bought, 1))
    script = Script(
        seed,
        named,
        tuple(_picker(draw, number, dies=number == 3) for number in range(1, pickers + 1)),
        tuple(_packer(draw, number) for number in range(1, packers + 1)),
        {},
    )
    return replace(script, missing=_missing(draw, script.opening()))


def _ordinary(draw: random.Random, count: int) -> Iterator[Order]:
    goods = all_goods()
    weights = _popularity(draw, goods)
    hours = draw.choices(range(len(_ORDERS_BY_HOUR)), _ORDERS_BY_HOUR, k=count)
    for hour in hours:
        size = draw.choices(_LINES, _LINES_WEIGHTS)[0]
        wanted = dict.fromkeys(good.sku_code for good in draw.choices(goods, weights, k=size))
        basket = tuple((sku, draw.choices(_UNITS, _UNITS_WEIGHTS)[0]) for sku in sorted(wanted))
        yield _order(draw, basket, OPENS_S + (hour + draw.random()) * HOUR)


def _rush(draw: random.Random, count: int) -> Iterator[Order]:
    for _ in range(count):
        at_s = SALE_S + min(draw.expovariate(6 / _SALE_LASTS_S), _SALE_LASTS_S)
        yield replace(_order(draw, ((FLASH_SKU, 1),), at_s), on_sale=True)


def _popularity(draw: random.Random, goods: Sequence[Good]) -> list[float]:
    """Few sell much: what is stored to the front, and a long tail."""
    tail = [1.0 / (1 + rank) ** 0.7 for rank in range(len(goods))]
    draw.shuffle(tail)
    return [
        weight * (_FAST_WEIGHT if good.product.fast_mover else 1.0)
        for weight, good in zip(tail, goods, strict=True)
    ]


def _order(draw: random.Random, basket: tuple[tuple[str, int], ...], at_s: float) -> Order:
    (service,) = draw.choices(list(_COURIER_WEIGHTS), list(_COURIER_WEIGHTS.values()))
    cancel_s = at_s + draw.uniform(300, 4 * HOUR) if draw.random() < _CANCELS else None
    return Order("", basket, at_s, service, due_s(service, at_s), cancel_s)


def due_s(service: str, at_s: float) -> float:
    """The pickup that the shop promises who orders then."""
    (courier,) = (courier for courier in COURIERS if courier.service == service)
    earliest = max(at_s, SHIFT_S) + PROMISE_LEAD_S
    return next(pickup for pickup in _pickups(courier) if pickup >= earliest)


def _pickups(courier: Courier) -> Iterator[float]:
    for day in (0, 1):
        yield from ((24 * day + hour) * HOUR for hour in courier.hours)


def _picker(draw: random.Random, number: int, *, dies: bool) -> Worker:
    return Worker(
        f"picker-{number}",
        draw.randrange(2**32),
        speed_mps=draw.uniform(0.8, 1.25),
        per_line_s=draw.uniform(18.0, 34.0),
        per_cart_s=draw.uniform(150.0, 240.0),
        wrong_scans=draw.uniform(0.005, 0.02),
        dies_s=_DIES_S if dies else None,
    )


def _packer(draw: random.Random, number: int) -> Worker:
    return Worker(f"packer-{number}", draw.randrange(2**32), per_pack_s=draw.uniform(50.0, 80.0))


def _missing(draw: random.Random, opening: Mapping[tuple[str, str], int]) -> dict[tuple[str, str], int]:
    """Some bins have less than the book says."""
    return {
        place: draw.randint(max(1, units // 2), units)
        for place, units in sorted(opening.items())
        if place[1] != FLASH_SKU and draw.random() < _SHORT_BINS
    }
