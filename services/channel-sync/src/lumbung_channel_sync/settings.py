"""What channel-sync can be told by its environment, `LUMBUNG_CHANNEL_SYNC_...`."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from lumbung_kit.settings import Address, ServiceSettings


class ChannelSyncSettings(ServiceSettings):
    """Read once, at the start."""

    model_config = SettingsConfigDict(
        env_prefix="LUMBUNG_CHANNEL_SYNC_", frozen=True, extra="ignore", hide_input_in_errors=True
    )

    stock_target: str
    """The stock service, for gRPC, such as 127.0.0.1:50051."""
    webhook_listen: Address = "127.0.0.1:0"
    """Where channels post their webhooks, over HTTP; TLS ends before it."""
    secrets_file: Path | None = None
    """JSON, mode 600: secret reference -> {"webhook_secret": ..., "api_key": ...}."""
    instance: Annotated[str, Field(min_length=1, max_length=100)] = socket.gethostname()[:100]
    """This process's name among its replicas; it takes up its own claims when it starts again."""
    webhook_body_max_bytes: Annotated[int, Field(ge=1024, le=16 * 1024 * 1024)] = 256 * 1024
    """A longer delivery is refused before it is read."""
    orders_in_flight_max: Annotated[int, Field(ge=1, le=1000)] = 96
    """Orders that stock is asked about at the same time."""
    push_interval_s: Annotated[float, Field(ge=0, le=60)] = 0.05
    """The least time between two passes over what is due: what changes meanwhile is sent once, with its last figure."""
    reconcile_interval_s: Annotated[float, Field(gt=0, le=86_400)] = 30.0
    """How often each channel's own figures are read and compared."""
    second_look_s: Annotated[float, Field(ge=0, le=60)] = 2.0
    """How soon a listing that differs is looked at again, before it counts as drift."""
    platform_timeout_s: Annotated[float, Field(gt=0, le=60)] = 10.0
    """For one call to a platform."""
