"""What one piece costs, in rupiah, for the marketplaces' pages."""

from __future__ import annotations

from lumbung_dev.shop.goods import BUNDLES, good

_BY_PRODUCT = {
    "PB-20K": 189_000, "PB-10K": 139_000, "KBL-CC": 39_000, "KBL-AC": 29_000, "KBL-CL": 79_000,
    "CHG-33": 119_000, "CHG-65": 249_000, "TWS-L1": 149_000, "HDP-LP": 229_000, "SPK-MN": 129_000,
    "MSE-WL": 79_000, "KYB-75": 459_000, "HLD-MB": 45_000, "TRP-16": 99_000, "LMP-12": 25_000,
    "RNG-26": 119_000, "TGL-9H": 19_000, "CSE-BN": 25_000, "FLD-32": 69_000, "MSD-A1": 89_000,
    "CTV-3M": 279_000, "STK-4L": 59_000, "KPS-LH": 85_000, "SWT-18": 319_000,
    "RCM-08": 219_000, "BTM-75": 95_000, "TBL-50": 89_000, "WJN-GR": 129_000, "PNC-16": 99_000,
    "PSU-06": 119_000, "TLN-BB": 49_000, "RAK-SP": 109_000, "KLD-LP": 69_000, "HGR-10": 39_000,
    "SPR-KJ": 189_000, "SLM-BH": 99_000, "BNT-DC": 79_000, "HND-MF": 45_000, "PEL-PT": 149_000,
    "KTM-3S": 49_000, "TPL-KU": 39_000, "DSB-OT": 89_000, "KST-DT": 65_000, "GRD-BO": 139_000,
    "KOK-LP": 159_000, "KAO-30": 55_000, "KMJ-FL": 139_000, "GMS-CR": 179_000, "HJB-PS": 35_000,
    "CLN-CH": 149_000, "HDI-FL": 169_000, "SRG-TN": 119_000, "SDL-GN": 129_000, "SPT-KV": 179_000,
    "TAS-LP": 199_000, "DMP-LT": 59_000, "TOP-BB": 39_000, "KKI-03": 25_000, "MKN-TV": 109_000,
}  # fmt: skip
_BUNDLE_PERCENT = 90


def price_idr(sku_code: str) -> int:
    """Of a SKU, or of a bundle: nine tenths of its parts."""
    for bundle in BUNDLES:
        if bundle.sku_code == sku_code:
            parts = sum(price_idr(part) * quantity for part, quantity in bundle.components)
            return parts * _BUNDLE_PERCENT // 100_000 * 1000
    return _BY_PRODUCT[good(sku_code).product.code]
