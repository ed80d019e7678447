"""Suggested moves, why they are suggested, and how people are told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class MoveReason(Enum):
    """Why a move is suggested."""

    WITH_ITS_OWN = "with_its_own"
    FAST_NEAR_DEPOT = "fast_near_depot"
    FREE_PLACE = "free_place"
    BEHIND_FACE = "behind_face"
    NO_PLACE = "no_place"
    RUNS_DRY = "runs_dry"
    BELOW_MINIMUM = "below_minimum"
    NEARER = "nearer"
    CHANGES_PLACES = "changes_places"
    ITS_FACE = "its_face"


@dataclass(frozen=True, slots=True)
class Move:
    """So many of a SKU from one bin to another. Goods that were received come from no bin."""

    sku_code: str
    quantity: int
    to_bin_code: str
    reason: MoveReason
    from_bin_code: str = ""
    lot_code: str = ""
    needed_time: datetime | None = None
    swap_sku_code: str = ""
    swap_quantity: int = 0
    saved_m_per_walk: float = 0.0
    """Metres that one wave is shorter by, on average."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """The same in two languages."""

    english: str
    indonesian: str


_SENTENCES = {
    MoveReason.WITH_ITS_OWN: Sentence(
        "{sku_code} lies in {to_bin_code} already, and there is room.",
        "{sku_code} sudah ada di {to_bin_code}, dan masih ada tempat.",
    ),
    MoveReason.ITS_FACE: Sentence(
        "{to_bin_code} was set as the pick face of {sku_code}.",
        "{to_bin_code} sudah ditetapkan sebagai lokasi ambil {sku_code}.",
    ),
    MoveReason.FAST_NEAR_DEPOT: Sentence(
        "{sku_code} is picked often, and {to_bin_code} is free and near the depot.",
        "{sku_code} sering diambil, dan {to_bin_code} kosong serta dekat depo.",
    ),
    MoveReason.FREE_PLACE: Sentence(
        "Of the free places, {to_bin_code} suits best how often {sku_code} is picked.",
        "Dari lokasi yang kosong, {to_bin_code} paling sesuai dengan seberapa sering {sku_code} diambil.",
    ),
    MoveReason.BEHIND_FACE: Sentence(
        "The pick face of {sku_code} is full; keep the rest in bulk bin {to_bin_code}.",
        "Lokasi ambil {sku_code} sudah penuh; simpan sisanya di lokasi cadangan {to_bin_code}.",
    ),
    MoveReason.NO_PLACE: Sentence(
        "No bin has room for {quantity} of {sku_code}: make room, or say how much more the bins hold.",
        "Tidak ada lokasi yang cukup untuk {quantity} {sku_code}: kosongkan tempat, atau perbarui kapasitas lokasi.",
    ),
    MoveReason.RUNS_DRY: Sentence(
        "Known orders will empty {to_bin_code}: bring {quantity} of {sku_code} from {from_bin_code}.",
        "Pesanan yang ada akan menghabiskan {to_bin_code}: bawa {quantity} {sku_code} dari {from_bin_code}.",
    ),
    MoveReason.BELOW_MINIMUM: Sentence(
        "{to_bin_code} falls below its minimum: bring {quantity} of {sku_code} from {from_bin_code}.",
        "Isi {to_bin_code} di bawah batas minimum: bawa {quantity} {sku_code} dari {from_bin_code}.",
    ),
    MoveReason.NEARER: Sentence(
        "{to_bin_code} is free and shortens the walks in which {sku_code} is picked.",
        "{to_bin_code} kosong dan memperpendek jalan saat mengambil {sku_code}.",
    ),
    MoveReason.CHANGES_PLACES: Sentence(
        "{sku_code} is picked more often than {swap_sku_code}: let them change places.",
        "{sku_code} lebih sering diambil daripada {swap_sku_code}: tukar lokasi keduanya.",
    ),
}


def sentence(move: Move) -> Sentence:
    """Why, for people."""
    words = {name: getattr(move, name) for name in _WORDS}
    found = _SENTENCES[move.reason]
    return Sentence(found.english.format(**words), found.indonesian.format(**words))


_WORDS = ("sku_code", "quantity", "to_bin_code", "from_bin_code", "swap_sku_code")
