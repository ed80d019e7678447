"""The marketplace, wired."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
from starlette.applications import Starlette

from lumbung_dev.marketplace.bodies import BadBody
from lumbung_dev.marketplace.buyer_pages import BuyerPages, answer_bad_body
from lumbung_dev.marketplace.seller_api import SellerApi
from lumbung_dev.marketplace.settings import MarketplaceSettings
from lumbung_dev.marketplace.shop import Shop
from lumbung_dev.marketplace.webhook_sender import AT_ONCE, WebhookSender


@dataclass(frozen=True, slots=True)
class Marketplace:
    """The parts of a running marketplace."""

    shop: Shop
    seller_api: SellerApi
    app: Starlette


@asynccontextmanager
async def marketplace(settings: MarketplaceSettings) -> AsyncIterator[Marketplace]:
    """A marketplace whose webhooks are sent until the end."""
    api_key, webhook_secret = settings.keys()
    async with httpx.AsyncClient(limits=httpx.Limits(max_connections=AT_ONCE), trust_env=False) as client:
        sender = WebhookSender(
            client,
            settings.webhook_url,
            webhook_secret,
            duplicate_percent=settings.duplicate_percent,
            reorder_percent=settings.reorder_percent,
            seed=settings.seed,
        )
        shop = Shop(settings.name)
        seller_api = SellerApi(shop, api_key)
        app = Starlette(
            routes=[*seller_api.routes(), *BuyerPages(shop, sender).routes()],
            exception_handlers={BadBody: answer_bad_body},
        )
        try:
            yield Marketplace(shop, seller_api, app)
        finally:
            await sender.close()
