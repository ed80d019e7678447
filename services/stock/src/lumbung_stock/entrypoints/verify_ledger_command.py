"""The command `lumbung-verify-ledger`: follows the chain of every entry and recomputes every figure, with progress.

It needs nothing but SELECT, so an auditor's own role will do. Exit code 0: all is as it was written; 1: something is
not, and what is named; 2: it could not be found out.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.progress import Progress as Bars
from rich.progress import TaskID

from lumbung_kit.failures import Failure
from lumbung_kit.postgres import Postgres
from lumbung_stock.domain.audit import LedgerReport
from lumbung_stock.domain.ledger_chain import ChainProblem, Seal
from lumbung_stock.usecases.verify_chain import ChainReport, verify_chain
from lumbung_stock.usecases.verify_ledger import verify_ledger

URL_VARIABLE = "LUMBUNG_STOCK_POSTGRES_URL"
SCHEMA = "stock"

WORDS = {
    ChainProblem.MISSING: "is missing: it was written, and is gone",
    ChainProblem.CHANGED: "does not follow from the one before it: one of the two was changed, or came from elsewhere",
    ChainProblem.BEYOND_HEAD: "lies behind the last one that was written: it was put in by hand",
    ChainProblem.HEAD: "is the last one, and is not what the head says: entries were written anew",
    ChainProblem.SEAL: "is not what it was when it was sealed: entries up to it were written anew",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command."""
    asked = _parser().parse_args(arguments)
    url = os.environ.get(URL_VARIABLE, "")
    if not url:
        print(f"Set {URL_VARIABLE} to the stock database.", file=sys.stderr)  # noqa: T201 - a command speaks
        return 2
    return asyncio.run(_verify(url, asked.warehouse, asked.seal, Console()))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lumbung-verify-ledger", description=__doc__)
    parser.add_argument("--warehouse", default="", help="only this one")
    parser.add_argument(
        "--seal",
        action="append",
        default=[],
        type=seal_of,
        metavar="WAREHOUSE:SEQUENCE:HASH",
        help="an end that an earlier run or the service's log has shown; may be given several times",
    )
    return parser


def seal_of(text: str) -> Seal:
    """A seal as `show` prints it. Raises ArgumentTypeError."""
    code, _, rest = text.partition(":")
    sequence, _, digest = rest.partition(":")
    try:
        seal = Seal(code, int(sequence), bytes.fromhex(digest))
    except ValueError:
        seal = Seal("", 0, b"")
    if not code or seal.sequence < 1 or len(seal.hash) != 32:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not WAREHOUSE:SEQUENCE:HASH, the hash in 64 hex digits"
        )
    return seal


async def _verify(url: str, warehouse_code: str, seals: Sequence[Seal], console: Console) -> int:
    postgres = Postgres(url, name="verify-ledger", schema=SCHEMA, max_size=1)
    try:
        await postgres.open()
        with Bars(console=console) as bars:
            chain = await verify_chain(postgres, warehouse_code, seals, _Shown(bars))
        figures = await verify_ledger(postgres, warehouse_code)
    except Failure as failure:
        console.print(f"{failure.reason}: {failure.message}", style="bold red", markup=False)
        return 2
    finally:
        await postgres.close()
    return show(console, chain, figures)


class _Shown:
    """A bar for each warehouse."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, warehouse_code: str, through: int, of: int) -> None:
        if warehouse_code not in self._tasks:
            self._tasks[warehouse_code] = self._bars.add_task(warehouse_code, total=of)
        self._bars.update(self._tasks[warehouse_code], completed=through)


def show(console: Console, chain: ChainReport, figures: LedgerReport) -> int:
    """Prints what was found; the exit code."""
    for found in chain.breaks:
        said = f"{found.warehouse_code}: entry {found.sequence} {WORDS[found.problem]}"
        console.print(said, style="bold red", markup=False, soft_wrap=True)
    for each in figures.differences:
        place = f"in {each.place_code}" if each.place_code else "on hand"
        said = (
            f"{each.warehouse_code}: {each.stored_quantity} of {each.sku_code} {place},"
            f" {each.ledger_quantity} by the ledger"
        )
        console.print(said, style="bold red", markup=False, soft_wrap=True)
    console.print(
        f"{chain.entry_count:,} entries, {figures.figure_count:,} figures. The ends, to be kept elsewhere:"
    )
    for head in chain.heads:
        if head.sequence:
            line = f"{head.warehouse_code}:{head.sequence}:{head.hash.hex()}"
            console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)
    return 1 if chain.breaks or figures.differences else 0


if __name__ == "__main__":
    sys.exit(main())
