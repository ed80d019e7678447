"""What fulfillment can be told: LUMBUNG_FULFILLMENT_*."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from lumbung_kit.settings import Address, ServiceSettings


class FulfillmentSettings(ServiceSettings):
    """Where the other services are, and how long a terminal may be silent."""

    model_config = SettingsConfigDict(env_prefix="LUMBUNG_FULFILLMENT_")

    stock_target: Address
    """host:port of stock."""
    catalog_target: Address
    """host:port of the catalog."""
    wave_lease_s: Annotated[float, Field(ge=1, le=3600)] = 120
    """How long a wave stays with a terminal that says nothing."""
    resource_short_picks: bool = True
    """Whether another warehouse is asked for what no bin has; else a person works the shortfall off."""
    picker_measures: bool = False
    """Whether figures by person are given at all (ListPickerMeasures): the shop decides, with its people."""
    replenishment_lease_s: Annotated[float, Field(ge=1, le=86_400)] = 900
    """How long a replenishment stays with who claimed it: there and back with a pallet."""
