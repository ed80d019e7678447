"""What the ledger's files say, in English and in Bahasa Indonesia."""

from __future__ import annotations

from collections.abc import Mapping

from lumbung.stock.v1 import inventory_pb2 as pb
from lumbung_dev.chaos.words import Language

_ENGLISH = {
    "sequence": "Entry",
    "record_time": "Recorded at",
    "effective_time": "Happened at",
    "kind": "Movement",
    "sku_code": "SKU",
    "lot_code": "Lot",
    "expires_on": "Last day",
    "quantity": "Units",
    "from_place": "From",
    "to_place": "To",
    "reason": "Reason",
    "reason_name": "Reason in words",
    "document": "Document",
    "actor": "By",
    "request_id": "Request",
    "bin_code": "Place",
    "as_of_time": "As of",
    "last_sale_day": "Sell until",
    "days_left": "Days left",
    "expiring": "expiring",
    "history": "history",
    "stock": "stock",
    "reading": "reading",
    "written": "{path} written, {rows} rows.",
}
_INDONESIAN = {
    "sequence": "Catatan",
    "record_time": "Dicatat pada",
    "effective_time": "Terjadi pada",
    "kind": "Pergerakan",
    "sku_code": "SKU",
    "lot_code": "Lot",
    "expires_on": "Kedaluwarsa",
    "quantity": "Jumlah",
    "from_place": "Dari",
    "to_place": "Ke",
    "reason": "Alasan",
    "reason_name": "Nama alasan",
    "document": "Dokumen",
    "actor": "Oleh",
    "request_id": "Permintaan",
    "bin_code": "Tempat",
    "as_of_time": "Per",
    "last_sale_day": "Jual sampai",
    "days_left": "Sisa hari",
    "expiring": "kedaluwarsa",
    "history": "riwayat",
    "stock": "stok",
    "reading": "membaca",
    "written": "{path} ditulis, {rows} baris.",
}
WORDS: Mapping[Language, Mapping[str, str]] = {Language.EN: _ENGLISH, Language.ID: _INDONESIAN}

_KINDS_INDONESIAN = {
    "RECEIPT": "penerimaan",
    "MOVE": "pindah rak",
    "PICK": "pengambilan",
    "PUT_BACK": "dikembalikan ke rak",
    "SALE": "penjualan",
    "RETURN": "retur",
    "ADJUSTMENT": "penyesuaian",
    "SHORT_PICK": "kurang saat diambil",
    "SCRAP": "dibuang",
    "TRANSFER": "transfer gudang",
    "REPLACEMENT": "penggantian",
    "COUNT": "stok opname",
    "PUTAWAY": "penempatan",
    "QUARANTINE": "karantina",
}


def kind_name(kind: int, lang: Language) -> str:
    """A kind of movement for people; one that is newer than this list by its name in the contract."""
    if kind not in pb.MovementKind.values():
        return str(kind)
    name = pb.MovementKind.Name(pb.MovementKind.ValueType(kind)).removeprefix("MOVEMENT_KIND_")
    plain = name.lower().replace("_", " ")
    return plain if lang is Language.EN else _KINDS_INDONESIAN.get(name, plain)
