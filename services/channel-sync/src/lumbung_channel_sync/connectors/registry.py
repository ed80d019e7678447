"""Which connector speaks for which platform. A new platform is one folder and one line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lumbung_channel_sync.connectors.contract import Connector, Limits, WebhookReader
from lumbung_channel_sync.connectors.demo_marketplace.client import LIMITS as DEMO_MARKETPLACE_LIMITS
from lumbung_channel_sync.connectors.demo_marketplace.client import DemoMarketplace
from lumbung_channel_sync.connectors.demo_marketplace.webhooks import DemoMarketplaceWebhooks
from lumbung_channel_sync.connectors.http_client import PlatformHttp
from lumbung_channel_sync.domain.channels import ChannelSecret, Platform


@dataclass(frozen=True, slots=True)
class PlatformParts:
    """What one platform's folder offers."""

    limits: Limits
    headers: Callable[[ChannelSecret], Mapping[str, str]]
    connector: Callable[[PlatformHttp], Connector]
    webhooks: WebhookReader


PLATFORMS: Mapping[Platform, PlatformParts] = {
    Platform.DEMO_MARKETPLACE: PlatformParts(
        limits=DEMO_MARKETPLACE_LIMITS,
        headers=lambda secret: {"authorization": f"Bearer {secret.api_key}"},
        connector=DemoMarketplace,
        webhooks=DemoMarketplaceWebhooks(),
    ),
}
