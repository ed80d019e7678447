"""What count sheets say, in English and in Bahasa Indonesia."""

from __future__ import annotations

from collections.abc import Mapping

from lumbung_dev.chaos.words import Language

PRINTED = ("bin_code", "sku_code", "sku_name", "lot_code", "counted_quantity")
COLUMNS = (*PRINTED, "scan_time", "round_number", "expires_on")
WITHOUT_LOT = "(-)"
"""What stands for the lot of units that have none, where a bin is counted by lot; who writes may put a bare dash."""
REQUIRED = ("bin_code", "sku_code", "counted_quantity")

_ENGLISH = {
    "bin_code": "Bin",
    "sku_code": "SKU",
    "sku_name": "Name",
    "lot_code": "Lot",
    "counted_quantity": "Counted",
    "scan_time": "Counted at",
    "round_number": "Round",
    "expires_on": "Good until",
    "sheet": "Count sheet",
    "round": "round {number}",
    "page": "page {number}",
    "counter": "Counted by:",
    "nothing": "(nothing known here: look, and write 0 when it is empty)",
    "written": "{path} written: {lines} lines to count.",
    "recorded": "{new} counts recorded, {repeated} were known, {empty} lines were not counted.",
    "checked": "Nothing is wrong with {rows} counts; nothing was recorded, as this was a dry run.",
    "refused": "{count} errors; nothing was recorded. Mend the lines and send the file again.",
    "line": 'line {line}, {heading} "{value}": {what}',
    "more": "... and {count} more",
    "problems": "All of them are in {path}.",
    "problem_columns": "Line|Column|Value|What would be right",
    "not_whole": "must be a whole number of units, such as 12",
    "not_time": "must be a time, such as 2026-11-23 14:05",
    "not_round": "must be the number of a round, such as 1",
    "other_round": "the count is in round {round}; what was counted for another round says nothing of it",
    "which_round": "the count is in round {round}: say for which this was counted, here or with --round",
    "not_day": "must be a day, such as 2027-03-31",
    "twice": "is counted on line {line} already: put the sum on one line",
}
_INDONESIAN = {
    "bin_code": "Rak",
    "sku_code": "SKU",
    "sku_name": "Nama",
    "lot_code": "Lot",
    "counted_quantity": "Jumlah",
    "scan_time": "Waktu hitung",
    "round_number": "Putaran",
    "expires_on": "Baik sampai",
    "sheet": "Lembar hitung",
    "round": "putaran {number}",
    "page": "halaman {number}",
    "counter": "Dihitung oleh:",
    "nothing": "(tidak ada yang tercatat: lihat, dan tulis 0 bila kosong)",
    "written": "{path} ditulis: {lines} baris untuk dihitung.",
    "recorded": "{new} hitungan dicatat, {repeated} sudah dikenal, {empty} baris tidak dihitung.",
    "checked": "Tidak ada yang salah pada {rows} hitungan; tidak ada yang dicatat, karena ini hanya uji coba.",
    "refused": "{count} kesalahan; tidak ada yang dicatat. Perbaiki barisnya lalu kirim lagi.",
    "line": 'baris {line}, {heading} "{value}": {what}',
    "more": "... dan {count} lagi",
    "problems": "Semuanya ada di {path}.",
    "problem_columns": "Baris|Kolom|Isi|Yang benar",
    "not_whole": "harus bilangan bulat, misalnya 12",
    "not_time": "harus waktu, misalnya 2026-11-23 14:05",
    "not_round": "harus nomor putaran, misalnya 1",
    "other_round": "penghitungan ini di putaran {round}; hitungan untuk putaran lain tidak berlaku untuknya",
    "which_round": "penghitungan ini di putaran {round}: sebutkan untuk putaran mana ini, di sini atau dengan --round",
    "not_day": "harus tanggal, misalnya 2027-03-31",
    "twice": "sudah dihitung di baris {line}: tulis jumlahnya di satu baris",
}
WORDS: Mapping[Language, Mapping[str, str]] = {Language.EN: _ENGLISH, Language.ID: _INDONESIAN}


def column_of(heading: str) -> str:
    """The column that a heading means, in either language or by its own name; the heading itself when it is unknown."""
    wanted = " ".join(heading.split()).casefold()
    for column in COLUMNS:
        if wanted in (column, *(words[column].casefold() for words in WORDS.values())):
            return column
    return heading
