"""`lumbung import` and `lumbung export`, against a running catalog."""

import io
from pathlib import Path
from typing import Any

import grpc
import pytest
from rich.console import Console
from typing_extensions import override

from lumbung.catalog.v1 import imports_pb2, imports_pb2_grpc
from lumbung_dev.chaos.words import Language
from lumbung_dev.files import export_file, import_file
from lumbung_dev.files.import_file import Outcome
from lumbung_dev.local.trouble import Trouble
from lumbung_kit.embedded.ports import free_port

GOOD = "Kode SKU;Nama SKU;Berat (g)\nA-1;Teh botol;500\nA-2;Gula pasir;1000\n"


def console() -> Console:
    return Console(file=io.StringIO(), width=200)


def _names(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


def options(catalog: Any, path: Path, **fields: Any) -> import_file.Options:
    usual: dict[str, Any] = {
        "address": f"127.0.0.1:{catalog.server.port}",
        "actor": "staff:ani",
        "upsert": False,
        "dry_run": False,
        "reason": "",
        "problems": None,
        "lang": Language.EN,
    }
    return import_file.Options(path, **{**usual, **fields})


async def test_a_file_is_imported_mended_and_exported_by_command(catalog: Any, tmp_path: Path) -> None:
    path = tmp_path / "barang.csv"
    path.write_text(GOOD.replace("500", "berat"))
    screen = console()
    wanted = options(catalog, path, lang=Language.ID)
    assert await import_file.import_file(wanted, screen) is Outcome.ROWS_TO_MEND
    problems = tmp_path / "barang.problems.csv"
    assert "bukan bilangan bulat" in problems.read_text()
    assert "2: weight_g bukan bilangan bulat" in screen.file.getvalue()  # type: ignore[attr-defined]

    path.write_text(problems.read_text().replace("berat;", "500;", 1).replace("(g);", "g;"))
    assert await import_file.import_file(options(catalog, path, dry_run=True), console()) is Outcome.DONE
    assert (await import_file.import_file(options(catalog, path), console())) is Outcome.DONE
    assert (await catalog.get("A-1")).weight_g == 500
    assert await import_file.import_file(options(catalog, path), console()) is Outcome.DONE, "sent again"

    book = tmp_path / "katalog.xlsx"
    wanted_export = export_file.Options(book, wanted.address, "staff:ani", retired=False, lang=Language.ID)
    assert await export_file.export_file(wanted_export, console()) is Outcome.DONE
    again = options(catalog, book, upsert=True, dry_run=True)
    screen = console()
    assert await import_file.import_file(again, screen) is Outcome.DONE
    assert "2 rows: 0 new, 0 changed, 2 as they are" in screen.file.getvalue()  # type: ignore[attr-defined]
    assert _names(tmp_path) == [
        "barang.csv",
        "barang.problems.csv",
        "katalog.xlsx",
    ]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("barang.ods", GOOD, "neither .csv nor .xlsx"),
        ("barang.csv", None, "cannot be read"),
        ("barang.csv", "harga\n1\n", "has the unknown column 'harga'"),
        ("barang.xlsx", GOOD, "IMPORT_UNREADABLE"),
        ("barang.csv", "", "size_bytes"),
    ],
)
async def test_what_cannot_be_imported_is_told(
    catalog: Any, tmp_path: Path, name: str, content: str | None, said: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    with pytest.raises(Trouble, match=said):
        await import_file.import_file(options(catalog, path), console())


async def test_an_export_that_breaks_leaves_no_file(tmp_path: Path) -> None:
    nobody = f"127.0.0.1:{free_port()}"
    wanted = export_file.Options(tmp_path / "a.csv", nobody, "staff:ani", retired=False, lang=Language.EN)
    with pytest.raises(Trouble):
        await export_file.export_file(wanted, console())
    assert _names(tmp_path) == []


class Resets(imports_pb2_grpc.ImportServiceServicer):
    """A server of which a client hears INTERNAL without a reason for a while, and then a report."""

    def __init__(self, resets: int) -> None:
        self.asked: list[str] = []
        self._resets = resets

    @override
    async def StreamImport(self, request_iterator: Any, context: Any) -> Any:
        first, *_ = [part async for part in request_iterator]
        self.asked.append(first.start.request_id)
        if len(self.asked) <= self._resets:
            await context.abort(grpc.StatusCode.INTERNAL, "RST_STREAM")
        yield imports_pb2.StreamImportResponse(report=imports_pb2.ImportReport(applied=True))


@pytest.mark.parametrize("resets", [1, import_file.TRIES_MAX])
async def test_a_reset_that_says_nothing_is_asked_again_and_not_for_ever(tmp_path: Path, resets: int) -> None:
    path = tmp_path / "barang.csv"
    path.write_text(GOOD)
    servicer, server = Resets(resets), grpc.aio.server()
    imports_pb2_grpc.add_ImportServiceServicer_to_server(servicer, server)
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    fields = {"upsert": False, "dry_run": False, "reason": "", "problems": None, "lang": Language.EN}
    wanted = import_file.Options(path, address, "staff:ani", **fields)  # type: ignore[arg-type]
    try:
        if resets < import_file.TRIES_MAX:
            assert await import_file.import_file(wanted, console()) is Outcome.DONE
        else:
            with pytest.raises(Trouble, match="INTERNAL"):
                await import_file.import_file(wanted, console())
    finally:
        await server.stop(None)
    assert len(servicer.asked) == min(resets + 1, import_file.TRIES_MAX)
    assert len(set(servicer.asked)) == 1
