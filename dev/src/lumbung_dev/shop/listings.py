"""The shop's goods put up for sale on a marketplace, through the marketplace's own API."""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from lumbung_dev.shop.goods import BUNDLES, good
from lumbung_dev.shop.outlets import Marketplace
from lumbung_dev.shop.prices import price_idr

_BUNDLE_NAMES = {bundle.sku_code: bundle.name for bundle in BUNDLES}


@dataclass(frozen=True, slots=True)
class Account:
    """How the seller reaches a marketplace."""

    base_url: str
    api_key: str


async def put_up_for_sale(marketplace: Marketplace, account: Account) -> None:
    """Titles and prices; the figures come from channel-sync."""
    rows = [
        {
            "listing_id": listing,
            "title": _BUNDLE_NAMES.get(sku_code) or good(sku_code).name,
            "seller_sku": sku_code,
            "price_idr": price_idr(sku_code),
        }
        for listing, sku_code in marketplace.listings().items()
    ]
    headers = {"authorization": f"Bearer {account.api_key}"}
    async with httpx.AsyncClient(base_url=account.base_url, headers=headers, trust_env=False) as client:
        (await client.put("/api/listings", json={"listings": rows})).raise_for_status()
