"""`lumbung export`: the master data of a running catalog into a file."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

import grpc
from rich.console import Console

from lumbung.catalog.v1 import imports_pb2 as pb
from lumbung.catalog.v1 import imports_pb2_grpc as rpc
from lumbung_dev.chaos.words import Language
from lumbung_dev.files.import_file import Outcome, format_of, told
from lumbung_dev.files.words import WORDS
from lumbung_dev.local.trouble import Trouble
from lumbung_kit.clients import failure_from, open_channel


@dataclass(frozen=True, slots=True)
class Options:
    """What is exported, from where, and where to."""

    path: Path
    address: str
    actor: str
    retired: bool
    lang: Language


async def export_file(options: Options, console: Console) -> Outcome:
    """Writes beside the final name first: a call that breaks leaves no half of a file. Raises Trouble."""
    request = pb.ExportCatalogRequest(
        format=format_of(options.path),
        include_retired=options.retired,
        indonesian_headings=options.lang is Language.ID,
    )
    unfinished = options.path.with_name(f"{options.path.name}.part")
    try:
        size = await _receive(request, options, unfinished)
        await asyncio.to_thread(unfinished.replace, options.path)
    except grpc.aio.AioRpcError as error:
        raise Trouble(told(failure_from(error))) from error
    except OSError as error:
        raise Trouble(f"{options.path} cannot be written: {error.strerror}") from error
    finally:
        await asyncio.to_thread(unfinished.unlink, missing_ok=True)
    console.print(WORDS[options.lang]["exported"].format(path=options.path, size=size))
    return Outcome.DONE


async def _receive(request: pb.ExportCatalogRequest, options: Options, path: Path) -> int:
    size = 0
    with await asyncio.to_thread(path.open, "wb") as file:
        async with open_channel(options.address, actor=options.actor) as channel:
            async for answer in rpc.ImportServiceStub(channel).ExportCatalog(request):
                size += await asyncio.to_thread(file.write, answer.chunk)
    return size
