"""What the marketplace can be told, by its environment or its command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from lumbung_kit.settings import Address


class MarketplaceSettings(BaseSettings):
    """LUMBUNG_MARKETPLACE_* or --name and so on."""

    model_config = SettingsConfigDict(
        env_prefix="LUMBUNG_MARKETPLACE_",
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,
        cli_kebab_case=True,
        cli_prog_name="python -m lumbung_dev.marketplace",
    )

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,23}$")]
    """Its code, such as tokoria."""
    listen: Address = "127.0.0.1:0"
    """Where it answers."""
    webhook_url: str = ""
    """Where it sends webhooks; none are sent when empty."""
    api_key: SecretStr = SecretStr("")
    """Opens the sellers' API."""
    webhook_secret: SecretStr = SecretStr("")
    """Signs the webhooks."""
    secrets_file: Path | None = None
    """Instead of the two above: JSON with {"<name>": {"webhook_secret": ..., "api_key": ...}}."""
    duplicate_percent: Annotated[int, Field(ge=0, le=100)] = 0
    """Share of webhooks that are sent twice."""
    reorder_percent: Annotated[int, Field(ge=0, le=100)] = 0
    """Share of webhooks that are held back, so that later ones overtake them."""
    seed: int = 0
    """Chooses which."""

    def keys(self) -> tuple[str, str]:
        """The API key and the webhook secret. Raises ValueError with a sentence when one is missing."""
        if self.secrets_file is None:
            api_key, webhook_secret = self.api_key.get_secret_value(), self.webhook_secret.get_secret_value()
        else:
            entry = json.loads(self.secrets_file.read_text(encoding="utf-8")).get(self.name, {})
            api_key, webhook_secret = entry.get("api_key", ""), entry.get("webhook_secret", "")
        if not api_key or not webhook_secret:
            raise ValueError(f"{self.name} needs an API key and a webhook secret")
        return api_key, webhook_secret
