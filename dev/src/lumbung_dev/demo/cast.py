"""Who comes to the sale and what each of them wants: the same people for the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from lumbung_dev.shop.goods import BUNDLES, FLASH_BUNDLE, FLASH_SKU, all_goods
from lumbung_dev.shop.outlets import BELANJAGO, COURIERS, MARKETPLACES, TOKORIA, WEBSITE, Marketplace

LIMIT_PER_CUSTOMER = 1
_GREEDY = 0.03
_CHANGES_MIND = 0.04
_PERSISTENT = 0.15


@dataclass(frozen=True, slots=True)
class Turnout:
    """How many come, and for how many units."""

    quota: int
    sale: Mapping[str, int]
    """Channel -> people who want a power bank on sale."""
    sale_bundles: int
    """Of those on the website: who wants it as part of the bundle."""
    bundles: int
    """Others on the website who buy the bundle at its ordinary price: its power banks are not the sale's."""
    ordinary: Mapping[str, int]
    """Channel -> others who buy something else meanwhile."""
    rush_s: float
    """Everybody comes within this time."""


FULL_HOUSE = Turnout(
    quota=500,
    sale={WEBSITE: 600, TOKORIA.code: 800, BELANJAGO.code: 600},
    sale_bundles=40,
    bundles=30,
    ordinary={WEBSITE: 80, TOKORIA.code: 30, BELANJAGO.code: 20},
    rush_s=3.0,
)
"""2,000 people for 500 power banks, and 160 others."""


class Wish(Enum):
    """What somebody came for."""

    SALE = "a power bank on sale"
    SALE_BUNDLE = "the bundle on sale"
    BUNDLE = "the bundle"
    ORDINARY = "something else"


@dataclass(frozen=True, slots=True)
class Buyer:
    """One person with one basket."""

    name: str
    channel: str
    wish: Wish
    basket: tuple[tuple[str, int], ...]
    arrives_s: float
    courier: str
    changes_mind: bool = False
    """Gives the hold back instead of buying."""
    greedy: bool = False
    """Tries a second time after a success."""
    patience: int = 0
    """How often they come back when it was refused and there is hope."""

    @property
    def wants_sale(self) -> bool:
        return self.wish in (Wish.SALE, Wish.SALE_BUNDLE)


@dataclass(frozen=True, slots=True)
class Cast:
    """Everybody, in order of arrival."""

    buyers: tuple[Buyer, ...]
    quota: int
    seed: int


def cast(seed: int, turnout: Turnout = FULL_HOUSE) -> Cast:
    """Everybody who comes, decided by the seed alone."""
    chance = random.Random(seed)
    people = [
        *_sale_buyers(chance, turnout),
        *_bundle_buyers(chance, turnout),
        *_ordinary_buyers(chance, turnout),
    ]
    return Cast(tuple(sorted(people, key=lambda buyer: buyer.arrives_s)), turnout.quota, seed)


def _sale_buyers(chance: random.Random, turnout: Turnout) -> Iterator[Buyer]:
    for channel, count in turnout.sale.items():
        for number in range(count):
            bundle = channel == WEBSITE and number < turnout.sale_bundles
            yield Buyer(
                name=f"{channel}-{number:04d}",
                channel=channel,
                wish=Wish.SALE_BUNDLE if bundle else Wish.SALE,
                basket=((FLASH_BUNDLE if bundle else FLASH_SKU, 1),),
                arrives_s=chance.uniform(0, turnout.rush_s),
                courier=_courier(chance),
                changes_mind=channel == WEBSITE and chance.random() < _CHANGES_MIND,
                greedy=channel == WEBSITE and chance.random() < _GREEDY,
                patience=2 if chance.random() < _PERSISTENT else 0,
            )


def _bundle_buyers(chance: random.Random, turnout: Turnout) -> Iterator[Buyer]:
    for number in range(turnout.bundles):
        yield Buyer(
            name=f"{WEBSITE}-b{number:03d}",
            channel=WEBSITE,
            wish=Wish.BUNDLE,
            basket=((FLASH_BUNDLE, 1),),
            arrives_s=chance.uniform(0, turnout.rush_s),
            courier=_courier(chance),
        )


def _ordinary_buyers(chance: random.Random, turnout: Turnout) -> Iterator[Buyer]:
    """Each basket holds goods that nobody else buys today, so that every change of a figure has one cause."""
    in_bundles = {sku_code for bundle in BUNDLES for sku_code, _ in bundle.components}
    shelf = [good.sku_code for good in all_goods() if good.sku_code not in in_bundles]
    chance.shuffle(shelf)
    for marketplace in MARKETPLACES:
        for number in range(turnout.ordinary[marketplace.code]):
            yield _ordinary_buyer(
                chance, turnout, marketplace.code, number, [_take_listed(shelf, marketplace)]
            )
    for number in range(turnout.ordinary[WEBSITE]):
        yield _ordinary_buyer(chance, turnout, WEBSITE, number, [shelf.pop() for _ in range(1 + number % 2)])


def _ordinary_buyer(
    chance: random.Random, turnout: Turnout, channel: str, number: int, skus: Sequence[str]
) -> Buyer:
    return Buyer(
        name=f"{channel}-o{number:03d}",
        channel=channel,
        wish=Wish.ORDINARY,
        basket=tuple((sku_code, chance.choice((1, 1, 1, 2))) for sku_code in skus),
        arrives_s=chance.uniform(0, turnout.rush_s),
        courier=_courier(chance),
    )


def _take_listed(shelf: list[str], marketplace: Marketplace) -> str:
    listed = set(marketplace.listings().values())
    return shelf.pop(next(place for place, sku_code in enumerate(shelf) if sku_code in listed))


def _courier(chance: random.Random) -> str:
    return chance.choice(COURIERS).service
