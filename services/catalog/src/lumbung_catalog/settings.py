"""What the catalog can be told: LUMBUNG_CATALOG_*."""

from pydantic_settings import SettingsConfigDict

from lumbung_kit.settings import OptionalAddress, ServiceSettings


class CatalogSettings(ServiceSettings):
    """Who knows whether a SKU is used: asked before one is corrected, and by nothing else."""

    model_config = SettingsConfigDict(env_prefix="LUMBUNG_CATALOG_")

    stock_target: OptionalAddress = ""
    """host:port of stock. Empty: no SKU is corrected, as nobody knows which are used."""
    channel_sync_target: OptionalAddress = ""
    """host:port of channel-sync. Empty: there are no listings."""
