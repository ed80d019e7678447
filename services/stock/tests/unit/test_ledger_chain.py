"""Entries as a chain: what the hash covers, and what is wrong first."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumbung_stock.domain.ledger import LedgerEntry, MovementKind
from lumbung_stock.domain.ledger_chain import (
    BEGINNING,
    ChainBreak,
    ChainProblem,
    Seal,
    Stretch,
    break_in,
    broken_seal,
    entry_hash,
)
from lumbung_stock.entrypoints.verify_ledger_command import main, seal_of

NOW = datetime(2026, 11, 24, 9, 30, 0, 123456, tzinfo=UTC)
ENTRY = LedgerEntry(
    "JKT1", 7, "CUP", 3, "SUPPLIER", "A-01", MovementKind.RECEIPT, "", "PO-1", None, "staff:ani", "r-1", NOW, NOW
)  # fmt: skip
OTHER = {
    "warehouse_code": "JKT2",
    "sequence": 8,
    "sku_code": "CUPS",
    "quantity": 4,
    "from_place": "CUSTOMER",
    "to_place": "A-02",
    "kind": MovementKind.RETURN,
    "reason": "wet",
    "document": "PO-2",
    "reservation_id": UUID(int=7),
    "actor": "staff:budi",
    "request_id": "r-2",
    "record_time": NOW + timedelta(microseconds=1),
    "effective_time": NOW - timedelta(microseconds=1),
    "lot_code": "L1",
}


def test_the_form_stays_as_it_is() -> None:
    """Written once, it must be found again by every version to come."""
    assert entry_hash(BEGINNING, ENTRY).hex() == (
        "d0d42ca08d1344c48e4a6e72d6ff191dab470a7ba008a9dd5bfd9f3aefc61fce"
    )


def test_so_does_the_form_with_a_lot() -> None:
    assert entry_hash(BEGINNING, replace(ENTRY, lot_code="L1")).hex() == (
        "08bffe8dbde3e5528a88c2a9b244285cd93a7a21f86ec6772bcbd1db1a6d2467"
    )


@pytest.mark.parametrize("field", OTHER)
def test_every_field_counts(field: str) -> None:
    assert set(OTHER) == set(LedgerEntry.__slots__)
    assert entry_hash(BEGINNING, replace(ENTRY, **{field: OTHER[field]})) != entry_hash(BEGINNING, ENTRY)


def test_what_came_before_counts() -> None:
    assert entry_hash(b"x" * 32, ENTRY) != entry_hash(b"y" * 32, ENTRY)


@given(st.text(max_size=6), st.text(max_size=6), st.text(max_size=6), st.text(max_size=6))
def test_texts_do_not_run_into_each_other(reason: str, document: str, reason2: str, document2: str) -> None:
    one = replace(ENTRY, reason=reason, document=document)
    other = replace(ENTRY, reason=reason2, document=document2)
    assert (entry_hash(BEGINNING, one) == entry_hash(BEGINNING, other)) is (one == other)


@pytest.mark.parametrize(
    ("missing", "changed", "first"),
    [
        (None, None, None),
        (5, None, (5, ChainProblem.MISSING)),
        (None, 5, (5, ChainProblem.CHANGED)),
        (5, 6, (5, ChainProblem.MISSING)),
        (9, 4, (4, ChainProblem.CHANGED)),
    ],
)
def test_the_first_thing_that_is_wrong_is_named(
    missing: int | None, changed: int | None, first: tuple[int, ChainProblem] | None
) -> None:
    found = break_in(Stretch(10, 10, b"", missing, changed), "JKT1")
    assert found == (ChainBreak("JKT1", *first) if first else None)


def test_the_first_seal_that_is_not_borne_out_is_named() -> None:
    seals = [Seal("JKT1", sequence, bytes([sequence]) * 32) for sequence in (9, 3, 6)]
    hashes = {seal.sequence: seal.hash for seal in seals}
    assert broken_seal(seals, hashes) is None
    assert broken_seal(seals, {**hashes, 6: b"other"}) == ChainBreak("JKT1", 6, ChainProblem.SEAL)
    del hashes[3]
    assert broken_seal(seals, hashes) == ChainBreak("JKT1", 3, ChainProblem.SEAL)


def test_a_seal_is_read_as_it_was_shown() -> None:
    assert seal_of("JKT1:12:" + "ab" * 32) == Seal("JKT1", 12, b"\xab" * 32)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "JKT1",
        "JKT1:12",
        "JKT1:x:" + "ab" * 32,
        "JKT1:0:" + "ab" * 32,
        "JKT1:1:ab",
        ":1:" + "ab" * 32,
        "A:1:zz",
    ],
)
def test_a_seal_that_cannot_be_read_is_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--seal", text])
    assert ended.value.code == 2
    assert "WAREHOUSE:SEQUENCE:HASH" in capsys.readouterr().err


def test_without_a_database_the_command_says_which_setting_it_needs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("LUMBUNG_STOCK_POSTGRES_URL", raising=False)
    assert main([]) == 2
    assert "LUMBUNG_STOCK_POSTGRES_URL" in capsys.readouterr().err
