"""Where the shop sells, and which of its goods are listed there; and which couriers fetch the parcels."""

from __future__ import annotations

from dataclasses import dataclass

from lumbung_dev.shop.goods import BUNDLES, FLASH_BUNDLE, FLASH_SKU, all_goods

WEBSITE = "web"


@dataclass(frozen=True, slots=True)
class Marketplace:
    """A marketplace that the shop has an account on."""

    code: str
    title: str
    account: str
    listing_prefix: str
    listed_every: int
    """Of the ordinary goods, every so-manieth is listed here."""

    def listings(self) -> dict[str, str]:
        """Listing id -> the SKU or bundle that it sells."""
        return {
            f"{self.listing_prefix}-{number:05d}": code for number, code in enumerate(self._listed(), start=1)
        }

    def listing_of(self, sku_code: str) -> str:
        """The listing that sells a SKU or bundle."""
        return next(listing for listing, code in self.listings().items() if code == sku_code)

    def _listed(self) -> list[str]:
        ordinary = [good.sku_code for good in all_goods() if good.sku_code != FLASH_SKU]
        bundles = [bundle.sku_code for bundle in BUNDLES if bundle.sku_code != FLASH_BUNDLE]
        return [FLASH_SKU, FLASH_BUNDLE, *ordinary[:: self.listed_every], *bundles]


TOKORIA = Marketplace("tokoria", "Tokoria - Lumbung Jaya Official", "lumbungjaya", "TKR", 2)
BELANJAGO = Marketplace("belanjago", "Belanjago - Lumbung Jaya Store", "lumbung-jaya-store", "BLG", 3)
MARKETPLACES = (TOKORIA, BELANJAGO)


@dataclass(frozen=True, slots=True)
class Courier:
    """A courier service and the hours at which it comes, every day."""

    service: str
    hours: tuple[int, ...]
    ready_before_min: int
    is_default: bool = False


COURIERS = (
    Courier("jne-reg", (11, 15, 19), 15, is_default=True),
    Courier("sicepat-reg", (12, 17), 15),
    Courier("jnt-ez", (13, 18), 15),
    Courier("gosend-sameday", (10, 12, 14, 16), 5),
)
