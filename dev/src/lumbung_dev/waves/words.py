"""What the commands for waves say, in English and in Bahasa Indonesia."""

from __future__ import annotations

from collections.abc import Mapping

from lumbung_dev.chaos.words import Language

_ENGLISH = {
    "planning": "planning {orders} orders with {lines} lines",
    "planned": "{carts} carts walk [bold]{walk:.0f} m[/], found in {seconds:.1f} s",
    "hurried": "(the clock hurried the search: this machine is busy or slow, and another run may differ)",
    "first_come": "first come, first served would walk {walk:.0f} m by the shortest ways ({more:+.0f} %)",
    "first_come_s_shape": "and {walk:.0f} m in S-shape ({more:+.0f} %)",
    "late": "{late} orders are late, by {minutes:.1f} min together; the last cart is back after {makespan:.0f} min",
    "due_first": "filled by due time and walked the shortest way: {late} late, by {minutes:.1f} min, {walk:.0f} m",
    "left_out": "[red]larger than a cart, and not planned: {orders}[/]",
    "written": "written to {path}",
    "no_cart": "the plan has {carts} carts: there is no cart {cart}",
    "other_instance": "the plan is not one of this instance: {what}",
    "title": "Cart {cart} of {carts}: {orders} orders, {lines} lines, {walk:.0f} m",
    "walk_s_shape": "the same stops in S-shape: {walk:.0f} m ({more:+.0f} %)",
    "walk_alone": "each of its orders alone: {walk:.0f} m ({more:+.0f} %)",
    "all_carts": "all {carts} carts: {walk:.0f} m; first come, first served: {plain:.0f} m, in S-shape {s_shape:.0f} m",
    "depot": "depot",
    "aisle": "aisle {number}",
}
_INDONESIAN = {
    "planning": "merencanakan {orders} pesanan dengan {lines} baris",
    "planned": "{carts} troli berjalan [bold]{walk:.0f} m[/], ditemukan dalam {seconds:.1f} detik",
    "hurried": "(pencarian dipercepat oleh waktu: mesin ini sibuk atau lambat, dan hasil lain kali bisa berbeda)",
    "first_come": "menurut urutan datang, jalan terpendeknya {walk:.0f} m ({more:+.0f} %)",
    "first_come_s_shape": "dan {walk:.0f} m dengan pola S ({more:+.0f} %)",
    "late": "{late} pesanan terlambat, total {minutes:.1f} menit; troli terakhir kembali setelah {makespan:.0f} menit",
    "due_first": "menurut batas waktu, jalan terpendek: {late} terlambat, {minutes:.1f} menit, {walk:.0f} m",
    "left_out": "[red]lebih besar dari troli, tidak direncanakan: {orders}[/]",
    "written": "ditulis ke {path}",
    "no_cart": "rencana ini punya {carts} troli: tidak ada troli {cart}",
    "other_instance": "rencana ini bukan untuk berkas masukan ini: {what}",
    "title": "Troli {cart} dari {carts}: {orders} pesanan, {lines} baris, {walk:.0f} m",
    "walk_s_shape": "titik yang sama dengan pola S: {walk:.0f} m ({more:+.0f} %)",
    "walk_alone": "tiap pesanan sendiri-sendiri: {walk:.0f} m ({more:+.0f} %)",
    "all_carts": "semua {carts} troli: {walk:.0f} m; urutan datang: {plain:.0f} m, dengan pola S {s_shape:.0f} m",
    "depot": "depo",
    "aisle": "lorong {number}",
}
_WORDS: Mapping[Language, Mapping[str, str]] = {Language.EN: _ENGLISH, Language.ID: _INDONESIAN}


def say(lang: Language, name: str, **figures: object) -> str:
    """A sentence with its figures."""
    return _WORDS[lang][name].format(**figures)


def more_percent(other_m: float, ours_m: float) -> float:
    """How much longer another walk is than ours."""
    return 100.0 * (other_m / ours_m - 1.0) if ours_m else 0.0
