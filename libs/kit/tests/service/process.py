"""A service as a process of its own: it holds every call until SIGUSR1, and says what happens."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

import grpc
from google.protobuf.wrappers_pb2 import StringValue
from pydantic_settings import SettingsConfigDict

from lumbung_kit import logs, serving
from lumbung_kit.access import ANYBODY
from lumbung_kit.failures import StoreUnavailable
from lumbung_kit.settings import ServiceSettings

log = logs.get_logger("process")


class ProcessSettings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="LUMBUNG_PROBE_")

    store_down: bool = False


def hold(release: asyncio.Event) -> Callable[..., Any]:
    async def ask(request: StringValue, _call: Any) -> StringValue:
        log.info("accepted", value=request.value)
        await release.wait()
        return request

    return ask


def add(servicer: Callable[..., Any], server: grpc.aio.Server) -> None:
    handler = grpc.unary_unary_rpc_method_handler(
        servicer, StringValue.FromString, StringValue.SerializeToString
    )
    server.add_registered_method_handlers("probe.v1.ProbeService", {"Ask": handler})


async def tick() -> None:
    try:
        await asyncio.Event().wait()
    finally:
        log.info("loop ended")


async def build(settings: ProcessSettings, resources: AsyncExitStack) -> serving.App:
    if settings.store_down:
        raise StoreUnavailable("PostgreSQL cannot be reached.")
    resources.callback(log.info, "resources closed")
    release = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, release.set)
    service = serving.Service(add, hold(release), "probe.v1.ProbeService", callers={"Ask": ANYBODY})
    return serving.App([service], [serving.Loop("tick", tick)])


if __name__ == "__main__":
    serving.main("probe", ProcessSettings, build)
