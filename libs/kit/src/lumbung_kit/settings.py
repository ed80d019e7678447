"""Settings: read from the environment once, typed, frozen; a bad one stops the start with a sentence."""

from __future__ import annotations

import sys
from enum import StrEnum
from importlib.util import find_spec
from typing import Annotated, TypeVar

from pydantic import AfterValidator, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


def _check_address(value: str) -> str:
    host, colon, port = value.rpartition(":")
    if not (colon and host and port.isdecimal() and int(port) <= 65535):
        raise ValueError("should be host:port, such as 127.0.0.1:8443 (port 0 means any free one)")
    return value


def _check_optional_address(value: str) -> str:
    return _check_address(value) if value else value


Address = Annotated[str, AfterValidator(_check_address)]
OptionalAddress = Annotated[str, AfterValidator(_check_optional_address)]


class Engine(StrEnum):
    """What speaks HTTP/2 and gRPC (`lumbung_kit.engines`)."""

    GRPCIO = "grpcio"
    PYGRPC_NATIVE = "pygrpc-native"


class ServiceSettings(BaseSettings):
    """What every service can be told. Its own class adds `env_prefix="LUMBUNG_<SERVICE>_"` and more fields."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    postgres_url: SecretStr
    """The database, as the service's own role."""
    listen: Address = "127.0.0.1:0"
    """Where gRPC is served."""
    server_engine: Engine = Engine.GRPCIO
    """pygrpc-native serves more calls from one process; it has no TLS and closes no connection by age."""
    log_level: Annotated[str, Field(pattern="^(DEBUG|INFO|WARNING|ERROR)$")] = "INFO"
    log_json: bool = True
    """One JSON object a line; false is for a person's eyes."""
    otlp_endpoint: str = ""
    """Base URL of an OTLP/HTTP collector, such as http://127.0.0.1:4318; empty exports no traces."""
    trace_ratio: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Share of traces recorded among those that begin here."""
    max_concurrent_rpcs: Annotated[int, Field(ge=1)] = 1000
    """More work than this at once is answered with RESOURCE_EXHAUSTED; streams of answers do not count."""
    max_open_streams: Annotated[int, Field(ge=1)] = 10_000
    """So many streams of answers may be open at once."""
    max_connection_age_s: Annotated[float, Field(ge=0)] = 0
    """Connections older than this are closed gracefully, so that clients spread anew; 0 keeps them."""
    default_deadline_s: Annotated[float, Field(gt=0)] = 10
    """For calls that bring no deadline of their own."""
    drain_s: Annotated[float, Field(ge=0)] = 10
    """How long calls in flight may take to finish after SIGTERM."""
    metrics_listen: OptionalAddress = ""
    """Where Prometheus scrapes /metrics; empty serves none."""

    @field_validator("server_engine")
    @classmethod
    def _is_installed(cls, engine: Engine) -> Engine:
        if engine is Engine.PYGRPC_NATIVE and find_spec("pygrpc_native") is None:
            raise ValueError("the package pygrpc-native is not installed; it comes with lumbung-kit[native]")
        return engine

    @field_validator("max_connection_age_s")
    @classmethod
    def _can_close_by_age(cls, age_s: float, info: ValidationInfo) -> float:
        if age_s and info.data.get("server_engine") is Engine.PYGRPC_NATIVE:
            raise ValueError("pygrpc-native closes no connection by its age; leave it at 0")
        return age_s


S = TypeVar("S", bound=ServiceSettings)


def load(cls: type[S]) -> S:
    """The settings from the environment; bad ones get one sentence each, and the process exits with 2."""
    try:
        return cls()  # type: ignore[call-arg]  # the environment gives the required ones
    except ValidationError as error:
        for problem in error.errors(include_input=False, include_url=False):
            name = cls.model_config.get("env_prefix", "") + "_".join(map(str, problem["loc"])).upper()
            sys.stderr.write(_sentence(name, problem["type"], problem["msg"]))
        raise SystemExit(2) from None


def _sentence(name: str, kind: str, message: str) -> str:
    if kind == "missing":
        return f"{name} is not set, and the service cannot start without it.\n"
    return f"{name} cannot be used: {message.removeprefix('Value error, ')}.\n"
