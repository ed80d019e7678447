"""What the loss drill says, in English and in Bahasa Indonesia."""

from __future__ import annotations

from enum import StrEnum


class Language(StrEnum):
    """Whose words."""

    EN = "en"
    ID = "id"


ENGLISH = {
    "title": "Loss drill: {loss}, in the middle of a sale",
    "data": "Valkey loses all its data",
    "kill": "Valkey is killed",
    "truncate": "Valkey loses the last part of its file",
    "promises": "What Lumbung promises",
    "P1": "never the same unit twice",
    "P2": "what was acknowledged is kept: every sale, and every hold until its deadline",
    "P3": "the same request gets the same answer",
    "P4": "no unit leaks for longer than a minute",
    "P7": "a hold is sold or given back, never both",
    "starting": "starting PostgreSQL, Valkey and two stock replicas",
    "selling": "{buyers} buyers are at it",
    "lost": "now: {loss}",
    "again": "units are given again after [bold]{seconds:.2f} s[/]",
    "counting": "counting: every unit that is free is bought",
    "picture": "holds acknowledged each second",
    "now": "▲ {loss}",
    "back": "△ units are given again, {seconds:.2f} s later",
    "kept": "[bold green]kept[/]",
    "broken": "[bold red]BROKEN[/] {what}",
    "told": "{holds:,} holds and {confirms:,} sales were acknowledged; each was looked up in PostgreSQL afterwards.",
    "good": "Every promise was kept. Recovered in {seconds:.2f} s.",
    "bad": "A promise was broken. Files and logs are kept in {folder}",
}

INDONESIAN = {
    "title": "Latihan kehilangan: {loss}, di tengah obral",
    "data": "Valkey kehilangan seluruh datanya",
    "kill": "Valkey dimatikan paksa",
    "truncate": "Valkey kehilangan bagian akhir berkasnya",
    "promises": "Yang dijanjikan Lumbung",
    "P1": "satu barang tidak pernah dijanjikan dua kali",
    "P2": "yang sudah disetujui tetap berlaku: setiap penjualan, dan setiap titipan sampai tenggatnya",
    "P3": "permintaan yang sama mendapat jawaban yang sama",
    "P4": "tidak ada barang yang hilang dari hitungan lebih dari satu menit",
    "P7": "titipan terjual atau dikembalikan, tidak pernah keduanya",
    "starting": "menyalakan PostgreSQL, Valkey, dan dua replika stock",
    "selling": "{buyers} pembeli sedang berbelanja",
    "lost": "sekarang: {loss}",
    "again": "barang dilayani lagi setelah [bold]{seconds:.2f} detik[/]",
    "counting": "menghitung: semua barang yang masih bebas dibeli",
    "picture": "titipan yang disetujui tiap detik",
    "now": "▲ {loss}",
    "back": "△ barang dilayani lagi, {seconds:.2f} detik kemudian",
    "kept": "[bold green]ditepati[/]",
    "broken": "[bold red]DILANGGAR[/] {what}",
    "told": "{holds:,} titipan dan {confirms:,} penjualan disetujui; semuanya lalu dicari di PostgreSQL.",
    "good": "Semua janji ditepati. Pulih dalam {seconds:.2f} detik.",
    "bad": "Ada janji yang dilanggar. Berkas dan log disimpan di {folder}",
}

WORDS = {Language.EN: ENGLISH, Language.ID: INDONESIAN}
