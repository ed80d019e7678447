"""Embedded PostgreSQL and Valkey: real servers from ordinary wheels, run as children of our own."""

import os

# A server that runs as another account is started by a real fork, and gRPC's own fork handlers can hang the child of
# a process that has calls under way, before it becomes the server. No child of ours ever uses gRPC.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

from lumbung_kit.embedded.postgres import PostgresServer
from lumbung_kit.embedded.process import EmbeddedServerError
from lumbung_kit.embedded.settings import EmbeddedSettings
from lumbung_kit.embedded.standby import PostgresStandby
from lumbung_kit.embedded.supervisor import ServerName, Supervisor
from lumbung_kit.embedded.valkey import ValkeyServer
from lumbung_kit.embedded.valkey_cluster import ClusterNode, ValkeyCluster

__all__ = [
    "ClusterNode",
    "EmbeddedServerError",
    "EmbeddedSettings",
    "PostgresServer",
    "PostgresStandby",
    "ServerName",
    "Supervisor",
    "ValkeyCluster",
    "ValkeyServer",
]
