"""No service starts on a schema that is not its own version's."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from lumbung_kit.testing import MakeDatabase, Server

NOBODY = "127.0.0.1:9"


@pytest.mark.store
@pytest.mark.parametrize("service", ["catalog", "stock", "fulfillment", "channel_sync"])
async def test_a_service_refuses_a_schema_of_another_version(
    service: str, make_database: MakeDatabase, valkey_server: Server, tmp_path: Path
) -> None:
    secrets = tmp_path / "secrets.json"
    secrets.write_text(json.dumps({}))
    secrets.chmod(0o600)
    without_its_own = tmp_path / "migrations"
    without_its_own.mkdir()
    settings = {
        "POSTGRES_URL": await make_database(service, without_its_own),
        "VALKEY_URL": valkey_server.url,
        "CATALOG_TARGET": NOBODY,
        "STOCK_TARGET": NOBODY,
        "WEBHOOK_LISTEN": "127.0.0.1:0",
        "SECRETS_FILE": str(secrets),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        f"lumbung_{service}",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={
            **os.environ,
            **{f"LUMBUNG_{service.upper()}_{name}": value for name, value in settings.items()},
        },
    )
    _, said = await process.communicate()
    assert process.returncode == 2
    name = service.replace("_", "-")
    sentence = f"{name}: The schema {service} is of another version than this program: not applied ["
    assert said.decode().startswith(sentence)
    assert said.decode().count("\n") == 1
