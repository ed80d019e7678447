"""A client that is not ours finds the services by reflection and reserves a unit."""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any

import pytest

from lumbung_dev.local.databases import SERVICES
from lumbung_dev.local.system import LocalSystem
from lumbung_dev.shop.goods import FLASH_SKU

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

RESERVE = "lumbung.stock.v1.ReservationService/Reserve"


async def buf_curl(*arguments: str) -> tuple[int, str, str]:
    """buf's own gRPC client, which knows nothing of our contracts but what the server tells it."""
    buf = Path(sys.executable).with_name("buf")
    process = await asyncio.create_subprocess_exec(
        str(buf),
        "curl",
        "--protocol",
        "grpc",
        "--http2-prior-knowledge",
        *arguments,
        stdout=PIPE,
        stderr=PIPE,
    )
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def reserve(system: LocalSystem, request_id: str, quantity: int) -> tuple[int, Any]:
    line = {"sku_code": FLASH_SKU, "quantity": quantity}
    body = json.dumps({"request_id": request_id, "channel_code": "web", "lines": [line]})
    code, out, err = await buf_curl(
        "-H", "lumbung-actor: storefront:web", "-d", body, f"http://{system.addresses.stock}/{RESERVE}"
    )
    return code, json.loads(out or err)


@pytest.mark.parametrize("service", SERVICES)
async def test_reflection_lists_the_services_of(system: LocalSystem, service: str) -> None:
    url = f"http://{system.addresses.of(service)}"
    code, out, _ = await buf_curl("--list-services", url)
    package = f"lumbung.{service.replace('-', '_')}.v1."
    assert code == 0
    assert [name for name in out.split() if name.startswith(package)]
    assert "grpc.health.v1.Health" in out.split()


async def test_a_unit_is_reserved_and_the_same_request_gets_the_same_answer(system: LocalSystem) -> None:
    request_id = secrets.token_hex(8)
    code, first = await reserve(system, request_id, 1)
    assert code == 0
    assert first["reservation"]["state"] == "RESERVATION_STATE_HELD"
    assert first["reservation"]["draws"][0]["skuCode"] == FLASH_SKU
    assert await reserve(system, request_id, 1) == (0, first)


async def test_a_bad_quantity_is_refused_with_the_name_of_the_field(system: LocalSystem) -> None:
    code, answer = await reserve(system, secrets.token_hex(8), 0)
    assert code != 0
    assert answer["code"] == "invalid_argument"
    assert "lines[0].quantity" in answer["message"]
