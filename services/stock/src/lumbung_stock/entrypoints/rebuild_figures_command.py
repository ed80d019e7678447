"""The command `lumbung-rebuild-stock`: lists the figures that differ from the ledger and, with --apply, sets them.

Exit code 0: nothing differs, or everything was set; 1: something differs, or was left; 2: it could not be done.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import sys
from collections.abc import Sequence
from uuid import uuid4

from rich.console import Console

from lumbung_kit.failures import Failure
from lumbung_kit.postgres import Postgres
from lumbung_stock.domain.audit import LedgerDifference
from lumbung_stock.domain.ledger import Author
from lumbung_stock.entrypoints.inventory_messages import REASON_LENGTH_MAX
from lumbung_stock.entrypoints.verify_ledger_command import SCHEMA, URL_VARIABLE
from lumbung_stock.usecases.find_wrong_figures import find_wrong_figures
from lumbung_stock.usecases.rebuild_figures import Rebuilt, rebuild_figures

_ACTOR = re.compile(r"[a-z]+:[A-Za-z0-9._-]{1,64}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command."""
    asked = _parser().parse_args(arguments)
    url = os.environ.get(URL_VARIABLE, "")
    if not url:
        print(f"Set {URL_VARIABLE} to the stock database.", file=sys.stderr)  # noqa: T201 - a command speaks
        return 2
    return asyncio.run(_rebuild(url, asked, Console()))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lumbung-rebuild-stock", description=__doc__)
    parser.add_argument("--warehouse", required=True)
    parser.add_argument("--actor", required=True, type=_actor, help="who does it, such as operator:ana")
    parser.add_argument("--reason", required=True, type=_reason, help="why, for people")
    parser.add_argument("--apply", action="store_true", help="set the figures; without it they are listed")
    parser.add_argument(
        "--although-tampered", action="store_true", help="believe a ledger with a broken chain as it is now"
    )
    return parser


def _actor(text: str) -> str:
    if not _ACTOR.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not kind:name such as operator:ana")
    return text


def _reason(text: str) -> str:
    if not text.strip() or len(text) > REASON_LENGTH_MAX or not text.isprintable():
        raise argparse.ArgumentTypeError(f"must be 1-{REASON_LENGTH_MAX} characters on one line")
    return text


async def _rebuild(url: str, asked: argparse.Namespace, console: Console) -> int:
    postgres = Postgres(url, name="rebuild-stock", schema=SCHEMA, max_size=1)
    try:
        await postgres.open()
        return await (_apply if asked.apply else _list)(postgres, asked, console)
    except Failure as failure:
        console.print(f"{failure.reason}: {failure.message}", style="bold red", markup=False, soft_wrap=True)
        return 2
    finally:
        await postgres.close()


async def _list(postgres: Postgres, asked: argparse.Namespace, console: Console) -> int:
    wrong = await find_wrong_figures(postgres, asked.warehouse, although_tampered=asked.although_tampered)
    _show(console, wrong, "is")
    console.print(f"{len(wrong):,} figures differ. Nothing was changed; --apply sets them.")
    return 1 if wrong else 0


async def _apply(postgres: Postgres, asked: argparse.Namespace, console: Console) -> int:
    """A thousand figures in each transaction, until none can be set."""
    total = 0
    left: tuple[LedgerDifference, ...] = ()
    while wrong := await find_wrong_figures(
        postgres, asked.warehouse, although_tampered=asked.although_tampered
    ):
        done = await _set(postgres, asked, {figure.sku_code for figure in wrong})
        _show(console, done.figures, "was")
        total, left = total + len(done.figures), done.left
        if not done.figures:
            break
    _show(console, left, "stays")
    console.print(f"{total:,} figures were set to what the ledger says, {len(left):,} were left.")
    return 1 if left else 0


async def _set(postgres: Postgres, asked: argparse.Namespace, sku_codes: set[str]) -> Rebuilt:
    author = Author(asked.actor, str(uuid4()))
    return await postgres.run(
        lambda conn: rebuild_figures(conn, author, asked.warehouse, sku_codes, reason=asked.reason)
    )


def _show(console: Console, figures: Sequence[LedgerDifference], verb: str) -> None:
    for each in figures:
        place = f"in {each.place_code}" if each.place_code else "expired" if each.of_expired else "on hand"
        place += f" of lot {each.lot_code}" if each.lot_code else ""
        said = (
            f"{each.warehouse_code}: {each.sku_code} {place} {verb} {each.stored_quantity},"
            f" {each.ledger_quantity} by the ledger"
        )
        console.print(said, markup=False, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
