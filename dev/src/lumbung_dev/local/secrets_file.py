"""What channel-sync and each marketplace share: a key for the API, a secret that signs webhooks."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class MarketplaceSecret:
    """Made anew at each start; both sides are told."""

    webhook_secret: str
    api_key: str


def new_secrets(names: Iterable[str]) -> Mapping[str, MarketplaceSecret]:
    """One for each marketplace."""
    return {name: MarketplaceSecret(secrets.token_urlsafe(32), secrets.token_urlsafe(32)) for name in names}


def write_secrets(path: Path, by_name: Mapping[str, MarketplaceSecret]) -> None:
    """As channel-sync reads them; nobody else can."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump({name: asdict(secret) for name, secret in by_name.items()}, file)
