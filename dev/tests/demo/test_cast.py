"""The demo's people are the same for the same seed, and their baskets let each figure's change have one cause."""

from __future__ import annotations

from collections import Counter

from lumbung_dev.demo.cast import Wish, cast
from lumbung_dev.shop.outlets import BELANJAGO, TOKORIA, WEBSITE


def test_same_seed_brings_the_same_people(seed: int) -> None:
    assert cast(seed) == cast(seed)
    assert cast(seed).buyers != cast(seed + 1).buyers


def test_two_thousand_want_the_sale_over_three_channels(seed: int) -> None:
    wanting = [buyer for buyer in cast(seed).buyers if buyer.wants_sale]
    assert len(wanting) == 2000
    assert {buyer.channel for buyer in wanting} == {WEBSITE, TOKORIA.code, BELANJAGO.code}
    assert len({buyer.name for buyer in cast(seed).buyers}) == len(cast(seed).buyers)


def test_ordinary_goods_are_bought_once_each_and_where_they_are_listed(seed: int) -> None:
    ordinary = [buyer for buyer in cast(seed).buyers if buyer.wish is Wish.ORDINARY]
    bought = Counter(sku_code for buyer in ordinary for sku_code, _ in buyer.basket)
    assert max(bought.values()) == 1
    for marketplace in (TOKORIA, BELANJAGO):
        listed = set(marketplace.listings().values())
        baskets = [buyer.basket for buyer in ordinary if buyer.channel == marketplace.code]
        assert {sku_code for basket in baskets for sku_code, _ in basket} <= listed
