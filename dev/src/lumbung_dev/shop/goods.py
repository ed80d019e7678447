"""What the shop sells: products as an Indonesian shop names them, their variants, cartons and bundles."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from lumbung_dev.shop.barcodes import carton_gtin, piece_gtin

FLASH_SKU = "PB-20K-HTM"
FLASH_BUNDLE = "PKT-MUDIK"


@dataclass(frozen=True, slots=True)
class Product:
    """What several variants have in common. Sizes are of one piece."""

    code: str
    name: str
    weight_g: int
    size_mm: tuple[int, int, int]
    axes: tuple[tuple[str, tuple[str, ...]], ...] = ()
    carton_quantity: int = 0
    fast_mover: bool = False


@dataclass(frozen=True, slots=True)
class Good:
    """One variant: a SKU with stock of its own."""

    sku_code: str
    name: str
    options: tuple[tuple[str, str], ...]
    product: Product
    barcode: str
    carton_barcode: str


@dataclass(frozen=True, slots=True)
class Bundle:
    """A SKU without stock of its own, and what it is made of."""

    sku_code: str
    name: str
    components: tuple[tuple[str, int], ...]


_SHORT = {
    "Hitam": "HTM",
    "Putih": "PTH",
    "Merah": "MRH",
    "Maroon": "MRN",
    "Biru": "BRU",
    "Navy": "NVY",
    "Hijau": "HJU",
    "Sage": "SGE",
    "Abu-abu": "ABU",
    "Pink": "PNK",
    "Krem": "KRM",
    "Coklat": "CKL",
    "Kuning": "KNG",
    "Ungu": "UNG",
    "Mocca": "MCC",
    "Silver": "SLV",
}
_NOT_IN_CODE = re.compile(r"[^A-Z0-9]")


def _colors(*values: str) -> tuple[str, tuple[str, ...]]:
    return ("warna", values)


def _sizes(*values: str) -> tuple[str, tuple[str, ...]]:
    return ("ukuran", values)


def _axis(name: str, *values: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return ((name, values),)


ELECTRONICS = (
    Product(
        "PB-20K",
        "Power Bank 20.000 mAh Fast Charging 22,5 W",
        390,
        (145, 70, 28),
        (_colors("Hitam", "Putih", "Navy"),),
        24,
        fast_mover=True,
    ),
    Product(
        "PB-10K",
        "Power Bank Slim 10.000 mAh PD 20 W",
        210,
        (135, 68, 15),
        (_colors("Hitam", "Putih", "Pink", "Sage"),),
        40,
        fast_mover=True,
    ),
    Product(
        "KBL-CC",
        "Kabel Data Type-C ke Type-C 60 W",
        45,
        (120, 90, 20),
        (*_axis("panjang", "1 m", "2 m"), _colors("Hitam", "Putih")),
        100,
        fast_mover=True,
    ),
    Product(
        "KBL-AC",
        "Kabel USB-A ke Type-C 27 W Nilon",
        40,
        (120, 90, 20),
        (*_axis("panjang", "1 m", "2 m"), _colors("Hitam", "Merah")),
        100,
    ),
    Product(
        "KBL-CL", "Kabel Type-C ke Lightning MFi 1,2 m", 45, (120, 90, 20), (_colors("Putih", "Hitam"),), 100
    ),
    Product(
        "CHG-33",
        "Kepala Charger GaN 33 W 2 Port",
        95,
        (60, 45, 30),
        (_colors("Putih", "Hitam"),),
        60,
        fast_mover=True,
    ),
    Product("CHG-65", "Kepala Charger GaN 65 W 3 Port", 140, (70, 50, 32), (_colors("Putih", "Hitam"),), 48),
    Product(
        "TWS-L1",
        "TWS Earbuds Bluetooth 5.3 Mic ENC",
        60,
        (65, 55, 30),
        (_colors("Hitam", "Putih", "Biru"),),
        50,
        fast_mover=True,
    ),
    Product(
        "HDP-LP", "Headphone Bluetooth Lipat Over-Ear", 260, (190, 170, 80), (_colors("Hitam", "Krem"),), 20
    ),
    Product(
        "SPK-MN",
        "Speaker Mini Waterproof IPX7",
        240,
        (95, 95, 60),
        (_colors("Hitam", "Merah", "Biru", "Hijau"),),
        24,
    ),
    Product(
        "MSE-WL",
        "Mouse Wireless Silent 2,4 GHz",
        85,
        (110, 65, 40),
        (_colors("Hitam", "Putih", "Pink", "Sage"),),
        60,
    ),
    Product(
        "KYB-75",
        "Keyboard Mekanikal 75% Hot-Swap RGB",
        820,
        (330, 140, 45),
        (*_axis("switch", "Red", "Brown", "Blue"), _colors("Hitam", "Putih")),
        10,
    ),
    Product(
        "HLD-MB", "Holder HP Mobil Magnetik Kisi AC", 70, (80, 60, 50), (_colors("Hitam", "Silver"),), 80
    ),
    Product("TRP-16", "Tripod HP Lipat 1,6 m dengan Remote", 480, (350, 70, 70), (), 20),
    Product(
        "LMP-12",
        "Bohlam LED 12 W E27",
        60,
        (70, 70, 130),
        _axis("cahaya", "Putih", "Kuning"),
        50,
        fast_mover=True,
    ),
    Product("RNG-26", "Ring Light LED 26 cm Plus Stand", 900, (300, 300, 70), (), 8),
    Product(
        "TGL-9H",
        "Tempered Glass Anti Gores 9H",
        30,
        (175, 95, 12),
        _axis(
            "tipe",
            "iPhone 13",
            "iPhone 15",
            "Galaxy A15",
            "Galaxy A55",
            "Redmi Note 13",
            "Redmi 13C",
            "Oppo A60",
            "Vivo Y28",
            "Infinix Hot 40",
            "Poco X6",
        ),
        200,
    ),
    Product(
        "CSE-BN",
        "Softcase Bening Anti Crack",
        35,
        (175, 95, 14),
        _axis(
            "tipe",
            "iPhone 13",
            "iPhone 15",
            "Galaxy A15",
            "Galaxy A55",
            "Redmi Note 13",
            "Oppo A60",
            "Poco X6",
        ),
        150,
    ),
    Product(
        "FLD-32",
        "Flashdisk USB 3.2 Metal",
        15,
        (60, 20, 10),
        _axis("kapasitas", "32 GB", "64 GB", "128 GB"),
        100,
    ),
    Product(
        "MSD-A1",
        "Kartu Memori MicroSD Class 10 A1",
        10,
        (60, 40, 5),
        _axis("kapasitas", "64 GB", "128 GB", "256 GB"),
        200,
    ),
    Product("CTV-3M", "Kamera CCTV WiFi Indoor 3 MP", 310, (120, 90, 90), (), 30),
    Product(
        "STK-4L",
        "Stop Kontak 4 Lubang Plus Saklar",
        380,
        (280, 60, 45),
        _axis("kabel", "1,5 m", "3 m", "5 m"),
        30,
    ),
    Product(
        "KPS-LH",
        "Kipas Leher Portable Isi Ulang",
        260,
        (200, 180, 60),
        (_colors("Putih", "Hijau", "Pink"),),
        24,
    ),
    Product(
        "SWT-18",
        "Smartwatch Layar AMOLED 1,8 Inci",
        120,
        (100, 90, 70),
        (_colors("Hitam", "Silver", "Pink"),),
        30,
    ),
)

HOUSEHOLD = (
    Product("RCM-08", "Rice Cooker Mini 0,8 L", 1900, (260, 230, 230), (_colors("Putih", "Sage"),), 6),
    Product(
        "BTM-75",
        "Botol Minum Stainless 750 ml Tahan Panas",
        340,
        (80, 80, 280),
        (_colors("Hitam", "Putih", "Navy", "Pink", "Sage"),),
        24,
        fast_mover=True,
    ),
    Product(
        "TBL-50",
        "Tumbler Kopi 500 ml Anti Tumpah",
        290,
        (85, 85, 190),
        (_colors("Hitam", "Krem", "Maroon"),),
        24,
    ),
    Product(
        "WJN-GR",
        "Wajan Anti Lengket Granit",
        950,
        (480, 280, 80),
        (*_axis("diameter", "20 cm", "24 cm", "28 cm"), _colors("Krem", "Hitam")),
        12,
    ),
    Product("PNC-16", "Panci Susu Stainless 16 cm Tutup Kaca", 620, (330, 180, 120), (), 12),
    Product("PSU-06", "Set Pisau Dapur 6 in 1 Anti Karat", 780, (350, 120, 60), (), 12),
    Product("TLN-BB", "Talenan Bambu Tebal", 700, (380, 260, 20), (_sizes("M", "L"),), 20),
    Product("RAK-SP", "Rak Sepatu Susun Besi", 1800, (620, 200, 120), _axis("tingkat", "4", "5", "6"), 6),
    Product("KLD-LP", "Keranjang Laundry Lipat", 420, (380, 380, 60), (_colors("Abu-abu", "Krem"),), 20),
    Product(
        "HGR-10", "Hanger Baju Anti Slip Isi 10", 400, (420, 230, 60), (_colors("Hitam", "Abu-abu"),), 20
    ),
    Product(
        "SPR-KJ",
        "Sprei Katun Jepang Set Sarung Bantal",
        1300,
        (360, 280, 90),
        (("motif", ("Salur", "Daun", "Polos Abu", "Bunga")), _sizes("120x200", "160x200", "180x200")),
        10,
    ),
    Product(
        "SLM-BH",
        "Selimut Bulu Halus 150x200",
        900,
        (350, 300, 120),
        (_colors("Abu-abu", "Navy", "Coklat"),),
        10,
    ),
    Product("BNT-DC", "Bantal Tidur Dakron Hotel", 850, (650, 430, 130), (), 8),
    Product(
        "HND-MF",
        "Handuk Mandi Microfiber 70x140",
        310,
        (350, 250, 40),
        (_colors("Abu-abu", "Biru", "Krem", "Pink", "Coklat"),),
        40,
    ),
    Product("PEL-PT", "Alat Pel Putar Plus Ember", 2100, (480, 270, 260), (), 4),
    Product(
        "KTM-3S", "Kotak Makan 3 Sekat 1 L", 360, (240, 170, 70), (_colors("Hijau", "Biru", "Pink"),), 24
    ),
    Product(
        "TPL-KU",
        "Toples Kedap Udara Segel Silikon",
        300,
        (110, 110, 180),
        _axis("isi", "500 ml", "1 L", "1,5 L"),
        24,
    ),
    Product("DSB-OT", "Dispenser Sabun Otomatis Sensor", 330, (120, 90, 200), (), 20),
    Product("KST-DT", "Keset Kamar Mandi Diatomit", 900, (600, 390, 10), (_colors("Abu-abu", "Coklat"),), 12),
    Product(
        "GRD-BO",
        "Gorden Blackout Jendela",
        1100,
        (350, 280, 80),
        (_sizes("100x200", "150x200"), _colors("Abu-abu", "Krem", "Navy")),
        10,
    ),
)

FASHION = (
    Product(
        "KOK-LP",
        "Baju Koko Lengan Panjang Katun",
        280,
        (320, 250, 30),
        (_colors("Putih", "Hitam", "Navy"), _sizes("M", "L", "XL")),
        40,
    ),
    Product(
        "KAO-30",
        "Kaos Polos Cotton Combed 30s",
        170,
        (300, 240, 20),
        (_colors("Hitam", "Putih", "Navy", "Maroon", "Abu-abu"), _sizes("S", "M", "L", "XL", "XXL")),
        60,
    ),
    Product(
        "KMJ-FL",
        "Kemeja Flanel Kotak Pria",
        310,
        (320, 250, 35),
        (_colors("Merah", "Navy", "Hijau"), _sizes("M", "L", "XL")),
        30,
    ),
    Product(
        "GMS-CR",
        "Gamis Busui Crinkle Airflow",
        420,
        (330, 270, 40),
        (_colors("Sage", "Mocca", "Hitam", "Maroon"), _sizes("M", "L", "XL")),
        30,
    ),
    Product(
        "HJB-PS",
        "Hijab Pashmina Ceruty Babydoll",
        130,
        (250, 200, 20),
        (_colors("Hitam", "Putih", "Mocca", "Sage", "Navy", "Maroon", "Pink", "Krem", "Abu-abu", "Coklat"),),
        80,
        fast_mover=True,
    ),
    Product(
        "CLN-CH",
        "Celana Chino Slim Fit Pria",
        460,
        (340, 260, 40),
        (_colors("Hitam", "Krem", "Abu-abu"), _sizes("28", "30", "32", "34")),
        30,
    ),
    Product(
        "HDI-FL",
        "Jaket Hoodie Fleece Unisex",
        620,
        (360, 300, 80),
        (_colors("Hitam", "Abu-abu", "Navy"), _sizes("M", "L", "XL")),
        20,
    ),
    Product(
        "SRG-TN",
        "Sarung Tenun Dewasa",
        450,
        (300, 250, 40),
        (("motif", ("Songket", "Kembang", "Garis", "Polos")),),
        30,
    ),
    Product(
        "SDL-GN", "Sandal Gunung Outdoor", 520, (310, 200, 110), (_sizes("39", "40", "41", "42", "43"),), 12
    ),
    Product(
        "SPT-KV",
        "Sepatu Sneakers Kanvas",
        700,
        (320, 210, 120),
        (_colors("Hitam", "Putih"), _sizes("38", "39", "40", "41", "42")),
        12,
    ),
    Product(
        "TAS-LP",
        "Tas Ransel Laptop 15,6 Inci",
        780,
        (460, 320, 120),
        (_colors("Hitam", "Abu-abu", "Navy"),),
        10,
    ),
    Product(
        "DMP-LT", "Dompet Lipat Pria Kulit Sintetis", 120, (120, 100, 25), (_colors("Hitam", "Coklat"),), 60
    ),
    Product(
        "TOP-BB", "Topi Baseball Polos", 90, (270, 190, 120), (_colors("Hitam", "Putih", "Krem", "Navy"),), 50
    ),
    Product(
        "KKI-03",
        "Kaos Kaki Pendek Isi 3 Pasang",
        90,
        (180, 100, 30),
        (_colors("Hitam", "Putih", "Abu-abu"),),
        100,
    ),
    Product(
        "MKN-TV", "Mukena Travel Parasut", 260, (250, 180, 50), (_colors("Pink", "Ungu", "Navy", "Krem"),), 40
    ),
)

DEPARTMENTS = (ELECTRONICS, HOUSEHOLD, FASHION)

BUNDLES = (
    Bundle(FLASH_BUNDLE, "Paket Mudik: Power Bank 20.000 mAh, Kabel 1 m, Charger 33 W", (
        (FLASH_SKU, 1), ("KBL-CC-1M-HTM", 1), ("CHG-33-HTM", 1),
    )),
    Bundle("PKT-WFH", "Paket Kerja dari Rumah: Keyboard, Mouse, Tas Laptop", (
        ("KYB-75-RED-HTM", 1), ("MSE-WL-HTM", 1), ("TAS-LP-HTM", 1),
    )),
    Bundle("PKT-KOS", "Paket Anak Kos: Rice Cooker, Panci, Kotak Makan", (
        ("RCM-08-PTH", 1), ("PNC-16", 1), ("KTM-3S-BRU", 1),
    )),
    Bundle("PKT-KONTEN", "Paket Konten Kreator: Ring Light, Tripod", (("RNG-26", 1), ("TRP-16", 1))),
    Bundle("PKT-LEBARAN", "Paket Lebaran: Baju Koko Putih L, Sarung Songket", (
        ("KOK-LP-PTH-L", 1), ("SRG-TN-SONGKET", 1),
    )),
    Bundle("PKT-KABEL", "Paket Hemat Kabel: 3 Kabel Type-C 1 m", (
        ("KBL-CC-1M-HTM", 2), ("KBL-CC-1M-PTH", 1),
    )),
    Bundle("PKT-LAMPU", "Paket Rumah Terang: 4 Bohlam LED", (("LMP-12-PTH", 4),)),
    Bundle("PKT-KAOS", "Paket Kaos Polos Isi 3 Ukuran L", (
        ("KAO-30-HTM-L", 1), ("KAO-30-PTH-L", 1), ("KAO-30-NVY-L", 1),
    )),
    Bundle("PKT-IP15", "Paket Pelindung iPhone 15: Softcase, Tempered Glass", (
        ("CSE-BN-IPHONE15", 1), ("TGL-9H-IPHONE15", 1),
    )),
    Bundle("PKT-GIZI", "Paket Bekal: Botol Minum, Kotak Makan", (("BTM-75-NVY", 1), ("KTM-3S-HJU", 1))),
)  # fmt: skip


@cache
def all_goods() -> tuple[Good, ...]:
    """Every variant of every product, in the order of the departments."""
    numbers = itertools.count(1)
    return tuple(
        _good(product, options, next(numbers))
        for department in DEPARTMENTS
        for product in department
        for options in _combinations(product)
    )


def good(sku_code: str) -> Good:
    """The variant with this code."""
    return _by_code()[sku_code]


@cache
def _by_code() -> dict[str, Good]:
    return {one.sku_code: one for one in all_goods()}


def _combinations(product: Product) -> Iterator[tuple[tuple[str, str], ...]]:
    names = [name for name, _ in product.axes]
    for values in itertools.product(*(values for _, values in product.axes)):
        yield tuple(zip(names, values, strict=True))


def _good(product: Product, options: tuple[tuple[str, str], ...], number: int) -> Good:
    values = [value for _, value in options]
    return Good(
        sku_code="-".join([product.code, *map(_short, values)]),
        name=" - ".join([product.name, *([", ".join(values)] if values else [])]),
        options=options,
        product=product,
        barcode=piece_gtin(number),
        carton_barcode=carton_gtin(number) if product.carton_quantity else "",
    )


def _short(value: str) -> str:
    return _SHORT.get(value) or _NOT_IN_CODE.sub("", value.upper())
