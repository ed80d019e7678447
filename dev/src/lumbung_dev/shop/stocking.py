"""How many of each SKU the warehouse has when the day begins, and in which bins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from lumbung_dev.shop.goods import DEPARTMENTS, FLASH_SKU, Good, all_goods
from lumbung_dev.shop.warehouse import Place, Use, places

FLASH_UNITS = 900
SAFETY_UNITS = 5
"""Kept back from every SKU that sells fast, but for the one on flash sale."""

_FORWARD_UNITS = 60
_SPREAD = 7
"""Neighbouring variants lie this many bins apart, as they do in a warehouse that has grown."""


@dataclass(frozen=True, slots=True)
class Lot:
    """Units of one SKU in one bin."""

    sku_code: str
    bin_code: str
    quantity: int


@cache
def opening_stock() -> tuple[Lot, ...]:
    """Every unit on the shelves. Popular goods lie in several bins, each bin holds one SKU."""
    return (*_fast_movers(), *_all_others())


def units_of(sku_code: str) -> int:
    """How many there are of one SKU."""
    return sum(lot.quantity for lot in opening_stock() if lot.sku_code == sku_code)


def bins_of(sku_code: str) -> list[str]:
    """The bins that one SKU lies in when the day begins."""
    return [lot.bin_code for lot in opening_stock() if lot.sku_code == sku_code]


def safety_stock() -> dict[str, int]:
    """What is kept back of which SKU."""
    return {
        good.sku_code: SAFETY_UNITS
        for good in all_goods()
        if good.product.fast_mover and good.sku_code != FLASH_SKU
    }


def _fast_movers() -> Iterator[Lot]:
    """Some in the forward area, the rest in cartons above the aisles."""
    forward = iter(_scattered([place for place in places() if place.use is Use.FORWARD]))
    bulk = iter(_scattered([place for place in places() if place.use is Use.BULK]))
    for number, good in enumerate(all_goods()):
        if not good.product.fast_mover:
            continue
        for units, source in _shares(good, number):
            yield Lot(good.sku_code, next(forward if source is Use.FORWARD else bulk).code, units)


def _shares(good: Good, number: int) -> Iterator[tuple[int, Use]]:
    if good.sku_code == FLASH_SKU:
        yield from ((180, Use.FORWARD), (180, Use.FORWARD), (180, Use.FORWARD), (FLASH_UNITS - 540, Use.BULK))
    else:
        yield _FORWARD_UNITS, Use.FORWARD
        yield 60 + number * 11 % 80, Use.BULK


def _all_others() -> Iterator[Lot]:
    """In the aisles of their department; every fourth SKU lies in two bins."""
    for department, products in enumerate(DEPARTMENTS):
        aisles = range(1 + 3 * department, 4 + 3 * department)
        free = iter(
            _scattered([place for place in places() if place.use is Use.PICK and place.aisle in aisles])
        )
        goods = [good for good in all_goods() if good.product in products and not good.product.fast_mover]
        for number, good in enumerate(goods):
            for _ in range(2 if number % 4 == 0 else 1):
                yield Lot(good.sku_code, next(free).code, 18 + number * 7 % 30)


def _scattered(bins: Sequence[Place]) -> list[Place]:
    return [bins[place] for start in range(_SPREAD) for place in range(start, len(bins), _SPREAD)]
