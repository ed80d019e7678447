"""What import and export say, in English and in Bahasa Indonesia."""

from __future__ import annotations

from lumbung_dev.chaos.words import Language

_ENGLISH = {
    "reading": "reading",
    "checked": "checked",
    "writing": "writing",
    "counts": "{rows} rows: {new} new, {changed} changed, {same} as they are",
    "problems": "{count} problems; the file with them beside its rows is {path}",
    "applied": "Imported.",
    "dry_run": "Nothing is wrong; nothing was imported, as this was a dry run.",
    "refused": "Nothing was imported. Mend the rows and import the file again.",
    "held": "Nothing was imported. If these are what they should be, say why with --reason.",
    "exported": "{path} written, {size} bytes.",
}
_INDONESIAN = {
    "reading": "membaca",
    "checked": "diperiksa",
    "writing": "menulis",
    "counts": "{rows} baris: {new} baru, {changed} berubah, {same} tetap",
    "problems": "{count} masalah; berkas dengan masalah di samping barisnya adalah {path}",
    "applied": "Sudah diimpor.",
    "dry_run": "Tidak ada yang salah; tidak ada yang diimpor, karena ini hanya uji coba.",
    "refused": "Tidak ada yang diimpor. Perbaiki barisnya lalu impor lagi.",
    "held": "Tidak ada yang diimpor. Jika memang demikian, beri alasan dengan --reason.",
    "exported": "{path} ditulis, {size} bita.",
}
WORDS = {Language.EN: _ENGLISH, Language.ID: _INDONESIAN}
