"""What contenders are called, in results and on the page."""

from __future__ import annotations

ECHO = "grpc.aio echo"
STREAM_ECHO = "grpc.aio echo, stream"
BATCH_ECHO = "grpc.aio echo, batches of 64"
NATIVE_ECHO = "pygrpc-native echo"

DURABLE = "ours, durable"
SOFT = "ours, soft"
REFUSED = "ours, sold out"
STREAM_DURABLE = "ours, durable, stream"
BATCH_DURABLE = "ours, durable, batches of 64"
NATIVE_DURABLE = "ours, durable, faster front"
ORDINARY = "ours, ordinary"
ORDINARY_BATCH = "ours, ordinary, batches of 64"

FOR_UPDATE = "SELECT ... FOR UPDATE"
SKIP_LOCKED = "a row per unit, SKIP LOCKED"
SCRIPT = "the script alone, 64 connections"
SCRIPT_PIPELINED = "the script alone, pipelined"

NOT_PERSISTED = "nothing persisted"
EVERYSEC = "appendfsync everysec"
ALWAYS = "appendfsync always"
TRACES_NONE = "no traces"
TRACES_1 = "traces 1 %"
TRACES_100 = "traces 100 %"


def is_ours(name: str) -> bool:
    """Whether Lumbung is meant."""
    return name.startswith(("ours", "append", "traces", "no"))
