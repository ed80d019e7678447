"""The very command that stock sends to Valkey for a Reserve, heard with MONITOR, to be sent again with other ids."""

from __future__ import annotations

import ast
import asyncio
import re
from urllib.parse import unquote, urlsplit

from lumbung.stock.v1 import reservations_pb2_grpc as rpc
from lumbung_bench.contestants.stock_service import SALE, StockService
from lumbung_bench.load.messages import DIGITS, Template, placeholder
from lumbung_bench.load.resp import packed
from lumbung_bench.reservations import REQUEST_PREFIX, carts, request
from lumbung_dev.local.trouble import Trouble
from lumbung_kit.clients import open_channel

HEAR_S_MAX = 10.0
_WORD = re.compile(rb'"((?:[^"\\]|\\.)*)"')
_BY_A_SCRIPT = re.compile(rb"^\+\S+ \[\d+ lua\]")


async def capture_reserve(service: StockService, lines: int) -> Template:
    """Reserves once through the service; returns the command with places for a number in the request_id, the
    customer and the last digits of the hold's id. Raises Trouble when no such command was heard.
    """
    mark = placeholder(0)
    reader, writer = await _monitor(service.valkey_url)
    try:
        (cart,) = carts(lines, lines)
        async with open_channel(service.target, actor="storefront:bench") as channel:
            stub = rpc.ReservationServiceStub(channel)
            answer = await stub.Reserve(request(cart, mark, sale=SALE), timeout=HEAR_S_MAX)
        words = await _hear(reader, (REQUEST_PREFIX + mark).encode())
    finally:
        writer.close()
    return _template(words, mark.encode(), answer.reservation.reservation_id.encode())


async def _monitor(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=1 << 20)
    if parts.password:
        writer.write(packed("AUTH", unquote(parts.password)))
        await reader.readline()
    writer.write(packed("MONITOR"))
    await reader.readline()
    return reader, writer


async def _hear(reader: asyncio.StreamReader, wanted: bytes) -> list[bytes]:
    try:
        async with asyncio.timeout(HEAR_S_MAX):
            while True:
                line = await reader.readline()
                words = [ast.literal_eval(f'b"{word.decode("latin-1")}"') for word in _WORD.findall(line)]
                calls = bool(words) and words[0].upper() in {b"EVALSHA", b"EVAL", b"FCALL"}
                if calls and not _BY_A_SCRIPT.match(line) and any(wanted in word for word in words):
                    return words
    except TimeoutError:
        raise Trouble("no script call was heard for a Reserve") from None


def _template(words: list[bytes], mark: bytes, hold_id: bytes) -> Template:
    """Numbers take the place of the mark, and of the last ten digits of the hold's id."""
    command = packed(*words)
    places = [found.start() for found in re.finditer(re.escape(mark), command)]
    holds = [found.end() - DIGITS for found in re.finditer(re.escape(hold_id), command)]
    if not holds:
        raise Trouble("the script call does not name the hold as text: this measurement cannot repeat it")
    return Template(command, (tuple(sorted(places + holds)),))
