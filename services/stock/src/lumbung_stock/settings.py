"""Settings of the stock service."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from lumbung_kit.settings import Address, OptionalAddress, ServiceSettings


class StockSettings(ServiceSettings):
    """Read from LUMBUNG_STOCK_*."""

    model_config = SettingsConfigDict(
        env_prefix="LUMBUNG_STOCK_", frozen=True, extra="ignore", hide_input_in_errors=True
    )

    valkey_url: SecretStr
    """The flash sales' gate: one server, or a cluster by several hosts (redis://:password@host:port,host:port/0) or
    by `?cluster=true`."""
    catalog_target: Address
    """Where the catalog answers: its events say which SKUs exist."""
    channel_sync_target: OptionalAddress = ""
    """Where the channel service answers: what listings show is told with why a figure is what it is. Empty: nobody is
    asked."""
    channel_sync_deadline_s: Annotated[float, Field(gt=0, le=60)] = 1.0
    """Whoever asks why a figure is what it is waits no longer for what the channels say."""
    max_concurrent_rpcs: Annotated[int, Field(ge=1)] = 5000
    """A flash sale's buyers come at once, and each waits for the group commit."""
    postgres_connections: Annotated[int, Field(ge=4, le=100)] = 12
    """Most connections to Postgres."""
    valkey_connections: Annotated[int, Field(ge=4, le=1000)] = 64
    """Most connections to Valkey. Each committer of a running sale, or of its pools, waits in one for its journal's
    next entry; when there are more of them, they take turns."""
    valkey_client: Literal["lean", "redis-py"] = "lean"
    """Which client calls the gate's scripts: our own, made for it, or redis-py, which does everything else."""
    valkey_in_flight_max: Annotated[int, Field(ge=1)] = 10_000
    """Script calls that may wait for Valkey's reply; more are refused at once."""
    journal_max: Annotated[int, Field(ge=1)] = 50_000
    """Entries of one sale that may wait for Postgres before the gate refuses more."""
    gate_away_s_max: Annotated[float, Field(gt=0)] = 3.0
    """How long a sale's gate may be away before Postgres serves the sale alone. Longer than Valkey takes to be started
    again, or a cluster to have another primary (about twice its node timeout); shorter than callers wait."""
    gate_steady_s: Annotated[float, Field(gt=0)] = 5.0
    """How long no replica must have missed the gate before the sale is given back to it."""
    reserve_batch_max: Annotated[int, Field(ge=1, le=2000)] = 256
    """Ordinary reservations decided in one transaction."""
    watchers_max: Annotated[int, Field(ge=1, le=20_000)] = 5_000
    """Streams that may watch availability; more are refused."""
    watch_messages_per_s_max: Annotated[int, Field(ge=100)] = 3_000
    """Messages to watchers in a second, over all of them, while the process is busy: the rest of it reserves."""
    waiting_max: Annotated[int, Field(ge=1)] = 10_000
    """Callers that may wait for a decision; more are refused at once."""
    currency_code: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "IDR"
    """The shop's currency, ISO 4217: what unit costs and values of differences are in, in its smallest unit."""
    count_overriders: tuple[str, ...] = ()
    """Actors who may change by hand what a stocktake has locked, as a JSON list (`["staff:rina"]`); each says why."""
