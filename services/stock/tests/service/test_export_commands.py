"""`lumbung export-history` and `lumbung export-stock`, against a running stock."""

from __future__ import annotations

import asyncio
import csv
import io
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from rich.console import Console

from lumbung.stock.v1 import inventory_pb2 as pb
from lumbung.stock.v1 import lots_pb2
from lumbung_dev.chaos.words import Language
from lumbung_dev.files.import_file import Outcome
from lumbung_dev.history import export
from lumbung_dev.history.words import kind_name
from lumbung_dev.local.trouble import Trouble

pytestmark = pytest.mark.store

JKT1 = pb.ListLedgerEntriesRequest(warehouse_code="JKT1")


def console() -> Console:
    return Console(file=io.StringIO(), width=200)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def target(house: Any, path: Path, lang: Language = Language.EN) -> export.Target:
    return export.Target(path, f"127.0.0.1:{house.shop.server.port}", "staff:ani", lang)


async def exported(
    house: Any, path: Path, wanted: Any = JKT1, lang: Language = Language.EN
) -> list[list[str]]:
    """The rows of a CSV file."""
    method: Any = {
        pb.ListLedgerEntriesRequest: export.export_history,
        pb.GetStockAsOfRequest: export.export_stock,
        lots_pb2.ListExpiringLotsRequest: export.export_expiring,
    }[type(wanted)]
    assert await method(wanted, target(house, path, lang), console()) is Outcome.DONE
    content = await asyncio.to_thread(path.read_bytes)
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))


@pytest.fixture
async def moved(house: Any) -> None:
    """Some goods came, some were corrected for a reason that a spreadsheet would take for a formula."""
    await house.stocked("CUP", 5)
    await house.receive("CUP", 2, "A-02")
    for reason_code, reason in (("DAMAGE", "fell"), ("", '=HYPERLINK("http://x")')):
        await house.inventory.AdjustStock(
            pb.AdjustStockRequest(
                request_id=house.new_id(), warehouse_code="JKT1", bin_code="A-01", sku_code="CUP",
                difference=-1, reason=reason, reason_code=reason_code,
            )
        )  # fmt: skip


async def test_the_file_says_what_the_ledger_says(
    house: Any, moved: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "PAGE_SIZE", 3)
    header, *rows = await exported(house, tmp_path / "riwayat.csv", lang=Language.ID)
    assert header[:5] == ["Catatan", "Dicatat pada", "Terjadi pada", "Pergerakan", "SKU"]
    listed = (await house.inventory.ListLedgerEntries(JKT1)).entries
    assert len(listed) == 4
    assert [(int(row[0]), row[4], row[5], int(row[6]), row[7], row[8]) for row in rows] == [
        (each.sequence, each.sku_code, each.lot_code, each.quantity, each.from_place, each.to_place)
        for each in listed
    ]
    for row, entry in zip(rows, listed, strict=True):
        said = Timestamp()
        said.FromJsonString(row[1])
        assert said == entry.record_time
        assert (row[12], row[13]) == (entry.actor, entry.request_id)
    assert [(row[3], row[9], row[10]) for row in rows[2:]] == [
        ("penyesuaian", "DAMAGE: fell", "Rusak"),
        ("penyesuaian", '\'=HYPERLINK("http://x")', ""),
    ]
    assert names(tmp_path) == ["riwayat.csv"]


async def test_filters_are_those_of_the_list(house: Any, moved: None, tmp_path: Path) -> None:
    wanted = pb.ListLedgerEntriesRequest(warehouse_code="JKT1", kinds=export.kinds_of(["receipt"]))
    rows = await exported(house, tmp_path / "receipts.csv", wanted)
    assert [row[3] for row in rows[1:]] == ["receipt", "receipt"]
    nothing = pb.ListLedgerEntriesRequest(warehouse_code="JKT1", sku_code="NONE")
    assert len(await exported(house, tmp_path / "nothing.csv", nothing)) == 1


async def test_a_workbook_runs_nothing(house: Any, moved: None, tmp_path: Path) -> None:
    path = tmp_path / "history.xlsx"
    assert await export.export_history(JKT1, target(house, path), console()) is Outcome.DONE
    sheet = openpyxl.load_workbook(path).active
    assert sheet is not None
    cells = [cell for row in sheet.iter_rows() for cell in row]
    assert '=HYPERLINK("http://x")' in [cell.value for cell in cells]
    assert {cell.data_type for cell in cells if cell.value is not None} == {"s"}


