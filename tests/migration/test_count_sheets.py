"""A count on paper: sheets out by command, figures back by command, and everything that is wrong with them at once."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
import zxingcpp
from rich.console import Console

from lumbung.catalog.v1 import imports_pb2
from lumbung.stock.v1 import inventory_pb2, stocktakes_pb2
from lumbung_catalog.domain.import_xlsx import Bounds, records
from lumbung_dev.chaos.words import Language
from lumbung_dev.counts import sheet, upload
from lumbung_dev.counts.words import WORDS
from lumbung_dev.files.import_file import Outcome
from lumbung_dev.local.trouble import Trouble

from .conftest import Shop

pytestmark = pytest.mark.e2e

GOODS = """product_code,product_name,sku_code,sku_name,barcode,carton_quantity,carton_barcode
TEH,Teh,TEH-1,=Teh botol,4006381333931,12,8992761002022
GULA,Gula,GULA-1,"Gula, pasir",,,
"""


@pytest.fixture
async def count(shop: Shop) -> str:
    """A count of two bins with goods and one in which the book knows nothing."""
    await shop.imports.ImportCatalog(
        imports_pb2.ImportCatalogRequest(
            request_id="goods", format=imports_pb2.FILE_FORMAT_CSV, mode=imports_pb2.IMPORT_MODE_CREATE,
            content=GOODS.encode(),
        )
    )  # fmt: skip
    await shop.warehouses.CreateWarehouse(
        inventory_pb2.CreateWarehouseRequest(
            request_id="house",
            warehouse=inventory_pb2.Warehouse(
                warehouse_code="JKT1", name="Jakarta", time_zone="Asia/Jakarta", priority=1,
                aisle_x_m=[0, 3], cross_aisle_y_m=[0, 30], depot_x_m=0,
            ),
        )
    )  # fmt: skip
    bins = [
        inventory_pb2.Bin(bin_code=f"B-{place}", kind=inventory_pb2.BIN_KIND_PICK, y_m=1 + place, level=1)
        for place in range(3)
    ]
    await shop.warehouses.PutBins(
        inventory_pb2.PutBinsRequest(request_id="bins", warehouse_code="JKT1", bins=bins)
    )
    async with asyncio.timeout(60):
        while not (await (await shop.sql.execute("SELECT count(*) = 2 FROM sku")).fetchall())[0][0]:
            await asyncio.sleep(0.05)
    received = [
        inventory_pb2.ReceiptLine(sku_code=sku, bin_code=place, quantity=30)
        for sku, place in (("TEH-1", "B-0"), ("GULA-1", "B-1"))
    ]
    await shop.inventory.ReceiveStock(
        inventory_pb2.ReceiveStockRequest(
            request_id="books", warehouse_code="JKT1", document="OLD", lines=received
        )
    )
    opened = await shop.counts.OpenStocktake(
        stocktakes_pb2.OpenStocktakeRequest(
            request_id="count",
            title="Akhir tahun",
            scope=stocktakes_pb2.StocktakeScope(warehouse_code="JKT1"),
        )
    )
    return str(opened.stocktake.stocktake_id)


async def sheet_of(shop: Shop, count: str, path: Path, lang: Language = Language.EN) -> bytes:
    options = sheet.Options(count, path, shop.stock_address, "staff:ani", lang)
    assert await sheet.write_sheet(options, Console(file=io.StringIO())) is Outcome.DONE
    return await asyncio.to_thread(path.read_bytes)


async def send(shop: Shop, count: str, path: Path, **fields: Any) -> tuple[Outcome, str]:
    usual = {"actor": "terminal:budi", "dry_run": False, "lang": Language.EN, "catalog": shop.catalog_address}
    screen = io.StringIO()
    options = upload.Options(count, path, shop.stock_address, **(usual | fields))
    outcome = await upload.upload_counts(options, Console(file=screen, width=200))
    return outcome, screen.getvalue()


async def scans(shop: Shop) -> list[tuple[Any, ...]]:
    statement = "SELECT bin_code, sku_code, counted_quantity, counter FROM stocktake_count ORDER BY 1, 2"
    return await (await shop.sql.execute(statement)).fetchall()


def filled(content: bytes, figures: Sequence[str]) -> list[list[str]]:
    header, *rows = csv.reader(io.StringIO(content.decode("utf-8-sig")))
    return [header, *([*row[:4], figure, *row[5:]] for row, figure in zip(rows, figures, strict=True))]


def semicolons(rows: Sequence[Sequence[str]]) -> bytes:
    """As a spreadsheet of Indonesian settings saves it."""
    file = io.StringIO()
    csv.writer(file, delimiter=";").writerows(rows)
    return file.getvalue().encode("utf-8-sig")


async def test_a_sheet_is_blind_filled_in_and_sent_back(shop: Shop, count: str, tmp_path: Path) -> None:
    written = await sheet_of(shop, count, tmp_path / "hitung.csv", Language.ID)
    header, *rows = list(csv.reader(io.StringIO(written.decode("utf-8-sig"))))
    assert header == ["Rak", "SKU", "Nama", "Lot", "Jumlah", "Waktu hitung", "Putaran", "Baik sampai"]
    assert rows == [
        ["B-0", "TEH-1", "'=Teh botol", "", "", "", "1", ""],
        ["B-1", "GULA-1", "Gula, pasir", "", "", "", "1", ""],
        ["B-2", "", "", "", "", "", "1", ""],
    ]
    path = tmp_path / "kembali.csv"
    path.write_bytes(semicolons(filled(written, ["29", "", "0"])))
    outcome, said = await send(shop, count, path, dry_run=True, lang=Language.ID)
    assert (outcome, await scans(shop)) == (Outcome.DONE, [])
    outcome, said = await send(shop, count, path)
    assert (outcome, said) == (Outcome.DONE, "2 counts recorded, 0 were known, 1 lines were not counted.\n")
    assert await scans(shop) == [
        ("B-0", "TEH-1", 29, "terminal:budi"),
        ("B-2", "", 0, "terminal:budi"),
    ]
    outcome, said = await send(shop, count, path)
    assert len(await scans(shop)) == 2, "sent again, nothing counts twice"


async def test_a_line_that_is_tracked_is_counted_lot_by_lot(shop: Shop, count: str, tmp_path: Path) -> None:
    await shop.sql.execute("UPDATE sku SET lot_tracking = 2 WHERE sku_code = 'TEH-1'")
    line = inventory_pb2.ReceiptLine(
        sku_code="TEH-1", bin_code="B-0", quantity=5, lot_code="L1", expires_on="2031-05-31"
    )
    await shop.inventory.ReceiveStock(
        inventory_pb2.ReceiveStockRequest(
            request_id="lots", warehouse_code="JKT1", document="PO", lines=[line]
        )
    )
    written = await sheet_of(shop, count, tmp_path / "lots.csv")
    rows = list(csv.reader(io.StringIO(written.decode("utf-8-sig"))))
    assert [row[3] for row in rows[1:]] == ["L1", "(-)", "", ""]
    path = tmp_path / "back.csv"
    more = ["B-1", "TEH-1", "", "L9", "2", "", "1", "31-05-2031"]
    path.write_bytes(semicolons([*filled(written, ["6", "29", "", ""]), more]))
    outcome, said = await send(shop, count, path, lang=Language.ID)
    assert (outcome, await scans(shop)) == (Outcome.ROWS_TO_MEND, [])
    assert 'Baik sampai "31-05-2031": harus tanggal' in said
    assert "nobody has received lot L9" in said
    more[-1] = "2031-05-31"
    path.write_bytes(semicolons([*filled(written, ["6", "29", "", ""]), more]))
    assert (await send(shop, count, path))[0] is Outcome.DONE
    found = await shop.sql.execute(
        "SELECT bin_code, lot_code, counted_quantity, expires_on::text FROM stocktake_count ORDER BY 1, 2"
    )
    assert await found.fetchall() == [
        ("B-0", "", 29, None),
        ("B-0", "L1", 6, None),
        ("B-1", "L9", 2, "2031-05-31"),
    ]


async def test_a_workbook_goes_out_and_comes_back(shop: Shop, count: str, tmp_path: Path) -> None:
    written = await sheet_of(shop, count, tmp_path / "count.xlsx")
    rows = list(records(io.BytesIO(written), Bounds(10**6, 10**6)))
    assert rows[:2] == [
        ["Bin", "SKU", "Name", "Lot", "Counted", "Counted at", "Round", "Good until"],
        ["B-0", "TEH-1", "=Teh botol", "", "", "", "1"],
    ]
    outcome, _ = await _refused(send(shop, count, tmp_path / "count.xlsx"))
    assert "no line on which something was counted" in outcome


async def test_a_printed_sheet_can_be_scanned(shop: Shop, count: str, tmp_path: Path) -> None:
    document = pypdfium2.PdfDocument(await sheet_of(shop, count, tmp_path / "hitung.pdf", Language.ID))
    (page,) = document
    image = page.render(scale=300 / 72).to_pil().convert("L")
    text = page.get_textpage().get_text_bounded()
    document.close()
    scanned = {one.text for one in zxingcpp.read_barcodes(image)}
    assert scanned == {"B-0", "B-1", "B-2", "TEH-1", "GULA-1"}
    for said in ("Lembar hitung, putaran 1: Akhir tahun", "Dihitung oleh:", "=Teh botol", "halaman 1"):
        assert said in text
    assert count in text
    assert "30" not in text.replace(count, "")


def test_a_long_sheet_is_as_many_pages_as_it_needs(tmp_path: Path) -> None:
    tasks = [
        stocktakes_pb2.CountTask(bin_code=f"B-{n:04}", sku_code="S" * 64, sku_name="<b>Kaos & topi</b> " * 12)
        for n in range(60)
    ]
    count = stocktakes_pb2.Stocktake(title="<i>November", round=2)
    document = pypdfium2.PdfDocument(sheet.as_pdf(sheet.Sheet(count, tasks), WORDS[Language.EN]))
    texts = [page.get_textpage().get_text_bounded() for page in document]
    document.close()
    assert len(texts) > 1
    assert all("Count sheet, round 2: <i>November" in text for text in texts)
    assert sum(text.count("B-") for text in texts) == 60
    named = stocktakes_pb2.Stocktake(title="W" * 120, round=2)
    document = pypdfium2.PdfDocument(sheet.as_pdf(sheet.Sheet(named, tasks[:1]), WORDS[Language.EN]))
    head = document[0].get_textpage().get_text_bounded().splitlines()[0]
    document.close()
    assert (head.startswith("Count sheet, round 2: WWW"), "…" in head) == (True, True)
    many = sheet.Sheet(count, tasks * 84)
    with pytest.raises(Trouble, match="more than 5000 lines are too many"):
        sheet.as_pdf(many, WORDS[Language.EN])


async def test_barcodes_are_counted_as_what_they_are_on(shop: Shop, count: str, tmp_path: Path) -> None:
    path = tmp_path / "scanned.csv"
    path.write_text(
        "bin_code\tsku_code\tcounted_quantity\nB-0\t8992761002022\t2\nB-0\tTEH-1\t3\nB-1\t4006381333931\t5\n",
        "utf-8",
    )
    assert (await send(shop, count, path))[0] is Outcome.DONE
    assert await scans(shop) == [
        ("B-0", "TEH-1", 27, "terminal:budi"),
        ("B-1", "TEH-1", 5, "terminal:budi"),
    ]


WRONG = """Stock count,,,,
Bin,SKU,Counted,Counted at,Round
B-9,NONE,many,soon,x
B-0,GULA-1,-1,,
B-1,a b,1,,
B-1,{long},1,,
B-1,4006381333932,1,1999-01-01,
B-2,TEH-1,3,,2
B-2,TEH-1,99999999999,,
B-0,8992761002022,999999999999,,
B-1,,4,,
"""


async def test_everything_that_is_wrong_with_every_line_is_told_at_once(
    shop: Shop, count: str, tmp_path: Path
) -> None:
    path = tmp_path / "spoiled.csv"
    long = "X" * 600
    path.write_text(WRONG.format(long=long), "utf-8")
    outcome, said = await send(shop, count, path)
    assert outcome is Outcome.ROWS_TO_MEND
    with (tmp_path / "spoiled.problems.csv").open(encoding="utf-8-sig", newline="") as file:
        header, *told = list(csv.reader(file))
    assert header == ["Line", "Column", "Value", "What would be right"]
    assert [tuple(row[:3]) for row in told] == [
        ("3", "Bin", "B-9"),
        ("3", "Counted", "many"),
        ("3", "Round", "x"),
        ("3", "Counted at", "soon"),
        ("3", "SKU", "NONE"),
        ("4", "Counted", "'-1"),
        ("5", "SKU", "a b"),
        ("6", "SKU", long),
        ("7", "Counted at", told[8][2]),
        ("7", "SKU", "4006381333932"),
        ("8", "Round", "2"),
        ("9", "SKU", "TEH-1"),
        ("10", "Counted", str(999_999_999_999 * 12)),
        ("11", "Counted", "4"),
    ]
    assert all(row[3] for row in told)
    assert said.splitlines()[0] == '  line 3, Bin "B-9": B-9 is not in the scope of this stocktake'
    assert "14 errors; nothing was recorded. Mend the lines and send the file again." in said
    assert await scans(shop) == []
    outcome, said = await send(shop, count, path, lang=Language.ID, problems=tmp_path / "salah.csv")
    assert 'baris 3, Jumlah "many": harus bilangan bulat, misalnya 12' in said
    assert await asyncio.to_thread((tmp_path / "salah.csv").exists)


async def test_a_sheet_of_an_earlier_round_counts_nothing_in_a_later_one(
    shop: Shop, count: str, tmp_path: Path
) -> None:
    path = tmp_path / "first.csv"
    path.write_bytes(semicolons(filled(await sheet_of(shop, count, path), ["29", "30", "0"])))
    plain = tmp_path / "plain.csv"
    plain.write_text("Bin,SKU,Counted\nB-0,TEH-1,29\n", "utf-8")
    assert (await send(shop, count, path))[0] is Outcome.DONE
    finish = stocktakes_pb2.FinishRoundRequest(request_id="finish", stocktake_id=count)
    assert (await shop.counts.FinishRound(finish)).stocktake.round == 2
    before = await scans(shop)
    for late in (path, plain):
        outcome, said = await send(shop, count, late)
        assert (outcome, await scans(shop)) == (Outcome.ROWS_TO_MEND, before)
        assert "the count is in round 2" in said
    assert (await send(shop, count, plain, round=1))[0] is Outcome.ROWS_TO_MEND
    outcome, said = await send(shop, count, plain, round=2)
    assert (outcome, len(await scans(shop))) == (Outcome.DONE, len(before) + 1)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("sheet.ods", b"", "neither .csv nor .xlsx"),
        ("sheet.csv", b"Bin,Counted\nB-0,1\n", "the header lacks sku_code"),
        ("sheet.csv", b"Bin,Bin,SKU,Counted\n", "the header has a column twice"),
        ("sheet.csv", b"a,b\n", "no header was found"),
        ("sheet.csv", b"", "no header was found"),
        ("sheet.csv", b"Bin,SKU,Counted\nB-0,T\xe9h,1\n", "not UTF-8 on line 2"),
        ("sheet.csv", b'Bin,SKU,Counted\n"B-0,T,1\n', "is not a table"),
        ("sheet.csv", b"Bin,SKU,Counted\nB-0,T,\n", "no line on which something was counted"),
        ("sheet.csv", b"Bin,SKU,Counted\n" + b"B-0,T,1\n" * 5_001, "more than 5000 counted lines"),
        ("sheet.xlsx", b"Bin,SKU,Counted\n", "cannot be read as an XLSX workbook"),
        ("sheet.csv", None, "cannot be read"),
    ],
)
async def test_what_is_no_sheet_is_told(name: str, content: bytes | None, said: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    options = upload.Options("x", path, "127.0.0.1:1", "", "terminal:budi", dry_run=False, lang=Language.EN)
    told, _ = await _refused(upload.upload_counts(options, Console(file=io.StringIO())))
    assert said in told


async def test_a_count_that_nobody_knows_is_told(shop: Shop, count: str, tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    path.write_bytes(b"Bin,SKU,Counted\nB-0,TEH-1,1\n")
    unknown = "01988000-0000-7000-8000-000000000000"
    assert "STOCKTAKE_NOT_FOUND" in (await _refused(send(shop, unknown, path)))[0]
    options = sheet.Options(unknown, path, shop.stock_address, "staff:ani", Language.EN)
    assert "STOCKTAKE_NOT_FOUND" in (await _refused(sheet.write_sheet(options, Console())))[0]
    named = sheet.Options(count, tmp_path / "sheet.txt", shop.stock_address, "staff:ani", Language.EN)
    assert "neither .csv, .xlsx nor .pdf" in (await _refused(sheet.write_sheet(named, Console())))[0]


async def _refused(asking: Any) -> tuple[str, None]:
    with pytest.raises(Trouble) as trouble:
        await asking
    return str(trouble.value), None
