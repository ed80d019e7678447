"""`python -m lumbung_dev.marketplace`"""

from __future__ import annotations

import asyncio
import sys

import uvicorn
from pydantic import ValidationError
from pydantic_settings import CliApp

from lumbung_dev.marketplace.app import marketplace
from lumbung_dev.marketplace.settings import MarketplaceSettings

KEEP_ALIVE_S = 120
"""Longer than any client of ours keeps an idle connection: a server that closes first may do so in the moment in
which a request arrives, and nobody knows then whether it was taken."""


def main() -> int:
    """Runs until SIGTERM or SIGINT; 2 when the settings are wrong."""
    try:
        settings = CliApp.run(MarketplaceSettings)
        settings.keys()
    except (ValidationError, ValueError, OSError) as error:
        sys.stderr.write(f"marketplace: {error}\n")
        return 2
    asyncio.run(_serve(settings))
    return 0


async def _serve(settings: MarketplaceSettings) -> None:
    host, _, port = settings.listen.rpartition(":")
    async with marketplace(settings) as running:
        config = uvicorn.Config(
            running.app,
            host=host,
            port=int(port),
            access_log=False,
            log_level="warning",
            lifespan="off",
            ws="none",
            backlog=4096,
            timeout_graceful_shutdown=3,
            timeout_keep_alive=KEEP_ALIVE_S,
        )
        await uvicorn.Server(config).serve()


if __name__ == "__main__":
    sys.exit(main())
