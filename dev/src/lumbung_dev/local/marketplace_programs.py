"""How the demo's marketplaces are started, each as a process of its own."""

from __future__ import annotations

from lumbung_dev.local.health import http_answers
from lumbung_dev.local.program import Program
from lumbung_dev.local.service_programs import Wiring
from lumbung_dev.shop.outlets import MARKETPLACES, Marketplace

_DUPLICATE_PERCENT = 5
_REORDER_PERCENT = 3
"""Marketplaces repeat and overtake themselves; ours do it on purpose."""


def marketplace_programs(wiring: Wiring) -> list[Program]:
    """One for each marketplace."""
    return [_program(wiring, marketplace) for marketplace in MARKETPLACES]


def _program(wiring: Wiring, marketplace: Marketplace) -> Program:
    address = wiring.addresses.of(marketplace.code)
    secret = wiring.secrets[marketplace.code]
    return Program(
        name=marketplace.code,
        module="lumbung_dev.marketplace",
        environment={
            "LUMBUNG_MARKETPLACE_NAME": marketplace.code,
            "LUMBUNG_MARKETPLACE_LISTEN": address,
            "LUMBUNG_MARKETPLACE_API_KEY": secret.api_key,
            "LUMBUNG_MARKETPLACE_WEBHOOK_SECRET": secret.webhook_secret,
            "LUMBUNG_MARKETPLACE_WEBHOOK_URL": f"http://{wiring.addresses.webhooks}/webhooks/{marketplace.code}",
            "LUMBUNG_MARKETPLACE_DUPLICATE_PERCENT": str(_DUPLICATE_PERCENT),
            "LUMBUNG_MARKETPLACE_REORDER_PERCENT": str(_REORDER_PERCENT),
        },
        is_ready=http_answers(f"http://{address}/status.json?listing_id=none"),
    )
