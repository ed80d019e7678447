"""The command `lumbung`: play the demo, or leave the same system running."""

from __future__ import annotations

import asyncio
import enum
import signal
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer
import uvloop
from rich.console import Console

from lumbung.stock.v1 import inventory_pb2, lots_pb2
from lumbung_dev import up as up_command
from lumbung_dev.chaos import commands as chaos_command
from lumbung_dev.chaos import drill as loss_drill
from lumbung_dev.chaos.words import Language
from lumbung_dev.counts import sheet as sheet_command
from lumbung_dev.counts import upload as upload_command
from lumbung_dev.day import performance as day_performance
from lumbung_dev.demo import performance
from lumbung_dev.demo.stage import Stage
from lumbung_dev.files import export_file as export_command
from lumbung_dev.files import import_file as import_command
from lumbung_dev.history import export as history_command
from lumbung_dev.local.addresses import BASE_PORT
from lumbung_dev.local.databases import SERVICES
from lumbung_dev.local.trouble import Trouble
from lumbung_dev.model import report
from lumbung_dev.simulation import report as simulation
from lumbung_dev.waves import commands as waves_commands

T = TypeVar("T")

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.command("plan-waves")(waves_commands.plan_waves)
app.command("draw-wave")(waves_commands.draw_wave)
Service = enum.StrEnum("Service", {name: name for name in SERVICES})  # type: ignore[misc]

Folder = Annotated[
    Path | None, typer.Option("--data", help="Folder for data and logs instead of .lumbung/...")
]