async def test_stock_as_of_an_instant(house: Any, moved: None, tmp_path: Path) -> None:
    first = (await house.inventory.ListLedgerEntries(JKT1)).entries[0]
    wanted = pb.GetStockAsOfRequest(warehouse_code="JKT1", as_of_time=first.record_time)
    header, *rows = await exported(house, tmp_path / "stock.csv", wanted)
    assert header == ["As of", "Place", "SKU", "Lot", "Last day", "Units"]
    assert [row[1:] for row in rows] == [["A-01", "CUP", "", "", "5"]]
    wanted.as_of_time.GetCurrentTime()
    (_, *rows) = await exported(house, tmp_path / "stock.csv", wanted)
    assert [row[1:] for row in rows] == [["A-01", "CUP", "", "", "3"], ["A-02", "CUP", "", "", "2"]]


async def test_what_expires_soon_is_a_row_for_each_bin(
    house: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "EXPIRING_PAGE_SIZE", 1)
    await house.know("MILK")
    await house.shop.sql.execute("UPDATE sku SET lot_tracking = 2, shelf_life_days_min = 1")
    lines = [
        pb.ReceiptLine(sku_code="MILK", bin_code=place, quantity=units, lot_code=lot, expires_on=until)
        for place, units, lot, until in (
            ("A-01", 4, "L1", "2020-03-31"),
            ("A-02", 3, "L1", "2020-03-31"),
            ("A-01", 2, "L2", "2020-05-31"),
            ("A-01", 9, "L3", "2099-05-31"),
        )
    ]
    await house.inventory.ReceiveStock(
        pb.ReceiveStockRequest(request_id=house.new_id(), warehouse_code="JKT1", document="PO", lines=lines)
    )
    wanted = lots_pb2.ListExpiringLotsRequest(warehouse_code="JKT1", within_days=30)
    header, *rows = await exported(house, tmp_path / "kedaluwarsa.csv", wanted, Language.ID)
    assert header == ["Jual sampai", "Sisa hari", "Kedaluwarsa", "SKU", "Lot", "Tempat", "Jumlah"]
    assert [(row[0], *row[2:]) for row in rows] == [
        ("2020-03-30", "2020-03-31", "MILK", "L1", "A-01", "4"),
        ("2020-03-30", "2020-03-31", "MILK", "L1", "A-02", "3"),
        ("2020-05-30", "2020-05-31", "MILK", "L2", "A-01", "2"),
    ]
    assert all(int(row[1].removeprefix("'")) < 0 for row in rows)


def test_places_that_are_not_listed_are_one_row() -> None:
    lot = lots_pb2.ExpiringLot(
        sku_code="MILK", lot_code="L1", quantity=9, place_count=7,
        places=[lots_pb2.LotPlace(bin_code="A-01", quantity=4)],
    )  # fmt: skip
    assert [row[5:] for row in export.expiring_rows(lot)] == [("A-01", "4"), ("...", "5")]


def test_a_row_for_each_lot_and_one_for_what_has_none() -> None:
    milk = pb.BinStock(
        bin_code="A-01", sku_code="MILK", quantity=9,
        lots=[pb.LotStock(lot_code="L1", quantity=4, expires_on="2027-03-31"), pb.LotStock(lot_code="L2", quantity=3)],
    )  # fmt: skip
    assert list(export.stock_rows("then", milk)) == [
        ("then", "A-01", "MILK", "L1", "2027-03-31", "4"),
        ("then", "A-01", "MILK", "L2", "", "3"),
        ("then", "A-01", "MILK", "", "", "2"),
    ]


async def test_what_cannot_be_exported_is_told_and_leaves_nothing(house: Any, tmp_path: Path) -> None:
    unknown = pb.ListLedgerEntriesRequest(warehouse_code="NOWHERE")
    for wanted, name, said in (
        (unknown, "x.csv", "WAREHOUSE_NOT_FOUND"),
        (JKT1, "x.txt", "neither .csv nor .xlsx"),
        (JKT1, "no-folder/x.csv", "cannot be written"),
        (pb.GetStockAsOfRequest(warehouse_code="JKT1"), "x.csv", "as_of_time"),
    ):
        with pytest.raises(Trouble, match=said):
            await exported(house, tmp_path / name, wanted)
    assert names(tmp_path) == []


def test_times_and_kinds_that_nobody_knows_are_told() -> None:
    for text in ("yesterday", "2026-13-01", "0001-01-01"):
        with pytest.raises(Trouble, match="--at"):
            export.timestamp_of("--at", text)
    assert export.timestamp_of("--at", "") is None
    found = export.timestamp_of("--at", "2026-11-23T07:00+07:00")
    assert found is not None
    assert found.ToJsonString() == "2026-11-23T00:00:00Z"
    with pytest.raises(Trouble, match="'lend' is no kind of movement; there are receipt, move,"):
        export.kinds_of(["pick", "lend"])


def test_every_kind_has_a_name_in_both_languages() -> None:
    kinds = [kind for kind in pb.MovementKind.values() if kind]
    assert len({kind_name(kind, Language.ID) for kind in kinds}) == len(kinds)
    assert all(kind_name(kind, Language.ID) != kind_name(kind, Language.EN) for kind in kinds)
    assert kind_name(99, Language.ID) == "99"
