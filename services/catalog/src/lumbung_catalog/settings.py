"""What the catalog can be told: LUMBUNG_CATALOG_*."""

from pydantic_settings import SettingsConfigDict

from lumbung_kit.settings import ServiceSettings


class CatalogSettings(ServiceSettings):
    """Nothing beyond what every service can be told."""

    model_config = SettingsConfigDict(env_prefix="LUMBUNG_CATALOG_")
