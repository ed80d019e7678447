"""How each service is started: its module and its environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lumbung_dev.local.addresses import Addresses
from lumbung_dev.local.health import grpc_serves
from lumbung_dev.local.program import Program
from lumbung_dev.local.secrets_file import MarketplaceSecret

DRAIN_S = 5


@dataclass(frozen=True, slots=True)
class Wiring:
    """What the services have to know of each other and of the servers."""

    addresses: Addresses
    postgres_urls: Mapping[str, str]
    valkey_url: str
    secrets: Mapping[str, MarketplaceSecret]
    secrets_file: Path
    otlp_endpoint: str
    trace_ratio: float


def service_programs(wiring: Wiring) -> list[Program]:
    """The four services, in the order in which they are stopped last to first."""
    at = wiring.addresses
    return [
        _program(wiring, "catalog", {"STOCK_TARGET": at.stock, "CHANNEL_SYNC_TARGET": at.channel_sync}),
        _program(
            wiring,
            "stock",
            {
                "VALKEY_URL": wiring.valkey_url,
                "CATALOG_TARGET": at.catalog,
                "CHANNEL_SYNC_TARGET": at.channel_sync,
            },
        ),
        _program(wiring, "fulfillment", {"STOCK_TARGET": at.stock, "CATALOG_TARGET": at.catalog}),
        _program(
            wiring,
            "channel-sync",
            {
                "STOCK_TARGET": at.stock,
                "WEBHOOK_LISTEN": at.webhooks,
                "SECRETS_FILE": str(wiring.secrets_file),
            },
        ),
    ]


def _program(wiring: Wiring, service: str, own: Mapping[str, str]) -> Program:
    address = wiring.addresses.of(service)
    common = {
        "LISTEN": address,
        "POSTGRES_URL": wiring.postgres_urls[service],
        "OTLP_ENDPOINT": wiring.otlp_endpoint,
        "TRACE_RATIO": str(wiring.trace_ratio),
        "DRAIN_S": str(DRAIN_S),
    }
    module = service.replace("-", "_")
    return Program(
        name=service,
        module=f"lumbung_{module}",
        environment={f"LUMBUNG_{module.upper()}_{key}": value for key, value in {**common, **own}.items()},
        is_ready=grpc_serves(address),
    )
