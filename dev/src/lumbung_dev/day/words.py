"""What the day says, in English and in Bahasa Indonesia."""

from __future__ import annotations

from collections.abc import Mapping

from lumbung_dev.chaos.words import Language

_ENGLISH = {
    "starting": "Lumbung starts",
    "opening": "the shop opens: {bins} bins, {units:,} units, {missing} bins with less than the book says",
    "cast": "{orders:,} buyers, {pickers} pickers, {packers} packers, {couriers} couriers; "
    "{sale} come for {quota} units on sale at one",
    "day": "The day",
    "time": "{clock}  {sold:,} sold, {packed:,} packed, {left:,} on their way, {tours} carts, {km:.1f} km walked",
    "done": "the day of {hours:.0f} hours took {seconds:.0f} s",
    "evening": "The evening",
    "paper": "The same day on paper",
    "lumbung": "Lumbung",
    "s_shape": "first come, S-shape",
    "shortest": "first come, shortest walk",
    "on_time": "on time",
    "late": "late orders",
    "late_h": "hours late, together",
    "walked": "walked",
    "walk_per_line": "walk per line",
    "lines_per_h": "lines per picker and hour",
    "tours": "carts",
    "shipped": "orders shipped",
    "cancelled": "orders cancelled",
    "unsent": "orders that lack goods",
    "short_picks": "short picks",
    "wrong_scans": "wrong scans",
    "last_packed": "last parcel",
    "kept": "kept",
    "broken": "BROKEN",
    "logs": "The logs are in {path}",
}
_INDONESIAN = {
    "starting": "Lumbung dinyalakan",
    "opening": "toko buka: {bins} rak, {units:,} unit, {missing} rak berisi kurang dari catatan",
    "cast": "{orders:,} pembeli, {pickers} pengambil, {packers} pengemas, {couriers} kurir; "
    "{sale} mengejar {quota} unit obral pukul satu",
    "day": "Hari kerja",
    "time": "{clock}  {sold:,} terjual, {packed:,} dikemas, {left:,} berangkat, {tours} troli, {km:.1f} km dijalani",
    "done": "hari kerja {hours:.0f} jam selesai dalam {seconds:.0f} detik",
    "evening": "Malam hari",
    "paper": "Hari yang sama di atas kertas",
    "lumbung": "Lumbung",
    "s_shape": "urut datang, pola S",
    "shortest": "urut datang, jalan terpendek",
    "on_time": "tepat waktu",
    "late": "pesanan terlambat",
    "late_h": "total jam terlambat",
    "walked": "dijalani",
    "walk_per_line": "jalan per baris",
    "lines_per_h": "baris per pengambil per jam",
    "tours": "troli",
    "shipped": "pesanan terkirim",
    "cancelled": "pesanan dibatalkan",
    "unsent": "pesanan kurang barang",
    "short_picks": "pengambilan kurang",
    "wrong_scans": "salah pindai",
    "last_packed": "paket terakhir",
    "kept": "ditepati",
    "broken": "DILANGGAR",
    "logs": "Catatan ada di {path}",
}
_WORDS: Mapping[Language, Mapping[str, str]] = {Language.EN: _ENGLISH, Language.ID: _INDONESIAN}


def say(lang: Language, name: str, **figures: object) -> str:
    """A sentence with its figures."""
    return _WORDS[lang][name].format(**figures)
