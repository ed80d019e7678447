"""Which servers to use instead of the embedded ones, from the environment."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from lumbung_kit.embedded.valkey import AppendFsync


class EmbeddedSettings(BaseSettings):
    """Read from LUMBUNG_POSTGRES_URL and so on. A URL replaces the embedded server; a program runs in its
    place.
    """

    model_config = SettingsConfigDict(env_prefix="LUMBUNG_", frozen=True, extra="ignore")

    postgres_url: SecretStr | None = None
    """A superuser's URL (or one that may create roles and databases) of a PostgreSQL server to use."""
    valkey_url: SecretStr | None = None
    """URL of a Valkey or Redis server to use."""
    postgres_bin: Path | None = None
    """Folder with the programs `postgres` and `initdb` of PostgreSQL 18."""
    postgres_standbys_max: int = Field(default=0, ge=0, le=10)
    """Standbys that may follow the embedded server; with none it writes less."""
    valkey_bin: Path | None = None
    """valkey-server (or redis-server) program to run."""
    valkey_append_fsync: AppendFsync = "always"
    """When Valkey syncs its append-only file: before each reply, or every second."""