@app.command()
def demo(
    seed: Annotated[int, typer.Option(help="Decides who comes, when, and what they want.")] = 1212,
    chaos: Annotated[
        Service | None, typer.Option(help="Kill this service during the sale and start it again.")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep data and logs afterwards.")] = False,
    data: Folder = None,
    summary: Annotated[
        Path | None, typer.Option(help="Write the closing figures to this file, as JSON.")
    ] = None,
) -> None:
    """A flash sale on three channels becomes parcels, through four services; then everything stops."""
    options = performance.Options(seed, chaos.value if chaos else "", keep, data, summary)
    stage = Stage()
    kept = _run(performance.perform(options, stage), stage)
    raise typer.Exit(0 if kept else 1)


@app.command()
def day(
    orders: Annotated[int, typer.Option(min=20, max=5_000, help="How many baskets.")] = 3_000,
    seed: Annotated[int, typer.Option(help="Decides who buys what, and what goes wrong.")] = 7,
    lang: Annotated[Language, typer.Option(help="English or Bahasa Indonesia.")] = Language.EN,
    summary: Annotated[Path | None, typer.Option(help="Write the figures to this file, as JSON.")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep data and logs afterwards.")] = False,
) -> None:
    """A day in the warehouse, faster than it passes: buyers, pickers, packers, couriers and what goes wrong, against
    the real services; and the same day first come, first served."""
    stage = Stage()
    kept = _run(
        day_performance.perform(day_performance.Options(orders, seed, lang, summary, keep), stage), stage
    )
    raise typer.Exit(0 if kept else 1)


@app.command()
def up(
    base_port: Annotated[
        int, typer.Option(min=1024, max=65_000, help="Ports are counted from here.")
    ] = BASE_PORT,
    data: Folder = None,
) -> None:
    """The same system with the shop in it, until Ctrl-C."""
    stage = Stage()
    _run(up_command.stay_up(up_command.Options(base_port, data), stage), stage)


@app.command()
def model(
    worlds: Annotated[
        int, typer.Option(min=1_000, help="Most worlds of one search; a million takes about 2 GB.")
    ] = 3_000_000,
) -> None:
    """Searches the flash sale's protocol exhaustively, and shows how every known trap breaks it."""
    raise typer.Exit(0 if report.show(Stage().console, worlds) else 1)


@app.command()
def simulate(
    first_seed: Annotated[int, typer.Option(help="Where to begin; a seed always tells the same story.")] = 1,
    seeds: Annotated[int, typer.Option(min=1, help="How many schedules.")] = 2_000,
) -> None:
    """Runs the sale's protocol under a seeded scheduler, on stores that lose, delay, repeat and forget."""
    raise typer.Exit(0 if simulation.show(Stage().console, first_seed, seeds) else 1)


@app.command()
def chaos(
    seed: Annotated[int, typer.Option(help="Decides which faults come when, and what buyers do.")] = 1,
    minutes: Annotated[float, typer.Option(min=0.1, help="How long each run has trouble.")] = 5.0,
    runs: Annotated[int, typer.Option(min=1, max=100, help="So many seeds, counted from the first.")] = 1,
    page: Annotated[Path | None, typer.Option(help="Write the tables to this file, as Markdown.")] = None,
    figures: Annotated[Path | None, typer.Option(help="Write them to this file, as JSON.")] = None,
) -> None:
    """Faults of every kind under load, by a seed; every acknowledgement is looked up in the end."""
    stage = Stage()
    options = chaos_command.Options(seed, minutes, runs, page, figures)
    kept = _run(chaos_command.chaos(options, stage.console), stage)
    raise typer.Exit(0 if kept else 1)


@app.command()
def drill(
    loss: Annotated[loss_drill.Loss, typer.Option(help="What is lost.")] = loss_drill.Loss.DATA,
    lang: Annotated[Language, typer.Option(help="English or Bahasa Indonesia.")] = Language.EN,
    seed: Annotated[int, typer.Option(help="Decides what buyers do.")] = 1,
) -> None:
    """A sale loses what its gate stands on; what was promised, what happened, and how long it took."""
    stage = Stage()
    kept = _run(loss_drill.perform(loss_drill.Options(loss, lang, seed), stage), stage)
    raise typer.Exit(0 if kept else 1)


StockAddress = Annotated[str, typer.Option(help="Where the stock service listens.")]
CatalogAddress = Annotated[str, typer.Option("--catalog", help="host:port of the catalog.")]
ActorName = Annotated[str, typer.Option(help="Who does it: staff:<name>. Kept with every change.")]
Lang = Annotated[Language, typer.Option(help="English or Bahasa Indonesia.")]


@app.command("import")
def import_(
    path: Annotated[
        Path, typer.Argument(help="A .csv or .xlsx file; the catalog's README tells its columns.")
    ],
    catalog: CatalogAddress = f"127.0.0.1:{BASE_PORT + 1}",
    actor: ActorName = "staff:import",
    upsert: Annotated[bool, typer.Option("--upsert", help="Change SKUs that exist, too.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")] = False,
    reason: Annotated[str, typer.Option(help="Why look-alikes are wanted all the same.")] = "",
    problems: Annotated[Path | None, typer.Option(help="Where the annotated file goes.")] = None,
    lang: Lang = Language.EN,
) -> None:
    """Master data from a file, all of it or nothing. Exits with 3 when rows are wrong, 1 when it could not be done."""
    stage = Stage()
    options = import_command.Options(path, catalog, actor, upsert, dry_run, reason, problems, lang)
    outcome = _run(import_command.import_file(options, stage.console), stage)
    raise typer.Exit(import_command.Outcome.TROUBLE if outcome is None else outcome)


@app.command()
def export(
    path: Annotated[Path, typer.Argument(help="The .csv or .xlsx file to write.")],
    catalog: CatalogAddress = f"127.0.0.1:{BASE_PORT + 1}",
    actor: ActorName = "staff:export",
    retired: Annotated[bool, typer.Option("--retired", help="Retired SKUs too.")] = False,
    lang: Lang = Language.EN,
) -> None:
    """The master data as a file that `lumbung import` reads back."""
    stage = Stage()
    options = export_command.Options(path, catalog, actor, retired, lang)
    outcome = _run(export_command.export_file(options, stage.console), stage)
    raise typer.Exit(import_command.Outcome.TROUBLE if outcome is None else outcome)


@app.command("count-sheet")
def count_sheet(
    stocktake_id: Annotated[str, typer.Argument(help="The stocktake.")],
    path: Annotated[Path, typer.Argument(help="The .pdf, .xlsx or .csv file to write.")],
    stock: StockAddress = f"127.0.0.1:{BASE_PORT + 2}",
    actor: ActorName = "staff:count",
    lang: Lang = Language.EN,
) -> None:
    """What is to be counted, in walking order and without the book's figures, to print or to fill in."""
    stage = Stage()
    options = sheet_command.Options(stocktake_id, path, stock, actor, lang)
    outcome = _run(sheet_command.write_sheet(options, stage.console), stage)
    raise typer.Exit(import_command.Outcome.TROUBLE if outcome is None else outcome)


@app.command("count-upload")
def count_upload(
    stocktake_id: Annotated[str, typer.Argument(help="The stocktake.")],
    path: Annotated[Path, typer.Argument(help="The .csv or .xlsx sheet that was filled in.")],
    actor: Annotated[str, typer.Option(help="Who counted: terminal:NAME or staff:NAME.")],
    stock: StockAddress = f"127.0.0.1:{BASE_PORT + 2}",
    catalog: CatalogAddress = f"127.0.0.1:{BASE_PORT + 1}",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what is wrong.")] = False,
    round_: Annotated[
        int,
        typer.Option("--round", min=0, help="For which round it was counted, where the lines do not say."),
    ] = 0,
    problems: Annotated[
        Path | None, typer.Option(help="Where all errors are written; beside the sheet when absent.")
    ] = None,
    lang: Lang = Language.EN,
) -> None:
    """Counts from a sheet, all of them or nothing; SKUs by code or barcode. Exits with 3 when lines are wrong, 1 when
    it could not be done. A line without a time is taken as counted now: write when, if goods move meanwhile."""
    stage = Stage()
    options = upload_command.Options(
        stocktake_id, path, stock, catalog, actor, dry_run, lang, round_, problems
    )
    outcome = _run(upload_command.upload_counts(options, stage.console), stage)
    raise typer.Exit(import_command.Outcome.TROUBLE if outcome is None else outcome)


Warehouse = Annotated[str, typer.Option(help="Its code.")]
Skus = Annotated[list[str] | None, typer.Option("--sku", help="Only this SKU; may be given several times.")]
Bins = Annotated[list[str] | None, typer.Option("--bin", help="Only this place; may be given several times.")]


@app.command("export-history")
def export_history(
    path: Annotated[Path, typer.Argument(help="The .csv or .xlsx file to write.")],
    warehouse: Warehouse,
    since: Annotated[str, typer.Option("--from", help="Written at or after this time.")] = "",
    until: Annotated[str, typer.Option(help="Written before this time; now when it is left out.")] = "",
    sku: Annotated[str, typer.Option(help="Only this SKU.")] = "",
    lot: Annotated[str, typer.Option(help="Only this lot of the SKU.")] = "",
    place: Annotated[str, typer.Option(help="Only what came into this place or left it.")] = "",
    kind: Annotated[
        list[str] | None, typer.Option(help="Only this kind, such as pick or short-pick.")
    ] = None,
    by: Annotated[str, typer.Option(help="Only what this actor did.")] = "",
    document: Annotated[str, typer.Option(help="Only this document or reservation.")] = "",
    reason_code: Annotated[str, typer.Option(help="Only what was done for this reason.")] = "",
    stock: StockAddress = f"127.0.0.1:{BASE_PORT + 2}",
    actor: ActorName = "staff:export",
    lang: Lang = Language.EN,
) -> None:
    """What moved in a warehouse, oldest first: who, when, what, from where to where, and why."""

    async def work(console: Console) -> import_command.Outcome:
        wanted = inventory_pb2.ListLedgerEntriesRequest(
            warehouse_code=warehouse, sku_code=sku, lot_code=lot, document=document, place_code=place, actor=by,
            kinds=history_command.kinds_of(kind or []), reason_code=reason_code,
            from_time=history_command.timestamp_of("--from", since),
            until_time=history_command.timestamp_of("--until", until),
        )  # fmt: skip
        return await history_command.export_history(
            wanted, history_command.Target(path, stock, actor, lang), console
        )

    _exit_with(work)


@app.command("export-stock")
def export_stock(
    path: Annotated[Path, typer.Argument(help="The .csv or .xlsx file to write.")],
    warehouse: Warehouse,
    at: Annotated[str, typer.Option(help="The instant, such as 2026-10-31T23:59:59+07:00.")],
    sku: Skus = None,
    place: Bins = None,
    effective: Annotated[
        bool, typer.Option("--effective", help="By when things happened, not by when they were written.")
    ] = False,
    stock: StockAddress = f"127.0.0.1:{BASE_PORT + 2}",
    actor: ActorName = "staff:export",
    lang: Lang = Language.EN,
) -> None:
    """What lay where at an instant of the past, from the ledger alone."""

    async def work(console: Console) -> import_command.Outcome:
        wanted = inventory_pb2.GetStockAsOfRequest(
            warehouse_code=warehouse, sku_codes=sku or [], bin_codes=place or [], by_effective_time=effective,
            as_of_time=history_command.timestamp_of("--at", at),
        )  # fmt: skip
        return await history_command.export_stock(
            wanted, history_command.Target(path, stock, actor, lang), console
        )

    _exit_with(work)


@app.command("export-expiring")
def export_expiring(
    path: Annotated[Path, typer.Argument(help="The .csv or .xlsx file to write.")],
    warehouse: Warehouse,
    within: Annotated[
        int,
        typer.Option(min=0, max=3_650, help="Days that are left at most; what has expired is listed too."),
    ] = 30,
    stock: StockAddress = f"127.0.0.1:{BASE_PORT + 2}",
    actor: ActorName = "staff:export",
    lang: Lang = Language.EN,
) -> None:
    """Which lots may be sold for a few days more, or not any more, and where they lie; the first to expire first."""

    async def work(console: Console) -> import_command.Outcome:
        wanted = lots_pb2.ListExpiringLotsRequest(warehouse_code=warehouse, within_days=within)
        return await history_command.export_expiring(
            wanted, history_command.Target(path, stock, actor, lang), console
        )

    _exit_with(work)


def _exit_with(work: Callable[[Console], Coroutine[Any, Any, import_command.Outcome]]) -> NoReturn:
    stage = Stage()
    outcome = _run(work(stage.console), stage)
    raise typer.Exit(import_command.Outcome.TROUBLE if outcome is None else outcome)


def _run(work: Coroutine[Any, Any, T], stage: Stage) -> T | None:
    """Runs to the end or to a signal, after which everything has been stopped in order."""
    try:
        return uvloop.run(_until_told_to_stop(work))
    except Trouble as trouble:
        stage.console.print(f"\n[red]{trouble}", markup=True)
        raise typer.Exit(1) from None
    except (KeyboardInterrupt, asyncio.CancelledError):
        stage.console.print("\nStopped.")
        return None


async def _until_told_to_stop(work: Coroutine[Any, Any, T]) -> T:
    """SIGTERM ends the work as Ctrl-C does."""
    task = asyncio.ensure_future(work)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task
