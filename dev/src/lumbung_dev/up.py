"""`lumbung up`: the same system as the demo's, with the shop in it, left running until somebody stops it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from lumbung_dev.demo.stage import Stage
from lumbung_dev.local.addresses import Addresses
from lumbung_dev.local.checkout import DATA, ROOT
from lumbung_dev.local.system import LocalSystem, Plan, local_system
from lumbung_dev.local.trouble import Trouble
from lumbung_dev.shop.goods import FLASH_SKU
from lumbung_dev.shop.load import load_shop
from lumbung_dev.shop.outlets import MARKETPLACES


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line said."""

    base_port: int
    folder: Path | None = None


async def stay_up(options: Options, stage: Stage) -> None:
    """Returns when it is cancelled; raises Trouble when the system cannot start or go on."""
    plan = Plan(options.folder or DATA / "up", Addresses.above(options.base_port))
    with stage.act("Lumbung starts"):
        async with local_system(plan, stage.say) as system:
            stage.say("loading the shop, where that has not been done before")
            async with system.client("staff:setup") as staff:
                await load_shop(staff, system.account)
            stage.rest()
            _tell(stage, system)
            await _until_given_up(system)


def _tell(stage: Stage, system: LocalSystem) -> None:
    at = system.addresses
    stage.console.print("\n[bold green]Lumbung is up.[/] Ctrl-C stops it; the data stay.\n")
    for name in ("catalog", "stock", "fulfillment", "channel_sync"):
        stage.say(f"{name.replace('_', '-'):14} {at.of(name)}  gRPC, with reflection and health")
    stage.say(f"{'webhooks':14} http://{at.webhooks}/webhooks/<channel>")
    for marketplace in MARKETPLACES:
        stage.say(
            f"{marketplace.code:14} {system.account(marketplace).base_url}  a marketplace to look at and buy on"
        )
    stage.say(f"{'data and logs':14} {system.plan.folder}")
    stage.console.print(
        "\nReserve a unit from another terminal (the same request_id gives the same answer):\n"
    )
    stage.console.print(_call_to_paste(at.stock), soft_wrap=True, markup=False)


def _call_to_paste(stock: str) -> str:
    body = f'{{"request_id": "try-1", "channel_code": "web", "lines": [{{"sku_code": "{FLASH_SKU}", "quantity": 1}}]}}'
    buf = ROOT / ".venv" / "bin" / "buf"
    url = f"http://{stock}/lumbung.stock.v1.ReservationService/Reserve"
    return f"{_short(buf)} curl --protocol grpc -H 'lumbung-actor: storefront:web' -d '{body}' {url}\n"


def _short(path: Path) -> str:
    """As seen from the folder in which the command was given, where that is shorter."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


async def _until_given_up(system: LocalSystem) -> None:
    """Waits for ever, unless something dies so often that it is not started again."""
    gave_up = [asyncio.create_task(event.wait()) for event in (system.runner.gave_up, system.servers.failed)]
    try:
        await asyncio.wait(gave_up, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in gave_up:
            task.cancel()
    reasons = "; ".join(system.runner.unasked_deaths) or "an embedded server keeps dying"
    raise Trouble(f"{reasons}. The logs are in {system.plan.logs}.")
